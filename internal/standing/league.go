package standing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// measureElsewhere counts looks by another facility than the author's.
const measureElsewhere = "lookup.elsewhere"

// Line is how one facility takes part over some days.
type Line struct {
	insight.Standing
	Vendor      string
	Retrievable int64 // accepted and neither superseded nor withdrawn
	Opened      int64 // looks by other facilities
	Words       map[score.Word]score.Ratio
	Moved       bool // it belongs elsewhere now; what is counted here came while it belonged here
}

// Asked selects lines.
type Asked struct {
	From, To                int // days, inclusive
	Province, Level, Vendor string
	Show                    string // "", connected, sending, silent, never
	Sort                    string
}

// leagueKept is for how long a league is given again.
const leagueKept = 30 * time.Second

// League returns how the facilities of a scope take part, sorted. Numbers are those
// that count for the scope: of a facility that moved between provinces each province
// has what came while it belonged there. The list must not be changed.
func (d *Desk) League(ctx context.Context, scope role.Scope, a Asked) ([]Line, error) {
	now := d.Clock.Now()
	if first, ok := noon(a.From); !ok || a.To < a.From || a.To > clock.Day(now) || a.From < clock.Day(now.AddDate(0, -mostMonths, 0)) || a.To > clock.Day(first.AddDate(0, 0, 91)) {
		return nil, ErrSpan
	}
	all, err := d.leagues.Get(now, leagueKept, fmt.Sprint(scope, a.From, a.To), func() ([]Line, error) { return d.league(ctx, scope, a.From, a.To) })
	if err != nil {
		return nil, err
	}
	var out []Line
	for _, l := range all {
		if (a.Province == "" || l.Province == a.Province) && (a.Level == "" || string(l.Level) == a.Level) && (a.Vendor == "" || l.Vendor == a.Vendor) && l.shown(a.Show) {
			out = append(out, l)
		}
	}
	sortLines(out, a.Sort)
	return out, nil
}

func noon(day int) (time.Time, bool) {
	t := time.Date(day/10000, time.Month(day/100%100), day%100, 12, 0, 0, 0, clock.Hanoi)
	return t, day > 0 && clock.Day(t) == day
}

func (l *Line) shown(show string) bool {
	switch show {
	case "connected":
		return l.Connected() || l.Moved // it was while it belonged here
	case "sending":
		return l.Sent+l.Refused > 0
	case "silent":
		return l.Silence
	case "never":
		return !l.Connected() && !l.Moved
	}
	return true
}

func (d *Desk) league(ctx context.Context, scope role.Scope, from, to int) ([]Line, error) {
	places, err := d.places(ctx, scope)
	if err != nil {
		return nil, err
	}
	measures := append(insight.Verdicts(), insight.MeasureRefused, string(dossier.Superseded), string(dossier.Withdrawn), measureElsewhere)
	counts, err := d.Counters.Sum(ctx, scope, store.CountQuery{FromDay: from, ToDay: to, Measures: measures, By: []store.Dimension{store.ByFacility, store.ByMeasure}})
	if err != nil {
		return nil, err
	}
	until := to
	if to >= clock.Day(d.Clock.Now()) { // nothing is later: the running month is there as one
		until = 0
	}
	words, err := d.words(ctx, scope, house.ScoreQuery{FromDay: from, ToDay: until, By: []house.ScoreDimension{house.ScoreByFacility}})
	if err != nil {
		return nil, err
	}
	dir := d.Directory()
	var cells []insight.Cell
	gone, opened := map[care.FacilityCode]int64{}, map[care.FacilityCode]int64{}
	moved := map[care.FacilityCode]bool{}
	for _, c := range counts {
		code := care.FacilityCode(c.Key[0])
		if _, here := places[code]; !here {
			if v, ok := dir.Current(code); ok {
				places[code], moved[code] = d.place(v, time.Time{}), true
			}
		}
		switch c.Key[1] {
		case string(dossier.Superseded):
			gone[code] += c.N
		case string(dossier.Withdrawn):
			gone[code] += 2 * c.N // the record, and the withdrawal, which was accepted too
		case measureElsewhere:
			opened[code] += c.N
		default:
			cells = append(cells, insight.Cell{Facility: code, Measure: c.Key[1], N: c.N})
		}
	}
	list := make([]insight.Place, 0, len(places))
	for _, p := range places {
		list = append(list, p)
	}
	var out []Line
	for _, s := range insight.Standings(d.Clock.Now(), list, cells) {
		v, _ := dir.Current(s.Code)
		out = append(out, Line{Standing: s, Vendor: v.Vendor, Retrievable: max(0, s.Accepted-gone[s.Code]), Opened: opened[s.Code], Words: words[string(s.Code)], Moved: moved[s.Code]})
	}
	return out, nil
}

// sortLines sorts by a column: those of insight.SortStandings, "retrievable",
// "opened", "vendor", and the words; shares sort worst first, without one last.
func sortLines(list []Line, column string) {
	if slices.Contains(score.Words(), score.Word(column)) {
		w := score.Word(column)
		slices.SortStableFunc(list, func(a, b Line) int { return cmp.Compare(rank(a.Words[w]), rank(b.Words[w])) })
		return
	}
	switch column {
	case "retrievable":
		slices.SortStableFunc(list, func(a, b Line) int { return cmp.Compare(b.Retrievable, a.Retrievable) })
	case "opened":
		slices.SortStableFunc(list, func(a, b Line) int { return cmp.Compare(b.Opened, a.Opened) })
	case "vendor":
		slices.SortStableFunc(list, func(a, b Line) int { return cmp.Compare(a.Vendor, b.Vendor) })
	default:
		standings := make([]insight.Standing, len(list))
		at := make(map[care.FacilityCode]Line, len(list))
		for i, l := range list {
			standings[i], at[l.Code] = l.Standing, l
		}
		insight.SortStandings(standings, column)
		for i, s := range standings {
			list[i] = at[s.Code]
		}
	}
}

func rank(r score.Ratio) float64 {
	if r.Applied == 0 {
		return 2
	}
	return float64(r.Passed) / float64(r.Applied)
}
