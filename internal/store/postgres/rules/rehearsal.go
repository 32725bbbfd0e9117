package rules

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

const rehearsalColumns = `id, book, edition, state, asked, asked_by, ended, holder, until, found`

func scanRehearsal(row pgx.Row) (r house.Rehearsal, err error) {
	var asked, ended, until int64
	err = row.Scan(&r.ID, &r.Book, &r.Edition, &r.State, &asked, &r.AskedBy, &ended, &r.Holder, &until, &r.Found)
	r.Asked, r.Ended, r.Until = handle.Moment(asked), handle.Moment(ended), handle.Moment(until)
	return r, orAbsent(err)
}

// Ask keeps a new rehearsal and cancels those of the book that run.
func (x *Rules) Ask(ctx context.Context, r house.Rehearsal, act store.Act) (id int, err error) {
	if err := store.CheckText(r.AskedBy, r.Found); err != nil {
		return 0, err
	}
	if err := ledger.CheckAct(act); err != nil {
		return 0, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`UPDATE rehearsal SET state = 'cancelled', ended = $1 WHERE book = $2 AND state = 'running'`, handle.Micros(r.Asked), r.Book)
	b.Queue(`INSERT INTO rehearsal (book, edition, state, asked, asked_by, ended, holder, until, found) VALUES ($1, $2, 'running', $3, $4, 0, '', 0, $5) RETURNING id`,
		r.Book, r.Edition, handle.Micros(r.Asked), r.AskedBy, r.Found).QueryRow(func(row pgx.Row) error { return row.Scan(&id) })
	if err := tx.Send(ctx, b); err != nil {
		return 0, err
	}
	return id, x.writer.CommitAct(ctx, tx, tx.Batch(), act)
}

// Rehearsal returns the latest of a book.
func (x *Rules) Rehearsal(ctx context.Context, book int) (house.Rehearsal, error) {
	return scanRehearsal(x.db.Pool.QueryRow(ctx, `SELECT `+rehearsalColumns+` FROM rehearsal WHERE book = $1 ORDER BY id DESC LIMIT 1`, book))
}

// Lease takes the oldest rehearsal that runs and that nobody is at.
func (x *Rules) Lease(ctx context.Context, holder string, now, until time.Time) (house.Rehearsal, error) {
	if err := store.CheckText(holder); err != nil {
		return house.Rehearsal{}, err
	}
	return scanRehearsal(x.db.Pool.QueryRow(ctx, `UPDATE rehearsal SET holder = $1, until = $2 WHERE id =
		(SELECT id FROM rehearsal WHERE state = 'running' AND until <= $3 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING `+rehearsalColumns,
		holder, handle.Micros(until), handle.Micros(now)))
}

// Came keeps how far the holder came.
func (x *Rules) Came(ctx context.Context, id int, holder, found string, until time.Time) error {
	if err := store.CheckText(found); err != nil {
		return err
	}
	tag, err := x.db.Pool.Exec(ctx, `UPDATE rehearsal SET found = $1, until = $2 WHERE id = $3 AND holder = $4 AND state = 'running'`,
		found, handle.Micros(until), id, holder)
	if err != nil {
		return handle.Fault(err)
	}
	return handle.OrChanged(tag)
}

// End keeps what was found.
func (x *Rules) End(ctx context.Context, r house.Rehearsal, from, to string) error {
	if err := store.CheckText(r.State, r.Found, to); err != nil {
		return err
	}
	list := []statement{{`UPDATE rehearsal SET state = $1, found = $2, ended = $3, until = 0 WHERE id = $4 AND holder = $5 AND state = 'running'`,
		[]any{r.State, r.Found, handle.Micros(r.Ended), r.ID, r.Holder}, store.ErrChanged}}
	if to != "" {
		list = append(list, statement{`UPDATE rulebook SET state = $1, moved = $2, moved_by = $3 WHERE id = $4 AND state = $5 AND edition = $6`,
			[]any{to, handle.Micros(r.Ended), r.AskedBy, r.Book, from, r.Edition}, nil})
	}
	return x.change(ctx, store.Act{}, list...)
}

// Cancel ends a rehearsal that runs.
func (x *Rules) Cancel(ctx context.Context, book int, at time.Time, act store.Act) error {
	return x.change(ctx, act, statement{`UPDATE rehearsal SET state = 'cancelled', ended = $1 WHERE book = $2 AND state = 'running'`,
		[]any{handle.Micros(at), book}, store.ErrAbsent})
}
