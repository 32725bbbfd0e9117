package synth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/schema"
	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// visit is one dossier in the making.
type visit struct {
	n    *Nation
	told *story // what it is an episode of
	r    *rand.Rand
	f    *Facility
	p    *country.Person
	kind string
	spec *schema.Version

	lk                    string
	in, admitted, out     time.Time
	admission             bool   // stays overnight, or as a day patient
	form                  string // MA_LOAI_KCB
	entitled              string // MA_DOITUONG_KCB
	insured, unknown      bool
	level                 int // MUC_HUONG
	main                  *world.Condition
	others                []*world.Condition
	doctor                country.Doctor
	department            string
	outcome, leaving      string
	from, to              *Facility
	slip                  string // number of the referral brought along
	drugs                 bool
	bed                   int
	back                  time.Time // next appointment
	citizen               string    // as typed into SO_CCCD
	quirk                 string
	birth                 string // NGAY_SINH as this system writes it
	complaint, story      string
	results, plan, advice string

	summary record
	tables  []*sheet
	t       totals
	err     error
}

// sheet is a table in the making, record one row of it.
type sheet struct {
	table *schema.Table
	rows  [][]string
}

type record struct {
	v     *visit
	table *schema.Table
	cells []string
}

// add begins a row of a table.
func (v *visit) add(name string) record {
	for _, s := range v.tables {
		if s.table.Name == name {
			return v.row(s)
		}
	}
	s := &sheet{table: v.spec.Table(name)}
	v.tables = append(v.tables, s)
	return v.row(s)
}

func (v *visit) row(s *sheet) record {
	r := record{v, s.table, make([]string, len(s.table.Fields))}
	s.rows = append(s.rows, r.cells)
	r.set("MA_LK", v.lk)
	return r
}

func (v *visit) sheet(name string) *sheet {
	for _, s := range v.tables {
		if s.table.Name == name {
			return s
		}
	}
	return nil
}

// set fills fields in: name, text, name, text... A name that no version of the
// table has is an error of this package.
func (r record) set(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if at := r.table.Columns.Index(pairs[i]); at >= 0 {
			r.cells[at] = pairs[i+1]
			continue
		}
		known := false
		for _, version := range schema.Versions() {
			known = known || version.Table(r.table.Name).Columns.Index(pairs[i]) >= 0
		}
		if !known {
			r.v.err = errors.Join(r.v.err, fmt.Errorf("synth: %s has no field %s", r.table.Name, pairs[i]))
		}
	}
}

// quirks of a dossier that are no defects of its file.
const (
	QuirkNoNumber = "no_number"       // neither citizen number nor card
	QuirkGuardian = "guardian_number" // a parent's number in the child's field
	QuirkOldCodes = "old_codes"       // province and ward as before the mergers of 2025
	QuirkOldID    = "old_id"          // a 9-digit identity card
	QuirkUnknown  = "unknown"         // brought in without papers
	QuirkNewborn  = "newborn"         // a child's first card
)

// visitOf builds everything about the visit of a file but its rows; extra counts
// the visits of a file with several.
func (n *Nation) visitOf(sl *slot, extra int) *visit {
	s := &sl.story
	if s.own != nil {
		return n.asTold(s)
	}
	v := &visit{n: n, told: s, f: s.facility, p: n.Person(s.person), kind: s.visit, out: s.at, drugs: s.drugs, bed: s.bed}
	at := s.id*64 + extra*4
	switch sl.part {
	case partReceived:
		v.kind, v.f, v.from, v.out, v.drugs = Received, s.to, s.facility, sl.sent, s.id%2 == 0
		at++
	case partNewborn:
		v.kind = Newborn
		at += 2
	}
	v.r = n.Stream("visit", at)
	if s.visit == Referral && v.kind != Received {
		v.to = s.to
	}
	if v.kind == Newborn {
		v.beBorn(n.delivery(s))
	}
	v.begin(at)
	v.course()
	v.diagnose()
	v.insure()
	v.identify()
	v.tell()
	return v
}

// begin says by which version of the tables a visit is written, under which
// number, and who treats.
func (v *visit) begin(number int) {
	v.spec = schema.For(day(v.out))
	v.lk = fmt.Sprintf(v.f.Habit.Episode, v.out.Format("060102"), number)
	v.doctor = world.Pick(v.r, v.f.Doctors)
}

func day(t time.Time) int { return t.Year()*10000 + int(t.Month())*100 + t.Day() }

// forms gives each visit its MA_LOAI_KCB.
func formOf(kind string) string {
	switch kind {
	case Chronic, HIV:
		return "05"
	case TB, Traditional:
		return "02"
	case Inpatient, Birth, Newborn:
		return "03"
	case DayCare:
		return "04"
	}
	return "01"
}

