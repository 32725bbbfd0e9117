package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Leaf is one leaf to commit and the record it is about, zero for none.
type Leaf struct {
	Data   []byte
	Record dossier.ID
}

// resolveFor is how long an unknown outcome is asked after before its caller is
// told to come again; whoever commits next asks on.
const resolveFor = 20 * time.Second

// Commit ends tx with leaves. Everything else of the transaction was sent
// before, and every lock another process could hold was taken before: from here
// on only the log's own head row is locked, and the in-process turn taken, so
// that no two commits can wait for each other.
//
// An error means that nothing is known to be stored: ErrNoLog, ErrLeaseLost,
// ErrStopping, or the store's faults. An unknown outcome is settled by reading
// the head again.
func (w *Writer) Commit(ctx context.Context, tx *handle.Tx, leaves []Leaf) (store.LeafPlace, error) {
	if err := w.wait(ctx); err != nil {
		return store.LeafPlace{}, err
	}
	defer func() { w.turn <- struct{}{} }()
	if w.doubt != nil {
		if _, err := w.settle(ctx, w.doubt); err != nil {
			return store.LeafPlace{}, err
		}
	}
	if err := w.lock(ctx, tx); err != nil {
		return store.LeafPlace{}, err
	}
	batch, err := w.log.Append(handle.Column(leaves, func(l Leaf) []byte { return l.Data }))
	if err != nil {
		return store.LeafPlace{}, err
	}
	place := store.LeafPlace{Log: w.number, Index: batch.First, Size: batch.Head.Size, Checkpoint: string(batch.Head.Checkpoint)}
	err = tx.Commit(ctx, w.write(tx.Batch(), batch, leaves))
	switch {
	case err == nil:
		w.log.Confirm(batch)
		return place, nil
	case handle.Refused(err):
		w.log.Abandon(batch)
		return store.LeafPlace{}, handle.Fault(err)
	}
	w.db.Logger.WarnContext(ctx, "outcome of a commit unknown", "log", w.number, "err", handle.Fault(err))
	w.log.Doubt(batch)
	w.doubt = batch
	committed, unsettled := w.settle(ctx, batch)
	switch {
	case committed:
		return place, nil
	case unsettled != nil:
		return store.LeafPlace{}, unsettled
	}
	return store.LeafPlace{}, handle.Fault(err)
}

// wait takes the turn.
func (w *Writer) wait(ctx context.Context) error {
	if w == nil {
		return store.ErrNoLog
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case _, open := <-w.turn:
		if !open {
			return store.ErrStopping
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.lost.Load() {
		w.turn <- struct{}{}
		return store.ErrLeaseLost
	}
	return nil
}

// lock takes the head row: the last lock of the transaction.
func (w *Writer) lock(ctx context.Context, tx *handle.Tx) error {
	var epoch int64
	b := tx.Batch()
	b.Queue(`SELECT epoch FROM log WHERE log = $1 FOR UPDATE`, w.number).QueryRow(func(row pgx.Row) error { return row.Scan(&epoch) })
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	if epoch != w.epoch {
		w.lose(ctx)
		return store.ErrLeaseLost
	}
	return nil
}

// write queues what the batch says.
func (w *Writer) write(b *pgx.Batch, batch *ledger.Batch, leaves []Leaf) *pgx.Batch {
	facilities := handle.Column(leaves, func(l Leaf) string { return string(l.Record.Facility) })
	serials := handle.Column(leaves, func(l Leaf) pgtype.UUID { return handle.UUID(l.Record.Serial) })
	b.Queue(`INSERT INTO leaf (log, idx, size, data, facility, serial)
		SELECT $1, $2::bigint + u.n - 1, $6::bigint, u.data, u.facility, u.serial
		FROM unnest($3::bytea[], $4::text[], $5::uuid[]) WITH ORDINALITY AS u (data, facility, serial, n)`,
		w.number, int64(batch.First), batch.Leaves, facilities, serials, int64(batch.Head.Size))
	b.Queue(`INSERT INTO entry (facility, serial, log, idx, size)
		SELECT u.facility, u.serial, $1, $2::bigint + u.n - 1, $3
		FROM unnest($4::text[], $5::uuid[]) WITH ORDINALITY AS u (facility, serial, n) WHERE u.facility <> ''`,
		w.number, int64(batch.First), int64(batch.Head.Size), facilities, serials)
	for _, t := range batch.Tiles {
		b.Queue(`INSERT INTO tile (log, level, n, data) VALUES ($1, $2, $3, $4)`, w.number, t.Level, int64(t.N), t.Data)
	}
	b.Queue(`INSERT INTO checkpoint (log, size, note) VALUES ($1, $2, $3)`, w.number, int64(batch.Head.Size), batch.Head.Checkpoint)
	b.Queue(`UPDATE log SET size = $2, checkpoint = $3 WHERE log = $1`, w.number, int64(batch.Head.Size), batch.Head.Checkpoint)
	return b
}

// settle finds out whether batch was committed. The head row is asked for with
// its lock: the lost transaction held it, so the answer comes when that one has
// ended. An error leaves the batch in doubt.
func (w *Writer) settle(ctx context.Context, batch *ledger.Batch) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resolveFor)
	defer cancel()
	for {
		committed, err = w.settleOnce(ctx, batch)
		if err == nil || errors.Is(err, store.ErrLeaseLost) || errors.Is(err, ledger.ErrHead) {
			return committed, err
		}
		select {
		case <-ctx.Done():
			return false, ledger.ErrInDoubt.Because(err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *Writer) settleOnce(ctx context.Context, batch *ledger.Batch) (bool, error) {
	var size int64
	stored := ledger.Head{Origin: batch.Head.Origin}
	err := w.db.Pool.QueryRow(ctx, `SELECT epoch, size, checkpoint FROM log WHERE log = $1 FOR UPDATE`, w.number).
		Scan(&stored.Epoch, &size, &stored.Checkpoint)
	if err != nil {
		return false, handle.Fault(err)
	}
	stored.Size, stored.Checkpoint = uint64(size), handle.OrNil(stored.Checkpoint)
	if stored.Epoch != w.epoch {
		return w.settleLost(ctx, batch)
	}
	committed, err := w.log.Resolve(stored)
	if err != nil {
		return false, fmt.Errorf("log %d: %w", w.number, err)
	}
	w.doubt = nil
	return committed, nil
}

// settleLost looks for the batch's own checkpoint after another process took the log.
func (w *Writer) settleLost(ctx context.Context, batch *ledger.Batch) (bool, error) {
	w.lose(ctx)
	var committed bool
	err := w.db.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM checkpoint WHERE log = $1 AND size = $2 AND note = $3)`,
		w.number, int64(batch.Head.Size), batch.Head.Checkpoint).Scan(&committed)
	if err != nil {
		return false, handle.Fault(err)
	}
	if committed {
		return true, nil
	}
	return false, store.ErrLeaseLost
}
