package pgtest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store/postgres/pgtest"
)

// execute runs a statement on a connection of its own.
func execute(url, statement string) error {
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(context.Background(), statement)
	return errors.Join(err, conn.Close(context.Background()))
}

// count counts the rows of table kept.
func count(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err != nil {
		t.Error(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return n
}

func TestCopiesHaveTheTablesAndShareNoRow(t *testing.T) {
	t.Parallel()
	pgtest.Database(t) // skips where there is no PostgreSQL
	var calls atomic.Int32
	var source atomic.Value
	database := pgtest.Template(func(_ context.Context, url string) error {
		calls.Add(1)
		source.Store(url)
		return execute(url, "CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
	})
	urls := make([]string, 6)
	var all sync.WaitGroup
	for i := range urls { // at once: none waits in vain for another's copy
		all.Go(func() { urls[i] = database(t) })
	}
	all.Wait()
	if t.Failed() {
		return
	}
	if err := execute(urls[0], "INSERT INTO kept VALUES (2), (3)"); err != nil {
		t.Fatal(err)
	}
	urls = append(urls, database(t))
	for i, url := range urls {
		want := 1
		if i == 0 {
			want = 3
		}
		if n := count(t, url); n != want {
			t.Errorf("copy %d has %d rows, not %d", i, n, want)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("migrated %d times", n)
	}
	if err := execute(source.Load().(string), "INSERT INTO kept VALUES (4)"); err == nil {
		t.Error("the template can be written")
	}
}

func TestACopyGoesWithItsTest(t *testing.T) {
	t.Parallel()
	create := func(_ context.Context, url string) error { return execute(url, "CREATE TABLE kept (x int)") }
	database := pgtest.Template(create)
	var url string
	if a, b := pgtest.Copy(t, create), pgtest.Copy(t, create); a == b || count(t, a) != 0 || count(t, b) != 0 {
		t.Error("two copies are one")
	}
	t.Run("inner", func(t *testing.T) {
		url = database(t)
		count(t, url)
	})
	if url == "" {
		return // skipped: there is no PostgreSQL
	}
	if err := execute(url, "SELECT 1"); err == nil {
		t.Error("it outlived its test")
	}
}

// broken hears that a test failed, and how.
type broken struct {
	testing.TB
	said []any
}

func (b *broken) Helper() {}

func (b *broken) Fatalf(_ string, args ...any) {
	b.said = args
	runtime.Goexit()
}

func TestAMigrationThatFailsFailsEveryTest(t *testing.T) {
	t.Parallel()
	pgtest.Database(t) // skips where there is no PostgreSQL
	calls, errMigrate := 0, errors.New("the third table is in the way")
	database := pgtest.Template(func(context.Context, string) error { calls++; return errMigrate })
	for range 2 {
		b, url := &broken{TB: t}, ""
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			url = database(b)
		}()
		<-ended
		if len(b.said) != 1 || url != "" {
			t.Fatalf("it went on: %v, %v", b.said, url)
		}
		if err, ok := b.said[0].(error); !ok || !errors.Is(err, errMigrate) || !strings.Contains(err.Error(), "migrating") {
			t.Errorf("it failed with %v", b.said)
		}
	}
	if calls != 1 {
		t.Errorf("migrated %d times", calls)
	}
}
