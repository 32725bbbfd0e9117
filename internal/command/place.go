package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/bridge/signer"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/store/lookspool"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/traits"
	"lienthong/internal/verification"
	webadmin "lienthong/internal/web/admin"
)

// Place is a hub's directory: what `init` made and every other command uses.
type Place struct {
	Dir string
	PlaceFile
}

// PlaceFile is DIR/hub.json.
type PlaceFile struct {
	Name     string `json:"name"`
	Keys     string `json:"keys"`               // directory of the key files, outside DIR
	Database string `json:"database,omitempty"` // file that holds a PostgreSQL URL
	Sign     string `json:"sign,omitempty"`     // socket of the process that holds the keys (lienthong sign); "": the files do
}

const (
	HubFile    = "hub.json"
	SocketFile = "admin.sock"
)

var errNoHub = fault.New(fault.Invalid, "hub.absent",
	"Thư mục này không phải của hub nào. Xem lại --data, hoặc lập hub ở đó: lienthong init --data DIR.",
	"This is no hub's directory. Look at --data, or make a hub there: lienthong init --data DIR.")

// OpenPlace reads what init wrote. Fault: hub.absent.
func OpenPlace(dir string) (*Place, error) {
	b, err := os.ReadFile(filepath.Join(dir, HubFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoHub.Because(errors.New(dir))
	}
	if err != nil {
		return nil, err
	}
	p := &Place{Dir: dir}
	if err := json.Unmarshal(b, &p.PlaceFile); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, HubFile), err)
	}
	return p, nil
}

// MakePlace makes the directory, the keys and the store.
func MakePlace(dir string, f PlaceFile) (*Place, error) {
	if Inside(f.Keys, dir) {
		return nil, ErrKeysInside
	}
	if _, err := os.Stat(filepath.Join(dir, HubFile)); err == nil {
		return nil, errHubThere.Because(errors.New(dir))
	}
	// Asked before anything is made: a half-made hub could be neither used nor made again.
	if _, err := ledger.LogKeyFromSeed(ledger.Origin(f.Name, 0), make([]byte, 32)); err != nil {
		return nil, errHubName
	}
	if f.Database != "" {
		if _, err := ReadPrivate(f.Database); err != nil {
			return nil, err
		}
	}
	for _, d := range []string{dir, f.Keys} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := makeKeys(f.Keys); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, HubFile), append(b, '\n'), 0o600); err != nil {
		return nil, err
	}
	return &Place{Dir: dir, PlaceFile: f}, nil
}

// Inside reports whether path lies in dir, by what the names lead to.
func Inside(path, dir string) bool {
	real := func(p string) string {
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		for rest := ""; ; { // the longest part that exists, followed
			if r, err := filepath.EvalSymlinks(p); err == nil {
				return filepath.Join(r, rest)
			}
			rest = filepath.Join(filepath.Base(p), rest)
			p = filepath.Dir(p)
		}
	}
	rel, err := filepath.Rel(real(dir), real(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// makeKeys writes new keys, never over old ones.
func makeKeys(dir string) error {
	keys, err := keyring.New(nil)
	if err != nil {
		return err
	}
	files, err := keys.Files()
	if err != nil {
		return err
	}
	for name, b := range files {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return errKeysThere.Because(errors.New(dir))
		}
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			return errors.Join(err, f.Close())
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// ReadKeys reads the key files, which nobody else may read.
func (p *Place) ReadKeys() (keyring.Keys, error) {
	if Inside(p.Keys, p.Dir) {
		return keyring.Keys{}, ErrKeysInside
	}
	return keyring.Read(p.readKey)
}

func (p *Place) readKey(name string) ([]byte, error) { return ReadPrivate(filepath.Join(p.Keys, name)) }

// hubKeys are what a hub runs with: the most valuable ones are in another
// process where the place says so.
func (p *Place) hubKeys(ctx context.Context) (keyring.Keys, error) {
	if p.Sign == "" {
		return p.ReadKeys()
	}
	keys, err := keyring.ReadOwnKeys(p.readKey)
	if err != nil {
		return keyring.Keys{}, err
	}
	c, err := signer.Dial(ctx, signer.Config{Socket: p.Sign})
	if err != nil {
		return keyring.Keys{}, err
	}
	keys.Ring, keys.Receipt, keys.Log, keys.Witness = c, c.Signer(signer.KeyReceipt), c.Signer(signer.KeyLog), c.Signer(signer.KeyWitness)
	return keys, nil
}

// ReadPrivate reads a file that only its owner may read.
func ReadPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, errReadable.Because(errors.New("chmod 600 " + path))
	}
	return os.ReadFile(path)
}

// Open returns what opens the place's store with the log opened by the hub.
func (p *Place) Open(log *slog.Logger) (hub.OpenStore, error) { return p.open(log, clock.System{}) }

func (p *Place) open(log *slog.Logger, at clock.Clock) (hub.OpenStore, error) {
	owner := p.owner()
	if p.Database == "" {
		return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, p.Dir, sqlite.Config{Clock: at, Logger: log, OpenLog: open, HubName: p.Name, Owner: owner})
		}, nil
	}
	b, err := ReadPrivate(p.Database)
	if err != nil {
		return nil, err
	}
	url := strings.TrimSpace(string(b))
	return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return postgres.Open(ctx, url, postgres.Config{Clock: at, Logger: log, OpenLog: open, HubName: p.Name, Owner: owner})
	}, nil
}

