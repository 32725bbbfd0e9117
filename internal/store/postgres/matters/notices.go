package matters

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/owed"
)

// Notices is the store.Notices of a hub.
type Notices struct{ db *handle.DB }

var _ store.Notices = (*Notices)(nil)

// NewNotices returns the slice.
func NewNotices(db *handle.DB) *Notices { return &Notices{db: db} }

// PutNotice keeps a notice.
func (x *Notices) PutNotice(ctx context.Context, n matter.Notice) error {
	if err := form.CheckNotice(&n); err != nil {
		return err
	}
	b := &pgx.Batch{}
	owed.Tell(b, &n)
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

func scanNotice(row pgx.CollectableRow) (n matter.Notice, err error) {
	var person pgtype.UUID
	var at, sent, seen int64
	err = row.Scan(&n.ID, &person, &at, &n.Kind, &n.About, &n.Detail, &sent, &n.Tries, &seen)
	n.Person, n.At, n.Sent, n.Seen = person.Bytes, handle.Moment(at), handle.Moment(sent), handle.Moment(seen)
	return n, err
}

// Notices returns those of a person, newest first.
func (x *Notices) Notices(ctx context.Context, person store.PersonID, limit int) ([]matter.Notice, error) {
	return x.list(ctx, `SELECT id, person, at, kind, about, detail, sent, tries, seen FROM notice WHERE person = $1 ORDER BY id DESC LIMIT $2`,
		handle.UUID(person), handle.Limit(limit))
}

func (x *Notices) list(ctx context.Context, query string, args ...any) ([]matter.Notice, error) {
	rows, err := x.db.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, scanNotice)
	if len(all) == 0 {
		all = nil
	}
	return all, handle.Fault(err)
}

// Unsent leases notices until a moment, those that wait longest first. What
// another hub leases at the same time is passed over.
func (x *Notices) Unsent(ctx context.Context, now, until time.Time, limit int) ([]matter.Notice, error) {
	return x.list(ctx, `WITH due AS MATERIALIZED (SELECT person, id, due FROM notice WHERE sent = 0 AND due <= $1 ORDER BY due, id LIMIT $3 FOR UPDATE SKIP LOCKED),
		taken AS (UPDATE notice n SET due = $2 FROM due d WHERE n.person = d.person AND n.id = d.id
			RETURNING n.id, n.person, n.at, n.kind, n.about, n.detail, n.sent, n.tries, n.seen, d.due AS before)
		SELECT id, person, at, kind, about, detail, sent, tries, seen FROM taken ORDER BY before, id`,
		handle.Micros(now), handle.Micros(until), handle.Limit(limit))
}

// SentNotice marks a notice as sent or as tried.
func (x *Notices) SentNotice(ctx context.Context, id int64, at time.Time, ok bool) error {
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	var tries int
	b := tx.Batch()
	b.Queue(`SELECT tries FROM notice WHERE id = $1 FOR UPDATE`, id).QueryRow(func(row pgx.Row) error { return row.Scan(&tries) })
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	b = tx.Batch()
	if ok {
		b.Queue(`UPDATE notice SET sent = $2, tries = tries + 1 WHERE id = $1 AND sent = 0`, id, handle.Micros(at))
	} else {
		b.Queue(`UPDATE notice SET tries = tries + 1, due = $2 WHERE id = $1 AND sent = 0`, id, handle.Micros(form.Again(at, tries+1)))
	}
	return handle.Fault(tx.Commit(ctx, b))
}

// SeenNotices marks those of a person that were not seen.
func (x *Notices) SeenNotices(ctx context.Context, person store.PersonID, at time.Time) error {
	_, err := x.db.Pool.Exec(ctx, `UPDATE notice SET seen = $2 WHERE person = $1 AND seen = 0 AND at <= $2`, handle.UUID(person), handle.Micros(at))
	return handle.Fault(err)
}
