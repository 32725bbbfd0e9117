package e2e_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/hub"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// BenchmarkDecision is one look at a person with an opening, twenty says and one
// record that a denial covers: facts from the store, the list, the decision; no
// row is written, for nothing is shown. It reports the 99th percentile.
func BenchmarkDecision(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		dir := b.TempDir()
		benchDecision(b, newWorld(b, func(c clock.Clock) hub.OpenStore {
			return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
				return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
			}
		}))
	})
	b.Run("postgres", func(b *testing.B) {
		url := pgtest.Copy(b, postgres.Migrate)
		benchDecision(b, newWorld(b, func(c clock.Clock) hub.OpenStore {
			return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
				return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
			}
		}))
	})
}

func benchDecision(b *testing.B, w *world) {
	number := "079990888040"
	w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", number))), "accepted")
	person := w.whoHolds(number)
	for i := range 20 {
		c := consent.Consent{ID: consent.ID{byte(i), 1}, Person: person, Version: 1, Effect: consent.Deny, State: consent.Active, Signer: consent.Self, Channel: "portal", Law: "law-91-2025-art-10",
			Scope: consent.Scope{Kinds: []string{"checkup"}}, Asked: w.clock.Now(), Decided: w.clock.Now()}
		if i == 0 {
			c.Scope = consent.Scope{Authors: []care.FacilityCode{"79901"}}
		}
		w.check(w.hub.Slices.Consents.PutConsent(w.ctx, c, nil, store.Act{At: w.clock.Now(), Actor: "test", Action: "consent.put", Object: "consent", Detail: "{}"}))
	}
	reader := clinicianAt("79902", w.opening(person, "79902", nil))
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		list, err := w.hub.Disclose.Person(w.ctx, reader, person, store.Filter{Limit: 10})
		took = append(took, time.Since(begun))
		if err != nil || len(list) != 0 {
			b.Fatal(len(list), err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
