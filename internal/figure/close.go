package figure

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/insight"
	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// closed are the figures that are pinned every night.
func closed() []insight.Figure {
	var out []insight.Figure
	for _, f := range insight.Figures() {
		switch f.ID {
		case "SL.02", "SL.03", "SL.04", "SL.08", "SL.09", "SL.13":
			out = append(out, f)
		}
	}
	return out
}

// lookBack is for how many days a closed figure is looked at again each night.
const lookBack = 35

// nightly is who closes.
const nightly = "hub"

// Jobs are what is done each night: counters are held against the rows, then the
// day's figures are closed.
func (d *Desk) Jobs() []night.Job {
	return []night.Job{{ID: "counters.recount", Run: d.Compare}, {ID: "figures.close", Run: d.Close}}
}

// Close pins the figures of a day that is over, for the country, every province
// and every unit, and looks again at the days before: where late or withdrawn data
// changed one, there is a version more that says so. So are the league and the public
// numbers of a month that is over. Done again it does nothing new.
func (d *Desk) Close(ctx context.Context, day int) (night.Report, error) {
	last, ok := noon(day)
	if !ok || day >= clock.Day(d.Clock.Now()) {
		return night.Report{}, ErrSpan
	}
	a, err := d.here(ctx)
	if err != nil {
		return night.Report{}, err
	}
	first := clock.Day(last.AddDate(0, 0, 1-lookBack))
	totals, err := d.totals(ctx, first, day, a)
	if err != nil {
		return night.Report{}, err
	}
	var r night.Report
	newest := newestDays{}
	for at := last.AddDate(0, 0, 1-lookBack); !at.After(last); at = at.AddDate(0, 0, 1) {
		seen, pinned, err := d.closeDay(ctx, clock.Day(at), clock.Day(at) == day, totals, a, newest)
		r.Seen, r.Changed = r.Seen+seen, r.Changed+pinned
		if err != nil {
			return r, err
		}
	}
	seen, changed, err := d.closeMonths(ctx, day, newest, a)
	r.Seen, r.Changed = r.Seen+seen, r.Changed+changed
	return r, err
}

// totals are the numbers of all subjects of some days, without their parts.
func (d *Desk) totals(ctx context.Context, from, to int, a at) (map[string]int64, error) {
	out := map[string]int64{}
	for _, standing := range []bool{false, true} {
		counts, err := d.Counters.Recount(ctx, role.Scope{All: true}, store.CountQuery{FromDay: from, ToDay: to, Standing: standing, AsOf: a.sizes(),
			Measures: measures(standing), By: []store.Dimension{store.ByDay, store.ByMeasure, store.ByProvince, store.ByUnit}})
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			day, err := strconv.Atoi(c.Key[0])
			if err != nil {
				return nil, err
			}
			for _, f := range closed() {
				if f.Standing != standing || !slices.Contains(f.Measures, c.Key[1]) {
					continue
				}
				for _, p := range placesOf(c.Key[2], c.Key[3]) {
					q, err := Ask(f.ID, p, day, day)
					if err != nil { // as in questions: a unit whose name is no role has no figures
						continue
					}
					out[q.Subject()] += c.N
				}
			}
		}
	}
	return out, nil
}

func placesOf(province, unit string) []Place {
	out := []Place{{}}
	if province != "" {
		out = append(out, Place{Province: province})
	}
	if unit != "" {
		out = append(out, Place{Unit: unit})
	}
	return out
}

