package slip

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
	"lienthong/internal/slip"
)

// Rules are the rules of slips, to be added to a pack.
func Rules() quality.Set { return quality.Set{Kind: Name, Rules: catalogue(), Judge: judge} }

// futureMargin: later than receipt + 24 h is the future (DESIGN §6).
const futureMargin = 24 * time.Hour

const law = "Circular 01/2025, Article 6 and annexes V, VI; reading, to be confirmed"

func catalogue() []quality.Rule {
	rule := func(code string, severity dossier.Severity, source, vi, en, hintVI, hintEN string) quality.Rule {
		return quality.Rule{Code: code, Severity: severity, Source: source, Table: "",
			Text: fault.Text{VI: vi, EN: en}, Hint: fault.Text{VI: hintVI, EN: hintEN}}
	}
	return []quality.Rule{
		rule("SLIP.RECEIVER.missing", dossier.Error, law,
			"Giấy chuyển tuyến không ghi cơ sở nhận người bệnh.", "The referral names no receiving facility.",
			"Ghi mã cơ sở chuyển đến (MA_CSKCB_DEN).", "Write the code of the receiving facility (MA_CSKCB_DEN)."),
		rule("SLIP.RECEIVER.unknown", dossier.Warning, law,
			"Hệ thống chưa biết cơ sở nhận ghi trên giấy chuyển tuyến, nên chưa ai nhận được giấy này.",
			"The hub does not know the receiving facility of the referral, so nobody can receive it.",
			"Kiểm tra mã cơ sở chuyển đến; nếu mã đúng, báo trực vận hành đăng ký cơ sở đó.",
			"Check the code of the receiving facility; if it is right, ask the operator to register it."),
		rule("SLIP.RECEIVER.self", dossier.Warning, law,
			"Cơ sở nhận trên giấy chuyển tuyến là chính cơ sở chuyển đi.", "The receiving facility of the referral is the referring one itself.",
			"Kiểm tra MA_CSKCB_DI và MA_CSKCB_DEN.", "Check MA_CSKCB_DI and MA_CSKCB_DEN."),
		rule("SLIP.VALIDITY.expired", dossier.Warning, law,
			"Giấy đã hết hạn trước khi tới hệ thống: không còn ngày nào dùng được.",
			"The slip was over before it reached the hub: there is no day left on which it holds.",
			"Gửi giấy ngay khi cấp; nếu người bệnh còn cần, cấp giấy mới.", "Send slips as soon as they are issued; issue a new one if the patient still needs it."),
		rule("SLIP.VALIDITY.order", dossier.Error, law,
			"Giấy hết hạn trước ngày cấp.", "The slip ends before the day it was issued.",
			"Kiểm tra ngày cấp và ngày hẹn hoặc ngày hết hạn.", "Check the day of issue and the day of the appointment or the last day."),
		rule("SLIP.VALIDITY.missing", dossier.Warning, law,
			"Giấy không ghi ngày nào để biết còn hạn tới khi nào.", "The slip states no day by which its validity can be told.",
			"Giấy chuyển tuyến: ghi NGAY_RA; giấy hẹn: ghi NGAY_HEN_KL.", "Referral: write NGAY_RA; appointment: write NGAY_HEN_KL."),
		rule("SLIP.DIAGNOSIS.missing", dossier.Warning, law,
			"Giấy không có chẩn đoán.", "The slip has no diagnosis.",
			"Ghi MA_BENH_CHINH hoặc CHAN_DOAN_RV.", "Write MA_BENH_CHINH or CHAN_DOAN_RV."),
	}
}

// judging is the work on one slip.
type judging struct {
	in     quality.Input
	report quality.Report
	table  *dossier.Table
}

// judge applies the rules to a slip. Those of DESIGN §6 reject; the form of each
// field is found by the schema's rules.
func judge(fields dossier.Fields, in quality.Input, report quality.Report) {
	tables := fields.Tables()
	if len(tables) == 0 {
		return
	}
	j := &judging{in: in, report: report, table: tables[0]}
	if len(j.table.Rows) == 0 {
		j.tell("episode.missing", j.at("MA_LK"))
		return
	}
	if len(j.table.Rows) > 1 {
		j.tell("dossier.two_patients", quality.Place{Table: j.name(), Row: 1})
	}
	j.keys()
	j.times()
	if j.name() == referral {
		j.receiver()
	}
	j.diagnosis()
	j.validity()
	j.form()
}

func (j *judging) name() string { return j.table.Columns.Table }

func (j *judging) tell(code string, at quality.Place) { j.report(code, at, fault.Text{}) }

// at is the place of a field, also of one that the version does not name.
func (j *judging) at(field string) quality.Place {
	_, line := lookup(j.table, field)
	return quality.Place{Table: j.name(), Row: 0, Field: field, Line: line}
}

// text is a field, trimmed: of the table, else of those its version does not name.
func (j *judging) text(field string) string {
	text, _ := lookup(j.table, field)
	return text
}

func lookup(t *dossier.Table, field string) (text string, line int) {
	if c := t.Cell(0, field); c.Line != 0 || c.Text != "" {
		return strings.TrimSpace(c.Text), c.Line
	}
	if t != nil && len(t.Rows) > 0 {
		for _, x := range t.Rows[0].Extra {
			if x.Name == field {
				return strings.TrimSpace(x.Cell.Text), x.Cell.Line
			}
		}
	}
	return "", 0
}

