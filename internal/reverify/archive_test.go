package reverify_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/clock"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite/vessel"
)

// archiveAll moves everything of a store that is not open into its archive.
func archiveAll(t *testing.T, open openStore) (moved int) {
	t.Helper()
	s, err := open(nil)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	for {
		n, err := s.Retention.Archive(context.Background(), at.AddDate(1, 0, 0), 5)
		must(t, err)
		if n == 0 {
			return moved
		}
		moved += n
	}
}

// A store whose bodies lie in archive files is walked as any other; what is
// damaged or missing there is found.
func TestArchivedBodiesAreWalked(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, false)
	if archiveAll(t, sqliteOf(dir)) == 0 {
		t.Fatal("nothing was archived")
	}
	clean(t, keys, sqliteOf(dir), 4)
	for what, spoil := range map[string]func(name string) error{
		"row.unreadable":  os.Remove,
		"record.unopened": func(name string) error { return flipByte(name, 4096+20) },
	} {
		copied := copyDir(t, dir)
		names, err := filepath.Glob(filepath.Join(copied, vessel.Dir, "*"))
		must(t, err)
		must(t, spoil(names[0]))
		r, err := verify(t, keys, sqliteOf(copied), reverify.Options{})
		must(t, err)
		found := false
		for _, d := range r.Differences {
			found = found || d.Code == what
		}
		if !found {
			t.Errorf("%s is not among %v", what, r.Differences)
		}
	}
}

func flipByte(name string, at int64) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b[at] ^= 1
	return os.WriteFile(name, b, 0o600)
}

func TestArchivedBodiesAreWalkedOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address := pgtest.Copy(t, postgres.Migrate)
	open := func(log store.OpenLog) (*store.Slices, error) {
		return postgres.Open(context.Background(), address, postgres.Config{Clock: clock.NewFake(at), OpenLog: log, HubName: hubName, Owner: "test"})
	}
	keys := newSecrets(t)
	h := startHub(t, keys, open, slog.New(slog.DiscardHandler))
	live(h)
	h.close()
	if archiveAll(t, open) == 0 {
		t.Fatal("nothing was archived")
	}
	clean(t, keys, open, 4)
}
