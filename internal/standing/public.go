package standing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/cells"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Edition is what anybody may read: whole months that are over, by province, as
// package cells tells them. Each month of each number is one column by itself. There
// are no totals over months, no days and no running month: from one edition to the
// next nothing can be subtracted.
type Edition struct {
	Version string // the last month in it: "2026-10"
	At      time.Time
	Months  []PublicMonth // newest first
	Words   []PublicWord  // of the last month
	Marks   []Mark
}

// PublicMonth is a month.
type PublicMonth struct {
	Month     Month
	Statement string // the pinned text its numbers are of; "" where they are not pinned
	Numbers   []PublicNumber
}

// PublicNumber is one number of a month by province; Total is the nation's.
type PublicNumber struct {
	ID    string   // "records", "referrals", "prescriptions"
	Codes []string // of provinces; "" nowhere
	cells.Column
}

// PublicWord is one of the eight words of the nation, in per mille.
type PublicWord struct {
	Word     score.Word
	Permille int // -1: not told, or nothing was counted
}

// publicMonths is how many months an edition has.
const publicMonths = 12

// numbers are what is told, and the counters each is the sum of. None is a part of
// another: their columns say nothing of each other.
func numbers() []insight.Part {
	f, _ := insight.FigureByID("SL.32")
	return f.Parts
}

// Edition returns what is public now: it changes when a month is over. The answer
// must not be changed.
func (d *Desk) Edition(ctx context.Context) (*Edition, error) {
	now := d.Clock.Now()
	last := MonthOf(MonthOf(now).First().AddDate(0, -1, 0))
	return d.public.Get(now, monthKept, last.String(), func() (*Edition, error) { return d.edition(ctx, last, now) })
}

func (d *Desk) edition(ctx context.Context, last Month, now time.Time) (*Edition, error) {
	e := &Edition{Version: last.String(), At: now}
	var err error
	if e.Marks, err = d.Marks(ctx); err != nil {
		return nil, err
	}
	for i := range publicMonths {
		m := MonthOf(last.First().AddDate(0, -i, 0))
		month, any, err := d.publicMonth(ctx, m)
		if err != nil {
			return nil, err
		}
		if any || i == 0 {
			e.Months = append(e.Months, month)
		}
	}
	first, to := last.Days()
	words, err := d.words(ctx, role.Scope{All: true}, house.ScoreQuery{FromDay: first, ToDay: to})
	if err != nil {
		return nil, err
	}
	for _, w := range score.Words() {
		r, p := words[""][w], PublicWord{Word: w, Permille: -1}
		if r.Applied >= leastWord {
			p.Permille = r.Permille()
		}
		e.Words = append(e.Words, p)
	}
	return e, nil
}

// leastWord is of how many checks a share is told in per mille: below, the share
// would tell how many failed.
const leastWord = 10_000

func (d *Desk) publicMonth(ctx context.Context, m Month) (PublicMonth, bool, error) {
	out, any := PublicMonth{Month: m}, false
	first, last := m.Days()
	if d.Pinned != nil {
		id, pinned, err := d.Pinned(ctx, m)
		if err != nil || id != "" {
			out.Statement, out.Numbers = id, pinned
			return out, true, err
		}
	}
	for _, n := range numbers() {
		counts, err := d.Counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{FromDay: first, ToDay: last, Measures: n.Measures, By: []store.Dimension{store.ByProvince}})
		if err != nil {
			return out, false, err
		}
		column := PublicNumber{ID: n.Name}
		values := map[string]int64{}
		for _, p := range catalog.Provinces() {
			values[p.Code] = 0
		}
		for _, c := range counts {
			values[c.Key[0]] += c.N
			any = any || c.N > 0
		}
		for code := range values {
			column.Codes = append(column.Codes, code)
		}
		slices.SortFunc(column.Codes, func(a, b string) int { return cmp.Compare(a, b) })
		list := make([]int64, len(column.Codes))
		for i, code := range column.Codes {
			list[i] = max(0, values[code])
		}
		column.Column = cells.Tell(list, cells.Least)
		out.Numbers = append(out.Numbers, column)
	}
	return out, any, nil
}

// Shown writes a cell for files: the number, "<10", or "" for one that is not told.
func Shown(c cells.Cell) string {
	switch c.Hide {
	case cells.Small:
		return fmt.Sprintf("<%d", cells.Least)
	case cells.Guard:
		return ""
	}
	return fmt.Sprint(c.N)
}
