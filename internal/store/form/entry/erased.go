package entry

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/registry"
)

// Once sorts names and leaves each there once.
func Once(ids []registry.EntryID) []registry.EntryID {
	slices.SortFunc(ids, func(a, b registry.EntryID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// Days are days in Hanoi from one to another (inclusive), yyyyMMdd, as columns hold
// moments: from, and to before.
func Days(first, last int) (from, to int64, err error) {
	begin, err := time.ParseInLocation("20060102", strconv.Itoa(first), clock.Hanoi)
	if err != nil {
		return 0, 0, err
	}
	end, err := time.ParseInLocation("20060102", strconv.Itoa(last), clock.Hanoi)
	return Micros(begin), Micros(end.AddDate(0, 0, 1)), err
}
