package station_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/watch"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
)

// A process that is started with this in its environment is an agent.
const childDir, childHub = "LIENTHONG_TEST_AGENT_DIR", "LIENTHONG_TEST_AGENT_HUB"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, os.Getenv(childHub)); err != nil {
			slog.Error("child", "error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child runs an agent on a directory until it is killed.
func child(dir, url string) error {
	ctx := context.Background()
	file, err := os.ReadFile(filepath.Join(dir, "credential"))
	if err != nil {
		return err
	}
	cred, err := agent.ParseCredential(file)
	if err != nil {
		return err
	}
	s, err := spool.Open(ctx, filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{})
	if err != nil {
		return err
	}
	client, err := agent.New(agent.Config{HubURL: url, Credential: cred})
	if err != nil {
		return err
	}
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return err
	}
	st, err := station.New(station.Deps{Spool: s, Client: client, Kinds: hub.Kinds(), Logger: slog.New(slog.DiscardHandler),
		Checker: &intake.Checker{Kinds: hub.Kinds(), Seals: seals, Rules: hub.Rules}},
		station.Config{Facility: facilityCode, Seen: filepath.Join(dir, "checkpoints"),
			Folders: []watch.Folder{{Path: filepath.Join(dir, "in")}}, Watch: watch.Config{Every: 20 * time.Millisecond, Idle: 50 * time.Millisecond, Settle: 30 * time.Millisecond},
			Spread: func(n time.Duration) time.Duration { return rand.N(min(max(n, 1), 50*time.Millisecond)) }})
	if err != nil {
		return err
	}
	return st.Run(ctx)
}

// An agent that is killed again and again, at any moment, takes every file out
// of its folder, and the hub decides each once.
func TestAKilledAgentLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, clock.System{})
	h.set(func() { h.after = 7 }) // and the line breaks
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o700); err != nil {
		t.Fatal(err)
	}
	key, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := agent.MakeCredential("lienthong.test", facilityCode, "c", string(spki[:0])+"k", key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "credential"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	list := some(t, 60)
	put := func(n int) {
		for _, s := range list[:n] {
			if err := os.WriteFile(filepath.Join(in, strings.ReplaceAll(s.FileName, "/", "-")), s.XML, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list = list[n:]
	}
	kills := 0
	for n, started := 0, time.Now(); ; n++ {
		if len(list) > 0 {
			put(10)
		}
		life := 150*time.Millisecond + rand.N(500*time.Millisecond)
		if n > 12 {
			life = 20 * time.Second
		}
		if runChild(t, dir, h, life, func() bool { got, _ := h.counted(); return got == 60 && n > 8 }) {
			kills++
		}
		if got, _ := h.counted(); got == 60 && n > 8 {
			break
		}
		if time.Since(started) > 2*time.Minute {
			got, _ := h.counted()
			t.Fatalf("after %d kills the hub has %d of 60", kills, got)
		}
	}
	// One that is left alone brings the journal to its end.
	runChild(t, dir, h, 20*time.Second, func() bool {
		s, err := spool.Open(t.Context(), filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{})
		if err != nil {
			return false
		}
		defer s.Close()
		open, err := s.Oldest(t.Context())
		return err == nil && open.IsZero()
	})
	s, err := spool.Open(t.Context(), filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	day, err := s.Day(t.Context(), clock.Day(time.Now()))
	if got, order := h.counted(); err != nil || got != 60 || len(order) != 60 || day[spool.WasAccepted] != 60 {
		t.Fatalf("after %d kills: the hub has %d, decided %d, the journal %v; %v", kills, got, len(order), day, err)
	}
	if left, err := os.ReadDir(in); err != nil || len(left) != 1 {
		t.Errorf("%d things are left in the folder", len(left))
	}
}

// runChild runs an agent for so long, or until it is done, and kills it.
func runChild(t *testing.T, dir string, h *fakeHub, life time.Duration, done func() bool) (killed bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir, childHub+"="+h.URL)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(life); time.Now().Before(end) && !done(); {
		time.Sleep(20 * time.Millisecond)
	}
	_ = c.Process.Signal(syscall.SIGKILL)
	err := c.Wait()
	return err != nil
}
