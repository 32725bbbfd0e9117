// Package witness is the embedded engine's side of store.Witness: logs of
// others that are watched, alarms, and who cosigns this hub's log. It checks no
// signature and no proof.
package witness

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"math"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Witness implements store.Witness.
type Witness struct{ db *file.DB }

var _ store.Witness = (*Witness)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Witness { return &Witness{db: db} }

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return file.Time(micros)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return file.Micros(t)
}

// WatchedLogs returns every log watched.
func (x *Witness) WatchedLogs(ctx context.Context) ([]store.WatchedLog, error) {
	return list(ctx, x.db, `SELECT origin, key, size, checkpoint, at, since, ended FROM watched_log ORDER BY origin, key`, nil,
		func(r *sql.Rows) (l store.WatchedLog, err error) {
			var size, at, since, ended int64
			err = r.Scan(&l.Origin, &l.Key, &size, &l.Checkpoint, &at, &since, &ended)
			l.Size, l.At, l.Since, l.Ended = uint64(size), moment(at), moment(since), moment(ended)
			l.Checkpoint = orNil(l.Checkpoint)
			return l, err
		})
}

// list reads all rows of a query.
func list[T any](ctx context.Context, db *file.DB, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	var out []T
	err := db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return rows.Err()
	})
	return out, err
}

// Watch begins to watch a log.
func (x *Witness) Watch(ctx context.Context, l store.WatchedLog, act store.Act) error {
	if err := check(act, l.Origin, l.Key); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO watched_log (origin, key, size, checkpoint, at, since, ended) VALUES (?, ?, 0, x'', 0, ?, ?)
 ON CONFLICT DO UPDATE SET ended = excluded.ended`, l.Origin, l.Key, micros(l.Since), micros(l.Ended)); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

func check(act store.Act, texts ...string) error {
	if err := store.CheckText(texts...); err != nil {
		return err
	}
	return file.CheckAct(act)
}

// Advance moves a log on.
func (x *Witness) Advance(ctx context.Context, origin, key string, from, to uint64, checkpoint []byte, at time.Time) error {
	if from > math.MaxInt64 || to > math.MaxInt64 {
		return store.ErrMoved
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE watched_log SET size = ?, checkpoint = ?, at = ? WHERE origin = ? AND key = ? AND size = ?`,
			int64(to), checkpoint, micros(at), origin, key, int64(from))
		if err == nil && n == 0 {
			return store.ErrMoved
		}
		return err
	})
}

// Alarm keeps an alarm once.
func (x *Witness) Alarm(ctx context.Context, a store.LogAlarm) (fresh bool, err error) {
	if err := store.CheckText(a.Origin, a.Kind, a.From); err != nil {
		return false, err
	}
	hash := sha256.Sum256(append([]byte(a.Kind+"\n"), a.Seen...))
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO log_alarm (origin, hash, kind, at, sender, known, seen) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			a.Origin, hash[:], a.Kind, micros(a.At), a.From, solid(a.Known), solid(a.Seen))
		fresh = n > 0
		return err
	})
	return fresh, err
}

func solid(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Alarms returns alarms, newest first.
func (x *Witness) Alarms(ctx context.Context, limit int) ([]store.LogAlarm, error) {
	return list(ctx, x.db, `SELECT origin, kind, at, sender, known, seen FROM log_alarm ORDER BY at DESC, origin, hash LIMIT ?`, []any{file.Limit(limit)},
		func(r *sql.Rows) (a store.LogAlarm, err error) {
			var at int64
			err = r.Scan(&a.Origin, &a.Kind, &at, &a.From, &a.Known, &a.Seen)
			a.At, a.Known, a.Seen = moment(at), orNil(a.Known), orNil(a.Seen)
			return a, err
		})
}

// Peers returns every witness.
func (x *Witness) Peers(ctx context.Context) ([]store.Peer, error) {
	return list(ctx, x.db, `SELECT key, url, private, since, ended FROM witness_peer ORDER BY key`, nil,
		func(r *sql.Rows) (p store.Peer, err error) {
			var since, ended int64
			err = r.Scan(&p.Key, &p.URL, &p.Private, &since, &ended)
			p.Since, p.Ended = moment(since), moment(ended)
			return p, err
		})
}

// PutPeer keeps a witness.
func (x *Witness) PutPeer(ctx context.Context, p store.Peer, act store.Act) error {
	if err := check(act, p.Key, p.URL); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO witness_peer (key, url, private, since, ended) VALUES (?, ?, ?, ?, ?)
 ON CONFLICT DO UPDATE SET url = excluded.url, private = excluded.private, since = excluded.since, ended = excluded.ended`,
			p.Key, p.URL, p.Private, micros(p.Since), micros(p.Ended)); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// PeerStates returns how witnesses do.
func (x *Witness) PeerStates(ctx context.Context) ([]store.PeerState, error) {
	return list(ctx, x.db, `SELECT key, log, size, at, failures, code FROM cosignature ORDER BY key, log`, nil,
		func(r *sql.Rows) (s store.PeerState, err error) {
			var size, at int64
			err = r.Scan(&s.Key, &s.Log, &size, &at, &s.Failures, &s.Code)
			s.Size, s.At = uint64(size), moment(at)
			return s, err
		})
}

// Asked keeps how an asking ended.
func (x *Witness) Asked(ctx context.Context, s store.PeerState, line string) error {
	if err := store.CheckText(s.Key, s.Code, line); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if line == "" {
			_, err := tx.Exec(`INSERT INTO cosignature (log, key, size, at, failures, code, line) VALUES (?, ?, 0, 0, 1, ?, '')
 ON CONFLICT DO UPDATE SET failures = failures + 1, code = excluded.code`, s.Log, s.Key, s.Code)
			return err
		}
		_, err := tx.Exec(`INSERT INTO cosignature (log, key, size, at, failures, code, line) VALUES (?, ?, ?, ?, 0, '', ?)
 ON CONFLICT DO UPDATE SET size = excluded.size, at = excluded.at, failures = 0, code = '', line = excluded.line WHERE excluded.size >= size`,
			s.Log, s.Key, int64(s.Size), micros(s.At), line)
		return err
	})
}

// Cosigned returns the newest cosigned checkpoint of a log.
func (x *Witness) Cosigned(ctx context.Context, log int) (checkpoint []byte, lines []string, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		var size int64
		row := s.Row(`SELECT c.size, k.note FROM cosignature c JOIN witness_peer p ON p.key = c.key AND p.ended = 0
 JOIN checkpoint k ON k.log = c.log AND k.size = c.size WHERE c.log = ? AND c.size > 0 ORDER BY c.size DESC LIMIT 1`, log)
		if err := row.Scan(&size, &checkpoint); errors.Is(err, sql.ErrNoRows) {
			return store.ErrAbsent
		} else if err != nil {
			return err
		}
		rows, err := s.Rows(`SELECT c.line FROM cosignature c JOIN witness_peer p ON p.key = c.key AND p.ended = 0 WHERE c.log = ? AND c.size = ? ORDER BY c.key`, log, size)
		if err != nil {
			return err
		}
		defer rows.Close()
		lines = nil
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return rows.Err()
	})
	return checkpoint, lines, err
}