// measures are those of the closed figures that stand, or of the others.
func measures(standing bool) []string {
	set := map[string]bool{}
	for _, f := range closed() {
		for _, m := range f.Measures {
			if f.Standing == standing {
				set[m] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// closeDay pins what a day has no statement of, if it is new, and what changed, and
// notes in newest what the day has then.
func (d *Desk) closeDay(ctx context.Context, day int, fresh bool, totals map[string]int64, a at, newest newestDays) (seen, pinned int64, err error) {
	kept := map[string]*Statement{}
	for _, f := range closed() {
		list, err := d.Newest(ctx, f.ID+"-"+strconv.Itoa(day)+"-")
		if err != nil {
			return 0, 0, err
		}
		newest.add(list)
		for _, s := range list {
			kept[s.Query.Subject()] = s
		}
	}
	if !fresh && len(kept) == 0 {
		return 0, 0, nil
	}
	questions := d.questions(day)
	list, err := d.pin(ctx, func() ([]*Statement, error) { return d.changed(ctx, questions, kept, fresh, totals, a) })
	newest.add(list)
	return int64(len(questions)), int64(len(list)), err
}

// changed are the statements that a day has yet to be given.
func (d *Desk) changed(ctx context.Context, questions []Query, kept map[string]*Statement, fresh bool, totals map[string]int64, a at) (out []*Statement, err error) {
	var answers map[string]Value // of all questions of the day, once one is asked
	for _, q := range questions {
		last := kept[q.Subject()]
		if last == nil && !fresh || last != nil && !fresh && last.Read().N == totals[q.Subject()] {
			continue
		}
		if answers == nil {
			if answers, err = d.answers(ctx, q.From, a); err != nil {
				return nil, err
			}
		}
		v, ok := answers[q.Subject()]
		if !ok {
			v.By = map[string]int64{}
		}
		s, isNew, err := d.next(ctx, q.Figure, q, v, a)
		if err != nil {
			return nil, err
		}
		if isNew {
			out = append(out, s)
		}
	}
	return out, nil
}

// pinTries is how often a list is made anew of which somebody pinned one meanwhile.
const pinTries = 3

// pin keeps what list gives. Where somebody pinned one of the same meanwhile, none of
// it is kept: the list is made again, without that one. Fault: store.ErrChanged when
// that goes on.
func (d *Desk) pin(ctx context.Context, list func() ([]*Statement, error)) ([]*Statement, error) {
	for try := 1; ; try++ {
		out, err := list()
		if err == nil {
			err = d.keep(ctx, nightly, out)
		}
		switch {
		case err == nil:
			return out, nil
		case !errors.Is(err, store.ErrChanged) || try == pinTries:
			return nil, err
		}
	}
}

// answers are what count gives for each question of a day that anything is counted
// of, by its subject: all out of two counts, as each by itself reads the whole day.
func (d *Desk) answers(ctx context.Context, day int, a at) (map[string]Value, error) {
	out := map[string]Value{}
	for _, standing := range []bool{false, true} {
		counts, err := d.Counters.Recount(ctx, role.Scope{All: true}, store.CountQuery{FromDay: day, ToDay: day, Standing: standing, AsOf: a.sizes(),
			Measures: measures(standing), By: []store.Dimension{store.ByMeasure, store.ByProvince, store.ByUnit, store.ByFacility}})
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			part := map[string]string{string(store.ByProvince): c.Key[1], string(store.ByFacility): c.Key[3]}
			for _, f := range closed() {
				if f.Standing != standing || !slices.Contains(f.Measures, c.Key[0]) {
					continue
				}
				for _, p := range placesOf(c.Key[1], c.Key[2]) {
					q, err := Ask(f.ID, p, day, day)
					if err != nil { // as in questions
						continue
					}
					v := out[q.Subject()]
					if v.By == nil {
						v.By = map[string]int64{}
					}
					v.N += c.N
					v.By[part[q.By]] += c.N
					out[q.Subject()] = v
				}
			}
		}
	}
	return out, nil
}

// questions are those that are closed for a day, in order.
func (d *Desk) questions(day int) []Query {
	places := []Place{{}}
	for _, p := range catalog.Provinces() {
		places = append(places, Place{Province: p.Code})
	}
	for _, u := range d.units() {
		places = append(places, Place{Unit: u})
	}
	var out []Query
	for _, f := range closed() {
		for _, p := range places {
			if q, err := Ask(f.ID, p, day, day); err == nil { // a unit whose name is no role has no figures
				out = append(out, q)
			}
		}
	}
	return out
}

// units are those that facilities belong to.
func (d *Desk) units() []string {
	if d.Directory == nil {
		return nil
	}
	set := map[string]bool{}
	for _, v := range d.Directory().All() {
		if v.Unit != "" {
			set[v.Unit] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
