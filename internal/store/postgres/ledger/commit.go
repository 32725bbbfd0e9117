package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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

// Commit ends tx with leaves; what else the transaction does was sent before.
func (w *Writer) Commit(ctx context.Context, tx *handle.Tx, leaves []Leaf) (store.LeafPlace, error) {
	return w.CommitBatch(ctx, tx, tx.Batch, leaves)
}

// CommitBatch ends tx with what rest queues, leaves, and COMMIT, in one round
// trip. The in-process turn is taken first; who has it waits for no lock that
// another commit of this process could hold, because those that wait for the
// turn hold none of what rest locks. Of other processes' commits all lock in
// one order (package intake), the log's own head row last.
//
// An error means that nothing is known to be stored: ErrNoLog, ErrLeaseLost,
// ErrStopping, or the store's faults. An unknown outcome is settled by reading
// the head again.
func (w *Writer) CommitBatch(ctx context.Context, tx *handle.Tx, rest func() *pgx.Batch, leaves []Leaf) (store.LeafPlace, error) {
	if err := w.wait(ctx); err != nil {
		return store.LeafPlace{}, err
	}
	defer func() { w.turn <- struct{}{} }()
	if w.doubt != nil {
		if _, err := w.settle(ctx, w.doubt); err != nil {
			return store.LeafPlace{}, err
		}
	}
	batch, err := w.log.Append(handle.Column(leaves, func(l Leaf) []byte { return l.Data }))
	if err != nil {
		return store.LeafPlace{}, err
	}
	place := store.LeafPlace{Log: w.number, Index: batch.First, Size: batch.Head.Size, Checkpoint: string(batch.Head.Checkpoint)}
	err = tx.Commit(ctx, w.write(rest(), batch, leaves))
	switch {
	case err == nil:
		w.log.Confirm(batch)
		return place, nil
	case handle.Refused(err):
		w.log.Abandon(batch)
		if isLost(err) {
			w.lose(ctx)
			return store.LeafPlace{}, store.ErrLeaseLost
		}
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

// isLost reports that the head row was not as its holder left it: write divides
// by the rows it finds, and divides nothing else.
func isLost(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == pgerrcodeDivisionByZero
}

const pgerrcodeDivisionByZero = "22012"

// write queues what the batch says, the head first: a former holder stops there.
func (w *Writer) write(b *pgx.Batch, batch *ledger.Batch, leaves []Leaf) *pgx.Batch {
	b.Queue(`WITH moved AS (UPDATE log SET size = $2, checkpoint = $3 WHERE log = $1 AND epoch = $4 AND size = $5 RETURNING 1)
		SELECT 1 / count(*) FROM moved`, w.number, int64(batch.Head.Size), batch.Head.Checkpoint, w.epoch, int64(batch.First))
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
