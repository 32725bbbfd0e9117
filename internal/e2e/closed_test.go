package e2e_test

import (
	"strings"
	"testing"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// TestCountsDoNotTellWhoseRecordIsClosed: one record of the day with a table of
// a closed compartment; whoever sees the list of one and a count of one knows.
func TestCountsDoNotTellWhoseRecordIsClosed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-HIV").add("XML6"))))
		if !strings.HasPrefix(a[0].State, "accepted") {
			t.Fatalf("%+v", a[0])
		}
		sums := masked.Sums{Counters: w.hub.Slices.Counters}
		closed := func(scope role.Scope, q store.CountQuery) (n, total int64) {
			for _, sum := range []func() ([]store.Count, error){
				func() ([]store.Count, error) { return sums.Sum(w.ctx, scope, q) },
				func() ([]store.Count, error) { return sums.Recount(w.ctx, scope, q) },
			} {
				for _, c := range must(sum()) {
					total += c.N
					if len(c.Key) > 0 && strings.Contains(c.Key[len(c.Key)-1], "XML6") {
						n += c.N
					}
				}
			}
			return n, total
		}
		byMeasure := store.CountQuery{By: []store.Dimension{store.ByFacility, store.ByMeasure}}
		if n, _ := closed(role.Scope{Facility: "79901"}, byMeasure); n == 0 {
			t.Error("the control: its own facility does not see what it sent")
		}
		for _, scope := range []role.Scope{{All: true}, {Province: "79"}} {
			for name, q := range map[string]store.CountQuery{
				"by facility":     byMeasure,
				"of the facility": {Facility: "79901", By: []store.Dimension{store.ByMeasure}},
				"one by one":      {By: []store.Dimension{store.ByDay, store.ByMeasure}},
			} {
				if n, total := closed(scope, q); n != 0 || total == 0 {
					t.Errorf("%s: %d of %d", name, n, total)
				}
			}
			_, each := closed(scope, byMeasure)
			if _, sum := closed(scope, store.CountQuery{By: []store.Dimension{store.ByFacility}}); sum != each {
				t.Errorf("the whole less its parts tells of %d", sum-each)
			}
			if _, asked := closed(scope, store.CountQuery{Facility: "79901", Measures: []string{"doc:XML6"}}); asked != 0 {
				t.Errorf("asked for alone: %d", asked)
			}
		}
		id := must(dossier.ParseID(a[0].Record))
		if _, err := w.hub.Disclose.Receipt(w.ctx, operatorOf(""), id); err == nil {
			t.Error("an operator has the receipt")
		}
		rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{Facility: "79901"}, store.DisclosureFilter{Record: id})
		w.check(err)
		if len(rows) != 1 || rows[0].Basis != disclose.Refused {
			t.Errorf("who was told that it is closed is not written down: %+v", rows)
		}
	})
}
