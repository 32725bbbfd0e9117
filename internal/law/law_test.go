package law_test

import (
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/law"
)

// Every entry has a name in both languages and says what is read in it; one that
// nobody confirmed says so to whoever reads it.
func TestEverySourceSaysWhetherItIsConfirmed(t *testing.T) {
	t.Parallel()
	for _, s := range law.All() {
		text := law.Text(s.ID)
		if text.VI == "" || text.EN == "" || s.Note == "" || s.Since.IsZero() {
			t.Errorf("%s is not whole", s.ID)
		}
		if got, ok := law.Get(s.ID); !ok || got != s {
			t.Errorf("%s is not found by its id", s.ID)
		}
		said := strings.Contains(text.VI, law.Unconfirmed.VI) && strings.Contains(text.EN, law.Unconfirmed.EN)
		if want := !s.Confirmed() && s.Kind != "rule"; said != want {
			t.Errorf("%s: %q", s.ID, text.VI)
		}
		if strings.Contains(s.ID, "-art-") != (s.Article != "") || s.Article != "" && !strings.HasSuffix(s.ID, "-art-"+s.Article) {
			t.Errorf("%s names article %q", s.ID, s.Article)
		}
	}
	if text := law.Text("law-0-0"); text.VI == "" || text.EN == "" {
		t.Error("an unknown source has no sentence")
	}
	confirmed := law.Source{ID: "x", Kind: "law", ConfirmedBy: "somebody"}
	confirmed.Title.VI, confirmed.Title.EN, confirmed.Article = "Luật", "Law", "3"
	if got := confirmed.Text(); got.VI != "Luật, Điều 3" || got.EN != "Law, Article 3" {
		t.Errorf("a confirmed source reads %v", got)
	}
}

func TestASourceIsInForceFromItsDay(t *testing.T) {
	t.Parallel()
	s, _ := law.Get("law-91-2025")
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, clock.Hanoi)
	if s.InForce(first.Add(-time.Second)) || !s.InForce(first) {
		t.Error("it is not in force from midnight in Hanoi")
	}
	s.Until = first.AddDate(1, 0, 0)
	if s.InForce(s.Until) || !s.InForce(s.Until.Add(-time.Second)) {
		t.Error("it is in force too long")
	}
}

func TestDeadlinesHaveTheirSource(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]law.Term{
		"request.acknowledge": {Days: 2, Working: true, Source: "decree-356-2025"},
		"consent.withdraw":    {Days: 15, Longer: 20, Source: "decree-356-2025"},
		"request.restrict":    {Days: 15, Longer: 20, Source: "decree-356-2025"},
		"request.object":      {Days: 15, Longer: 20, Source: "decree-356-2025"},
		"request.see":         {Days: 10, Longer: 15, Source: "decree-356-2025"},
		"request.correct":     {Days: 10, Longer: 15, Source: "decree-356-2025"},
		"request.erase":       {Days: 20, Longer: 30, Source: "decree-356-2025"},
		"breach":              {Hours: 72, Source: "law-91-2025-art-23"},
		"emergency.review":    {Days: 3, Working: true, Source: "hub-rule"},
		"look.unrecognised":   {Days: 10, Longer: 15, Source: "decree-356-2025"},
	} {
		got, ok := law.Deadline(kind)
		if got.Note == "" {
			t.Errorf("%s says nothing", kind)
		}
		if got.Note = ""; !ok || got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
	}
	if len(law.Deadlines()) != 10 {
		t.Errorf("kinds %v", law.Deadlines())
	}
	if _, ok := law.Deadline("anything"); ok {
		t.Error("an unknown kind has a term")
	}
}
