package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lienthong/internal/clock"
)

func TestDayTurnsAtMidnightInHanoi(t *testing.T) {
	t.Parallel()
	before := time.Date(2026, 7, 1, 16, 59, 59, 0, time.UTC)
	if got := clock.Day(before); got != 20260701 {
		t.Errorf("one second before midnight: %d", got)
	}
	if got := clock.Day(before.Add(time.Second)); got != 20260702 {
		t.Errorf("midnight: %d", got)
	}
}

func TestFakeMovesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	f := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC))
	a := f.Now()
	if a.Nanosecond() != 6000 {
		t.Errorf("not truncated to the microsecond: %d ns", a.Nanosecond())
	}
	f.Advance(time.Hour)
	if d := f.Now().Sub(a); d != time.Hour {
		t.Errorf("moved by %v", d)
	}
}

func TestSleepEndsWithItsTimeOrItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := clock.Sleep(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Error(err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Hour+time.Minute {
			t.Error(err, time.Since(began))
		}
	})
}
