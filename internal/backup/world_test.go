package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"lienthong/internal/backup"
)

// table is a file as pages.
type table [][]byte

func (t table) PageSize() int { return pageSize }

func (t table) Pages() uint32 { return uint32(len(t)) }

func (t table) Each(_ context.Context, fn func(uint32, []byte) error) error {
	for i, p := range t {
		if err := fn(uint32(i+1), p); err != nil {
			return err
		}
	}
	return nil
}

func (t table) bytes() []byte { return bytes.Join(t, nil) }

func fill(n int) table {
	t := make(table, n)
	for i := range t {
		t[i] = make([]byte, pageSize)
		rand.Read(t[i])
	}
	return t
}

// world is a hub that backs up, its place and who can open it.
type world struct {
	t        *testing.T
	maker    *backup.Maker
	place    *backup.Dir
	path     string
	identity *age.X25519Identity
	main     table
	looks    table
	at       time.Time
}

func setup(t *testing.T) *world {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := backup.NewSigner(hubName, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "place")
	d, err := backup.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, path: path, place: d, identity: id, main: fill(5000), looks: fill(3), at: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
		maker: &backup.Maker{Signer: signer, Recipients: []age.Recipient{id.Recipient()}, States: backup.NewStates(filepath.Join(t.TempDir(), "state"))}}
}

func (w *world) plan() backup.Plan {
	w.at = w.at.Add(time.Minute)
	return backup.Plan{Hub: hubName, At: w.at, Parts: []backup.Part{{Name: "main.db", Source: w.main}, {Name: "disclosure.db", Source: w.looks}}}
}

func (w *world) backup(change func(*backup.Plan)) *backup.Made {
	w.t.Helper()
	p := w.plan()
	var err error
	if p.Previous, err = w.place.Newest(w.maker.Signer.Verifier()); err != nil {
		w.t.Fatal(err)
	}
	if change != nil {
		change(&p)
	}
	made, err := w.maker.Make(w.t.Context(), w.place, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// lay restores and returns the files.
func (w *world) lay(p backup.Pick, identities ...age.Identity) (map[string][]byte, error) {
	w.t.Helper()
	chain, err := w.place.Choose(w.maker.Signer.Verifier(), p)
	if err != nil {
		return nil, err
	}
	if identities == nil {
		identities = []age.Identity{w.identity}
	}
	dir := w.t.TempDir()
	keys, err := chain.Lay(w.t.Context(), dir, identities)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for name, b := range keys {
		out["key:"+name] = b
	}
	for _, name := range []string{"main.db", "disclosure.db"} {
		if out[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	return out, nil
}

func (w *world) names(pattern string) []string {
	w.t.Helper()
	all, err := filepath.Glob(filepath.Join(w.path, pattern))
	if err != nil || len(all) == 0 {
		w.t.Fatalf("no %s: %v", pattern, err)
	}
	return all
}

// spoil changes a file of the place past its mode.
func (w *world) spoil(path string, change func([]byte) []byte) {
	w.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, change(b), 0o400)); err != nil {
		w.t.Fatal(err)
	}
}

func flip(b []byte) []byte { b[len(b)/2] ^= 1; return b }
