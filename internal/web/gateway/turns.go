package gateway

import (
	"context"

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
