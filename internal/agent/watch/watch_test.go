package watch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/watch"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// taker keeps what it is given, unless it says "refuse" or "busy".
type taker struct {
	took  []watch.Found
	notes map[string]int
}

func (k *taker) TakeFound(_ context.Context, f watch.Found) error {
	switch {
	case bytes.Contains(f.Payload.File.Bytes, []byte("refuse")):
		return fault.New(fault.Invalid, "envelope.invalid", "Tệp sai.", "The file is wrong.")
	case bytes.Contains(f.Payload.File.Bytes, []byte("busy")):
		return errors.New("the disk is full")
	}
	k.took = append(k.took, f)
	return nil
}

func (k *taker) Note(code string, _ fault.Text, n int) {
	if n == 0 {
		delete(k.notes, code)
		return
	}
	k.notes[code] += n
}

func (k *taker) names() (out []string) {
	for _, f := range k.took {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

type world struct {
	*taker
	t     *testing.T
	clock *clock.Fake
	dir   string
	w     *watch.Watcher
}

func setup(t *testing.T, change ...func(*watch.Folder)) *world {
	t.Helper()
	w := &world{taker: &taker{notes: map[string]int{}}, t: t, clock: clock.NewFake(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)), dir: t.TempDir()}
	f := watch.Folder{Path: w.dir, Lane: store.Urgent}
	for _, c := range change {
		c(&f)
	}
	var err error
	if w.w, err = watch.New([]watch.Folder{f}, w.taker, watch.Config{Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) put(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// look looks n times, with so long between.
func (w *world) look(n int, between time.Duration) {
	w.t.Helper()
	for range n {
		if _, err := w.w.Look(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.clock.Advance(between)
	}
}

// tree lists the files below the folder.
func (w *world) tree() (out []string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(w.dir, path)
			out = append(out, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) want(what string, names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.names(); !slices.Equal(got, names) {
		w.t.Errorf("%s: took %v, want %v", what, got, names)
	}
}

func TestAFileIsTakenOnceItIsSettledAndWhole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := w.put("a.xml", `<?xml version="1.0"?><!-- <x> --><G a="1"><B>half`)
	w.look(3, time.Second)
	w.want("half written")
	if w.notes[watch.ErrHalf.Code] == 0 {
		t.Errorf("nothing is said of the half: %v", w.notes)
	}
	w.put("a.xml", `<?xml version="1.0"?><!-- <x> --><G a="1"><B>half</B></G>`+"\r\n")
	w.look(1, time.Second)
	w.want("just written")
	w.look(3, time.Second)
	w.want("settled", "a.xml")
	if w.took[0].Lane != store.Urgent || w.notes[watch.ErrHalf.Code] != 0 {
		t.Errorf("%+v %v", w.took[0].Lane, w.notes)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("it is still there")
	}
	if got := w.tree(); !slices.Equal(got, []string{"da-gui/2026-11-22/a.xml"}) {
		t.Errorf("%v", got)
	}
	w.put("a.xml", "<other/>") // the same name again is another file
	w.look(4, time.Second)
	if got := w.tree(); !slices.Equal(got, []string{"da-gui/2026-11-22/a (2).xml", "da-gui/2026-11-22/a.xml"}) {
		t.Errorf("%v", got)
	}
}

func TestAGrowingFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	text := "<G>"
	for i := range 10 { // each piece ends like a document that is whole
		text += fmt.Sprintf("<a>%d</a></G>", i)
		w.put("a.xml", text)
		w.look(1, time.Second)
	}
	w.want("while it grows")
	w.look(3, time.Second)
	w.want("after", "a.xml")
}

func TestContentDecidesNotTheName(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, text := range map[string]string{"a.dat": "<G/>", "b": `{"a":1}`, "c.XML": "\xEF\xBB\xBF<?xml version='1.0'?>\n<n:G>x</n:G >", "sub/d.txt": "  <G></G>",
		".hidden.xml": "<G/>", "~e.xml": "<G/>", "f.xml.tmp": "<G/>", "g.part": "<G/>", "Thumbs.db": "<G/>", "h.xml~": "<G/>", ".git/i.xml": "<G/>"} {
		w.put(name, text)
	}
	w.look(4, time.Second)
	w.want("by content", "a.dat", "b", "c.XML", "sub/d.txt")
	// A finished file gets its name: then it is one.
	if err := os.Rename(filepath.Join(w.dir, "f.xml.tmp"), filepath.Join(w.dir, "f.xml")); err != nil {
		t.Fatal(err)
	}
	w.look(4, time.Second)
	w.want("renamed", "a.dat", "b", "c.XML", "sub/d.txt", "f.xml")
}

func TestWhatIsNoDossierIsPutApartWithANotice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("picture.xml", "\x89PNG\r\n\x1a\nxxx")
	w.put("wrong.xml", "<G>refuse</G>")
	long := w.put("long.xml", "<G>")
	if err := os.Truncate(long, 100<<20); err != nil { // sparse: reading it would take long
		t.Fatal(err)
	}
	w.put("busy.xml", "<G>busy</G>")
	w.look(4, time.Second)
	w.want("nothing")
	want := []string{"busy.xml", "loi/2026-11-22/long.xml", "loi/2026-11-22/long.xml.loi.txt", "loi/2026-11-22/picture.xml", "loi/2026-11-22/picture.xml.loi.txt",
		"loi/2026-11-22/wrong.xml", "loi/2026-11-22/wrong.xml.loi.txt"}
	if got := w.tree(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for name, code := range map[string]string{"long": "file.limits", "picture": "folder.no_document", "wrong": "envelope.invalid"} {
		b, err := os.ReadFile(filepath.Join(w.dir, "loi", "2026-11-22", name+".xml.loi.txt"))
		if lines := strings.Split(string(b), "\r\n"); err != nil || len(lines) != 4 || lines[0] != code {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestAHalfThatStaysIsGivenUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("half.xml", "<G><B>")
	w.put("zeros.xml", string(make([]byte, 4096)))
	w.put("empty.xml", "")
	w.put("stray.pdf", "%PDF-1.7 %%EOF")
	w.put("stray.json.jws", "h.p.s")
	w.look(4, time.Minute)
	if got := w.tree(); len(got) != 5 {
		t.Errorf("too early: %v", got)
	}
	w.look(14, time.Minute)
	got := w.tree()
	if len(got) != 10 || !slices.Contains(got, "loi/2026-11-22/stray.pdf.loi.txt") || !slices.Contains(got, "loi/2026-11-22/zeros.xml.loi.txt") {
		t.Errorf("%v", got)
	}
	w.want("nothing")
}

func TestWhatLiesBesideGoesAlong(t *testing.T) {
	t.Parallel()
	w := setup(t, func(f *watch.Folder) { f.Pattern = "*.json" })
	w.put("a.json", "{}")
	w.look(1, time.Second)
	w.put("a.json.jws", "h.p.s\n")
	w.put("a.pdf", "%PDF-1.7\n%%EOF\n")
	w.put("a.pdf.jws", "x.y.z")
	w.put("b.xml", "<not/>") // not by the pattern
	w.look(4, time.Second)
	w.want("one", "a.json")
	p := w.took[0].Payload
	if string(p.File.Seal) != "h.p.s" || len(p.Papers) != 1 || string(p.Papers[0].Seal) != "x.y.z" || p.Papers[0].Name != "a.pdf" {
		t.Errorf("%+v", p)
	}
	if got := w.tree(); !slices.Equal(got, []string{"b.xml", "da-gui/2026-11-22/a.json", "da-gui/2026-11-22/a.json.jws", "da-gui/2026-11-22/a.pdf", "da-gui/2026-11-22/a.pdf.jws"}) {
		t.Errorf("%v", got)
	}
}

func TestWhatCannotBeMovedIsTriedAgainAndNotTakenAgain(t *testing.T) {
	t.Parallel()
	done := filepath.Join(t.TempDir(), "done")
	if err := os.WriteFile(done, []byte("a file where the folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := setup(t, func(f *watch.Folder) { f.Done = done })
	w.put("a.xml", "<G/>")
	w.look(10, time.Second)
	w.want("once", "a.xml")
	if w.notes[watch.ErrLocked.Code] == 0 {
		t.Errorf("nothing is said of it: %v", w.notes)
	}
	if err := os.Remove(done); err != nil {
		t.Fatal(err)
	}
	w.look(2, time.Second)
	w.want("still once", "a.xml")
	if got := w.tree(); len(got) != 0 || w.notes[watch.ErrLocked.Code] != 0 {
		t.Errorf("%v, %v", got, w.notes)
	}
	if _, err := os.Stat(filepath.Join(done, "2026-11-22", "a.xml")); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsAwayComesBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	away := w.dir + ".away"
	if err := os.Rename(w.dir, away); err != nil {
		t.Fatal(err)
	}
	w.look(2, time.Second)
	if w.notes[watch.ErrFolder.Code] == 0 {
		t.Errorf("%v", w.notes)
	}
	if err := os.Rename(away, w.dir); err != nil {
		t.Fatal(err)
	}
	w.put("a.xml", "<G/>")
	w.look(4, time.Second)
	w.want("back", "a.xml")
	if w.notes[watch.ErrFolder.Code] != 0 {
		t.Errorf("%v", w.notes)
	}
	if _, err := watch.New([]watch.Folder{{Path: w.dir, Pattern: "["}}, w.taker, watch.Config{}); err == nil {
		t.Error("a pattern that is none was taken")
	}
}

// Whatever bytes are in a folder: they are taken, left, or put apart.
func FuzzWhole(f *testing.F) {
	for _, s := range []string{"<G/>", "<G></G>", "<?x?><!--->-->", "{}", "<", "</", "<G", "\xEF\xBB\xBF", "<!", "<G></ G>", "<a></b>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w := setup(t)
		w.put("a.xml", string(b))
		w.look(3, 2*time.Second)
		if len(w.took) == 1 && !bytes.Equal(w.took[0].Payload.File.Bytes, b) {
			t.Error("taken otherwise than it is")
		}
	})
}
