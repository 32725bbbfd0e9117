package exchange_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/exchange"
)

func TestABreakerOpensTriesOnceAndComesBackSlowly(t *testing.T) {
	t.Parallel()
	now := noon
	b := exchange.NewBreaker(exchange.StandardBreaker(), 8, now)
	for range 4 {
		b.Report(now, false, time.Second)
	}
	if b.Room(now) == 0 {
		t.Fatal("open after four failures")
	}
	b.Report(now, false, time.Second)
	pause := 30 * time.Second
	for range 8 {
		if w := b.Wait(now); w != min(pause, 10*time.Minute) {
			t.Fatalf("waits %v, want %v", w, pause)
		}
		now = now.Add(b.Wait(now))
		if n := b.Room(now); n != 1 {
			t.Fatalf("half open it lets %d through", n)
		}
		b.Report(now, false, time.Second)
		pause *= 2
	}
	now = now.Add(b.Wait(now))
	b.Room(now)
	var windows []int
	for range 16 {
		b.Report(now, true, time.Second)
		windows = append(windows, b.Room(now))
	}
	for i, want := range []int{1, 2, 2, 4, 4, 4, 4, 8, 8} {
		if windows[i] != want {
			t.Fatalf("after %d successes %d at once, want %d: %v", i+1, windows[i], want, windows)
		}
	}
	for range 5 {
		b.Report(now, false, time.Second)
	}
	if w := b.Wait(now); w != 30*time.Second {
		t.Errorf("after a good stretch it waits %v", w)
	}
}

func TestABreakerOpensForSlowness(t *testing.T) {
	t.Parallel()
	b := exchange.NewBreaker(exchange.StandardBreaker(), 1, noon)
	for range 19 {
		b.Report(noon, true, 11*time.Second)
	}
	if s, _, _ := b.State(noon); s != exchange.Closed {
		t.Fatalf("%s before there were enough samples", s)
	}
	b.Report(noon, true, 11*time.Second)
	if s, _, until := b.State(noon); s != exchange.Open || !until.Equal(noon.Add(30*time.Second)) {
		t.Errorf("%s until %v", s, until)
	}
	one := exchange.NewBreaker(exchange.StandardBreaker(), 1, noon)
	for i := range 200 { // one in twenty-five is slow: the 95th percentile is not
		one.Report(noon, true, map[bool]time.Duration{true: time.Minute, false: time.Second}[i%25 == 0])
	}
	if s, _, _ := one.State(noon); s != exchange.Closed {
		t.Errorf("%s for one slow answer in twenty-five", s)
	}
}

// Whatever happens, also to the clock: an open breaker opens the door again
// within its longest pause, and never lets more through than the destination takes.
func TestABreakerNeverStaysShut(t *testing.T) {
	t.Parallel()
	law := exchange.StandardBreaker()
	rapid.Check(t, func(t *rapid.T) {
		now, parallel := noon, rapid.IntRange(1, 16).Draw(t, "parallel")
		b := exchange.NewBreaker(law, parallel, now)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "passes")))
			room := b.Room(now)
			if room > parallel {
				t.Fatalf("%d at once of %d", room, parallel)
			}
			if room == 0 && (b.Wait(now) <= 0 || b.Wait(now) > law.Cap) {
				t.Fatalf("shut for %v", b.Wait(now))
			}
			for range room {
				b.Report(now, rapid.Bool().Draw(t, "ok"), time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "took")))
			}
		}
	})
}

func TestAPaceIsKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.1, 500).Draw(t, "rate")
		now, p, taken := noon, exchange.NewPace(rate, noon), 0
		for range 200 {
			wait := p.Take(now)
			if wait == 0 {
				taken++
			} else if rapid.Bool().Draw(t, "obeys") {
				now = now.Add(wait)
				if p.Take(now) != 0 && p.Take(now.Add(time.Microsecond)) != 0 {
					t.Fatalf("nothing after the %v it said", wait)
				}
				taken++
			} else {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "passes")))
			}
			if most := now.Sub(noon).Seconds()*rate + max(rate, 1) + 1; float64(taken) > most {
				t.Fatalf("%d taken, at most %v", taken, most)
			}
		}
	})
}

func TestAPaceAfterARest(t *testing.T) {
	t.Parallel()
	count := func(p *exchange.Pace, now time.Time) (n int) {
		for p.Take(now) == 0 {
			n++
		}
		return n
	}
	p := exchange.NewPace(10, noon)
	day := noon.Add(24 * time.Hour)
	if n := count(p, day); n != 10 {
		t.Errorf("%d at once after a day", n)
	}
	if n := count(p, day.Add(-time.Hour)); n != 0 {
		t.Errorf("%d when the clock was put back", n)
	}
	later := day.Add(time.Hour)
	p.Ebb(later)
	if n := count(p, later); n != 1 {
		t.Errorf("%d after an ebb", n)
	}
	p.Change(2, later)
	if n := count(p, later.Add(time.Hour)); n != 2 {
		t.Errorf("%d at the new rate", n)
	}
	free := exchange.NewPace(0, noon)
	for range 2 {
		if wait := free.Take(noon); wait != 0 {
			t.Errorf("a pace without a limit waits %s", wait)
		}
	}
}

// Repetitions stay a tenth of first attempts, but for what is saved and one a second.
func TestARetryBudget(t *testing.T) {
	t.Parallel()
	b, repeated := exchange.NewBudget(0.1, noon), 0
	for range 10_000 {
		b.First()
		for range 3 {
			if b.Again(noon) {
				repeated++
			}
		}
	}
	if repeated < 1000 || repeated > 1010 {
		t.Errorf("%d repetitions of 10,000", repeated)
	}
	now := noon
	for range 10 {
		now = now.Add(time.Second)
		if !b.Again(now) {
			t.Error("not one a second")
		}
		if b.Again(now) {
			t.Error("two a second")
		}
	}
}
