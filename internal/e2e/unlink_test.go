package e2e_test

import (
	"testing"

	"lienthong/internal/store"
)

// TestWhoSawAMixedRecordIsNamed: of two patients that were linked by mistake,
// unlinking names the looks at them since, says nothing of others, and keeps the
// two apart when the facility sends again.
func TestWhoSawAMixedRecordIsNamed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const stranger = "079990777888"
		of := func() []byte {
			return elsewhere(newVisit().set("XML1", "SO_CCCD", theirs).set("XML1", "MA_BN", "BN.nham"))
		}
		wrong := w.one("79902", of(), "accepted").Record // is said to be of the wrong one
		w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", theirs))), "accepted")
		person := w.whoHolds(theirs)
		other := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", stranger))), "accepted").Record
		reader := clinicianAt("79901", w.opening(person, "79901", nil))
		must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))
		w.get("79901", "/api/v1/records/"+other+"/content")
		looks := w.rowsOf(store.DisclosureFilter{Person: person, Limit: 100})
		saw, err := w.hub.Administer().Unlink(w.ctx, "test", wrong, "nhầm người")
		w.check(err)
		if len(saw) == 0 || len(saw) != len(looks) {
			t.Fatalf("%d looks are named of %d: %+v", len(saw), len(looks), saw)
		}
		named := false
		for i, l := range saw {
			if l.ID != looks[i].ID || l.Record == other {
				t.Errorf("%+v is not %+v", l, looks[i])
			}
			named = named || l.Record == wrong && l.Staff != "" && l.Basis == "presence" && l.Reader == reader.Name
		}
		if !named {
			t.Errorf("the look at the mixed record is not among them: %+v", saw)
		}
		again := w.one("79902", of(), "accepted")
		if again.Person != nil {
			t.Error("linked again by itself")
		}
		if got := w.whoHolds(theirs); got != person {
			t.Errorf("the number is another's now: %x", got)
		}
		if _, err := w.hub.Administer().Unlink(w.ctx, "test", wrong, "nhầm người"); err == nil {
			t.Error("unlinked twice")
		}
	})
}
