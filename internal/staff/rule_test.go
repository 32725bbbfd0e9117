package staff_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/staff"
)

func TestLicencesAreComparedByWhatTheySay(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{" 0012345/hcm - cchn ": "0012345/HCM-CCHN", "000123/ĐNa-CCHN": "000123/ĐNA-CCHN", "12": "", "": "", strings.Repeat("1", 41): "", "a\x00bc": ""} {
		got, err := staff.ParseLicence(in)
		if got != want || (want == "") != errors.Is(err, staff.ErrLicence) {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
}

func TestWhoMaySitWhere(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	s := staff.Staff{Roles: []string{"clinician:79901"}, Since: now.AddDate(0, -6, 0)}
	r := "clinician:79901"
	if !s.May(r) || s.May("clinician:79902") || s.May("privacy:79901") {
		t.Error("roles")
	}
	for days, want := range map[int]bool{1: false, 45: false, 46: true, -3: false /* the clock was set back */} {
		if got := s.Idle(now.AddDate(0, 0, -days), now); got != want {
			t.Errorf("%d days: %v", days, got)
		}
	}
	if !s.Idle(time.Time{}, now) {
		t.Error("never used since half a year is idle")
	}
	s.Suspended = now
	if s.May(r) {
		t.Error("suspended")
	}
}

func FuzzParseLicence(f *testing.F) {
	f.Add("0012345/HCM-CCHN")
	f.Add("\u00a0ſ\xff")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := staff.ParseLicence(in)
		if err != nil {
			return
		}
		if again, err := staff.ParseLicence(got); err != nil || again != got {
			t.Errorf("%q became %q, then %q %v", in, got, again, err)
		}
	})
}
