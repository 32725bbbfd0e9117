// Package enrolments keeps in PostgreSQL invites, clients that wait for a second
// person, and the sequences of senders. It makes no code and no token.
package enrolments

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Enrolments is the store.Enrolments of a hub.
type Enrolments struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Enrolments = (*Enrolments)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Enrolments { return &Enrolments{db, writer} }

// change sends what queue says and commits it with its act.
func (x *Enrolments) change(ctx context.Context, act store.Act, queue func(*pgx.Batch)) error {
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	queue(b)
	return x.writer.CommitAct(ctx, tx, b, act)
}

// PutInvite keeps an invite with its act.
func (x *Enrolments) PutInvite(ctx context.Context, i store.Invite, act store.Act) error {
	if err := store.CheckText(string(i.Facility), i.By); err != nil {
		return err
	}
	return x.change(ctx, act, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO invite (hash, facility, inviter, since, expires, used, key, client) VALUES ($1, $2, $3, $4, $5, 0, '', '')`,
			i.Hash[:], string(i.Facility), i.By, handle.Micros(i.Made), handle.Micros(i.Expires))
	})
}

const inviteColumns = `i.hash, i.facility, i.inviter, i.since, i.expires, i.used, i.client, EXISTS (SELECT 1 FROM applicant a WHERE a.id = i.client)`

func scanInvite(row pgx.Row, more ...any) (store.Invite, error) {
	var i store.Invite
	var hash []byte
	var made, expires, used int64
	if err := row.Scan(append([]any{&hash, &i.Facility, &i.By, &made, &expires, &used, &i.Client, &i.Waiting}, more...)...); err != nil {
		return store.Invite{}, err
	}
	i.Made, i.Expires, i.Used = handle.Moment(made), handle.Moment(expires), handle.Moment(used)
	return i, handle.Digest(&i.Hash, hash)
}

// Invite returns an invite.
func (x *Enrolments) Invite(ctx context.Context, hash [32]byte) (store.Invite, error) {
	i, err := scanInvite(x.db.Pool.QueryRow(ctx, `SELECT `+inviteColumns+` FROM invite i WHERE i.hash = $1`, hash[:]))
	return i, handle.Fault(err)
}

// Redeem uses an invite for a client's key. The invite's row is locked first:
// of two that come at once the second finds it used.
func (x *Enrolments) Redeem(ctx context.Context, hash [32]byte, a store.Applicant, approved bool, act store.Act) (store.Invite, error) {
	if err := errors.Join(store.CheckText(a.ID, string(a.Facility), a.KeyID, a.By, a.Software), ledger.CheckAct(act)); err != nil {
		return store.Invite{}, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return store.Invite{}, err
	}
	defer tx.End()
	i, with, inUse, err := locked(ctx, tx, hash)
	if err != nil {
		return store.Invite{}, err
	}
	key := sha256.Sum256(a.PublicKey)
	switch {
	case i.Facility != a.Facility,
		!i.Used.IsZero() && (string(with) != string(key[:]) || !i.Waiting && !inUse),
		i.Used.IsZero() && !act.At.Before(i.Expires):
		return store.Invite{}, store.ErrAbsent
	case !i.Used.IsZero():
		return i, nil
	}
	i.Used, i.Client, i.Waiting = act.At, a.ID, !approved
	b := tx.Batch()
	b.Queue(`UPDATE invite SET used = $2, key = $3, client = $4 WHERE hash = $1`, hash[:], handle.Micros(i.Used), key[:], a.ID)
	if approved {
		admit(b, &a)
	} else {
		b.Queue(`INSERT INTO applicant (id, facility, key_id, public_key, since, inviter, software) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			a.ID, string(a.Facility), a.KeyID, handle.Bytes(a.PublicKey), handle.Micros(a.Since), a.By, a.Software)
	}
	if err := x.writer.CommitAct(ctx, tx, b, act); err != nil {
		return store.Invite{}, err
	}
	return i, nil
}

