package standing_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/grade"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/standing"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// noon of 22 November 2026 in Hanoi, where all tests happen.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, clock.Hanoi)

// row is what a counter counts; province and vendor are those of its day.
type row struct {
	day                                       int
	facility, province, vendor, kind, measure string
	n                                         int64
}

func (r row) of(by store.Dimension) string {
	switch by {
	case store.ByDay:
		return fmt.Sprint(r.day)
	case store.ByKind:
		return r.kind
	case store.ByMeasure:
		return r.measure
	case store.ByFacility:
		return r.facility
	case store.ByProvince:
		return r.province
	case store.ByVendor:
		return r.vendor
	}
	panic("not counted by " + string(by))
}

// world is everything a desk asks, as tests fill it in.
type world struct {
	clock     *clock.Fake
	rows      []row
	words     []grade.Line
	asked     []house.ScoreQuery
	seen      map[care.FacilityCode]time.Time
	versions  []facility.Version
	late      map[care.FacilityCode]bool // of those whose calendar is known
	rejects   []store.SoftwareCount
	vendors   []store.Vendor
	targets   []house.Target
	acts      []store.Act
	spans     []house.Span
	delivered house.Delivered
	tested    house.Tested
	within    time.Duration
	work      house.Work
	vendor    string
	opened    int64
	bases     []string
	sizes     map[int]uint64
	pinned    map[standing.Month][]standing.PublicNumber
	fail      error // of deliveries
}

