// Package home is the agent's directory: its configuration agent.json, the
// credential it logs in with, the key its spool is encrypted under, and the keys
// the hub signs receipts with. Files are written whole or not at all, with mode
// 0600 in a directory of mode 0700; what others can read is refused.
//
// It keeps and hands out; it neither enrols (agent/enrol) nor runs anything. A
// PIN is never here.
package home

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"lienthong/internal/agent"
	"lienthong/internal/fault"
)

var (
	// ErrAbsent (agent.not_set_up): the directory is no agent's.
	ErrAbsent = fault.New(fault.Absent, "agent.not_set_up",
		"Máy này chưa cài đặt trạm gửi. Chạy: lienthong agent setup --hub URL --invite MÃ.",
		"No agent is set up here. Run: lienthong agent setup --hub URL --invite CODE.")
	// ErrExists (agent.exists): setup where an agent is already.
	ErrExists = fault.New(fault.Conflict, "agent.exists",
		"Thư mục này đã có một trạm gửi. Chọn thư mục khác, hoặc gỡ trạm cũ trước.",
		"An agent is set up in this directory already. Choose another, or remove that one first.")
	// ErrConfig (agent.config): agent.json is not of its form.
	ErrConfig = fault.New(fault.Invalid, "agent.config",
		"Tệp cấu hình agent.json không đúng dạng. Sửa tệp, hoặc chạy lại lienthong agent setup.",
		"The configuration file agent.json is not of its form. Mend it, or run lienthong agent setup again.")
	// ErrModes (agent.modes): others can read or change what is secret.
	ErrModes = fault.New(fault.Invalid, "agent.modes",
		"Người dùng khác của máy đọc được tệp bí mật của trạm gửi. Đặt lại quyền: thư mục 0700, tệp 0600.",
		"Other users of this machine can read the agent's secret files. Set the modes again: directory 0700, files 0600.")
	// ErrKey (agent.spool_key): the key of the spool is damaged.
	ErrKey = fault.New(fault.Broken, "agent.spool_key",
		"Khóa của hàng đợi trên máy này bị hỏng. Không xóa thư mục; báo người hỗ trợ.",
		"The key of this machine's queue is damaged. Do not delete the directory; tell support.")
)

// ErrDenied (agent.denied): the directory is another user's.
var ErrDenied = fault.New(fault.Withheld, "agent.denied",
	"Không được phép mở thư mục của trạm gửi. Chạy lại bằng quyền quản trị (sudo, hoặc Run as administrator).",
	"You may not open the agent's directory. Run again as administrator (sudo, or Run as administrator).")

// ErrRunning (agent.running): another process is this agent already.
var ErrRunning = fault.New(fault.Conflict, "agent.running",
	"Trạm gửi đang chạy trong một tiến trình khác trên máy này.",
	"The agent is running in another process of this machine already.")

// Names of the files.
const (
	configFile     = "agent.json"
	credentialFile = "credential.json"
	spoolFile      = "spool.key"
	keysFile       = "receipt-keys.json"
	proxyFile      = "proxy.password"
	triesFile      = "signer.tries"
	lockFile       = "agent.lock"
)

const (
	maxFile     = 256 << 10
	spoolKeyLen = 32
)

// Home is one agent's directory. It may be used by many goroutines.
type Home struct {
	dir string

	mu     sync.Mutex
	config Config
}

// DefaultDir is where an agent lives when nobody says otherwise: the machine's
// state directory for root or on Windows, else the user's own.
func DefaultDir() string {
	const name = "lienthong-agent"
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("ProgramData"); dir != "" {
			return filepath.Join(dir, name)
		}
		return filepath.Join(`C:\ProgramData`, name)
	}
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib", name)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name)
	}
	if dir, err := os.UserHomeDir(); err == nil {
		return filepath.Join(dir, ".local", "state", name)
	}
	return name
}

// Open opens the directory of an agent that was set up. Faults: agent.not_set_up,
// agent.denied, agent.modes, agent.config.
func Open(dir string) (*Home, error) {
	h, err := at(dir)
	if err != nil {
		return nil, err
	}
	b, err := h.Read(configFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrAbsent
	case err != nil:
		return nil, err
	}
	if err := private(h.dir); err != nil {
		return nil, err
	}
	if h.config, err = ParseConfig(b); err != nil {
		return nil, err
	}
	return h, nil
}

