package admin_test

import (
	"context"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// counted has five legs held for a finding and three for a closed compartment,
// and two parked.
type counted struct {
	store.Legs
	moved []store.LegFilter
}

func (c *counted) Count(_ context.Context, _ role.Scope, f store.LegFilter) (n int, _ error) {
	for _, l := range []struct {
		state exchange.State
		code  string
		n     int
	}{{exchange.Held, "purpose.payment", 5}, {exchange.Held, exchange.HeldClosed, 3}, {exchange.Parked, "insurer.125", 2}} {
		if (f.State == "" || f.State == l.state) && (f.Code == "" || f.Code == l.code) {
			n += l.n
		}
	}
	return n, nil
}

func (c *counted) Move(_ context.Context, _ role.Scope, f store.LegFilter, _ store.LegMove, limit int) ([]store.LegKey, error) {
	c.moved = append(c.moved, f)
	return make([]store.LegKey, limit), nil
}

// kept takes every act.
type kept struct{ store.Facilities }

func (kept) Act(context.Context, store.Act) error { return nil }

// How many records of a facility are of a closed compartment is not an
// operator's to know, and so not to count either.
func TestWhatIsClosedIsNotCounted(t *testing.T) {
	t.Parallel()
	legs := &counted{}
	office := admin.New(admin.Deps{Clock: clock.NewFake(time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)), Acts: kept{}, ExchangeDeps: admin.ExchangeDeps{Legs: legs}})
	for code, want := range map[string]int{"": 5, "purpose.payment": 5, exchange.HeldClosed: 0} {
		act := admin.LegAct{Do: admin.LegSkip, Reason: "thử đếm", Filter: admin.LegFilter{State: exchange.Held, Code: code}}
		if n, err := office.CountLegs(t.Context(), act); n != want || err != nil {
			t.Errorf("%q: %d, %v", code, n, err)
		}
		legs.moved = nil
		if n, err := office.MoveLegs(t.Context(), "me", act, nil); n != want || err != nil || want == 0 && len(legs.moved) > 0 {
			t.Errorf("%q: %d moved, %v, asked %v", code, n, err, legs.moved)
		}
	}
	if n, err := office.CountLegs(t.Context(), admin.LegAct{Do: admin.LegRetry, Filter: admin.LegFilter{State: exchange.Parked}}); n != 2 || err != nil {
		t.Errorf("parked: %d, %v", n, err)
	}
}
