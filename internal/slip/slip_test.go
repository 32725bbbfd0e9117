package slip_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/slip"
)

func moment(t *testing.T, s string) care.Moment {
	t.Helper()
	m, err := care.ParseMoment(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func at(day, hour int) time.Time {
	return time.Date(day/10000, time.Month(day/100%100), day%100, hour, 0, 0, 0, clock.Hanoi)
}

func TestTenWorkingDays(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]int{
		"20261102":     20261116, // Monday to Monday two weeks on
		"202611061730": 20261120, // Friday evening
		"20261107":     20261120, // Saturday
		"20260212":     20260305, // over Tet
		"20260424":     20260513, // over Hung Kings, 30 April and 1 May
		"20261225":     20270111, // over the New Year
	} {
		if got := slip.WorkingDays(moment(t, from), 10).Day(); got != want {
			t.Errorf("10 working days after %s: %d, want %d", from, got, want)
		}
	}
}

func TestLastDayIsAWorkingDayWithTenAmongThoseBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := at(20250101, 0).AddDate(0, 0, rapid.IntRange(0, 1000).Draw(t, "day"))
		n := rapid.IntRange(1, 40).Draw(t, "n")
		last := slip.WorkingDays(care.MomentOf(from), n).Time()
		count := 0
		for d := from.AddDate(0, 0, 1); !d.After(last); d = d.AddDate(0, 0, 1) {
			if slip.Works(d) {
				count++
			}
		}
		if count != n || !slip.Works(last) {
			t.Fatalf("%d working days to %s, want %d", count, last, n)
		}
	})
}

func TestValidity(t *testing.T) {
	t.Parallel()
	issued := moment(t, "202611021015")
	none := care.Moment{}
	for name, c := range map[string]struct {
		got  slip.Validity
		want int
		long bool
	}{
		"referral":                 {slip.Of(slip.Referral, issued, none, "I10", "H66.9"), 20261116, false},
		"a listed disease":         {slip.Of(slip.Referral, issued, none, "I10", "E11.9"), 20271102, true},
		"a cancer":                 {slip.Of(slip.Referral, issued, none, " c50.1"), 20271102, true},
		"no listed one":            {slip.Of(slip.Referral, issued, none, "C98", "E15", "E1"), 20261116, false},
		"an appointment":           {slip.Of(slip.Appointment, issued, moment(t, "20261201"), "E11.9"), 20261201, false},
		"an appointment of no day": {slip.Of(slip.Appointment, issued, none), 0, false},
		"a referral of no day":     {slip.Of(slip.Referral, moment(t, "20260000"), none, "E11"), 0, false},
	} {
		if c.got.Until.Day() != c.want || c.got.Long != c.long || c.got.ExpiredAtBirth() {
			t.Errorf("%s: until %d, long %v", name, c.got.Until.Day(), c.got.Long)
		}
	}
	v := slip.Of(slip.Referral, issued, none)
	if v.Over(at(20261116, 23)) || !v.Over(at(20261117, 0)) {
		t.Error("the last day counts to its end in Hanoi")
	}
	if !slip.Of(slip.Appointment, issued, moment(t, "20261101")).ExpiredAtBirth() || slip.Of(slip.Appointment, issued, moment(t, "20261102")).ExpiredAtBirth() {
		t.Error("expired at birth is: for a day before the slip's own")
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	v := slip.Of(slip.Referral, moment(t, "20261102"), care.Moment{}) // until 2026-11-16
	early, mid, late := at(20261103, 9), at(20261110, 9), at(20261120, 9)
	for name, c := range map[string]struct {
		facts slip.Facts
		now   time.Time
		want  slip.State
	}{
		"new":                     {slip.Facts{Validity: v}, early, slip.Issued},
		"without a last day":      {slip.Facts{}, late, slip.Issued},
		"seen by its receiver":    {slip.Facts{Validity: v, Received: early}, mid, slip.Received},
		"not yet seen":            {slip.Facts{Validity: v, Received: mid}, early, slip.Issued},
		"over":                    {slip.Facts{Validity: v, Received: early}, late, slip.Expired},
		"used":                    {slip.Facts{Validity: v, Received: early, Used: mid}, late, slip.Used},
		"used after its last day": {slip.Facts{Validity: v, Used: late}, late.Add(time.Hour), slip.Expired},
		"revoked":                 {slip.Facts{Validity: v, Revoked: early}, late, slip.Revoked},
		"revoked, then used":      {slip.Facts{Validity: v, Revoked: early, Used: mid}, late, slip.Revoked},
		"used, then revoked":      {slip.Facts{Validity: v, Used: early, Revoked: mid}, late, slip.Used},
		"to be revoked":           {slip.Facts{Validity: v, Revoked: mid}, early, slip.Issued},
	} {
		if got := c.facts.At(c.now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestStatesOnlyMoveOn: as time goes by, a slip never comes back to an earlier state.
func TestStatesOnlyMoveOn(t *testing.T) {
	t.Parallel()
	rank := map[slip.State]int{slip.Issued: 0, slip.Received: 1, slip.Used: 2, slip.Expired: 2, slip.Revoked: 3}
	v := slip.Of(slip.Referral, moment(t, "20261102"), care.Moment{})
	rapid.Check(t, func(t *rapid.T) {
		when := func(name string) time.Time {
			if n := rapid.IntRange(0, 40).Draw(t, name); n > 0 {
				return at(20261102, 12).AddDate(0, 0, n)
			}
			return time.Time{}
		}
		f := slip.Facts{Validity: v, Received: when("received"), Used: when("used"), Revoked: when("revoked")}
		last := slip.Issued
		for n := range 45 {
			s := f.At(at(20261102, 13).AddDate(0, 0, n))
			if rank[s] < rank[last] || last == slip.Used && s != slip.Used {
				t.Fatalf("%+v: %s after %s", f, s, last)
			}
			last = s
		}
	})
}
