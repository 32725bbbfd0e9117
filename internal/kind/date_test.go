package kind_test

import (
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/kind"
)

func TestDatesOfOtherDocuments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"05/03/1960": "19600305", "5/3/1960": "19600305", "2026-11-22 10:05:59": "202611221005", "2026-11-22T10:05:59.1+07:00": "202611221005",
		"22/11/2026 7:05": "202611220705", "1960": "19600000", "03/1960": "19600300", "19600305": "19600305", "202611221005": "202611221005",
		"20261122100559": "202611221005", "2026-11-22": "20261122", "22-11-2026": "20261122",
	} {
		m, err := kind.ParseDate(text)
		if err != nil || m.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, m, err, want)
		}
	}
	for _, bad := range []string{"", "x", "31/02/2026", "2026-13-01", "22/11/26", "1/2/3/2026", "22/11/2026 25:00", "22/11/2026 10", "22/11/2026 10:5", "22/11/2026 10:055", "//", "1-", "-1-2026"} {
		if m, err := kind.ParseDate(bad); err == nil {
			t.Errorf("%q is %s", bad, m)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("05/03/1960")
	f.Add("2026-11-22T10:05:59Z")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := kind.ParseDate(s)
		if err != nil {
			return
		}
		if again, err := care.ParseMoment(m.String()); err != nil || again != m {
			t.Fatalf("%q is %s, %v", s, m, err)
		}
	})
}

func TestSubjectByNumber(t *testing.T) {
	t.Parallel()
	if got := kind.SubjectByNumber(" 0018 99000001 "); got != "cccd:001899000001" {
		t.Errorf("%q", got)
	}
	for _, none := range []string{"", "123456789", "00189900000a"} {
		if got := kind.SubjectByNumber(none); got != "" {
			t.Errorf("%q is %q", none, got)
		}
	}
}
