package urgent

import (
	"fmt"
	"strconv"
	"time"

	"lienthong/internal/clock"
)

// steps are the four, in order.
var steps = [...]string{"number", "who", "confirm", "set"}

// step is where a patient stands: who it may be, or what was opened.
func (v *patientView) step(searched bool) int {
	if v.Set != "" && !searched {
		return 4
	}
	return 2
}

// stamp is the value of <time datetime>.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// gone writes the time that went by as a stopwatch does; hours as minutes.
func gone(d time.Duration) string {
	d = max(0, d).Truncate(time.Second)
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func itoa(n int) string { return strconv.Itoa(n) }

// number writes a number that may not be known.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// dashed writes yyyyMMdd as a date field has it.
func dashed(day string) string {
	if len(day) != 8 {
		return ""
	}
	return day[:4] + "-" + day[4:6] + "-" + day[6:]
}

// year is the year of birth told, or reckoned from the age.
func year(v *patientView, now time.Time) int {
	if v.Sheet.Year == 0 && v.Sheet.Age > 0 {
		return now.In(clock.Hanoi).Year() - v.Sheet.Age
	}
	return v.Sheet.Year
}

// A number that waits for more than a day is looked after, for more than three is late.
const (
	soon = 24 * time.Hour
	late = 72 * time.Hour
)

func tone(age time.Duration) string {
	switch {
	case age >= late:
		return "bad"
	case age >= soon:
		return "warn"
	}
	return "off"
}

func mark(age time.Duration) string {
	switch {
	case age >= late:
		return "bad"
	case age >= soon:
		return "warn"
	}
	return "wait"
}
