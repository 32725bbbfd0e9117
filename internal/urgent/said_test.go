package urgent_test

import (
	"testing"
	"time"

	"lienthong/internal/urgent"
)

func TestAReasonIsTakenApart(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string][2]string{
		"TT-261113-24917-0713-K other: ngất: ở chợ": {"other", "ngất: ở chợ"},
		"unconscious: bất tỉnh":                     {"unconscious", "bất tỉnh"},
		"TT-261113-24917-0713-K bench":              {"", "bench"},
		"bất tỉnh, không rõ: vì sao":                {"", "bất tỉnh, không rõ: vì sao"},
		"":                                          {"", ""},
	} {
		if code, words := urgent.Said(reason); code != want[0] || words != want[1] {
			t.Errorf("%q: %q, %q", reason, code, words)
		}
	}
}

// What was opened for a number is found by it; what was
// resolved is listed for seven days.
func TestWhatWasOpenedAndResolvedIsFoundAgain(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	if list, err := w.desk.Opened(t.Context(), w.anna, number); err != nil || len(list) != 0 {
		t.Fatalf("before: %v, %v", list, err)
	}
	found, _ := w.desk.Search(t.Context(), w.anna, number, asked)
	o, err := w.desk.Break(t.Context(), w.anna, number, glass(found[0].Ref))
	if err != nil {
		t.Fatal(err)
	}
	if code, said := urgent.Said(o.Reason); code != "unconscious" || said != words {
		t.Errorf("kept as %q", o.Reason)
	}
	if list, err := w.desk.Opened(t.Context(), w.binh, number); err != nil || len(list) != 1 || list[0].ID != o.ID {
		t.Fatalf("%v, %v", list, err)
	}
	if list, err := w.desk.Resolved(t.Context(), w.anna); err != nil || len(list) != 0 {
		t.Errorf("nothing was resolved: %v, %v", list, err)
	}
	if _, err := w.desk.Propose(t.Context(), w.anna, number); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Confirm(t.Context(), w.binh, number); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(7 * 24 * time.Hour)
	if list, err := w.desk.Resolved(t.Context(), w.anna); err != nil || len(list) != 1 || list[0].Number != number {
		t.Errorf("after seven days: %v, %v", list, err)
	}
	w.clock.Advance(time.Second)
	if list, err := w.desk.Resolved(t.Context(), w.anna); err != nil || len(list) != 0 {
		t.Errorf("later: %v, %v", list, err)
	}
}

func TestWhatWasTakenBackIsNotOpened(t *testing.T) {
	t.Parallel()
	w, number, _ := night(t)
	found, _ := w.desk.Search(t.Context(), w.anna, number, asked)
	if _, err := w.desk.Break(t.Context(), w.anna, number, glass(found[0].Ref)); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.desk.Undo(t.Context(), w.binh, number); err != nil {
		t.Fatal(err)
	}
	if list, err := w.desk.Opened(t.Context(), w.anna, number); err != nil || len(list) != 0 {
		t.Errorf("taken back: %v, %v", list, err)
	}
}
