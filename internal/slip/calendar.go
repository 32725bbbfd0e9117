package slip

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
)

//go:embed holidays.tsv
var holidayData string

//go:embed diseases.tsv
var diseaseData string

// holidays are the days off work beside Saturdays and Sundays, yyyymmdd. The
// data is part of the program: a mistake panics at first use, which tests make.
var holidays = sync.OnceValue(func() map[int]bool {
	out := map[int]bool{}
	for _, line := range rows(holidayData) {
		first, _, _ := strings.Cut(line, "\t")
		n, err := strconv.Atoi(first)
		if err != nil || len(first) != 8 {
			panic("slip: holidays.tsv: " + line)
		}
		out[n] = true
	}
	return out
})

// diseases are the codes, or beginnings of codes, of slips that hold a year.
var diseases = sync.OnceValue(func() []string {
	var out []string
	for _, line := range rows(diseaseData) {
		first, _, _ := strings.Cut(line, "\t")
		out = append(out, first)
	}
	return out
})

func rows(data string) []string {
	return strings.Split(strings.TrimRight(data, "\n"), "\n")[1:]
}

// Works reports whether a day is a working day: no Saturday, Sunday or holiday.
func Works(t time.Time) bool {
	t = t.In(clock.Hanoi)
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday && !holidays()[clock.Day(t)]
}

// WorkingDays returns the n-th working day after a day; the day itself is not
// counted (Civil Code 2015, Article 147). The moment must be known to the day.
func WorkingDays(from care.Moment, n int) care.Moment {
	t := day(from).Time()
	for n > 0 {
		if t = t.AddDate(0, 0, 1); Works(t) {
			n--
		}
	}
	return care.MomentOf(t)
}

// long reports whether a code is of a disease of the list. "E10" stands for
// "E10" and "E10.9"; "C00-C97" for all between.
func long(icd []string) bool {
	for _, code := range icd {
		code = strings.ToUpper(strings.TrimSpace(code))
		if len(code) < 3 {
			continue
		}
		for _, d := range diseases() {
			first, last, ranged := strings.Cut(d, "-")
			if ranged && code[:3] >= first && code[:3] <= last || !ranged && strings.HasPrefix(code, first) {
				return true
			}
		}
	}
	return false
}
