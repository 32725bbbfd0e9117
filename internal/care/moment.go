package care

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Faults of ParseMoment; all are fault.Invalid.
var (
	ErrMomentEmpty = fault.New(fault.Invalid, "care.moment_empty",
		"Ngày giờ để trống hoặc toàn số 0.",
		"The date is empty or all zeros.")
	ErrMomentForm = fault.New(fault.Invalid, "care.moment_form",
		"Ngày giờ phải theo dạng yyyyMMdd hoặc yyyyMMddHHmm.",
		"A date must have the form yyyyMMdd or yyyyMMddHHmm.")
	ErrMomentImpossible = fault.New(fault.Invalid, "care.moment_impossible",
		"Ngày giờ không có trong lịch.",
		"There is no such date or time.")
)

// Precision says how much of a Moment is known.
type Precision uint8

// Precisions from coarse to fine; the zero Precision belongs to the zero Moment.
const (
	ByYear Precision = iota + 1
	ByMonth
	ByDay
	ByMinute
)

// Moment is a date-time of a dossier, possibly partial, in Asia/Ho_Chi_Minh.
// QĐ 4750 writes unknown parts as zeros: 199900000000 is a year. HHmm = 0000
// may be midnight or unknown; it is taken as a day, because comparing at the
// coarser precision then never rejects what may be right. Moments are
// comparable with ==; the zero Moment means not stated.
type Moment struct {
	year                     int16
	month, day, hour, minute uint8
	precision                Precision
}

// ParseMoment reads yyyyMMdd or yyyyMMddHHmm, white space around it aside.
// Year and month without a day are month precision; a month unknown with the
// day known, a time without a day and anything the calendar lacks are
// impossible. Faults: care.moment_empty (also all zeros), care.moment_form,
// care.moment_impossible.
func ParseMoment(s string) (Moment, error) {
	s = strings.TrimSpace(s)
	if strings.Trim(s, "0") == "" && (len(s) == 0 || len(s) == 8 || len(s) == 12) {
		return Moment{}, ErrMomentEmpty
	}
	if (len(s) != 8 && len(s) != 12) || !allDigits(s) {
		return Moment{}, ErrMomentForm
	}
	m := Moment{
		year:  int16(two(s[0:])*100 + two(s[2:])),
		month: uint8(two(s[4:])),
		day:   uint8(two(s[6:])),
	}
	if len(s) == 12 {
		m.hour, m.minute = uint8(two(s[8:])), uint8(two(s[10:]))
	}
	if !m.possible() {
		return Moment{}, ErrMomentImpossible
	}
	m.precision = m.known()
	return m, nil
}

// two reads two digits, already known to be digits.
func two(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

func (m Moment) possible() bool {
	timed := m.hour != 0 || m.minute != 0
	switch {
	case m.year == 0, m.month > 12, m.hour > 23, m.minute > 59:
		return false
	case m.month == 0:
		return m.day == 0 && !timed
	case m.day == 0:
		return !timed
	}
	return int(m.day) <= time.Date(int(m.year), time.Month(m.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func (m Moment) known() Precision {
	switch {
	case m.month == 0:
		return ByYear
	case m.day == 0:
		return ByMonth
	case m.hour == 0 && m.minute == 0:
		return ByDay
	}
	return ByMinute
}

// MomentOf returns t in Hanoi to the minute (to the day at midnight sharp).
// The year must lie in 1..9999, else the zero Moment is returned.
func MomentOf(t time.Time) Moment {
	t = t.In(clock.Hanoi)
	if t.Year() < 1 || t.Year() > 9999 {
		return Moment{}
	}
	m := Moment{year: int16(t.Year()), month: uint8(t.Month()), day: uint8(t.Day()),
		hour: uint8(t.Hour()), minute: uint8(t.Minute())}
	m.precision = m.known()
	return m
}

// IsZero tells that no moment is stated.
func (m Moment) IsZero() bool { return m.precision == 0 }

// Precision returns how much is known.
func (m Moment) Precision() Precision { return m.precision }

// Year returns the year, 0 when not stated.
func (m Moment) Year() int { return int(m.year) }

// Month returns the month, 0 when unknown.
func (m Moment) Month() time.Month { return time.Month(m.month) }

// Day returns yyyyMMdd as a number, unknown parts zero: 19990000 for a year.
func (m Moment) Day() int { return int(m.year)*10000 + int(m.month)*100 + int(m.day) }

// Time returns the first instant the moment may mean, in Hanoi; the zero time
// when not stated.
func (m Moment) Time() time.Time {
	if m.IsZero() {
		return time.Time{}
	}
	return time.Date(int(m.year), time.Month(max(m.month, 1)), int(max(m.day, 1)),
		int(m.hour), int(m.minute), 0, 0, clock.Hanoi)
}

// End returns the first instant after all those the moment may mean.
func (m Moment) End() time.Time {
	t := m.Time()
	switch m.precision {
	case ByYear:
		return t.AddDate(1, 0, 0)
	case ByMonth:
		return t.AddDate(0, 1, 0)
	case ByDay:
		return t.AddDate(0, 0, 1)
	case ByMinute:
		return t.Add(time.Minute)
	}
	return t
}

// Compare orders a and b at the coarser precision of the two: -1, 0 or +1. It
// is not transitive over mixed precisions, so it cannot sort; sort by Time.
// A moment not stated equals every other.
func Compare(a, b Moment) int {
	p := min(a.precision, b.precision)
	if p == 0 {
		return 0
	}
	c := cmp.Compare(a.year, b.year)
	if c == 0 && p >= ByMonth {
		c = cmp.Compare(a.month, b.month)
	}
	if c == 0 && p >= ByDay {
		c = cmp.Compare(a.day, b.day)
	}
	if c == 0 && p >= ByMinute {
		c = cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.minute, b.minute))
	}
	return c
}

// Before tells whether m is certainly earlier than o.
func (m Moment) Before(o Moment) bool { return Compare(m, o) < 0 }

// After tells whether m is certainly later than o.
func (m Moment) After(o Moment) bool { return Compare(m, o) > 0 }

// FutureOf tells whether even the first instant m may mean lies later than now
// plus margin.
func (m Moment) FutureOf(now time.Time, margin time.Duration) bool {
	return !m.IsZero() && m.Time().After(now.Add(margin))
}

// String returns yyyyMMddHHmm to the minute, else yyyyMMdd with zeros for the
// unknown; "" when not stated. ParseMoment gives the same Moment back.
func (m Moment) String() string {
	switch m.precision {
	case 0:
		return ""
	case ByMinute:
		return fmt.Sprintf("%08d%02d%02d", m.Day(), m.hour, m.minute)
	}
	return fmt.Sprintf("%08d", m.Day())
}
