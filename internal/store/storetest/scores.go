package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func scoreCases() []testCase {
	return []testCase{
		{"scores are what the marks say", scoresEqualRecount},
		{"scores are exact at every moment", scoresWhileFolding},
		{"scores are split and selected, by roll-ups and without them", scoresSplit},
		{"an erased record counts no more", scoresErased},
		{"records that fail a check are found", scoresFailing},
		{"a sample of a day is current records with their marks", scoresSampled},
		{"sheets and recounts are kept", scoresKept},
	}
}

// markChecks is how many checks the tests' sheets have.
const markChecks = 21

func sheetOf(kind string) (id tally.ID) {
	copy(id[:], keyedBytes("sheet "+kind))
	return id
}

func keyedBytes(s string) []byte { k := keyed("%s", s); return k[1:] }

// marksFor marks an accepted record, each in its own way; what was not accepted is
// not marked.
func marksFor(p *store.Prepared) tally.Marks {
	if !p.Verdict.State.IsAccepted() || !p.Withdraws.IsZero() {
		return nil
	}
	m := tally.NewMarks(sheetOf(p.Kind), markChecks)
	seed := keyedBytes("marks of " + p.ID.String())
	for i := range markChecks {
		m.Set(i, tally.Mark(int(seed[i%len(seed)])>>(i%5)%3))
	}
	return m.Trim()
}

var everyScore = []house.ScoreDimension{house.ScoreByDay, house.ScoreByFacility, house.ScoreByProvince, house.ScoreByVendor, house.ScoreByLevel, house.ScoreByUnit}

// scoresAgree checks that sums and recount agree.
func (w *world) scoresAgree(when string, scope role.Scope, q house.ScoreQuery) []house.ScoreSum {
	w.t.Helper()
	sum, err := w.s.House.Scores.Sum(w.ctx(), scope, q)
	w.must(err)
	again, err := w.s.House.Scores.Recount(w.ctx(), scope, q)
	w.must(err)
	trim(sum)
	trim(again)
	if diff := cmp.Diff(again, sum, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%s: recounted (-), summed (+): %s", when, diff)
	}
	return sum
}

// trim takes checks that count nothing off the end of tallies.
func trim(sums []house.ScoreSum) {
	for i := range sums {
		t := sums[i].Tally
		for len(t) > 0 && t[len(t)-1] == (tally.Count{}) {
			t = t[:len(t)-1]
		}
		sums[i].Tally = t
	}
}

func (w *world) foldScores() int {
	w.t.Helper()
	n, err := w.s.House.Scores.Fold(w.ctx())
	w.must(err)
	return n
}

func scoresEqualRecount(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.randomDays(rand.New(rand.NewPCG(3, 4)))
	q := house.ScoreQuery{By: everyScore}
	unfolded := w.scoresAgree("unfolded", everything, q)
	if len(unfolded) < 5 {
		t.Fatalf("only %d sums: the days were too quiet", len(unfolded))
	}
	if w.foldScores() == 0 {
		t.Error("nothing was folded")
	}
	if diff := cmp.Diff(unfolded, w.scoresAgree("folded", everything, q)); diff != "" {
		t.Errorf("folding changed: %s", diff)
	}
	w.send(say{episode: "after", content: "after"})
	w.send(say{episode: "after", content: "after that", order: "z"})
	w.scoresAgree("folded and more", everything, q)
	w.reopen()
	w.foldScores()
	w.scoresAgree("reopened", everything, q)
	if n := w.foldScores(); n != 0 {
		t.Errorf("folded %d rows of nothing", n)
	}
}

// scoresSplit asks everything that boards ask, folded in part.
func scoresSplit(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	rng := rand.New(rand.NewPCG(5, 6))
	first := clock.Day(w.clock.Now())
	for range 6 {
		w.randomDays(rng)
		w.foldScores()
		w.clock.Advance(9 * 24 * time.Hour)
	}
	w.randomDays(rng)
	last := clock.Day(w.clock.Now())
	v, _ := w.dir.Current(cityHospital)
	days := []int{0, first, first + 3, last - 1, last}
	scopes := []role.Scope{everything, {Facility: hillStation}, {Province: v.Province}, {Unit: v.Unit}, {}}
	for n := range 120 {
		q := house.ScoreQuery{FromDay: days[rng.IntN(len(days))], ToDay: days[rng.IntN(len(days))]}
		for _, by := range everyScore {
			if rng.IntN(4) == 0 {
				q.By = append(q.By, by)
			}
		}
		for _, f := range []struct {
			to *string
			is string
		}{{&q.Province, v.Province}, {&q.Vendor, v.Vendor}, {&q.Level, string(v.Level)}, {&q.Unit, v.Unit}, {&q.Subject, "qd4750"}} {
			if rng.IntN(5) == 0 {
				*f.to = f.is
			}
		}
		if rng.IntN(8) == 0 {
			q.Facility = coastClinic
		}
		scope := scopes[n%len(scopes)]
		sums := w.scoresAgree(fmt.Sprintf("%+v within %+v", q, scope), scope, q)
		if scope.IsEmpty() && len(sums) > 0 {
			t.Errorf("an empty scope sees %v", sums)
		}
	}
	if _, err := w.s.House.Scores.Sum(w.ctx(), everything, house.ScoreQuery{By: []house.ScoreDimension{"colour"}}); err == nil {
		t.Error("split by a dimension that is none")
	}
	whole, err := w.s.House.Scores.Sum(w.ctx(), everything, house.ScoreQuery{Subject: "qd4750", By: everyScore})
	w.must(err)
	alone, err := w.s.House.Scores.Sum(w.ctx(), everything, house.ScoreQuery{Subject: "qd4750", By: everyScore, One: func(_ string, id tally.ID) int {
		if id != sheetOf("qd4750") {
			return -1
		}
		return 3
	}})
	w.must(err)
	for _, s := range alone {
		at := slices.IndexFunc(whole, func(o house.ScoreSum) bool { return slices.Equal(o.Key, s.Key) })
		if at < 0 || len(s.Tally) != 1 || s.Tally[0] != whole[at].Tally[3] {
			t.Errorf("one check of %v is %v", s.Key, s.Tally)
		}
	}
	if len(alone) == 0 {
		t.Error("one check has no sums")
	}
	touched, err := w.s.House.Scores.Touched(w.ctx(), time.Time{})
	w.must(err)
	if len(touched) < 6 || touched[0] != first {
		t.Errorf("touched %v", touched)
	}
}

