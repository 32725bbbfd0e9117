package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// processorTime is what a process has used of the processors so far, user and
// system: /proc/PID/stat (Linux, proc(5)), fields 14 and 15 in ticks of 10 ms; 0
// where the system does not tell.
func processorTime(pid int) time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if errors.Join(err1, err2) != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// StoredBytes is the size of all files below a directory: a store with
// everything that belongs to it.
func StoredBytes(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

// profile keeps a processor profile of the hub, from its operator's port.
func profile(ctx context.Context, ops, path string, d time.Duration) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", ops, int(d.Seconds())), nil)
	if err != nil {
		return ErrHub.Because(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ErrHub.Because(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return ErrHub.Because(errors.New(answer.Status))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return ErrHub.Because(err)
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}
