// Package calendar learns on which weekdays, and by when, a facility sends, from
// the days on which it did, and says when it has been silent for longer than
// that allows. Some stations work two days a week; most rest on holidays. It is
// arithmetic over days in Hanoi: it reads no clock and knows no facility.
package calendar

import (
	"math/bits"
	"slices"
	"time"

	"lienthong/internal/clock"
)

// Sent is one day on which a facility sent.
type Sent struct {
	Day   int    // yyyyMMdd in Hanoi
	Hours uint32 // bit h: in the hour from h o'clock; 0: nobody noted when
}

// The law of learning.
const (
	// Weeks is how far back a calendar looks.
	Weeks = 8
	// leastWeeks is how often a weekday must have been watched before it is believed.
	leastWeeks = 3
	// usuallyOf3 is in how many of three watched weeks a weekday must have been
	// used to be a working day.
	usuallyOf3 = 2
	// leastDays is how many days of sending a gap is learned from.
	leastDays = 6
)

// Calendar is what was learned of one facility.
type Calendar struct {
	week     [7]weekday
	holidays map[int]bool
	gap      int // longest gap in days between days of sending, 0: not learned
	known    bool
}

type weekday struct {
	works bool
	by    int // hour, 1 to 24, by which it had begun to send on every such day
}

// Learn learns from the days of sending that lie in the Weeks before until's
// day. watched is the first day that was looked at at all. Holidays say nothing
// of their weekday, and nothing is expected on them.
func Learn(days []Sent, watched, until time.Time, holidays map[int]bool) Calendar {
	c := Calendar{holidays: holidays}
	end := midnight(until)
	first := end.AddDate(0, 0, -7*Weeks)
	if w := midnight(watched); w.After(first) {
		first = w
	}
	sent := map[int]uint32{}
	for _, d := range days {
		sent[d.Day] |= d.Hours // a day without hours is there too
	}
	var of, seen, late [7]int
	var stamps []time.Time
	for at := first; at.Before(end); at = at.AddDate(0, 0, 1) {
		day := clock.Day(at)
		hours, did := sent[day]
		if did {
			stamps = append(stamps, at)
		}
		if holidays[day] {
			continue
		}
		w := at.Weekday()
		of[w]++
		if !did {
			continue
		}
		seen[w]++
		by := 24
		if hours != 0 {
			by = bits.TrailingZeros32(hours) + 1
		}
		late[w] = max(late[w], by)
	}
	for w := range c.week {
		if of[w] >= leastWeeks && seen[w]*3 >= of[w]*usuallyOf3 {
			c.week[w] = weekday{works: true, by: late[w]}
			c.known = true
		}
	}
	c.gap = longest(stamps)
	c.known = c.known || c.gap > 0
	return c
}

// longest is the longest gap in days between days of sending, 0 for too few.
func longest(stamps []time.Time) (gap int) {
	if len(stamps) < leastDays {
		return 0
	}
	for i := range stamps[1:] {
		gap = max(gap, int(stamps[i+1].Sub(stamps[i]).Hours()+12)/24)
	}
	return gap
}

// Known reports whether enough was seen to expect anything.
func (c Calendar) Known() bool { return c.known }

// Weekdays returns the working days, Monday first.
func (c Calendar) Weekdays() []time.Weekday {
	var out []time.Weekday
	for _, w := range []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday} {
		if c.week[w].works {
			out = append(out, w)
		}
	}
	return out
}

// Silent says whether a facility that sent last at last has by now let missed or
// more days pass on which it was expected to send, each by its usual hour and
// slack later; since is the deadline of the first of them. Where no weekday is a
// working day by itself, the longest gap seen and half as much again, and as
// many days more as missed, is what it is allowed.
func (c Calendar) Silent(last, now time.Time, slack time.Duration, missed int) (since time.Time, silent bool) {
	if !c.known || last.IsZero() || !last.Before(now) {
		return time.Time{}, false
	}
	missed = max(1, missed)
	if !slices.ContainsFunc(c.week[:], func(w weekday) bool { return w.works }) {
		due := midnight(last).AddDate(0, 0, c.gap+(c.gap+1)/2+missed).Add(slack)
		return due, !now.Before(due)
	}
	n := 0
	for at := midnight(last).AddDate(0, 0, 1); !at.After(now) && n < 400; at = at.AddDate(0, 0, 1) {
		w := c.week[at.Weekday()]
		if !w.works || c.holidays[clock.Day(at)] {
			continue
		}
		due := at.Add(time.Duration(w.by)*time.Hour + slack)
		if now.Before(due) {
			break
		}
		if n++; n == 1 {
			since = due
		}
	}
	return since, n >= missed
}

// midnight is the first moment of a day in Hanoi.
func midnight(t time.Time) time.Time {
	t = t.In(clock.Hanoi)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, clock.Hanoi)
}

// Fixed returns the public holidays of a year that lie on fixed days of the
// Gregorian calendar (Labour Code 45/2019/QH14, article 112): New Year, 30 April,
// 1 May, 2 September and the day after. The lunar ones (Tết, Hùng Kings) are the
// government's to announce: they are configured.
func Fixed(year int) []int {
	return []int{year*10000 + 101, year*10000 + 430, year*10000 + 501, year*10000 + 902, year*10000 + 903}
}

// Quiet finds days on which so few sent that they were holidays whatever the
// list says: fewer than half of the median of their weekday, of at least five
// senders. senders is how many facilities sent on each day.
func Quiet(senders map[int]int) map[int]bool {
	by := [7][]int{}
	at := map[int]time.Weekday{}
	for day, n := range senders {
		w := time.Date(day/10000, time.Month(day/100%100), day%100, 12, 0, 0, 0, clock.Hanoi).Weekday()
		at[day] = w
		by[w] = append(by[w], n)
	}
	var median [7]int
	for w := range by {
		if slices.Sort(by[w]); len(by[w]) >= leastWeeks {
			median[w] = by[w][len(by[w])/2]
		}
	}
	out := map[int]bool{}
	for day, n := range senders {
		if m := median[at[day]]; m >= 5 && 2*n < m {
			out[day] = true
		}
	}
	return out
}
