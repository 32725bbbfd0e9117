// Package scoring is what both engines need to add scores up: which rows answer a
// query with the fewest read, and the adding itself. It has no SQL and no rules.
package scoring

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/house"
)

// ErrDimension: scores cannot be split by that.
var ErrDimension = fault.New(fault.Invalid, "scores.dimension",
	"Không tách điểm chất lượng theo chiều này được.", "Scores cannot be split by this dimension.")

// The scales that folded sums are kept in.
const (
	Days      = "d" // facility versions by day
	Months    = "m" // facility versions by month, day yyyymm00
	Provinces = "p"
	Vendors   = "v"
	Levels    = "l"
	Units     = "u"
	All       = "a"
)

// Part is rows of one scale that a query reads.
type Part struct {
	Scale  string
	Member string // of a roll-up; "" all
	Has    bool   // Member is asked for
	From   int    // of score.day, inclusive
	To     int
}

// ByVersion reports whether members of the part are facility versions.
func (p Part) ByVersion() bool { return p.Scale == Days || p.Scale == Months }

// Attributes are what a facility version gives to keys and filters.
type Attributes struct{ Facility, Province, Vendor, Level, Unit string }

const openTo = 99991231

// Plan says which rows answer a query within a scope. Where one roll-up has the
// answer it is read; else facility versions, by the month where a month is asked
// for whole and not split by day.
func Plan(scope role.Scope, q house.ScoreQuery) ([]Part, error) {
	if err := check(q); err != nil {
		return nil, err
	}
	from, to := q.FromDay, cmp.Or(q.ToDay, openTo)
	if scale, member, has, ok := rollUp(scope, q); ok {
		return []Part{{scale, member, has, from, to}}, nil
	}
	if slices.Contains(q.By, house.ScoreByDay) {
		return []Part{{Scale: Days, From: from, To: to}}, nil
	}
	first, last := wholeMonths(from, to)
	if first > last {
		return []Part{{Scale: Days, From: from, To: to}}, nil
	}
	parts := []Part{{Scale: Months, From: first * 100, To: last * 100}}
	if before := first*100 + 1; from != 0 && from < before {
		parts = append(parts, Part{Scale: Days, From: from, To: before - 1})
	}
	if after := last*100 + 31; to != openTo && to > after {
		parts = append(parts, Part{Scale: Days, From: after + 1, To: to})
	}
	return parts, nil
}

func check(q house.ScoreQuery) error {
	for _, by := range q.By {
		switch by {
		case house.ScoreByDay, house.ScoreByFacility, house.ScoreByProvince, house.ScoreByVendor, house.ScoreByLevel, house.ScoreByUnit:
		default:
			return ErrDimension
		}
	}
	return nil
}

// rollUp finds the one roll-up that has the answer, if there is one.
func rollUp(scope role.Scope, q house.ScoreQuery) (scale, member string, has, ok bool) {
	if scope.Facility != "" || q.Facility != "" || slices.Contains(q.By, house.ScoreByFacility) {
		return "", "", false, false
	}
	type asked struct {
		scale  string
		by     house.ScoreDimension
		values []string
	}
	var found []asked
	for _, a := range []asked{
		{Provinces, house.ScoreByProvince, []string{scope.Province, q.Province}},
		{Vendors, house.ScoreByVendor, []string{q.Vendor}},
		{Levels, house.ScoreByLevel, []string{q.Level}},
		{Units, house.ScoreByUnit, []string{scope.Unit, q.Unit}},
	} {
		a.values = slices.DeleteFunc(a.values, func(s string) bool { return s == "" })
		if len(a.values) > 0 || slices.Contains(q.By, a.by) {
			found = append(found, a)
		}
	}
	switch {
	case len(found) == 0:
		return All, "", true, true
	case len(found) > 1 || len(found[0].values) > 1 && found[0].values[0] != found[0].values[1]:
		return "", "", false, false
	case len(found[0].values) == 0:
		return found[0].scale, "", false, true
	}
	return found[0].scale, found[0].values[0], true, true
}

// wholeMonths returns the first and last month (yyyymm) that lie whole within days;
// first is after last where none does.
func wholeMonths(from, to int) (first, last int) {
	first, last = from/100, to/100
	if from%100 > 1 {
		first = next(first)
	}
	if to != openTo && to%100 < lastDay(last) {
		last = previous(last)
	}
	return first, last
}

