package consents

import (
	"context"
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

// Openings implements store.Openings.
type Openings struct{ db *file.DB }

var _ store.Openings = (*Openings)(nil)

// NewOpenings returns the slice of an open file.
func NewOpenings(db *file.DB) *Openings { return &Openings{db: db} }

// Begin keeps an opening with what goes with it.
func (x *Openings) Begin(ctx context.Context, o consent.Opening, notice matter.Notice, m *matter.Matter, act store.Act) error {
	if err := errors.Join(form.CheckOpening(&o), form.CheckNotice(&notice), file.CheckAct(act)); err != nil {
		return err
	}
	var text string
	if m != nil {
		var err error
		if text, err = form.Matter(m); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO opening (person, id, facility, basis, purpose, staff, how, consent, referral, since, until, ended, ended_by, renewed, reason)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			o.Person[:], o.ID[:], string(o.Facility), o.Basis, string(o.Purpose), file.Some(o.Staff[:]), o.How, file.Some(o.Consent[:]), o.Referral,
			file.Micros(o.From), file.Micros(o.Until), file.MicrosOrZero(o.Ended), o.EndedBy, file.Some(o.Renewed[:]), o.Reason)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrTaken
		}
		if err := matters.Tell(tx, &notice); err != nil {
			return err
		}
		if m != nil {
			if err := matters.Put(tx, m, text); err != nil {
				return err
			}
		}
		return tx.ActOf(act)
	})
}

// openingColumns are what scanOpening reads, of opening o.
const openingColumns = `SELECT o.person, o.id, o.facility, o.basis, o.purpose, o.staff, o.how, o.consent, o.referral, o.since, o.until, o.ended, o.ended_by, o.renewed, o.reason FROM opening o`

// scanOpening reads an opening.
func scanOpening(row file.Scanner) (o consent.Opening, err error) {
	var person, id, staff, say, renewed []byte
	var since, until, ended int64
	if err := row.Scan(&person, &id, &o.Facility, &o.Basis, &o.Purpose, &staff, &o.How, &say, &o.Referral, &since, &until, &ended, &o.EndedBy, &renewed, &o.Reason); err != nil {
		return o, err
	}
	o.From, o.Until, o.Ended = file.Time(since), file.Time(until), file.Moment(ended)
	return o, errors.Join(file.Fill(o.Person[:], person), file.Fill(o.ID[:], id), file.Fill(o.Staff[:], staff),
		file.Fill(o.Consent[:], say), file.Fill(o.Renewed[:], renewed))
}

// Opening returns one, live or not.
func (x *Openings) Opening(ctx context.Context, id consent.OpeningID) (*consent.Opening, error) {
	var o consent.Opening
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		o, err = scanOpening(s.Row(openingColumns+` WHERE o.id = ?`, id[:]))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &o, nil
}

// EndOpening ends one that is live.
func (x *Openings) EndOpening(ctx context.Context, id consent.OpeningID, at time.Time, by string, act store.Act) error {
	if err := errors.Join(store.CheckText(by), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE opening SET ended = ?, ended_by = ? WHERE id = ? AND ended = 0 AND until > ?`, file.Micros(at), by, id[:], file.Micros(at))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrAbsent
		}
		return tx.ActOf(act)
	})
}

// Renew sets a new end, once, by another than who opened.
func (x *Openings) Renew(ctx context.Context, id consent.OpeningID, by care.Staff, until time.Time, notice matter.Notice, act store.Act) error {
	if err := errors.Join(form.CheckNotice(&notice), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		o, err := scanOpening(tx.Row(openingColumns+` WHERE o.id = ?`, id[:]))
		if err != nil {
			return err
		}
		if !form.Renewable(&o, by, notice.At, until) {
			return store.ErrChanged
		}
		if _, err := tx.Exec(`UPDATE opening SET until = ?, renewed = ? WHERE person = ? AND id = ?`, file.Micros(until), by[:], o.Person[:], id[:]); err != nil {
			return err
		}
		if err := matters.Tell(tx, &notice); err != nil {
			return err
		}
		return tx.ActOf(act)
	})
}

// Openings returns those of a filter, newest first.
func (x *Openings) Openings(ctx context.Context, f consent.OpeningFilter) (all []consent.Opening, err error) {
	q := file.Select(openingColumns)
	facility, staff := `o.facility = ?`, `o.staff = ?`
	if f.Person != (care.Person{}) {
		q.And(`o.person = ?`, f.Person[:])
		facility, staff = `+o.facility = ?`, `+o.staff = ?` // a person has few, a facility many
	}
	if f.Facility != "" {
		q.And(facility, string(f.Facility))
	}
	if f.Staff != (care.Staff{}) {
		q.And(staff, f.Staff[:])
	}
	if f.Basis != "" {
		q.And(`o.basis = ?`, f.Basis)
	}
	if !f.LiveAt.IsZero() {
		q.And(`o.ended = 0 AND o.since <= ? AND o.until > ?`, file.Micros(f.LiveAt), file.Micros(f.LiveAt))
	}
	if !f.Since.IsZero() {
		q.And(`o.since >= ?`, file.Micros(f.Since))
	}
	if !f.Before.IsZero() {
		q.And(`o.since < ?`, file.Micros(f.Before))
	}
	text, args := q.End(` ORDER BY o.since DESC, o.id LIMIT ?`, form.Limit(f.Limit))
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(text, args...) // of seven conditions: the texts are few
		return file.Each(rows, err, func(row file.Scanner) error {
			o, err := scanOpening(row)
			all = append(all, o)
			return err
		})
	})
	return all, err
}

// CountOpenings counts those begun since a moment, by basis.
func (x *Openings) CountOpenings(ctx context.Context, facility care.FacilityCode, staff care.Staff, since time.Time) (map[string]int, error) {
	q := file.Select(`SELECT o.basis, count(*) FROM opening o`).And(`o.since >= ?`, file.Micros(since))
	if facility != "" {
		q.And(`o.facility = ?`, string(facility))
	}
	if staff != (care.Staff{}) {
		q.And(`o.staff = ?`, staff[:])
	}
	text, args := q.End(` GROUP BY o.basis`)
	out := map[string]int{}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			var basis string
			var n int
			if err := row.Scan(&basis, &n); err != nil {
				return err
			}
			out[basis] = n
			return nil
		})
	})
	return out, err
}

// EndOpenings ends what a facility holds open of a person.
func (x *Openings) EndOpenings(ctx context.Context, facility care.FacilityCode, person store.PersonID, basis string, at time.Time, by string) (n int, err error) {
	if err := store.CheckText(string(facility), basis, by); err != nil {
		return 0, err
	}
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		changed, err := tx.Exec(`UPDATE opening SET ended = ?1, ended_by = ?2 WHERE person = ?3 AND +facility = ?4 AND ended = 0 AND until > ?1 AND (?5 = '' OR basis = ?5)`,
			file.Micros(at), by, person[:], string(facility), basis)
		n = int(changed)
		return err
	})
	return n, err
}
