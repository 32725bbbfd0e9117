package quality

import (
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/fault"
)

// Codes of QĐ 4750 that rules speak of.
const (
	inpatient    = "03" // MA_LOAI_KCB
	died         = "5"  // KET_QUA_DTRI
	transferred  = "2"  // MA_LOAI_RV, clinical reasons
	onRequest    = "5"  // MA_LOAI_RV, transfer
	discharged   = "1"  // MA_LOAI_RV
	leftOnWish   = "4"  // MA_LOAI_RV
	notInsured   = "9"  // MA_DOITUONG_KCB
	maxSecondary = 12   // codes in MA_BENH_KT
	maxAge       = 130  // years
	childCardAge = 7    // years: a TE1 card runs to the sixth birthday, and a school year more
)

var zeroMoment care.Moment

// subjectRow judges the subject's own table; of XML1 it keeps the numbers for
// the totals at the end.
func subjectRow(j *judge, r *row) {
	if r.b.plan.name != j.subjectTable {
		return
	}
	if text := r.text("HO_TEN"); text != "" {
		j.name(text, r.place("HO_TEN"), r.text("SO_CCCD") != "" || r.text("MA_THE_BHYT") != "")
	}
	if text := r.text("SO_CCCD"); text != "" {
		j.citizen(text, r.place("SO_CCCD"), &j.stay)
	}
	j.cards(r)
	if j.summary == nil || r.b != j.summary || r.at != 0 {
		return
	}
	j.mainNums = append(j.mainNums[:0], j.nums...)
	j.conditions(r)
	j.dates(r)
	j.settlement(r)
}

// mainNumber returns a number of XML1 once its row was read.
func (j *judge) mainNumber(field string) number {
	if i := j.summary.plan.at(field); i >= 0 && i < len(j.mainNums) {
		return j.mainNums[i]
	}
	return number{}
}

// cards judges the insurance cards and their dates, which stand in step.
func (j *judge) cards(r *row) {
	text := r.text("MA_THE_BHYT")
	if text == "" {
		return
	}
	at := r.place("MA_THE_BHYT")
	list := strings.Split(strings.Trim(text, "; "), ";")
	for _, part := range list {
		part = strings.TrimSpace(part)
		n, err := care.ParseInsuranceNo(part)
		switch {
		case err != nil:
			j.problem(at, "pattern", none)
			return
		case string(n) != part && j.summary != nil:
			j.problem(at, "letters", suggest(string(n)))
		}
		if n.Child() && !j.stay.birth.IsZero() && j.stay.admitted.Year()-j.stay.birth.Year() > childCardAge {
			j.problem(at, "child", none)
		}
	}
	from, to := moments(r.text("GT_THE_TU")), moments(r.text("GT_THE_DEN"))
	if len(from) != len(list) && len(from) != 0 || len(to) != len(list) && len(to) != 0 {
		if j.summary != nil {
			j.problem(r.place("GT_THE_TU"), "count", none)
		}
		return
	}
	j.validity(r, from, to)
}

// moments reads the dates of a list; one that is no date is zero.
func moments(text string) []care.Moment {
	if text = strings.Trim(text, "; "); text == "" {
		return nil
	}
	var out []care.Moment
	for part := range strings.SplitSeq(text, ";") {
		m, err := care.ParseMoment(part)
		if err != nil {
			m = zeroMoment
		}
		out = append(out, m)
	}
	return out
}

// validity holds that one card was valid on arrival.
func (j *judge) validity(r *row, from, to []care.Moment) {
	ended, early := false, false
	for i := range max(len(from), len(to)) {
		var a, b care.Moment
		if i < len(from) {
			a = from[i]
		}
		if i < len(to) {
			b = to[i]
		}
		switch {
		case b.Before(a):
			j.problem(r.place("GT_THE_DEN"), "order", none)
			return
		case b.Before(j.stay.admitted):
			ended = true
		case a.After(j.stay.admitted):
			early = true
		default:
			return
		}
	}
	switch {
	case r.text("MA_DOITUONG_KCB") == notInsured:
	case ended:
		j.problem(r.place("GT_THE_DEN"), "expired", none)
	case early:
		j.problem(r.place("GT_THE_TU"), "not_yet", none)
	}
}

