// Package clock hands out the time, so that tests can hold it still. It is not
// for measuring: durations on the hot path use time.Since directly.
package clock

import (
	"context"
	"sync"
	"time"
)

// Hanoi is Asia/Ho_Chi_Minh, the zone of every time in a dossier (QĐ 4750
// writes times without a zone). It is a fixed +07:00 since 1975, so no zone
// database is needed.
var Hanoi = time.FixedZone("Asia/Ho_Chi_Minh", 7*60*60)

// Clock tells the time.
type Clock interface {
	// Now returns the present moment in UTC, to the microsecond, which is what stores keep.
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now returns the machine's time in UTC to the microsecond.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Fake is a clock that tests move. The zero value stands at the zero time.
type Fake struct {
	mu sync.Mutex
	at time.Time
}

// NewFake returns a clock standing at t.
func NewFake(t time.Time) *Fake { return &Fake{at: t.UTC().Truncate(time.Microsecond)} }

// Now returns the time the clock stands at.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

// Advance moves the clock by d, which may be negative.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.at.Add(d)
}

// Day returns the calendar day of t in Hanoi as yyyyMMdd.
func Day(t time.Time) int {
	y, m, d := t.In(Hanoi).Date()
	return y*10000 + int(m)*100 + d
}

// Sleep waits for d. It returns the context's error when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