// course says when things happened and how it ended.
func (v *visit) course() {
	v.form = formOf(v.kind)
	v.in = v.out.Add(-time.Duration(world.Between(v.r, 35, 190)) * time.Minute)
	v.department = "K01"
	v.outcome, v.leaving = "2", "1"
	if world.Chance(v.r, 0.1) {
		v.outcome = world.Pick(v.r, []string{"1", "3", "7"})
	}
	switch v.kind {
	case Inpatient, Birth, Newborn, DayCare:
		v.admission = true
		v.department = world.Pick(v.r, []string{"K03", "K19", "K04", "K26"})
		days := world.Between(v.r, 2, 5)
		switch v.kind {
		case Inpatient:
			days = max(3, min(21, v.bed/14))
		case DayCare:
			days = world.Between(v.r, 1, 4)
			v.department = "K16"
		case Birth, Newborn:
			v.department = "K27"
		}
		v.in = v.out.AddDate(0, 0, -days).Add(time.Duration(-world.Between(v.r, 5, 90)) * time.Minute)
		if v.kind == Newborn {
			v.in = v.p.Birth.Add(10 * time.Minute)
		}
		v.admitted = v.in.Add(time.Duration(world.Between(v.r, 20, 80)) * time.Minute)
		if v.kind == Inpatient && world.Chance(v.r, 0.03) {
			v.outcome, v.leaving = "4", "4"
		}
	case Emergency:
		v.department = "K02"
	case Traditional:
		v.department = "K16"
		v.in = v.in.AddDate(0, 0, -world.Between(v.r, 4, 9))
	case Referral:
		v.leaving, v.outcome = "2", world.Pick(v.r, []string{"3", "4"})
	case FollowUp, HIV, TB:
		v.back = v.out.AddDate(0, 0, world.Pick(v.r, []int{7, 14, 28, 30}))
	}
	if v.kind == Chronic && world.Chance(v.r, 0.8) {
		v.back = v.out.AddDate(0, 0, 28)
	}
}

// stayed counts the days of treatment as SO_NGAY_DTRI does: both ends.
func (v *visit) stayed() int {
	from := time.Date(v.in.Year(), v.in.Month(), v.in.Day(), 0, 0, 0, 0, country.Hanoi())
	return int(v.out.Sub(from).Hours()/24) + 1
}

// diagnose draws what the patient has.
func (v *visit) diagnose() {
	w, age := v.n.World, v.p.Age(v.out)
	switch v.kind {
	case Birth:
		v.main = w.ByICD["O80"]
		if v.r.IntN(3) == 0 {
			v.main = w.ByICD["O82"]
		}
	case Newborn:
		v.main = w.ByICD["Z38.0"]
	case HIV:
		v.main = w.ByICD["B20"]
	case TB:
		v.main = w.ByICD["A15.0"]
	case Chronic, FollowUp:
		if len(v.p.Chronic) > 0 {
			v.main = world.Pick(v.r, v.p.Chronic)
		}
	case Traditional:
		v.main = w.ByICD[world.Pick(v.r, []string{"M54.5", "M47.8", "M17.9", "G47.0"})]
		if age < v.main.From {
			v.main = nil
		}
	}
	for range 200 {
		if c := w.Sampler.Draw(v.r); v.main == nil && c.Fits(v.p.Sex, age) && (!c.Chronic || slices.Contains(v.p.Chronic, c)) {
			v.main = c
		}
		if v.main != nil {
			break
		}
	}
	if v.main == nil {
		v.main = w.ByICD["J06.9"] // nobody is too old for a cold
	}
	for _, c := range v.p.Chronic {
		if c != v.main && v.kind != Newborn {
			v.others = append(v.others, c)
		}
	}
}

// insure says who pays and at what level.
func (v *visit) insure() {
	v.unknown = v.kind == Emergency && world.Chance(v.r, 0.06)
	v.insured = len(v.p.Cards) > 0 && v.kind != Uninsured && !v.unknown
	if !v.insured {
		v.entitled = "9"
		return
	}
	number := v.p.Cards[len(v.p.Cards)-1].Number
	v.level = 80
	if len(number) == 15 {
		v.level = map[byte]int{'1': 100, '2': 100, '3': 95, '4': 80, '5': 100}[number[2]]
	}
	if v.f.Level == "commune" {
		v.level = 100
	}
	switch {
	case v.kind == Emergency:
		v.entitled = "2"
	case v.kind == Received:
		v.entitled = "1.3"
		v.slip = fmt.Sprintf("%s/GCT-%s", v.lk[len(v.lk)-4:], v.from.Code)
	case v.n.Registered(v.p) == v.f:
		v.entitled = "1.1"
	case v.f.Level == "commune" || v.f.Level == "regional":
		v.entitled = "1.2"
	default:
		v.entitled = world.Pick(v.r, []string{"1.3", "3.1", "3.3", "1.7"})
		if v.entitled == "1.3" {
			v.from = v.n.Nearest(v.r, "regional", v.f.Province)
			v.slip = fmt.Sprintf("%04d/GCT-%s", v.r.IntN(10000), v.from.Code)
		}
	}
}

