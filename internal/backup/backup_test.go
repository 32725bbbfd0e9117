package backup_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"lienthong/internal/backup"
)

const (
	hubName  = "hub.test"
	pageSize = 4096
)

func TestWhatIsBackedUpIsGivenBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if made := w.backup(nil); made.Manifest.Kind != backup.Full || made.Pages != 5003 || len(made.Manifest.Segments) < 2 {
		t.Fatalf("%+v", made)
	}
	first := w.main.bytes()
	w.main[1234], w.main[0] = fill(1)[0], fill(1)[0]
	w.main = append(w.main, fill(2)...)
	if made := w.backup(nil); made.Manifest.Kind != backup.Incremental || made.Pages != 4 || made.Manifest.Base != 1 {
		t.Fatalf("%+v", made)
	}
	second := w.main.bytes()
	w.main = append(table{}, w.main[:4000]...) // shortened
	w.backup(nil)
	third := w.main.bytes()
	w.main = append(append(table{}, w.main...), fill(900)...) // and grown again
	w.backup(nil)
	for i, want := range [][]byte{first, second, third, w.main.bytes()} {
		got, err := w.lay(backup.Pick{Seq: i + 1})
		if err != nil || !bytes.Equal(got["main.db"], want) || !bytes.Equal(got["disclosure.db"], w.looks.bytes()) {
			t.Errorf("backup %d: %v", i+1, err)
		}
	}
	if got, err := w.lay(backup.Pick{At: w.at.Add(-90 * time.Second)}); err != nil || !bytes.Equal(got["main.db"], second) {
		t.Errorf("by time: %v", err)
	}
	if _, err := w.lay(backup.Pick{At: w.at.Add(-time.Hour)}); !errors.Is(err, backup.ErrNone) {
		t.Errorf("before the first: %v", err)
	}
	if made := w.backup(func(p *backup.Plan) { p.Full = true }); made.Manifest.Kind != backup.Full || made.Manifest.After != 4 {
		t.Errorf("asked for in full: %+v", made.Manifest)
	}
}

func TestNothingInThePlaceIsEverChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.backup(nil)
	before := map[string]fs.FileInfo{}
	for _, name := range w.names("*") {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o400 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		before[name] = info
	}
	w.main[7] = fill(1)[0]
	w.backup(nil)
	w.backup(func(p *backup.Plan) { p.Full = true })
	for name, info := range before {
		now, err := os.Stat(name)
		if err != nil || !os.SameFile(info, now) || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
			t.Errorf("%s was touched: %v", name, err)
		}
	}
	if err := w.place.Write("00000001.manifest", []byte("x")); !errors.Is(err, backup.ErrTaken) {
		t.Errorf("written over: %v", err)
	}
	for _, name := range w.names("*.age") {
		b, err := os.ReadFile(name)
		if err != nil || bytes.Contains(b, w.main[5][:64]) {
			t.Errorf("%s holds a page in the clear (%v)", name, err)
		}
	}
}

// Each fault has its code, and none leaves anything that could be taken for a store.
func TestWhatIsNotWholeIsNotRestored(t *testing.T) {
	t.Parallel()
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*world)
		who   []age.Identity
		want  error
	}{
		"control":         {spoil: func(*world) {}},
		"wrong key":       {spoil: func(*world) {}, who: []age.Identity{other}, want: backup.ErrKey},
		"last segment":    {spoil: func(w *world) { remove(w, "00000003-00000-*.age") }, want: backup.ErrMissing},
		"first segment":   {spoil: func(w *world) { remove(w, "00000001-00000-*.age") }, want: backup.ErrMissing},
		"flipped":         {spoil: func(w *world) { w.spoil(w.names("00000002-*.age")[0], flip) }, want: backup.ErrDamaged},
		"cut short":       {spoil: func(w *world) { w.spoil(w.names("00000002-*.age")[0], func(b []byte) []byte { return b[:len(b)-1] }) }, want: backup.ErrDamaged},
		"gap":             {spoil: func(w *world) { remove(w, "00000002.manifest") }, want: backup.ErrManifest},
		"manifest cut":    {spoil: func(w *world) { w.spoil(w.names("00000002.manifest")[0], func(b []byte) []byte { return b[:40] }) }, want: backup.ErrManifest},
		"manifest edited": {spoil: func(w *world) { w.spoil(w.names("00000002.manifest")[0], flip) }, want: backup.ErrSigner},
		"segments swapped": {spoil: func(w *world) {
			a, b := w.names("00000001-00000-*.age")[0], w.names("00000001-00001-*.age")[0]
			if err := errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)); err != nil {
				w.t.Fatal(err)
			}
		}, want: backup.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			for range 3 {
				w.backup(nil)
				w.main[11] = fill(1)[0]
			}
			c.spoil(w)
			_, err := w.lay(backup.Pick{Seq: 3}, c.who...)
			if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			chain, err := w.place.Choose(w.maker.Signer.Verifier(), backup.Pick{Seq: 3})
			if err == nil {
				err = chain.Check(t.Context())
			}
			if (err == nil) != (c.want == nil || c.want == backup.ErrKey) {
				t.Errorf("its keeper finds: %v", err)
			}
		})
	}
}

