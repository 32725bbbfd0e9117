package consents

import (
	"context"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// PutDelegation keeps that somebody may act for a person, or its end.
func (x *Consents) PutDelegation(ctx context.Context, d consent.Delegation, act store.Act) error {
	if err := errors.Join(form.CheckDelegation(&d), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO delegation (person, id, delegate, kind, since, until, ended, proof) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (person, id) DO UPDATE SET ended = excluded.ended, until = excluded.until WHERE delegate = excluded.delegate AND ended = 0`,
			d.Person[:], d.ID[:], d.Delegate[:], d.Kind, file.MicrosOrZero(d.From), file.MicrosOrZero(d.Until), file.MicrosOrZero(d.Ended), file.Some(d.Proof[:]))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrChanged
		}
		return tx.ActOf(act)
	})
}

const delegations = `SELECT person, id, delegate, kind, since, until, ended, proof FROM delegation`

// Delegations returns those for a person and those given to it, newest first.
func (x *Consents) Delegations(ctx context.Context, person store.PersonID) (of, to []consent.Delegation, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		if of, err = delegated(s, delegations+` WHERE person = ? ORDER BY since DESC, id LIMIT 1000`, person); err != nil {
			return err
		}
		to, err = delegated(s, delegations+` WHERE delegate = ? ORDER BY since DESC, id LIMIT 1000`, person)
		return err
	})
	return of, to, err
}

func delegated(s *file.Snapshot, q string, who care.Person) (all []consent.Delegation, _ error) {
	rows, err := s.Rows(q, who[:])
	err = file.Each(rows, err, func(row file.Scanner) error {
		var d consent.Delegation
		var person, id, delegate, proof []byte
		var since, until, ended int64
		if err := row.Scan(&person, &id, &delegate, &d.Kind, &since, &until, &ended, &proof); err != nil {
			return err
		}
		d.From, d.Until, d.Ended = file.Moment(since), file.Moment(until), file.Moment(ended)
		err := errors.Join(file.Fill(d.Person[:], person), file.Fill(d.ID[:], id), file.Fill(d.Delegate[:], delegate), file.Fill(d.Proof[:], proof))
		all = append(all, d)
		return err
	})
	return all, err
}
