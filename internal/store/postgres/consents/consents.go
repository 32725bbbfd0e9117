// Package consents keeps in PostgreSQL what citizens say, with its history, who
// may act for them, what of it stands at a moment, and the bases on which
// facilities read, for a time, what others wrote. What may be said, opened or
// read is decided elsewhere.
package consents

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
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

// Consents is the store.Consents of a hub.
type Consents struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Consents = (*Consents)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Consents { return &Consents{db, writer} }

// sayLock is the class of advisory locks on a person whose says change: they are
// counted and their versions compared under it.
const sayLock = 0x7361_79 // "say"

// isOpen is the condition of index consent_open.
const isOpen = `c.state IN ('requested', 'shown', 'granted', 'active')`

// PutConsent keeps a new say or the next version of one.
func (x *Consents) PutConsent(ctx context.Context, c consent.Consent, notice *matter.Notice, act store.Act) error {
	text, err := form.Said(&c)
	if err := errors.Join(form.CheckConsent(&c), err, ledger.CheckAct(act)); err != nil {
		return err
	}
	if notice != nil {
		if err := form.CheckNotice(notice); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	var version, open int
	b := tx.Batch()
	b.Queue(`SELECT pg_advisory_xact_lock($1, $2)`, int32(sayLock), int32(binary.BigEndian.Uint32(c.Person[:])))
	b.Queue(`SELECT coalesce((SELECT version FROM consent WHERE person = $1 AND id = $2), 0), (SELECT count(*) FROM consent c WHERE c.person = $1 AND `+isOpen+`)`,
		handle.UUID(c.Person), handle.UUID(c.ID)).QueryRow(func(row pgx.Row) error { return row.Scan(&version, &open) })
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	if version != c.Version-1 {
		return store.ErrChanged
	}
	if version == 0 && form.Open(c.State) && open >= form.MostSays {
		return store.ErrTooMany
	}
	b = tx.Batch()
	put(b, &c, text)
	if notice != nil {
		owed.Tell(b, notice)
	}
	return x.writer.CommitActOf(ctx, tx, b, act)
}

func put(b *pgx.Batch, c *consent.Consent, text string) {
	b.Queue(`INSERT INTO consent (person, id, version, state, asker, asked, decided, since, until, due, said) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (person, id) DO UPDATE SET version = excluded.version, state = excluded.state, asker = excluded.asker, asked = excluded.asked,
			decided = excluded.decided, since = excluded.since, until = excluded.until, due = excluded.due, said = excluded.said`,
		handle.UUID(c.Person), handle.UUID(c.ID), c.Version, string(c.State), string(c.Asker), handle.Micros(c.Asked), handle.Micros(c.Decided),
		handle.Micros(c.Since), handle.Micros(c.Until), handle.Micros(form.Due(c)), text)
	b.Queue(`INSERT INTO consent_version (person, id, version, said, receipt) VALUES ($1, $2, $3, $4, $5)`,
		handle.UUID(c.Person), handle.UUID(c.ID), c.Version, text, handle.Bytes(c.Receipt))
}

const (
	columns     = `SELECT c.person, c.id, c.said, v.receipt FROM consent c`
	withReceipt = ` JOIN consent_version v ON v.person = c.person AND v.id = c.id AND v.version = c.version`
)

func scan(row pgx.Row) (c consent.Consent, err error) {
	var person, id pgtype.UUID
	var text string
	if err := row.Scan(&person, &id, &text, &c.Receipt); err != nil {
		return c, err
	}
	c.Person, c.ID, c.Receipt = person.Bytes, id.Bytes, handle.OrNil(c.Receipt)
	return c, form.ReadSaid(&c, text)
}

func collect(rows pgx.Rows) (all []consent.Consent, _ error) {
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (x *Consents) list(ctx context.Context, query string, args ...any) ([]consent.Consent, error) {
	rows, err := x.db.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	defer rows.Close()
	all, err := collect(rows)
	return all, handle.Fault(err)
}

// Consent returns one say.
func (x *Consents) Consent(ctx context.Context, id consent.ID) (*consent.Consent, error) {
	c, err := scan(x.db.Pool.QueryRow(ctx, columns+withReceipt+` WHERE c.id = $1`, handle.UUID(id)))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &c, nil
}

// Consents returns those of a person, newest first: by when they were asked or
// said, whatever came first.
func (x *Consents) Consents(ctx context.Context, person store.PersonID, limit int) ([]consent.Consent, error) {
	return x.list(ctx, columns+withReceipt+` WHERE c.person = $1 ORDER BY CASE c.asked WHEN 0 THEN c.decided ELSE c.asked END DESC, c.id LIMIT $2`,
		handle.UUID(person), handle.Limit(limit))
}

// ConsentHistory returns every version of one, oldest first.
func (x *Consents) ConsentHistory(ctx context.Context, id consent.ID) ([]consent.Consent, error) {
	return x.list(ctx, `SELECT v.person, v.id, v.said, v.receipt FROM consent c
		JOIN consent_version v ON v.person = c.person AND v.id = c.id WHERE c.id = $1 ORDER BY v.version`, handle.UUID(id))
}

// Asked returns what a facility asked and nobody answered yet, oldest first.
func (x *Consents) Asked(ctx context.Context, facility care.FacilityCode) ([]consent.Consent, error) {
	if err := store.CheckText(string(facility)); err != nil {
		return nil, err
	}
	return x.list(ctx, columns+withReceipt+` WHERE c.asker = $1 AND c.state IN ('requested', 'shown') ORDER BY c.asked, c.id LIMIT 1000`, string(facility))
}

// Due returns says whose state time has changed, the longest due first.
func (x *Consents) Due(ctx context.Context, at time.Time, limit int) ([]consent.Consent, error) {
	return x.list(ctx, columns+withReceipt+` WHERE c.due > 0 AND c.due <= $1 ORDER BY c.due, c.id LIMIT $2`, handle.Micros(at), handle.Limit(limit))
}

// usual is how many says there is room for at once: most people make few.
const usual = 4

// standing reads id and text of says: no receipts, and each row once.
func standing(rows pgx.Rows, person store.PersonID) (all []consent.Consent, _ error) {
	var id pgtype.UUID
	var text string
	for rows.Next() {
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		if all == nil {
			all = make([]consent.Consent, 0, usual)
		}
		all = append(all, consent.Consent{ID: id.Bytes, Person: person})
		if err := form.ReadSaid(&all[len(all)-1], text); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

// Standing reads what holds about a person, from one snapshot and in one round
// trip: the transaction and its two queries are sent together.
func (x *Consents) Standing(ctx context.Context, person store.PersonID, opening consent.OpeningID, at time.Time) (consent.Standing, error) {
	var out consent.Standing
	now := handle.Micros(at)
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	b.Queue(`SELECT c.id, c.said FROM consent c WHERE c.person = $1 AND `+isOpen+` AND c.state IN ('granted', 'active') AND c.since <= $2 AND (c.until = 0 OR c.until > $2)`,
		handle.UUID(person), now).Query(func(rows pgx.Rows) (err error) {
		out.Consents, err = standing(rows, person)
		return err
	})
	if opening != (consent.OpeningID{}) {
		b.Queue(openingColumns+` WHERE o.person = $1 AND o.id = $2 AND o.ended = 0 AND o.since <= $3 AND o.until > $3
			AND (o.consent = '00000000-0000-0000-0000-000000000000' OR EXISTS (SELECT 1 FROM consent c WHERE c.person = o.person AND c.id = o.consent
				AND c.state IN ('granted', 'active') AND c.since <= $3 AND (c.until = 0 OR c.until > $3)))`,
			handle.UUID(person), handle.UUID(opening), now).QueryRow(func(row pgx.Row) error {
			o, err := scanOpening(row)
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				return nil
			case err != nil:
				return err
			}
			out.Opening = &o
			return nil
		})
	}
	b.Queue(`COMMIT`)
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return consent.Standing{}, handle.Fault(err)
	}
	return out, nil
}
