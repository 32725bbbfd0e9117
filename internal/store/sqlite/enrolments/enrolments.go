// Package enrolments is the embedded engine's side of store.Enrolments: invites,
// clients that wait for a second person, and the sequences of senders. It makes
// no code and no token.
package enrolments

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Enrolments implements store.Enrolments.
type Enrolments struct{ db *file.DB }

var _ store.Enrolments = (*Enrolments)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Enrolments { return &Enrolments{db: db} }

// moment is a time as these tables keep it, 0 for none.
func moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return file.Micros(t)
}

func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return file.Time(us)
}

// PutInvite keeps an invite with its act.
func (x *Enrolments) PutInvite(ctx context.Context, i store.Invite, act store.Act) error {
	if err := store.CheckText(string(i.Facility), i.By); err != nil {
		return err
	}
	return x.write(ctx, act, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO invite (hash, facility, inviter, since, expires, used, key, client) VALUES (?, ?, ?, ?, ?, 0, x'', '')`,
			i.Hash[:], string(i.Facility), i.By, moment(i.Made), moment(i.Expires))
		return err
	})
}

// write does an administrative change with its act.
func (x *Enrolments) write(ctx context.Context, act store.Act, do func(*file.Tx) error) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

const inviteColumns = `i.hash, i.facility, i.inviter, i.since, i.expires, i.used, i.client, EXISTS (SELECT 1 FROM applicant a WHERE a.id = i.client)`

func scanInvite(row file.Scanner, more ...any) (store.Invite, error) {
	var i store.Invite
	var hash []byte
	var made, expires, used int64
	if err := row.Scan(append([]any{&hash, &i.Facility, &i.By, &made, &expires, &used, &i.Client, &i.Waiting}, more...)...); err != nil {
		return i, err
	}
	if copy(i.Hash[:], hash) != len(i.Hash) {
		return i, errors.New("invite: a hash too short")
	}
	i.Made, i.Expires, i.Used = timeOf(made), timeOf(expires), timeOf(used)
	return i, nil
}

// Invite returns an invite.
func (x *Enrolments) Invite(ctx context.Context, hash [32]byte) (i store.Invite, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		i, err = scanInvite(s.Row(`SELECT `+inviteColumns+` FROM invite i WHERE i.hash = ?`, hash[:]))
		return err
	})
	return i, err
}

// Redeem uses an invite for a client's key.
func (x *Enrolments) Redeem(ctx context.Context, hash [32]byte, a store.Applicant, approved bool, act store.Act) (got store.Invite, err error) {
	if err := errors.Join(store.CheckText(a.ID, string(a.Facility), a.KeyID, a.By, a.Software), file.CheckAct(act)); err != nil {
		return store.Invite{}, err
	}
	key := sha256.Sum256(a.PublicKey)
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		var with []byte
		var inUse bool
		i, err := scanInvite(tx.Row(`SELECT `+inviteColumns+`, i.key, EXISTS (SELECT 1 FROM client c WHERE c.id = i.client AND c.revoked IS NULL)
 FROM invite i WHERE i.hash = ?`, hash[:]), &with, &inUse)
		switch {
		case err != nil:
			return err
		case i.Facility != a.Facility:
			return store.ErrAbsent
		case !i.Used.IsZero() && (string(with) != string(key[:]) || !i.Waiting && !inUse):
			return store.ErrAbsent
		case !i.Used.IsZero():
			got = i
			return nil
		case !act.At.Before(i.Expires):
			return store.ErrAbsent
		}
		i.Used, i.Client, i.Waiting = act.At, a.ID, !approved
		got = i
		if _, err := tx.Exec(`UPDATE invite SET used = ?, key = ?, client = ? WHERE hash = ?`, moment(i.Used), key[:], a.ID, hash[:]); err != nil {
			return err
		}
		if approved {
			err = admit(tx, &a)
		} else {
			_, err = tx.Exec(`INSERT INTO applicant (id, facility, key_id, public_key, since, inviter, software) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				a.ID, string(a.Facility), a.KeyID, a.PublicKey, moment(a.Since), a.By, a.Software)
		}
		if err != nil {
			return err
		}
		return tx.Act(act)
	})
	if err != nil {
		return store.Invite{}, err
	}
	return got, nil
}

// admit puts a client into the directory.
func admit(tx *file.Tx, a *store.Applicant) error {
	if _, err := tx.Exec(`INSERT INTO client (id, facility, key_id, public_key, since, revoked) VALUES (?, ?, ?, ?, ?, NULL)`,
		a.ID, string(a.Facility), a.KeyID, a.PublicKey, moment(a.Since)); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE directory SET epoch = epoch + 1 WHERE id = 1`)
	return err
}

// Invites lists invites, newest first.
func (x *Enrolments) Invites(ctx context.Context, facility care.FacilityCode) (all []store.Invite, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(`SELECT `+inviteColumns+` FROM invite i WHERE ?1 = '' OR i.facility = ?1 ORDER BY i.since DESC, i.hash LIMIT 1000`, string(facility))
		return each(rows, err, func(rows *sql.Rows) error {
			i, err := scanInvite(rows)
			all = append(all, i)
			return err
		})
	})
	return all, err
}

// each reads all rows and closes them.
func each(rows *sql.Rows, err error, fn func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

const applicantColumns = `id, facility, key_id, public_key, since, inviter, software`

func scanApplicant(row file.Scanner) (a store.Applicant, err error) {
	var since int64
	err = row.Scan(&a.ID, &a.Facility, &a.KeyID, &a.PublicKey, &since, &a.By, &a.Software)
	a.Since = timeOf(since)
	return a, err
}

// Waiting lists who waits for approval.
func (x *Enrolments) Waiting(ctx context.Context) (all []store.Applicant, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(`SELECT ` + applicantColumns + ` FROM applicant ORDER BY since, id`)
		return each(rows, err, func(rows *sql.Rows) error {
			a, err := scanApplicant(rows)
			all = append(all, a)
			return err
		})
	})
	return all, err
}

// Approve puts a waiting client into the directory.
func (x *Enrolments) Approve(ctx context.Context, client string, act store.Act) error {
	return x.write(ctx, act, func(tx *file.Tx) error {
		a, err := scanApplicant(tx.Row(`SELECT `+applicantColumns+` FROM applicant WHERE id = ?`, client))
		if err != nil {
			return err
		}
		if err := forget(tx, client); err != nil {
			return err
		}
		return admit(tx, &a)
	})
}

// Dismiss forgets a waiting client.
func (x *Enrolments) Dismiss(ctx context.Context, client string, act store.Act) error {
	return x.write(ctx, act, func(tx *file.Tx) error { return forget(tx, client) })
}

func forget(tx *file.Tx, client string) error {
	n, err := tx.Exec(`DELETE FROM applicant WHERE id = ?`, client)
	if err == nil && n == 0 {
		err = store.ErrAbsent
	}
	return err
}

// Second reports whether a second person must approve.
func (x *Enrolments) Second(ctx context.Context) (second bool, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT second FROM enrolment WHERE id = 1`).Scan(&second)
	})
	return second, err
}

// SetSecond says whether a second person must approve.
func (x *Enrolments) SetSecond(ctx context.Context, second bool, act store.Act) error {
	return x.write(ctx, act, func(tx *file.Tx) error {
		_, err := tx.Exec(`UPDATE enrolment SET second = ? WHERE id = 1`, second)
		return err
	})
}
