package consents

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/consent"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// PutDelegation keeps that somebody may act for a person, or its end.
func (x *Consents) PutDelegation(ctx context.Context, d consent.Delegation, act store.Act) error {
	if err := errors.Join(form.CheckDelegation(&d), ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	proof := d.Proof[:]
	if d.Proof == ([32]byte{}) {
		proof = []byte{}
	}
	b := tx.Batch()
	b.Queue(`INSERT INTO delegation AS d (person, id, delegate, kind, since, until, ended, proof) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (person, id) DO UPDATE SET ended = excluded.ended, until = excluded.until WHERE d.delegate = excluded.delegate AND d.ended = 0`,
		handle.UUID(d.Person), handle.UUID(d.ID), handle.UUID(d.Delegate), d.Kind, handle.Micros(d.From), handle.Micros(d.Until), handle.Micros(d.Ended), proof).
		Exec(handle.OrChanged)
	return x.writer.CommitActOf(ctx, tx, b, act)
}

const delegations = `SELECT person, id, delegate, kind, since, until, ended, proof FROM delegation`

// Delegations returns those for a person and those given to it, newest first.
func (x *Consents) Delegations(ctx context.Context, person store.PersonID) (of, to []consent.Delegation, err error) {
	b := &pgx.Batch{}
	b.Queue(delegations+` WHERE person = $1 ORDER BY since DESC, id LIMIT 1000`, handle.UUID(person)).Query(func(rows pgx.Rows) (err error) {
		of, err = delegated(rows)
		return err
	})
	b.Queue(delegations+` WHERE delegate = $1 ORDER BY since DESC, id LIMIT 1000`, handle.UUID(person)).Query(func(rows pgx.Rows) (err error) {
		to, err = delegated(rows)
		return err
	})
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, nil, handle.Fault(err)
	}
	return of, to, nil
}

func delegated(rows pgx.Rows) (all []consent.Delegation, _ error) {
	for rows.Next() {
		var d consent.Delegation
		var person, id, delegate pgtype.UUID
		var since, until, ended int64
		var proof []byte
		if err := rows.Scan(&person, &id, &delegate, &d.Kind, &since, &until, &ended, &proof); err != nil {
			return nil, err
		}
		d.Person, d.ID, d.Delegate = person.Bytes, id.Bytes, delegate.Bytes
		d.From, d.Until, d.Ended = handle.Moment(since), handle.Moment(until), handle.Moment(ended)
		if len(proof) > 0 {
			if err := handle.Digest(&d.Proof, proof); err != nil {
				return nil, err
			}
		}
		all = append(all, d)
	}
	return all, rows.Err()
}
