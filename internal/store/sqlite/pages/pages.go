// Package pages reads a file of the embedded engine page by page, in one
// committed state, beside whatever writes to it: what a backup is made of. It
// needs no help from the hub that has the file open, takes no lock that a
// writer waits for, and knows what a page holds no more than the disk does.
package pages

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// busyMS is how long a lock of SQLite's own is waited for.
const busyMS = 10_000

// Snapshot is one committed state of a file. Until Close the engine moves no
// later commits into the file past it: its WAL grows by what is written meanwhile.
type Snapshot struct {
	db   *sql.DB
	conn *sql.Conn
	size int
	n    uint32
}

// Open takes a snapshot of the file at path, which must be there.
func Open(ctx context.Context, path string) (*Snapshot, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	u.RawQuery = url.Values{"mode": {"rw"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyMS), "query_only(1)", "cache_size(-2000)"}}.Encode()
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, file.Fault(err)
	}
	s := &Snapshot{db: db}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(file.Fault(err), s.Close())
	}
	return s, nil
}

// begin opens the read transaction; its first SELECT fixes the state.
func (s *Snapshot) begin(ctx context.Context) error {
	var err error
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	var tables int
	if err := s.conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	if err := s.conn.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&s.size); err != nil {
		return err
	}
	return s.conn.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&s.n)
}

// PageSize is the length of a page in bytes.
func (s *Snapshot) PageSize() int { return s.size }

// Pages is how many pages the file has.
func (s *Snapshot) Pages() uint32 { return s.n }

// Each gives every page, from number 1, in order. The bytes are fn's only
// until it returns. SQLite's own lock page, which holds nothing, comes as zeros.
func (s *Snapshot) Each(ctx context.Context, fn func(n uint32, page []byte) error) error {
	rows, err := s.conn.QueryContext(ctx, `SELECT pgno, data FROM sqlite_dbpage('main')`)
	if err != nil {
		return file.Fault(err)
	}
	defer rows.Close()
	var next uint32
	for rows.Next() {
		var n uint32
		var page sql.RawBytes
		if err := rows.Scan(&n, &page); err != nil {
			return file.Fault(err)
		}
		if next++; n != next || len(page) != s.size {
			return fmt.Errorf("pages: page %d of %d bytes stands at %d", n, len(page), next)
		}
		if err := fn(n, page); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return file.Fault(err)
	}
	if next != s.n {
		return fmt.Errorf("pages: %d pages read of %d", next, s.n)
	}
	return nil
}

// Heads returns the heads of all logs as they stand in the snapshot.
func (s *Snapshot) Heads(ctx context.Context) ([]store.Head, error) {
	rows, err := s.conn.QueryContext(ctx, `SELECT log, origin, epoch, size, checkpoint FROM head ORDER BY log`)
	if err != nil {
		return nil, file.Fault(err)
	}
	defer rows.Close()
	var out []store.Head
	for rows.Next() {
		h := store.Head{Head: ledger.Head{}}
		var size int64
		if err := rows.Scan(&h.Log, &h.Origin, &h.Epoch, &size, &h.Checkpoint); err != nil {
			return nil, file.Fault(err)
		}
		h.Size = uint64(size)
		out = append(out, h)
	}
	return out, file.Fault(rows.Err())
}

// Last is the newest record of a snapshot.
type Last struct {
	Record   dossier.ID
	Received int64 // microseconds UTC
	Log      int
	Index    uint64
	Records  int64 // how many there are
}

// Last returns the newest record; the zero Last of a file without any.
func (s *Snapshot) Last(ctx context.Context) (Last, error) {
	var l Last
	var facility string
	var serial []byte
	var index int64
	err := s.conn.QueryRowContext(ctx, `SELECT facility, serial, received, log, leaf FROM record ORDER BY id DESC LIMIT 1`).
		Scan(&facility, &serial, &l.Received, &l.Log, &index)
	if errors.Is(err, sql.ErrNoRows) {
		return Last{}, nil
	}
	if err != nil {
		return Last{}, file.Fault(err)
	}
	l.Index = uint64(index)
	if l.Record, err = file.ID(care.FacilityCode(facility), serial); err != nil {
		return Last{}, err
	}
	return l, file.Fault(s.conn.QueryRowContext(ctx, `SELECT count(*) FROM record`).Scan(&l.Records))
}

// Archives names the archive files that the state needs beside the file. They
// are found by vessel.Path, and read by OpenFlat.
func (s *Snapshot) Archives(ctx context.Context) ([]string, error) {
	var known bool
	if err := s.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'archive')`).Scan(&known); err != nil || !known {
		return nil, file.Fault(err)
	}
	rows, err := s.conn.QueryContext(ctx, `SELECT name FROM archive WHERE written = 1 ORDER BY first`)
	if err != nil {
		return nil, file.Fault(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, file.Fault(err)
		}
		all = append(all, name)
	}
	return all, file.Fault(rows.Err())
}

// Close gives the snapshot up. It is called once.
func (s *Snapshot) Close() error {
	var errs []error
	if s.conn != nil {
		if _, err := s.conn.ExecContext(context.Background(), `ROLLBACK`); err != nil {
			errs = append(errs, err)
		}
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}
