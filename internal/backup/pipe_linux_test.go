package backup_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lienthong/internal/backup"
)

// TestAPipeInThePlaceIsNotOpened: nobody writes to it, so reading would wait for ever.
func TestAPipeInThePlaceIsNotOpened(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.backup(nil)
	if err := syscall.Mkfifo(filepath.Join(w.path, "00000007.manifest"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		w.backup(nil)
		_, err := w.lay(backup.Pick{})
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for the pipe")
	}
}