// Create makes the directory of a new agent, or takes an empty one or one where
// setup broke off, and makes its spool key once. Nothing is an agent's before
// Save. Fault: agent.exists where one was set up.
func Create(dir string) (*Home, error) {
	h, err := at(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	if _, err := os.Stat(h.Path(configFile)); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrExists, err)
	}
	if err := protect(h.dir); err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	if _, err := os.Stat(h.Path(spoolFile)); !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	key := make([]byte, spoolKeyLen)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	return h, h.Write(spoolFile, key)
}

func at(dir string) (*Home, error) {
	if dir == "" {
		dir = DefaultDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	return &Home{dir: dir}, nil
}

// Lock makes this process the one that runs the agent, until it calls release or
// ends, however it ends. Fault: agent.running.
func (h *Home) Lock() (release func() error, err error) {
	f, err := os.OpenFile(h.Path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(ErrRunning.Because(err), f.Close())
	}
	return f.Close, nil
}

// Dir returns the absolute path of the directory.
func (h *Home) Dir() string { return h.dir }

// Path returns the path of a file in the directory.
func (h *Home) Path(name string) string { return filepath.Join(h.dir, name) }

// Config returns the configuration as last read or saved, defaults filled in.
func (h *Home) Config() Config {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config
}

// Reload reads agent.json again, which a command has changed; what is wrong with
// it leaves the configuration as it was. Fault: agent.config.
func (h *Home) Reload() (Config, error) {
	b, err := h.Read(configFile)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(b)
	if err != nil {
		return Config{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.config = c
	return c, nil
}

// Save checks and keeps a configuration. Fault: agent.config.
func (h *Home) Save(c Config) error {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return ErrConfig.Because(err)
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("agent home: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.Write(configFile, append(b, '\n')); err != nil {
		return err
	}
	h.config = c
	return nil
}

// Credential reads what the agent logs in with. Faults: agent.not_set_up,
// agent.modes, credential.invalid.
func (h *Home) Credential() (*agent.Credential, error) {
	b, err := h.Read(credentialFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrAbsent
	case err != nil:
		return nil, err
	}
	return agent.ParseCredential(b)
}

// SaveCredential keeps the bytes of a credential file. Fault: credential.invalid.
func (h *Home) SaveCredential(b []byte) error {
	if _, err := agent.ParseCredential(b); err != nil {
		return err
	}
	return h.Write(credentialFile, b)
}

// SpoolKey returns the 32 bytes the spool is encrypted under. Faults:
// agent.modes, agent.spool_key.
func (h *Home) SpoolKey() ([]byte, error) {
	b, err := h.Read(spoolFile)
	if err != nil {
		if fault.KindOf(err) == fault.Broken {
			return nil, ErrKey.Because(err)
		}
		return nil, err
	}
	if len(b) != spoolKeyLen {
		return nil, ErrKey.Because(errors.New("not 32 bytes"))
	}
	return b, nil
}

// Read reads a file of the directory, at most 256 KiB. Fault: agent.modes when
// others can read it; fs.ErrNotExist when it is not there.
func (h *Home) Read(name string) ([]byte, error) { return ReadPrivate(h.Path(name)) }

// ReadPrivate reads a file that only its owner may read, at most 256 KiB: a
// signing key, a secret. Fault: agent.modes.
func ReadPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrDenied.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	if info.Size() > maxFile || !info.Mode().IsRegular() {
		return nil, ErrConfig.Because(fmt.Errorf("%s is no file of the agent's", filepath.Base(path)))
	}
	if err := private(path); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrDenied.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("agent home: %w", err)
	}
	return b, nil
}

// Write writes a file of the directory with mode 0600, for whom the directory
// belongs to: after a crash it is there whole, or as it was before.
func (h *Home) Write(name string, b []byte) error {
	f, err := os.CreateTemp(h.dir, "."+name+".*")
	if err != nil {
		return fmt.Errorf("agent home: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(0o600), likeDir(f, h.dir), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), h.Path(name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("agent home: %w", err), os.Remove(f.Name()))
	}
	return syncDir(h.dir)
}