func next(month int) int {
	if month%100 >= 12 {
		return (month/100+1)*100 + 1
	}
	return month + 1
}

func previous(month int) int {
	if month%100 <= 1 {
		return (month/100-1)*100 + 12
	}
	return month - 1
}

func lastDay(month int) int {
	return time.Date(month/100, time.Month(month%100)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// Adder adds rows up under the keys of a query.
type Adder struct {
	q     house.ScoreQuery
	sums  map[string]*house.ScoreSum
	bytes []byte
}

// NewAdder returns the adder of a query.
func NewAdder(q house.ScoreQuery) *Adder { return &Adder{q: q, sums: map[string]*house.ScoreSum{}} }

// Of returns the tally of the sum that rows of a subject and sheet, with these
// attributes and of that day, belong to.
func (a *Adder) Of(subject string, sheet tally.ID, at Attributes, day int) *tally.Tally {
	a.bytes = append(append(append(a.bytes[:0], subject...), 0), sheet[:]...)
	for _, by := range a.q.By {
		a.bytes = append(append(a.bytes, 0), keyOf(by, at, day)...)
	}
	s := a.sums[string(a.bytes)]
	if s == nil {
		s = &house.ScoreSum{Subject: subject, Sheet: sheet, Key: make([]string, len(a.q.By))}
		for i, by := range a.q.By {
			s.Key[i] = strings.Clone(keyOf(by, at, day))
		}
		a.sums[string(a.bytes)] = s
	}
	return &s.Tally
}

// Bytes adds one vector, or the one check of it that is asked for. Faults: score.tally.
func (a *Adder) Bytes(subject string, sheet tally.ID, at Attributes, day int, vector []byte) error {
	if a.q.One == nil {
		return a.Of(subject, sheet, at, day).PlusBytes(vector)
	}
	check := a.q.One(subject, sheet)
	if check < 0 {
		return nil
	}
	return a.Of(subject, sheet, at, day).PlusOne(vector, check)
}

func keyOf(by house.ScoreDimension, at Attributes, day int) string {
	switch by {
	case house.ScoreByDay:
		return fmt.Sprint(day)
	case house.ScoreByFacility:
		return at.Facility
	case house.ScoreByProvince:
		return at.Province
	case house.ScoreByVendor:
		return at.Vendor
	case house.ScoreByLevel:
		return at.Level
	}
	return at.Unit
}

// Sums returns what was added up, without sums of nothing.
func (a *Adder) Sums() []house.ScoreSum {
	out := make([]house.ScoreSum, 0, len(a.sums))
	for _, s := range a.sums {
		if !s.Tally.IsZero() {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(x, y house.ScoreSum) int {
		return cmp.Or(cmp.Compare(x.Subject, y.Subject), slices.Compare(x.Sheet[:], y.Sheet[:]), slices.Compare(x.Key, y.Key))
	})
	return out
}

// Count counts rows under the keys of a query.
type Count struct {
	q    house.ScoreQuery
	sums map[string]*house.Undelivered
}

// NewCount returns the count of a query.
func NewCount(q house.ScoreQuery) *Count { return &Count{q, map[string]*house.Undelivered{}} }

// Add counts n rows of a subject with these attributes and of that day.
func (c *Count) Add(subject string, at Attributes, day int, n int64) {
	key := make([]string, len(c.q.By))
	for i, by := range c.q.By {
		key[i] = keyOf(by, at, day)
	}
	name := subject + "\x00" + strings.Join(key, "\x00")
	if c.sums[name] == nil {
		c.sums[name] = &house.Undelivered{Subject: subject, Key: key}
	}
	c.sums[name].N += n
}

// Sums returns the counts in order of subject and key.
func (c *Count) Sums() []house.Undelivered {
	out := make([]house.Undelivered, 0, len(c.sums))
	for _, s := range c.sums {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(x, y house.Undelivered) int {
		return cmp.Or(cmp.Compare(x.Subject, y.Subject), slices.Compare(x.Key, y.Key))
	})
	return out
}

// Attributes gives the attribute of a roll-up's member.
func (p Part) Attributes(member string) Attributes {
	switch p.Scale {
	case Provinces:
		return Attributes{Province: member}
	case Vendors:
		return Attributes{Vendor: member}
	case Levels:
		return Attributes{Level: member}
	case Units:
		return Attributes{Unit: member}
	}
	return Attributes{}
}
