package exchange_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/exchange"
)

func TestEveryOutcome(t *testing.T) {
	t.Parallel()
	law := exchange.StandardLaw()
	for name, c := range map[string]struct {
		at   exchange.Standing
		say  exchange.Answer
		want exchange.Next
	}{
		"finalized at once": {exchange.Standing{Attempts: 2}, exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: "GD1"},
			exchange.Next{State: exchange.Done, Attempts: 3, Reference: "GD1", Sent: noon, Received: noon, Finalized: noon}},
		"received, and no more will be said": {exchange.Standing{}, exchange.Answer{Outcome: exchange.Received, Sent: true},
			exchange.Next{State: exchange.Done, Sent: noon, Received: noon}},
		"received, a verdict is to come": {exchange.Standing{Attempts: 5, Follows: true}, exchange.Answer{Outcome: exchange.Received, Sent: true, Wait: time.Minute},
			exchange.Next{State: exchange.Waiting, Due: noon.Add(time.Minute + 2500*time.Millisecond), Sent: noon, Received: noon}},
		"the verdict is not out": {exchange.Standing{Attempts: 40, Received: noon, Follows: true}, exchange.Answer{Outcome: exchange.Received, Sent: true},
			exchange.Next{State: exchange.Waiting, Due: noon.Add(30 * time.Minute), Attempts: 41, Sent: noon}},
		"the verdict": {exchange.Standing{Attempts: 1, Received: noon, Follows: true}, exchange.Answer{Outcome: exchange.Finalized, Sent: true},
			exchange.Next{State: exchange.Done, Attempts: 2, Sent: noon, Finalized: noon}},
		"refused": {exchange.Standing{}, exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "insurer.125"},
			exchange.Next{State: exchange.Parked, Attempts: 1, Code: "insurer.125", Sent: noon}},
		"again": {exchange.Standing{Attempts: 2}, exchange.Answer{Outcome: exchange.Again, Code: "insurer.500"},
			exchange.Next{State: exchange.Waiting, Due: noon.Add(20 * time.Second), Attempts: 3, Code: "insurer.500"}},
		"the destination is down": {exchange.Standing{Attempts: 2}, exchange.Answer{Outcome: exchange.Again, Code: "outbound.unreachable", Whole: true},
			exchange.Next{State: exchange.Waiting, Due: noon.Add(10 * time.Second), Attempts: 2, Code: "outbound.unreachable"}},
		"the last try": {exchange.Standing{Attempts: 11}, exchange.Answer{Outcome: exchange.Again, Code: "insurer.500", Sent: true},
			exchange.Next{State: exchange.Parked, Attempts: 12, Code: exchange.TriesExhausted, Sent: noon}},
	} {
		if got := law.Next(c.at, c.say, noon, 0.5); got != c.want {
			t.Errorf("%s:\n%+v, want\n%+v", name, got, c.want)
		}
	}
}

// Whatever is answered: waits stay within the law and the destination's wish,
// attempts end, an outage costs nothing, times are set once.
func TestTheLawHolds(t *testing.T) {
	t.Parallel()
	law := exchange.StandardLaw()
	rapid.Check(t, func(t *rapid.T) {
		now, s := noon, exchange.Standing{Follows: rapid.Bool().Draw(t, "follows")}
		for range 2 * law.Asks {
			a := exchange.Answer{Outcome: exchange.Outcome(rapid.IntRange(1, 4).Draw(t, "outcome")), Sent: rapid.Bool().Draw(t, "sent"),
				Whole: rapid.Bool().Draw(t, "whole"), Wait: time.Duration(rapid.Int64Range(-5, int64(48*time.Hour)).Draw(t, "wait"))}
			n := law.Next(s, a, now, rapid.Float64Range(0, 0.999).Draw(t, "draw"))
			if a.Outcome == exchange.Again && a.Whole && n.Attempts != s.Attempts {
				t.Fatalf("an outage cost %d attempts", n.Attempts-s.Attempts)
			}
			if n.State != exchange.Waiting {
				return
			}
			wish := min(max(a.Wait, 0), law.Longest)
			if d := n.Due.Sub(now); d < wish || d > wish+law.Cap {
				t.Fatalf("due after %v, asked for %v", d, wish)
			}
			if n.Attempts >= law.Asks || s.Received.IsZero() && n.Received.IsZero() && n.Attempts >= law.Tries {
				t.Fatalf("still tried after %d", n.Attempts)
			}
			if !n.Received.IsZero() {
				if !s.Received.IsZero() {
					t.Fatal("received twice")
				}
				s.Received = n.Received
			}
			now, s.Attempts = n.Due, n.Attempts
		}
	})
}

// Full jitter: those that failed together do not come back together.
func TestWaitsAreSpread(t *testing.T) {
	t.Parallel()
	law := exchange.StandardLaw()
	s := exchange.Standing{Attempts: 9}
	low := law.Next(s, exchange.Answer{Outcome: exchange.Again}, noon, 0).Due
	high := law.Next(s, exchange.Answer{Outcome: exchange.Again}, noon, 0.999).Due
	if !low.Equal(noon) || high.Sub(noon) < 59*time.Minute || high.Sub(noon) > time.Hour {
		t.Errorf("from %v to %v", low.Sub(noon), high.Sub(noon))
	}
}
