package rules

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

const rehearsalColumns = `id, book, edition, state, asked, asked_by, ended, holder, until, found`

func scanRehearsal(row file.Scanner) (r house.Rehearsal, err error) {
	var asked, ended, until int64
	err = row.Scan(&r.ID, &r.Book, &r.Edition, &r.State, &asked, &r.AskedBy, &ended, &r.Holder, &until, &r.Found)
	r.Asked, r.Ended, r.Until = moment(asked), moment(ended), moment(until)
	return r, orAbsent(err)
}

// Ask keeps a new rehearsal and cancels those of the book that run.
func (x *Rules) Ask(ctx context.Context, r house.Rehearsal, act store.Act) (id int, err error) {
	if err := errors.Join(store.CheckText(r.AskedBy, r.Found), file.CheckAct(act)); err != nil {
		return 0, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`UPDATE rehearsal SET state = 'cancelled', ended = ? WHERE book = ? AND state = 'running'`, micros(r.Asked), r.Book); err != nil {
			return err
		}
		n, err := tx.Insert(`INSERT INTO rehearsal (book, edition, state, asked, asked_by, ended, holder, until, found) VALUES (?, ?, 'running', ?, ?, 0, '', 0, ?)`,
			r.Book, r.Edition, micros(r.Asked), r.AskedBy, r.Found)
		if id = int(n); err != nil {
			return err
		}
		return tx.Act(act)
	})
	return id, err
}

// Rehearsal returns the latest of a book.
func (x *Rules) Rehearsal(ctx context.Context, book int) (r house.Rehearsal, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		r, err = scanRehearsal(s.Row(`SELECT `+rehearsalColumns+` FROM rehearsal WHERE book = ? ORDER BY id DESC LIMIT 1`, book))
		return err
	})
	return r, err
}

// Lease takes the oldest rehearsal that runs and that nobody is at.
func (x *Rules) Lease(ctx context.Context, holder string, now, until time.Time) (r house.Rehearsal, err error) {
	if err := store.CheckText(holder); err != nil {
		return r, err
	}
	waiting := false
	err = x.db.Read(ctx, func(s *file.Snapshot) error { // mostly there is none: nothing is written then
		return s.Row(`SELECT EXISTS (SELECT 1 FROM rehearsal WHERE state = 'running' AND until <= ?)`, micros(now)).Scan(&waiting)
	})
	if err != nil {
		return r, err
	}
	if !waiting {
		return r, store.ErrAbsent
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if r, err = scanRehearsal(tx.Row(`SELECT `+rehearsalColumns+` FROM rehearsal WHERE state = 'running' AND until <= ? ORDER BY id LIMIT 1`, micros(now))); err != nil {
			return err
		}
		r.Holder, r.Until = holder, until
		_, err := tx.Exec(`UPDATE rehearsal SET holder = ?, until = ? WHERE id = ?`, holder, micros(until), r.ID)
		return err
	})
	return r, err
}

// Came keeps how far the holder came.
func (x *Rules) Came(ctx context.Context, id int, holder, found string, until time.Time) error {
	if err := store.CheckText(found); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE rehearsal SET found = ?, until = ? WHERE id = ? AND holder = ? AND state = 'running'`, found, micros(until), id, holder)
		if err == nil && n == 0 {
			err = store.ErrChanged
		}
		return err
	})
}

// End keeps what was found.
func (x *Rules) End(ctx context.Context, r house.Rehearsal, from, to string) error {
	if err := store.CheckText(r.State, r.Found, to); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE rehearsal SET state = ?, found = ?, ended = ?, until = 0 WHERE id = ? AND holder = ? AND state = 'running'`,
			r.State, r.Found, micros(r.Ended), r.ID, r.Holder)
		if err == nil && n == 0 {
			err = store.ErrChanged
		}
		if err != nil || to == "" {
			return err
		}
		_, err = tx.Exec(`UPDATE rulebook SET state = ?, moved = ?, moved_by = ? WHERE id = ? AND state = ? AND edition = ?`,
			to, micros(r.Ended), r.AskedBy, r.Book, from, r.Edition)
		return err
	})
}

// Cancel ends a rehearsal that runs.
func (x *Rules) Cancel(ctx context.Context, book int, at time.Time, act store.Act) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE rehearsal SET state = 'cancelled', ended = ? WHERE book = ? AND state = 'running'`, micros(at), book)
		if err == nil && n == 0 {
			err = store.ErrAbsent
		}
		if err != nil {
			return err
		}
		return tx.Act(act)
	})
}
