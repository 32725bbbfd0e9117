package figure

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The figures that are pinned when a month is over.
const (
	league   = "SL.21"
	inPublic = "SL.32"
)

// newestDays is when the newest statement of a day was pinned, by month and place.
type newestDays map[int]map[Place]time.Time

func (n newestDays) add(list []*Statement) {
	for _, s := range list {
		month, place, at := s.Query.From/100, s.Query.Place(), s.Moment()
		if n[month] == nil {
			n[month] = map[Place]time.Time{}
		}
		if at.After(n[month][place]) {
			n[month][place] = at
		}
	}
}

// closeMonths pins the league and the public numbers of the last month that is over
// on a day, where nobody has yet, and asks again for those of months in which a day
// has a statement that is newer than the month's: what was cut off between the two
// is made up for.
func (d *Desk) closeMonths(ctx context.Context, day int, newest newestDays, a at) (seen, pinned int64, err error) {
	last, _ := noon(day)
	over := last.AddDate(0, 0, 1)
	over = over.AddDate(0, 0, -over.Day()) // the last day of the last whole month
	months := map[int]bool{over.Year()*100 + int(over.Month()): true}
	for m := range newest {
		months[m] = true
	}
	for _, m := range slices.Sorted(maps.Keys(months)) {
		if m > over.Year()*100+int(over.Month()) {
			continue
		}
		s, p, err := d.closeMonth(ctx, m, newest[m], a)
		seen, pinned = seen+s, pinned+p
		if err != nil {
			return seen, pinned, err
		}
	}
	return seen, pinned, nil
}

func (d *Desk) closeMonth(ctx context.Context, month int, days map[Place]time.Time, a at) (seen, pinned int64, err error) {
	questions, err := monthly(month)
	if err != nil {
		return 0, 0, err
	}
	var ask []Query
	for _, q := range questions {
		last, err := d.newest(ctx, q.Subject())
		switch {
		case errors.Is(err, ErrAbsent):
		case err != nil:
			return 0, 0, err
		case !days[q.Place()].After(last.Moment()):
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
	list, err := d.pin(ctx, func() (out []*Statement, err error) {
		for _, q := range ask {
			s, fresh, err := d.next(ctx, q.Figure, q, values[q.Subject()], a)
			if err != nil {
				return nil, err
			}
			if fresh {
				out = append(out, s)
			}
		}
		return out, nil
	})
	return int64(len(ask)), int64(len(list)), err
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
