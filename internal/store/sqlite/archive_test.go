package sqlite_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/sqlite/vessel"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

const clinic care.FacilityCode = "48777"

var received = time.Date(2026, 7, 1, 1, 0, 0, 0, time.UTC)

// shelf is a store with a few records, and what their bodies are.
type shelf struct {
	t      *testing.T
	dir    string
	s      *store.Slices
	ids    []dossier.ID
	bodies [][]byte
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	x := &shelf{t: t, dir: t.TempDir()}
	x.s = open(t, x.dir, storetest.Options{OpenLog: storetest.OpenLog})
	ctx := context.Background()
	leaf := func(kind, s string) []byte {
		sum := sha256.Sum256([]byte(s))
		return append([]byte("lienthong/"+kind+"/v1\n"), sum[:]...)
	}
	act := store.Act{At: received, Actor: "a", Action: "facility.add", Object: "x", Detail: "{}", Leaf: leaf("admin", "x")}
	x.must(x.s.Facilities.Change(ctx, store.DirectoryChange{Versions: []facility.Version{{Code: clinic, Name: "X", Province: "48", From: received}}}, act))
	directory, err := x.s.Facilities.Load(ctx)
	x.must(err)
	v, _ := directory.Current(clinic)
	key := func(s string) (k vault.Keyed) {
		sum := sha256.Sum256([]byte(s))
		k[0] = 1
		copy(k[1:], sum[:])
		return k
	}
	for i := range byte(6) {
		name := string(rune('a' + i))
		body := bytes.Repeat([]byte("body "+name+"!"), 5000)
		id := dossier.ID{Facility: clinic, Serial: [16]byte{15: i + 1}}
		_, err := x.s.Intake.Commit(ctx, store.Routine, []store.Prepared{{
			File: &store.File{Facility: clinic, Hash: key("f" + name), Digest: sha256.Sum256([]byte(name)), Received: received, Sender: "s", Wrapped: bytes.Repeat([]byte{'k', i}, 30),
				Class: "y10", Month: 202607, Skeleton: bytes.Repeat([]byte("skeleton "+name), 100), Dossiers: 1},
			ID: id, Kind: "qd4750", FacilityVersion: v.ID, Received: received, Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "p"}, Version: 1, Current: true,
			Episode: key("e" + name), Content: key("c" + name), Wrapped: bytes.Repeat([]byte{'w', i}, 30), Class: "y10", Month: 202607, Head: []byte("head"), Body: body, Leaf: leaf("receipt", name),
		}})
		x.must(err)
		x.ids, x.bodies = append(x.ids, id), append(x.bodies, body)
	}
	return x
}

func (x *shelf) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *shelf) reopen() {
	x.t.Helper()
	x.must(x.s.Close())
	x.s = open(x.t, x.dir, storetest.Options{OpenLog: storetest.OpenLog})
}

// archive moves everything into files of a few pieces.
func (x *shelf) archive() error {
	for {
		if n, err := x.s.Retention.Archive(context.Background(), received.Add(time.Hour), 5); err != nil || n == 0 {
			return err
		}
	}
}

func (x *shelf) whole(what string) {
	x.t.Helper()
	for i, id := range x.ids {
		body, err := x.s.Records.Body(context.Background(), id)
		if err != nil || !bytes.Equal(body, x.bodies[i]) {
			x.t.Errorf("%s: body %d came as %d bytes, %v", what, i, len(body), err)
		}
	}
}

func (x *shelf) files() []string {
	x.t.Helper()
	all, err := filepath.Glob(filepath.Join(x.dir, vessel.Dir, "*"))
	x.must(err)
	return all
}

func (x *shelf) edit(query string, args ...any) {
	x.t.Helper()
	_, err := raw(x.t, filepath.Join(x.dir, sqlite.MainFile)).Exec(query, args...)
	x.must(err)
}

func TestArchiveFilesArePrivateAndTakeTheBodiesAlong(t *testing.T) {
	t.Parallel()
	x := newShelf(t)
	x.must(x.archive())
	x.whole("archived")
	files := x.files()
	if len(files) < 2 {
		t.Fatalf("files: %v", files)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		x.must(err)
		if info.Mode().Perm() != 0o600 || info.Size()%4096 != 0 {
			t.Errorf("%s: %v, %d bytes", name, info.Mode(), info.Size())
		}
	}
	var pieces int
	x.must(raw(t, filepath.Join(x.dir, sqlite.MainFile)).QueryRow(`SELECT count(*) FROM piece`).Scan(&pieces))
	if pieces != 0 {
		t.Errorf("%d pieces are in the main file still", pieces)
	}
	for _, name := range files { // laid down beside the main file, as a restore does
		x.must(os.Rename(name, filepath.Join(x.dir, filepath.Base(name))))
	}
	x.reopen()
	x.whole("beside the main file")
}

