package calendar_test

import (
	"slices"
	"testing"
	"time"

	"lienthong/internal/calendar"
	"lienthong/internal/clock"
)

// monday is the first day of the synthetic weeks.
var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, clock.Hanoi)

func day(n int) time.Time { return monday.AddDate(0, 0, n) }

// weeks sends on the weekdays (0 Monday) of n weeks at an hour, but not on days
// that skip names.
func weeks(n, hour int, skip []int, weekdays ...int) []calendar.Sent {
	var out []calendar.Sent
	for w := range n {
		for _, d := range weekdays {
			if k := 7*w + d; !slices.Contains(skip, k) {
				out = append(out, calendar.Sent{Day: clock.Day(day(k)), Hours: 1<<hour | 1<<(hour+2)})
			}
		}
	}
	return out
}

func at(n, hour int) time.Time { return day(n).Add(time.Duration(hour) * time.Hour) }

func TestSilentByItsOwnCalendar(t *testing.T) {
	t.Parallel()
	until := day(56) // eight weeks, a Monday
	everyDay := weeks(8, 8, nil, 0, 1, 2, 3, 4, 5, 6)
	workdays := weeks(8, 9, nil, 0, 1, 2, 3, 4)
	twoDays := weeks(8, 14, nil, 1, 3) // Tuesday and Thursday afternoons
	sometimes := weeks(8, 10, []int{2, 9, 16, 23, 30}, 2)
	holiday := map[int]bool{clock.Day(day(56)): true, clock.Day(day(57)): true}
	for name, c := range map[string]struct {
		days     []calendar.Sent
		holidays map[int]bool
		last     time.Time
		now      time.Time
		silent   bool
	}{
		"every day: nothing by its hour and slack":     {everyDay, nil, at(55, 16), at(56, 11), true},
		"every day: not yet":                           {everyDay, nil, at(55, 16), at(56, 10), false},
		"every day: it sent":                           {everyDay, nil, at(56, 7), at(56, 23), false},
		"workdays: a weekend is no silence":            {workdays, nil, at(53, 16), at(56, 7), false}, // Friday to Monday morning
		"workdays: Monday noon is":                     {workdays, nil, at(53, 16), at(56, 12), true},
		"workdays: a holiday on Monday":                {workdays, holiday, at(53, 16), at(57, 23), false},
		"workdays: the day after the holidays":         {workdays, holiday, at(53, 16), at(58, 12), true},
		"two days a week: Monday":                      {twoDays, nil, at(52, 15), at(56, 23), false},
		"two days a week: Tuesday at noon":             {twoDays, nil, at(52, 15), at(57, 12), false},
		"two days a week: Tuesday evening":             {twoDays, nil, at(52, 15), at(57, 17), true},
		"now and then: four days are usual":            {sometimes, nil, at(51, 11), at(55, 12), false},
		"a facility that never sent":                   {nil, nil, time.Time{}, at(56, 12), false},
		"three days are no calendar":                   {everyDay[:3], nil, at(2, 9), at(56, 12), false},
		"irregular: within its longest gap":            {irregular(), nil, at(55, 9), at(62, 9), false},
		"irregular: beyond one and a half of its gaps": {irregular(), nil, at(55, 9), at(72, 9), true},
	} {
		cal := calendar.Learn(c.days, day(0), until, c.holidays)
		since, silent := cal.Silent(c.last, c.now, 2*time.Hour, 1)
		if silent != c.silent {
			t.Errorf("%s: silent %v since %v (%v)", name, silent, since, cal.Weekdays())
		}
		if silent && (since.After(c.now) || since.Before(c.last)) {
			t.Errorf("%s: since %v", name, since)
		}
	}
}

// irregular sends about once in five days, on no weekday in particular.
func irregular() (out []calendar.Sent) {
	for _, n := range []int{0, 5, 11, 16, 20, 26, 31, 37, 41, 47, 52, 55} {
		out = append(out, calendar.Sent{Day: clock.Day(day(n))})
	}
	return out
}

func TestMoreMissedDaysMayBeAllowed(t *testing.T) {
	t.Parallel()
	cal := calendar.Learn(weeks(8, 8, nil, 0, 1, 2, 3, 4), day(0), day(56), nil)
	for missed, want := range map[int]bool{0: true, 1: true, 2: true, 3: false} {
		if _, got := cal.Silent(at(53, 10), at(57, 12), 2*time.Hour, missed); got != want {
			t.Errorf("missed %d: %v", missed, got)
		}
	}
}

func TestAHolidayTeachesNothing(t *testing.T) {
	t.Parallel()
	skip := []int{0, 7, 14, 21} // four Mondays off: without the list Monday is no working day
	days := weeks(8, 8, skip, 0, 1, 2, 3, 4)
	if got := calendar.Learn(days, day(0), day(56), nil).Weekdays(); slices.Contains(got, time.Monday) {
		t.Errorf("without holidays: %v", got)
	}
	off := map[int]bool{}
	for _, n := range skip {
		off[clock.Day(day(n))] = true
	}
	if got := calendar.Learn(days, day(0), day(56), off).Weekdays(); len(got) != 5 || got[0] != time.Monday {
		t.Errorf("with holidays: %v", got)
	}
}

func TestWhatWasNotWatchedIsNoRest(t *testing.T) {
	t.Parallel()
	days := weeks(8, 8, nil, 0, 1, 2, 3, 4)[25:] // watched from the sixth week on
	if !calendar.Learn(days, day(35), day(56), nil).Known() {
		t.Error("three watched weeks are enough")
	}
	if got := calendar.Learn(days, day(0), day(56), nil).Weekdays(); len(got) != 0 {
		t.Errorf("watched for eight weeks, sent in three: %v", got)
	}
}

func TestDaysWithoutHoursAreOverAtMidnight(t *testing.T) {
	t.Parallel()
	days := weeks(8, 8, nil, 0, 1, 2, 3, 4, 5, 6)
	for i := range days {
		days[i].Hours = 0
	}
	cal := calendar.Learn(days, day(0), day(56), nil)
	if _, silent := cal.Silent(at(55, 9), at(56, 23), time.Hour, 1); silent {
		t.Error("the day is not over")
	}
	if _, silent := cal.Silent(at(55, 9), at(57, 1), time.Hour, 1); !silent {
		t.Error("the day is over")
	}
}

func TestQuietDaysAreHolidays(t *testing.T) {
	t.Parallel()
	senders := map[int]int{}
	for n := range 28 {
		senders[clock.Day(day(n))] = 100
		if n%7 > 4 {
			senders[clock.Day(day(n))] = 30
		}
	}
	senders[clock.Day(day(9))] = 20 // a Wednesday on which a fifth sent
	senders[clock.Day(day(12))] = 14
	got := calendar.Quiet(senders)
	if len(got) != 2 || !got[clock.Day(day(9))] || !got[clock.Day(day(12))] {
		t.Errorf("%v", got)
	}
	if few := calendar.Quiet(map[int]int{20260601: 4, 20260608: 4, 20260615: 4, 20260622: 1}); len(few) != 0 {
		t.Errorf("of four facilities nothing is learned: %v", few)
	}
	if f := calendar.Fixed(2026); !slices.Contains(f, 20260430) || len(f) != 5 {
		t.Errorf("%v", f)
	}
}
