package care_test

import (
	"errors"
	"testing"
	"time"

	"lienthong/internal/care"
	"pgregory.net/rapid"
)

func TestParseMoment(t *testing.T) {
	t.Parallel()
	cases := []struct {
		in        string
		precision care.Precision
		start     time.Time
		text      string
		err       error
	}{
		{"202601090926", care.ByMinute, at(2026, 1, 9, 9, 26), "202601090926", nil},
		{" 20260109\n", care.ByDay, at(2026, 1, 9, 0, 0), "20260109", nil},
		{"199304070000", care.ByDay, at(1993, 4, 7, 0, 0), "19930407", nil},
		{"199304070001", care.ByMinute, at(1993, 4, 7, 0, 1), "199304070001", nil},
		{"199900000000", care.ByYear, at(1999, 1, 1, 0, 0), "19990000", nil},
		{"19990000", care.ByYear, at(1999, 1, 1, 0, 0), "19990000", nil},
		{"199907000000", care.ByMonth, at(1999, 7, 1, 0, 0), "19990700", nil},
		{"20240229", care.ByDay, at(2024, 2, 29, 0, 0), "20240229", nil},
		{"202601312359", care.ByMinute, at(2026, 1, 31, 23, 59), "202601312359", nil},
		{"20260229", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"21000229", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"20260230", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"20260431", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"20261301", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"202601012400", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"202601010060", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"20260015", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"202600000900", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"202601000900", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"00000101", 0, time.Time{}, "", care.ErrMomentImpossible},
		{"", 0, time.Time{}, "", care.ErrMomentEmpty},
		{"  ", 0, time.Time{}, "", care.ErrMomentEmpty},
		{"00000000", 0, time.Time{}, "", care.ErrMomentEmpty},
		{"000000000000", 0, time.Time{}, "", care.ErrMomentEmpty},
		{"0", 0, time.Time{}, "", care.ErrMomentForm},
		{"2026", 0, time.Time{}, "", care.ErrMomentForm},
		{"20260109092600", 0, time.Time{}, "", care.ErrMomentForm},
		{"2026-01-09", 0, time.Time{}, "", care.ErrMomentForm},
		{"2026010x", 0, time.Time{}, "", care.ErrMomentForm},
		{"+2026010", 0, time.Time{}, "", care.ErrMomentForm},
		{"２０２６", 0, time.Time{}, "", care.ErrMomentForm},
	}
	for _, c := range cases {
		m, err := care.ParseMoment(c.in)
		if !errors.Is(err, c.err) || (c.err == nil) != (err == nil) {
			t.Errorf("%q: error %v, want %v", c.in, err, c.err)
			continue
		}
		if m.Precision() != c.precision || !m.Time().Equal(c.start) || m.String() != c.text {
			t.Errorf("%q: precision %d, from %v, text %q", c.in, m.Precision(), m.Time(), m)
		}
	}
}

func TestCompareAtTheCoarserPrecision(t *testing.T) {
	t.Parallel()
	cases := []struct {
		a, b string
		want int
	}{
		{"202601090926", "202601090926", 0},
		{"202601090926", "202601090927", -1},
		{"202601090926", "202601090000", 0}, // midnight or unknown: never rejected
		{"202601090926", "20260109", 0},
		{"202601090926", "20260110", -1},
		{"19990000", "199912312359", 0},
		{"19990000", "20000101", -1},
		{"19990700", "19990630", 1},
		{"19990700", "19990731", 0},
		{"19990700", "19990000", 0},
	}
	for _, c := range cases {
		a, errA := care.ParseMoment(c.a)
		b, errB := care.ParseMoment(c.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := care.Compare(a, b); got != c.want {
			t.Errorf("%s with %s: %d", c.a, c.b, got)
		}
		if care.Compare(b, a) != -c.want || a.Before(b) != (c.want < 0) || a.After(b) != (c.want > 0) {
			t.Errorf("%s with %s: the other direction differs", c.a, c.b)
		}
		if care.Compare(a, care.Moment{}) != 0 || a.Before(care.Moment{}) || (care.Moment{}).After(b) {
			t.Errorf("%s: a moment not stated must equal everything", c.a)
		}
	}
}

func TestFutureOf(t *testing.T) {
	t.Parallel()
	now := at(2026, 7, 1, 10, 30)
	for in, want := range map[string]bool{
		"202607011029": false, "202607021030": false, "202607021031": true,
		"20260702": false, "20260703": true, "202607030000": true,
		"20260700": false, "20260800": true, "20260000": false, "20270000": true,
	} {
		m, err := care.ParseMoment(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.FutureOf(now.UTC(), 24*time.Hour); got != want {
			t.Errorf("%s: %v", in, got)
		}
	}
	if (care.Moment{}).FutureOf(now, 0) {
		t.Error("a moment not stated lies in the future")
	}
}

func TestMomentOfIsHanoiTime(t *testing.T) {
	t.Parallel()
	if got := care.MomentOf(time.Date(2026, 6, 30, 17, 5, 59, 0, time.UTC)).String(); got != "202607010005" {
		t.Errorf("got %s", got)
	}
	if got := care.MomentOf(at(2026, 7, 1, 0, 0)).Precision(); got != care.ByDay {
		t.Errorf("midnight has precision %d, as its text would", got)
	}
	if !care.MomentOf(time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		t.Error("year 12026 fits no dossier")
	}
}

func TestMomentProperties(t *testing.T) {
	t.Parallel()
	gen := rapid.Custom(func(t *rapid.T) care.Moment {
		m := care.MomentOf(time.Unix(rapid.Int64Range(-2e9, 4e9).Draw(t, "unix"), 0))
		text := m.String()
		switch rapid.IntRange(0, 3).Draw(t, "cut") {
		case 0:
			text = text[:4] + "0000"
		case 1:
			text = text[:6] + "00"
		case 2:
			text = text[:8]
		}
		m, err := care.ParseMoment(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if care.Compare(a, b) != -care.Compare(b, a) || care.Compare(a, a) != 0 {
			t.Fatalf("%v %v: not antisymmetric", a, b)
		}
		// Definitely before means: over before the other begins.
		if a.Before(b) != !a.End().After(b.Time()) {
			t.Fatalf("%v before %v is %v, but ends %v", a, b, a.Before(b), a.End())
		}
		if back, err := care.ParseMoment(a.String()); err != nil || back != a {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
	})
}

func FuzzMoment(f *testing.F) {
	for _, s := range []string{"202601090926", "199900000000", "19930407", "20260230", "", "00000000", "９"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := care.ParseMoment(s)
		if err != nil {
			if !m.IsZero() {
				t.Fatalf("%q: a moment beside an error", s)
			}
			return
		}
		if m.IsZero() || !m.Time().Before(m.End()) || m.Time().Year() != m.Year() {
			t.Fatalf("%q: %v from %v to %v", s, m, m.Time(), m.End())
		}
		if back, err := care.ParseMoment(m.String()); err != nil || back != m {
			t.Fatalf("%q: %v came back as %v, %v", s, m, back, err)
		}
	})
}
