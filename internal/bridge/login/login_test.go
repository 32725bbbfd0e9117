package login_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"lienthong/internal/bridge/login"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
)

func TestOneLoginServesManyUntilItEnds(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Unix(1_790_000_000, 0))
	k := login.New[int]("x", clk)
	logins := 0
	take := func(context.Context) (*int, time.Duration, *exchange.Answer, bool) {
		logins++
		n := logins
		return &n, 10 * time.Minute, nil, false
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if s, bad := k.Get(context.Background(), login.Who{Destination: "d"}, take); bad != nil || *s != 1 {
				t.Errorf("%v %v", s, bad)
			}
		})
	}
	all.Wait()
	clk.Advance(9*time.Minute + time.Second)
	s, _ := k.Get(context.Background(), login.Who{Destination: "d"}, take)
	if *s != 2 {
		t.Errorf("session %d after its end", *s)
	}
	stale := *s
	k.Drop(login.Who{Destination: "d"}, &stale) // another pointer: not this one
	if again, _ := k.Get(context.Background(), login.Who{Destination: "d"}, take); again != s {
		t.Error("dropped by somebody else's session")
	}
	k.Drop(login.Who{Destination: "d"}, s)
	if again, _ := k.Get(context.Background(), login.Who{Destination: "d"}, take); *again != 3 {
		t.Error("not dropped")
	}
}

func TestDenialsWaitLongerEachTime(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Unix(1_790_000_000, 0))
	k := login.New[int]("x", clk)
	who, logins := login.Who{Facility: "79901"}, 0
	deny := func(context.Context) (*int, time.Duration, *exchange.Answer, bool) {
		logins++
		return nil, 0, &exchange.Answer{Outcome: exchange.Again, Code: "x.login_401", Sent: true}, true
	}
	var last time.Duration
	for n := range 10 {
		_, bad := k.Get(context.Background(), who, deny)
		if bad == nil || bad.Sent || bad.Wait < last || bad.Wait > time.Hour {
			t.Fatalf("%d: %+v", n, bad)
		}
		if _, paused := k.Get(context.Background(), who, deny); paused.Code != "x.login_paused" || paused.Wait != bad.Wait {
			t.Fatalf("%d: %+v", n, paused)
		}
		last = bad.Wait
		clk.Advance(bad.Wait)
	}
	if logins != 10 || last != time.Hour {
		t.Errorf("%d logins, last wait %v", logins, last)
	}
	other := login.Who{Facility: "24604"}
	if _, bad := k.Get(context.Background(), other, deny); bad.Code == "x.login_paused" {
		t.Error("one facility's brake stops another")
	}
}
