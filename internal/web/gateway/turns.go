package gateway

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
)

// turns bounds what is done at once and how many wait for it: each password
// hashed takes much memory, and a flood of logins must not.
type turns struct {
	places chan struct{} // at work
	queue  chan struct{} // at work or waiting
}

func newTurns(places, waiting int) *turns {
	return &turns{make(chan struct{}, places), make(chan struct{}, places+waiting)}
}

// enter waits for a place; hub.busy when too many wait already.
func (t *turns) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t.queue <- struct{}{}:
	default:
		return nil, intake.ErrBusy
	}
	select {
	case t.places <- struct{}{}:
		return func() { <-t.places; <-t.queue }, nil
	case <-ctx.Done():
		<-t.queue
		return nil, intake.ErrBusy.Because(ctx.Err())
	}
}

var errRate = fault.New(fault.TooMany, "rate.exceeded",
	"Gửi quá nhanh. Chưa ghi gì. Chờ số giây ghi trong Retry-After rồi gửi lại.",
	"Too many requests. Nothing was kept. Wait the seconds in Retry-After and send again.")

// maxSenders bounds the memory of rates: beyond it all begin with a full bucket.
const maxSenders = 20_000

// rates holds a token bucket for each sender.
type rates struct {
	limit rate.Limit
	burst int
	mu    sync.Mutex
	of    map[string]*rate.Limiter
}

func newRates(limit rate.Limit, burst int) *rates {
	return &rates{limit: limit, burst: burst, of: map[string]*rate.Limiter{}}
}

// empty reports whether a sender has used up its tokens; it uses none.
func (l *rates) empty(sender string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.of[sender]
	return ok && bucket.TokensAt(now) < 1
}

// wait returns how many seconds a sender must wait, 0 when it may go on.
func (l *rates) wait(sender string, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.of[sender]
	if !ok {
		if len(l.of) >= maxSenders {
			clear(l.of)
		}
		bucket = rate.NewLimiter(l.limit, l.burst)
		l.of[sender] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	return int(math.Ceil(1 / float64(l.limit)))
}
