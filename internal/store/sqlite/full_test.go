package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

// fill puts facts of 100 KB until the store is full, and returns how many were kept.
func fill(t *testing.T, s *store.Slices, from int) int {
	t.Helper()
	for n := from; n < from+10_000; n++ {
		_, err := s.Keys.PutFact(context.Background(), fmt.Sprint("fact ", n), bytes.Repeat([]byte{byte(n)}, 100_000))
		if errors.Is(err, store.ErrFull) {
			return n
		}
		if err != nil {
			t.Fatalf("fact %d: %v", n, err)
		}
	}
	t.Fatal("the store never filled up")
	return 0
}

func checkFacts(t *testing.T, s *store.Slices, n int) {
	t.Helper()
	for i := range n {
		got, err := s.Keys.Fact(context.Background(), fmt.Sprint("fact ", i))
		if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, 100_000)) {
			t.Fatalf("fact %d of %d: %d bytes, %v", i, n, len(got), err)
		}
	}
	if _, err := s.Keys.Fact(context.Background(), fmt.Sprint("fact ", n)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("the fact that did not fit: %v", err)
	}
}

func TestAFullStoreKeepsNothingAndGoesOnWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName, MaxBytes: 4 << 20}
	s, err := sqlite.Open(context.Background(), dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := fill(t, s, 0)
	leaf := append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...)
	var place store.LeafPlace
	for range 1000 { // what needs a leaf is refused too, and the log stays whole
		if place, err = s.Ledger.Append(context.Background(), [][]byte{leaf}); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrFull) || fault.KindOf(err) != fault.Busy {
		t.Fatalf("a full store: %v", err)
	}
	checkFacts(t, s, n)
	head, err := s.Ledger.Head(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.MaxBytes = 0
	if s, err = sqlite.Open(context.Background(), dir, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if place, err = s.Ledger.Append(context.Background(), [][]byte{leaf}); err != nil || place.Index != head.Size {
		t.Errorf("with room again: %+v, %v", place, err)
	}
	checkFacts(t, s, n)
}

// The same on a disk that is really full, and without opening anew (TRUST R5).
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("NOT RUN: mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := open(t, filepath.Join(dir, "data"), storetest.Options{OpenLog: storetest.OpenLog})
	balloon := filepath.Join(dir, "balloon")
	if err := os.WriteFile(balloon, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	n := fill(t, s, 0)
	checkFacts(t, s, n)
	if err := os.Remove(balloon); err != nil {
		t.Fatal(err)
	}
	more := fill(t, s, n) // the first of these had not fitted
	if more <= n {
		t.Errorf("no fact fitted after room was made: %d, then %d", n, more)
	}
	checkFacts(t, s, more)
	if _, err := ledger.NewReader(s.Ledger.Source(0), 0).Root(context.Background(), 0); err != nil {
		t.Error(err)
	}
}