// Start starts the place's hub.
func (p *Place) Start(ctx context.Context, cfg hub.Config) (*hub.Hub, error) {
	keys, err := p.hubKeys(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	open, err := p.open(cfg.Logger, cfg.Clock)
	if err != nil {
		return nil, err
	}
	cfg.Name, cfg.Keys, cfg.Open = p.Name, keys, open
	if p.Sign == "" {
		cfg.Masters = func() ([][]byte, error) { return keyring.ReadMasters(p.readKey) }
	}
	cfg.Alarms.Secret = func(name string) ([]byte, error) { return ReadPrivate(filepath.Join(p.Keys, name)) }
	looks := p.Keys // all that is on this machine of a hub whose data are elsewhere
	if p.Database == "" {
		looks = p.Dir
	}
	if cfg.Spool, err = lookspool.Open(filepath.Join(looks, "looks")); err != nil {
		return nil, err
	}
	cfg.Imports = filepath.Join(looks, "imports")
	if p.Database == "" {
		cfg.Guard, cfg.Room = sqlite.NewGuard(p.Dir), p.room
	}
	return hub.Start(ctx, cfg)
}

// heldWait is how long an act waits for a log that another process holds.
const heldWait = 10 * time.Second

// Acts returns what administers the place: the hub that runs there, or the
// store itself with its log held for the moment. done gives it back. A hub that
// is starting holds its log before it can be spoken to, and so does another
// command: who finds it held asks again for some seconds. Fault: ledger.held.
func (p *Place) Acts(ctx context.Context) (acts webadmin.Acts, done func() error, err error) {
	for began := time.Now(); ; {
		acts, done, err = p.acts(ctx)
		if !errors.Is(err, store.ErrHeld) || time.Since(began) > heldWait {
			return acts, done, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (p *Place) acts(ctx context.Context) (acts webadmin.Acts, done func() error, err error) {
	client, err := webadmin.Dial(filepath.Join(p.Dir, SocketFile))
	if err == nil {
		return client, func() error { return nil }, nil
	}
	if !errors.Is(err, webadmin.ErrNotRunning) {
		return nil, nil, err
	}
	keys, err := p.hubKeys(ctx)
	if err != nil {
		return nil, nil, err
	}
	open, err := p.Open(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	var writer *evidence.Writer
	slices, err := open(ctx, func(ctx context.Context, head store.Head, source ledger.Source) (store.Log, error) {
		key, err := keys.LogKey(head.Origin)
		if err != nil {
			return nil, err
		}
		writer, err = evidence.OpenWriter(ctx, key, head, source)
		return writer, err
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := writer.BeginAfter(ctx, slices.Ledger); err != nil {
		return nil, nil, errors.Join(err, slices.Close())
	}
	people, err := staffOf(slices, keys)
	if err != nil {
		return nil, nil, errors.Join(err, slices.Close())
	}
	return struct {
		*admin.Office
		*alarm.Desk
		roster.Acts
		verification.Stopped
		traits.Closed
	}{admin.Of(slices, clock.System{}), &alarm.Desk{Store: slices.Alarms, Clock: clock.System{}}, people.Acts(), verification.Stopped{}, traits.Closed{}}, slices.Close, nil
}

// staffOf is the roster over a store that no hub has open.
func staffOf(s *store.Slices, keys keyring.Keys) (*roster.Desk, error) {
	v, err := keys.Vault()
	if err != nil {
		return nil, err
	}
	return roster.New(roster.Deps{Staffs: s.Staffs, Logins: s.Logins, Second: s.Enrolments.Second, PersonOf: admin.PersonOf, Vault: v, Clock: clock.System{},
		Known: func(ctx context.Context, code care.FacilityCode) (bool, error) {
			d, err := s.Facilities.Load(ctx)
			if err != nil {
				return false, err
			}
			_, ok := d.Current(code)
			return ok, nil
		}})
}

// owner names this hub among others of one database: the same name takes its
// own log again at once after a crash, another waits until it is abandoned.
func (p *Place) owner() string {
	dir, err := filepath.Abs(p.Dir)
	if err != nil {
		dir = p.Dir
	}
	return hostname() + ":" + dir
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// ErrKeysInside: keys beside the data would be lost and stolen with them.
var ErrKeysInside = fault.New(fault.Invalid, "hub.keys_inside",
	"Thư mục khóa không được nằm trong thư mục dữ liệu. Chọn nơi khác cho --keys.",
	"The keys may not lie inside the data directory. Choose another place for --keys.")

var (
	errHubThere = fault.New(fault.Conflict, "hub.present",
		"Thư mục này đã có một hub; không gì bị ghi đè.", "This directory holds a hub already; nothing is overwritten.")
	errHubName = fault.New(fault.Invalid, "hub.name",
		"Tên hub không được có dấu cách hoặc dấu cộng.", "This cannot name a hub: no spaces, no plus sign.")
	errKeysThere = fault.New(fault.Conflict, "hub.keys_present",
		"Thư mục này đã có khóa; khóa không bị ghi đè.", "This directory holds keys already; they are not overwritten.")
	errReadable = fault.New(fault.Invalid, "hub.file_open",
		"Người khác đọc được tệp này. Đặt quyền 0600.", "This file can be read by others. Give it mode 0600.")
)
