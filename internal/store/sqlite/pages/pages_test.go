package pages_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/sqlite/pages"
	"lienthong/internal/store/storetest"
)

// Each snapshot, taken beside a writer, is one whole state: its pages make a
// file that is in order and holds the log that the snapshot says, no less and no more.
func TestASnapshotBesideAWriterIsOneState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName})
	if err != nil {
		t.Fatal(err)
	}
	leaf := append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...)
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.Ledger.Append(context.Background(), [][]byte{leaf, leaf, leaf}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	before := uint64(0)
	for range 8 {
		before = whole(t, filepath.Join(dir, sqlite.MainFile), before)
	}
	stop()
	writer.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if before == 0 {
		t.Error("nothing was written beside the snapshots: nothing was tested")
	}
	if _, err := pages.Open(t.Context(), filepath.Join(dir, "absent.db")); err == nil {
		t.Error("a file that is not there was opened")
	}
}

// whole takes a snapshot and returns the size of its log.
func whole(t *testing.T, path string, before uint64) uint64 {
	t.Helper()
	snap, err := pages.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	heads, err := snap.Heads(t.Context())
	if err != nil || len(heads) != 1 || heads[0].Size < before {
		t.Fatalf("%+v, %v", heads, err)
	}
	if last, err := snap.Last(t.Context()); err != nil || last.Records != 0 {
		t.Errorf("%+v, %v", last, err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	f, err := os.Create(copied)
	if err != nil {
		t.Fatal(err)
	}
	n := uint32(0)
	if err := snap.Each(t.Context(), func(at uint32, page []byte) error {
		n = at
		_, err := f.Write(page)
		return err
	}); err != nil || n != snap.Pages() {
		t.Fatalf("%d pages of %d, %v", n, snap.Pages(), err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+copied)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var order string
	var leaves, size uint64
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&order); err != nil || order != "ok" {
		t.Errorf("%s, %v", order, err)
	}
	if err := db.QueryRow(`SELECT (SELECT count(*) FROM leaf), (SELECT size FROM head)`).Scan(&leaves, &size); err != nil || leaves != size || size != heads[0].Size {
		t.Errorf("%d leaves, a head of %d, the snapshot says %d (%v)", leaves, size, heads[0].Size, err)
	}
	return size
}
