// Package shares keeps in PostgreSQL links of citizens' own. Neither a link's
// path nor its key is here.
package shares

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/consent"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Shares is the store.Shares of a hub.
type Shares struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Shares = (*Shares)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Shares { return &Shares{db, writer} }

// change sends one statement and commits it with its act; none: what it is when
// the statement touched no row.
func (x *Shares) change(ctx context.Context, act store.Act, none error, query string, args ...any) error {
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(query, args...).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return none
		}
		return nil
	})
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// PutShare keeps a link.
func (x *Shares) PutShare(ctx context.Context, s consent.Share, act store.Act) error {
	if err := form.CheckShare(&s); err != nil {
		return err
	}
	return x.change(ctx, act, store.ErrTaken, `INSERT INTO share (id, person, made, until, label, pin, most, tries, opened, ended, payload)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
		s.ID[:], handle.UUID(s.Person), handle.Micros(s.Made), handle.Micros(s.Until), s.Label, handle.Bytes(s.PIN), s.Tries, s.Opened, handle.Micros(s.Ended), handle.Bytes(s.Payload))
}

func scan(row pgx.Row) (s consent.Share, err error) {
	var id []byte
	var person pgtype.UUID
	var made, until, ended int64
	if err := row.Scan(&id, &person, &made, &until, &s.Label, &s.PIN, &s.Tries, &s.Opened, &ended, &s.Payload); err != nil {
		return s, err
	}
	s.Person, s.Made, s.Until, s.Ended = person.Bytes, handle.Moment(made), handle.Moment(until), handle.Moment(ended)
	s.PIN, s.Payload = handle.OrNil(s.PIN), handle.OrNil(s.Payload)
	return s, handle.Digest(&s.ID, id)
}

// Share returns a link, also one that is over.
func (x *Shares) Share(ctx context.Context, id [32]byte) (*consent.Share, error) {
	s, err := scan(x.db.Pool.QueryRow(ctx, `SELECT id, person, made, until, label, pin, tries, opened, ended, payload FROM share WHERE id = $1`, id[:]))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &s, nil
}

// Shares returns those of a person without what they hold, newest first.
func (x *Shares) Shares(ctx context.Context, person store.PersonID) ([]consent.Share, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT id, person, made, until, label, pin, tries, opened, ended, ''::bytea FROM share WHERE person = $1 ORDER BY made DESC, id LIMIT 1000`,
		handle.UUID(person))
	if err != nil {
		return nil, handle.Fault(err)
	}
	defer rows.Close()
	var all []consent.Share
	for rows.Next() {
		s, err := scan(rows)
		if err != nil {
			return nil, handle.Fault(err)
		}
		all = append(all, s)
	}
	return all, handle.Fault(rows.Err())
}

// TryShare takes one try off or, where right, gives all back and counts an
// opening. Of many at once each finds what the others left: the row is locked.
func (x *Shares) TryShare(ctx context.Context, id [32]byte, right bool, at time.Time) (left int, err error) {
	err = x.db.Pool.QueryRow(ctx, `UPDATE share SET tries = CASE WHEN $2 THEN most ELSE tries - 1 END, opened = opened + CASE WHEN $2 THEN 1 ELSE 0 END
		WHERE id = $1 AND ended = 0 AND until > $3 AND tries > 0 RETURNING tries`, id[:], right, handle.Micros(at)).Scan(&left)
	return left, handle.Fault(err)
}

// EndShare ends a link and forgets what it held.
func (x *Shares) EndShare(ctx context.Context, id [32]byte, at time.Time, act store.Act) error {
	return x.change(ctx, act, store.ErrAbsent, `UPDATE share SET ended = $2, payload = '', pin = '' WHERE id = $1 AND ended = 0`, id[:], handle.Micros(at))
}
