package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func counterCases() []testCase {
	return []testCase{
		{"counts are what the rows say", countsEqualRecount},
		{"counts are exact at every moment", countsWhileFolding},
		{"counts are split and selected", countsSplit},
		{"counts of places are those of their facilities", countsOfPlaces},
		{"minutes are kept for two days", minutes},
	}
}

var everyDimension = []store.Dimension{store.ByDay, store.ByKind, store.ByMeasure, store.ByPurpose, store.ByFacility, store.ByLevel, store.ByProvince, store.ByUnit, store.ByVendor, store.ByType}

// same checks that sums and recount agree.
func (w *world) countsAgree(when string, q store.CountQuery) []store.Count {
	w.t.Helper()
	sum, err := w.s.Counters.Sum(w.ctx(), everything, q)
	w.must(err)
	again, err := w.s.Counters.Recount(w.ctx(), everything, q)
	w.must(err)
	less := func(a, b store.Count) bool { return fmt.Sprint(a.Key) < fmt.Sprint(b.Key) }
	if diff := cmp.Diff(again, sum, cmpopts.SortSlices(less), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%s: recounted (-), summed (+): %s", when, diff)
	}
	return sum
}

func (w *world) fold() int {
	w.t.Helper()
	n, err := w.s.Counters.Fold(w.ctx())
	w.must(err)
	return n
}

func countsEqualRecount(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.randomDays(rand.New(rand.NewPCG(1, 2)))
	q := store.CountQuery{By: everyDimension}
	unfolded := w.countsAgree("unfolded", q)
	if len(unfolded) < 20 {
		t.Fatalf("only %d counts: the days were too quiet", len(unfolded))
	}
	if w.fold() == 0 {
		t.Error("nothing was folded")
	}
	if diff := cmp.Diff(unfolded, w.countsAgree("folded", q)); diff != "" {
		t.Errorf("folding changed: %s", diff)
	}
	w.send(say{episode: "after", content: "after"})
	w.countsAgree("folded and more", q)
	w.reopen()
	w.fold()
	w.countsAgree("reopened", q)
	if n := w.fold(); n != 0 {
		t.Errorf("folded %d rows of nothing", n)
	}
}

// randomDays sends what hospitals send in some days.
func (w *world) randomDays(rng *rand.Rand) {
	w.t.Helper()
	facilities := []care.FacilityCode{cityHospital, hillStation, coastClinic}
	for i := range 80 {
		w.clock.Advance(time.Duration(rng.IntN(7200)) * time.Second)
		x := say{facility: facilities[rng.IntN(3)], episode: fmt.Sprint("e", rng.IntN(20)), content: fmt.Sprint("c", i, " of ", clock.Day(w.clock.Now()))}
		switch rng.IntN(8) {
		case 0:
			x.state = dossier.Rejected
			x.findings = []dossier.Finding{{Code: "time.future", Severity: dossier.Error}}
		case 1, 2:
			x.state = dossier.AcceptedWithWarnings
			x.findings = []dossier.Finding{
				{Code: "XML2.MA_THUOC.unknown", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment}, Table: "XML2", Row: 1},
				{Code: "XML2.MA_THUOC.unknown", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment}, Table: "XML2", Row: 2},
				{Code: "XML1.MA_BENH.form", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment, dossier.Statistics}},
				{Code: "XML1.NGAY_SINH.partial", Severity: dossier.Info},
			}
			x.tags = []string{"XML2.MA_THUOC.unknown", "XML1.MA_BENH.form", "XML1.NGAY_SINH.partial", "doc:XML7"}
		case 3:
			x.kind = "checkin"
		case 4:
			x.late = !w.known(x).Head.Current.IsZero()
		case 5:
			if k := w.known(x); !k.Head.Current.IsZero() {
				w.commit(w.withdrawal(x, k.Head.Current))
				continue
			}
		case 6:
			v, _ := w.dir.Current(x.facility)
			w.must(w.s.Intake.Refuse(w.ctx(), []store.Refusal{{ID: w.newID(x.facility), At: w.clock.Now(), Sender: "x", Code: "seal.missing", FacilityVersion: v.ID,
				Deltas: []store.Delta{{FacilityVersion: v.ID, Day: clock.Day(w.clock.Now()), Measure: "refused", N: 1}}}}))
			continue
		}
		w.send(x)
		if rng.IntN(10) == 0 {
			w.fold()
		}
	}
}

