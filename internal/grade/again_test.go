package grade_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/grade"
	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// bare is a dossier without tables: what is marked of it is what was found.
type bare struct{}

func (bare) Tables() []*dossier.Table         { return nil }
func (bare) Table(string) *dossier.Table      { return nil }
func (bare) Field(string, int, string) string { return "" }

// archive keeps the records that are drawn, and how reading them goes.
type archive struct {
	records map[dossier.ID]*store.Record
	bodies  map[dossier.ID]error
	reads   map[dossier.ID]error
	none    map[dossier.ID]bool // read as nothing
	opened  []string
}

func (a *archive) Get(_ context.Context, _ role.Scope, id dossier.ID) (*store.Record, error) {
	if r := a.records[id]; r != nil {
		return r, nil
	}
	return nil, store.ErrAbsent
}

func (a *archive) Body(_ context.Context, id dossier.ID) ([]byte, error) {
	return []byte(id.String()), a.bodies[id]
}

func (a *archive) open(_ context.Context, what string, log int, page []grade.Item) (func(context.Context, int) (dossier.Fields, error), error) {
	var at []string
	for _, x := range page {
		if string(x.Body) != x.Record.ID.String() {
			return nil, errors.New("the body of another record")
		}
		at = append(at, fmt.Sprint(x.Record.Place.Index))
	}
	a.opened = append(a.opened, fmt.Sprintf("%s log %d: %s", what, log, strings.Join(at, " ")))
	return func(_ context.Context, i int) (dossier.Fields, error) {
		id := page[i].Record.ID
		if a.none[id] {
			return nil, nil
		}
		return bare{}, a.reads[id]
	}, nil
}

func id(n int) dossier.ID {
	return dossier.ID{Facility: care.FacilityCode("01001"), Serial: [16]byte{15: byte(n), 14: byte(n >> 8)}}
}

// draw has one more record drawn, of a log and place, with what was found in it.
func (a *archive) draw(x *scores, s *score.Sheet, log int, index uint64, codes ...string) dossier.ID {
	name := id(len(x.sample) + 1)
	r := &store.Record{ID: name, Kind: s.Subject, Received: noon, Place: store.LeafPlace{Log: log, Index: index}}
	for _, c := range codes {
		r.Verdict.Findings = append(r.Verdict.Findings, dossier.Finding{Code: c})
	}
	a.records[name] = r
	x.sample = append(x.sample, house.ScoreSampled{ID: name, Marks: score.NewJudge(s, nil).Mark(bare{}, r.Verdict.Findings, noon)})
	return name
}

func archived(t *testing.T) (*scores, *archive, *score.Sheet, *score.Sheet) {
	t.Helper()
	before, now := sheet(t, "qd4750", "clean", "correct"), sheet(t, "qd4750", "correct", "clean", "consistent")
	x := &scores{}
	x.keep(before, "ministry", noon.AddDate(0, 0, -2))
	x.keep(now, "ministry", noon.AddDate(0, 0, -1))
	return x, &archive{records: map[dossier.ID]*store.Record{}, bodies: map[dossier.ID]error{}, reads: map[dossier.ID]error{}, none: map[dossier.ID]bool{}}, before, now
}

func (a *archive) book(t *testing.T, x *scores, size int) *grade.Book {
	return book(t, x, grade.Deps{Again: grade.Again{Records: a, Open: a.open, Size: size}})
}

// Each record is marked by the sheet its marks name, in force or not.
func TestRejudgeFindsTheSame(t *testing.T) {
	t.Parallel()
	x, a, before, now := archived(t)
	a.draw(x, before, 0, 3, "XML1.HO_TEN.form")
	a.draw(x, now, 0, 1, "XML1.HO_TEN.range", "XML1.HO_TEN.form")
	a.draw(x, now, 1, 2)
	x.recounts = map[int]house.ScoreRecount{20261121: {Day: 20261121, Seen: 9, Unequal: 1, Sampled: 100, Differing: 4}}
	b := a.book(t, x, 0)
	if r := run(t, b.Rejudge(), 20261121); r != (night.Report{Seen: 3}) || x.drawn != 500 {
		t.Errorf("%+v of %d", r, x.drawn)
	}
	// written down before it is read, a page of one log at a time, in order
	if want := []string{"scores/20261121 log 0: 1 3", "scores/20261121 log 1: 2"}; !reflect.DeepEqual(a.opened, want) {
		t.Errorf("%q", a.opened)
	}
	// what one run found stays, and so does what was counted
	if want := (house.ScoreRecount{Day: 20261121, Seen: 9, Unequal: 1, Sampled: 103, Differing: 4}); x.recounts[20261121] != want {
		t.Errorf("%+v", x.recounts[20261121])
	}
	if run(t, a.book(t, x, 7).Rejudge(), 20261120); x.drawn != 7 || !x.recounts[20261120].At.Equal(noon) {
		t.Errorf("%d drawn, %+v", x.drawn, x.recounts[20261120])
	}
}

