package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

func open(t testing.TB, dir string, o storetest.Options) *store.Slices {
	t.Helper()
	s, err := sqlite.Open(context.Background(), dir, sqlite.Config{Clock: o.Clock, OpenLog: o.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func harness(t testing.TB) *storetest.Harness {
	dir := t.TempDir()
	return &storetest.Harness{
		Hubs: 1,
		Open: func(t testing.TB, o storetest.Options) *store.Slices { return open(t, dir, o) },
		Steal: func(t testing.TB, log int) {
			db := raw(t, filepath.Join(dir, sqlite.MainFile))
			if _, err := db.Exec(`UPDATE head SET epoch = epoch + 1 WHERE log = ?`, log); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// raw opens a file past the engine.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness)
}

func TestCouriers(t *testing.T) {
	t.Parallel()
	storetest.Couriers(t, harness(t), 240)
}
