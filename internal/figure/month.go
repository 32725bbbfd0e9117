package figure

import (
	"context"
	"errors"
	"maps"
	"slices"

	"lienthong/internal/catalog"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The figures that are pinned when a month is over.
const (
	league   = "SL.21"
	inPublic = "SL.32"
)

// touched are the months, and the places in them, in which a closed day has changed.
type touched map[int]map[Place]bool

func (t touched) add(list []*Statement) {
	for _, s := range list {
		month := s.Query.From / 100
		if t[month] == nil {
			t[month] = map[Place]bool{}
		}
		t[month][s.Query.Place()] = true
	}
}

// closeMonths pins the league and the public numbers of the last month that is over
// on a day, where nobody has yet, and again those of months in which a day changed.
func (d *Desk) closeMonths(ctx context.Context, day int, changed touched, a at) (seen, pinned int64, err error) {
	last, _ := noon(day)
	over := last.AddDate(0, 0, 1)
	over = over.AddDate(0, 0, -over.Day()) // the last day of the last whole month
	months := map[int]bool{over.Year()*100 + int(over.Month()): true}
	for m := range changed {
		months[m] = true
	}
	for _, m := range slices.Sorted(maps.Keys(months)) {
		if m > over.Year()*100+int(over.Month()) {
			continue
		}
		s, p, err := d.closeMonth(ctx, m, changed[m], a)
		seen, pinned = seen+s, pinned+p
		if err != nil {
			return seen, pinned, err
		}
	}
	return seen, pinned, nil
}

func (d *Desk) closeMonth(ctx context.Context, month int, changed map[Place]bool, a at) (seen, pinned int64, err error) {
	questions, err := monthly(month)
	if err != nil {
		return 0, 0, err
	}
	var ask []Query
	for _, q := range questions {
		_, err := d.newest(ctx, q.Subject())
		switch {
		case errors.Is(err, ErrAbsent):
		case err != nil:
			return 0, 0, err
		case !changed[q.Place()]:
			continue
		}
		ask = append(ask, q)
	}
	if len(ask) == 0 {
		return 0, 0, nil
	}
	values, err := d.spread(ctx, ask, a)
	if err != nil {
		return 0, 0, err
	}
	var list []*Statement
	for _, q := range ask {
		seen++
		s, fresh, err := d.next(ctx, q.Figure, q, values[q.Subject()], a)
		if err != nil {
			return seen, 0, err
		}
		if fresh {
			list = append(list, s)
		}
	}
	if err := d.keep(ctx, nightly, list); err != nil && !errors.Is(err, store.ErrChanged) { // changed: another hub closes the same month
		return seen, 0, err
	}
	return seen, int64(len(list)), nil
}

// monthly are the questions of a month.
func monthly(month int) ([]Query, error) {
	first := month*100 + 1
	public, err := Ask(inPublic, Place{}, first, first)
	if err != nil {
		return nil, err
	}
	out := []Query{public}
	for _, p := range append([]Place{{}}, provinces()...) {
		q, err := Ask(league, p, first, public.To)
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

func provinces() []Place {
	var out []Place
	for _, p := range catalog.Provinces() {
		out = append(out, Place{Province: p.Code})
	}
	return out
}

// spread counts questions of one month by reading its rows once for all places.
func (d *Desk) spread(ctx context.Context, list []Query, a at) (map[string]Value, error) {
	out := map[string]Value{}
	byPlace := map[Place]Query{}
	for _, q := range list {
		if q.Figure == league {
			byPlace[q.Place()] = q
			out[q.Subject()] = Value{By: map[string]int64{}}
			continue
		}
		v, err := d.count(ctx, q, a.sizes())
		if err != nil {
			return nil, err
		}
		out[q.Subject()] = v
	}
	if len(byPlace) == 0 {
		return out, nil
	}
	var one Query
	for _, one = range byPlace {
		break
	}
	err := d.eachPart(ctx, role.Scope{All: true}, one, a.sizes(), []store.Dimension{store.ByProvince}, func(province, key, part string, n int64) {
		for _, p := range placesOf(province, "") {
			if q, ok := byPlace[p]; ok {
				v := out[q.Subject()]
				v.add(q, key, part, n)
				out[q.Subject()] = v
			}
		}
	})
	return out, err
}