func TestRejudgeCountsWhatDiffers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil           func(x *scores, a *archive, id dossier.ID)
		seen, differing int64
	}{
		"nothing":               {func(*scores, *archive, dossier.ID) {}, 2, 0},
		"another mark":          {func(x *scores, _ *archive, _ dossier.ID) { x.sample[0].Marks = append(x.sample[0].Marks[:4:4], 0x15) }, 2, 1},
		"no marks":              {func(x *scores, _ *archive, _ dossier.ID) { x.sample[0].Marks = nil }, 2, 1},
		"a sheet nobody knows":  {func(x *scores, _ *archive, _ dossier.ID) { x.sample[0].Marks[0] ^= 1 }, 2, 1},
		"a finding fewer":       {func(_ *scores, a *archive, id dossier.ID) { a.records[id].Verdict.Findings = nil }, 2, 1},
		"of another kind":       {func(_ *scores, a *archive, id dossier.ID) { a.records[id].Kind = "emr" }, 2, 1},
		"cannot be read":        {func(_ *scores, a *archive, id dossier.ID) { a.reads[id] = errors.New("not sealed by this key") }, 2, 1},
		"reads as nothing":      {func(_ *scores, a *archive, id dossier.ID) { a.none[id] = true }, 2, 1},
		"erased since":          {func(_ *scores, a *archive, id dossier.ID) { a.records[id].Erased = noon }, 1, 0},
		"its body erased since": {func(_ *scores, a *archive, id dossier.ID) { a.bodies[id] = store.ErrAbsent }, 1, 0},
		"gone":                  {func(_ *scores, a *archive, id dossier.ID) { delete(a.records, id) }, 1, 0},
	} {
		x, a, _, now := archived(t)
		first := a.draw(x, now, 0, 0, "XML1.HO_TEN.form")
		a.draw(x, now, 0, 1)
		c.spoil(x, a, first)
		r := run(t, a.book(t, x, 0).Rejudge(), 20261121)
		want := night.Report{Seen: c.seen, Unequal: c.differing}
		if c.differing > 0 {
			want.Note = "scores.differing"
		}
		if kept := x.recounts[20261121]; r != want || kept.Sampled != c.seen || kept.Differing != c.differing {
			t.Errorf("%s: %+v, kept %+v", name, r, kept)
		}
	}
}

// A store that is busy says nothing of a record: the run fails and is made again.
func TestRejudgeDoesNotBlameARecordForItsStore(t *testing.T) {
	t.Parallel()
	busy := fault.New(fault.Busy, "store.busy", "Bận.", "Busy.")
	for name, spoil := range map[string]func(a *archive, d *grade.Again, id dossier.ID){
		"reading it": func(a *archive, _ *grade.Again, id dossier.ID) { a.reads[id] = busy },
		"its body":   func(a *archive, _ *grade.Again, id dossier.ID) { a.bodies[id] = busy },
		"opening them": func(_ *archive, d *grade.Again, _ dossier.ID) {
			d.Open = func(context.Context, string, int, []grade.Item) (func(context.Context, int) (dossier.Fields, error), error) {
				return nil, busy
			}
		},
	} {
		x, a, _, now := archived(t)
		first := a.draw(x, now, 0, 0)
		a.draw(x, now, 0, 1)
		d := grade.Again{Records: a, Open: a.open}
		spoil(a, &d, first)
		if _, err := book(t, x, grade.Deps{Again: d}).Rejudge().Run(t.Context(), 20261121); !errors.Is(err, busy) {
			t.Errorf("%s: %v", name, err)
		}
		if len(x.recounts) != 0 {
			t.Errorf("%s: kept %+v", name, x.recounts)
		}
	}
}

func TestRejudgeOpensAHundredAtOnce(t *testing.T) {
	t.Parallel()
	x, a, _, now := archived(t)
	for i := range 230 {
		a.draw(x, now, i%2*3, uint64(1000-i))
	}
	if r := run(t, a.book(t, x, 0).Rejudge(), 20261121); r != (night.Report{Seen: 230}) {
		t.Errorf("%+v", r)
	}
	var sizes []string
	for _, o := range a.opened {
		log, places, _ := strings.Cut(o, ": ")
		sizes = append(sizes, fmt.Sprint(strings.TrimPrefix(log, "scores/20261121 "), " ", len(strings.Fields(places))))
	}
	if want := []string{"log 0 100", "log 0 15", "log 3 100", "log 3 15"}; !reflect.DeepEqual(sizes, want) {
		t.Errorf("%q", sizes)
	}
}

// Words of rules that said them themselves hold for what is judged again too.
func TestRejudgeKnowsTheWordsOfRules(t *testing.T) {
	t.Parallel()
	x, a, _, now := archived(t)
	a.draw(x, now, 0, 0, "R.X.sings")
	words := map[string]score.Word{"R.X.sings": score.Consistent}
	x.sample[0].Marks = score.NewJudge(now, words).Mark(bare{}, a.records[x.sample[0].ID].Verdict.Findings, noon)
	b := a.book(t, x, 0)
	if r := run(t, b.Rejudge(), 20261121); r.Unequal != 1 {
		t.Errorf("without their words: %+v", r)
	}
	b.RuleWords = func() map[string]score.Word { return words }
	if r := run(t, b.Rejudge(), 20261121); r.Unequal != 0 {
		t.Errorf("with them: %+v", r)
	}
}
