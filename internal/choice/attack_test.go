package choice_test

import (
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
)

// What is agreed to on a phone is what is kept: a question that is wider than
// usual, or has an end, says so.
func TestAQuestionSaysHowWideItIs(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		until := w.clock.Now().Add(24 * time.Hour)
		for i, c := range []struct {
			scope consent.Scope
			until time.Time
			vi    []string
			never string
		}{
			{consent.Scope{Classes: care.AllClasses}, until, []string{"GỒM CẢ dữ liệu về: HIV, bệnh lao, sức khỏe tâm thần, đình chỉ thai nghén.", "Đến "}, "rút lại"},
			{consent.Scope{}, time.Time{}, []string{"Cho đến khi bạn rút lại."}, "GỒM CẢ"},
		} {
			asked, err := w.desk.Ask(t.Context(), choice.Request{Person: w.herself().Person, Facility: there, Name: "Bệnh viện A", Purpose: consent.Treatment, Scope: c.scope,
				Until: c.until, Channel: "vneid", Actor: "test", Staff: care.Staff{byte(i + 1)}})
			if err != nil {
				t.Fatal(err)
			}
			q := w.phone.asked[len(w.phone.asked)-1]
			if q.ID != asked.ID || strings.Contains(q.Text.VI, c.never) || len(q.Text.EN) < len("Until") {
				t.Errorf("asked: %s", q.Text.VI)
			}
			for _, want := range c.vi {
				if !strings.Contains(q.Text.VI, want) {
					t.Errorf("the question does not say %q: %s", want, q.Text.VI)
				}
			}
		}
	})
}
