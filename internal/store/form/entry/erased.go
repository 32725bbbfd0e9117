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

// Day is a day in Hanoi, yyyyMMdd, as columns hold moments: from, and to before.
func Day(day int) (from, to int64, err error) {
	t, err := time.ParseInLocation("20060102", strconv.Itoa(day), clock.Hanoi)
	if err != nil {
		return 0, 0, err
	}
	return Micros(t), Micros(t.AddDate(0, 0, 1)), nil
}
