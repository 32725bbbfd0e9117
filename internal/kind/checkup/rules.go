package checkup

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

const (
	futureMargin = 24 * time.Hour // DESIGN §6: later than receipt + 24 h
	dueIn        = 24 * time.Hour // QĐ 2062/2026
	bmiMargin    = 0.6            // rounding of height and weight
)

// judging is the work on one health check.
type judging struct {
	fields dossier.Fields
	in     quality.Input
	report quality.Report
}

// judge applies the rules. Those of DESIGN §6 reject, with the day of the check
// and of its conclusion in the place of arrival and end of visit.
func judge(fields dossier.Fields, in quality.Input, report quality.Report) {
	j := &judging{fields, in, report}
	j.keys()
	j.subject()
	j.times()
	j.form()
	j.unit()
	j.vitals()
	j.conclusion()
}

func (j *judging) tell(code string, f found, field string) {
	j.report(code, quality.Place{Table: f.table, Row: 0, Field: field, Line: f.line}, fault.Text{})
}

// keyFields say whose check it is: what differs between tables rejects.
var keyFields = []struct{ field, code string }{
	{"MA_LK", "episode.mismatch"}, {"MA_BN", "dossier.two_patients"}, {"SO_CCCD", "dossier.two_patients"}, {"MA_CSKCB", "facility.mismatch"},
}

func (j *judging) keys() {
	if _, err := care.ParseEpisodeID(episode(j.fields).text); err != nil {
		j.tell("episode.missing", find(j.fields, "MA_LK"), "MA_LK")
	}
	for _, key := range keyFields {
		want := stated(j.fields, key.field)
		if key.field == "MA_CSKCB" {
			want = string(j.in.Facility)
		}
		if want == "" {
			continue
		}
		for _, t := range j.fields.Tables() {
			f := find(&dossier.Content{All: []*dossier.Table{t}}, key.field)
			if f.text != "" && strings.Join(strings.Fields(f.text), "") != strings.Join(strings.Fields(want), "") {
				j.tell(key.code, f, key.field)
				break
			}
		}
	}
	people := 0
	for _, t := range j.fields.Tables() {
		if t.Columns.Table == Person {
			people += max(1, len(t.Rows))
		}
	}
	if people > 1 {
		j.tell("dossier.two_patients", found{table: Person}, "")
	}
}

func (j *judging) subject() {
	if f := find(j.fields, "GIOI_TINH"); f.text != "" {
		if _, err := care.ParseSex(f.text); err != nil && !errors.Is(err, care.ErrSexEmpty) {
			j.tell("subject.sex", f, "GIOI_TINH")
		}
	}
	if j.fields.Table(Person) == nil {
		j.tell(Person+".missing", found{table: Person}, "")
		return
	}
	if f := find(j.fields, "SO_CCCD"); f.text != "" && care.TypeID(f.text) == care.IDOther {
		j.tell(Person+".SO_CCCD.pattern", f, "SO_CCCD")
	}
	if f := find(j.fields, "MAXA_CU_TRU"); f.text != "" && !digits(f.text, 5) {
		j.tell(Person+".MAXA_CU_TRU.pattern", f, "MAXA_CU_TRU")
	}
	if f := find(j.fields, "MAHUYEN_CU_TRU"); f.text != "" {
		j.tell(Person+".MAHUYEN_CU_TRU.outdated", f, "MAHUYEN_CU_TRU")
	}
}

func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

// dated are the dates that reject: birth <= check <= conclusion.
var dated = [3]string{"NGAY_SINH", "NGAY_KHAM", "NGAY_KET_LUAN"}

func (j *judging) times() {
	var stated [3]care.Moment
	var at [3]found
	for i, field := range dated {
		at[i] = find(j.fields, field)
		m, err := care.ParseMoment(at[i].text)
		switch {
		case err == nil:
			stated[i] = m
			if !j.in.Received.IsZero() && m.FutureOf(j.in.Received, futureMargin) {
				j.tell("time.future", at[i], field)
			}
		case !errors.Is(err, care.ErrMomentEmpty):
			j.tell("time.impossible", at[i], field)
		}
	}
	for _, pair := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
		if stated[pair[0]].After(stated[pair[1]]) {
			j.tell("time.order", at[pair[1]], dated[pair[1]])
			break
		}
	}
	if end := stated[2]; end.Precision() >= care.ByDay && !j.in.Received.IsZero() && j.in.Received.After(end.End().Add(dueIn)) {
		j.tell(Conclusion+".NGAY_KET_LUAN.late", at[2], dated[2])
	}
}

