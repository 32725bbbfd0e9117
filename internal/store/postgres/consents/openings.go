package consents

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/store/postgres/owed"
)

// Openings is the store.Openings of a hub.
type Openings struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Openings = (*Openings)(nil)

// NewOpenings returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func NewOpenings(db *handle.DB, writer *ledger.Writer) *Openings { return &Openings{db, writer} }

// Begin keeps an opening with what goes with it.
func (x *Openings) Begin(ctx context.Context, o consent.Opening, notice matter.Notice, m *matter.Matter, act store.Act) error {
	if err := errors.Join(form.CheckOpening(&o), form.CheckNotice(&notice), ledger.CheckAct(act)); err != nil {
		return err
	}
	var text string
	if m != nil {
		var err error
		if text, err = form.Matter(m); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`INSERT INTO opening (person, id, facility, basis, purpose, staff, how, consent, referral, since, until, ended, ended_by, renewed, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (person, id) DO NOTHING`,
		handle.UUID(o.Person), handle.UUID(o.ID), string(o.Facility), o.Basis, string(o.Purpose), handle.UUID(o.Staff), o.How, handle.UUID(o.Consent), o.Referral,
		handle.Micros(o.From), handle.Micros(o.Until), handle.Micros(o.Ended), o.EndedBy, handle.UUID(o.Renewed), o.Reason).
		Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return store.ErrTaken
			}
			return nil
		})
	owed.Tell(b, &notice)
	if m != nil {
		owed.Put(b, m, text)
	}
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// openingColumns are what scanOpening reads, of opening o.
const openingColumns = `SELECT o.person, o.id, o.facility, o.basis, o.purpose, o.staff, o.how, o.consent, o.referral, o.since, o.until, o.ended, o.ended_by, o.renewed, o.reason
	FROM opening o`

// scanOpening reads an opening.
func scanOpening(row pgx.Row) (o consent.Opening, err error) {
	var person, id, staff, say, renewed pgtype.UUID
	var since, until, ended int64
	if err := row.Scan(&person, &id, &o.Facility, &o.Basis, &o.Purpose, &staff, &o.How, &say, &o.Referral, &since, &until, &ended, &o.EndedBy, &renewed, &o.Reason); err != nil {
		return o, err
	}
	o.Person, o.ID, o.Staff, o.Consent, o.Renewed = person.Bytes, id.Bytes, staff.Bytes, say.Bytes, renewed.Bytes
	o.From, o.Until, o.Ended = handle.Moment(since), handle.Moment(until), handle.Moment(ended)
	return o, nil
}

// Opening returns one, live or not.
func (x *Openings) Opening(ctx context.Context, id consent.OpeningID) (*consent.Opening, error) {
	o, err := scanOpening(x.db.Pool.QueryRow(ctx, openingColumns+` WHERE o.id = $1`, handle.UUID(id)))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &o, nil
}

// EndOpening ends one that is live.
func (x *Openings) EndOpening(ctx context.Context, id consent.OpeningID, at time.Time, by string, act store.Act) error {
	if err := errors.Join(store.CheckText(by), ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`UPDATE opening SET ended = $2, ended_by = $3 WHERE id = $1 AND ended = 0 AND until > $2`, handle.UUID(id), handle.Micros(at), by).
		Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return store.ErrAbsent
			}
			return nil
		})
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// Renew sets a new end, once, by another than who opened. The row is locked
// first: of two that come at once the second finds it renewed.
func (x *Openings) Renew(ctx context.Context, id consent.OpeningID, by care.Staff, until time.Time, notice matter.Notice, act store.Act) error {
	if err := errors.Join(form.CheckNotice(&notice), ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	var o consent.Opening
	b := tx.Batch()
	b.Queue(openingColumns+` WHERE o.id = $1 FOR UPDATE`, handle.UUID(id)).QueryRow(func(row pgx.Row) (err error) {
		o, err = scanOpening(row)
		return err
	})
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	if !form.Renewable(&o, by, notice.At, until) {
		return store.ErrChanged
	}
	b = tx.Batch()
	b.Queue(`UPDATE opening SET until = $3, renewed = $4 WHERE person = $1 AND id = $2`, handle.UUID(o.Person), handle.UUID(id), handle.Micros(until), handle.UUID(by))
	owed.Tell(b, &notice)
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// chosen adds what a filter asks.
func chosen(w *handle.Where, f *consent.OpeningFilter) {
	if f.Person != (care.Person{}) {
		w.And("o.person = ?", handle.UUID(f.Person))
	}
	if f.Facility != "" {
		w.And("o.facility = ?", string(f.Facility))
	}
	if f.Staff != (care.Staff{}) {
		w.And("o.staff = ?", handle.UUID(f.Staff))
	}
	if f.Basis != "" {
		w.And("o.basis = ?", f.Basis)
	}
	if !f.LiveAt.IsZero() {
		w.And("o.ended = 0 AND o.since <= ? AND o.until > ?", handle.Micros(f.LiveAt), handle.Micros(f.LiveAt))
	}
	if !f.Since.IsZero() {
		w.And("o.since >= ?", handle.Micros(f.Since))
	}
	if !f.Before.IsZero() {
		w.And("o.since < ?", handle.Micros(f.Before))
	}
}

// Openings returns those of a filter, newest first.
func (x *Openings) Openings(ctx context.Context, f consent.OpeningFilter) (all []consent.Opening, err error) {
	if err := store.CheckText(string(f.Facility), f.Basis); err != nil {
		return nil, err
	}
	var w handle.Where
	chosen(&w, &f)
	err = x.db.Scan(ctx, handle.ListLimit, openingColumns+w.String()+` ORDER BY o.since DESC, o.id LIMIT `+w.Arg(form.Limit(f.Limit)), w.Args, func(rows pgx.Rows) error {
		for rows.Next() {
			o, err := scanOpening(rows)
			if err != nil {
				return err
			}
			all = append(all, o)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CountOpenings counts those begun since a moment, by basis.
func (x *Openings) CountOpenings(ctx context.Context, facility care.FacilityCode, staff care.Staff, since time.Time) (map[string]int, error) {
	if err := store.CheckText(string(facility)); err != nil {
		return nil, err
	}
	var w handle.Where
	chosen(&w, &consent.OpeningFilter{Facility: facility, Staff: staff, Since: since})
	out := map[string]int{}
	err := x.db.Scan(ctx, handle.ListLimit, `SELECT o.basis, count(*) FROM opening o`+w.String()+` GROUP BY o.basis`, w.Args, func(rows pgx.Rows) error {
		for rows.Next() {
			var basis string
			var n int
			if err := rows.Scan(&basis, &n); err != nil {
				return err
			}
			out[basis] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// EndOpenings ends what a facility holds open of a person.
func (x *Openings) EndOpenings(ctx context.Context, facility care.FacilityCode, person store.PersonID, basis string, at time.Time, by string) (int, error) {
	if err := store.CheckText(string(facility), basis, by); err != nil {
		return 0, err
	}
	tag, err := x.db.Pool.Exec(ctx, `UPDATE opening SET ended = $3, ended_by = $5 WHERE person = $2 AND facility || '' = $1 AND ended = 0 AND until > $3 AND ($4 = '' OR basis = $4)`,
		string(facility), handle.UUID(person), handle.Micros(at), basis, by)
	return int(tag.RowsAffected()), handle.Fault(err)
}
