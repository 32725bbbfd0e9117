package ministry_test

import (
	"testing"

	"lienthong/internal/demo/ministry"
	"lienthong/internal/role"
)

// Every seat is a role that somebody may sit in, and is told in both languages.
func TestSeatsAndWalks(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range ministry.Seats("24") {
		if _, err := role.Parse(s.Role); err != nil {
			t.Errorf("%s: %v", s.Key, err)
		}
		if seen[s.Key] || s.Name.VI == "" || s.Name.EN == "" || s.Text.VI == "" || s.Text.EN == "" || s.Next[0] != '/' {
			t.Errorf("%+v", s)
		}
		seen[s.Key] = true
	}
	if len(seen) < 6 || len(ministry.Walks()) != 5 {
		t.Errorf("%d seats, %d walks", len(seen), len(ministry.Walks()))
	}
	for _, w := range ministry.Walks() {
		for _, s := range w.Steps {
			if s.VI == "" || s.EN == "" {
				t.Errorf("%s: %+v", w.Title.EN, s)
			}
		}
	}
	if _, err := ministry.New(ministry.Deps{}, nil, "24"); err == nil {
		t.Error("told without a desk")
	}
}
