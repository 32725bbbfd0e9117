package scoring_test

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
)

const checks = 9

var versions = map[int64]scoring.Attributes{
	0: {}, // nobody's
	1: {Facility: "01001", Province: "01", Vendor: "A", Level: "3", Unit: "u1"},
	2: {Facility: "01001", Province: "79", Vendor: "B", Level: "3", Unit: "u1"}, // it moved and changed its maker
	3: {Facility: "79001", Province: "79", Vendor: "A", Level: "4"},
	4: {Facility: "79002", Province: "79", Level: "4", Unit: "u2"},
}

// deltas are marks of records, some of which were taken back.
func deltas(r *rand.Rand, n int) []house.ScoreDelta {
	first := time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)
	var out []house.ScoreDelta
	for len(out) < n {
		day := first.AddDate(0, 0, r.IntN(100))
		m := tally.NewMarks(tally.ID{byte(r.IntN(2)), 7}, checks)
		for i := range checks {
			m.Set(i, tally.Mark(r.IntN(3)))
		}
		d := house.ScoreDelta{FacilityVersion: int64(r.IntN(len(versions))), Day: day.Year()*10000 + int(day.Month())*100 + day.Day(),
			Subject: []string{"qd4750", "db:vaccination"}[r.IntN(2)], Marks: m.Trim(), N: 1}
		if out = append(out, d); r.IntN(5) == 0 {
			d.N = -1
			out = append(out, d)
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// folded appends deltas in commits and folds the commits, both of at most so many.
func folded(t *testing.T, all []house.ScoreDelta, commit, fold int) map[scoring.Place][]byte {
	t.Helper()
	type appended struct {
		row    scoring.Row
		vector []byte
	}
	var log []appended
	for len(all) > 0 {
		var g scoring.Group
		n := min(commit, len(all))
		for _, d := range all[:n] {
			if err := g.Add(d); err != nil {
				t.Fatal(err)
			}
		}
		rows, vectors := g.Rows()
		for i := range rows {
			log = append(log, appended{rows[i], vectors[i]})
		}
		all = all[n:]
	}
	kept := map[scoring.Place][]byte{}
	for len(log) > 0 {
		var f scoring.Fold
		n := min(fold, len(log))
		for _, a := range log[:n] {
			if err := f.Add(a.row, versions[a.row.Version], a.vector); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range f.Places() {
			vector, err := f.Onto(p, kept[p])
			if err != nil {
				t.Fatal(err)
			}
			kept[p] = vector
		}
		log = log[n:]
	}
	for p, vector := range kept {
		if len(vector) == 0 { // taken back whole
			delete(kept, p)
		}
	}
	return kept
}

// However deltas are cut into commits and commits into folds, the sums are the same.
func TestFoldingInAnyGroupsGivesTheSameSums(t *testing.T) {
	t.Parallel()
	all := deltas(rand.New(rand.NewPCG(8, 3)), 400)
	want := folded(t, all, len(all), len(all))
	if len(want) < 500 {
		t.Fatalf("only %d places", len(want))
	}
	for _, by := range [][2]int{{1, 1}, {1, 1000}, {7, 3}, {50, 400}} {
		if got := folded(t, all, by[0], by[1]); !reflect.DeepEqual(got, want) {
			t.Errorf("%d in a commit, %d in a fold: other sums", by[0], by[1])
		}
	}
}

// What is planned and read out of folded rows is what the deltas themselves come to,
// whoever asks for whatever.
func TestPlannedRowsAnswerLikeTheMarksThemselves(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 4))
	all := deltas(r, 400)
	kept := folded(t, all, 20, 30)
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	scopes := []role.Scope{nation, nation, {Province: "01"}, {Province: "79"}, {Unit: "u1"}, {Facility: "01001"}}
	dimensions := by(house.ScoreByDay, house.ScoreByFacility, house.ScoreByProvince, house.ScoreByVendor, house.ScoreByLevel, house.ScoreByUnit)
	some := 0
	for range 600 {
		q := house.ScoreQuery{Subject: pick("", "", "qd4750"), Province: pick("", "", "79"), Vendor: pick("", "", "", "A"),
			Level: pick("", "", "", "4"), Unit: pick("", "", "", "", "u1"), FromDay: all[r.IntN(len(all))].Day * r.IntN(2), ToDay: all[r.IntN(len(all))].Day * r.IntN(2)}
		for range r.IntN(3) {
			q.By = append(q.By, dimensions[r.IntN(len(dimensions))])
		}
		scope := scopes[r.IntN(len(scopes))]
		want := direct(all, scope, q)
		if got := planned(t, kept, scope, q); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v %+v:\n%+v, not\n%+v", scope, q, got, want)
		}
		some += min(1, len(want))
	}
	if some < 200 {
		t.Errorf("only %d answers said anything", some)
	}
}

func wanted(at scoring.Attributes, scope role.Scope, q house.ScoreQuery) bool {
	for _, c := range [][2]string{
		{string(scope.Facility), at.Facility}, {scope.Province, at.Province}, {scope.Unit, at.Unit},
		{string(q.Facility), at.Facility}, {q.Province, at.Province}, {q.Vendor, at.Vendor}, {q.Level, at.Level}, {q.Unit, at.Unit},
	} {
		if c[0] != "" && c[0] != c[1] {
			return false
		}
	}
	return true
}

