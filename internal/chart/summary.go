package chart

import "time"

// Spans of the summary and of the emergency set, in days (issue 5, parts 4 and 5).
const (
	SummaryDays   = 90
	EmergencyDays = 180
)

// What fits on the one page; the counts say how much there is.
const (
	summaryProblems = 20
	summaryResults  = 20
	summaryStays    = 5
)

// Summary is the one page read before anything else. Its JSON is an interface:
// names of fields stay, new ones may come (doc/design/chart.md).
type Summary struct {
	Format    string     `json:"format"` // "lienthong-summary/1"
	At        time.Time  `json:"at"`
	Records   int        `json:"records"` // it was made of
	Problems  []Problem  `json:"problems"`
	Medicines []Medicine `json:"medicines"` // of MedicineDays
	Results   []Series   `json:"results"`   // the newest value of each test, alone
	Allergies Fact       `json:"allergies"`
	Blood     Fact       `json:"blood_group"`
	Stays     []Visit    `json:"stays"`
	LastVisit *Visit     `json:"last_visit,omitempty"` // of any kind

	MedicineDays int   `json:"medicine_days"`
	Counts       Count `json:"counts"`
}

// Count says how many there are of what the page may show fewer of.
type Count struct {
	Problems int `json:"problems"`
	Results  int `json:"results"`
	Stays    int `json:"stays"`
	Visits   int `json:"visits"`
}

// Formats of the JSON forms.
const (
	SummaryFormat   = "lienthong-summary/1"
	EmergencyFormat = "lienthong-emergency/1"
)

// MakeSummary makes the one-page summary.
func MakeSummary(entries []Entry, now time.Time) *Summary { return Read(entries, now).Summary() }

// Emergency is the emergency set: these and nothing else.
type Emergency struct {
	Format       string     `json:"format"` // "lienthong-emergency/1"
	At           time.Time  `json:"at"`
	Allergies    Fact       `json:"allergies"`
	Blood        Fact       `json:"blood_group"`
	Problems     []Problem  `json:"problems"`
	Medicines    []Medicine `json:"medicines"` // of MedicineDays
	Implants     Fact       `json:"implants"`
	Pregnancy    Fact       `json:"pregnancy"`
	Contacts     Fact       `json:"contacts"`
	MedicineDays int        `json:"medicine_days"`
	// States of the two lists: recorded or nothing. That somebody has no problem
	// or takes no medicine no record says.
	ProblemState  State `json:"problems_state"`
	MedicineState State `json:"medicines_state"`
}

// EmergencySet makes the emergency set.
func EmergencySet(entries []Entry, now time.Time) *Emergency { return Read(entries, now).Emergency() }

// Chart is everything that is read of a person's records at one time.
type Chart struct {
	Visits       []Visit   // newest first
	Problems     []Problem // chronic first
	Results      []Series  // last done first
	Allergies    Fact
	Blood        Fact
	Implants     Fact
	Pregnancy    Fact
	Contacts     Fact
	Vaccinations Fact
	Slips        []Slip // those that hold first
	Records      int    // versions folded

	orders []DrugLine
	now    time.Time
}

// Read reads the entries of one person. now is when it is read; entries are
// not changed. It never fails: what cannot be read is not there, and stands in
// the documents as sent.
func Read(entries []Entry, now time.Time) *Chart {
	ready := fold(entries)
	folded := folds{}
	f := factsOf(ready, now, folded)
	return &Chart{Visits: timelineOf(ready), Problems: problemsOf(ready, f.own), Results: seriesOf(ready, folded), Allergies: f.allergies, Blood: f.blood,
		Implants: f.implants, Pregnancy: f.pregnancy, Contacts: f.contacts, Vaccinations: f.vaccinations, Slips: slipsOf(ready, now),
		Records: records(ready), orders: linesOf(ready, folded), now: now}
}

// records counts entries without the citizen's own, which is none.
func records(entries []reading) (n int) {
	for i := range entries {
		if entries[i].Kind != Own {
			n++
		}
	}
	return n
}

// Medicines lists what was ordered, or is to be taken, within days before now.
func (c *Chart) Medicines(days int) []Medicine { return medicinesOf(c.orders, c.now, days) }

// Stays lists the visits with a bed, newest first.
func (c *Chart) Stays() []Visit {
	var out []Visit
	for i := range c.Visits {
		if c.Visits[i].Inpatient {
			out = append(out, c.Visits[i])
		}
	}
	return out
}

// Summary makes the one-page summary.
func (c *Chart) Summary() *Summary {
	stays := c.Stays()
	s := &Summary{Format: SummaryFormat, At: c.now.UTC().Truncate(time.Second), Records: c.Records, Problems: first(c.Problems, summaryProblems), Medicines: some(c.Medicines(SummaryDays)),
		Results: []Series{}, Allergies: c.Allergies.whole(), Blood: c.Blood.whole(), Stays: first(stays, summaryStays), MedicineDays: SummaryDays,
		Counts: Count{Problems: len(c.Problems), Results: len(c.Results), Stays: len(stays), Visits: len(c.Visits)}}
	for _, r := range first(c.Results, summaryResults) {
		r.Points = r.Points[:1:1]
		s.Results = append(s.Results, r)
	}
	if len(c.Visits) > 0 {
		s.LastVisit = &c.Visits[0]
	}
	return s
}

// Emergency makes the emergency set.
func (c *Chart) Emergency() *Emergency {
	e := &Emergency{Format: EmergencyFormat, At: c.now.UTC().Truncate(time.Second), Allergies: c.Allergies.whole(), Blood: c.Blood.whole(), Problems: some(c.Problems),
		Medicines: some(c.Medicines(EmergencyDays)), Implants: c.Implants.whole(), Pregnancy: c.Pregnancy.whole(), Contacts: c.Contacts.whole(), MedicineDays: EmergencyDays,
		ProblemState: Nothing, MedicineState: Nothing}
	if len(e.Problems) > 0 {
		e.ProblemState = Recorded
	}
	if len(e.Medicines) > 0 {
		e.MedicineState = Recorded
	}
	return e
}

// some writes an empty list as [] and not as null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func first[T any](list []T, n int) []T { return some(list)[:min(n, len(list)):min(n, len(list))] }

func (x Fact) whole() Fact {
	x.Items = some(x.Items)
	return x
}
