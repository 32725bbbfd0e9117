package api

import (
	"errors"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lienthong/internal/admission"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
)

var errRate = fault.New(fault.TooMany, "rate.exceeded",
	"Gửi quá nhanh. Chưa ghi gì. Gửi lại trong khung giờ được hẹn.",
	"Too many requests. Nothing was kept. Send again in the slot given.")

// maxSenders bounds the memory of rates: beyond it idle senders are forgotten,
// who then start with a full bucket.
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

// slot returns nil when the sender may go on, else when to come again.
func (l *rates) slot(sender string, now time.Time) *problem.Slot {
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
		return nil
	}
	wait := time.Duration(math.Ceil(1/float64(l.limit))) * time.Second
	return slotAfter(now, wait, float64(l.limit))
}

// Slot is when senders turned away by a busy hub may come again.
func (a *API) Slot() *problem.Slot {
	return slotAfter(a.Clock.Now(), time.Duration(a.Intake.RetryAfter())*time.Second, a.cfg.RatePerS)
}

// slotOf is the slot that intake gave the sender an error is for; where it gave
// none, as Slot.
func (a *API) slotOf(err error) *problem.Slot {
	turned := (*admission.Turned)(nil)
	if !errors.As(err, &turned) {
		return a.Slot()
	}
	wait := turned.Slot.Start.Sub(a.Clock.Now())
	perSecond := min(max(math.Round(float64(turned.Slot.BytesPerS)/requestBytes), 1), a.cfg.RatePerS)
	return &problem.Slot{Start: turned.Slot.Start, End: turned.Slot.End, RatePerS: perSecond, RetryAfter: max(int(math.Ceil(wait.Seconds())), 1)}
}

// requestBytes is what a request is counted as when a slot says how many may
// come: an outpatient dossier of 47 KB.
const requestBytes = 48 << 10

// arrive puts what a request to send holds on its sender's account.
func (a *API) arrive(r *http.Request, who Caller) *http.Request {
	lane, err := store.ParseLane(r.Header.Get("Lane"))
	if err != nil {
		lane = store.Routine // submit refuses it
	}
	return r.WithContext(a.Intake.Arrive(r.Context(), a.sender(who), lane))
}

func slotAfter(now time.Time, wait time.Duration, perSecond float64) *problem.Slot {
	wait = max(wait, time.Second)
	return &problem.Slot{Start: now.Add(wait), End: now.Add(wait + time.Minute), RatePerS: perSecond,
		RetryAfter: int(math.Ceil(wait.Seconds()))}
}
