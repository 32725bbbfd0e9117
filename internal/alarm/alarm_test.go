package alarm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// monday is the first day of the synthetic weeks.
var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, clock.Hanoi)

func at(day, hour int) time.Time {
	return monday.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour)
}

type world struct {
	t      *testing.T
	clock  *clock.Fake
	store  *fakeStore
	rates  *alarm.Rates
	ways   []alarm.Way
	forks  map[string]time.Time
	seen   map[care.FacilityCode]time.Time
	counts []store.Count
	broken error
	told   []alarm.Message
	acts   []store.Act
	watch  *alarm.Watch
}

func setup(t *testing.T, now time.Time) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(now), store: &fakeStore{rows: map[string]*store.Alarm{}}, rates: alarm.NewRates(), seen: map[care.FacilityCode]time.Time{}}
	var err error
	w.watch, err = alarm.New(alarm.Deps{Store: w.store, Counters: w, Seen: w, Acts: w, Rates: w.rates, Clock: w.clock,
		Forks:   func(context.Context) (map[string]time.Time, error) { return w.forks, nil },
		Ways:    func(context.Context) ([]alarm.Way, error) { return w.ways, w.broken },
		Tellers: func(alarm.Limits) []alarm.Teller { return []alarm.Teller{w} }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) Tell(_ context.Context, m alarm.Message) error {
	w.told = append(w.told, m)
	return nil
}

func (w *world) Act(_ context.Context, a store.Act) error { w.acts = append(w.acts, a); return nil }

func (w *world) LastSeen(context.Context, role.Scope) (map[care.FacilityCode]time.Time, error) {
	return w.seen, nil
}

func (w *world) Sum(context.Context, role.Scope, store.CountQuery) ([]store.Count, error) {
	return w.counts, nil
}

// round looks once and returns the causes that are not closed.
func (w *world) round() []string {
	w.t.Helper()
	if err := w.watch.Round(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	open, err := w.watch.Open(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, a := range open {
		out = append(out, a.Cause)
		if a.Text.VI == "" || a.Text.EN == "" || strings.Contains(a.Text.VI+a.Text.EN, "%!") {
			w.t.Errorf("%s says %+v", a.Cause, a.Text)
		}
	}
	return out
}

func (w *world) want(causes ...string) {
	w.t.Helper()
	got := w.round()
	if fmt.Sprint(got) != fmt.Sprint(causes) {
		w.t.Errorf("%s: open %v, want %v", w.clock.Now().In(clock.Hanoi).Format("Mon 02 15:04"), got, causes)
	}
}

func way(oldest time.Time, breaker exchange.BreakerState, since time.Time) alarm.Way {
	return alarm.Way{Destination: "bhxh", Oldest: oldest, Breaker: breaker, Since: since, Waiting: 7}
}

func TestAQueueThatIsTooOldIsToldOnceAnHourAndClosesByItself(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 8))
	w.ways = []alarm.Way{way(at(0, 8), exchange.Closed, at(0, 0))}
	w.clock.Advance(59 * time.Minute)
	w.want() // the control: within its limit
	w.clock.Advance(time.Minute)
	for range 150 { // two and a half hours, a round a minute
		w.want("leg.queue:bhxh")
		w.clock.Advance(time.Minute)
	}
	if len(w.told) != 3 {
		t.Errorf("told %d times in two and a half hours", len(w.told))
	}
	if m := w.told[0]; m.Kind != alarm.Queue || m.Object != "bhxh" || m.Detail.Minutes != 60 || m.Detail.Limit != 60 {
		t.Errorf("%+v", m)
	}
	w.ways = nil
	w.want()
	if s := w.store.actions(); s != "alarm.opened alarm.closed" {
		t.Errorf("acts: %s", s)
	}
	// the same cause again within the hour: open, but not told again
	w.ways = []alarm.Way{way(at(0, 8), exchange.Closed, at(0, 0))}
	told := len(w.told)
	w.want("leg.queue:bhxh")
	if len(w.told) != told {
		t.Error("told twice within an hour")
	}
}

func TestWhoLooksAfterAnAlarmIsNotToldAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 12))
	w.ways = []alarm.Way{way(at(0, 8), exchange.Closed, at(0, 0))}
	w.want("leg.queue:bhxh")
	ctx := context.Background()
	if err := w.watch.Acknowledge(ctx, "portal operator", "leg.queue:bhxh", "A", ""); !errors.Is(err, alarm.ErrOwner) {
		t.Errorf("without a name: %v", err)
	}
	if err := w.watch.Acknowledge(ctx, "portal operator", "leg.queue:x", "An", ""); !errors.Is(err, alarm.ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
	if err := w.watch.Acknowledge(ctx, "portal operator", "leg.queue:bhxh", "An", "đã gọi"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(3 * time.Hour)
	w.want("leg.queue:bhxh")
	if len(w.told) != 1 {
		t.Errorf("told %d times", len(w.told))
	}
	w.ways[0].Paused = true // an operator stopped it: it knows
	w.want()
}

// Package urgent raises it where an opening is made: this watch tells of it, and
// closes it a day after the last.
func TestManyEmergenciesAreToldAndCloseAfterADay(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 8))
	now := w.clock.Now()
	if _, err := w.store.Raise(context.Background(), store.Alarm{Cause: "emergency.many:79901", Detail: `{"n":21,"limit":20}`, Opened: now, Seen: now}, store.Act{}); err != nil {
		t.Fatal(err)
	}
	w.want("emergency.many:79901")
	if len(w.told) != 1 || !strings.Contains(w.told[0].Text.VI, "79901") || !strings.Contains(w.told[0].Text.EN, "21 times") {
		t.Errorf("told %+v", w.told)
	}
	w.clock.Advance(24*time.Hour - time.Minute)
	w.want("emergency.many:79901")
	w.clock.Advance(time.Minute)
	w.want()
}

