package recount_test

import (
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/reverify/recount"
	"lienthong/internal/store"
)

var at = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

func version(id int64) (facility.Version, bool) {
	return facility.Version{Code: "79901", Province: "79"}, id == 3
}

// counters are what a store says of one rejected record, a look and a refusal.
func counters() []store.Count {
	key := func(kind, measure string) []string {
		return []string{"20261120", kind, measure, "", "79901", "", "79", "", "", ""}
	}
	return []store.Count{{Key: key("qd4750", "rejected"), N: 1}, {Key: key("qd4750", "lookup"), N: 1}, {Key: key("", "refused"), N: 1}}
}

func counted() *recount.Tally {
	r := &store.Record{Kind: "qd4750", FacilityVersion: 3, Received: at}
	r.Verdict.State = dossier.Rejected
	records, others := recount.New(), recount.New()
	records.Record(r, nil, false, false)
	others.Look(r, at)
	others.Refusal(&store.Refusal{FacilityVersion: 3, At: at})
	records.Add(others)
	return records
}

func TestWhatSaysTheSameHasNoDifference(t *testing.T) {
	t.Parallel()
	if d := counted().Against(version, counters()); len(d) > 0 {
		t.Errorf("%v", d)
	}
	minutes := []store.MinuteCount{{Minute: at, Measure: "rejected", N: 1}}
	if d := counted().Minutes(at.Add(time.Hour), minutes); len(d) > 0 {
		t.Errorf("%v", d)
	}
	if d := counted().Minutes(at.Add(48*time.Hour), nil); len(d) > 0 {
		t.Errorf("what is kept no longer: %v", d)
	}
}

func TestEachDifferenceIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func([]store.Count) []store.Count
		codes  []string
	}{
		"one less":        {func(c []store.Count) []store.Count { return c[1:] }, []string{"counter.edited"}},
		"one more":        {func(c []store.Count) []store.Count { c[0].N++; return c }, []string{"counter.edited"}},
		"a look too many": {func(c []store.Count) []store.Count { c[1].N++; return c }, []string{"disclosure.fewer"}},
		"a look too few":  {func(c []store.Count) []store.Count { c[1].N--; return c }, nil}, // kept first, counted then
		"another day":     {func(c []store.Count) []store.Count { c[2].Key[0] = "20261121"; return c }, []string{"counter.edited", "counter.edited"}},
	} {
		var codes []string
		for _, d := range counted().Against(version, c.change(counters())) {
			codes = append(codes, d.Code)
		}
		if len(codes) != len(c.codes) || len(codes) > 0 && codes[0] != c.codes[0] {
			t.Errorf("%s: %v, want %v", name, codes, c.codes)
		}
	}
	if d := counted().Minutes(at.Add(time.Hour), []store.MinuteCount{{Minute: at, Measure: "complete", N: 1}}); len(d) != 2 {
		t.Errorf("minutes: %v", d)
	}
}
