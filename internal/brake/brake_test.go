package brake_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// hall keeps rows, alarms and acts as a store would.
type hall struct {
	mu     sync.Mutex
	rows   []store.Disclosure
	acts   []store.Act
	alarms []string
}

func (h *hall) List(_ context.Context, _ role.Scope, f store.DisclosureFilter) (out []store.Disclosure, more bool, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rows {
		if r.Staff == f.Staff && !r.At.Before(f.Since) {
			out = append(out, r)
		}
	}
	return out, false, nil
}

func (h *hall) Raise(_ context.Context, a store.Alarm, _ store.Act) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.alarms = append(h.alarms, a.Cause)
	return true, nil
}

func (h *hall) Act(_ context.Context, a store.Act) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.ID = int64(len(h.acts) + 1)
	h.acts = append(h.acts, a)
	return nil
}

func (h *hall) Acts(_ context.Context, before int64, _ int) (out []store.Act, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.acts) - 1; i >= 0; i-- {
		if before == 0 || h.acts[i].ID < before {
			out = append(out, h.acts[i])
		}
	}
	return out, nil
}

var start = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func newBrake(t *testing.T, h *hall, clk clock.Clock) *brake.Brake {
	t.Helper()
	b, err := brake.New(brake.Deps{Looks: h, Alarms: h, Acts: h, Clock: clk}, brake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// of is the row of person n's record of a facility, looked at by an account.
func of(at time.Time, who, reader string, staff care.Staff, author care.FacilityCode, n int) []store.Disclosure {
	return []store.Disclosure{{At: at, Reader: reader, Role: who, Staff: staff, Facility: author, Person: store.PersonID{1, byte(n), byte(n >> 8)},
		Record: dossier.ID{Facility: author, Serial: [16]byte{byte(n), byte(n >> 8)}}, Basis: "presence"}}
}

// scrape looks at person after person, every so often, until it is cut off.
func scrape(t *testing.T, h *hall, b *brake.Brake, clk *clock.Fake, every time.Duration, most int, row func(n int) []store.Disclosure) int {
	t.Helper()
	for n := range most {
		rows := row(n)
		if err := b.Look(t.Context(), rows); errors.Is(err, brake.ErrCutOff) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
		h.mu.Lock()
		h.rows = append(h.rows, rows...)
		h.mu.Unlock()
		clk.Advance(every)
	}
	return most
}

// TestAScrapeIsCutOff: ten thousand people by one account, fast or slow.
func TestAScrapeIsCutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		role, reader string
		staff        care.Staff
		every        time.Duration
	}{
		"clinician, at once":     {"clinician:79901", "session:1", care.Staff{1}, 0},
		"clinician, each minute": {"clinician:79901", "session:1", care.Staff{1}, time.Minute},
		"HIS door, asserted":     {"clinician:79901", "client-1", care.Staff{2}, 0},
		"operator":               {"operator", "session:op", care.Staff{}, 0},
		"system":                 {"facility:79901", "gateway:79901_BV", care.Staff{}, 0},
	} {
		h, clk := &hall{}, clock.NewFake(start)
		b := newBrake(t, h, clk)
		seen := scrape(t, h, b, clk, c.every, 10_000, func(n int) []store.Disclosure { return of(clk.Now(), c.role, c.reader, c.staff, "79902", n) })
		if seen > 100 || seen < 30 {
			t.Errorf("%s: cut off after %d", name, seen)
		}
		if len(h.alarms) != 1 || len(h.acts) != 1 || h.acts[0].Action != brake.Cut || len(b.Stops("")) != 1 {
			t.Errorf("%s: %v %+v", name, h.alarms, h.acts)
		}
	}
}

// TestOrdinaryWorkIsNotStopped: the same patients again and again, a ward in a
// day, and one's own records in bulk, of which somebody is only told.
func TestOrdinaryWorkIsNotStopped(t *testing.T) {
	t.Parallel()
	h, clk := &hall{}, clock.NewFake(start)
	b := newBrake(t, h, clk)
	doctor := func(n int) []store.Disclosure {
		return of(clk.Now(), "clinician:79901", "session:1", care.Staff{1}, "79902", n)
	}
	if n := scrape(t, h, b, clk, time.Second, 5000, func(n int) []store.Disclosure { return doctor(n % 20) }); n != 5000 {
		t.Errorf("twenty patients again and again: cut off after %d", n)
	}
	if n := scrape(t, h, b, clk, 10*time.Minute, 60, func(n int) []store.Disclosure { return doctor(100 + n) }); n != 60 {
		t.Errorf("sixty more in ten hours: cut off after %d", n)
	}
	own := func(n int) []store.Disclosure {
		return of(clk.Now(), "facility:79901", "client-1", care.Staff{}, "79901", n)
	}
	if n := scrape(t, h, b, clk, 0, 60_000, own); n != 60_000 || len(h.alarms) != 1 || len(b.Stops("")) != 0 {
		t.Errorf("own records: cut off after %d, alarms %v", n, h.alarms)
	}
	citizen := func(n int) []store.Disclosure { return of(clk.Now(), "citizen", "session:c", care.Staff{}, "79902", n) }
	if n := scrape(t, h, b, clk, 0, 500, citizen); n != 500 {
		t.Errorf("a citizen: cut off after %d", n)
	}
}

