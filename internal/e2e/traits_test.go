package e2e_test

import (
	"testing"

	"lienthong/internal/store"
	"lienthong/internal/traits"
)

// TestPeopleLinkedEarlier: the hub's own filler goes through people, opens nothing of
// those who can be found, and writes down whose record it opened and why.
func TestPeopleLinkedEarlier(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed() // linked now: can be found
		done, err := w.hub.Login.Acts().FillFeatures(w.ctx, "test", 10)
		if err != nil || done != (traits.Done{}) || w.acts("person.features") != 0 {
			t.Errorf("nobody is without: %+v, %v", done, err)
		}
		told, err := w.hub.Disclose.Told(w.ctx, person)
		if err != nil || told == nil || len(told.Traits()) == 0 {
			t.Fatalf("%+v, %v", told, err)
		}
		n := 0
		for _, row := range w.rowsOf(store.DisclosureFilter{Person: person}) {
			if row.Basis == "features" && row.Role == "destination:hub" && !row.Record.IsZero() {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d rows of what was opened", n)
		}
	})
}