// locked reads an invite under its lock, with the key it was used with and
// whether its client is in use.
func locked(ctx context.Context, tx *handle.Tx, hash [32]byte) (i store.Invite, with []byte, inUse bool, err error) {
	b := tx.Batch()
	b.Queue(`SELECT 1 FROM invite WHERE hash = $1 FOR UPDATE`, hash[:])
	b.Queue(`SELECT `+inviteColumns+`, i.key, EXISTS (SELECT 1 FROM client c WHERE c.id = i.client AND c.revoked = 0) FROM invite i WHERE i.hash = $1`, hash[:]).
		QueryRow(func(row pgx.Row) (err error) {
			i, err = scanInvite(row, &with, &inUse)
			return err
		})
	err = tx.Send(ctx, b)
	return i, with, inUse, err
}

// admit puts a client into the directory.
func admit(b *pgx.Batch, a *store.Applicant) {
	b.Queue(`UPDATE directory SET epoch = epoch + 1 WHERE one = 1`)
	b.Queue(`INSERT INTO client (id, facility, key_id, public_key, since, revoked) VALUES ($1, $2, $3, $4, $5, 0)`,
		a.ID, string(a.Facility), a.KeyID, handle.Bytes(a.PublicKey), handle.Micros(a.Since))
}

// Invites lists invites, newest first.
func (x *Enrolments) Invites(ctx context.Context, facility care.FacilityCode) ([]store.Invite, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT `+inviteColumns+` FROM invite i WHERE $1 = '' OR i.facility = $1 ORDER BY i.since DESC, i.hash LIMIT 1000`, string(facility))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Invite, error) { return scanInvite(row) })
	return all, handle.Fault(err)
}

// Waiting lists who waits for approval.
func (x *Enrolments) Waiting(ctx context.Context) ([]store.Applicant, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT id, facility, key_id, public_key, since, inviter, software FROM applicant ORDER BY since, id`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a store.Applicant, err error) {
		var since int64
		err = row.Scan(&a.ID, &a.Facility, &a.KeyID, &a.PublicKey, &since, &a.By, &a.Software)
		a.Since = handle.Moment(since)
		return a, err
	})
	return all, handle.Fault(err)
}

// orAbsent is the fault of a statement that touched no row.
func orAbsent(tag pgconn.CommandTag) error {
	if tag.RowsAffected() == 0 {
		return store.ErrAbsent
	}
	return nil
}

// Approve puts a waiting client into the directory.
func (x *Enrolments) Approve(ctx context.Context, client string, act store.Act) error {
	return x.change(ctx, act, func(b *pgx.Batch) {
		b.Queue(`WITH a AS (DELETE FROM applicant WHERE id = $1 RETURNING id, facility, key_id, public_key, since)
			INSERT INTO client (id, facility, key_id, public_key, since, revoked) SELECT id, facility, key_id, public_key, since, 0 FROM a`, client).Exec(orAbsent)
		b.Queue(`UPDATE directory SET epoch = epoch + 1 WHERE one = 1`)
	})
}

// Dismiss forgets a waiting client.
func (x *Enrolments) Dismiss(ctx context.Context, client string, act store.Act) error {
	return x.change(ctx, act, func(b *pgx.Batch) {
		b.Queue(`DELETE FROM applicant WHERE id = $1`, client).Exec(orAbsent)
	})
}

// Second reports whether a second person must approve.
func (x *Enrolments) Second(ctx context.Context) (second bool, err error) {
	err = x.db.Pool.QueryRow(ctx, `SELECT second FROM enrolment WHERE one = 1`).Scan(&second)
	return second, handle.Fault(err)
}

// SetSecond says whether a second person must approve.
func (x *Enrolments) SetSecond(ctx context.Context, second bool, act store.Act) error {
	return x.change(ctx, act, func(b *pgx.Batch) {
		b.Queue(`UPDATE enrolment SET second = $1 WHERE one = 1`, second)
	})
}