func (w *world) desk(t *testing.T) *standing.Desk {
	t.Helper()
	if w.clock == nil {
		w.clock = clock.NewFake(noon)
	}
	directory := facility.NewDirectory(facility.Contents{Versions: w.versions})
	d, err := standing.New(standing.Deps{Counters: w, Grades: w, Seen: w, Ledger: w, Rejects: w, Targets: w, Benefits: w, Looks: w, Clock: w.clock,
		Directory: func() *facility.Directory { return directory }, Bases: []string{"referral", "consent"},
		Late: func(code care.FacilityCode, _ time.Time) (bool, bool) {
			late, learned := w.late[code]
			return learned, late
		},
		Pinned: func(_ context.Context, m standing.Month) (string, []standing.PublicNumber, error) {
			if n, ok := w.pinned[m]; ok {
				return "pinned-" + m.String(), n, nil
			}
			return "", nil, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Sum adds counters up as a store does.
func (w *world) Sum(_ context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	sums := map[string]int64{}
	for _, r := range w.rows {
		if scope.Province != "" && r.province != scope.Province || r.day < q.FromDay || r.day > cmp.Or(q.ToDay, 99991231) || q.Measures != nil && !slices.Contains(q.Measures, r.measure) {
			continue
		}
		key := make([]string, len(q.By))
		for i, by := range q.By {
			key[i] = r.of(by)
		}
		sums[strings.Join(key, "\x00")] += r.n
	}
	var out []store.Count
	for key, n := range sums {
		out = append(out, store.Count{Key: strings.Split(key, "\x00"), N: n})
	}
	slices.SortFunc(out, func(a, b store.Count) int { return slices.Compare(a.Key, b.Key) })
	return out, nil
}

func (w *world) Words(_ context.Context, _ role.Scope, q house.ScoreQuery) ([]grade.Line, error) {
	w.asked = append(w.asked, q)
	return w.words, nil
}

func (w *world) LastSeen(context.Context, role.Scope) (map[care.FacilityCode]time.Time, error) {
	return w.seen, nil
}

func (w *world) Logs(context.Context) ([]int, error) { return []int{0, 1}, nil }

func (w *world) Head(_ context.Context, log int) (store.Head, error) {
	return store.Head{Log: log, Head: ledger.Head{Size: w.sizes[log]}}, nil
}

func (w *world) Checkpoint(_ context.Context, log int, size uint64) (string, error) {
	return fmt.Sprintf("hub/log/%d\n%d\nroot-%d-%d=\n\n- hub signature\n", log, size, log, size), nil
}

func (w *world) Rejects(_ context.Context, q store.SoftwareQuery) ([]store.SoftwareCount, error) {
	w.spans, w.vendor = append(w.spans, house.Span{From: q.From, To: q.To}), q.Name
	return w.rejects, nil
}

func (w *world) Vendors(context.Context) ([]store.Vendor, error) { return w.vendors, nil }

func (w *world) PutTarget(_ context.Context, t house.Target, act store.Act) error {
	w.targets, w.acts = append(w.targets, t), append(w.acts, act)
	return nil
}

func (w *world) Targets(context.Context, string) ([]house.Target, error) { return w.targets, nil }

func (w *world) Delivered(_ context.Context, s house.Span) (house.Delivered, error) {
	w.spans = append(w.spans, s)
	return w.delivered, w.fail
}

func (w *world) Tested(_ context.Context, s house.Span, within time.Duration) (house.Tested, error) {
	w.spans, w.within = append(w.spans, s), within
	return w.tested, nil
}

func (w *world) Work(_ context.Context, s house.Span, vendor string) (house.Work, error) {
	w.spans, w.vendor = append(w.spans, s), vendor
	return w.work, nil
}

func (w *world) Elsewhere(_ context.Context, s house.Span, bases []string) (int64, error) {
	w.spans, w.bases = append(w.spans, s), bases
	return w.opened, nil
}

func word(key string, w score.Word, passed, applied int64) grade.Line {
	l := grade.Line{Subject: "qd4750", Words: map[score.Word]score.Ratio{w: {Passed: passed, Applied: applied}}}
	if key != "" {
		l.Key = []string{key}
	}
	return l
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now         time.Time
		this, first string
	}{
		"a day in a month":          {noon, "2026-11", "2024-12"},
		"the last moment of a year": {time.Date(2026, 12, 31, 16, 59, 59, 0, time.UTC), "2026-12", "2025-01"},
		"Hanoi is a year further":   {time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC), "2027-01", "2025-02"},
		"a day that others lack":    {time.Date(2028, 2, 29, 12, 0, 0, 0, clock.Hanoi), "2028-02", "2026-03"},
		"the 31st":                  {time.Date(2027, 3, 31, 12, 0, 0, 0, clock.Hanoi), "2027-03", "2025-04"},
	} {
		list := standing.Months(c.now)
		if len(list) != 24 || list[0].String() != c.this || list[23].String() != c.first {
			t.Errorf("%s: %v", name, list)
		}
		for i, m := range list {
			if i > 0 && standing.MonthOf(list[i-1].First().AddDate(0, -1, 0)) != m {
				t.Errorf("%s: %v is not before %v", name, m, list[i-1])
			}
		}
		// what can be read is what can be chosen, and nothing else
		at := list[0].First()
		for i := -30; i <= 3; i++ {
			m := standing.MonthOf(at.AddDate(0, i, 0))
			got, err := standing.ParseMonth(m.String(), c.now)
			if slices.Contains(list, m) != (err == nil) || err == nil && got != m {
				t.Errorf("%s: %v is %v %v", name, m, got, err)
			}
		}
		if m, err := standing.ParseMonth("", c.now); err != nil || m != list[0] {
			t.Errorf("%s: without a month %v %v", name, m, err)
		}
	}
	for _, bad := range []string{"2026", "202610", "2026-13", "2026-00", "2026-1", "2026-010", "2026/10", "20-2610", "-202610", "2026-1a", " 026-10", "2026-10 ", "٢٠٢٦-١٠"} {
		if m, err := standing.ParseMonth(bad, noon); err != standing.ErrSpan {
			t.Errorf("%q: %v %v", bad, m, err)
		}
	}
}

func TestMonthIsOfHanoi(t *testing.T) {
	t.Parallel()
	for m, want := range map[standing.Month][2]int{202402: {20240201, 20240229}, 202602: {20260201, 20260228}, 202612: {20261201, 20261231}} {
		first, last := m.Days()
		if [2]int{first, last} != want {
			t.Errorf("%v: %d to %d", m, first, last)
		}
		s := m.Span()
		if clock.Day(s.From) != first || clock.Day(s.From.Add(-1)) >= first || clock.Day(s.To.Add(-1)) != last || clock.Day(s.To) <= last {
			t.Errorf("%v: %v to %v", m, s.From, s.To)
		}
	}
}

func TestMarksSayWhereLogsStood(t *testing.T) {
	t.Parallel()
	w := &world{sizes: map[int]uint64{1: 42}}
	marks, err := w.desk(t).Marks(t.Context())
	if err != nil || standing.MarksText(marks) != "log 1 size 42 root root-1-42=" {
		t.Errorf("%q %v", standing.MarksText(marks), err)
	}
	if standing.MarksText(nil) != "" {
		t.Error("no logs are no text")
	}
}

func TestDeskNeedsAllItsParts(t *testing.T) {
	t.Parallel()
	if _, err := standing.New(standing.Deps{Counters: &world{}, Clock: clock.NewFake(noon)}); err == nil {
		t.Error("a desk without its parts")
	}
}
