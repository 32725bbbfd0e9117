package night_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/night"
	"lienthong/internal/store/house"
)

// book keeps nights and turns as an engine does.
type book struct {
	mu     sync.Mutex
	rows   map[string]house.Night
	holder string
	until  time.Time
}

func (b *book) Begin(_ context.Context, day int, job string, at time.Time) (house.Night, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := fmt.Sprint(day, job)
	n, ok := b.rows[k]
	switch {
	case !ok:
		n = house.Night{Day: day, Job: job, Started: at}
	case n.State == house.NightDone:
		return n, nil
	}
	n.State, n.Tries, n.Code, n.Ended = house.NightRunning, n.Tries+1, "", time.Time{}
	b.rows[k] = n
	return n, nil
}

func (b *book) End(_ context.Context, n house.Night) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[fmt.Sprint(n.Day, n.Job)] = n
	return nil
}

func (b *book) Nights(_ context.Context, from, _ int) (out []house.Night, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.rows {
		if n.Day >= from {
			out = append(out, n)
		}
	}
	return out, nil
}

func (b *book) Turn(_ context.Context, _, holder string, now, until time.Time) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holder != holder && now.Before(b.until) {
		return false, nil
	}
	b.holder, b.until = holder, until
	return true, nil
}

type world struct {
	*book
	clock *clock.Fake
	did   []string
	fail  map[string]error
}

func newWorld(at string) *world {
	t, err := time.ParseInLocation("2006-01-02 15:04", at, clock.Hanoi)
	if err != nil {
		panic(err)
	}
	return &world{book: &book{rows: map[string]house.Night{}}, clock: clock.NewFake(t), fail: map[string]error{}}
}

func (w *world) job(id string, present bool) night.Job {
	return night.Job{ID: id, Present: present, Run: func(_ context.Context, day int) (night.Report, error) {
		w.did = append(w.did, fmt.Sprint(day%100, id))
		return night.Report{Seen: 3, Note: "x"}, w.fail[id]
	}}
}

func (w *world) runner(t *testing.T, jobs ...night.Job) *night.Runner {
	t.Helper()
	r, err := night.New(night.Deps{Nights: w.book, Turns: w.book, Clock: w.clock, Jobs: jobs}, night.Config{Holder: "a"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) round(t *testing.T, r *night.Runner, want ...string) {
	t.Helper()
	w.did = nil
	if err := r.Round(t.Context()); err != nil && fault.Of(err).Kind == fault.Broken && !errors.Is(err, night.ErrPanic) {
		t.Fatal(err)
	}
	if !slices.Equal(w.did, want) {
		t.Errorf("did %v, want %v", w.did, want)
	}
}

func TestEachJobIsDoneOnceADayInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 00:59")
	r := w.runner(t, w.job("b", false), w.job("a", false))
	w.round(t, r, "30b", "30a") // of the day before: its night has come long ago
	w.clock.Advance(2 * time.Minute)
	w.round(t, r, "1b", "1a")
	w.round(t, r)
	if n := w.rows[fmt.Sprint(20260701, "a")]; n.State != house.NightDone || n.Seen != 3 || n.Note != "x" || n.Tries != 1 || n.Ended.IsZero() {
		t.Errorf("%+v", n)
	}
}

func TestMissedDaysAreCaughtUpWithinBounds(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 02:00")
	w.round(t, w.runner(t, w.job("a", false)), "1a")
	w.clock.Advance(3 * 24 * time.Hour)
	r := w.runner(t, w.job("a", false), w.job("new", false), w.job("p", true))
	w.round(t, r, "2a", "3a", "4a", "4new", "4p")
	w.clock.Advance(2 * 24 * time.Hour)
	w.round(t, r, "5a", "5new", "6a", "6new", "6p")
	w.clock.Advance(100 * 24 * time.Hour)
	w.did = nil
	if err := r.Round(t.Context()); err != nil || len(w.did) != 3 {
		t.Errorf("after a long time: %v, %v", w.did, err) // nothing known in the window: it begins anew
	}
}

func TestAFailedJobIsTriedAgainAndDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 02:00")
	w.fail["a"] = fault.New(fault.Busy, "x.busy", "", "")
	r := w.runner(t, w.job("a", false), w.job("b", false))
	w.round(t, r, "1a", "1b")
	w.round(t, r)
	if n := w.rows[fmt.Sprint(20260701, "a")]; n.State != house.NightFailed || n.Code != "x.busy" {
		t.Errorf("%+v", n)
	}
	w.clock.Advance(11 * time.Minute)
	w.fail["a"] = nil
	w.round(t, r, "1a")
	if n := w.rows[fmt.Sprint(20260701, "a")]; n.State != house.NightDone || n.Tries != 2 || n.Code != "" {
		t.Errorf("%+v", n)
	}
}

func TestAJobThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 02:00")
	ctx, cut := context.WithCancel(t.Context())
	tries := 0
	job := night.Job{ID: "a", Run: func(ctx context.Context, _ int) (night.Report, error) {
		if tries++; tries == 1 {
			cut()
			return night.Report{}, ctx.Err()
		}
		return night.Report{Seen: 1}, nil
	}}
	r := w.runner(t, job)
	if err := r.Round(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := w.rows[fmt.Sprint(20260701, "a")]; n.State != house.NightRunning {
		t.Errorf("%+v", n)
	}
	if err := r.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.rows[fmt.Sprint(20260701, "a")]; n.State != house.NightDone || n.Tries != 2 || tries != 2 {
		t.Errorf("%+v after %d tries", n, tries)
	}
}

