package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/watch"
)

// link makes a symbolic link, or skips loudly where the system gives none.
func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		t.Skipf("no symbolic links here, so nothing was tested: %v", err)
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("%s was put where a link leads", e.Name())
	}
}

// Who may put files into a watched folder must not have the agent put them, or
// its notices, anywhere else by folders that are links.
func TestAPlantedFolderIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, planted := range []string{"loi", "loi/2026-11-22", "da-gui", "da-gui/2026-11-22"} {
		w, outside := setup(t), t.TempDir()
		link(t, outside, filepath.Join(w.dir, filepath.FromSlash(planted)))
		w.put("a.xml", "<a>1</a>")
		w.put("run.bat", "del /s *")
		w.look(4, 3*time.Second)
		w.want(planted, "a.xml")
		if w.notes["folder.locked"] == 0 {
			t.Errorf("%s: nobody was told: %v", planted, w.notes)
		}
		empty(t, outside)
		if err := os.Remove(filepath.Join(w.dir, filepath.FromSlash(planted))); err != nil {
			t.Fatal(err)
		}
		w.look(3, 3*time.Second)
		got := strings.Join(w.tree(), " ")
		if got != "da-gui/2026-11-22/a.xml loi/2026-11-22/run.bat loi/2026-11-22/run.bat.loi.txt" {
			t.Errorf("%s: with the link gone: %s", planted, got)
		}
		w.want(planted+", once", "a.xml")
	}
}

func TestANoticeIsWrittenThroughNoLink(t *testing.T) {
	t.Parallel()
	w := setup(t)
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, other, filepath.Join(w.dir, "loi", "2026-11-22", "x.bin.loi.txt"))
	w.put("x.bin", "junk")
	w.look(3, 3*time.Second)
	if b, err := os.ReadFile(other); err != nil || string(b) != "as it was" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(w.dir, "loi", "2026-11-22", "x.bin.loi.txt")); err != nil || !strings.HasPrefix(string(b), "folder.no_document") {
		t.Errorf("%q, %v", b, err)
	}
}

// swapper changes a file for a link to another, of its size and time, while the
// file before it is being taken: between the look and the reading.
type swapper struct {
	*taker
	swap func()
}

func (s swapper) TakeFound(ctx context.Context, f watch.Found) error {
	if f.Name == "a.xml" {
		s.swap()
	}
	return s.taker.TakeFound(ctx, f)
}

func TestALinkPutInAFilesPlaceIsNotRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	secret := filepath.Join(t.TempDir(), "agent.json")
	if err := os.WriteFile(secret, []byte(`{"key":"SECRET"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.put("a.xml", "<a>1</a>")
	b := w.put("b.json", `{"key":"public"}`)
	info, err := os.Stat(b)
	if err == nil {
		err = os.Chtimes(secret, info.ModTime(), info.ModTime())
	}
	if err != nil {
		t.Fatal(err)
	}
	s := swapper{w.taker, func() {
		if err := os.Remove(b); err != nil {
			t.Error(err)
		}
		link(t, secret, b)
	}}
	look, err := watch.New([]watch.Folder{{Path: w.dir}}, s, watch.Config{Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := look.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(3 * time.Second)
	}
	w.want("the link", "a.xml")
}
