// Package spool is what an agent keeps on its disk: the files it took and has
// no answer for yet, in the order in which they were taken, and the journal of
// what became of the others, with their receipts. It is one SQLite file; what is
// in it is sealed under a key of the agent's, but for states, times, sizes,
// counts, the codes of findings and the references of records.
//
// An item is named by the SHA-256 of what was taken, so that the same file is
// one item however often it is taken. An item is durable when Put returns.
//
// It sends nothing, judges nothing and watches no folder: station does.
package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // the driver; ADR 0012

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrKey (spool.key): the spool was made under another key.
	ErrKey = fault.New(fault.Conflict, "spool.key",
		"Hàng đợi này được mã hóa bằng khóa khác. Dùng đúng thư mục agent, hoặc khôi phục tệp khóa đi cùng.",
		"This spool is sealed under another key. Use the agent directory it belongs to, or restore the key that goes with it.")
	// ErrDamaged (spool.damaged): something kept cannot be read back.
	ErrDamaged = fault.New(fault.Broken, "spool.damaged",
		"Một mục trong hàng đợi bị hỏng nên không gửi được. Đưa lại tệp gốc vào thư mục.",
		"An item of the spool is damaged and cannot be sent. Put the original file into the folder again.")
	// ErrAbsent (spool.absent): there is no such item.
	ErrAbsent = fault.New(fault.Absent, "spool.absent", "Không có mục này trong hàng đợi.", "There is no such item in the spool.")
	// ErrFull (spool.full): the disk is full; nothing was taken.
	ErrFull = fault.New(fault.Busy, "spool.full",
		"Ổ đĩa của agent đã đầy nên chưa nhận tệp. Giải phóng chỗ rồi thử lại.",
		"The agent's disk is full, so the file was not taken. Make room and try again.")
)

// State is where an item is on its way.
type State int

// The states, in the order of an item's life. The last three are decided.
const (
	Taken    State = iota + 1 // durable, not looked at yet
	Unsealed                  // waits for a signer
	Held                      // waits for a person: would not be accepted as it is
	Ready                     // may be sent
	Sent                      // on its way; what became of it is not known
	Carried                   // on its way on a stick (export)
	Accepted                  // every dossier in it
	Rejected                  // some dossier in it
	Refused                   // as a whole
)

var stateNames = [...]string{"", "taken", "waiting_for_seal", "held", "ready", "sent", "carried", "accepted", "rejected", "refused"}

// String returns the state's name: "taken", "waiting_for_seal", ... "refused".
func (s State) String() string {
	if s < Taken || s > Refused {
		return fmt.Sprintf("state(%d)", int(s))
	}
	return stateNames[s]
}

// Decided reports whether the hub's answer is known.
func (s State) Decided() bool { return s >= Accepted }

// Ref names an item to people and programs: 32 lower-hex digits.
type Ref string

// Item is an item without its bytes.
type Item struct {
	ID       int64
	Ref      Ref
	Name     string // as it was called where it was taken
	Source   string // "folder", "local", "gateway", "import"
	Lane     store.Lane
	State    State
	Facility care.FacilityCode
	Size     int64 // bytes of what is sent
	Dossiers int   // 0 while not known
	Attempts int   // times sent
	Code     string
	Said     fault.Text // what Code means
	Taken    time.Time
	Changed  time.Time
	Due      time.Time // not to be sent before; zero: at once
	SHA      [32]byte  // SHA-256 of the file as sent
}

// Part is one file with its detached seal, nil without one.
type Part struct {
	Name  string
	Bytes []byte
	Seal  []byte
}

// Payload is what is sent for an item: the file, and papers that go with it.
type Payload struct {
	File   Part
	Papers []Part
}

// Config is how a spool is kept; zero values are defaults.
type Config struct {
	Clock clock.Clock
	Guest bool // the agent may be running beside: what is on its way is left alone
}

// Spool is an open spool. It is safe for use by many goroutines, and for
// one process beside guests.
type Spool struct {
	db    *sql.DB
	box   *box
	clock clock.Clock
	path  string
}

// tuning keeps SQLite small: 1 MiB of pages, no more than 4 MiB of log lying about.
var tuning = []string{"busy_timeout(10000)", "auto_vacuum(incremental)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	"cache_size(-1000)", "journal_size_limit(4194304)", "temp_store(FILE)"}

// Open opens the spool at path, or makes one; key is 32 bytes. What was on its
// way when the last process ended is ready again: the hub answers a repeat with
// its first receipt. Faults: spool.key.
func Open(ctx context.Context, path string, key []byte, c Config) (*Spool, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	b, err := newBox(key)
	if err != nil {
		return nil, err
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{"_pragma": tuning, "_txlock": {"immediate"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	// One connection: an agent's pages can wait for a commit, and every further
	// one costs its own cache.
	db.SetMaxOpenConns(1)
	s := &Spool{db: db, box: b, clock: c.Clock, path: path}
	if err := s.prepare(ctx, c.Guest); err != nil {
		return nil, errors.Join(err, db.Close(), b.close())
	}
	return s, nil
}

// private makes the file with a mode that lets only its owner read.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// prepare brings the tables up to date, checks the key and calls back what was on its way.
func (s *Spool) prepare(ctx context.Context, guest bool) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
			return err
		}
		for ; version < len(migrations); version++ {
			if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
				return fmt.Errorf("migration %d: %w", version+1, err)
			}
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version)); err != nil {
			return err
		}
		if err := s.checkKey(ctx, tx); err != nil || guest {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE item SET state = ? WHERE state = ?`, Ready, Sent)
		return err
	})
}

// checkKey compares the key with the one the spool was made under.
func (s *Spool) checkKey(ctx context.Context, tx *sql.Tx) error {
	var proof []byte
	err := tx.QueryRowContext(ctx, `SELECT value FROM fact WHERE name = 'key'`).Scan(&proof)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, `INSERT INTO fact (name, value) VALUES ('key', ?)`, s.box.seal("fact", []byte("key"), []byte("spool")))
		return err
	}
	if err != nil {
		return err
	}
	if _, err := s.box.open("fact", []byte("key"), proof); err != nil {
		return ErrKey
	}
	return nil
}

// Close closes the spool.
func (s *Spool) Close() error { return errors.Join(s.db.Close(), s.box.close()) }

// change runs do in one durable transaction.
func (s *Spool) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return blame(err)
	}
	if err := do(tx); err != nil {
		return errors.Join(blame(err), quiet(tx.Rollback()))
	}
	return blame(tx.Commit())
}

// quiet passes over what a transaction says that is over already.
func quiet(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// micros is how times are kept; 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