func remove(w *world, pattern string) {
	if err := os.Remove(w.names(pattern)[0]); err != nil {
		w.t.Fatal(err)
	}
}

// Recipients are public: anyone can make a backup that opens. Only the hub can sign it.
func TestAPlaceThatAnotherFilledIsRecognised(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ours := w.maker.Signer
	var err error
	if w.maker.Signer, err = backup.NewSigner(hubName, bytes.Repeat([]byte{8}, 32)); err != nil {
		t.Fatal(err)
	}
	theirs := w.maker.Signer
	w.backup(nil)
	w.maker.Signer = ours
	if _, err := w.lay(backup.Pick{}); !errors.Is(err, backup.ErrSigner) {
		t.Errorf("%v", err)
	}
	chain, err := w.place.Choose("", backup.Pick{})
	if err != nil || chain.Signer != theirs.Verifier() {
		t.Errorf("who signed it is not said: %v", err)
	}
	if made := w.backup(nil); made.Manifest.Seq != 2 || made.Manifest.Kind != backup.Full || made.Manifest.After != 0 {
		t.Errorf("ours follows theirs: %+v", made.Manifest)
	}
	if _, err := w.lay(backup.Pick{}); err != nil {
		t.Errorf("ours beside theirs: %v", err)
	}
}

// What the hub remembers is no part of the backup: lost or edited, the next one is full.
func TestAStateThatIsNotTheBackupsIsNotUsed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.maker.States = backup.NewStates(t.TempDir())
	w.backup(nil)
	w.maker.States = backup.NewStates(t.TempDir()) // lost
	if made := w.backup(nil); made.Manifest.Kind != backup.Full {
		t.Errorf("after a loss: %+v", made.Manifest)
	}
	dir := t.TempDir()
	w.maker.States = backup.NewStates(dir)
	made := w.backup(nil)
	if made.Manifest.Kind != backup.Full {
		t.Fatalf("%+v", made.Manifest)
	}
	w.spoil(filepath.Join(dir, made.Digest), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	if made := w.backup(nil); made.Manifest.Kind != backup.Full {
		t.Errorf("from an edited state: %+v", made.Manifest)
	}
}

func TestAWriterThatDiedHarmsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.backup(nil)
	p := w.plan()
	var err error
	if p.Previous, err = w.place.Newest(w.maker.Signer.Verifier()); err != nil {
		t.Fatal(err)
	}
	w.main[3] = fill(1)[0]
	died := errors.New("died")
	if _, err := w.maker.Make(t.Context(), dying{w.place, died}, p); !errors.Is(err, died) {
		t.Fatalf("%v", err)
	}
	if err := w.place.Write("00000002.manifest", []byte("lienthong/backup/v1\n{\"v\":1,")); err != nil { // or in the middle of it
		t.Fatal(err)
	}
	if _, err := w.lay(backup.Pick{}); err != nil {
		t.Errorf("the one before: %v", err)
	}
	if made := w.backup(nil); made.Manifest.Seq != 3 || made.Manifest.After != 1 || made.Manifest.Kind != backup.Incremental {
		t.Errorf("the next: %+v", made.Manifest)
	}
	if got, err := w.lay(backup.Pick{}); err != nil || !bytes.Equal(got["main.db"], w.main.bytes()) {
		t.Errorf("restored from it: %v", err)
	}
}

type dying struct {
	*backup.Dir
	err error
}

func (d dying) Write(name string, b []byte) error {
	if strings.HasSuffix(name, ".manifest") {
		return d.err
	}
	return d.Dir.Write(name, b)
}

func TestAHostThatPullsHasTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t)
	vkey := w.maker.Signer.Verifier()
	pull := func(after *backup.Previous) []byte {
		t.Helper()
		var out bytes.Buffer
		s := backup.NewStream(&out)
		p := w.plan()
		p.Previous = after
		if _, err := w.maker.Make(t.Context(), s, p); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	whole := pull(nil)
	if _, err := w.place.Receive(bytes.NewReader(whole), vkey); err != nil {
		t.Fatal(err)
	}
	newest, err := w.place.Newest(vkey)
	if err != nil {
		t.Fatal(err)
	}
	known, err := w.maker.States.Known(newest.Digest, vkey)
	if err != nil || known == nil {
		t.Fatalf("the hub forgot: %v", err)
	}
	w.main[5] = fill(1)[0]
	next := pull(known)
	for name, b := range map[string][]byte{"cut": next[:len(next)/2], "flipped": flip(bytes.Clone(next)), "empty": nil} {
		elsewhere, err := backup.OpenDir(filepath.Join(t.TempDir(), "x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := elsewhere.Receive(bytes.NewReader(b), vkey); err == nil {
			t.Errorf("%s was received", name)
		}
	}
	elsewhere, err := backup.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Receive(bytes.NewReader(next), vkey); !errors.Is(err, backup.ErrManifest) {
		t.Errorf("without the one before: %v", err)
	}
	if m, err := w.place.Receive(bytes.NewReader(next), vkey); err != nil || m.Kind != backup.Incremental {
		t.Fatalf("%v", err)
	}
	if got, err := w.lay(backup.Pick{}); err != nil || !bytes.Equal(got["main.db"], w.main.bytes()) {
		t.Errorf("%v", err)
	}
}

func TestKeysAreInOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.backup(nil)
	got, err := w.lay(backup.Pick{})
	if _, in := got["key:master.key"]; in || err != nil {
		t.Errorf("keys: %v", err)
	}
	w.backup(func(p *backup.Plan) {
		p.Keys = map[string][]byte{"master.key": []byte("secret\n"), "log.key": []byte("other\n")}
	})
	if got, err = w.lay(backup.Pick{}); err != nil || string(got["key:master.key"]) != "secret\n" || string(got["key:log.key"]) != "other\n" {
		t.Errorf("%q, %v", got["key:master.key"], err)
	}
}

func TestStreamsAndWALComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	vkey := w.maker.Signer.Verifier()
	base := fill(6000).bytes()
	if _, err := w.maker.KeepBase(t.Context(), w.place, hubName, w.at, bytes.NewReader(base)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("pg_basebackup died")
	if _, err := w.maker.KeepBase(t.Context(), w.place, hubName, w.at, io.MultiReader(bytes.NewReader(base[:100]), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a stream that failed: %v", err)
	}
	chain, err := w.place.Choose(vkey, backup.Pick{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := chain.Base(t.Context(), &out, []age.Identity{w.identity}); err != nil || !bytes.Equal(out.Bytes(), base) {
		t.Errorf("%d bytes of %d, %v", out.Len(), len(base), err)
	}
	wal := fill(40).bytes()
	for range 2 { // PostgreSQL asks again after a crash
		if err := w.maker.KeepWAL(w.place, "000000010000000000000007", wal); err != nil {
			t.Fatal(err)
		}
	}
	who := []age.Identity{w.identity}
	if got, err := w.place.WAL("000000010000000000000007", who, vkey); err != nil || !bytes.Equal(got, wal) {
		t.Errorf("%v", err)
	}
	if _, err := w.place.WAL("000000010000000000000008", who, vkey); !errors.Is(err, backup.ErrNone) {
		t.Errorf("one that is not there: %v", err)
	}
	files := w.names("wal-*.age")
	w.spoil(files[0], func(b []byte) []byte { return b[:len(b)/2] })
	if got, err := w.place.WAL("000000010000000000000007", who, vkey); err != nil || !bytes.Equal(got, wal) {
		t.Errorf("the second copy: %v", err)
	}
	w.spoil(files[1], flip)
	if _, err := w.place.WAL("000000010000000000000007", who, vkey); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("no whole copy: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestReportsAreTheHubsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := &backup.Report{V: 1, Hub: hubName, RestoredAt: backup.Stamp(w.at), Records: 3, Logs: []backup.LogEnd{{Log: 0, Size: 4, Root: make([]byte, 32)}}}
	b, err := w.maker.Signer.SealReport(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := backup.ParseReport(b, w.maker.Signer.Verifier()); err != nil || got.Records != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	other, err := backup.NewSigner(hubName, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		b    []byte
		vkey string
	}{"another's": {b, other.Verifier()}, "edited": {bytes.Replace(b, []byte(`"records":3`), []byte(`"records":9`), 1), w.maker.Signer.Verifier()}, "empty": {nil, w.maker.Signer.Verifier()}} {
		if _, err := backup.ParseReport(c.b, c.vkey); !errors.Is(err, backup.ErrReport) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
