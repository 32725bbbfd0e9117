package shelf_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lienthong/internal/web/portal/shelf"
)

// counting answers with how often it was asked, and takes its time.
type counting struct {
	n    atomic.Int64
	slow time.Duration
	err  error
}

func (c *counting) compute(context.Context) (int64, error) {
	time.Sleep(c.slow)
	if c.err != nil {
		return 0, c.err
	}
	return c.n.Add(1), nil
}

func get(t *testing.T, s *shelf.Shelf[int64], key string, c *counting) int64 {
	t.Helper()
	n, err := s.Get(t.Context(), key, c.compute)
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestWhatIsQuickIsNeverKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s shelf.Shelf[int64]
		c := &counting{slow: time.Millisecond}
		for want := int64(1); want < 5; want++ {
			if n := get(t, &s, "a", c); n != want {
				t.Errorf("answer %d, not %d", n, want)
			}
		}
	})
}

func TestReadersOfALongAnswerShareIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s shelf.Shelf[int64]
		c := &counting{slow: time.Second}
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				if n := get(t, &s, "a", c); n != 1 {
					t.Errorf("answer %d", n)
				}
			})
		}
		all.Wait()
		if n := get(t, &s, "b", c); n != 2 {
			t.Errorf("another question was given the answer %d", n)
		}
	})
}

// After as many times as it took, an answer is given once more and computed anew
// where no reader waits; after a minute a reader waits.
func TestAnAnswerIsRenewedBehindItsReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s shelf.Shelf[int64]
		c := &counting{slow: 100 * time.Millisecond}
		ask := func(want int64, waits bool) {
			t.Helper()
			began := time.Now()
			if n := get(t, &s, "a", c); n != want {
				t.Errorf("answer %d, not %d", n, want)
			}
			if waited := time.Since(began) > 0; waited != waits {
				t.Errorf("answer %d: waited %v", want, waited)
			}
		}
		ask(1, true)
		time.Sleep(400 * time.Millisecond)
		ask(1, false)
		time.Sleep(200 * time.Millisecond)
		ask(1, false) // it is being computed
		ask(1, false)
		time.Sleep(200 * time.Millisecond)
		ask(2, false)
		time.Sleep(2 * time.Minute)
		ask(3, true)
	})
}

// A fault is told to who asked, and nothing is kept of it; a computation in the
// background that fails leaves the answer there was.
func TestAFaultIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s shelf.Shelf[int64]
		bad := errors.New("no store")
		c := &counting{slow: 100 * time.Millisecond, err: bad}
		if _, err := s.Get(t.Context(), "a", c.compute); !errors.Is(err, bad) {
			t.Errorf("%v", err)
		}
		c.err = nil
		if n := get(t, &s, "a", c); n != 1 {
			t.Errorf("answer %d", n)
		}
		time.Sleep(time.Second)
		c.err = bad
		get(t, &s, "a", c)
		synctest.Wait()
		time.Sleep(200 * time.Millisecond)
		if n := get(t, &s, "a", c); n != 1 {
			t.Errorf("answer %d after a fault", n)
		}
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		if _, err := s.Get(t.Context(), "a", c.compute); !errors.Is(err, bad) {
			t.Errorf("an answer of two minutes ago was given: %v", err)
		}
	})
}

// A reader that leaves does not end what others will read.
func TestALeavingReaderEndsNothingInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s shelf.Shelf[int64]
		c := &counting{slow: 100 * time.Millisecond}
		get(t, &s, "a", c)
		time.Sleep(time.Second)
		ctx, leave := context.WithCancel(t.Context())
		if _, err := s.Get(ctx, "a", func(ctx context.Context) (int64, error) {
			n, err := c.compute(ctx)
			return n, errors.Join(err, ctx.Err())
		}); err != nil {
			t.Error(err)
		}
		leave()
		time.Sleep(200 * time.Millisecond)
		if n := get(t, &s, "a", c); n != 2 {
			t.Errorf("answer %d", n)
		}
	})
}
