package quality

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// rowCheck judges what the fields of one row say of each other, and of the visit.
type rowCheck func(j *judge, r *row)

// row is a row of a table under judgement; its numbers and dates are in judge.
type row struct {
	b     *bound
	at    int
	cells []dossier.Cell
}

// rowCheckOf returns the check of a table, nil without one.
func rowCheckOf(table string) rowCheck {
	switch table {
	case "XML0", "XML1":
		return subjectRow
	case "XML2", "XML3":
		return costRow
	case "XML4":
		return testRow
	case "XML5":
		return noteRow
	case "XML6":
		return func(j *judge, r *row) {
			j.ordered(r, "NGAYKD_HIV", "BDDT_ARV")
			j.ordered(r, "NGAY_BAT_DAU_XU_TRI", "NGAY_KET_THUC_XU_TRI")
		}
	case "XML7":
		return dischargeRow
	case "XML9":
		return birthRow
	case "XML10":
		return func(j *judge, r *row) {
			if j.stay.sex == care.Male {
				j.problem(r.place("CHAN_DOAN_RV"), "sex", none)
			}
			j.leave(r, "TU_NGAY", "DEN_NGAY", "SO_NGAY")
		}
	case "XML11":
		return func(j *judge, r *row) {
			j.leave(r, "TU_NGAY", "DEN_NGAY", "SO_NGAY_NGHI")
			j.pregnancy(r)
		}
	case "XML14":
		return appointmentRow
	case "XML15":
		return func(j *judge, r *row) {
			j.numbered(r)
			j.ordered(r, "NGAYBD_DTRI_LAO", "NGAYKT_DTRI_LAO")
		}
	}
	return nil
}

// place points at a field of the row.
func (r *row) place(field string) place {
	return place{r.b.plan.name, r.at, field, r.b.cell(r.cells, field).Line}
}

// text returns a field of the row, trimmed.
func (r *row) text(field string) string { return trim(r.b.cell(r.cells, field).Text) }

// num returns a number of the row, not stated where the field is absent.
func (j *judge) num(r *row, field string) number {
	if i := r.b.plan.at(field); i >= 0 {
		return j.nums[i]
	}
	return number{}
}

// moment returns a date of the row, zero where the field is absent or no date.
func (j *judge) moment(r *row, field string) care.Moment {
	if i := r.b.plan.at(field); i >= 0 {
		return j.moments[i]
	}
	return care.Moment{}
}

// numbered finds a row number that the table already had. Numbers mostly
// ascend: then none can stand twice and nothing is remembered.
func (j *judge) numbered(r *row) {
	if r.at == 0 {
		j.seen, j.last = nil, 0
	}
	stt := r.text("STT")
	if stt == "" {
		return
	}
	if j.seen == nil {
		if n := j.num(r, "STT"); n.stated && n.milli > j.last {
			j.last = n.milli
			return
		}
		j.seen = make(map[string]bool, len(r.b.table.Rows))
		for i := range r.at {
			j.seen[trim(r.b.table.Cell(i, "STT").Text)] = true
		}
	}
	if j.seen[stt] {
		j.problem(r.place("STT"), "duplicate", none)
	}
	j.seen[stt] = true
}

// ordered holds that one date of the row is not before another.
func (j *judge) ordered(r *row, first, then string) {
	if j.moment(r, then).Before(j.moment(r, first)) {
		j.problem(r.place(then), "order", none)
	}
}

// within holds that a date lies in the visit. A visit whose own dates
// contradict each other says nothing.
func (j *judge) within(r *row, field string) {
	m := j.moment(r, field)
	if j.stay.discharged.Before(j.stay.admitted) {
		return
	}
	if m.Before(j.stay.admitted) || m.After(j.stay.discharged) {
		j.problem(r.place(field), "outside_stay", none)
	}
}

// leave holds a span of days and its count together; both ends count.
func (j *judge) leave(r *row, from, to, count string) {
	a, b, n := j.moment(r, from), j.moment(r, to), j.num(r, count)
	if b.Before(a) {
		j.problem(r.place(to), "order", none)
		return
	}
	if d, ok := daysBetween(a, b); ok && n.stated && n.milli != int64(d+1)*1000 {
		j.problem(r.place(count), "days", wanted(itoa(d+1)))
	}
}