// first returns the first of fields that is filled, else the first.
func (j *judging) first(fields ...string) string {
	for _, f := range fields {
		if j.text(f) != "" {
			return f
		}
	}
	return fields[0]
}

func (j *judging) keys() {
	if _, err := care.ParseEpisodeID(j.text("MA_LK")); err != nil {
		j.tell("episode.missing", j.at("MA_LK"))
	}
	if _, err := care.ParseSex(j.text("GIOI_TINH")); err != nil && !errors.Is(err, care.ErrSexEmpty) {
		j.tell("subject.sex", j.at("GIOI_TINH"))
	}
	if j.in.Facility == "" {
		return
	}
	for _, field := range []string{"MA_CSKCB", "MA_CSKCB_DI", "MA_NOI_DI"} {
		if text := j.text(field); text != "" && text != string(j.in.Facility) && (field == "MA_CSKCB" || j.name() == referral) {
			j.tell("facility.mismatch", j.at(field))
			return
		}
	}
}

// times judges birth <= arrival <= end of visit, as of a dossier's own.
func (j *judging) times() {
	stated := [3]care.Moment{}
	fields := [3]string{"NGAY_SINH", "NGAY_VAO", "NGAY_RA"}
	for i, field := range fields {
		m, err := care.ParseMoment(j.text(field))
		switch {
		case err == nil:
			stated[i] = m
			if !j.in.Received.IsZero() && m.FutureOf(j.in.Received, futureMargin) {
				j.tell("time.future", j.at(field))
			}
		case !errors.Is(err, care.ErrMomentEmpty):
			j.tell("time.impossible", j.at(field))
		}
	}
	for _, pair := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
		if stated[pair[0]].After(stated[pair[1]]) {
			j.tell("time.order", j.at(fields[pair[1]]))
			return
		}
	}
}

func (j *judging) receiver() {
	field := j.first("MA_CSKCB_DEN", "MA_NOI_DEN")
	switch to := j.text(field); {
	case to == "":
		j.tell("SLIP.RECEIVER.missing", j.at(field))
	case j.in.Facility != "" && to == string(j.in.Facility):
		j.tell("SLIP.RECEIVER.self", j.at(field))
	case j.in.Directory != nil && !j.in.Directory(to):
		j.tell("SLIP.RECEIVER.unknown", j.at(field))
	}
}

func (j *judging) diagnosis() {
	if j.text("MA_BENH_CHINH") == "" && j.text("CHAN_DOAN_RV") == "" && j.text("MA_BENH_YHCT") == "" {
		j.tell("SLIP.DIAGNOSIS.missing", j.at("MA_BENH_CHINH"))
	}
}

func (j *judging) validity() {
	field := "NGAY_RA"
	if j.name() == appointment {
		field = "NGAY_HEN_KL"
	}
	v := ValidityOf(j.table)
	switch {
	case v.Until.IsZero():
		if j.text(field) == "" { // a date that is none is found as such
			j.tell("SLIP.VALIDITY.missing", j.at(field))
		}
	case v.ExpiredAtBirth():
		j.tell("SLIP.VALIDITY.order", j.at(field))
	case !j.in.Received.IsZero() && v.Over(j.in.Received):
		j.tell("SLIP.VALIDITY.expired", j.at(field))
	}
}

// ValidityOf tells how long the slip of a table holds: a referral from the end of
// the visit on (a receiver may read NGAY_HET_HAN where a sender writes one), an
// appointment until its day.
func ValidityOf(t *dossier.Table) slip.Validity {
	form := slip.Referral
	if t != nil && t.Columns.Table == appointment {
		form = slip.Appointment
	}
	return slip.OfFields(form, func(field string) string {
		text, _ := lookup(t, field)
		return text
	})
}

// form judges each field by its specification: filled, not too long, a date.
func (j *judging) form() {
	spec := schema.For(j.in.Day).Table(j.name())
	if spec == nil || spec.Columns != j.table.Columns {
		return
	}
	for i := range spec.Fields {
		f := &spec.Fields[i]
		text := j.text(f.Name)
		switch {
		case text == "" && f.Required == schema.Required && !j.told(f.Name):
			j.tell(j.name()+"."+f.Name+".missing", j.at(f.Name))
		case text != "" && f.MaxLen > 0 && utf8.RuneCountInString(text) > f.MaxLen && f.Name != "MA_LK":
			j.tell(j.name()+"."+f.Name+".too_long", j.at(f.Name))
		case text != "" && (f.Type == schema.Date || f.Type == schema.DateTime) && !f.Multi && !j.told(f.Name):
			if _, err := care.ParseMoment(text); err != nil && !errors.Is(err, care.ErrMomentEmpty) {
				j.tell(j.name()+"."+f.Name+".not_date", j.at(f.Name))
			}
		}
	}
}

// told are fields that rules of their own speak of.
func (j *judging) told(field string) bool {
	switch field {
	case "MA_LK", "NGAY_SINH", "NGAY_VAO", "NGAY_RA", "MA_CSKCB_DEN", "MA_NOI_DEN":
		return true
	case "NGAY_HEN_KL":
		return j.text(field) == ""
	}
	return false
}
