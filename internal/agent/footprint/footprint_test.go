package footprint_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/footprint"
)

// fileRSS is how much of this process' memory is files, in kB.
func fileRSS(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "RssFile:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no RssFile")
	return 0
}

// Pages of the program go and come back, as often as one likes.
func TestPagesOfTheProgramAreGivenBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED, NOT TESTED: pages are given back on Linux only")
	}
	before, least, rounds := fileRSS(t), 1<<30, 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := footprint.Config{Trimmed: func(bytes int64, err error) {
		if bytes < 1<<20 || err != nil {
			t.Errorf("%d bytes, %v", bytes, err)
		}
		least = min(least, fileRSS(t))
	}, Sleep: func(ctx context.Context, d time.Duration) error {
		if d != 5*time.Second {
			t.Errorf("it waits %v", d)
		}
		if rounds++; rounds > 20 {
			cancel()
		}
		return ctx.Err()
	}}
	if err := footprint.Keep(ctx, c); err != nil || rounds != 21 {
		t.Fatalf("%d rounds, %v", rounds, err)
	}
	if least >= before {
		t.Errorf("%d kB of files before, never less than %d after", before, least)
	}
}

// It ends at once when it is told to.
func TestItEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := footprint.Keep(ctx, footprint.Config{Trimmed: func(int64, error) { t.Error(errors.New("trimmed after the end")) }}); err != nil {
		t.Error(err)
	}
}
