package exchange

import (
	"slices"
	"time"
)

// BreakerState is whether a destination is called.
type BreakerState string

// The states of a breaker.
const (
	Closed   BreakerState = "closed"    // called
	Open     BreakerState = "open"      // not called
	HalfOpen BreakerState = "half_open" // called once, to see
)

// BreakerLaw says when a destination is left alone, and for how long.
type BreakerLaw struct {
	Failures int           // in a row that open it
	Slow     time.Duration // a 95th percentile above this opens it too
	Samples  int           // attempts looked at for that
	Open     time.Duration // the first pause; doubles each time it fails again
	Cap      time.Duration // the longest pause
}

// StandardBreaker is 5 failures, or 10 s at the 95th percentile of 20; 30 s
// doubling to 10 minutes.
func StandardBreaker() BreakerLaw {
	return BreakerLaw{Failures: 5, Slow: 10 * time.Second, Samples: 20, Open: 30 * time.Second, Cap: 10 * time.Minute}
}

// Breaker leaves a destination alone that does not answer, tries it with one
// attempt after a pause, and lets attempts grow from one when it is back: a
// queue of a day must not fall on it in a moment. It is a state machine: the
// time is handed in, and it is not for several goroutines at once.
type Breaker struct {
	law      BreakerLaw
	parallel int

	state    BreakerState
	since    time.Time
	until    time.Time // of Open
	opened   int       // times in a row, without a good stretch between
	failures int       // in a row
	took     []time.Duration
	window   int // attempts at once that are allowed now
	good     int // successes since the window grew
}

// NewBreaker returns a closed breaker for a destination that takes so many
// attempts at once, beginning with one.
func NewBreaker(law BreakerLaw, parallel int, now time.Time) *Breaker {
	return &Breaker{law: law, parallel: max(parallel, 1), state: Closed, since: now, window: 1}
}

// Widen changes how many attempts at once the destination takes.
func (b *Breaker) Widen(parallel int) {
	b.parallel = max(parallel, 1)
	b.window = min(b.window, b.parallel)
}

// Room returns how many attempts may be under way now.
func (b *Breaker) Room(now time.Time) int {
	if b.state == Open {
		if rest := b.until.Sub(now); rest > 0 && rest <= b.pause() { // longer than it ever was: the clock was put back
			return 0
		}
		b.to(HalfOpen, now)
	}
	if b.state == HalfOpen {
		return 1
	}
	return min(b.window, b.parallel)
}

// Wait returns how long no attempt may begin, 0 when one may.
func (b *Breaker) Wait(now time.Time) time.Duration {
	if b.Room(now) > 0 {
		return 0
	}
	return b.until.Sub(now)
}

// Report takes in how an attempt went: ok when the destination as a whole
// answered, whatever it said of the record.
func (b *Breaker) Report(now time.Time, ok bool, took time.Duration) {
	if b.state == Open {
		return // one that was under way when it opened
	}
	if !ok {
		b.failures++
		b.good = 0
		if b.state == HalfOpen || b.failures >= b.law.Failures {
			b.open(now)
		}
		return
	}
	b.failures = 0
	if b.state == HalfOpen {
		b.to(Closed, now)
		b.window, b.good, b.took = 1, 0, nil
		return
	}
	b.took = append(b.took, took)
	if len(b.took) > b.law.Samples {
		b.took = b.took[1:]
	}
	if len(b.took) == b.law.Samples && b.slow() {
		b.open(now)
		return
	}
	b.grow()
}

// grow doubles the window when all of it went well, and forgets earlier pauses
// when it is as wide as it gets.
func (b *Breaker) grow() {
	if b.good++; b.good < b.window {
		return
	}
	b.good = 0
	if b.window >= b.parallel {
		b.opened = 0
		return
	}
	b.window = min(2*b.window, b.parallel)
}

func (b *Breaker) slow() bool {
	sorted := slices.Clone(b.took)
	slices.Sort(sorted)
	return sorted[(len(sorted)*95+99)/100-1] > b.law.Slow
}

func (b *Breaker) open(now time.Time) {
	b.to(Open, now)
	b.opened++
	b.until = now.Add(b.pause())
	b.failures, b.good, b.window, b.took = 0, 0, 1, nil
}

// pause is how long the breaker stays open this time.
func (b *Breaker) pause() time.Duration {
	d := b.law.Open
	for i := 1; i < b.opened && d < b.law.Cap; i++ {
		d *= 2
	}
	return min(d, b.law.Cap)
}

func (b *Breaker) to(s BreakerState, now time.Time) { b.state, b.since = s, now }

// State returns the state and since when it is so, and, of Open, until when.
func (b *Breaker) State(now time.Time) (s BreakerState, since, until time.Time) {
	b.Room(now)
	if b.state != Open {
		return b.state, b.since, time.Time{}
	}
	return b.state, b.since, b.until
}
