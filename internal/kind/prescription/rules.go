package prescription

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
)

// futureMargin is how much later than its receipt a date may be (DESIGN §6).
const futureMargin = 24 * time.Hour

// judging is the work on one prescription.
type judging struct {
	fields dossier.Fields
	in     quality.Input
	report quality.Report
	issued care.Moment
	letter byte // of the code, 0 where it is malformed
	born   care.Moment
}

func judge(fields dossier.Fields, in quality.Input, report quality.Report) {
	j := &judging{fields: fields, in: in, report: report}
	j.code()
	j.patient()
	j.times()
	j.guarded()
	j.diagnoses()
	j.drugs()
}

// get returns a cell of the head, trimmed, and its place.
func (j *judging) get(field string) (string, quality.Place) {
	return cellOf(j.fields.Table(tableHead), 0, field)
}

func cellOf(t *dossier.Table, row int, field string) (string, quality.Place) {
	c := t.Cell(row, field)
	return strings.TrimSpace(c.Text), quality.Place{Table: t.Columns.Table, Row: row, Field: field, Line: c.Line}
}

func (j *judging) tell(code string, at quality.Place) { j.report(code, at, fault.Text{}) }

// need reports an empty field of the head.
func (j *judging) need(field string) (string, quality.Place) {
	text, at := j.get(field)
	if text == "" {
		j.tell(tableHead+"."+field+".missing", at)
	}
	return text, at
}

func (j *judging) code() {
	text, at := j.get("MA_DON_THUOC")
	facility, letter, ok := ParseCode(text)
	j.letter = letter
	switch {
	case !ok:
		j.tell("prescription.code", at)
	case j.in.Facility != "" && facility != j.in.Facility:
		j.report("facility.mismatch", at, fault.Text{VI: "Năm ký tự đầu của mã đơn phải là mã của cơ sở ký tệp.",
			EN: "The first five characters of the code must be the facility's that sealed the file."})
	}
	if old, at := j.get("MA_DON_THUOC_THAY_THE"); old != "" {
		if _, _, good := ParseCode(old); !good || old == text {
			j.tell("DON_THUOC.MA_DON_THUOC_THAY_THE.form", at)
		}
	}
	loai, at := j.need("LOAI_DON_THUOC")
	switch want := letterOf(loai); {
	case loai == "":
	case want == 0:
		j.tell("DON_THUOC.LOAI_DON_THUOC.not_in_list", at)
	case ok && want != letter && (want != 'T' || letter != 'Y'):
		j.tell("DON_THUOC.LOAI_DON_THUOC.differs", at)
	}
}

func (j *judging) patient() {
	j.need("HO_TEN_BENH_NHAN")
	if sex, at := j.need("GIOI_TINH"); sex != "" && sex != "1" && sex != "2" && sex != "3" {
		j.tell("DON_THUOC.GIOI_TINH.not_in_list", at)
	}
	if number, at := j.get("MA_DINH_DANH_CONG_DAN"); number != "" {
		if _, err := care.ParseCitizenID(number); err != nil {
			j.tell("DON_THUOC.MA_DINH_DANH_CONG_DAN.form", at)
		}
	}
}

// date reads a date that may be absent.
func (j *judging) date(text string, at quality.Place) care.Moment {
	if text == "" {
		return care.Moment{}
	}
	m, err := care.ParseDate(text)
	if err != nil {
		j.tell(at.Table+"."+at.Field+".not_date", at)
		return care.Moment{}
	}
	return m
}

// past reads a date that must be there and may not lie ahead.
func (j *judging) past(field string) care.Moment {
	text, at := j.need(field)
	m := j.date(text, at)
	if !j.in.Received.IsZero() && m.FutureOf(j.in.Received, futureMargin) {
		j.tell(tableHead+"."+field+".future", at)
	}
	return m
}

func (j *judging) times() {
	j.born = j.past("NGAY_SINH_BENH_NHAN")
	j.issued = j.past("NGAY_GIO_KE_DON")
	if _, at := j.get("NGAY_GIO_KE_DON"); j.issued.Precision() >= care.ByDay && !j.in.Received.IsZero() &&
		j.in.Received.After(j.issued.End().AddDate(0, 0, validDays)) {
		j.tell("DON_THUOC.NGAY_GIO_KE_DON.late", at)
	}
	from := j.date(j.get("DOT_DUNG_THUOC_TU_NGAY"))
	text, at := j.get("DOT_DUNG_THUOC_DEN_NGAY")
	until := j.date(text, at)
	switch days := daysOf(from, until); {
	case from.IsZero() || until.IsZero():
	case until.Before(from):
		j.tell("DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.order", at)
	case days > maxListed || days > maxSupply && !j.listed():
		j.tell("DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.supply", at)
	}
	if again, at := j.get("NGAY_TAI_KHAM"); again != "" {
		if n, err := strconv.Atoi(again); err != nil || n < 0 {
			j.tell("DON_THUOC.NGAY_TAI_KHAM.not_number", at)
		}
	}
}

// daysOf counts the days of a course, both ends included; 0 where they are not
// known to the day.
func daysOf(from, until care.Moment) int {
	if from.Precision() < care.ByDay || until.Precision() < care.ByDay {
		return 0
	}
	day := func(m care.Moment) time.Time {
		d := m.Day()
		return time.Date(d/10000, time.Month(d/100%100), d%100, 0, 0, 0, 0, time.UTC)
	}
	return int(day(until).Sub(day(from)).Hours()/24) + 1
}

// listed reports whether some diagnosis allows more than 30 days.
func (j *judging) listed() bool {
	t := j.fields.Table(tableDiagnoses)
	if t == nil {
		return false
	}
	for i := range t.Rows {
		if code, _ := cellOf(t, i, "MA_CHAN_DOAN"); isListed(code) {
			return true
		}
	}
	return false
}