func scoresWhileFolding(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	const writers, groups, size = 3, 10, 5
	stop := make(chan struct{})
	var folding, writing sync.WaitGroup
	folding.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := w.s.House.Scores.Fold(w.ctx()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	folding.Go(func() {
		var before int64
		for {
			sums, err := w.s.House.Scores.Sum(w.ctx(), everything, house.ScoreQuery{Subject: "folding"})
			if err != nil {
				t.Error(err)
				return
			}
			var n int64
			if len(sums) == 1 {
				n = sums[0].Tally[0].Applied
			}
			if n < before || n%size != 0 {
				t.Errorf("a count of %d after %d, in steps of %d", n, before, size)
				return
			}
			before = n
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	v, _ := w.dir.Current(cityHospital)
	m := tally.NewMarks(sheetOf("folding"), 1)
	m.Set(0, tally.Failed)
	for range writers {
		writing.Go(func() {
			for range groups {
				if err := w.s.House.Scores.Append(w.ctx(), []house.ScoreDelta{{FacilityVersion: v.ID, Day: 20260302, Subject: "folding", Marks: m, N: size}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	folding.Wait()
	w.foldScores()
	sums, err := w.s.House.Scores.Sum(w.ctx(), everything, house.ScoreQuery{Subject: "folding", By: []house.ScoreDimension{house.ScoreByFacility}})
	w.must(err)
	if len(sums) != 1 || sums[0].Tally[0] != (tally.Count{Applied: writers * groups * size, Failed: writers * groups * size}) || sums[0].Key[0] != string(cityHospital) {
		t.Errorf("%+v", sums)
	}
}

func scoresErased(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.send(say{episode: "a", content: "1", order: "d1"})
	w.clock.Advance(time.Second)
	second := w.send(say{episode: "a", content: "2", order: "d2"})
	w.send(say{episode: "b", content: "3"})
	q := house.ScoreQuery{By: everyScore}
	w.erase(first.ID) // superseded: it counted no more
	w.scoresAgree("a superseded one erased", everything, q)
	w.foldScores()
	w.erase(second.ID)
	w.scoresAgree("a current one erased", everything, q)
	w.foldScores()
	w.scoresAgree("and folded", everything, q)
	if ids, err := w.s.House.Scores.Failing(w.ctx(), everything, house.ScoreQuery{}, sheetOf("qd4750"), 0, 10); err != nil || len(ids) > 1 {
		t.Errorf("%v %v", ids, err)
	}
}

func scoresFailing(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.randomDays(rand.New(rand.NewPCG(7, 8)))
	for check := range markChecks {
		sums, err := w.s.House.Scores.Sum(w.ctx(), everything, house.ScoreQuery{Subject: "qd4750"})
		w.must(err)
		if len(sums) != 1 {
			t.Fatalf("%d sums", len(sums))
		}
		ids, err := w.s.House.Scores.Failing(w.ctx(), everything, house.ScoreQuery{Subject: "qd4750"}, sheetOf("qd4750"), check, 1000)
		w.must(err)
		var want int64
		if check < len(sums[0].Tally) {
			want = sums[0].Tally[check].Failed
		}
		if int64(len(ids)) != want {
			t.Errorf("check %d: %d records fail it, %d counted", check, len(ids), want)
		}
		var last time.Time
		for i, id := range ids {
			r := w.get(id)
			if !r.Current || i > 0 && r.Received.After(last) {
				t.Errorf("record %d of check %d is not current or newer than the one before", i, check)
			}
			last = r.Received
		}
		if len(ids) > 1 {
			some, err := w.s.House.Scores.Failing(w.ctx(), everything, house.ScoreQuery{Subject: "qd4750"}, sheetOf("qd4750"), check, 1)
			w.must(err)
			if len(some) != 1 || some[0] != ids[0] {
				t.Errorf("at most one of check %d: %v", check, some)
			}
		}
	}
	own, err := w.s.House.Scores.Failing(w.ctx(), role.Scope{Facility: hillStation}, house.ScoreQuery{}, sheetOf("qd4750"), 0, 1000)
	w.must(err)
	for _, id := range own {
		if id.Facility != care.FacilityCode(hillStation) {
			t.Errorf("another's record: %s", id)
		}
	}
}

// scoresSampled holds that a sample is of the day and current, no record twice, with
// the marks it was stored with, and that all of a day are drawn where there is room.
func scoresSampled(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.randomDays(rand.New(rand.NewPCG(11, 12)))
	days, err := w.s.House.Scores.Recount(w.ctx(), everything, house.ScoreQuery{By: []house.ScoreDimension{house.ScoreByDay}})
	w.must(err)
	if len(days) == 0 {
		t.Fatal("no days")
	}
	for _, d := range days {
		var day int
		_, err := fmt.Sscan(d.Key[0], &day)
		w.must(err)
		all, err := w.s.House.Scores.Sample(w.ctx(), day, 10_000)
		w.must(err)
		sum := map[string]tally.Tally{}
		seen := map[string]bool{}
		for _, x := range all {
			r := w.get(x.ID)
			if !r.Current || clock.Day(r.Received) != day || seen[x.ID.String()] {
				t.Errorf("day %d: %s is drawn twice, not current or of another day", day, x.ID)
			}
			seen[x.ID.String()] = true
			if id, err := x.Marks.Sheet(); err != nil || id != sheetOf(r.Kind) {
				t.Errorf("%s: marks of %v, %v", x.ID, id, err)
			}
			of := sum[r.Kind]
			of.Add(x.Marks, 1)
			sum[r.Kind] = of
		}
		left := sum[d.Subject]
		if left.Minus(d.Tally); !left.IsZero() {
			t.Errorf("day %d: all that is drawn of %s is not what is counted", day, d.Subject)
		}
		few, err := w.s.House.Scores.Sample(w.ctx(), day, 1)
		if w.must(err); len(few) != min(1, len(all)) {
			t.Errorf("day %d: %d drawn of 1", day, len(few))
		}
		if none, err := w.s.House.Scores.Sample(w.ctx(), day, 0); err != nil || len(none) != 0 {
			t.Errorf("day %d: %d drawn of none, %v", day, len(none), err)
		}
	}
}

func scoresKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := w.s.House.Scores
	at := w.clock.Now()
	own := house.ScoreSheet{Subject: "qd4750", Sheet: sheetOf("a"), Body: []byte(`{"a":1}`), Since: at}
	w.must(x.PutSheet(w.ctx(), own, store.Act{}))
	again := own
	again.Since = at.Add(time.Hour)
	w.must(x.PutSheet(w.ctx(), again, store.Act{})) // another hub starts
	other := house.ScoreSheet{Subject: "qd4750", Sheet: sheetOf("b"), Body: []byte(`{"b":1}`), Since: at.Add(time.Minute), Actor: "ministry"}
	w.must(x.PutSheet(w.ctx(), other, w.act("score.sheet")))
	sheets, err := x.Sheets(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]house.ScoreSheet{own, other}, sheets); diff != "" {
		t.Error(diff)
	}
	back := own
	back.Since, back.Actor = at.Add(2*time.Minute), "ministry"
	w.must(x.PutSheet(w.ctx(), back, w.act("score.sheet")))
	sheets, err = x.Sheets(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]house.ScoreSheet{other, back}, sheets); diff != "" {
		t.Error(diff)
	}
	if err := x.PutSheet(w.ctx(), house.ScoreSheet{Subject: "a\x00b", Body: []byte("{}"), Since: at}, store.Act{}); !errors.Is(err, store.ErrText) {
		t.Errorf("a subject with NUL: %v", err)
	}
	for n, r := range []house.ScoreRecount{{Day: 20260301, At: at, Seen: 10}, {Day: 20260302, At: at, Seen: 3, Unequal: 1, Sampled: 2, Differing: 1}, {Day: 20260301, At: at.Add(time.Hour), Seen: 11}} {
		w.must(x.PutRecount(w.ctx(), r))
		list, err := x.Recounts(w.ctx(), 20260301)
		w.must(err)
		if len(list) != min(n+1, 2) || list[len(list)-1].Day != 20260301 || n == 2 && list[1].Seen != 11 {
			t.Errorf("after %d: %+v", n, list)
		}
	}
	if list, err := x.Recounts(w.ctx(), 20260302); err != nil || len(list) != 1 || list[0].Unequal != 1 || list[0].Differing != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if err := x.Append(w.ctx(), []house.ScoreDelta{{Day: 20260301, Subject: "qd4750", Marks: tally.Marks{1, 2}, N: 1}}); !errors.Is(err, tally.ErrMarks) {
		t.Errorf("marks cut off: %v", err)
	}
}
