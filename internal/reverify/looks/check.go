package looks

import (
	"context"
	"slices"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Sources is what the nightly check reads.
type Sources struct {
	Rows     Rows
	Ledger   store.Ledger
	Counters Counters
}

// Counters sums what was counted; store.Counters does.
type Counters interface {
	Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
}

// Report is what a check found.
type Report struct {
	At       time.Time
	Rows     int64 // disclosures
	Unrooted int64 // older than an hour that no leaf covers
	Edited   []Leaf
	Missing  []Leaf
	Days     []Day // complete days on which rows and counters differ
}

// Day is one day in Hanoi.
type Day struct {
	Day     int
	Rows    int64
	Counted int64
}

// Wrong returns how many looks are not as the ledger or the counters have them,
// by "20261121", and by "ledger". More rows than counted are no fault: looks that
// were not yet counted when a process was killed stay uncounted.
func (r *Report) Wrong() map[string]int {
	out := map[string]int{}
	if n := len(r.Edited) + len(r.Missing) + int(r.Unrooted); n > 0 {
		out["ledger"] = n
	}
	for _, d := range r.Days {
		if d.Counted > d.Rows {
			out[time.Date(d.Day/10000, time.Month(d.Day/100%100), d.Day%100, 0, 0, 0, 0, clock.Hanoi).Format("20060102")] = int(d.Counted - d.Rows)
		}
	}
	return out
}

// counts reports whether a row is one that is counted as a look: not a refusal,
// a delivery, or a face shown among candidates.
func counts(d *store.Disclosure) bool {
	return d.Count > 0 && d.Basis != "refused_compartment" && d.Basis != "candidate" && !strings.HasPrefix(d.Role, string(role.Destination))
}

// Check holds every disclosure against the root that the ledger has of it, and
// each complete day's disclosures against its counter.
func Check(ctx context.Context, from Sources, now time.Time) (*Report, error) {
	heads, err := headsOf(ctx, from.Ledger)
	if err != nil {
		return nil, err
	}
	r, days := &Report{At: now}, map[int]int64{}
	book, err := Read(ctx, from.Rows, func(d *store.Disclosure) error {
		r.Rows++
		if counts(d) {
			days[clock.Day(d.At)]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if r.Unrooted, err = unrooted(ctx, from.Rows, now.Add(-time.Hour)); err != nil {
		return nil, err
	}
	for n, size := range heads {
		if err := book.readLog(ctx, from.Ledger, n, size); err != nil {
			return nil, err
		}
	}
	if r.Missing, err = book.Missing(ctx); err != nil {
		return nil, err
	}
	r.Edited = book.Edited()
	r.Days, err = differing(ctx, from.Counters, days, clock.Day(now))
	return r, err
}

func headsOf(ctx context.Context, l store.Ledger) (map[int]uint64, error) {
	logs, err := l.Logs(ctx)
	if err != nil {
		return nil, err
	}
	out := map[int]uint64{}
	for _, n := range logs {
		head, err := l.Head(ctx, n)
		if err != nil {
			return nil, err
		}
		out[n] = head.Size
	}
	return out, nil
}

// readLog gives the book every root that a log has; those after known were put
// there since the rows were read.
func (b *Book) readLog(ctx context.Context, l store.Ledger, n int, known uint64) error {
	head, err := l.Head(ctx, n)
	if err != nil {
		return err
	}
	const step = 2048
	source := l.Source(n)
	for from := uint64(0); from < head.Size; from += step {
		leaves, err := source.Leaves(ctx, from, min(from+step, head.Size))
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			if k, rest, err := ledger.ParseLeaf(leaf); err == nil && k == ledger.LeafDisclosure {
				at := from + uint64(i)
				b.Leaf(Leaf{n, at}, [32]byte(rest), at >= known)
			}
		}
	}
	return nil
}

func unrooted(ctx context.Context, rows Rows, before time.Time) (n int64, err error) {
	err = rows.Disclosures(ctx, func(d *store.Disclosure, place *store.LeafPlace) error {
		if place == nil && d.At.Before(before) {
			n++
		}
		return nil
	})
	return n, err
}

// differing compares complete days.
func differing(ctx context.Context, counters Counters, rows map[int]int64, today int) ([]Day, error) {
	counted, err := counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{Measures: []string{"lookup"}, By: []store.Dimension{store.ByDay}})
	if err != nil {
		return nil, err
	}
	days := map[int]Day{}
	for day, n := range rows {
		days[day] = Day{Day: day, Rows: n}
	}
	for _, c := range counted {
		day := clockDay(c.Key[0])
		d := days[day]
		d.Day, d.Counted = day, c.N
		days[day] = d
	}
	var out []Day
	for _, d := range days {
		if d.Day < today && d.Rows != d.Counted {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Day) int { return a.Day - b.Day })
	return out, nil
}

// clockDay reads "20261121" or "2026-11-21"; 0 for anything else.
func clockDay(s string) int {
	n := 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}
