// Package service makes the agent a service of the operating system, so that it
// starts with the machine and runs while nobody is logged in: a systemd unit, or a
// Windows service. The program is copied to a place only administrators write to;
// the service runs as a user of its own that may do little.
//
// It says nothing about what the agent does (package control tells that), and it
// replaces no program (package update does).
package service

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lienthong/internal/fault"
)

// Name is the service's name on both systems, and its user's.
const Name = "lienthong-agent"

// Dynamic as Config.User has systemd make a user up at every start.
const Dynamic = "dynamic"

var (
	// ErrPath (service.path): a path that no service file can hold.
	ErrPath = fault.New(fault.Invalid, "service.path",
		"Đường dẫn phải tuyệt đối và không chứa dấu nháy hay ký tự điều khiển.",
		"Paths must be absolute, without quotes or control characters.")
	// ErrUser (service.user): the user the service is to run as.
	ErrUser = fault.New(fault.Invalid, "service.user",
		"Không có người dùng này trên máy, hoặc người dùng động không mở được thư mục đã chọn. Chọn người dùng khác bằng --user.",
		"There is no such user on this machine, or a dynamic user cannot open the chosen directory. Choose another with --user.")
	// ErrInstall (service.install): it could not be put in place.
	ErrInstall = fault.New(fault.Withheld, "service.install",
		"Không cài hoặc gỡ được dịch vụ. Chạy lại bằng quyền quản trị (root hoặc Administrator).",
		"The service could not be installed or removed. Run again as administrator (root or Administrator).")
	// ErrUnsupported (service.unsupported): no service manager that is known.
	ErrUnsupported = fault.New(fault.Invalid, "service.unsupported",
		"Máy này không có systemd hay trình quản lý dịch vụ Windows. Tự chạy lienthong agent run khi khởi động máy.",
		"This machine has neither systemd nor the Windows service manager. Have lienthong agent run started with the machine by other means.")
)

// Config says what is installed.
type Config struct {
	Dir     string   // the agent's directory
	Binary  string   // the program to copy; "" is the running one
	User    string   // who it runs as; "" is a user called Name, made here; Dynamic
	Writes  []string // folders the agent takes files from
	Reads   []string // files it reads: keys, certificates
	Token   bool     // the signer is a PKCS#11 token: devices and C libraries
	LowPort bool     // it listens below 1024
	Root    string   // "" is /; another for trying: nothing is started there
}

// Status is what the system says of the service.
type Status struct {
	Installed bool   `json:"installed"`
	Enabled   bool   `json:"enabled"` // starts with the machine
	Running   bool   `json:"running"`
	Binary    string `json:"binary,omitempty"` // the program it runs
}

func (c Config) withDefaults() (Config, error) {
	if c.Root == "" {
		c.Root = string(filepath.Separator)
	}
	if c.User == "" {
		c.User = Name
	}
	if c.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return c, ErrInstall.Because(err)
		}
		c.Binary = self
	}
	for _, path := range append(append([]string{c.Dir, c.Binary}, c.Writes...), c.Reads...) {
		if !filepath.IsAbs(path) || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune("\"'`$", r) }) {
			return c, ErrPath
		}
	}
	if strings.ContainsFunc(c.User, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("\"'%:", r) }) {
		return c, ErrUser
	}
	return c, nil
}

// place copies a program whole: to a file beside it, then over it.
func place(from, to string) error {
	if same, err := sameFile(from, to); err != nil || same {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	temp := to + ".new"
	out, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o755), out.Sync(), out.Close(), in.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, to)
}

func sameFile(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(x, y), nil
}

// placeAll copies the program, and the token helper where one lies beside it.
func placeAll(from, to, ending string) error {
	if err := place(from, to); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	const helper = "lienthong-token"
	beside := filepath.Join(filepath.Dir(from), helper+ending)
	if _, err := os.Stat(beside); err != nil {
		return nil // not every download has one
	}
	return place(beside, filepath.Join(filepath.Dir(to), helper+ending))
}
