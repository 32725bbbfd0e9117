package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lienthong/internal/fault"
)

// TestTheHealthBookNamesItsSources: what a facility sees at once, an operator
// sees with a reason, and each line leads to its record.
func TestTheHealthBookNamesItsSources(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	at := "/records/" + w.rows[2].ID.String()
	got := do(t, h, ask{path: at + "/book", role: "facility:" + string(w.rows[2].ID.Facility)})
	for _, want := range []string{"Sổ sức khỏe", "Trần Thị Thu Hà", "Ceftriaxon 1 g", "Viêm phổi, tác nhân không xác định", "Bạch cầu", `href="` + at + `"`} {
		if got.status != http.StatusOK || !strings.Contains(got.body, want) {
			t.Errorf("status %d, no %q", got.status, want)
		}
	}
	if strings.Contains(got.body, "001861004127") || len(w.opened) != 1 || w.opened[0].Route != "GET /records/{id}/book" {
		t.Errorf("a whole citizen number, or %+v", w.opened)
	}
	if got := do(t, h, ask{path: at + "/book", role: "operator"}); got.status != http.StatusSeeOther || len(w.opened) != 1 {
		t.Errorf("an operator without a reason: %d", got.status)
	}
	got = do(t, h, ask{method: "POST", path: at + "/book", role: "operator", form: url.Values{"reason": {"Tìm nguyên nhân sự cố gửi"}}})
	if got.status != http.StatusOK || len(w.opened) != 2 || w.opened[1].Reason == "" {
		t.Errorf("an operator with a reason: %d, %+v", got.status, w.opened)
	}
	w.deny = fault.New(fault.Withheld, "disclosure.compartment", "Hồ sơ được bảo vệ riêng.", "Closed.")
	if got := do(t, h, ask{path: at + "/book", role: "facility:" + string(w.rows[2].ID.Facility)}); got.status != http.StatusForbidden || strings.Contains(got.body, "Ceftriaxon") {
		t.Errorf("withheld: %d", got.status)
	}
}

// TestARecordLeadsToItsVisit: an opened record names the others of its visit and the book.
func TestARecordLeadsToItsVisit(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	at := "/records/" + w.rows[2].ID.String()
	got := do(t, h, ask{path: at, role: "facility:" + string(w.rows[2].ID.Facility)})
	if !strings.Contains(got.body, at+"/book") || !strings.Contains(got.body, "Hồ sơ khác của lượt khám này") {
		t.Errorf("status %d, no way to book or visit", got.status)
	}
	if q := w.queries[len(w.queries)-1]; q.Episode != "26.07.14.004217" || q.Facility != w.rows[2].ID.Facility {
		t.Errorf("asked for %+v", q)
	}
}
