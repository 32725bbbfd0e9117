//go:build linux

// Package chaos_test runs the hub of the shipped program, as a process, under
// the faults of the trust page: R1 process kill, R2 power cut, R3 the n-th
// call failing, R4 torn and flipped files, R5 full disk, R6 agents offline, R7 a
// bad line, R10 hostile bodies, R14 legs after a restore, R20 overload, R21 a
// flood, R23 both sides' counts, R24 hub and insurer, R25 counters after kills. (R18, tampering, lies with
// the re-verifier.) Where a control
// needs a hub that is broken on purpose, this test binary starts itself again
// as one; the shipped program contains nothing of it.
package chaos_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"lienthong/internal/store/postgres/pgtest"
)

// The variables by which this binary, started again, is a broken hub.
const (
	brokenDir    = "CHAOS_BROKEN_HUB_DIR"
	brokenListen = "CHAOS_BROKEN_HUB_LISTEN"
	brokenHow    = "CHAOS_BROKEN_HUB_HOW"
	// Whom a hub without fairness favours.
	brokenFavours = "CHAOS_BROKEN_HUB_FAVOURS"
)

// And by which it writes rows to SQLite (see normal).
const (
	rowsPath = "CHAOS_ROWS_PATH"
	rowsMode = "CHAOS_ROWS_MODE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(brokenDir); dir != "" {
		if err := serveBroken(context.Background(), dir, os.Getenv(brokenListen), os.Getenv(brokenHow)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if path := os.Getenv(rowsPath); path != "" {
		fmt.Fprintln(os.Stderr, writeRows(path, os.Getenv(rowsMode)))
		os.Exit(1)
	}
	code := pgtest.Main(m)
	if dir := built.Load(); dir != nil {
		if err := os.RemoveAll(*dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// built is where program was built, nil when nothing asked for it.
var built atomic.Pointer[string]

// program is the shipped program, built once as `make build` does.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "chaos-bin-")
	if err != nil {
		return "", err
	}
	built.Store(&dir)
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", fmt.Errorf("where is the source?")
	}
	path := filepath.Join(dir, "lienthong")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/lienthong")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
