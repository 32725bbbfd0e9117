package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

// The variables by which the test binary, started again, is told to write.
const (
	writerDir   = "STORETEST_WRITER_DIR"
	writerEarly = "STORETEST_WRITER_EARLY"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := write(dir, os.Getenv(writerEarly) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func write(dir string, early bool) error {
	s, err := sqlite.Open(context.Background(), dir, sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName})
	if err != nil {
		return err
	}
	return storetest.CrashWriter(s, os.Stdout, early)
}

func TestAcknowledgedSurvivesKilling(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Crash(t, storetest.Crasher{
		Open: func(t testing.TB) *store.Slices { return open(t, dir, storetest.Options{OpenLog: storetest.OpenLog}) },
		Writer: func(t testing.TB, early bool) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), writerDir+"="+dir)
			if early {
				cmd.Env = append(cmd.Env, writerEarly+"=1")
			}
			return cmd
		},
	}, 20)
}
