// Package pgtest gives tests a PostgreSQL of their own: one private cluster a
// test binary, started when first asked for and reached by a unix socket, and
// a fresh database a test: an empty one (Database) or a copy of one that was
// migrated once (Copy). It never touches a cluster that was there before
// and is not for production.
//
// The cluster syncs to disk as a real one does, and its default collation is
// not "C" where the server can do otherwise, so that code which leans on the
// default is caught.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Require is the environment variable that, set to 1, makes a missing
// PostgreSQL a failure instead of a skipped test (the build server sets it).
const Require = "LIENTHONG_REQUIRE_POSTGRES"

// shared is the one cluster of this test binary, started when first asked for.
var shared = sync.OnceValues(start)

// asked tells Main whether there is a cluster to stop.
var asked sync.Once

// Main runs the tests and stops the cluster; call it as
// os.Exit(pgtest.Main(m)) from TestMain. A test binary without it, or one that
// is killed, leaves no cluster either: a watchdog stops it when the binary ends.
func Main(m *testing.M) int {
	code := m.Run()
	never := false
	asked.Do(func() { never = true })
	if never {
		return code
	}
	if c, err := shared(); err == nil {
		if err := c.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			return 1
		}
	}
	return code
}

// Database makes a fresh database, dropped when the test ends, and returns its
// URL. Without PostgreSQL on the machine the test is skipped, or fails where
// Require is set.
func Database(t testing.TB) string {
	t.Helper()
	return running(t).database(t, "")
}

// running is the cluster, for which t is skipped or fails where there is none.
func running(t testing.TB) *cluster {
	t.Helper()
	asked.Do(func() {})
	c, err := shared()
	if errors.Is(err, errMissing) {
		if os.Getenv(Require) == "1" {
			t.Fatalf("pgtest: %v, and %s=1 asks for it", err, Require)
		}
		t.Skipf("SKIPPED, NOT TESTED: %v. Install it (apt-get install postgresql) or put initdb and postgres on PATH; %s=1 makes this a failure", err, Require)
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return c
}

// database makes one, with options of CREATE DATABASE, until the test ends.
func (c *cluster) database(t testing.TB, options string) string {
	t.Helper()
	name := "t_" + random()
	if err := c.do("CREATE DATABASE " + name + options); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.do("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return c.url(name)
}

// do runs one statement as administrator of the cluster.
func (c *cluster) do(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

func random() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
