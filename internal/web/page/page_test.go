package page_test

import (
	"errors"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/web/page"
)

func TestAPlaceReadsBack(t *testing.T) {
	t.Parallel()
	at := store.Cursor{At: time.Date(2026, 11, 21, 3, 4, 5, 6000, time.UTC), ID: dossier.ID{Facility: "79901", Serial: [16]byte{1, 2, 3}}}
	if got, err := page.Read(page.Write(at)); err != nil || got != at {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := page.Read(""); err != nil || got != (store.Cursor{}) {
		t.Errorf("the newest end: %v, %v", got, err)
	}
	for _, bad := range []string{"x", "eA", "MSB4", "!"} {
		if _, err := page.Read(bad); !errors.Is(err, page.ErrFilter) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWordsAndNumbers(t *testing.T) {
	t.Parallel()
	if err := page.Words("", "XML1.MA_KHOA.pattern"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"a\x00b", "\xff", string(make([]byte, 101))} {
		if err := page.Words(bad); !errors.Is(err, page.ErrFilter) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if n, err := page.Number("7", 1, 9); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"0", "10", "x", "1e1"} {
		if _, err := page.Number(bad, 1, 9); !errors.Is(err, page.ErrFilter) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Whatever a place is written as, it is read or refused.
func FuzzRead(f *testing.F) {
	f.Add("")
	f.Add(page.Write(store.Cursor{At: time.Unix(1, 0).UTC(), ID: dossier.ID{Facility: "79901"}}))
	f.Fuzz(func(t *testing.T, s string) {
		at, err := page.Read(s)
		if err == nil && s != "" {
			if again, err := page.Read(page.Write(at)); err != nil || again != at {
				t.Fatalf("%q reads as %v, then %v, %v", s, at, again, err)
			}
		}
	})
}