// form judges each field of each table by its specification.
func (j *judging) form() {
	for _, t := range j.fields.Tables() {
		spec := Spec().Table(t.Columns.Table)
		if spec == nil || spec.Columns != t.Columns {
			continue
		}
		for row := range max(1, len(t.Rows)) {
			for i := range spec.Fields {
				f := &spec.Fields[i]
				c := t.Cell(row, f.Name)
				if p := problem(f, strings.TrimSpace(c.Text)); p != "" && !(p == "missing" && stated(j.fields, f.Name) != "") {
					j.report(t.Columns.Table+"."+f.Name+"."+p, quality.Place{Table: t.Columns.Table, Row: row, Field: f.Name, Line: c.Line}, fault.Text{})
				}
			}
		}
	}
}

// problem is what is wrong with a text by the field's specification, "" nothing.
func problem(f *schema.Field, text string) string {
	switch {
	case text == "" && f.Required == schema.Required:
		return "missing"
	case text == "":
		return ""
	case f.MaxLen > 0 && utf8.RuneCountInString(text) > f.MaxLen:
		return "too_long"
	case f.Type == schema.Number:
		if _, ok := number(text); !ok {
			return "not_number"
		}
	case (f.Type == schema.Date || f.Type == schema.DateTime) && f.Name != dated[0] && f.Name != dated[1] && f.Name != dated[2]:
		if _, err := care.ParseMoment(text); err != nil && !errors.Is(err, care.ErrMomentEmpty) {
			return "not_date"
		}
	}
	return ""
}

// number reads a decimal of at most 12 digits before and after the point.
func number(s string) (float64, bool) {
	if len(s) > 25 || strings.Trim(s, "0123456789.-") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// unit judges the facility's 13 digits, wherever they stand.
func (j *judging) unit() {
	f := find(j.fields, "MA_GTIN_CSKCB")
	switch {
	case f.text == "":
		j.tell("KHAMSUCKHOE.MA_GTIN_CSKCB.missing", found{table: Unit}, "MA_GTIN_CSKCB")
	case !digits(f.text, 13):
		j.tell("KHAMSUCKHOE.MA_GTIN_CSKCB.pattern", f, "MA_GTIN_CSKCB")
	}
}

func (j *judging) vitals() {
	t := j.fields.Table(Vitals)
	if t == nil {
		return
	}
	value := func(field string) (float64, bool) { return number(strings.TrimSpace(t.Cell(0, field).Text)) }
	at := func(field string) found { return found{table: Vitals, line: t.Cell(0, field).Line} }
	for _, v := range vitals {
		if n, ok := value(v.field); ok && (n*10 < float64(v.low) || n*10 > float64(v.high)) {
			j.tell(Vitals+"."+v.field+".range", at(v.field), v.field)
		}
	}
	height, tall := value("CHIEU_CAO")
	weight, heavy := value("CAN_NANG")
	if bmi, ok := value("CHI_SO_BMI"); ok && tall && heavy && height > 0 && math.Abs(bmi-weight/(height/100)/(height/100)) > bmiMargin {
		j.tell(Vitals+".CHI_SO_BMI.sum", at("CHI_SO_BMI"), "CHI_SO_BMI")
	}
	high, both := value("HUYET_AP_TAM_THU")
	if low, ok := value("HUYET_AP_TAM_TRUONG"); ok && both && low >= high {
		j.tell(Vitals+".HUYET_AP_TAM_TRUONG.order", at("HUYET_AP_TAM_TRUONG"), "HUYET_AP_TAM_TRUONG")
	}
}

// Class reads a health class, 1 to 5 or I to V, "Loại" before it or without; 0
// for none.
func Class(text string) int {
	text = strings.ToUpper(strings.TrimSpace(text))
	if folded := care.Fold(text); strings.HasPrefix(folded, "loai") {
		text = strings.ToUpper(strings.TrimSpace(folded[len("loai"):]))
	}
	for i, roman := range []string{"I", "II", "III", "IV", "V"} {
		if text == roman || text == strconv.Itoa(i+1) {
			return i + 1
		}
	}
	return 0
}

func (j *judging) conclusion() {
	if j.fields.Table(Conclusion) == nil {
		j.tell(Conclusion+".missing", found{table: Conclusion}, "")
		return
	}
	if f := find(j.fields, "PHAN_LOAI_SUC_KHOE"); f.text != "" && Class(f.text) == 0 {
		j.tell(Conclusion+".PHAN_LOAI_SUC_KHOE.not_in_list", f, "PHAN_LOAI_SUC_KHOE")
	}
}
