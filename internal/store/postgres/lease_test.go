package postgres_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/storetest"
)

// logOf commits a leaf and returns the log it went to.
func logOf(t testing.TB, s *store.Slices) int {
	t.Helper()
	place, err := s.Ledger.Append(context.Background(), [][]byte{ledger.StatementLeaf(ledger.LeafAdmin, []byte("x"))})
	if err != nil {
		t.Fatal(err)
	}
	return place.Log
}

func holder(t testing.TB, url, owner string) *store.Slices {
	t.Helper()
	return open(t, url, postgres.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: owner})
}

func lost(t testing.TB, s *store.Slices) {
	t.Helper()
	_, err := s.Ledger.Append(context.Background(), [][]byte{ledger.StatementLeaf(ledger.LeafAdmin, []byte("y"))})
	if !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("a former holder: %v", err)
	}
}

func TestEveryHubHasALogOfItsOwn(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	a, b, nameless := holder(t, url, "a"), holder(t, url, "b"), holder(t, url, "")
	if x, y, z := logOf(t, a), logOf(t, b), logOf(t, nameless); x != 0 || y != 1 || z != 2 {
		t.Errorf("logs %d, %d and %d", x, y, z)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Ledger.Append(context.Background(), [][]byte{ledger.StatementLeaf(ledger.LeafAdmin, []byte("z"))}); !errors.Is(err, store.ErrStopping) {
		t.Errorf("after Close: %v", err)
	}
	if err := a.Disclosures.Record(context.Background(), []store.Disclosure{{Reader: "r"}}); !errors.Is(err, store.ErrStopping) {
		t.Errorf("a disclosure after Close: %v", err)
	}
	if n := logOf(t, holder(t, url, "c")); n != 0 {
		t.Errorf("a log given back stays free: the next is %d", n)
	}
}

func TestARestartedHubTakesItsLogAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	holder(t, url, "other")
	before := holder(t, url, "a")
	first := logOf(t, before)
	after := holder(t, url, "a") // it did not close: it was killed, or thought to be
	if n := logOf(t, after); n != first {
		t.Errorf("log %d, it was %d", n, first)
	}
	lost(t, before)
	lost(t, before)
	logOf(t, after)
}

func TestAnAbandonedLogIsTaken(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	silent := holder(t, url, "a")
	logOf(t, silent)
	head, err := silent.Ledger.Head(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	run(t, url, `UPDATE lease SET beat = beat - 29000000`)
	if n := logOf(t, holder(t, url, "b")); n != 1 {
		t.Errorf("a log was taken from a holder silent for 29 seconds")
	}
	run(t, url, `UPDATE lease SET beat = beat - 2000000 WHERE log = 0`)
	successor := holder(t, url, "c")
	if n := logOf(t, successor); n != 0 {
		t.Errorf("log %d was taken, 0 was abandoned", n)
	}
	if now, err := successor.Ledger.Head(context.Background(), 0); err != nil || now.Epoch != head.Epoch+1 || now.Size != head.Size+1 {
		t.Errorf("head %+v, it was %+v (%v)", now, head, err)
	}
	lost(t, silent)
}

// crashURL tells the test binary to be the writer of TestCrash.
const crashURL, crashEarly = "POSTGRES_TEST_CRASH_URL", "POSTGRES_TEST_CRASH_EARLY"

func TestCrash(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	storetest.Crash(t, storetest.Crasher{
		Open: func(t testing.TB) *store.Slices { return holder(t, url, "crash") },
		Writer: func(t testing.TB, early bool) *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashWriter$")
			cmd.Env = append(os.Environ(), crashURL+"="+url)
			if early {
				cmd.Env = append(cmd.Env, crashEarly+"=1")
			}
			return cmd
		},
	}, 12)
}

// TestCrashWriter is the process that TestCrash kills; alone it does nothing.
func TestCrashWriter(t *testing.T) {
	url := os.Getenv(crashURL)
	if url == "" {
		return
	}
	t.Fatal(storetest.CrashWriter(holder(t, url, "crash"), os.Stdout, os.Getenv(crashEarly) != ""))
}
