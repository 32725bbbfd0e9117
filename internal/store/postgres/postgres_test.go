package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

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
	h, _ := harnessAt(t)
	return h
}

// harnessAt also returns the URL of the database.
func harnessAt(t testing.TB) (*storetest.Harness, string) {
	url := pgtest.Copy(t, postgres.Migrate)
	return &storetest.Harness{
		Hubs: 4,
		Open: func(t testing.TB, o storetest.Options) *store.Slices {
			return open(t, url, postgres.Config{Clock: o.Clock, OpenLog: o.OpenLog, Owner: fmt.Sprint("hub ", o.Hub), HubName: storetest.HubName})
		},
		Steal: func(t testing.TB, log int) {
			run(t, url, `UPDATE log SET epoch = epoch + 1 WHERE log = $1`, log)
		},
	}, url
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

// TestFourHubs fails on any error of intake; the server's own count says that
// no deadlock was hidden by a retry.
func TestFourHubs(t *testing.T) {
	t.Parallel()
	h, url := harnessAt(t)
	storetest.Hubs(t, h, 4*time.Second)
	if n := deadlocks(t, url); n != 0 {
		t.Errorf("the server met %d deadlocks", n)
	}
}

// TestDeadlocksAreCounted is the control of TestFourHubs: two transactions that
// do lock each other out are seen in that count.
func TestDeadlocksAreCounted(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	run(t, url, `CREATE TABLE pair (n int PRIMARY KEY)`)
	run(t, url, `INSERT INTO pair VALUES (1), (2)`)
	ctx := t.Context()
	a, b := connect(t, url), connect(t, url)
	lock := func(conn *pgx.Conn, n int) error {
		_, err := conn.Exec(ctx, `SELECT n FROM pair WHERE n = $1 FOR UPDATE`, n)
		return err
	}
	for conn, n := range map[*pgx.Conn]int{a: 1, b: 2} {
		if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
			t.Fatal(err)
		}
		if err := lock(conn, n); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 2)
	go func() { ended <- lock(a, 2) }()
	go func() { ended <- lock(b, 1) }()
	one, other := <-ended, <-ended // the server refuses one and lets the other go on; which is heard of first is chance
	if (one == nil) == (other == nil) {
		t.Fatalf("there was no deadlock: %v, %v", one, other)
	}
	for _, conn := range []*pgx.Conn{a, b} {
		if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil && conn.IsClosed() {
			t.Log("closed by the server:", err)
		}
	}
	if n := deadlocks(t, url); n != 1 {
		t.Errorf("%d deadlocks counted, there was one", n)
	}
}

// deadlocks reads the server's count for the database, once it has stood still.
func deadlocks(t testing.TB, url string) int {
	t.Helper()
	var last int
	for still := 0; still < 8; still++ { // the count comes up to a second late
		var n int
		if err := connect(t, url).QueryRow(context.Background(), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != last {
			last, still = n, 0
		}
		time.Sleep(200 * time.Millisecond)
	}
	return last
}
