package role_test

import (
	"testing"

	"lienthong/internal/role"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"operator", "ministry", "unit:kcb", "province:79", "facility:79901", "insurer", "partner:acme", "auditor"} {
		r, err := role.Parse(s)
		if err != nil || r.String() != s {
			t.Errorf("%s: %v %v", s, r, err)
		}
	}
	for _, s := range []string{"", "root", "operator:x", "unit:", "unit:a b", "province:7", "province:7x", "facility:1", "facility:", "ministry:"} {
		if r, err := role.Parse(s); err == nil {
			t.Errorf("%q was read as %v", s, r)
		}
	}
}

// The matrix is written out once more here, by hand: a change of May must be meant.
func TestWhoEntersWhichRoom(t *testing.T) {
	t.Parallel()
	want := map[role.Kind]string{ // in the order of Rooms: counts messages content send administer audit software; clinic reviews assist book; databases rulebook duty statement alarms
		role.Operator: "yyynyyynnnnyyyny", role.Ministry: "yynnnnynnnnyyyny", role.Unit: "yynnnnnnnnnyyynn", role.Province: "yynnnnnnnnnynynn",
		role.Facility: "yyyynnnnnnnynynn", role.Insurer: "nnnnnnnnnnnynynn", role.Partner: "nnnnnnynnnnynyyn", role.Auditor: "nnnnnynnnnnnnnnn",
		role.Clinician: "yyynnnnynnnnnnnn", role.Privacy: "nnnnnnnnynnnnnnn", role.Counter: "nnnnnnnnnynnnnnn", role.Citizen: "nnnnnnnnnnynnnnn",
	}
	for _, k := range role.Kinds() {
		got := ""
		for _, room := range role.Rooms() {
			if (role.Role{Kind: k, ID: "79901"}).May(room) {
				got += "y"
			} else {
				got += "n"
			}
		}
		if got != want[k] {
			t.Errorf("%s: %s, want %s", k, got, want[k])
		}
	}
}

func TestRolesWithoutRowsHaveAnEmptyScope(t *testing.T) {
	t.Parallel()
	for _, k := range role.Kinds() {
		s := role.Role{Kind: k, ID: "79901"}.Scope()
		rows := k == role.Operator || k == role.Ministry || k == role.Unit || k == role.Province || k == role.Facility || k == role.Clinician
		if s.IsEmpty() == rows {
			t.Errorf("%s: %+v", k, s)
		}
	}
}

func TestNobodyLogsInAsADestination(t *testing.T) {
	t.Parallel()
	d := role.Role{Kind: role.Destination, ID: "bhxh"}
	if r, err := role.Parse(d.String()); err == nil {
		t.Errorf("%s was read as %v", d, r)
	}
	if !d.Scope().IsEmpty() {
		t.Errorf("it sees %+v", d.Scope())
	}
	for _, room := range role.Rooms() {
		if d.May(room) {
			t.Errorf("it enters %s", room)
		}
	}
}
