package scores_test

import (
	"fmt"
	"strings"
	"testing"

	"lienthong/internal/role"
)

// TestSmallPartsOfAClosedDatabaseAreNotTold: its numbers by day, place or maker lead
// to the record that made them grow.
func TestSmallPartsOfAClosedDatabaseAreNotTold(t *testing.T) {
	t.Parallel()
	closed := func(who role.Role, subject string) (bool, bool) {
		return subject == "db:vaccination" && who.ID != "pb" || subject == "qd4750" && who.ID == "79", who.Kind == role.Ministry
	}
	for _, c := range []struct {
		who, path string
		told      bool
	}{
		{"ministry", "", true}, {"unit:pb", "", true}, {"unit:kcb", "", false}, {"province:24", "", false}, {"facility:79901", "", false}, {"ministry", "?by=province", false},
		{"ministry", "?by=day", false}, {"ministry", "?period=day", false}, {"ministry", "?facility=79901", false}, {"ministry", "?vendor=x", false}, {"unit:pb", "?by=province", true},
	} {
		who, err := role.Parse(c.who)
		if err != nil {
			t.Fatal(err)
		}
		b, s := serveWith(t, who, closed)
		for _, kind := range []string{"", ".csv"} {
			b.rows = nil
			_, body := get(t, s.URL+"/quality"+kind+c.path)
			body += fmt.Sprint(b.rows)
			if strings.Contains(body, "vaccination") != c.told || !strings.Contains(body, "4750") {
				t.Errorf("%s at %s%s: told %v, want %v", c.who, kind, c.path, !c.told, c.told)
			}
		}
	}
	_, s := serveWith(t, role.Role{Kind: role.Province, ID: "79"}, closed)
	for _, path := range []string{"/quality/check?" + one, "/quality/check.csv?" + one, "/quality/records?" + one} {
		if status, body := get(t, s.URL+path); status == 200 || !strings.Contains(body, "scores.query") {
			t.Errorf("%s: %d, want as of a subject that is not there", path, status)
		}
	}
	if _, body := get(t, s.URL+"/quality/checks?subject=qd4750"); strings.Contains(body, "sufficient.XML1.SO_CCCD") {
		t.Error("checks of a closed subject are listed")
	}
}
