//go:build unix

package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"lienthong/internal/store"
)

// lock takes the file's lock, or gives store.ErrHeld where it should not wait
// and another process has it.
func lock(f *os.File, wait bool) error {
	how := unix.LOCK_EX
	if !wait {
		how |= unix.LOCK_NB
	}
	for {
		switch err := unix.Flock(int(f.Fd()), how); {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return store.ErrHeld
		default:
			return err
		}
	}
}

// unlock gives a lock back and closes the file. To close the file is not enough: a child that this
// process is about to start has it open, too, until it runs a program.
func unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
