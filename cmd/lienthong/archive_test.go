package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/command"
	"lienthong/internal/store"
)

// Bodies are archived beside a running hub, to another directory; the store is
// proven as before, and so is what a backup with archive files is restored to.
// Without them it neither passes for whole nor is it backed up.
func TestArchivedBodiesAreBackedUpAndRestored(t *testing.T) {
	t.Parallel()
	d := newDrill(t, "")
	kill := d.hub(d.data)
	sent := 0
	for i := range 12 {
		if _, ok := d.send(t.Context(), i); ok {
			sent++
		}
	}
	if sent < 5 {
		t.Fatalf("%d files were sent", sent)
	}
	slow := filepath.Join(d.dir, "slow")
	d.must("archive", "--data", d.data, "--before", "2026-01", "--to", slow) // nothing is that old
	p, err := command.OpenPlace(d.data)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	err = p.WithSlices(t.Context(), func(s *store.Slices) error {
		for {
			n, err := s.Retention.Archive(context.Background(), time.Now().Add(time.Hour), 3)
			if moved += n; err != nil || n == 0 {
				return err
			}
		}
	})
	if err != nil || moved == 0 {
		t.Fatalf("%d moved, %v", moved, err)
	}
	if _, ok := d.send(t.Context(), 0); !ok { // the running hub reads it to answer
		t.Error("a file sent again has no answer")
	}
	kill()
	files, err := filepath.Glob(filepath.Join(slow, "*.lta"))
	if err != nil || len(files) == 0 {
		t.Fatalf("archive files %v, %v", files, err)
	}
	d.must("audit", "--data", d.data)
	d.must("backup", "--data", d.data, "--to", d.place, "--recipient", d.public)
	if d.restored() == 0 {
		t.Error("an empty log was restored")
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if out, said, err := d.lienthong("audit", "--data", d.data); err == nil {
		t.Errorf("a store without an archive file passes: %s%s", out, said)
	}
	if _, said, err := d.lienthong("backup", "--data", d.data, "--to", d.place, "--recipient", d.public); err == nil || !strings.Contains(said, "store.archive_damaged") {
		t.Errorf("a store without an archive file is backed up: %v, %s", err, said)
	}
}
