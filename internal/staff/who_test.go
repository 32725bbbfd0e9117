package staff_test

import (
	"testing"

	"lienthong/internal/staff"
)

func TestTwoPeopleAreTwo(t *testing.T) {
	t.Parallel()
	const an, binh = "e0010000000000000000000000000000", "e0020000000000000000000000000000"
	for _, c := range []struct {
		who, other string
		two        bool
	}{
		{"ministry/" + an, "ministry/" + binh, true},
		{"ministry/" + an, "unit:kcb/" + an, false},      // one account in two roles
		{"ministry/0a1b2c3d4e", "ministry/" + an, false}, // a login link names nobody
		{"ministry/" + an, "ministry/0a1b2c3d4e", false},
		{"ministry/0a1b2c3d4e", "ministry/ffffffffff", false},
		{"operator: command line", "ministry/" + an, false},
		{"operator: command line/An", "operator: command line/ aN", false},
		{"operator: command line/Ánh", "operator: command line/A\u0301nh", false},
		{"operator: command line/An", "operator: command line/Ân", true},
		{"ministry/", "ministry/" + an, false},
		{"", "", false},
	} {
		if got := staff.Another(c.who, c.other); got != c.two {
			t.Errorf("%q after %q: %t", c.who, c.other, got)
		}
	}
}
