package ledger

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Ledger is the store.Ledger of a hub.
type Ledger struct {
	db     *handle.DB
	writer *Writer
	hub    string
}

var _ store.Ledger = (*Ledger)(nil)

// New returns the slice; writer nil: read only.
func New(db *handle.DB, writer *Writer, hub string) *Ledger {
	return &Ledger{db: db, writer: writer, hub: hub}
}

// Append commits leaves that belong to no record.
func (l *Ledger) Append(ctx context.Context, leaves [][]byte) (store.LeafPlace, error) {
	if l.writer == nil {
		return store.LeafPlace{}, store.ErrNoLog
	}
	tx, err := l.db.Begin(ctx)
	if err != nil {
		return store.LeafPlace{}, err
	}
	defer tx.End()
	return l.writer.Commit(ctx, tx, handle.Column(leaves, func(data []byte) Leaf { return Leaf{Data: data} }))
}

// Head returns the last committed head of a log.
func (l *Ledger) Head(ctx context.Context, log int) (store.Head, error) {
	head, size, closed := store.Head{Log: log}, int64(0), []byte(nil)
	err := l.db.Pool.QueryRow(ctx, `SELECT epoch, size, checkpoint, closed FROM log WHERE log = $1`, log).Scan(&head.Epoch, &size, &head.Checkpoint, &closed)
	if err != nil {
		return store.Head{}, handle.Fault(err)
	}
	head.Origin = ledger.Origin(l.hub, uint(log))
	head.Size, head.Checkpoint = uint64(size), handle.OrNil(head.Checkpoint)
	if len(closed) > 0 {
		head.Closed = bytes.TrimPrefix(closed, []byte{isClosed})
	}
	return head, nil
}

// Logs lists the numbers of all logs.
func (l *Ledger) Logs(ctx context.Context) ([]int, error) {
	rows, err := l.db.Pool.Query(ctx, `SELECT log FROM log ORDER BY log`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	logs, err := pgx.CollectRows(rows, pgx.RowTo[int])
	return logs, handle.Fault(err)
}

// Source reads a log's leaves and full tiles.
func (l *Ledger) Source(log int) ledger.Source { return source{l.db, log} }

// Checkpoint returns the signed note committed at that size.
func (l *Ledger) Checkpoint(ctx context.Context, log int, size uint64) (string, error) {
	var note []byte
	err := l.db.Pool.QueryRow(ctx, `SELECT note FROM checkpoint WHERE log = $1 AND size = $2`, log, int64(size)).Scan(&note)
	return string(note), handle.Fault(err)
}

// Key returns where the leaf of a receipt key is in a log.
func (l *Ledger) Key(ctx context.Context, log int, kid string) (store.KeyLeaf, error) {
	k, idx := store.KeyLeaf{KID: kid, Log: log}, int64(0)
	err := l.db.Pool.QueryRow(ctx, `SELECT spki, idx FROM receipt_key WHERE log = $1 AND kid = $2`, log, kid).Scan(&k.SPKI, &idx)
	if err != nil {
		return store.KeyLeaf{}, handle.Fault(err)
	}
	k.Index = uint64(idx)
	return k, nil
}

// PutKey keeps where a receipt key's leaf is; one that is there stays.
func (l *Ledger) PutKey(ctx context.Context, k store.KeyLeaf) error {
	if err := store.CheckText(k.KID); err != nil {
		return err
	}
	_, err := l.db.Pool.Exec(ctx, `INSERT INTO receipt_key (log, kid, spki, idx) VALUES ($1, $2, $3, $4) ON CONFLICT (log, kid) DO NOTHING`,
		k.Log, k.KID, handle.Bytes(k.SPKI), int64(k.Index))
	return handle.Fault(err)
}

// CloseLog ends a log, also for who holds it.
func (l *Ledger) CloseLog(ctx context.Context, log int, known string) error {
	return l.close(ctx, log, append([]byte{isClosed}, known...))
}

// ReopenLog lets a closed log go on.
func (l *Ledger) ReopenLog(ctx context.Context, log int) error { return l.close(ctx, log, []byte{}) }

// isClosed stands before the last checkpoint known of a closed log: of one of
// which none is known, too, the column is not empty.
const isClosed = 1

// close sets a log's end, empty: it goes on. Its epoch grows, so that a holder
// cannot commit any more, and its lease is free.
func (l *Ledger) close(ctx context.Context, log int, note []byte) error {
	return handle.Fault(pgx.BeginFunc(ctx, l.db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(leaseLock)); err != nil {
			return err
		}
		var later bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM log WHERE log > $1 AND closed = '')`, log).Scan(&later); err != nil {
			return err
		}
		if len(note) == 0 && later {
			return store.ErrLogFollowed
		}
		tag, err := tx.Exec(ctx, `UPDATE log SET closed = $2, epoch = epoch + 1 WHERE log = $1`, log, note)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return store.ErrAbsent
		}
		if _, err := tx.Exec(ctx, `UPDATE lease SET owner = '', beat = 0 WHERE log = $1`, log); err != nil || len(note) == 0 {
			return err
		}
		return doubtLegs(ctx, tx)
	}))
}

// doubtLegs marks every leg that is not done as one that may have arrived, and
// gives the order of changes another name: of a restored database nobody knows
// what was sent after the backup, nor which changes a facility has read.
func doubtLegs(ctx context.Context, tx pgx.Tx) error {
	for _, q := range [...]string{
		`SELECT set_config('enable_seqscan', 'on', true), set_config('statement_timeout', '3600000', true)`,
		`UPDATE leg SET attempts = 1 WHERE attempts = 0 AND state <> 'done'`,
		`UPDATE exchange SET generation = gen_random_uuid() WHERE one = 1`,
	} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// source is one log's committed rows.
type source struct {
	db  *handle.DB
	log int
}

// Leaves returns the data of the leaves [from, to).
func (s source) Leaves(ctx context.Context, from, to uint64) ([][]byte, error) {
	if to <= from {
		return nil, nil
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT idx, data FROM leaf WHERE log = $1 AND idx >= $2 AND idx < $3 ORDER BY idx`, s.log, int64(from), int64(to))
	if err != nil {
		return nil, handle.Fault(err)
	}
	var leaves [][]byte
	var idx int64
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&idx, &data}, func() error {
		for int64(from)+int64(len(leaves)) < idx {
			leaves = append(leaves, nil) // a missing row
		}
		leaves = append(leaves, append([]byte(nil), data...))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("leaves of log %d: %w", s.log, handle.Fault(err))
	}
	return leaves, nil
}

// Tile returns a stored full tile, nil where there is none.
func (s source) Tile(ctx context.Context, level int, n uint64) ([]byte, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT data FROM tile WHERE log = $1 AND level = $2 AND n = $3`, s.log, level, int64(n))
	if err != nil {
		return nil, handle.Fault(err)
	}
	tiles, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(tiles) == 0 {
		return nil, handle.Fault(err)
	}
	return tiles[0], nil
}
