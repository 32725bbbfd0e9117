// Package insight computes what boards show out of counts: flows, levels,
// provinces, causes, standings. It is arithmetic over numbers that a store has
// summed, so that every number on a page can be computed again from the same
// counts. It reads no store and formats nothing.
package insight

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
)

// Measures that boards ask counters for; those of a verdict are dossier states.
const (
	MeasureRefused      = "refused"   // a file returned whole
	MeasureReferral     = "doc:XML13" // giấy chuyển tuyến
	MeasurePrescription = "doc:XML2"  // medicines prescribed and dispensed in the visit
	MeasureLookUp       = "lookup"    // openings of content, by package disclose
	codePrefix          = "code:"
)

// Verdicts lists the measures whose sum is the number of records.
func Verdicts() []string {
	return []string{string(dossier.Accepted), string(dossier.AcceptedWithWarnings), string(dossier.Rejected)}
}

// CodeOf returns the code that a measure counts, false for other measures.
func CodeOf(measure string) (string, bool) { return strings.CutPrefix(measure, codePrefix) }

// SilentAfter is how long a connected facility whose calendar is not known may send
// nothing before boards call it silent.
const SilentAfter = 24 * time.Hour

// WeekAgo returns the day (yyyyMMdd) of the same weekday a week earlier.
func WeekAgo(now time.Time) int { return clock.Day(now.AddDate(0, 0, -7)) }

// Place is a facility as boards need it.
type Place struct {
	Code     care.FacilityCode
	Name     string
	Level    facility.Level
	Province string
	LastSeen time.Time // zero: it never sent
	Learned  bool      // its own calendar is known (package calendar)
	Late     bool      // then: it is silent for longer than that allows
}

// Connected reports whether the place ever sent.
func (p Place) Connected() bool { return !p.LastSeen.IsZero() }

// Silent reports whether a connected place has been silent for longer than its own
// calendar allows, or, where that is not known, for SilentAfter.
func (p Place) Silent(now time.Time) bool {
	if p.Learned {
		return p.Connected() && p.Late
	}
	return p.Connected() && now.Sub(p.LastSeen) > SilentAfter
}

// Cell is one sum by facility and measure, of whatever days were asked.
type Cell struct {
	Facility care.FacilityCode
	Measure  string
	N        int64
}

// Sum is one sum by measure.
type Sum struct {
	Measure string
	N       int64
}

// Flow is a number in all, today, and on the same weekday a week ago (all day).
type Flow struct{ Total, Today, WeekAgo int64 }

// Input is what an overview is computed from.
type Input struct {
	Now      time.Time
	Places   []Place
	Total    []Sum  // of all days
	WeekAgo  []Sum  // of the day a week ago
	Today    []Cell // of today, by facility and measure, codes included
	MaxCodes int    // causes to keep, 0: 5
}

// Overview is a board's numbers.
type Overview struct {
	Now                time.Time
	Day, WeekAgo       int
	Registered         int
	Connected          int
	Sending            int // sent today
	Silent             int
	Records            Flow
	Referrals          Flow
	Prescriptions      Flow
	LookUps            Flow
	AcceptedToday      int64
	RejectedToday      int64
	RefusedToday       int64
	Levels             []LevelLine
	Provinces          []ProvinceLine // those with a facility, by code
	Causes             []Cause        // what rejected records today, most first
	RejectedFacilities int
}

// LevelLine is one level of facilities.
type LevelLine struct {
	Level                                  facility.Level
	Registered, Connected, Sending, Silent int
	Sent, Accepted, Rejected               int64
}

// ProvinceLine is one province.
type ProvinceLine struct {
	Code                                   string
	Registered, Connected, Sending, Silent int
	Sent, Accepted, Rejected               int64
}

// Cause is one code with how often and where it was found.
type Cause struct {
	Code       string
	N          int64
	Facilities int
	FixOnce    bool
}

// Board computes an overview.
func Board(in Input) Overview {
	o := Overview{Now: in.Now, Day: clock.Day(in.Now), WeekAgo: WeekAgo(in.Now)}
	sent := perFacility(in.Today)
	levels := map[facility.Level]*LevelLine{}
	for _, l := range facility.Levels() {
		levels[l] = &LevelLine{Level: l}
	}
	provinces := map[string]*ProvinceLine{}
	for _, p := range in.Places {
		l, known := levels[p.Level]
		if !known {
			l = levels[facility.Commune]
		}
		v := provinces[p.Province]
		if v == nil {
			v = &ProvinceLine{Code: p.Province}
			provinces[p.Province] = v
		}
		s := sent[p.Code]
		add(&l.Registered, &v.Registered, &o.Registered)
		if p.Connected() {
			add(&l.Connected, &v.Connected, &o.Connected)
		}
		if s.records+s.refused > 0 {
			add(&l.Sending, &v.Sending, &o.Sending)
		}
		if p.Silent(in.Now) {
			add(&l.Silent, &v.Silent, &o.Silent)
		}
		l.Sent, v.Sent = l.Sent+s.records, v.Sent+s.records
		l.Accepted, v.Accepted = l.Accepted+s.accepted, v.Accepted+s.accepted
		l.Rejected, v.Rejected = l.Rejected+s.rejected, v.Rejected+s.rejected
	}
	for _, s := range sent {
		o.AcceptedToday += s.accepted
		o.RejectedToday += s.rejected
		o.RefusedToday += s.refused
		if s.rejected > 0 {
			o.RejectedFacilities++
		}
	}
	for _, l := range facility.Levels() {
		o.Levels = append(o.Levels, *levels[l])
	}
	for _, v := range provinces {
		o.Provinces = append(o.Provinces, *v)
	}
	slices.SortFunc(o.Provinces, func(a, b ProvinceLine) int { return cmp.Compare(a.Code, b.Code) })
	o.flows(in)
	o.Causes = top(Causes(in.Today, Rejects), cmp.Or(in.MaxCodes, 5))
	return o
}

func add(counts ...*int) {
	for _, n := range counts {
		*n++
	}
}

type sums struct{ records, accepted, rejected, refused int64 }

func perFacility(cells []Cell) map[care.FacilityCode]sums {
	m := make(map[care.FacilityCode]sums)
	for _, c := range cells {
		s := m[c.Facility]
		switch c.Measure {
		case string(dossier.Accepted), string(dossier.AcceptedWithWarnings):
			s.accepted += c.N
			s.records += c.N
		case string(dossier.Rejected):
			s.rejected += c.N
			s.records += c.N
		case MeasureRefused:
			s.refused += c.N
		default:
			continue
		}
		m[c.Facility] = s
	}
	return m
}

// flows fills the totals. Records are the sum of the three verdicts.
func (o *Overview) flows(in Input) {
	flow := func(measures ...string) Flow {
		var f Flow
		for _, s := range in.Total {
			if slices.Contains(measures, s.Measure) {
				f.Total += s.N
			}
		}
		for _, s := range in.WeekAgo {
			if slices.Contains(measures, s.Measure) {
				f.WeekAgo += s.N
			}
		}
		for _, c := range in.Today {
			if slices.Contains(measures, c.Measure) {
				f.Today += c.N
			}
		}
		return f
	}
	o.Records = flow(Verdicts()...)
	o.Referrals = flow(MeasureReferral)
	o.Prescriptions = flow(MeasurePrescription)
	o.LookUps = flow(MeasureLookUp)
}
