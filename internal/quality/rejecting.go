package quality

import (
	"errors"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Codes that reject a dossier (DESIGN §6).
const (
	codeUnreadable   = "dossier.unreadable"
	codeNoSummary    = "dossier.no_summary"
	codeTwoPatients  = "dossier.two_patients"
	codeNoEpisode    = "episode.missing"
	codeTwoEpisodes  = "episode.mismatch"
	codeFacility     = "facility.mismatch"
	codeSex          = "subject.sex"
	codeImpossible   = "time.impossible"
	codeFuture       = "time.future"
	codeOrder        = "time.order"
	futureMargin     = 24 * time.Hour // DESIGN §6: later than receipt + 24 h
	sourceRejections = "DESIGN §6"
)

func rejectingRules() []Rule {
	reject := func(code, vi, en, hintVI, hintEN string) Rule {
		return Rule{Code: code, Severity: dossier.Error, Rejects: true, Source: sourceRejections,
			Text: fault.Text{VI: vi, EN: en}, Hint: fault.Text{VI: hintVI, EN: hintEN}}
	}
	return []Rule{
		reject(codeUnreadable,
			"Một bảng bên trong hồ sơ không đọc được: base64 hoặc XML hỏng, hoặc nội dung không đúng loại bảng đã ghi.",
			"A table inside the dossier cannot be read: broken base64 or XML, or content other than its stated type.",
			"Xuất lại hồ sơ từ phần mềm bệnh viện rồi gửi lại.",
			"Export the dossier again from the hospital system and send it again."),
		reject(codeNoSummary,
			"Hồ sơ không có bảng tổng hợp (XML1).",
			"The dossier has no summary table (XML1).",
			"Xuất lại hồ sơ có đủ XML1 rồi gửi lại.",
			"Export the dossier again with XML1 and send it again."),
		reject(codeTwoPatients,
			"Hồ sơ chứa dữ liệu của hai người bệnh: có hơn một bảng tổng hợp, hoặc MA_BN hay SO_CCCD khác nhau giữa các bảng.",
			"The dossier holds two patients: more than one summary, or MA_BN or SO_CCCD differs between tables.",
			"Tách mỗi người bệnh một hồ sơ rồi gửi lại.",
			"Put each patient in a dossier of their own and send again."),
		reject(codeNoEpisode,
			"Mã liên kết đợt khám chữa bệnh (MA_LK) để trống hoặc dài quá 100 ký tự.",
			"The episode key (MA_LK) is empty or longer than 100 characters.",
			"Ghi MA_LK do cơ sở đặt cho đợt khám chữa bệnh này rồi gửi lại.",
			"Fill in the MA_LK that the facility gave this episode and send again."),
		reject(codeTwoEpisodes,
			"Mã liên kết (MA_LK) khác nhau giữa các bảng của một hồ sơ.",
			"The episode key (MA_LK) differs between tables of one dossier.",
			"Kiểm tra bảng bị ghép nhầm từ đợt khám khác rồi gửi lại.",
			"Look for a table of another episode put in by mistake and send again."),
		reject(codeFacility,
			"Mã cơ sở (MA_CSKCB) trong hồ sơ khác mã cơ sở của tệp.",
			"A facility code (MA_CSKCB) in the dossier is not the facility of the file.",
			"Gửi hồ sơ trong tệp của chính cơ sở khám chữa bệnh, hoặc sửa MA_CSKCB.",
			"Send the dossier in a file of the facility that treated the patient, or correct MA_CSKCB."),
		reject(codeSex,
			"Giới tính (GIOI_TINH) không phải 1 (nam), 2 (nữ) hoặc 3 (chưa xác định).",
			"The sex (GIOI_TINH) is not 1 (male), 2 (female) or 3 (undetermined).",
			"Ghi 1, 2 hoặc 3.",
			"Write 1, 2 or 3."),
		reject(codeImpossible,
			"Ngày sinh, ngày vào hoặc ngày ra không phải một ngày có thật theo dạng yyyyMMddHHmm.",
			"Date of birth, arrival or end of visit is not a real date of the form yyyyMMddHHmm.",
			"Sửa ngày; phần chưa rõ ghi bằng số 0.",
			"Correct the date; write unknown parts as zeros."),
		reject(codeFuture,
			"Ngày sinh, ngày vào hoặc ngày ra muộn hơn lúc nhận hơn 24 giờ.",
			"Date of birth, arrival or end of visit lies more than 24 hours after receipt.",
			"Kiểm tra đồng hồ máy trạm và sửa ngày.",
			"Check the clock of the workstation and correct the date."),
		reject(codeOrder,
			"Thứ tự thời gian sai: phải có ngày sinh ≤ ngày vào ≤ ngày ra.",
			"Times are out of order: birth <= arrival <= end of visit must hold.",
			"Kiểm tra và sửa ngày bị ghi nhầm.",
			"Find and correct the mistaken date."),
	}
}

// keyFields are the fields that say whose dossier this is, by their exact
// names, so that mother's, father's and guardian's never count.
var keyFields = [...]struct{ name, code string }{
	{"MA_LK", codeTwoEpisodes}, {"MA_BN", codeTwoPatients}, {"SO_CCCD", codeTwoPatients}, {"MA_CSKCB", codeFacility},
}

// keys judges the key fields of every table, also where the specification has
// no such field; one finding a table and field. The subject's own table is
// taken to be right and the others to differ.
func (j *judge) keys() {
	if j.in.Kind == KindDossier {
		j.summaries()
	}
	var first [len(keyFields)]string
	for k := range keyFields {
		first[k] = trim(j.fields.Field(j.subjectTable, 0, keyFields[k].name))
	}
	for _, t := range j.fields.Tables() {
		for k := range keyFields {
			j.keyOf(t, k, &first[k])
		}
	}
}

// keyOf reports the first row of a table whose key field k contradicts first.
func (j *judge) keyOf(t *dossier.Table, k int, first *string) {
	name := keyFields[k].name
	at := t.Columns.Index(name)
	for i := range t.Rows {
		row := &t.Rows[i]
		if at >= 0 && at < len(row.Cells) && j.contradicts(k, row.Cells[at].Text, first) {
			j.report(keyFields[k].code, place{t.Columns.Table, i, name, row.Cells[at].Line}, none)
			return
		}
		for _, x := range row.Extra {
			if x.Name == name && j.contradicts(k, x.Cell.Text, first) {
				j.report(keyFields[k].code, place{t.Columns.Table, i, name, x.Cell.Line}, none)
				return
			}
		}
	}
}

// contradicts compares a key with the facility, or with the first one of its name.
func (j *judge) contradicts(k int, text string, first *string) bool {
	if text = trim(text); text == "" {
		return false
	}
	switch {
	case keyFields[k].code == codeFacility:
		return j.in.Facility != "" && text != string(j.in.Facility)
	case *first == "":
		*first = text
		return false
	case *first == text:
		return false
	}
	return keyFields[k].name != "SO_CCCD" || squeeze(*first) != squeeze(text)
}

// squeeze drops blanks inside a number typed by hand: they make no other person.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// summaries counts XML1. One that is there and cannot be read is unreadable,
// and not also missing.
func (j *judge) summaries() {
	n := 0
	var second place
	for _, t := range j.fields.Tables() {
		if t.Columns.Table != "XML1" {
			continue
		}
		for i := range max(1, len(t.Rows)) {
			if n++; n == 2 {
				second = place{table: "XML1", row: i}
				if i < len(t.Rows) {
					second.line = t.Rows[i].Line
				}
			}
		}
	}
	if n > 1 {
		j.report(codeTwoPatients, second, none)
	}
	if n > 0 {
		return
	}
	if !j.in.unread("XML1") {
		j.report(codeNoSummary, place{table: "XML1", row: -1}, none)
	}
}

// stay is what XML1 (XML0) says of person and visit, as far as it can be read.
type stay struct {
	table                       string
	birth, admitted, discharged care.Moment
	sex                         care.Sex
}

// subject judges the rejecting rules about one row of the subject's own table.
func (j *judge) subject(b *bound, row int, cells []dossier.Cell) stay {
	s := stay{table: b.table.Columns.Table}
	at := func(field string) (dossier.Cell, place) {
		c := b.cell(cells, field)
		return c, place{s.table, row, field, c.Line}
	}
	lk, pl := at("MA_LK")
	if _, err := care.ParseEpisodeID(lk.Text); err != nil {
		j.report(codeNoEpisode, pl, none)
	}
	var err error
	sex, pl := at("GIOI_TINH")
	if s.sex, err = care.ParseSex(sex.Text); err != nil && !errors.Is(err, care.ErrSexEmpty) {
		j.report(codeSex, pl, none)
	}
	var stated [3]care.Moment
	var places [3]place
	for i, field := range []string{"NGAY_SINH", "NGAY_VAO", "NGAY_RA"} {
		var c dossier.Cell
		c, places[i] = at(field)
		m, err := care.ParseMoment(c.Text)
		switch {
		case err == nil:
			stated[i] = m
			if !j.in.Received.IsZero() && m.FutureOf(j.in.Received, futureMargin) {
				j.report(codeFuture, places[i], none)
			}
		case !errors.Is(err, care.ErrMomentEmpty):
			j.report(codeImpossible, places[i], none)
		case b.plan != nil && b.plan.at(field) >= 0 && (trim(c.Text) != "" || field == "NGAY_RA"):
			// an empty required field is found with all others
			j.report(s.table+"."+field+".missing", places[i], none)
		}
	}
	s.birth, s.admitted, s.discharged = stated[0], stated[1], stated[2]
	j.inOrder(s, places)
	return s
}

// inOrder compares pairwise; Compare takes a date not stated as equal.
func (j *judge) inOrder(s stay, places [3]place) {
	ok := true
	if s.birth.After(s.admitted) {
		j.report(codeOrder, places[1], none)
		ok = false
	}
	if s.admitted.After(s.discharged) {
		j.report(codeOrder, places[2], none)
		ok = false
	}
	if ok && s.birth.After(s.discharged) {
		j.report(codeOrder, places[2], none)
	}
}
