package agent_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/agent"
)

func TestPapersGoWithTheirFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, body := range map[string]string{"a.json": "{}", "a.json.jws": "s1", "a.json.pdf": "paper", "a.json.pdf.jws": "s2",
		"b.xml": "<x/>", "b.pdf": "refuse it", "c.pdf": "refuse: alone", "d.txt": "x", "d.txt.pdf": "refuse: beside what takes none"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, alone := range []bool{false, true} {
		w := setup(t)
		var refused []string
		sum, err := w.client.Submit(t.Context(), agent.Paths(dir), agent.Options{Alone: alone, Parallel: 1}, func(a agent.Answer) error {
			if a.Outcome == agent.Refused {
				refused = append(refused, filepath.Base(a.File))
			}
			return nil
		})
		slices.Sort(refused)
		if err != nil || sum.Accepted != 3 || sum.Refused != 3 || sum.Files != 5 || strings.Join(refused, " ") != "b.pdf c.pdf d.txt.pdf" {
			t.Fatalf("alone %v: %+v, %v, refused %v", alone, sum, err, refused)
		}
		var first []string
		for _, name := range w.hub.seen()[0].names {
			first = append(first, filepath.Base(name))
		}
		if got := strings.Join(first[:4], " "); got != "a.json.jws a.json a.json.pdf.jws a.json.pdf" {
			t.Errorf("alone %v: %s", alone, got)
		}
	}
}

func TestAPaperIsPartOfWhatAStateRemembers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, body string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.json", "{}")
	write("a.pdf", "one")
	w := setup(t)
	state, err := agent.OpenState(filepath.Join(t.TempDir(), "state"), w.client)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	for i, want := range []int{0, 1, 0} {
		if i == 2 {
			write("a.pdf", "two")
		}
		sum, err := w.client.Submit(t.Context(), agent.Paths(filepath.Join(dir, "a.json")), agent.Options{State: state}, func(agent.Answer) error { return nil })
		if err != nil || sum.Accepted != 1 || sum.Resumed != want {
			t.Errorf("run %d: %+v, %v", i, sum, err)
		}
	}
}