// conditions judges the diagnoses of XML1.
func (j *judge) conditions(r *row) {
	main := r.text("MA_BENH_CHINH")
	if main != "" && j.icd(main, r.place("MA_BENH_CHINH")) && catalog.ICDExternal(main) {
		j.problem(r.place("MA_BENH_CHINH"), "external", none)
	}
	text := r.text("MA_BENH_KT")
	if text == "" {
		return
	}
	at := r.place("MA_BENH_KT")
	seen := []string{main}
	repeated, judged := false, true
	for part, rest := cut(text); part != "" || rest != ""; part, rest = cut(rest) {
		if part == "" {
			continue
		}
		judged = judged && j.icd(part, at) // one finding is enough
		for _, s := range seen {
			repeated = repeated || s == part
		}
		seen = append(seen, part)
		if len(seen) > maxSecondary+1 {
			j.problem(at, "too_many", none)
			break
		}
	}
	if repeated {
		j.problem(at, "duplicate", none)
	}
}

// dates judges XML1's dates that do not reject.
func (j *judge) dates(r *row) {
	s := &j.stay
	if !s.birth.IsZero() && s.admitted.Year()-s.birth.Year() > maxAge {
		j.problem(r.place("NGAY_SINH"), "range", none)
	}
	j.within(r, "NGAY_VAO_NOI_TRU")
	if r.text("MA_LOAI_KCB") == inpatient && r.text("NGAY_VAO_NOI_TRU") == "" {
		j.problem(r.place("NGAY_VAO_NOI_TRU"), "missing", none)
	}
	if j.moment(r, "NGAY_TTOAN").Before(s.discharged) {
		j.problem(r.place("NGAY_TTOAN"), "order", none)
	}
	for _, m := range moments(r.text("NGAY_TAI_KHAM")) {
		if m.Before(s.discharged) {
			j.problem(r.place("NGAY_TAI_KHAM"), "order", none)
			break
		}
	}
	if !j.in.Created.IsZero() && s.discharged.Day() > j.in.Created.Day() && j.in.Created.Precision() >= care.ByDay {
		j.problem(r.place("NGAY_RA"), "after_creation", none)
	}
	days := j.num(r, "SO_NGAY_DTRI")
	if n, ok := daysBetween(s.admitted, s.discharged); ok && n >= 0 && days.stated && days.milli >= 0 {
		if days.milli != int64(n)*1000 && days.milli != int64(n+1)*1000 {
			j.problem(r.place("SO_NGAY_DTRI"), "days", wanted(itoa(n+1)))
		}
	}
}

// settlement judges the period and what insurance is asked for.
func (j *judge) settlement(r *row) {
	year, month := j.num(r, "NAM_QT").milli/1000, j.num(r, "THANG_QT").milli/1000
	left := j.stay.discharged
	if year >= 2017 && year <= 2100 && month >= 1 && month <= 12 && left.Precision() >= care.ByMonth &&
		year*12+month < int64(left.Year())*12+int64(left.Month()) {
		hint := fault.Text{VI: "Tháng ra viện là " + itoa(int(left.Month())) + ".", EN: "The visit ended in month " + itoa(int(left.Month())) + "."}
		j.problem(r.place("THANG_QT"), "order", hint)
	}
	paid, service := j.num(r, "T_BHTT"), j.num(r, "T_BHTT_GDV")
	if paid.stated && service.stated && service.milli > paid.milli+tolerance {
		j.problem(r.place("T_BHTT_GDV"), "sum", wanted(money(paid.milli)))
	}
	if paid.milli <= 0 {
		return
	}
	if r.text("MA_DOITUONG_KCB") == notInsured {
		j.problem(r.place("T_BHTT"), "uninsured", none)
	} else if r.text("MA_THE_BHYT") == "" {
		j.problem(r.place("MA_THE_BHYT"), "missing", none)
	}
}

// whole judges what the tables of a dossier say together.
func (j *judge) whole() {
	r := &row{b: j.summary, cells: j.main}
	j.sums(r)
	leaving := r.text("MA_LOAI_RV")
	if leaving == transferred || leaving == onRequest {
		if r.text("MA_NOI_DEN") == "" {
			j.problem(r.place("MA_NOI_DEN"), "missing", none)
		}
		if r.text("KET_QUA_DTRI") == died {
			j.problem(r.place("MA_LOAI_RV"), "death", none)
		}
	}
	if leaving == transferred {
		j.wants("XML13")
	}
	if r.text("MA_LOAI_KCB") == inpatient {
		j.wants("XML5")
		if leaving == discharged || leaving == leftOnWish {
			j.wants("XML7")
		}
	}
	if j.totals.rows == 0 && j.mainNumber("T_BHTT").milli > 0 {
		j.wants("XML3")
	}
	j.wants("XML8")
}

// wants finds a table that is not there; one that cannot be read is there.
func (j *judge) wants(table string) {
	if t := j.fields.Table(table); t != nil && len(t.Rows) > 0 || j.in.unread(table) {
		return
	}
	j.report(table+".missing", place{table: table, row: -1}, none)
}
