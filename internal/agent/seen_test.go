package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lienthong/internal/agent"
	"lienthong/internal/ledger"
)

// hubLog is the log of a fake hub: leaves, of which the first n are shown.
type hubLog struct {
	leaves [][]byte
	told   []string // Last-Checkpoint of each submission
	silent bool     // proves nothing
}

func logOf(words ...string) *hubLog {
	l := &hubLog{}
	for _, w := range words {
		l.leaves = append(l.leaves, ledger.StatementLeaf(ledger.LeafAdmin, []byte(w)))
	}
	return l
}

func (l *hubLog) Leaves(_ context.Context, from, to uint64) ([][]byte, error) {
	return l.leaves[min(from, uint64(len(l.leaves))):min(to, uint64(len(l.leaves)))], nil
}

func (l *hubLog) Tile(context.Context, int, uint64) ([]byte, error) { return nil, nil }

func (l *hubLog) line() string {
	n := uint64(len(l.leaves))
	root, err := ledger.NewReader(l, 0).Root(context.Background(), n)
	if err != nil {
		panic(err)
	}
	return ledger.Checkpoint{Origin: "hub.test/log/0", Size: n, Root: root}.Line()
}

func (h *hub) consistency(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from, err := strconv.ParseUint(r.FormValue("from"), 10, 64)
	to, err2 := strconv.ParseUint(r.FormValue("to"), 10, 64)
	if errors.Join(err, err2) != nil || h.log == nil || h.log.silent || r.PathValue("log") != "0" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	proof, err := ledger.NewReader(h.log, 0).ProveConsistency(r.Context(), from, to)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	c := ledger.Consistency{From: from, To: to, Proof: proof}
	_, _ = w.Write(c.Marshal())
}

// sends sends one new file with a state file, as a run of `submit --state` does.
func sends(t *testing.T, w *world, path, body string) error {
	t.Helper()
	state, err := agent.OpenState(path, w.client)
	if err != nil {
		return err
	}
	defer state.Close()
	_, err = w.client.Submit(t.Context(), files(body), agent.Options{State: state, Again: true}, listen(t).each)
	return err
}

func TestASenderIsAWitness(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := filepath.Join(t.TempDir(), "state")
	w.hub.log = logOf("a", "b", "c")
	first := w.hub.log.line()
	if err := sends(t, w, path, "one"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path + ".checkpoint"); err != nil || string(b) != first+"\n" {
		t.Errorf("kept %q, %v", b, err)
	}
	w.hub.log = logOf("a", "b", "c", "d", "e") // it goes on
	second := w.hub.log.line()
	if err := sends(t, w, path, "two"); err != nil || w.hub.log.told[0] != first {
		t.Errorf("%v, told %q", err, w.hub.log.told)
	}
	for name, forked := range map[string]*hubLog{
		"the same size, other leaves": logOf("a", "b", "c", "d", "x"),
		"longer, on another branch":   logOf("a", "b", "x", "d", "e", "f", "g"),
		"shorter, on another branch":  logOf("a", "x"),
	} {
		w.hub.log = forked
		if err := sends(t, w, path, "three "+name); !errors.Is(err, agent.ErrFork) && !errors.Is(err, agent.ErrUnproved) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path + ".checkpoint"); err != nil || string(b) != second+"\n" {
			t.Errorf("%s: kept %q, %v", name, b, err)
		}
	}
	w.hub.log = logOf("a", "b", "c", "d", "e", "f")
	w.hub.log.silent = true
	if err := sends(t, w, path, "four"); !errors.Is(err, agent.ErrUnproved) {
		t.Errorf("a hub that proves nothing: %v", err)
	}
	w.hub.log.silent = false
	if err := sends(t, w, path, "five"); err != nil {
		t.Errorf("the control: %v", err)
	}
	if err := os.WriteFile(path+".checkpoint", []byte("what\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sends(t, w, path, "six"); !errors.Is(err, agent.ErrState) {
		t.Errorf("a damaged memory: %v", err)
	}
}

func TestAHubThatAdmitsAForkIsHeard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, _ []member) bool {
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprint(rw, `{"code":"ledger.fork","message":{"vi":"v","en":"e"}}`)
		return true
	}
	if err := sends(t, w, filepath.Join(t.TempDir(), "state"), "one"); !errors.Is(err, agent.ErrFork) {
		t.Error(err)
	}
	if strings.Contains(agent.ErrFork.Text.VI, "\n") {
		t.Error("a sentence is one line")
	}
}
