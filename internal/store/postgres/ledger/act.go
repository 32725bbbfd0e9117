package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// CheckAct refuses an act with a text no engine keeps. Fault: store.text.
func CheckAct(a store.Act) error { return store.CheckText(a.Actor, a.Action, a.Object, a.Detail) }

// CommitAct ends tx with an act and its leaf; b is what goes with it. An act
// without a leaf needs no log. b is sent before COMMIT is: what one of its
// callbacks finds wrong is not kept.
func (w *Writer) CommitAct(ctx context.Context, tx *handle.Tx, b *pgx.Batch, a store.Act) error {
	b.Queue(`INSERT INTO act (at, actor, action, object, detail) VALUES ($1, $2, $3, $4, $5)`,
		handle.Micros(a.At), a.Actor, a.Action, a.Object, a.Detail)
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	if len(a.Leaf) == 0 {
		return handle.Fault(tx.Commit(ctx, tx.Batch()))
	}
	_, err := w.Commit(ctx, tx, []Leaf{{Data: a.Leaf}})
	return err
}

// CommitActOf is CommitAct; of the zero action nothing is written.
func (w *Writer) CommitActOf(ctx context.Context, tx *handle.Tx, b *pgx.Batch, a store.Act) error {
	if a.Action != "" {
		return w.CommitAct(ctx, tx, b, a)
	}
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	return handle.Fault(tx.Commit(ctx, tx.Batch()))
}
