package identity_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/identity"
)

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func anyNumber(t *rapid.T) string {
	facility := rapid.StringMatching(`[0-9A-Z]{5}`).Draw(t, "facility")
	day := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 20000).Draw(t, "day"))
	for serial := rapid.IntRange(0, 9999).Draw(t, "serial"); ; serial = (serial + 1) % 10_000 {
		if n, ok := identity.NumberOf(day, care.FacilityCode(facility), serial); ok {
			return n
		}
	}
}

// Every wrong character and every two that changed places are found.
func TestANumberReadOutWronglyIsNobodys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := anyNumber(t)
		if got, err := identity.ParseNumber(n); err != nil || got != n {
			t.Fatalf("%s was read as %q, %v", n, got, err)
		}
		bare := strings.ReplaceAll(n, "-", "")
		if got, err := identity.ParseNumber(strings.ToLower(bare)); err != nil || got != n {
			t.Fatalf("%s without hyphens was read as %q, %v", n, got, err)
		}
		for i := range bare {
			for _, c := range letters {
				wrong := bare[:i] + string(c) + bare[i+1:]
				if _, err := identity.ParseNumber(wrong); (err == nil) != (wrong == bare) {
					t.Fatalf("%s for %s: %v", wrong, bare, err)
				}
			}
			for j := i + 1; j < len(bare); j++ {
				b := []byte(bare)
				b[i], b[j] = b[j], b[i]
				if _, err := identity.ParseNumber(string(b)); (err == nil) != (string(b) == bare) {
					t.Fatalf("%s for %s: %v", b, bare, err)
				}
			}
		}
	})
}

func TestANumberLooksLikeNoOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := anyNumber(t)
		for _, s := range []string{n, strings.ReplaceAll(n, "-", "")} {
			if _, err := care.ParseCitizenID(s); err == nil {
				t.Fatalf("%s passes for a citizen's number", s)
			}
			if _, err := care.ParseOldID(s); err == nil {
				t.Fatalf("%s passes for an old identity card", s)
			}
			if _, err := care.ParseInsuranceNo(s); err == nil {
				t.Fatalf("%s passes for an insurance card", s)
			}
			if p := identity.Parse(identity.Said{LocalID: s, Name: "Trần Văn Tí", CitizenID: s, Card: s, Birth: "198001010000", Sex: "1"}); len(p.IDs) != 0 {
				t.Fatalf("%s links as %v", s, p.IDs)
			}
		}
	})
}

func TestNumbersAreDrawnForAFacility(t *testing.T) {
	t.Parallel()
	day := time.Date(2025, 11, 13, 19, 10, 0, 0, time.UTC) // 02:10 of the 14th in Hanoi
	seen := map[string]bool{}
	for range 200 {
		n, err := identity.DrawNumber(day, "24917", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(n, "TT-251114-24917-") || identity.QRText(n) != n {
			t.Fatalf("drew %s", n)
		}
		seen[n] = true
	}
	if len(seen) < 150 {
		t.Errorf("only %d different numbers", len(seen))
	}
	if _, err := identity.DrawNumber(day, "x", rand.Reader); err == nil {
		t.Error("a number for no facility")
	}
	if _, err := identity.DrawNumber(day, "24917", strings.NewReader("x")); err == nil {
		t.Error("a number without randomness")
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"TT-251114-24917-0713-K", "tt25111424917 0713k", "", "TT-259914-24917-0713-K", "091988000123", "TT-25111४-24917-0713-K"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := identity.ParseNumber(s)
		if err != nil {
			if !errors.Is(err, identity.ErrNumber) {
				t.Fatal(err)
			}
			return
		}
		if again, err := identity.ParseNumber(n); err != nil || again != n {
			t.Fatalf("%q gave %q, which gives %q, %v", s, n, again, err)
		}
	})
}
