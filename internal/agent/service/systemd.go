//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Install copies the program, writes the unit and starts it. Faults:
// service.path, service.user, service.unsupported, service.install.
func Install(ctx context.Context, c Config) error {
	unit, err := Unit(c)
	if err != nil {
		return err
	}
	if c, err = c.withDefaults(); err != nil {
		return err
	}
	real := c.Root == "/"
	if _, err := exec.LookPath("systemctl"); real && err != nil {
		return ErrUnsupported.Because(err)
	}
	if err := placeAll(c.Binary, filepath.Join(c.Root, BinaryPath), ""); err != nil {
		return ErrInstall.Because(err)
	}
	files := map[string]string{unitPath: unit}
	if c.User == Name {
		files[usersPath] = fmt.Sprintf("u %s - \"Lien Thong agent\" %s\n", Name, statePath)
	}
	for path, text := range files {
		path = filepath.Join(c.Root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return ErrInstall.Because(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return ErrInstall.Because(err)
		}
	}
	link := filepath.Join(c.Root, linkPath)
	if _, err := os.Lstat(link); errors.Is(err, fs.ErrNotExist) { // another lienthong there is left alone
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(BinaryPath, link)); err != nil {
			return ErrInstall.Because(err)
		}
	}
	if !real {
		return nil
	}
	return start(ctx, c)
}

// start gives the user what is its own, and starts the service for good.
func start(ctx context.Context, c Config) error {
	if c.User == Name {
		if err := run(ctx, "systemd-sysusers"); err != nil {
			return err
		}
	}
	if c.User != Dynamic {
		if err := own(c); err != nil {
			return err
		}
	}
	if err := run(ctx, "systemctl", "daemon-reload"); err != nil {
		return err
	}
	if err := run(ctx, "systemctl", "enable", Name); err != nil {
		return err
	}
	return run(ctx, "systemctl", "restart", Name)
}

// own gives the agent's directory and folders to its user.
func own(c Config) error {
	u, err := user.Lookup(c.User)
	if err != nil {
		return ErrUser.Because(err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return ErrUser.Because(err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return ErrUser.Because(err)
	}
	err = filepath.WalkDir(c.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	for _, path := range c.Writes { // the folder, not what others put into it
		err = errors.Join(err, os.Lchown(path, uid, gid))
	}
	if err != nil {
		return ErrInstall.Because(err)
	}
	return nil
}

// Uninstall stops the service and removes unit and program. The agent's directory
// stays: what waits there is not lost. Fault: service.install.
func Uninstall(ctx context.Context, root string) error {
	if root == "" {
		root = "/"
	}
	if root == "/" {
		// A unit that is not there or does not run is as it should be.
		_ = run(ctx, "systemctl", "disable", "--now", Name)
	}
	link := filepath.Join(root, linkPath)
	if to, err := os.Readlink(link); err == nil && to == BinaryPath {
		if err := os.Remove(link); err != nil {
			return ErrInstall.Because(err)
		}
	}
	for _, path := range []string{unitPath, usersPath} {
		if err := os.Remove(filepath.Join(root, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ErrInstall.Because(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(root, filepath.Dir(BinaryPath))); err != nil {
		return ErrInstall.Because(err)
	}
	if root == "/" {
		return run(ctx, "systemctl", "daemon-reload")
	}
	return nil
}

// StatusOf asks the system. A machine without systemd has no service.
func StatusOf(ctx context.Context, root string) (Status, error) {
	if root == "" {
		root = "/"
	}
	var s Status
	if _, err := os.Stat(filepath.Join(root, unitPath)); err != nil {
		return s, nil
	}
	s.Installed, s.Binary = true, filepath.Join(root, BinaryPath)
	if root != "/" {
		return s, nil
	}
	// Exit 1 and 3 are answers; without systemctl nothing runs.
	said := func(verb string) string {
		out, err := exec.CommandContext(ctx, "systemctl", verb, Name).Output()
		var code *exec.ExitError
		if err != nil && !errors.As(err, &code) {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	s.Enabled, s.Running = said("is-enabled") == "enabled", said("is-active") == "active"
	return s, nil
}

// Restart starts the service anew. Fault: service.install.
func Restart(ctx context.Context) error { return run(ctx, "systemctl", "restart", Name) }

// Run runs the agent until ctx ends: systemd tells a service to stop by SIGTERM,
// which the caller has made the end of ctx.
func Run(ctx context.Context, agent func(context.Context) error) error { return agent(ctx) }

func run(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return ErrInstall.Because(fmt.Errorf("%s: %w: %.300s", name, err, out))
	}
	return nil
}