// daysBetween counts midnights; false where a day is not known.
func daysBetween(a, b care.Moment) (int, bool) {
	if a.Precision() < care.ByDay || b.Precision() < care.ByDay {
		return 0, false
	}
	day := func(m care.Moment) time.Time {
		return time.Date(m.Year(), m.Month(), m.Day()%100, 0, 0, 0, 0, time.UTC)
	}
	return int(day(b).Sub(day(a)) / (24 * time.Hour)), true
}

// pregnancy: a man's papers say no pregnancy ended.
func (j *judge) pregnancy(r *row) {
	if r.text("MA_DINH_CHI_THAI") == "1" && j.stay.sex == care.Male {
		j.problem(r.place("MA_DINH_CHI_THAI"), "sex", none)
	}
}

func testRow(j *judge, r *row) {
	j.numbered(r)
	if m := j.moment(r, "NGAY_KQ"); m.Before(j.stay.admitted) { // results may come after the patient left
		j.problem(r.place("NGAY_KQ"), "outside_stay", none)
	}
	value := r.text("GIA_TRI")
	switch {
	case value == "" && r.text("MO_TA") == "" && r.text("KET_LUAN") == "":
		j.problem(r.place("GIA_TRI"), "missing", none)
	case value != "" && r.text("DON_VI_DO") == "" && validNumber(value):
		j.problem(r.place("DON_VI_DO"), "missing", none)
	}
}

func noteRow(j *judge, r *row) {
	j.numbered(r)
	j.within(r, "THOI_DIEM_DBLS")
}

func dischargeRow(j *judge, r *row) {
	j.leave(r, "NGOAITRU_TUNGAY", "NGOAITRU_DENNGAY", "SO_NGAY_NGHI")
	j.pregnancy(r)
	if r.text("MA_DINH_CHI_THAI") == "1" && r.text("NGUYENNHAN_DINHCHI") == "" {
		j.problem(r.place("NGUYENNHAN_DINHCHI"), "missing", none)
	}
}

func birthRow(j *judge, r *row) {
	j.within(r, "NGAY_SINH_CON")
	if j.stay.sex == care.Male && j.stay.admitted.Year()-j.stay.birth.Year() > 1 && !j.stay.birth.IsZero() {
		j.problem(r.place("HO_TEN_NND"), "sex", none)
	}
}

func appointmentRow(j *judge, r *row) {
	if j.moment(r, "NGAY_HEN_KL").Before(j.stay.discharged) {
		j.problem(r.place("NGAY_HEN_KL"), "order", none)
	}
	if j.summary != nil && trim(j.summary.cell(j.main, "KET_QUA_DTRI").Text) == died {
		j.problem(r.place("NGAY_HEN_KL"), "death", none)
	}
}

// differing is a difference by its columns.
type differing struct {
	col  int
	main string
	how  comparison
}

// differs holds what a row repeats of XML1 against it.
func (j *judge) differs(r *row) {
	if j.summary == nil || r.b.plan.name == j.subjectTable {
		return
	}
	for _, d := range r.b.plan.differing {
		if d.col >= len(r.cells) {
			continue
		}
		text := trim(r.cells[d.col].Text)
		main := trim(j.summary.cell(j.main, d.main).Text)
		if text == "" || main == "" || text == main {
			continue
		}
		same := false
		switch d.how {
		case asCode: // a code out of its list is found as such
			list := r.b.plan.cols[d.col].list
			_, known := catalog.Has(list, text, 0)
			_, mainKnown := catalog.Has(list, main, 0)
			same = !known || !mainKnown
		case asMoment:
			m, err := care.ParseMoment(main)
			same = err != nil || care.Compare(m, j.moments[d.col]) == 0
		case asName:
			same = care.NameKey(text) == care.NameKey(main)
		}
		if !same {
			j.problem(r.place(d.main), "differs", none)
		}
	}
}

// icd judges one diagnosis by form and sex; false after a finding.
func (j *judge) icd(code string, at place) bool {
	if !catalog.ICDForm(code) {
		j.problem(at, "pattern", suggest(catalog.ICDRepair(code)))
		return false
	}
	if only := catalog.ICDSex(code); only != 0 && (j.stay.sex == care.Male || j.stay.sex == care.Female) && only != j.stay.sex {
		j.problem(at, "sex", fault.Text{})
		return false
	}
	return true
}
