package courier_test

import (
	"context"
	"testing"

	"lienthong/internal/courier"
	"lienthong/internal/exchange"
)

// TestAskingOpensTheCredentialAndIsBraked: only where there is a destination and
// a credential, and one that fails is left alone.
func TestAskingOpensTheCredentialAndIsBraked(t *testing.T) {
	t.Parallel()
	w := setup(t, map[string]courier.Adapter{"far": &destination{}}, func(c *courier.Config) { c.Breaker = exchange.StandardBreaker() })
	defer w.courier.Stop()
	a, ctx, calls := courier.NewAsker(w.courier, 1e6), context.Background(), 0
	said := exchange.Answer{Outcome: exchange.Finalized}
	ask := func(to string) exchange.Answer {
		return a.Ask(ctx, to, "79901", func(_ context.Context, _ courier.Adapter, p *courier.Parcel) exchange.Answer {
			calls++
			if string(p.Secret) != "mật khẩu" || p.Facility.Code != "79901" {
				t.Errorf("%q %+v", p.Secret, p.Facility)
			}
			return said
		})
	}
	if out := ask("far"); out.Code != courier.AskClosed || out.Outcome != exchange.Refused {
		t.Errorf("a destination that is not set: %+v", out)
	}
	w.courier.Set([]exchange.Destination{dest("far")})
	if out := ask("far"); out.Code != "leg.secret_missing" || calls != 0 {
		t.Errorf("without a credential: %+v", out)
	}
	sealed, err := w.vault.SealSecret(courier.SecretName("far", "79901"), []byte("mật khẩu"))
	if err != nil {
		t.Fatal(err)
	}
	w.secrets.Lock()
	w.secrets.of["far/79901"] = sealed
	w.secrets.Unlock()
	w.courier.Set([]exchange.Destination{dest("far")}) // forgets that there was none
	for range 3 {
		if out := ask("far"); out.Outcome != exchange.Finalized {
			t.Fatalf("%+v", out)
		}
	}
	if calls != 3 || w.opens != 1 {
		t.Errorf("%d calls, %d openings", calls, w.opens)
	}
	said = exchange.Answer{Outcome: exchange.Again, Code: "far.http_503", Whole: true}
	braked := false
	for range 50 {
		out := ask("far")
		braked = braked || out.Code == courier.AskBraked && out.Wait > 0
	}
	if !braked || calls > 40 {
		t.Errorf("a dead destination was asked %d times", calls)
	}
}
