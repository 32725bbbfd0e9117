package agent_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/agent"
)

func (w *world) state(t *testing.T, path string) *agent.State {
	t.Helper()
	s, err := agent.OpenState(path, w.client)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecondRunDoesNotSendAgain(t *testing.T) {
	t.Parallel()
	w, first, second := setup(t), listen(t), listen(t)
	path := filepath.Join(t.TempDir(), "run.state")
	bodies := append(many(6), "double", "reject", "refuse")
	s := w.state(t, path)
	if _, err := w.client.Submit(t.Context(), files(bodies...), agent.Options{State: s, Members: 4}, first.each); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := len(w.hub.seen())
	s = w.state(t, path)
	defer s.Close()
	sum, err := w.client.Submit(t.Context(), files(bodies...), agent.Options{State: s}, second.each)
	if err != nil || sum.Resumed != 9 || sum.Files != 9 || sum.Accepted != 8 || sum.Rejected != 1 || sum.Refused != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if len(w.hub.seen()) != before {
		t.Error("something was sent again")
	}
	for key, a := range first.got {
		if b := second.got[key]; !b.Resumed || string(a.JSON) != string(b.JSON) {
			t.Errorf("%s: %s\nthen %s", key, a.JSON, b.JSON)
		}
	}
}

func TestChangedFilesAreSentAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.state(t, filepath.Join(t.TempDir(), "run.state"))
	defer s.Close()
	hear := func(agent.Answer) error { return nil }
	if _, err := w.client.Submit(t.Context(), files("a", "b", "reject"), agent.Options{State: s}, hear); err != nil {
		t.Fatal(err)
	}
	sum, err := w.client.Submit(t.Context(), files("a", "B", "reject"), agent.Options{State: s}, hear)
	if err != nil || sum.Resumed != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if sum, err = w.client.Submit(t.Context(), files("a", "B", "reject"), agent.Options{State: s, Again: true}, hear); err != nil || sum.Resumed != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	seen := w.hub.seen()
	if !slices.Equal(seen[1].names, []string{"f001.xml"}) || !slices.Equal(seen[2].names, []string{"f002.xml"}) {
		t.Errorf("sent %v", seen)
	}
}

func TestInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := filepath.Join(t.TempDir(), "run.state")
	s := w.state(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	_, err := w.client.Submit(ctx, files(many(20)...), agent.Options{State: s, Members: 5, Parallel: 1,
		Progress: func(sum agent.Summary) { done = sum.Files; cancel() }}, func(agent.Answer) error { return nil })
	if !errors.Is(err, context.Canceled) || done == 0 || done != s.Len() {
		t.Fatalf("%v after %d files, %d remembered", err, done, s.Len())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"file":"torn.xml","sha2`); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s = w.state(t, path)
	got := listen(t)
	sum, err := w.client.Submit(t.Context(), files(many(20)...), agent.Options{State: s}, got.each)
	if err != nil || sum.Files != 20 || sum.Resumed != done || len(got.got) != 20 {
		t.Errorf("%+v, %v, %d answers", sum, err, len(got.got))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = w.state(t, path); s.Len() != 20 {
		t.Errorf("%d files remembered, want 20", s.Len())
	}
	_ = s.Close()
}

func TestStateOfAnother(t *testing.T) {
	t.Parallel()
	w, other := setup(t), setup(t)
	path := filepath.Join(t.TempDir(), "run.state")
	if err := w.state(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := agent.OpenState(path, other.client); !errors.Is(err, agent.ErrStateOther) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"<dossier/>", "<dossier/>\n", "{}\n", `{"lienthong":"submit/v1"`} {
		foreign := filepath.Join(t.TempDir(), "dossier.xml")
		if err := os.WriteFile(foreign, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := agent.OpenState(foreign, w.client)
		if strings.HasPrefix(text, `{"lienthong"`) { // its own first line, half written
			if err != nil || s.Close() != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if !errors.Is(err, agent.ErrState) {
			t.Errorf("%q: got %v, want submit.state", text, err)
		}
		if b, err := os.ReadFile(foreign); err != nil || string(b) != text {
			t.Errorf("a file that is no state file was changed to %q", b)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"file":"a","sha256":"` + strings.Repeat("ab", 32) + `","results":[{"file":"a","refused":true,"code":"x"}]}` + "\n"))
	f.Add([]byte(`{"file":"a","sha256":"","results":[]}` + "\n"))
	f.Add([]byte("\n\n{"))
	client := offline(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "s")
		head := `{"lienthong":"submit/v1","hub":"` + client.Hub() + `","facility":"` + client.Facility() + `"}` + "\n"
		if err := os.WriteFile(path, append([]byte(head), b...), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := agent.OpenState(path, client)
		if err != nil {
			if !errors.Is(err, agent.ErrState) {
				t.Errorf("not coded: %v", err)
			}
			return
		}
		n := s.Len()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = agent.OpenState(path, client); err != nil || s.Len() != n {
			t.Errorf("opened again: %v", err)
		}
		_ = s.Close()
	})
}