func direct(all []house.ScoreDelta, scope role.Scope, q house.ScoreQuery) []house.ScoreSum {
	add := scoring.NewAdder(q)
	for _, d := range all {
		at := versions[d.FacilityVersion]
		if wanted(at, scope, q) && d.Day >= q.FromDay && d.Day <= cmp.Or(q.ToDay, open) && (q.Subject == "" || q.Subject == d.Subject) {
			sheet, _ := d.Marks.Sheet()
			add.Of(d.Subject, sheet, at, d.Day).Add(d.Marks, d.N)
		}
	}
	return trimmed(add.Sums())
}

// planned reads folded rows as an engine does.
func planned(t *testing.T, kept map[scoring.Place][]byte, scope role.Scope, q house.ScoreQuery) []house.ScoreSum {
	t.Helper()
	parts, err := scoring.Plan(scope, q)
	if err != nil {
		t.Fatal(err)
	}
	add := scoring.NewAdder(q)
	for _, p := range parts {
		for place, vector := range kept {
			if place.Scale != p.Scale || place.Day < p.From || place.Day > p.To || q.Subject != "" && place.Subject != q.Subject {
				continue
			}
			at := p.Attributes(place.Member)
			if p.ByVersion() {
				id, err := strconv.ParseInt(place.Member, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if at = versions[id]; !wanted(at, scope, q) {
					continue
				}
			} else if p.Has && place.Member != p.Member {
				continue
			}
			if err := add.Bytes(place.Subject, place.Sheet, at, place.Day, vector); err != nil {
				t.Fatal(err)
			}
		}
	}
	return trimmed(add.Sums())
}

// trimmed leaves counts of nothing at the end out: they are as good as absent.
func trimmed(sums []house.ScoreSum) []house.ScoreSum {
	for i, s := range sums {
		var t tally.Tally
		if err := t.PlusBytes(s.Tally.Marshal()); err != nil {
			panic(err)
		}
		sums[i].Tally = t
	}
	return sums
}

func TestGroupLeavesOutWhatSaysNothing(t *testing.T) {
	t.Parallel()
	m := tally.NewMarks(tally.ID{1}, 1)
	m.Set(0, tally.Failed)
	d := house.ScoreDelta{FacilityVersion: 3, Day: 20261101, Subject: "qd4750", Marks: m, N: 1}
	back, none, unmarked, bare := d, d, d, d
	back.N, none.N, unmarked.Marks, bare.Marks = -1, 0, nil, tally.Marks{1, 0, 0, 0}
	for name, list := range map[string][]house.ScoreDelta{
		"nothing": nil, "counted no times": {none}, "nobody marked it": {unmarked}, "no check applied": {bare}, "taken back": {d, back},
	} {
		var g scoring.Group
		for _, d := range list {
			if err := g.Add(d); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if rows, vectors := g.Rows(); len(rows)+len(vectors) != 0 {
			t.Errorf("%s: %v", name, rows)
		}
	}
	var g scoring.Group
	d2 := d
	d2.FacilityVersion = 2
	for _, d := range []house.ScoreDelta{d, d2, d, back, d} {
		if err := g.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	rows, vectors := g.Rows()
	want := []scoring.Row{{Version: 2, Day: 20261101, Subject: "qd4750", Sheet: tally.ID{1}}, {Version: 3, Day: 20261101, Subject: "qd4750", Sheet: tally.ID{1}}}
	if !reflect.DeepEqual(rows, want) || !bytes.Equal(vectors[0], tally.Tally{{Applied: 1, Failed: 1}}.Marshal()) || !bytes.Equal(vectors[1], tally.Tally{{Applied: 2, Failed: 2}}.Marshal()) {
		t.Errorf("%v %v", rows, vectors)
	}
}

func TestGroupRefusesWhatIsNoDelta(t *testing.T) {
	t.Parallel()
	m := tally.NewMarks(tally.ID{1}, 1)
	m.Set(0, tally.Passed)
	both := tally.Marks{1, 0, 0, 0, 3}
	for name, c := range map[string]struct {
		d    house.ScoreDelta
		want error // nil: any
	}{
		"no subject":        {house.ScoreDelta{Day: 20261101, Marks: m, N: 1}, nil},
		"no day":            {house.ScoreDelta{Subject: "s", Marks: m, N: 1}, nil},
		"a month":           {house.ScoreDelta{Subject: "s", Day: 202611, Marks: m, N: 1}, nil},
		"passed and failed": {house.ScoreDelta{Subject: "s", Day: 20261101, Marks: both, N: 1}, tally.ErrMarks},
		"no sheet":          {house.ScoreDelta{Subject: "s", Day: 20261101, Marks: tally.Marks{1, 2}, N: 1}, tally.ErrMarks},
		"no text":           {house.ScoreDelta{Subject: "s\x00", Day: 20261101, Marks: m, N: 1}, base.ErrText},
	} {
		var g scoring.Group
		if err := g.Add(c.d); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if rows, _ := g.Rows(); len(rows) != 0 {
			t.Errorf("%s: kept %v", name, rows)
		}
	}
}

func TestFoldRefusesWhatIsNoTally(t *testing.T) {
	t.Parallel()
	var f scoring.Fold
	if err := f.Add(scoring.Row{Version: 1, Day: 20261101, Subject: "s"}, versions[1], []byte{0x80}); !errors.Is(err, tally.ErrTally) {
		t.Errorf("a broken row: %v", err)
	}
	f = scoring.Fold{}
	if err := f.Add(scoring.Row{Version: 1, Day: 20261101, Subject: "s"}, versions[1], tally.Tally{{Applied: 1}}.Marshal()); err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Places() {
		if _, err := f.Onto(p, []byte{0x80}); !errors.Is(err, tally.ErrTally) {
			t.Errorf("a broken row kept at %+v: %v", p, err)
		}
	}
}
