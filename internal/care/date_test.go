package care_test

import (
	"testing"

	"lienthong/internal/care"
)

func TestDatesOfOtherDocuments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"05/03/1960": "19600305", "5/3/1960": "19600305", "2026-11-22 10:05:59": "202611221005", "2026-11-22T10:05:59.1+07:00": "202611221005",
		"22/11/2026 7:05": "202611220705", "1960": "19600000", "03/1960": "19600300", "19600305": "19600305", "202611221005": "202611221005",
		"20261122100559": "202611221005", "2026-11-22": "20261122", "22-11-2026": "20261122",
	} {
		m, err := care.ParseDate(text)
		if err != nil || m.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, m, err, want)
		}
	}
	for _, bad := range []string{"", "x", "31/02/2026", "2026-13-01", "22/11/26", "1/2/3/2026", "22/11/2026 25:00", "22/11/2026 10", "22/11/2026 10:5", "22/11/2026 10:055", "//", "1-", "-1-2026"} {
		if m, err := care.ParseDate(bad); err == nil {
			t.Errorf("%q is %s", bad, m)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("05/03/1960")
	f.Add("2026-11-22T10:05:59Z")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := care.ParseDate(s)
		if err != nil {
			return
		}
		if again, err := care.ParseMoment(m.String()); err != nil || again != m {
			t.Fatalf("%q is %s, %v", s, m, err)
		}
	})
}
