//go:build unix

package home

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

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

// likeDir gives a file that root writes (agent trust, agent setup again) to whom
// the directory belongs: the service does not run as root.
func likeDir(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil // a system that does not say
	}
	return f.Chown(int(at.Uid), int(at.Gid))
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
