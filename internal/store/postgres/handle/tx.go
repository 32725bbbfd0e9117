package handle

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"lienthong/internal/store"
)

// ErrRolledBack: the server answered COMMIT by a rollback.
var ErrRolledBack = errors.New("the server answered COMMIT by a rollback")

// Tx is one READ COMMITTED transaction on one connection, told in batches: each
// Send is one round trip, the first opens the transaction, Commit ends it. End
// must be called; it rolls back what was not committed.
type Tx struct {
	conn  *pgxpool.Conn
	begun bool
}

// Begin takes a connection. Nothing is sent yet.
func (db *DB) Begin(ctx context.Context) (*Tx, error) {
	conn, err := db.Pool.Acquire(ctx)
	if err != nil {
		return nil, Fault(err)
	}
	return &Tx{conn: conn}, nil
}

// Batch starts the next round trip; send it before the next is started.
func (tx *Tx) Batch() *pgx.Batch {
	b := &pgx.Batch{}
	if !tx.begun {
		tx.begun = true
		b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	}
	return b
}

// Send sends the batch and runs its callbacks in order.
func (tx *Tx) Send(ctx context.Context, b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return Fault(tx.conn.SendBatch(ctx, b).Close())
}

// Commit sends the batch and COMMIT in one round trip. The caller's own
// cancellation no longer reaches it: once COMMIT is under way only the server
// knows. The error is as pgx gave it, see Refused.
func (tx *Tx) Commit(ctx context.Context, b *pgx.Batch) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	answer := ""
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		answer = tag.String()
		return nil
	})
	err := tx.conn.SendBatch(ctx, b).Close()
	switch {
	case answer == "COMMIT": // whatever came after it
		return nil
	case answer != "":
		return ErrRolledBack
	case err == nil:
		return pgconn.ErrConnClosed
	}
	return Overdue(err)
}

// End gives the connection back, closing it where the transaction is still open
// on it and cannot be rolled back.
func (tx *Tx) End() {
	conn := tx.conn.Conn()
	if !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
			conn.Close(ctx) //nolint:errcheck // the pool drops it either way; the server rolls back
		}
	}
	tx.conn.Release()
}

// Read runs fn in one snapshot: REPEATABLE READ, READ ONLY.
func (db *DB) Read(ctx context.Context, fn func(pgx.Tx) error) error {
	return Fault(pgx.BeginTxFunc(ctx, db.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn))
}

// OrChanged is the fault of a statement that touched no row because the row was
// not as its writer read it.
func OrChanged(tag pgconn.CommandTag) error {
	if tag.RowsAffected() == 0 {
		return store.ErrChanged
	}
	return nil
}
