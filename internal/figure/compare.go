package figure

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/insight"
	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Compare counts again and holds the counters against it: each facility, kind,
// measure and purpose of the day, each measure and day of all days. Counters are
// read before and after, so that what arrives in between is no difference: unequal
// is a recount below or above both. What it found is kept for boards.
func (d *Desk) Compare(ctx context.Context, day int) (night.Report, error) {
	if _, ok := noon(day); !ok {
		return night.Report{}, ErrSpan
	}
	var c comparison
	for _, q := range []store.CountQuery{
		{FromDay: day, ToDay: day, By: []store.Dimension{store.ByMeasure, store.ByDay, store.ByFacility, store.ByKind, store.ByPurpose}},
		{By: []store.Dimension{store.ByMeasure, store.ByDay}},
	} {
		if err := c.run(ctx, d.Counters, q); err != nil {
			return night.Report{}, err
		}
	}
	r := night.Report{Seen: c.seen, Unequal: c.unequal}
	if len(c.first) > 0 {
		r.Note = c.first[0].Key
	}
	if d.Checks == nil {
		return r, nil
	}
	detail, err := json.Marshal(c.first)
	if err != nil {
		return r, err
	}
	return r, d.Checks.PutCheck(ctx, house.Check{Day: day, At: d.Clock.Now(), Counted: c.seen, Unequal: c.unequal, Detail: string(detail)})
}

// Difference is one number that the counters and the rows do not agree on.
type Difference struct {
	Key       string `json:"key"` // measure, day, facility, kind, purpose
	Counted   int64  `json:"counted"`
	Recounted int64  `json:"recounted"`
}

// firstOf is how many differences are kept.
const firstOf = 20

type comparison struct {
	seen, unequal int64
	first         []Difference
}

// ofRows reports whether the rows of records and refusals say a measure: looks and
// what others count are not theirs.
func ofRows(measure string) bool {
	return slices.Contains(insight.Verdicts(), measure) || measure == insight.MeasureRefused || strings.HasPrefix(measure, "doc:") ||
		strings.HasPrefix(measure, "code:") || measure == string(dossier.Superseded) || measure == string(dossier.Withdrawn)
}

func (c *comparison) run(ctx context.Context, counters Counters, q store.CountQuery) error {
	all := role.Scope{All: true}
	type pair struct{ low, high, again int64 }
	numbers := map[string]*pair{}
	read := func(count func(context.Context, role.Scope, store.CountQuery) ([]store.Count, error), put func(*pair, int64)) error {
		list, err := count(ctx, all, q)
		for _, n := range list {
			if !ofRows(n.Key[0]) {
				continue
			}
			k := strings.Join(n.Key, " ")
			if numbers[k] == nil {
				numbers[k] = &pair{}
			}
			put(numbers[k], n.N)
		}
		return err
	}
	if err := read(counters.Sum, func(p *pair, n int64) { p.low = n }); err != nil {
		return err
	}
	if err := read(counters.Recount, func(p *pair, n int64) { p.again = n }); err != nil {
		return err
	}
	if err := read(counters.Sum, func(p *pair, n int64) { p.high = n }); err != nil {
		return err
	}
	keys := make([]string, 0, len(numbers))
	for k := range numbers {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		p := numbers[k]
		c.seen++
		if p.again >= min(p.low, p.high) && p.again <= max(p.low, p.high) {
			continue
		}
		c.unequal++
		if len(c.first) < firstOf {
			c.first = append(c.first, Difference{Key: strings.TrimSpace(k), Counted: p.high, Recounted: p.again})
		}
	}
	return nil
}
