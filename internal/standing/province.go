package standing

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/insight"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Province is the board of one.
type Province struct {
	Code    string
	Board   insight.Overview
	From    int // of the words and of shares: the first of 30 days
	Words   map[score.Word]score.Ratio
	Targets []Aim
}

// Aim is what a province means to reach, and where it stands.
type Aim struct {
	house.Target
	Now, Of  int64 // a number: Of is 0; a share: Now of Of
	Permille int   // of a share, -1 nothing was counted
	Reached  bool
	Late     bool
	Versions []house.Target // all, oldest first
}

// Share reports whether the measure is a share, in per mille.
func Share(measure string) bool { return measure == "accepted" || strings.HasPrefix(measure, "word.") }

// Measures are what a target can be of.
func Measures() []string {
	out := []string{"connected", "sending", "accepted"}
	for _, w := range score.Words() {
		out = append(out, "word."+string(w))
	}
	return out
}

// boardDays is how many days words and shares of a province's board are of.
const boardDays = 30

// Province computes the board of a province. Fault: standing.province.
func (d *Desk) Province(ctx context.Context, code string) (*Province, error) {
	if _, ok := catalog.ProvinceByCode(code); !ok {
		return nil, ErrProvince
	}
	now := d.Clock.Now()
	p := &Province{Code: code, From: clock.Day(now.AddDate(0, 0, 1-boardDays))}
	scope := role.Scope{Province: code}
	var err error
	if p.Board, err = d.board(ctx, scope, now); err != nil {
		return nil, err
	}
	words, err := d.words(ctx, scope, house.ScoreQuery{FromDay: p.From})
	if err != nil {
		return nil, err
	}
	p.Words = words[""]
	sums, err := d.sums(ctx, scope, p.From, 0, insight.Verdicts())
	if err != nil {
		return nil, err
	}
	all, err := d.Targets.Targets(ctx, code)
	if err != nil {
		return nil, err
	}
	p.aims(all, sums, clock.Day(now))
	return p, nil
}

// board is the first page's numbers of a scope.
func (d *Desk) board(ctx context.Context, scope role.Scope, now time.Time) (insight.Overview, error) {
	in := insight.Input{Now: now}
	places, err := d.places(ctx, scope)
	if err != nil {
		return insight.Overview{}, err
	}
	for _, p := range places {
		in.Places = append(in.Places, p)
	}
	shown := append(insight.Verdicts(), insight.MeasureReferral, insight.MeasurePrescription, insight.MeasureLookUp)
	if in.Total, err = d.sums(ctx, scope, 0, 0, shown); err != nil {
		return insight.Overview{}, err
	}
	week := insight.WeekAgo(now)
	if in.WeekAgo, err = d.sums(ctx, scope, week, week, shown); err != nil {
		return insight.Overview{}, err
	}
	today := clock.Day(now)
	counts, err := d.Counters.Sum(ctx, scope, store.CountQuery{FromDay: today, ToDay: today, By: []store.Dimension{store.ByFacility, store.ByMeasure}})
	if err != nil {
		return insight.Overview{}, err
	}
	for _, c := range counts {
		in.Today = append(in.Today, insight.Cell{Facility: care.FacilityCode(c.Key[0]), Measure: c.Key[1], N: c.N})
	}
	return insight.Board(in), nil
}

func (d *Desk) sums(ctx context.Context, scope role.Scope, from, to int, measures []string) ([]insight.Sum, error) {
	counts, err := d.Counters.Sum(ctx, scope, store.CountQuery{FromDay: from, ToDay: to, Measures: measures, By: []store.Dimension{store.ByMeasure}})
	out := make([]insight.Sum, len(counts))
	for i, c := range counts {
		out[i] = insight.Sum{Measure: c.Key[0], N: c.N}
	}
	return out, err
}

// aims holds targets against the figures.
func (p *Province) aims(all []house.Target, sums []insight.Sum, today int) {
	for i := 0; i < len(all); {
		end := i
		for end < len(all) && all[end].ID == all[i].ID {
			end++
		}
		a := Aim{Target: all[end-1], Versions: all[i:end], Permille: -1}
		i = end
		if a.Ended {
			continue
		}
		switch {
		case a.ID == "connected":
			a.Now = int64(p.Board.Connected)
		case a.ID == "sending":
			a.Now = int64(p.Board.Sending)
		case a.ID == "accepted":
			a.Now, a.Of = sumOf(sums, "accepted", "accepted_with_warnings"), sumOf(sums, insight.Verdicts()...)
		default:
			r := p.Words[score.Word(strings.TrimPrefix(a.ID, "word."))]
			a.Now, a.Of = r.Passed, r.Applied
		}
		a.Reached = a.Now >= a.Value
		if Share(a.ID) {
			a.Permille = score.Ratio{Passed: a.Now, Applied: a.Of}.Permille()
			a.Reached = a.Of > 0 && a.Now*1000 >= a.Value*a.Of
		}
		a.Late = !a.Reached && a.Due < today
		p.Targets = append(p.Targets, a)
	}
}

// mostNote bounds a note, in characters.
const mostNote = 500

// Aim sets what a province means to reach, or ends it: a version more. Was is the
// version the page showed, 0 without one. Faults: standing.province,
// standing.target, store.changed where somebody else was quicker.
func (d *Desk) Aim(ctx context.Context, who role.Role, t house.Target, was int) error {
	now := d.Clock.Now()
	if _, ok := catalog.ProvinceByCode(t.Province); !ok {
		return ErrProvince
	}
	if !slices.Contains(Measures(), t.ID) || t.Value < 1 || t.Value > 1_000_000 || Share(t.ID) && t.Value > 1000 || len([]rune(t.Note)) > mostNote {
		return ErrTarget
	}
	if _, ok := noon(t.Due); !t.Ended && (!ok || t.Due < clock.Day(now)) {
		return ErrTarget
	}
	t.Version, t.At, t.By = was+1, now, who.String()
	action := "target.set"
	if t.Ended {
		action = "target.ended"
	}
	detail, err := json.Marshal(map[string]any{"measure": t.ID, "version": t.Version, "value": t.Value, "due": t.Due, "note": t.Note, "rows": []string{t.Mark()}})
	if err != nil {
		return err
	}
	act := store.Act{At: now, Actor: who.String(), Action: action, Object: "province:" + t.Province, Detail: string(detail)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	if err := d.Targets.PutTarget(ctx, t, act); errors.Is(err, store.ErrText) {
		return ErrTarget.Because(err)
	} else if err != nil {
		return err
	}
	return nil
}
