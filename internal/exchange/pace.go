package exchange

import "time"

// Pace is a bucket of tokens: so many deliveries a second, and not more than a
// second's worth at once after a rest. The time is handed in; it is not for
// several goroutines at once.
type Pace struct {
	rate   float64 // 0: without limit
	tokens float64
	at     time.Time
}

// NewPace returns a pace that begins with one token.
func NewPace(perSecond float64, now time.Time) *Pace {
	return &Pace{rate: max(perSecond, 0), tokens: 1, at: now}
}

// Change sets another rate.
func (p *Pace) Change(perSecond float64, now time.Time) {
	p.fill(now)
	p.rate = max(perSecond, 0)
	p.tokens = min(p.tokens, p.burst())
}

func (p *Pace) burst() float64 { return max(p.rate, 1) }

// fill adds what has grown since the last time; a clock put back adds nothing.
func (p *Pace) fill(now time.Time) {
	if d := now.Sub(p.at); d > 0 {
		p.tokens = min(p.tokens+d.Seconds()*p.rate, p.burst())
	}
	p.at = now
}

// Take takes a token, or returns how long until there is one.
func (p *Pace) Take(now time.Time) (wait time.Duration) {
	if p.rate == 0 {
		return 0
	}
	if p.fill(now); p.tokens >= 1 {
		p.tokens--
		return 0
	}
	return max(time.Duration((1-p.tokens)/p.rate*float64(time.Second)), time.Microsecond)
}

// Ebb leaves at most one token: who was away does not come back with a burst.
func (p *Pace) Ebb(now time.Time) {
	p.fill(now)
	p.tokens = min(p.tokens, 1)
}

// Budget keeps attempts that are repeated a small part of all, so that trying
// again never becomes the load that keeps a destination down: every first
// attempt earns a part of a repetition, and one a second is always allowed.
type Budget struct {
	share  float64
	tokens float64
	at     time.Time
}

// The limits of a budget: repetitions a second that are always allowed, and how
// many may be saved up.
const (
	budgetFloor = 1
	budgetMost  = 100
)

// NewBudget returns a budget with that share of repetitions: 0.1 is a tenth.
func NewBudget(share float64, now time.Time) *Budget {
	return &Budget{share: share, tokens: 10, at: now}
}

// First notes a first attempt.
func (b *Budget) First() { b.tokens = min(b.tokens+b.share, budgetMost) }

// Again reports whether a repetition may be made now, and counts it.
func (b *Budget) Again(now time.Time) bool {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.tokens+d.Seconds()*budgetFloor, budgetMost)
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
