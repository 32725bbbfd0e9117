//go:build unix

package home

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// private refuses a file or directory that others may read or change.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("agent home: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return ErrModes.Because(fmt.Errorf("%s has mode %04o", filepath.Base(path), info.Mode().Perm()))
	}
	return nil
}

func protect(dir string) error { return os.Chmod(dir, 0o700) }

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("agent home: %w", err)
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("agent home: %w", err)
	}
	return nil
}
