package standing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Statement is what was done for the facilities of one maker of software in a month:
// counts only, no facility's patients and no money. A facility counts for the maker
// its version of the day named.
type Statement struct {
	Vendor     string
	Month      Month
	Days       int // of the month that have begun
	Kinds      []KindLine
	Sent       int64 // records
	Accepted   int64
	Rejected   int64
	Refused    int64 // files returned whole
	Facilities int   // that sent
	Sending    int   // days on which one of them sent
	Up         Up
	Causes     []Cause
	Partial    bool // only the most frequent causes were counted
	Work       house.Work
	Marks      []Mark
	At         time.Time
}

// Up is how many days of how many its senders sent: each facility counts from the
// first day of the month on which it sent.
type Up struct{ Days, Of int64 }

// KindLine is the volume of one kind.
type KindLine struct {
	Kind                     string
	Sent, Accepted, Rejected int64
}

// Cause is what rejected records.
type Cause struct {
	Code       string
	N          int64
	Facilities int
}

// monthKept is for how long a month's numbers are given again: a month that is over
// changes seldom, the running one is read from the rows again.
const (
	monthKept   = time.Hour
	runningKept = 5 * time.Minute
)

func keep(m Month, now time.Time) time.Duration {
	if m == MonthOf(now) {
		return runningKept
	}
	return monthKept
}

// Vendors are the makers that facilities name, by name.
func (d *Desk) Vendors() []string {
	set := map[string]bool{}
	for _, v := range d.Directory().All() {
		if v.Vendor != "" {
			set[v.Vendor] = true
		}
	}
	out := make([]string, 0, len(set))
	for v := range set {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}

// VendorOf is the maker that a partner's role is bound to; ok is false without one.
func (d *Desk) VendorOf(ctx context.Context, partner string) (string, bool, error) {
	all, err := d.Rejects.Vendors(ctx)
	i := slices.IndexFunc(all, func(v store.Vendor) bool { return v.ID == partner })
	if err != nil || i < 0 {
		return "", false, err
	}
	return all[i].Name, true, nil
}

// Statement computes a maker's month. The answer must not be changed.
func (d *Desk) Statement(ctx context.Context, vendor string, m Month) (*Statement, error) {
	now := d.Clock.Now()
	return d.works.Get(now, keep(m, now), fmt.Sprint(m, vendor), func() (*Statement, error) { return d.statement(ctx, vendor, m, now) })
}

func (d *Desk) statement(ctx context.Context, vendor string, m Month, now time.Time) (*Statement, error) {
	s := &Statement{Vendor: vendor, Month: m, At: now}
	var err error
	if s.Marks, err = d.Marks(ctx); err != nil {
		return nil, err
	}
	first, last := m.Days()
	if today := clock.Day(now); today < last {
		last = today
	}
	s.Days = last - first + 1
	measures := append(insight.Verdicts(), insight.MeasureRefused)
	everything := role.Scope{All: true}
	kinds, err := d.Counters.Sum(ctx, everything, store.CountQuery{FromDay: first, ToDay: last, Measures: measures, By: []store.Dimension{store.ByVendor, store.ByKind, store.ByMeasure}})
	if err != nil {
		return nil, err
	}
	s.volumes(kinds)
	days, err := d.Counters.Sum(ctx, everything, store.CountQuery{FromDay: first, ToDay: last, Measures: measures, By: []store.Dimension{store.ByVendor, store.ByFacility, store.ByDay}})
	if err != nil {
		return nil, err
	}
	s.uptime(days, last)
	if err := d.causes(ctx, s); err != nil {
		return nil, err
	}
	s.Work, err = d.Benefits.Work(ctx, m.Span(), vendor)
	return s, err
}

func (s *Statement) volumes(counts []store.Count) {
	for _, c := range counts {
		if c.Key[0] != s.Vendor {
			continue
		}
		if c.Key[2] == insight.MeasureRefused {
			s.Refused += c.N
			continue
		}
		i := slices.IndexFunc(s.Kinds, func(l KindLine) bool { return l.Kind == c.Key[1] })
		if i < 0 {
			i, s.Kinds = len(s.Kinds), append(s.Kinds, KindLine{Kind: c.Key[1]})
		}
		l := &s.Kinds[i]
		l.Sent, s.Sent = l.Sent+c.N, s.Sent+c.N
		if c.Key[2] == "rejected" {
			l.Rejected, s.Rejected = l.Rejected+c.N, s.Rejected+c.N
		} else {
			l.Accepted, s.Accepted = l.Accepted+c.N, s.Accepted+c.N
		}
	}
	slices.SortFunc(s.Kinds, func(a, b KindLine) int { return cmp.Or(cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Kind, b.Kind)) })
}

// uptime counts days; counts are in the order of vendor, facility and day.
func (s *Statement) uptime(counts []store.Count, last int) {
	days, since := map[string]bool{}, map[string]int{}
	for _, c := range counts {
		if c.Key[0] != s.Vendor {
			continue
		}
		day := 0
		if _, err := fmt.Sscan(c.Key[2], &day); err != nil {
			continue // no day: not sent by anybody
		}
		days[c.Key[2]] = true
		if at, ok := since[c.Key[1]]; !ok || day < at {
			since[c.Key[1]] = day
		}
		s.Up.Days++
	}
	for _, day := range since {
		s.Up.Of += int64(last - day + 1)
	}
	s.Facilities, s.Sending = len(since), len(days)
}

func (d *Desk) causes(ctx context.Context, s *Statement) error {
	if s.Vendor == "" {
		return nil
	}
	span := s.Month.Span()
	rows, err := d.Rejects.Rejects(ctx, store.SoftwareQuery{From: span.From, To: span.To, Name: s.Vendor})
	if err != nil {
		return err
	}
	s.Partial = len(rows) >= store.SoftwareRows
	at := map[string]int{}
	told := map[[2]string]bool{} // a facility has a row for each version of its software
	for _, r := range rows {
		if !insight.Rejects(r.Code) {
			continue
		}
		i, ok := at[r.Code]
		if !ok {
			i, at[r.Code] = len(s.Causes), len(s.Causes)
			s.Causes = append(s.Causes, Cause{Code: r.Code})
		}
		s.Causes[i].N += r.N
		if one := [2]string{r.Code, string(r.Facility)}; !told[one] {
			told[one] = true
			s.Causes[i].Facilities++
		}
	}
	slices.SortStableFunc(s.Causes, func(a, b Cause) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Code, b.Code)) })
	return nil
}
