package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness)
}

func harness(t testing.TB) *storetest.Harness {
	url := pgtest.Database(t)
	return &storetest.Harness{
		Hubs: 4,
		Open: func(t testing.TB, o storetest.Options) *store.Slices {
			return open(t, url, postgres.Config{Clock: o.Clock, OpenLog: o.OpenLog, Owner: fmt.Sprint("hub ", o.Hub), HubName: storetest.HubName})
		},
		Steal: func(t testing.TB, log int) {
			run(t, url, `UPDATE log SET epoch = epoch + 1 WHERE log = $1`, log)
		},
	}
}

func open(t testing.TB, url string, cfg postgres.Config) *store.Slices {
	t.Helper()
	s, err := postgres.Open(context.Background(), url, cfg)
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

// connect opens a connection beside the hub's.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func run(t testing.TB, url, statement string, args ...any) {
	t.Helper()
	if _, err := connect(t, url).Exec(context.Background(), statement, args...); err != nil {
		t.Fatal(err)
	}
}