func countsWhileFolding(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	const writers, groups, size = 3, 12, 5
	stop := make(chan struct{})
	var folding, writing sync.WaitGroup
	folding.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := w.s.Counters.Fold(w.ctx()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	folding.Go(func() {
		var before int64
		for {
			n := w.total(dossier.Accepted)
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
	prepared := make([][][]store.Prepared, writers)
	for i := range prepared {
		for g := range groups {
			var group []store.Prepared
			for m := range size {
				group = append(group, w.prepare(say{episode: fmt.Sprint(i, g, m), content: "c"}))
			}
			prepared[i] = append(prepared[i], group)
		}
	}
	for i := range prepared {
		writing.Go(func() {
			for _, group := range prepared[i] {
				before := w.total(dossier.Accepted)
				if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, group); err != nil {
					t.Error(err)
					return
				}
				if after := w.total(dossier.Accepted); after < before+size {
					t.Errorf("counted %d before and %d after a commit of %d", before, after, size)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	folding.Wait()
	if n := w.total(dossier.Accepted); n != writers*groups*size {
		t.Errorf("%d in the end", n)
	}
	w.countsAgree("in the end", store.CountQuery{By: everyDimension})
}

// total is the count of one measure. It fails the test without ending it, for
// it is asked from several goroutines.
func (w *world) total(s dossier.State) int64 {
	c, err := w.s.Counters.Sum(w.ctx(), everything, store.CountQuery{Measures: []string{string(s)}})
	if err != nil {
		w.t.Error(err)
		return 0
	}
	if len(c) == 0 {
		return 0
	}
	return c[0].N
}

func countsSplit(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.send(say{episode: "a", content: "a"})
	w.send(say{facility: hillStation, episode: "b", content: "b", kind: "checkin"})
	w.clock.Advance(24 * time.Hour)
	w.send(say{facility: hillStation, episode: "c", content: "c", state: dossier.Rejected})
	v, _ := w.dir.Current(coastClinic)
	w.must(w.s.Counters.Add(w.ctx(), w.clock.Now(), []store.Delta{{FacilityVersion: v.ID, Day: 20260702, Measure: "lookup", N: 3}, {FacilityVersion: 0, Day: 20260702, Measure: "lookup", N: 1}}))
	for name, q := range map[string]struct {
		store.CountQuery
		want []store.Count
	}{
		"one number":  {store.CountQuery{}, []store.Count{{Key: []string{}, N: 7}}},
		"measures":    {store.CountQuery{By: []store.Dimension{store.ByMeasure}}, []store.Count{{Key: []string{"accepted"}, N: 2}, {Key: []string{"lookup"}, N: 4}, {Key: []string{"rejected"}, N: 1}}},
		"some":        {store.CountQuery{Measures: []string{"rejected", "accepted"}, By: []store.Dimension{store.ByProvince}}, []store.Count{{Key: []string{"24"}, N: 2}, {Key: []string{"79"}, N: 1}}},
		"no measure":  {store.CountQuery{Measures: []string{}, By: []store.Dimension{store.ByMeasure}}, nil},
		"from a day":  {store.CountQuery{FromDay: 20260702, By: []store.Dimension{store.ByDay, store.ByMeasure}}, []store.Count{{Key: []string{"20260702", "lookup"}, N: 4}, {Key: []string{"20260702", "rejected"}, N: 1}}},
		"to a day":    {store.CountQuery{ToDay: 20260701, By: []store.Dimension{store.ByFacility}}, []store.Count{{Key: []string{string(hillStation)}, N: 1}, {Key: []string{string(cityHospital)}, N: 1}}},
		"a kind":      {store.CountQuery{Kind: "checkin", By: []store.Dimension{store.ByLevel, store.ByType, store.ByVendor, store.ByUnit}}, []store.Count{{Key: []string{"commune", "station", "beta", "ttb"}, N: 1}}},
		"a facility":  {store.CountQuery{Facility: hillStation}, []store.Count{{Key: []string{}, N: 2}}},
		"a province":  {store.CountQuery{Province: "48"}, []store.Count{{Key: []string{}, N: 3}}},
		"nobody's":    {store.CountQuery{Measures: []string{"lookup"}, By: []store.Dimension{store.ByFacility}}, []store.Count{{Key: []string{""}, N: 1}, {Key: []string{string(coastClinic)}, N: 3}}},
		"what is not": {store.CountQuery{Kind: "none"}, nil},
	} {
		got, err := w.s.Counters.Sum(w.ctx(), everything, q.CountQuery)
		w.must(err)
		if diff := cmp.Diff(q.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := w.s.Counters.Sum(w.ctx(), everything, store.CountQuery{By: []store.Dimension{"day; DROP TABLE record"}}); err == nil {
		t.Error("a dimension nobody knows was taken")
	}
}

// countsOfPlaces holds numbers that are kept by place against rows, folded in part,
// for every scope that a place can be.
func countsOfPlaces(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.randomDays(rand.New(rand.NewPCG(5, 6)))
	check := func(when string) {
		t.Helper()
		for _, scope := range []role.Scope{everything, {Province: "24"}, {Province: "48"}, {Province: "99"}, {Unit: "ttb"}, {Unit: "none"}, {Province: "48", Unit: "ttb"}, {Facility: hillStation}, {}} {
			for _, q := range []store.CountQuery{{}, {By: []store.Dimension{store.ByMeasure}}, {Province: "48", By: []store.Dimension{store.ByDay, store.ByMeasure}},
				{Measures: []string{"accepted", "rejected"}, By: []store.Dimension{store.ByProvince, store.ByUnit}}, {FromDay: 20260702, ToDay: 20260703, Kind: "qd4750", By: []store.Dimension{store.ByKind, store.ByPurpose, store.ByMeasure}},
				{Facility: hillStation, By: []store.Dimension{store.ByMeasure}}} {
				sum, err := w.s.Counters.Sum(w.ctx(), scope, q)
				w.must(err)
				again, err := w.s.Counters.Recount(w.ctx(), scope, q)
				w.must(err)
				if diff := cmp.Diff(again, sum, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s, %+v, %+v: recounted (-), summed (+): %s", when, scope, q, diff)
				}
			}
		}
	}
	check("folded in part")
	w.fold()
	check("folded")
	w.send(say{facility: hillStation, episode: "after", content: "after"})
	check("and more")
}

func minutes(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.clock.Advance(time.Minute - 124*time.Millisecond) // near a minute's end
	first := w.clock.Now().Truncate(time.Minute)
	w.send(say{episode: "a", content: "a"})
	w.clock.Advance(time.Second)
	w.send(say{episode: "b", content: "b"})
	w.fold()
	w.send(say{episode: "c", content: "c", state: dossier.Rejected})
	w.send(say{episode: "d", content: "d"})
	want := []store.MinuteCount{{Minute: first, Measure: "accepted", N: 1}, {Minute: first.Add(time.Minute), Measure: "accepted", N: 2}, {Minute: first.Add(time.Minute), Measure: "rejected", N: 1}}
	for range 2 {
		got, err := w.s.Counters.Minutes(w.ctx(), everything, first)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.fold()
	}
	got, err := w.s.Counters.Minutes(w.ctx(), everything, first.Add(time.Minute))
	w.must(err)
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Error(diff)
	}
	w.clock.Advance(49 * time.Hour)
	w.fold()
	if got, err := w.s.Counters.Minutes(w.ctx(), everything, first); err != nil || len(got) != 0 {
		t.Errorf("after two days: %v, %v", got, err)
	}
	if n := w.total(dossier.Accepted); n != 3 {
		t.Errorf("forgetting minutes changed the count to %d", n)
	}
}
