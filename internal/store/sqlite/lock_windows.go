package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"lienthong/internal/store"
)

// lock takes the file's lock, or gives store.ErrHeld where it should not wait
// and another process has it.
func lock(f *os.File, wait bool) error {
	how := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK)
	if !wait {
		how |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return store.ErrHeld
	}
	return err
}

// unlock gives a lock back and closes the file.
func unlock(f *os.File) error {
	return errors.Join(windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, new(windows.Overlapped)), f.Close())
}
