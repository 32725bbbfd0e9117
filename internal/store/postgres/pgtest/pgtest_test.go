package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store/postgres/pgtest"
)

// play tells the test binary to be the victim of TestNothingSurvivesAKill.
const play = "PGTEST_PLAY_VICTIM"

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestEveryTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, b := pgtest.Database(t), pgtest.Database(t)
	if a == b {
		t.Fatal("two tests share a database")
	}
	for _, url := range []string{a, b} {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, "CREATE TABLE mine (x int)"); err != nil {
			t.Error(err)
		}
		var sync string
		if err := conn.QueryRow(ctx, "SHOW fsync").Scan(&sync); err != nil || sync != "on" {
			t.Errorf("fsync is %q (%v): durability would not be tested", sync, err)
		}
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// TestVictim prints its database and waits to be killed; alone it does nothing.
func TestVictim(t *testing.T) {
	if os.Getenv(play) == "" {
		return
	}
	os.Stdout.WriteString("\nURL " + pgtest.Database(t) + "\n")
	time.Sleep(time.Hour)
}

func TestNothingSurvivesAKill(t *testing.T) {
	t.Parallel()
	pgtest.Database(t) // skips where there is no PostgreSQL
	victim := exec.Command(os.Args[0], "-test.run=^TestVictim$")
	victim.Env = append(os.Environ(), play+"=1")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var at string
	for lines, found := bufio.NewScanner(out), false; !found && lines.Scan(); {
		at, found = strings.CutPrefix(lines.Text(), "URL ")
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "postgres" {
		t.Fatalf("no cluster: %q %v", at, err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := victim.Wait(); err == nil {
		t.Fatal("the victim ended by itself")
	}
	dir := u.Query().Get("host")
	for range 1500 {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			if conn, err := pgx.Connect(context.Background(), at); err == nil {
				t.Errorf("the server still answers: %v", conn.Close(context.Background()))
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the cluster of a killed test binary is still in %s", dir)
}
