package api

import (
	"errors"
	"math"
	"net/http"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
)

var errRate = fault.New(fault.TooMany, "rate.exceeded",
	"Gửi quá nhanh. Chưa ghi gì. Gửi lại trong khung giờ được hẹn.",
	"Too many requests. Nothing was kept. Send again in the slot given.")

// tooFast returns nil when the sender may go on, else when to come again.
func (a *API) tooFast(sender string) *problem.Slot {
	now := a.Clock.Now()
	wait := a.rates.Take(sender, now)
	if wait == 0 {
		return nil
	}
	return slotAfter(now, wait, a.cfg.RatePerS)
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
