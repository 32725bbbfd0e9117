package house_test

import (
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/hub/house"
)

// TestEntriesWaitForIntakeButNotForEver: a minute at most, then one round, then again.
func TestEntriesWaitForIntakeButNotForEver(t *testing.T) {
	t.Parallel()
	now, busy := clock.NewFake(time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)), false
	waits := house.Waits(house.Parts{Clock: now, Busy: func() bool { return busy }})
	if waits() {
		t.Error("they wait for nothing")
	}
	busy = true
	for range 3 {
		if !waits() {
			t.Error("they do not wait")
		}
		now.Advance(59 * time.Second)
		if !waits() {
			t.Error("they wait less than a minute")
		}
		now.Advance(time.Second)
		if waits() {
			t.Error("they wait longer than a minute")
		}
	}
	if busy = false; waits() {
		t.Error("they wait after it")
	}
}