// guarded judges what children and those on controlled drugs need.
func (j *judging) guarded() {
	guardian, place := j.get("THONG_TIN_NGUOI_GIAM_HO")
	if j.fields.Table(tableHead) != nil && guardian == "" {
		guardian = nested(j.fields.Table(tableHead), "thong_tin_nguoi_giam_ho")
	}
	if number, at := j.get("MA_DINH_DANH_CONG_DAN"); (j.letter == 'N' || j.letter == 'H') && number == "" && guardian == "" {
		if id, _ := j.get("MA_DINH_DANH_Y_TE"); id == "" {
			j.tell("DON_THUOC.MA_DINH_DANH_CONG_DAN.missing", at)
		}
	}
	if j.born.Precision() < care.ByMonth || j.issued.Precision() < care.ByMonth {
		return
	}
	if monthsOf(j.born, j.issued) >= guardedMonths || j.issued.Before(j.born) {
		return
	}
	if guardian == "" {
		j.tell("DON_THUOC.THONG_TIN_NGUOI_GIAM_HO.missing", place)
	}
	if weight, at := j.get("CAN_NANG"); weight == "" {
		j.tell("DON_THUOC.CAN_NANG.missing", at)
	}
}

// nested returns the first text of an inner object that was kept field by field.
func nested(t *dossier.Table, member string) string {
	for _, x := range t.Rows[0].Extra {
		if strings.HasPrefix(x.Name, member+".") && x.Cell.Text != "" {
			return x.Cell.Text
		}
	}
	return ""
}

func monthsOf(born, now care.Moment) int {
	return (now.Year()-born.Year())*12 + int(now.Month()) - int(born.Month())
}

func (j *judging) diagnoses() {
	t := j.fields.Table(tableDiagnoses)
	if t == nil {
		if !j.unread(tableDiagnoses) {
			j.tell("CHAN_DOAN.missing", quality.Place{Table: tableDiagnoses, Row: -1})
		}
		return
	}
	for i := range t.Rows {
		switch code, at := cellOf(t, i, "MA_CHAN_DOAN"); {
		case code == "":
			j.tell("CHAN_DOAN.MA_CHAN_DOAN.missing", at)
		case !catalog.ICDForm(code):
			hint := fault.Text{}
			if meant := catalog.ICDRepair(code); meant != "" {
				hint = fault.Text{VI: "Có phải là " + meant + "?", EN: "Is it " + meant + "?"}
			}
			j.report("CHAN_DOAN.MA_CHAN_DOAN.form", at, hint)
		}
	}
}

// unread reports whether the reader could not read a table.
func (j *judging) unread(table string) bool {
	for i := range j.in.Unreadable {
		if j.in.Unreadable[i].Table == table {
			return true
		}
	}
	return false
}

func (j *judging) drugs() {
	t := j.fields.Table(tableDrugs)
	if t == nil {
		if !j.unread(tableDrugs) {
			j.tell("THUOC.missing", quality.Place{Table: tableDrugs, Row: -1})
		}
		return
	}
	for i := range t.Rows {
		j.drug(t, i)
	}
}

func (j *judging) drug(t *dossier.Table, row int) {
	name, at := cellOf(t, row, "TEN_THUOC")
	if brand, _ := cellOf(t, row, "BIET_DUOC"); name == "" && brand == "" {
		j.tell("THUOC.TEN_THUOC.missing", at)
	}
	for _, field := range [...]string{"MA_THUOC", "DON_VI_TINH", "CACH_DUNG"} {
		if text, at := cellOf(t, row, field); text == "" {
			j.tell(tableDrugs+"."+field+".missing", at)
		}
	}
	text, at := cellOf(t, row, "SO_LUONG")
	amount, ok := number(text)
	switch {
	case text == "":
		j.tell("THUOC.SO_LUONG.missing", at)
	case !ok:
		j.tell("THUOC.SO_LUONG.not_number", at)
	case amount.Sign() <= 0:
		j.tell("THUOC.SO_LUONG.not_positive", at)
	}
	j.dispensed(t, row, amount)
}

// dispensed judges what the pharmacy added to a row.
func (j *judging) dispensed(t *dossier.Table, row int, amount *big.Rat) {
	sold := j.date(cellOf(t, row, "NGAY_BAN"))
	if _, at := cellOf(t, row, "NGAY_BAN"); sold.Precision() >= care.ByDay && j.issued.Precision() >= care.ByDay &&
		daysOf(j.issued, sold) > validDays+1 {
		j.tell("THUOC.NGAY_BAN.expired", at)
	}
	text, at := cellOf(t, row, "SO_LUONG_BAN")
	if text == "" {
		return
	}
	given, ok := number(text)
	switch {
	case !ok || given.Sign() < 0:
		j.tell("THUOC.SO_LUONG_BAN.not_number", at)
		return
	case amount != nil && given.Cmp(amount) > 0:
		j.tell("THUOC.SO_LUONG_BAN.over", at)
	}
	code, _ := cellOf(t, row, "MA_THUOC")
	if registered, _ := cellOf(t, row, "SO_DANG_KY"); given.Sign() > 0 && code == "" && registered == "" {
		j.tell("THUOC.SO_LUONG_BAN.no_code", at)
	}
}

// number reads digits with a decimal point or without, at most 15 before it and 9
// behind.
func number(s string) (*big.Rat, bool) {
	whole, frac, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if whole == "" || len(whole) > 15 || len(frac) > 9 || dotted && frac == "" {
		return nil, false
	}
	for _, c := range []byte(whole + frac) {
		if c < '0' || c > '9' {
			return nil, false
		}
	}
	return new(big.Rat).SetString(s)
}