// A job that ends the process each time is not begun for ever: it is left to people.
func TestAJobThatEndsTheProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 02:00")
	r := w.runner(t, w.job("a", false), w.job("b", false))
	at := fmt.Sprint(20260701, "a")
	w.rows[at] = house.Night{Day: 20260701, Job: "a", State: house.NightRunning, Tries: 19}
	w.round(t, r, "1a", "1b")
	w.rows[at] = house.Night{Day: 20260701, Job: "a", State: house.NightRunning, Tries: 20}
	w.did = nil
	if err := r.Round(t.Context()); !errors.Is(err, night.ErrCut) || len(w.did) != 0 {
		t.Errorf("%v, did %v", err, w.did)
	}
	if n := w.rows[at]; n.State != house.NightFailed || n.Code != "night.cut" || n.Tries != 20 || n.Ended.IsZero() {
		t.Errorf("%+v", n)
	}
	w.clock.Advance(time.Hour)
	w.round(t, r)
	if out, err := r.Do(t.Context(), 20260701, "a"); err != nil || out[0].State != house.NightDone { // by hand it may be
		t.Errorf("%+v, %v", out, err)
	}
}

func TestOneOfSeveralHubsRunsIt(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 02:00")
	r := w.runner(t, w.job("a", false))
	if mine, err := w.Turn(t.Context(), "night", "other", w.clock.Now(), w.clock.Now().Add(time.Minute)); err != nil || !mine {
		t.Fatal(mine, err)
	}
	w.round(t, r)
	if _, err := r.Do(t.Context(), 20260701, "a"); !errors.Is(err, night.ErrTurn) {
		t.Errorf("by hand: %v", err)
	}
	w.clock.Advance(time.Minute)
	w.round(t, r, "1a")
	if mine, err := w.Turn(t.Context(), "night", "other", w.clock.Now(), w.clock.Now().Add(time.Minute)); err != nil || !mine {
		t.Errorf("the turn was not given back: %v, %v", mine, err)
	}
}

func TestAPanicIsAFaultOfTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 02:00")
	r := w.runner(t, night.Job{ID: "a", Run: func(context.Context, int) (night.Report, error) { panic("x") }}, w.job("b", false))
	w.round(t, r, "1b")
	if n := w.rows[fmt.Sprint(20260701, "a")]; n.State != house.NightFailed || n.Code != "night.broken" {
		t.Errorf("%+v", n)
	}
}

func TestByHandOneDayAndJob(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-07-02 00:30")
	r := w.runner(t, w.job("a", false), w.job("b", false))
	for day, want := range map[int]error{20260702: night.ErrDay, 20260703: night.ErrDay, 20240101: night.ErrDay, 7: night.ErrDay, -1: night.ErrDay} {
		if _, err := r.Do(t.Context(), day, ""); !errors.Is(err, want) {
			t.Errorf("%d: %v", day, err)
		}
	}
	if _, err := r.Do(t.Context(), 0, "none"); !errors.Is(err, night.ErrJob) {
		t.Errorf("no job: %v", err)
	}
	all, err := r.Do(t.Context(), 0, "b")
	if err != nil || len(all) != 1 || all[0].Day != 20260701 || all[0].Job != "b" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := night.New(night.Deps{Nights: w.book, Turns: w.book, Clock: w.clock, Jobs: []night.Job{w.job("a", false), w.job("a", false)}}, night.Config{Holder: "a"}); err == nil {
		t.Error("a job twice was taken")
	}
}

// What somebody must look at stands until it is right: of a job that looks at what is
// now until its next night, of another while its day is caught up.
func TestNightsThatAreWrong(t *testing.T) {
	t.Parallel()
	w := newWorld("2026-11-10 02:00")
	differ := int64(4)
	count := func(id string, present bool) night.Job {
		return night.Job{ID: id, Present: present, Run: func(context.Context, int) (night.Report, error) { return night.Report{Unequal: differ}, nil }}
	}
	r := w.runner(t, w.job("a", false), count("now", true), count("day", false))
	wrong := func(unequal, failed int) {
		t.Helper()
		u, f, err := r.Wrong(t.Context())
		if err != nil || len(u) != unequal || len(f) != failed {
			t.Errorf("%+v, %+v, %v; want %d and %d", u, f, err, unequal, failed)
		}
	}
	wrong(0, 0)
	w.fail["a"] = fault.New(fault.Busy, "store.busy", "x", "x")
	w.round(t, r, "9a")
	wrong(2, 0) // a is tried again
	for range 19 {
		w.clock.Advance(11 * time.Minute)
		w.round(t, r, "9a")
	}
	w.clock.Advance(11 * time.Minute)
	w.round(t, r)
	wrong(2, 1)
	if _, f, err := r.Wrong(t.Context()); err != nil || f[0].Job != "a" || f[0].Code != "store.busy" || f[0].Tries != 20 {
		t.Errorf("%+v %v", f, err)
	}
	delete(w.fail, "a")
	differ = 0
	if _, err := r.Do(t.Context(), 20261109, "a"); err != nil {
		t.Fatal(err)
	}
	wrong(2, 0)
	w.clock.Advance(24 * time.Hour)
	w.round(t, r, "10a")
	wrong(1, 0) // the day that was unequal
	for range 6 {
		w.clock.Advance(24 * time.Hour)
		if err := r.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wrong(0, 0)
}
