package e2e_test

import (
	"testing"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/policy"
	"lienthong/internal/store"
)

// TestOpeningsEndWithNobodyUsingThem: a day after the facility's own dossier says
// that the person left, with the end of a consent and with a slip that is gone;
// and the drop-in gateway reads nothing past it, however soon it asks.
func TestOpeningsEndWithNobodyUsingThem(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _ := w.wroteElsewhere() // dossiers at 79902 and 79901
		his := w.gatewayAccount("79901", "79901_BV", "Mật khẩu 2", false)
		if a := his.take(); a.Key == nil {
			t.Fatalf("login: %+v", a)
		}
		long := func(o *consent.Opening) { o.Until = o.From.Add(30 * 24 * time.Hour) }
		told := func() int { return len(his.history(theirs, "NGUYỄN THỊ ĐÀO", "03/02/1990")) }
		used, unused := w.opening(person, "79901", long), w.opening(person, "79901", long)
		elsewhere := w.opening(person, "79903", long)
		slip := w.opening(person, "79903", func(o *consent.Opening) { long(o); o.Basis = string(policy.ByReferral) })
		agreed := w.opening(person, "79903", func(o *consent.Opening) { long(o); o.Basis, o.Consent = string(policy.ByConsent), consent.ID{9} })
		glass := w.opening(person, "79903", func(o *consent.Opening) { long(o); o.Basis = string(policy.BreakGlass) })
		if told() == 0 {
			t.Fatal("the control: of a person who is there, nothing is told")
		}
		w.clock.Advance(24 * time.Hour)
		w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", theirs).set("XML1", "NGAY_VAO", "202611220800").set("XML1", "NGAY_RA", "202611220900").set("XML2", "NGAY_YL", "202611220830"))), "accepted")
		his.take()
		if told() == 0 {
			t.Error("on the day of the discharge nothing is told any more")
		}
		ended := func(id consent.OpeningID) string { return must(w.hub.Slices.Openings.Opening(w.ctx, id)).EndedBy }
		w.check(w.hub.Reading.Round(w.ctx))
		for id, want := range map[consent.OpeningID]string{used: "", unused: "", elsewhere: "", glass: "", slip: "slip", agreed: "consent"} {
			if got := ended(id); got != want {
				t.Errorf("on the day of the discharge %x is ended by %q, want %q", id[:3], got, want)
			}
		}
		w.clock.Advance(25 * time.Hour)
		his.take()
		before := len(w.rowsOf(store.DisclosureFilter{Limit: 1000}))
		if n := told(); n != 0 {
			t.Errorf("past the discharge %d visits are told", n)
		}
		if after := len(w.rowsOf(store.DisclosureFilter{Limit: 1000})); after != before {
			t.Errorf("%d looks past the discharge", after-before)
		}
		w.check(w.hub.Reading.Round(w.ctx))
		for id, want := range map[consent.OpeningID]string{used: "discharge", unused: "discharge", elsewhere: "", glass: ""} {
			if got := ended(id); got != want {
				t.Errorf("a day after the discharge %x is ended by %q, want %q", id[:3], got, want)
			}
		}
	}, fastGateway)
}
