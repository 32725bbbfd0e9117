// Package consents is the embedded engine's side of store.Consents: what
// citizens say, with its history, who may act for them, and what of it stands at
// a moment; and of store.Openings: the bases on which facilities read, for a
// time, what others wrote. What may be said, opened or read is decided elsewhere.
package consents

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/matters"
)

// Consents implements store.Consents.
type Consents struct{ db *file.DB }

var _ store.Consents = (*Consents)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Consents { return &Consents{db: db} }

// isOpen is the condition of index consent_open.
const isOpen = `c.state IN ('requested', 'shown', 'granted', 'active')`

// PutConsent keeps a new say or the next version of one.
func (x *Consents) PutConsent(ctx context.Context, c consent.Consent, notice *matter.Notice, act store.Act) error {
	text, err := form.Said(&c)
	if err := errors.Join(form.CheckConsent(&c), err, file.CheckAct(act)); err != nil {
		return err
	}
	if notice != nil {
		if err := form.CheckNotice(notice); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		if err := put(tx, &c, text); err != nil {
			return err
		}
		if notice != nil {
			if err := matters.Tell(tx, notice); err != nil {
				return err
			}
		}
		return tx.ActOf(act)
	})
}

func put(tx *file.Tx, c *consent.Consent, text string) error {
	var version int
	err := tx.Row(`SELECT version FROM consent WHERE person = ? AND id = ?`, c.Person[:], c.ID[:]).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if version != c.Version-1 {
		return store.ErrChanged
	}
	if version == 0 && form.Open(c.State) {
		var n int
		if err := tx.Row(`SELECT count(*) FROM consent c WHERE c.person = ? AND `+isOpen, c.Person[:]).Scan(&n); err != nil {
			return err
		}
		if n >= form.MostSays {
			return store.ErrTooMany
		}
	}
	if _, err := tx.Exec(`INSERT INTO consent (person, id, version, state, asker, asked, decided, since, until, due, said) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (person, id) DO UPDATE SET version = excluded.version, state = excluded.state, asker = excluded.asker, asked = excluded.asked,
 decided = excluded.decided, since = excluded.since, until = excluded.until, due = excluded.due, said = excluded.said`,
		c.Person[:], c.ID[:], c.Version, string(c.State), string(c.Asker), file.MicrosOrZero(c.Asked), file.MicrosOrZero(c.Decided),
		file.MicrosOrZero(c.Since), file.MicrosOrZero(c.Until), file.MicrosOrZero(form.Due(c)), text); err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO consent_version (person, id, version, said, receipt) VALUES (?, ?, ?, ?, ?)`,
		c.Person[:], c.ID[:], c.Version, text, file.Blob(c.Receipt))
	return err
}

const (
	columns     = `SELECT c.person, c.id, c.said, v.receipt FROM consent c`
	withReceipt = ` JOIN consent_version v ON v.person = c.person AND v.id = c.id AND v.version = c.version`
)

func scan(row file.Scanner) (c consent.Consent, err error) {
	var person, id []byte
	var text string
	if err := row.Scan(&person, &id, &text, &c.Receipt); err != nil {
		return c, err
	}
	return c, errors.Join(file.Fill(c.Person[:], person), file.Fill(c.ID[:], id), form.ReadSaid(&c, text))
}

func collect(rows *sql.Rows, err error) (all []consent.Consent, _ error) {
	err = file.Each(rows, err, func(row file.Scanner) error {
		c, err := scan(row)
		all = append(all, c)
		return err
	})
	return all, err
}

func (x *Consents) list(ctx context.Context, q string, args ...any) (all []consent.Consent, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		all, err = collect(s.Rows(q, args...))
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Consent returns one say.
func (x *Consents) Consent(ctx context.Context, id consent.ID) (*consent.Consent, error) {
	var c consent.Consent
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		c, err = scan(s.Row(columns+withReceipt+` WHERE c.id = ?`, id[:]))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// Consents returns those of a person, newest first: by when they were asked or
// said, whatever came first.
func (x *Consents) Consents(ctx context.Context, person store.PersonID, limit int) ([]consent.Consent, error) {
	return x.list(ctx, columns+withReceipt+` WHERE c.person = ? ORDER BY CASE c.asked WHEN 0 THEN c.decided ELSE c.asked END DESC, c.id LIMIT ?`,
		person[:], file.Limit(limit))
}

// ConsentHistory returns every version of one, oldest first.
func (x *Consents) ConsentHistory(ctx context.Context, id consent.ID) ([]consent.Consent, error) {
	return x.list(ctx, `SELECT v.person, v.id, v.said, v.receipt FROM consent c
 JOIN consent_version v ON v.person = c.person AND v.id = c.id WHERE c.id = ? ORDER BY v.version`, id[:])
}

// Asked returns what a facility asked and nobody answered yet, oldest first.
func (x *Consents) Asked(ctx context.Context, facility care.FacilityCode) ([]consent.Consent, error) {
	return x.list(ctx, columns+withReceipt+` WHERE c.asker = ? AND c.state IN ('requested', 'shown') ORDER BY c.asked, c.id LIMIT 1000`, string(facility))
}

// Due returns says whose state time has changed, the longest due first.
func (x *Consents) Due(ctx context.Context, at time.Time, limit int) ([]consent.Consent, error) {
	return x.list(ctx, columns+withReceipt+` WHERE c.due > 0 AND c.due <= ? ORDER BY c.due, c.id LIMIT ?`, file.Micros(at), file.Limit(limit))
}

// holds is the condition of a say that holds at a moment.
const holds = `c.state IN ('granted', 'active') AND c.since <= ? AND (c.until = 0 OR c.until > ?)`

// standing reads what Standing asks for: no receipts, and each row once.
func standing(s *file.Snapshot, person store.PersonID, now int64) (all []consent.Consent, err error) {
	rows, err := s.Rows(`SELECT c.id, c.said FROM consent c INDEXED BY consent_open WHERE c.person = ? AND `+isOpen+` AND `+holds, person[:], now, now)
	var id sql.RawBytes
	var text string
	err = file.Each(rows, err, func(row file.Scanner) error {
		if err := row.Scan(&id, &text); err != nil {
			return err
		}
		if all == nil {
			all = make([]consent.Consent, 0, usual)
		}
		all = append(all, consent.Consent{Person: person})
		c := &all[len(all)-1]
		return errors.Join(file.Fill(c.ID[:], id), form.ReadSaid(c, text))
	})
	return all, err
}

// usual is how many says there is room for at once: most people make few.
const usual = 4

// Standing reads what holds about a person from one state of the file.
func (x *Consents) Standing(ctx context.Context, person store.PersonID, opening consent.OpeningID, at time.Time) (consent.Standing, error) {
	var out consent.Standing
	now := file.Micros(at)
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		out.Consents, err = standing(s, person, now)
		if err != nil || opening == (consent.OpeningID{}) {
			return err
		}
		o, err := scanOpening(s.Row(openingColumns+` WHERE o.person = ? AND o.id = ? AND o.ended = 0 AND o.since <= ? AND o.until > ?
 AND (o.consent IS NULL OR EXISTS (SELECT 1 FROM consent c WHERE c.person = o.person AND c.id = o.consent AND `+holds+`))`,
			person[:], opening[:], now, now, now, now))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		out.Opening = &o
		return err
	})
	if err != nil {
		return consent.Standing{}, err
	}
	return out, nil
}
