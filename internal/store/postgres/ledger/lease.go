// Package ledger keeps the logs in PostgreSQL: leases, heads, leaves, tiles and
// checkpoints. Its Writer is the one way to commit anything that has a leaf, for
// intake, administration and keys alike. Hashing, signing and proofs are package
// internal/ledger's.
package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// A holder says every beatEvery that it lives; after leaseFor without a word
// another process may take its log. The margin is six beats: a commit that was
// under way then fails by its epoch, so a wrong guess costs one log's holder,
// never the log.
const (
	beatEvery = 5 * time.Second
	leaseFor  = 30 * time.Second
)

// leaseLock is the advisory lock of processes that choose a log.
const leaseLock = 0x6c74_6c6f_6773 // "ltlogs"

// serverMicros is the server's clock: the hubs' own may differ.
const serverMicros = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// Lease says for whom a log is leased.
type Lease struct {
	Hub   string // name of the hub: logs are "<Hub>/log/<n>"
	Owner string // stable name of this instance: it takes its own log again at once; "" has none
	Open  store.OpenLog
}

// Writer holds the lease of one log and commits to it. A nil Writer holds none:
// it answers ErrNoLog.
type Writer struct {
	db     *handle.DB
	lease  Lease
	number int
	epoch  int64
	log    store.Log

	turn  chan struct{} // holds one token: whoever has it may append
	doubt *ledger.Batch // guarded by turn: a batch whose end is not known
	lost  atomic.Bool

	stop   context.CancelFunc
	beats  sync.WaitGroup
	closed sync.Once
}

// Take leases a free log, an abandoned one, or a new one, and opens it. Its
// epoch grows, so that a former holder cannot commit any more.
func Take(ctx context.Context, db *handle.DB, lease Lease) (*Writer, error) {
	if lease.Owner == "" {
		var name [16]byte
		if _, err := io.ReadFull(cmp.Or(db.Rand, io.Reader(rand.Reader)), name[:]); err != nil {
			return nil, fmt.Errorf("ledger: naming an instance: %w", err)
		}
		lease.Owner = "instance " + hex.EncodeToString(name[:])
	}
	w := &Writer{db: db, lease: lease, turn: make(chan struct{}, 1)}
	head, err := w.take(ctx)
	if err != nil {
		return nil, handle.Fault(err)
	}
	if w.log, err = lease.Open(ctx, head, source{db, head.Log}); err != nil {
		return nil, errors.Join(err, w.release(context.WithoutCancel(ctx)))
	}
	w.turn <- struct{}{}
	beat, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.beats.Go(func() { w.keepAlive(beat) })
	return w, nil
}

func (w *Writer) take(ctx context.Context) (store.Head, error) {
	var head store.Head
	err := pgx.BeginFunc(ctx, w.db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(leaseLock)); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT log FROM lease
			WHERE (owner = $1 OR owner = '' OR beat < `+serverMicros+` - $2)
			  AND log NOT IN (SELECT log FROM log WHERE closed <> '')
			ORDER BY owner = $1 DESC, log LIMIT 1`, w.lease.Owner, leaseFor.Microseconds()).Scan(&w.number)
		if errors.Is(err, pgx.ErrNoRows) {
			err = w.found(ctx, tx)
		}
		if err != nil {
			return err
		}
		var size int64
		head = store.Head{Log: w.number}
		head.Origin = ledger.Origin(w.lease.Hub, uint(w.number))
		if err := tx.QueryRow(ctx, `UPDATE log SET epoch = epoch + 1 WHERE log = $1 RETURNING epoch, size, checkpoint`, w.number).
			Scan(&head.Epoch, &size, &head.Checkpoint); err != nil {
			return err
		}
		head.Size, head.Checkpoint = uint64(size), handle.OrNil(head.Checkpoint)
		w.epoch = head.Epoch
		_, err = tx.Exec(ctx, `UPDATE lease SET owner = $2, epoch = $3, beat = `+serverMicros+` WHERE log = $1`, w.number, w.lease.Owner, w.epoch)
		return err
	})
	return head, err
}

// found makes the next log.
func (w *Writer) found(ctx context.Context, tx pgx.Tx) error {
	if err := tx.QueryRow(ctx, `INSERT INTO log (log, epoch, size, checkpoint)
		SELECT coalesce(max(log) + 1, 0), 0, 0, '' FROM log RETURNING log`).Scan(&w.number); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO lease (log, owner, epoch, beat) VALUES ($1, '', 0, 0)`, w.number)
	return err
}

// keepAlive renews the lease until ctx ends or the lease is lost.
func (w *Writer) keepAlive(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		tag, err := w.db.Pool.Exec(ctx, `UPDATE lease SET beat = `+serverMicros+` WHERE log = $1 AND owner = $2 AND epoch = $3`,
			w.number, w.lease.Owner, w.epoch)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // the database is away: whether the lease held shows at the next commit
			w.db.Logger.WarnContext(ctx, "lease not renewed", "log", w.number, "err", handle.Fault(err))
		case tag.RowsAffected() == 0:
			w.lose(ctx)
			return
		}
	}
}

func (w *Writer) lose(ctx context.Context) {
	if !w.lost.Swap(true) {
		w.db.Logger.ErrorContext(ctx, "another process holds the log", "log", w.number, "epoch", w.epoch)
	}
}

// release frees the lease, unless it is another's by now.
func (w *Writer) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := w.db.Pool.Exec(ctx, `UPDATE lease SET owner = '', beat = 0 WHERE log = $1 AND owner = $2 AND epoch = $3`,
		w.number, w.lease.Owner, w.epoch)
	return handle.Fault(err)
}

// Close waits for the commit under way and frees the log. Commits after it are ErrStopping.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	var err error
	w.closed.Do(func() {
		w.stop()
		w.beats.Wait()
		<-w.turn // never given back
		close(w.turn)
		err = w.release(context.Background())
	})
	return err
}

// Number returns the number of the log held, -1 without one.
func (w *Writer) Number() int {
	if w == nil {
		return -1
	}
	return w.number
}
