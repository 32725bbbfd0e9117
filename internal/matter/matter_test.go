package matter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/matter"
	"lienthong/internal/slip"
)

func TestANumberIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	n := matter.Number(2026, 123)
	if !strings.HasPrefix(n, "VV-2026-000123-") || len(n) != 16 {
		t.Fatalf("number %q", n)
	}
	for _, typed := range []string{n, strings.ToLower(n), strings.ReplaceAll(n, "-", ""), " " + strings.ReplaceAll(n, "-", " ") + " ", strings.TrimPrefix(n, "VV-")} {
		if got, err := matter.ParseNumber(typed); err != nil || got != n {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	long := matter.Number(2026, 12_345_678)
	if got, err := matter.ParseNumber(long); err != nil || got != long {
		t.Errorf("%q: %q, %v", long, got, err)
	}
}

// Every single digit mistyped is noticed: that is what the check digit is for.
func TestAMistypedDigitIsNoticed(t *testing.T) {
	t.Parallel()
	for seq := range int64(200) {
		n := matter.Number(2026, seq*977)
		for i := range n {
			if n[i] < '0' || n[i] > '9' {
				continue
			}
			for d := byte('0'); d <= '9'; d++ {
				wrong := n[:i] + string(d) + n[i+1:]
				if _, err := matter.ParseNumber(wrong); (err == nil) != (wrong == n) {
					t.Fatalf("%q instead of %q: %v", wrong, n, err)
				}
			}
		}
	}
	for _, bad := range []string{"", "VV", "VV-2026-123-4", "VV-2026-00A123-7", strings.Repeat("1", 200), "VV-2026-0000123-0"} {
		if _, err := matter.ParseNumber(bad); !errors.Is(err, matter.ErrNumber) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	f.Add(matter.Number(2026, 1))
	f.Add("vv 2026 000123 7")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := matter.ParseNumber(s)
		if err != nil {
			return
		}
		if again, err := matter.ParseNumber(n); err != nil || again != n {
			t.Fatalf("%q became %q, then %q, %v", s, n, again, err)
		}
	})
}

func TestAnswersAreDueByTheLawsDays(t *testing.T) {
	t.Parallel()
	opened := time.Date(2026, 11, 20, 16, 30, 0, 0, clock.Hanoi) // a Friday
	for _, c := range []struct {
		kind, ack, due, longer string
	}{
		{matter.RequestSee, "2026-11-24", "2026-11-30", "2026-12-05"},
		{matter.RequestCorrect, "2026-11-24", "2026-11-30", "2026-12-05"},
		{matter.RequestRestrict, "2026-11-24", "2026-12-05", "2026-12-10"},
		{matter.RequestObject, "2026-11-24", "2026-12-05", "2026-12-10"},
		{matter.RequestErase, "2026-11-24", "2026-12-10", "2026-12-20"},
		{matter.EmergencyReview, "", "2026-11-25", ""},
	} {
		term, ok := matter.TermOf(c.kind)
		if !ok {
			t.Fatalf("no term of %s", c.kind)
		}
		day := func(what string, got time.Time, want string) {
			t.Helper()
			if want == "" {
				return
			}
			if s := got.In(clock.Hanoi).Format(time.DateTime); s != want+" 23:59:59" {
				t.Errorf("%s %s: %s, want %s", c.kind, what, s, want)
			}
		}
		day("acknowledged", term.AckBy(opened, slip.Works), c.ack)
		day("due", term.Due(opened, slip.Works), c.due)
		day("longer", term.LongerUntil(opened, slip.Works), c.longer)
	}
	breach, _ := matter.TermOf(matter.Breach)
	if due := breach.Due(opened, slip.Works); due.Sub(opened) != 72*time.Hour {
		t.Errorf("a breach is due %s", due)
	}
	if _, ok := matter.TermOf("anything"); ok {
		t.Error("an unknown kind has a term")
	}
	for _, kind := range matter.Requests() {
		if term, ok := matter.TermOf(kind); !ok || term.Source == "" || !matter.IsRequest(kind) {
			t.Errorf("%s has no term with its law", kind)
		}
	}
}

func TestWhatWasClosedStaysSo(t *testing.T) {
	t.Parallel()
	states := []string{"", matter.Open, matter.Acknowledged, matter.InWork, matter.Answered, matter.Closed}
	for _, to := range states {
		if matter.Follows(matter.Closed, to) || matter.Follows(to, "") {
			t.Errorf("closed -> %q, or %q -> nothing, is allowed", to, to)
		}
		if matter.Follows("", to) != (to == matter.Open) {
			t.Errorf("a matter may begin as %q", to)
		}
	}
	for _, ok := range [][2]string{{matter.Open, matter.Acknowledged}, {matter.Acknowledged, matter.InWork}, {matter.InWork, matter.Answered}, {matter.Answered, matter.Closed}, {matter.Answered, matter.InWork}} {
		if !matter.Follows(ok[0], ok[1]) {
			t.Errorf("%s -> %s is refused", ok[0], ok[1])
		}
	}
	if matter.Follows(matter.Acknowledged, matter.Open) || matter.Follows(matter.Answered, matter.Acknowledged) {
		t.Error("a matter goes back")
	}
	m := matter.Matter{State: matter.Open, Due: time.Unix(100, 0)}
	if !m.Late(time.Unix(101, 0)) || m.Late(time.Unix(100, 0)) {
		t.Error("lateness is not by the due date")
	}
	if m.State = matter.Answered; m.Late(time.Unix(101, 0)) {
		t.Error("what was answered is late")
	}
}
