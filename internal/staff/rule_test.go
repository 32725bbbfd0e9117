package staff_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/role"
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

func TestRolesOfStaff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at       care.FacilityCode
		roles    string
		licensed bool
		want     error
	}{
		{"79901", "clinician:79901 privacy:79901", true, nil}, {"79901", "facility:79901", false, nil}, {"", "auditor", false, nil},
		{"79901", "clinician:79901", false, staff.ErrLicence}, {"79901", "clinician:79902", true, staff.ErrRoles}, {"79901", "operator", true, staff.ErrRoles},
		{"", "clinician:79901", true, staff.ErrRoles}, {"", "citizen", false, staff.ErrRoles}, {"79901", "clinician", true, staff.ErrRoles}, {"79901", "destination:x", true, staff.ErrRoles},
	} {
		if err := staff.CheckRoles(c.at, strings.Fields(c.roles), c.licensed); !errors.Is(err, c.want) {
			t.Errorf("%s %s: %v, want %v", c.at, c.roles, err, c.want)
		}
	}
}

func TestWhoMaySitWhere(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	s := staff.Staff{Roles: []string{"clinician:79901"}, Since: now.AddDate(0, -6, 0)}
	r := role.Role{Kind: role.Clinician, ID: "79901"}
	if !s.May(r) || s.May(role.Role{Kind: role.Clinician, ID: "79902"}) || s.May(role.Role{Kind: role.Privacy, ID: "79901"}) {
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
