package rehearsal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/rehearsal"
	"lienthong/internal/store/house"
)

func TestWhatIsFoundIsSummedUp(t *testing.T) {
	t.Parallel()
	places := map[care.FacilityCode]rehearsal.Place{"79901": {Province: "79"}, "79902": {Province: "79"}, "24604": {Province: "24"}}
	got := rehearsal.By(map[string]int{"79901": 2, "79902": 3, "24604": 4}, map[string]int{"79901": 10, "79902": 10, "24604": 5, "01901": 9},
		func(c care.FacilityCode) (string, string) { return places[c].Province, "" })
	want := []rehearsal.Count{{ID: "79", N: 5, Of: 20}, {ID: "24", N: 4, Of: 5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARuleThatBreaksInMostDossiers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		judged, then int64
		everything   bool
		share        float64
	}{{0, 0, false, 0}, {19, 19, false, 100}, {20, 10, false, 50}, {20, 11, true, 55}, {41_233, 40_409, true, 98.00}} {
		f := rehearsal.RuleFound{Judged: c.judged, Then: c.then}
		if f.Everything() != c.everything || f.Share() < c.share-0.01 || f.Share() > c.share+0.01 {
			t.Errorf("%d of %d: %v %f", c.then, c.judged, f.Everything(), f.Share())
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	r := rehearsal.Result{}
	if r.Progress() != 0 {
		t.Error("before it began")
	}
	r.Found.Next, r.Found.End = map[int]uint64{0: 50, 1: 0}, map[int]uint64{0: 100, 1: 100}
	if r.Progress() != 25 {
		t.Error(r.Progress())
	}
	r.State = house.Done
	if r.Progress() != 100 {
		t.Error("when it is done")
	}
}