// identify says what the clerk typed.
func (v *visit) identify() {
	p := v.p
	v.citizen = p.Citizen
	switch {
	case v.unknown:
		v.citizen, v.quirk = "", QuirkUnknown
	case p.OldID != "":
		v.citizen, v.quirk = p.OldID, QuirkOldID
	case v.kind == Newborn:
		v.citizen, v.quirk = "", QuirkNewborn
	case p.Guardian != "" && p.Citizen == "" && world.Chance(v.r, 0.5):
		v.citizen, v.quirk = p.Guardian, QuirkGuardian
	case p.Citizen == "" && len(p.Cards) == 0:
		v.quirk = QuirkNoNumber
	case p.Ward.Former != "" && world.Chance(v.r, 0.02):
		v.quirk = QuirkOldCodes
	}
	v.birth = p.Birth.Format("20060102") + "0000"
	switch age := p.Age(v.out); {
	case v.out.Sub(p.Birth) < 29*24*time.Hour:
		v.birth = stamp(p.Birth)
	case v.f.Habit.YearOnly && age > 45 && world.Chance(v.r, 0.4):
		v.birth = p.Birth.Format("2006") + "00000000"
	}
}

func stamp(t time.Time) string { return t.Format("200601021504") }
func date(t time.Time) string  { return t.Format("20060102") }

// within is a moment of the visit: share 0 is its beginning, 1 its end.
func (v *visit) within(share float64) time.Time {
	t := v.in.Add(time.Duration(share * float64(v.out.Sub(v.in)))).Truncate(time.Minute)
	if t.Hour() == 0 && t.Minute() == 0 { // would read as a day without a time
		t = t.Add(time.Minute)
	}
	return t
}

// write builds the tables of the dossier, in their order.
func (v *visit) write() {
	v.summary = v.add("XML1")
	if v.told.own != nil {
		v.spendAsTold()
	} else {
		v.spend()
	}
	v.summarise()
	v.note()
	v.document()
}

// inner encodes the tables.
func (v *visit) inner() []qd4750.Inner {
	docs := make([]qd4750.Inner, len(v.tables))
	for i, s := range v.tables {
		docs[i] = qd4750.Inner{Type: s.table.Name, XML: qd4750.WriteTable(make([]byte, 0, 1200*len(s.rows)+400), s.table, s.rows)}
	}
	return docs
}

func itoa(n int) string { return strconv.Itoa(n) }

// who fills in the fields by which XML1 and XML0 name the patient.
func (v *visit) who(r record) {
	var numbers, registered, from, to []string
	for _, c := range v.p.Cards {
		if r.table.Name == "XML0" {
			numbers, registered, from, to = nil, nil, nil, nil // one card only: the newest
		}
		numbers, from, to = append(numbers, c.Number), append(from, c.From), append(to, c.To)
		registered = append(registered, v.n.Registered(v.p).Code)
	}
	r.set("STT", "1", "MA_BN", v.f.Local(v.p), "HO_TEN", v.f.Written(v.p.Name), "SO_CCCD", v.citizen, "NGAY_SINH", v.birth,
		"GIOI_TINH", itoa(v.p.Sex), "MA_DOITUONG_KCB", v.entitled, "NGAY_VAO", stamp(v.in), "MA_LOAI_KCB", v.form, "MA_CSKCB", v.f.Code)
	if len(numbers) > 0 && v.kind != Uninsured && !v.unknown {
		r.set("MA_THE_BHYT", strings.Join(numbers, ";"), "MA_DKBD", strings.Join(registered, ";"),
			"GT_THE_TU", strings.Join(from, ";"), "GT_THE_DEN", strings.Join(to, ";"))
	}
	if v.admission {
		r.set("NGAY_VAO_NOI_TRU", stamp(v.admitted), "LY_DO_VNT", v.main.Name)
	}
}

// created is the day a file is made.
func created(t time.Time) care.Moment {
	m, err := care.ParseMoment(date(t))
	if err != nil {
		return care.Moment{}
	}
	return m
}