func TestABreakerThatOpensAndHalfOpensIsOneSilence(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 8))
	for n := range 16 {
		state := exchange.Open
		if n%2 == 1 {
			state = exchange.HalfOpen
		}
		w.ways = []alarm.Way{way(w.clock.Now(), state, w.clock.Now())}
		if got := w.round(); (len(got) > 0) != (n >= 15) {
			t.Errorf("after %d minutes: %v", n, got)
		}
		w.clock.Advance(time.Minute)
	}
	w.ways = []alarm.Way{way(w.clock.Now(), exchange.Closed, w.clock.Now())}
	w.want()
}

func TestFailuresAreAShareOfEnough(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 8))
	attempt := func(destination string, arrived, failed int) {
		for n := range arrived + failed {
			outcome := "finalized"
			if n < failed {
				outcome = "again"
			}
			w.rates.Attempted(destination, outcome, w.clock.Now())
		}
	}
	attempt("few", 0, 19)
	attempt("well", 71, 29)
	attempt("ill", 70, 30)
	w.want("leg.failures:ill")
	w.clock.Advance(30 * time.Minute)
	attempt("ill", 30, 0)
	w.want()
	w.clock.Advance(31 * time.Minute) // what came an hour ago counts no more
	attempt("ill", 0, 0)
	if r := w.rates.Hour(w.clock.Now())["ill"]; r.Attempts != 30 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
}

// sent tells of weeks of sending on weekdays (0 Monday), an hour each time.
func (w *world) sent(code care.FacilityCode, weeks, hour int, weekdays ...int) {
	for n := range weeks {
		for _, d := range weekdays {
			day := at(7*n+d, hour)
			w.counts = append(w.counts, store.Count{Key: []string{string(code), fmt.Sprint(clock.Day(day))}, N: 3})
			w.store.sendings = append(w.store.sendings, store.Sending{Facility: code, Day: clock.Day(day), Hours: 1 << hour})
			w.seen[code] = day
		}
	}
}

func TestAFacilityIsSilentByItsOwnCalendar(t *testing.T) {
	t.Parallel()
	w := setup(t, at(56, 7)) // a Monday morning after eight weeks
	w.sent("79901", 8, 8, 0, 1, 2, 3, 4, 5, 6)
	w.sent("24604", 8, 14, 1, 3) // Tuesdays and Thursdays only
	w.want()
	w.clock.Advance(4 * time.Hour) // 11:00: the hospital's hour and slack are over
	w.want("facility.silent:79901")
	w.seen["79901"] = at(56, 11)
	w.clock.Advance(time.Minute)
	w.want()
	w.clock.Advance(24 * time.Hour) // Tuesday 11:01: the station has until 17:00, the hospital sent
	w.seen["79901"] = at(57, 8)
	w.want()
	w.clock.Advance(6 * time.Hour)
	w.want("facility.silent:24604")
	w.seen["24604"] = at(57, 16)
	w.want()
}

func TestAHolidayIsNoSilence(t *testing.T) {
	t.Parallel()
	w := setup(t, at(56, 12))
	w.sent("79901", 8, 8, 0, 1, 2, 3, 4)
	w.want("facility.silent:79901") // the control: the same day, no holiday
	w = setup(t, at(56, 12))
	w.sent("79901", 8, 8, 0, 1, 2, 3, 4)
	if err := alarm.Set(context.Background(), w.store, w.clock, "an", fmt.Appendf(nil, `{"holidays":[%d]}`, clock.Day(at(56, 0)))); err != nil {
		t.Fatal(err)
	}
	w.want()
}

func TestManySilentFacilitiesAreOneCause(t *testing.T) {
	t.Parallel()
	w := setup(t, at(56, 12))
	for n := range 40 {
		w.sent(care.FacilityCode(fmt.Sprintf("79%03d", n)), 8, 8, 0, 1, 2, 3, 4)
	}
	w.want("facility.silent:many")
	if len(w.told) != 1 || w.told[0].Detail.N != 40 {
		t.Errorf("%+v", w.told)
	}
}

func TestAForkIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 8))
	w.want()
	w.forks = map[string]time.Time{"79901-1": at(0, 7)}
	w.want("sender.forked:79901-1")
	w.forks = nil // it has a new key
	w.want()
}

func TestASourceThatCannotBeReadClosesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, at(0, 12))
	w.ways = []alarm.Way{way(at(0, 8), exchange.Closed, at(0, 0))}
	w.want("leg.queue:bhxh")
	w.ways, w.broken = nil, errors.New("no store")
	if err := w.watch.Round(context.Background()); err == nil {
		t.Error("nothing is said of it")
	}
	if open, err := w.watch.Open(context.Background()); err != nil || len(open) != 1 {
		t.Errorf("%v %v", open, err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for _, good := range []string{`{}`, `{"queue_minutes":5,"off":["leg.queue"]}`, `{"webhook":{"url":"https://a.example/x"}}`,
		`{"mail":{"server":"mail.example:587","from":"hub@a.example","to":["b@a.example"]}}`} {
		if _, err := alarm.ParseLimits([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{``, `[]`, `{"queue":1}`, `{"queue_minutes":-1}`, `{"failure_percent":101}`, `{"tell_minutes":1}`, `{"holidays":[20261301]}`, `{"off":["x"]}`, `{} {}`,
		`{"webhook":{"url":"ftp://a"}}`, `{"webhook":{"url":"https://u:p@a.example"}}`, `{"mail":{"server":"mail","from":"a@b.example","to":["c@d.example"]}}`,
		`{"mail":{"server":"m:25","from":"A <a@b.example>","to":["c@d.example"]}}`, `{"mail":{"server":"m:25","from":"a@b.example"}}`,
		`{"mail":{"server":"m:25","tls":"maybe","from":"a@b.example","to":["c@d.example"]}}`, `{"mail":{"server":"m:25","password":"x","from":"a@b.example","to":["c@d.example"]}}`} {
		if _, err := alarm.ParseLimits([]byte(bad)); fault.Of(err).Code != "alarm.setting" {
			t.Errorf("%s: %v", bad, err)
		}
	}
	w := setup(t, at(0, 12))
	w.ways = []alarm.Way{way(at(0, 8), exchange.Closed, at(0, 0))}
	if err := alarm.Set(context.Background(), w.store, w.clock, "an", []byte(`{"off":["leg.queue"]}`)); err != nil {
		t.Fatal(err)
	}
	w.want()
	if n, err := w.watch.Try(context.Background(), "an"); err != nil || n != 1 || len(w.told) != 1 || w.told[0].Kind != alarm.Test || len(w.acts) != 1 {
		t.Errorf("a test: %d %v %v", n, err, w.told)
	}
}

func FuzzParseLimits(f *testing.F) {
	f.Add([]byte(`{"queue_minutes":5,"holidays":[20260901],"mail":{"server":"m:25","from":"a@b.example","to":["c@d.example"]}}`))
	f.Add([]byte(`{"webhook":{"url":"http://[::1]:80/"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := alarm.ParseLimits(b)
		if err != nil && fault.Of(err).Code != "alarm.setting" {
			t.Errorf("%v", err)
		}
		if d := l.WithDefaults(); err == nil && (d.QueueMinutes <= 0 || d.TellMinutes < 60) {
			t.Errorf("%+v", d)
		}
	})
}

// A book of rules that is in force and cannot be read is told of while it stands.
func TestABookThatIsNotReadIsToldOf(t *testing.T) {
	t.Parallel()
	w := setup(t, time.Date(2026, 11, 16, 9, 0, 0, 0, clock.Hanoi))
	found := map[string]alarm.Detail{alarm.Rules + ":r7": {N: 2, Code: "rulebook.expression"}}
	w.watch.Looks = func(context.Context) (map[string]alarm.Detail, error) { return found, nil }
	round := func() []alarm.Alarm {
		t.Helper()
		if err := w.watch.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		open, err := w.watch.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return open
	}
	open := round()
	if len(open) != 1 || open[0].Kind != alarm.Rules || open[0].Object != "r7" || !strings.Contains(open[0].Text.VI, "r7") || !strings.Contains(open[0].Text.EN, "2 problems, rulebook.expression") {
		t.Fatalf("%+v", open)
	}
	if len(w.told) != 1 {
		t.Errorf("told %d times", len(w.told))
	}
	found = nil
	if open := round(); len(open) != 0 {
		t.Errorf("it is read, and yet %+v", open)
	}
	// late tasks are kept as others are; whose they are is told once a day elsewhere
	found = map[string]alarm.Detail{alarm.Late + ":" + alarm.Many: {N: 3, Of: 9}}
	if open := round(); len(open) != 1 || open[0].Kind != alarm.Late || !strings.Contains(open[0].Text.EN, "3 tasks are late of 9") || len(w.told) != 1 {
		t.Errorf("%+v, told %d times", open, len(w.told))
	}
}