// TestACutOutlivesARestart, and so does what was seen before it; unlocking is an
// act of who answers for the account.
func TestACutOutlivesARestart(t *testing.T) {
	t.Parallel()
	h, clk := &hall{}, clock.NewFake(start)
	doctor := func(n int) []store.Disclosure {
		return of(clk.Now(), "clinician:79901", "session:1", care.Staff{1}, "79902", n)
	}
	if n := scrape(t, h, newBrake(t, h, clk), clk, time.Second, 30, doctor); n != 30 {
		t.Fatalf("cut off after %d", n)
	}
	b := newBrake(t, h, clk)
	if n := scrape(t, h, b, clk, time.Second, 100, func(n int) []store.Disclosure { return doctor(1000 + n) }); n != 10 {
		t.Errorf("after a restart: cut off after %d more, want 10", n)
	}
	b = newBrake(t, h, clk)
	clk.Advance(48 * time.Hour)
	if err := b.Look(t.Context(), doctor(1)); !errors.Is(err, brake.ErrCutOff) {
		t.Errorf("time or a restart let it go on: %v", err)
	}
	stops := b.Stops("79901")
	if len(stops) != 1 || len(b.Stops("79902")) != 0 {
		t.Fatalf("%+v", stops)
	}
	if err := b.Unlock(t.Context(), "79902", stops[0].Mark, "privacy", "x"); !errors.Is(err, brake.ErrNotCut) {
		t.Errorf("another facility's officer: %v", err)
	}
	if err := b.Unlock(t.Context(), "79901", stops[0].Mark, "privacy:79901", "trực cấp cứu hàng loạt"); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*brake.Brake{b, newBrake(t, h, clk)} {
		if err := b.Look(t.Context(), doctor(1)); err != nil {
			t.Errorf("after it was unlocked: %v", err)
		}
	}
}

// TestManyAtOnce: what one account does from many places is one account's.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h, clk := &hall{}, clock.NewFake(start)
	b := newBrake(t, h, clk)
	var wait sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for i := range 20 {
		wait.Go(func() {
			for k := range 50 {
				if b.Look(t.Context(), of(start, "clinician:79901", "session:1", care.Staff{1}, "79902", i*50+k)) == nil {
					mu.Lock()
					passed++
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if passed != 40 || len(h.acts) != 1 {
		t.Errorf("%d passed, %d acts", passed, len(h.acts))
	}
}

// A wide search for who an unknown patient is cuts nobody off from treating, and an
// emergency waits for nobody; the search itself has an end.
func TestAnEmergencyIsNotCutOff(t *testing.T) {
	t.Parallel()
	h, clk := &hall{}, clock.NewFake(start)
	b := newBrake(t, h, clk)
	look := func(basis string) func(n int) []store.Disclosure {
		return func(n int) []store.Disclosure {
			rows := of(clk.Now(), "clinician:79901", "session:1", care.Staff{1}, "01001", n)
			rows[0].Basis = basis
			return rows
		}
	}
	if n := scrape(t, h, b, clk, 0, 1000, look(brake.Candidate)); n == 0 || n > 100 {
		t.Errorf("%d candidates before the end", n)
	}
	for _, again := range []*brake.Brake{b, newBrake(t, h, clk)} { // and after a restart
		if n := scrape(t, h, again, clk, 0, 10, look("presence")); n != 10 {
			t.Errorf("a wide search cuts off from treating after %d", n)
		}
		clk.Advance(time.Hour)
	}
	if n := scrape(t, h, b, clk, 0, 1000, look("presence")); n > 100 {
		t.Errorf("%d people by presence", n)
	}
	if n := scrape(t, h, b, clk, 0, 5, look("emergency")); n != 5 {
		t.Errorf("an emergency waits after a cut-off: %d", n)
	}
}
