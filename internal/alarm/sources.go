package alarm

import (
	"context"
	"maps"
	"slices"
	"time"

	"lienthong/internal/calendar"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func (w *Watch) failures(_ context.Context, l Limits, now time.Time, raise func(string, Detail)) error {
	if w.Rates == nil {
		return nil
	}
	for destination, r := range w.Rates.Hour(now) {
		if r.Attempts >= l.FailureLeast && 100*r.Failed >= l.FailurePercent*r.Attempts {
			raise(destination, Detail{Percent: 100 * r.Failed / r.Attempts, Attempts: r.Attempts, Limit: l.FailurePercent})
		}
	}
	return nil
}

func (w *Watch) queues(ctx context.Context, l Limits, now time.Time, raise func(string, Detail)) error {
	ways, err := w.Ways(ctx)
	for _, x := range ways {
		if x.Oldest.IsZero() || x.Paused {
			continue
		}
		if minutes := int(now.Sub(x.Oldest) / time.Minute); minutes >= l.QueueMinutes {
			raise(x.Destination, Detail{Minutes: minutes, Limit: l.QueueMinutes, N: x.Waiting, Code: x.Code})
		}
	}
	return err
}

func (w *Watch) breakers(ctx context.Context, l Limits, now time.Time, raise func(string, Detail)) error {
	ways, err := w.Ways(ctx)
	for _, x := range ways {
		if x.Breaker == exchange.Closed || x.Since.IsZero() || x.Paused {
			w.silence.broken.close(x.Destination)
			continue
		}
		// it is half open now and then: what counts is when it was last closed
		if minutes := int(now.Sub(w.silence.broken.since(x.Destination, x.Since)) / time.Minute); minutes >= l.BreakerMinutes {
			raise(x.Destination, Detail{Minutes: minutes, Limit: l.BreakerMinutes, Code: x.Code})
		}
	}
	return err
}

// broken remembers since when breakers are not closed.
type broken map[string]time.Time

func (b *broken) close(destination string) { delete(*b, destination) }

func (b *broken) since(destination string, at time.Time) time.Time {
	if *b == nil {
		*b = broken{}
	}
	if first, ok := (*b)[destination]; ok && first.Before(at) {
		return first
	}
	(*b)[destination] = at
	return at
}

func (w *Watch) forked(ctx context.Context, _ Limits, _ time.Time, raise func(string, Detail)) error {
	forks, err := w.Forks(ctx)
	for client, at := range forks {
		raise(client, Detail{Last: at})
	}
	return err
}

// silence is what a watch remembers between rounds. A watch's rounds do not overlap.
type silence struct {
	noted     map[care.FacilityCode]time.Time // last sendings that are kept as days
	learned   time.Time
	calendars map[care.FacilityCode]calendar.Calendar
	broken    broken
}

// learnEvery is how often calendars are learned anew.
const learnEvery = time.Hour

// manyOf says when silence is one cause, not one for each facility: this share
// of those whose calendar is known, and at least manyLeast.
const (
	manyOf    = 0.3
	manyLeast = 20
)

func (w *Watch) silent(ctx context.Context, l Limits, now time.Time, raise func(string, Detail)) error {
	seen, err := w.Seen.LastSeen(ctx, role.Scope{All: true})
	if err != nil {
		return err
	}
	if err := w.note(ctx, seen, now); err != nil {
		return err
	}
	if w.silence.calendars == nil || now.Sub(w.silence.learned) >= learnEvery || clock.Day(now) != clock.Day(w.silence.learned) {
		if err := w.learn(ctx, l, now); err != nil {
			return err
		}
	}
	late := map[string]Detail{}
	known := 0
	quiet := &Silence{At: now, Known: map[care.FacilityCode]bool{}, Late: map[care.FacilityCode]bool{}}
	for code, c := range w.silence.calendars {
		if !c.Known() {
			continue
		}
		known++
		quiet.Known[code] = true
		if _, silent := c.Silent(seen[code], now, time.Duration(l.SilenceSlackHours)*time.Hour, l.SilenceMissed); silent {
			late[string(code)] = Detail{Last: seen[code], Limit: l.SilenceMissed}
			quiet.Late[code] = true
		}
	}
	w.quiet.Store(quiet)
	if len(late) >= manyLeast && float64(len(late)) >= manyOf*float64(known) {
		raise(Many, Detail{N: len(late), Of: known})
		return nil
	}
	for code, d := range late {
		raise(code, d)
	}
	return nil
}

// Silence is what the last round found of facilities' own calendars.
type Silence struct {
	At    time.Time
	Known map[care.FacilityCode]bool // whose calendar was learned
	Late  map[care.FacilityCode]bool // of them, silent for longer than it allows
}

// Silence returns what the last round found, nil before the first. It is not to be changed.
func (w *Watch) Silence() *Silence { return w.quiet.Load() }

// note keeps the days and hours in which facilities sent since the last round.
func (w *Watch) note(ctx context.Context, seen map[care.FacilityCode]time.Time, now time.Time) error {
	var days []store.Sending
	for code, at := range seen {
		if !at.IsZero() && !at.Equal(w.silence.noted[code]) {
			days = append(days, store.Sending{Facility: code, Day: clock.Day(at), Hours: 1 << at.In(clock.Hanoi).Hour()})
		}
	}
	if len(days) == 0 {
		return nil
	}
	if err := w.Store.Note(ctx, days, clock.Day(now.AddDate(0, 0, -7*(calendar.Weeks+1)))); err != nil {
		return err
	}
	w.silence.noted = maps.Clone(seen)
	return nil
}

// learn learns every calendar anew: days from the counters, which were there
// before this was, hours from what was noted.
func (w *Watch) learn(ctx context.Context, l Limits, now time.Time) error {
	from := now.AddDate(0, 0, -7*calendar.Weeks)
	counts, err := w.Counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{FromDay: clock.Day(from), ToDay: clock.Day(now),
		Measures: append(insight.Verdicts(), "refused"), By: []store.Dimension{store.ByFacility, store.ByDay}})
	if err != nil {
		return err
	}
	noted, err := w.Store.Sendings(ctx, clock.Day(from))
	if err != nil {
		return err
	}
	days := map[care.FacilityCode]map[int]uint32{}
	add := func(code care.FacilityCode, day int, hours uint32) {
		if days[code] == nil {
			days[code] = map[int]uint32{}
		}
		days[code][day] |= hours
	}
	for _, c := range counts {
		if t, err := time.Parse("20060102", c.Key[1]); err == nil && c.N > 0 && c.Key[0] != "" {
			add(care.FacilityCode(c.Key[0]), clock.Day(t.Add(12*time.Hour)), 0)
		}
	}
	for _, s := range noted {
		add(s.Facility, s.Day, s.Hours)
	}
	holidays := holidaysOf(days, l, now)
	w.silence.calendars = make(map[care.FacilityCode]calendar.Calendar, len(days))
	for code, of := range days {
		list := make([]calendar.Sent, 0, len(of))
		for day, hours := range of {
			list = append(list, calendar.Sent{Day: day, Hours: hours})
		}
		slices.SortFunc(list, func(a, b calendar.Sent) int { return a.Day - b.Day })
		w.silence.calendars[code] = calendar.Learn(list, noon(list[0].Day), now, holidays)
	}
	w.silence.learned = now
	return nil
}

// holidaysOf are the days on which nothing is expected: by law, by setting, and
// those past on which few sent.
func holidaysOf(days map[care.FacilityCode]map[int]uint32, l Limits, now time.Time) map[int]bool {
	senders := map[int]int{}
	today := clock.Day(now)
	for _, of := range days {
		for day := range of {
			if day != today { // it is not over
				senders[day]++
			}
		}
	}
	out := calendar.Quiet(senders)
	year := now.In(clock.Hanoi).Year()
	for _, day := range slices.Concat(calendar.Fixed(year-1), calendar.Fixed(year), l.Holidays) {
		out[day] = true
	}
	return out
}

func noon(day int) time.Time {
	return time.Date(day/10000, time.Month(day/100%100), day%100, 12, 0, 0, 0, clock.Hanoi)
}
