package courier

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
)

// Asker asks destinations what is no delivery: what they hold, whether a card is
// valid. It opens credentials as deliveries do, counted and braked, and leaves a
// destination alone that fails. It is safe for use by many goroutines.
type Asker struct {
	courier *Courier
	rate    float64
	mu      sync.Mutex
	lines   map[string]*asking
}

type asking struct {
	pace    *exchange.Pace
	breaker *exchange.Breaker
	running int
}

// askParallel is how many questions to one destination are under way at once.
const askParallel = 8

// NewAsker returns an asker of a courier's destinations; perSecond bounds the
// questions to each, 0 means 20.
func NewAsker(c *Courier, perSecond float64) *Asker {
	if perSecond <= 0 {
		perSecond = 20
	}
	return &Asker{courier: c, rate: perSecond, lines: map[string]*asking{}}
}

// The answers of an asker itself.
const (
	AskClosed = "ask.destination" // not in use
	AskBraked = "ask.braked"      // asked too often, or the destination fails
	askSecret = "leg.secret_missing"
)

// Ask makes one call in the name of a facility. The parcel holds the destination,
// the facility and its credential, which is not to be kept; call's answer is
// returned. What kept it from being made is exchange.Again or Refused.
func (a *Asker) Ask(ctx context.Context, destination string, code care.FacilityCode, call func(context.Context, Adapter, *Parcel) exchange.Answer) exchange.Answer {
	d, ok := a.courier.destination(destination)
	adapter := a.courier.Adapters[d.Adapter]
	if !ok || adapter == nil {
		return exchange.Answer{Outcome: exchange.Refused, Code: AskClosed}
	}
	line, wait := a.enter(destination)
	if line == nil {
		return exchange.Answer{Outcome: exchange.Again, Code: AskBraked, Wait: wait, Whole: true}
	}
	p := &Parcel{Destination: d}
	p.Facility, _ = a.courier.Facility(code)
	began, out := time.Now(), exchange.Answer{}
	defer func() { a.leave(line, out, time.Since(began)) }()
	var err error
	if p.Secret, err = a.courier.secrets.of(ctx, destination, code); err != nil {
		out = exchange.Answer{Outcome: exchange.Again, Code: ErrBraked.Code}
		return out
	}
	if p.Secret == nil {
		out = exchange.Answer{Outcome: exchange.Refused, Code: askSecret}
		return out
	}
	defer clear(p.Secret)
	ctx, cancel := context.WithTimeout(ctx, a.courier.cfg.Timeout)
	defer cancel()
	out = call(ctx, adapter, p)
	a.courier.Observer.Attempted(destination, "asked_"+word(out), time.Since(began))
	return out
}

func (a *Asker) enter(destination string) (*asking, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	l := a.lines[destination]
	if l == nil {
		l = &asking{pace: exchange.NewPace(a.rate, now), breaker: exchange.NewBreaker(a.courier.cfg.Breaker, askParallel, now)}
		a.lines[destination] = l
	}
	if l.running >= max(l.breaker.Room(now), 0) {
		return nil, max(l.breaker.Wait(now), time.Second)
	}
	if wait := l.pace.Take(now); wait > 0 {
		return nil, wait
	}
	l.running++
	return l, 0
}

func (a *Asker) leave(l *asking, out exchange.Answer, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l.running--
	l.breaker.Report(time.Now(), !(out.Outcome == exchange.Again && out.Whole), took)
}

// destination returns one that is in use and not paused.
func (c *Courier) destination(id string) (exchange.Destination, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.set {
		if d.ID == id && d.Ended.IsZero() && d.Paused.IsZero() {
			return d, true
		}
	}
	return exchange.Destination{}, false
}