// Ended at any point, everything reads, and the next call brings it to its end.
func TestArchivingEndedInTheMiddleGoesOn(t *testing.T) {
	t.Parallel()
	x := newShelf(t)
	folder := filepath.Join(x.dir, vessel.Dir)
	x.must(os.WriteFile(folder, nil, 0o600)) // a range is noted, its file cannot be written
	if err := x.archive(); err == nil {
		t.Fatal("archived into a file that is no folder")
	}
	x.whole("noted")
	x.reopen()
	x.must(os.Remove(folder))
	x.must(os.Mkdir(folder, 0o700))
	x.must(os.WriteFile(filepath.Join(folder, "archive-000000000001-000000000005.lta.tmp-1"), []byte("half"), 0o600))

	main := raw(t, filepath.Join(x.dir, sqlite.MainFile))
	_, err := main.Exec(`CREATE TABLE kept AS SELECT * FROM piece`)
	x.must(err)
	x.must(x.archive())
	x.whole("went on")
	// The file is there, its row not written; rows of both states are still in the main file.
	x.edit(`INSERT INTO piece SELECT * FROM kept WHERE id BETWEEN 2 AND 5 OR id > 7`)
	x.edit(`UPDATE archive SET written = 0 WHERE first = (SELECT min(first) FROM archive)`)
	x.edit(`DELETE FROM kept`)
	x.edit(`INSERT INTO piece (id, data) SELECT 1, zeroblob(0) WHERE 0`)
	before := x.files()
	x.must(x.archive())
	x.edit(`DROP TABLE kept`)
	x.whole("went on again")
	if after := x.files(); len(after) != len(before) {
		t.Errorf("files before %v, after %v", before, after)
	}
	strays, err := x.s.Audit.Strays(context.Background(), 10)
	if err != nil || len(strays) != 0 {
		t.Errorf("strays %v, %v", strays, err)
	}
}

func TestErasedBytesLeaveTheArchiveFile(t *testing.T) {
	t.Parallel()
	x := newShelf(t)
	x.must(x.archive())
	has := func(what string) (n int) {
		for _, name := range x.files() {
			b, err := os.ReadFile(name)
			x.must(err)
			n += bytes.Count(b, []byte(what))
		}
		return n
	}
	if has("body c!") < 4900 || has("skeleton c") == 0 {
		t.Fatalf("before: %d, %d", has("body c!"), has("skeleton c"))
	}
	sum := sha256.Sum256([]byte("gone"))
	tomb := store.Erasure{Tombstone: store.Tombstone{Record: x.ids[2], At: received.Add(time.Hour), Reason: "court_order", Case: "1", Actor: "a"},
		Leaf: append([]byte("lienthong/erasure/v1\n"), sum[:]...)}
	act := store.Act{At: received, Actor: "a", Action: "record.erase", Object: "x", Detail: "{}", Leaf: append([]byte("lienthong/admin/v1\n"), sum[:]...)}
	residue, err := x.s.Retention.Erase(context.Background(), []store.Erasure{tomb}, act)
	x.must(err)
	x.reopen() // what is left to overwrite is not forgotten
	x.must(x.s.Retention.Clean(context.Background(), residue))
	if b, s := has("body c!"), has("skeleton c"); b != 0 || s != 0 {
		t.Errorf("%d parts of the body are left, %d of the skeleton", b, s)
	}
	x.ids, x.bodies = append(x.ids[:2], x.ids[3:]...), append(x.bodies[:2], x.bodies[3:]...)
	x.whole("its neighbours")
}

// A file that is missing, cut, of other pieces or with another table is told by
// its code, and a walk goes on after the records in it.
func TestDamagedArchiveFiles(t *testing.T) {
	t.Parallel()
	edit := func(at int64, b byte) func(string) error {
		return func(name string) error {
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{b}, at)
			return errors.Join(err, f.Close())
		}
	}
	for what, spoil := range map[string]func(string) error{
		"missing": os.Remove,
		"cut":     func(name string) error { return os.Truncate(name, 4096) },
		"empty":   func(name string) error { return os.Truncate(name, 0) },
		"mark":    edit(0, 'X'),
		"first":   edit(31, 9),
		"count":   edit(39, 200),
		"table":   edit(42, 1),
		"sum":     edit(60, 1),
		"a folder": func(name string) error {
			return errors.Join(os.Remove(name), os.Mkdir(name, 0o700))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			x := newShelf(t)
			x.must(x.archive())
			x.must(x.s.Close())
			files := x.files()
			x.must(spoil(files[1]))
			x.s = open(t, x.dir, storetest.Options{OpenLog: storetest.OpenLog})
			bad := 0
			for i, id := range x.ids {
				body, err := x.s.Records.Body(context.Background(), id)
				if errors.Is(err, vessel.ErrDamaged) {
					bad++
				} else if err != nil || !bytes.Equal(body, x.bodies[i]) {
					t.Errorf("body %d: %d bytes, %v", i, len(body), err)
				}
			}
			if bad == 0 || bad == len(x.ids) {
				t.Errorf("%d of %d bodies are told to be damaged", bad, len(x.ids))
			}
			walked, from, stops := 0, uint64(0), 0
			for {
				err := x.s.Records.Walk(context.Background(), 0, from, func(r *store.Record, body []byte) error {
					walked, from = walked+1, r.Place.Index+1
					return nil
				})
				if err == nil {
					break
				}
				if !errors.Is(err, vessel.ErrDamaged) || stops > 100 {
					t.Fatal(err)
				}
				stops++
				from++
			}
			if walked+bad != len(x.ids) {
				t.Errorf("%d walked and %d damaged of %d", walked, bad, len(x.ids))
			}
		})
	}
}
