// Package witness keeps in PostgreSQL the logs of others that are watched,
// alarms, and who cosigns this hub's log. It checks no signature and no proof.
package witness

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Witness is the store.Witness of a hub.
type Witness struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Witness = (*Witness)(nil)

// New returns the slice; writer nil: what needs an act's leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Witness { return &Witness{db, writer} }

// list reads all rows of a query.
func list[T any](ctx context.Context, db *handle.DB, scan func(pgx.Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
	return all, handle.Fault(err)
}

// WatchedLogs returns every log watched.
func (x *Witness) WatchedLogs(ctx context.Context) ([]store.WatchedLog, error) {
	return list(ctx, x.db, func(r pgx.Row) (l store.WatchedLog, err error) {
		var size, at, since, ended int64
		err = r.Scan(&l.Origin, &l.Key, &size, &l.Checkpoint, &at, &since, &ended)
		l.Size, l.At, l.Since, l.Ended = uint64(size), handle.Moment(at), handle.Moment(since), handle.Moment(ended)
		l.Checkpoint = handle.OrNil(l.Checkpoint)
		return l, err
	}, `SELECT origin, key, size, checkpoint, at, since, ended FROM watched_log ORDER BY origin, key`)
}

// Watch begins to watch a log.
func (x *Witness) Watch(ctx context.Context, l store.WatchedLog, act store.Act) error {
	return x.change(ctx, act, []string{l.Origin, l.Key}, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO watched_log (origin, key, size, checkpoint, at, since, ended) VALUES ($1, $2, 0, '', 0, $3, $4)
			ON CONFLICT (origin, key) DO UPDATE SET ended = excluded.ended`, l.Origin, l.Key, handle.Micros(l.Since), handle.Micros(l.Ended))
	})
}

func (x *Witness) change(ctx context.Context, act store.Act, texts []string, queue func(*pgx.Batch)) error {
	if err := store.CheckText(texts...); err != nil {
		return err
	}
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	queue(b)
	return x.writer.CommitAct(ctx, tx, b, act)
}

// Advance moves a log on.
func (x *Witness) Advance(ctx context.Context, origin, key string, from, to uint64, checkpoint []byte, at time.Time) error {
	if from > math.MaxInt64 || to > math.MaxInt64 {
		return store.ErrMoved
	}
	tag, err := x.db.Pool.Exec(ctx, `UPDATE watched_log SET size = $4, checkpoint = $5, at = $6 WHERE origin = $1 AND key = $2 AND size = $3`,
		origin, key, int64(from), int64(to), handle.Bytes(checkpoint), handle.Micros(at))
	if err == nil && tag.RowsAffected() == 0 {
		return store.ErrMoved
	}
	return handle.Fault(err)
}

// Alarm keeps an alarm once.
func (x *Witness) Alarm(ctx context.Context, a store.LogAlarm) (fresh bool, err error) {
	if err := store.CheckText(a.Origin, a.Kind, a.From); err != nil {
		return false, err
	}
	hash := sha256.Sum256(append([]byte(a.Kind+"\n"), a.Seen...))
	tag, err := x.db.Pool.Exec(ctx, `INSERT INTO log_alarm (origin, hash, kind, at, sender, known, seen) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (origin, hash) DO NOTHING`, a.Origin, hash[:], a.Kind, handle.Micros(a.At), a.From, handle.Bytes(a.Known), handle.Bytes(a.Seen))
	return tag.RowsAffected() > 0, handle.Fault(err)
}

// Alarms returns alarms, newest first.
func (x *Witness) Alarms(ctx context.Context, limit int) ([]store.LogAlarm, error) {
	return list(ctx, x.db, func(r pgx.Row) (a store.LogAlarm, err error) {
		var at int64
		err = r.Scan(&a.Origin, &a.Kind, &at, &a.From, &a.Known, &a.Seen)
		a.At, a.Known, a.Seen = handle.Moment(at), handle.OrNil(a.Known), handle.OrNil(a.Seen)
		return a, err
	}, `SELECT origin, kind, at, sender, known, seen FROM log_alarm ORDER BY at DESC, origin, hash LIMIT $1`, handle.Limit(limit))
}

// Peers returns every witness.
func (x *Witness) Peers(ctx context.Context) ([]store.Peer, error) {
	return list(ctx, x.db, func(r pgx.Row) (p store.Peer, err error) {
		var since, ended int64
		err = r.Scan(&p.Key, &p.URL, &p.Private, &since, &ended)
		p.Since, p.Ended = handle.Moment(since), handle.Moment(ended)
		return p, err
	}, `SELECT key, url, private, since, ended FROM witness_peer ORDER BY key`)
}

// PutPeer keeps a witness.
func (x *Witness) PutPeer(ctx context.Context, p store.Peer, act store.Act) error {
	return x.change(ctx, act, []string{p.Key, p.URL}, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO witness_peer (key, url, private, since, ended) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (key) DO UPDATE SET url = excluded.url, private = excluded.private, since = excluded.since, ended = excluded.ended`,
			p.Key, p.URL, p.Private, handle.Micros(p.Since), handle.Micros(p.Ended))
	})
}

// PeerStates returns how witnesses do.
func (x *Witness) PeerStates(ctx context.Context) ([]store.PeerState, error) {
	return list(ctx, x.db, func(r pgx.Row) (s store.PeerState, err error) {
		var size, at int64
		err = r.Scan(&s.Key, &s.Log, &size, &at, &s.Failures, &s.Code)
		s.Size, s.At = uint64(size), handle.Moment(at)
		return s, err
	}, `SELECT key, log, size, at, failures, code FROM cosignature ORDER BY key, log`)
}

// Asked keeps how an asking ended.
func (x *Witness) Asked(ctx context.Context, s store.PeerState, line string) error {
	if err := store.CheckText(s.Key, s.Code, line); err != nil {
		return err
	}
	query, args := `INSERT INTO cosignature (log, key, size, at, failures, code, line) VALUES ($1, $2, 0, 0, 1, $3, '')
		ON CONFLICT (log, key) DO UPDATE SET failures = cosignature.failures + 1, code = excluded.code`, []any{s.Log, s.Key, s.Code}
	if line != "" {
		query, args = `INSERT INTO cosignature (log, key, size, at, failures, code, line) VALUES ($1, $2, $3, $4, 0, '', $5)
			ON CONFLICT (log, key) DO UPDATE SET size = excluded.size, at = excluded.at, failures = 0, code = '', line = excluded.line
			WHERE excluded.size >= cosignature.size`, []any{s.Log, s.Key, int64(s.Size), handle.Micros(s.At), line}
	}
	_, err := x.db.Pool.Exec(ctx, query, args...)
	return handle.Fault(err)
}

// Cosigned returns the newest cosigned checkpoint of a log.
func (x *Witness) Cosigned(ctx context.Context, log int) (checkpoint []byte, lines []string, err error) {
	err = x.db.Pool.QueryRow(ctx, `SELECT k.note, array_agg(c.line ORDER BY c.key) FROM cosignature c
		JOIN witness_peer p ON p.key = c.key AND p.ended = 0 JOIN checkpoint k ON k.log = c.log AND k.size = c.size
		WHERE c.log = $1 AND c.size > 0 GROUP BY c.size, k.note ORDER BY c.size DESC LIMIT 1`, log).Scan(&checkpoint, &lines)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, store.ErrAbsent
	}
	return checkpoint, lines, handle.Fault(err)
}
