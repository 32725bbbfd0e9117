// Package gateways is the embedded engine's side of store.Gateways: accounts,
// sessions and failed logins of the drop-in gateway. It checks no password.
package gateways

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Gateways implements store.Gateways.
type Gateways struct{ db *file.DB }

var _ store.Gateways = (*Gateways)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Gateways { return &Gateways{db: db} }

// PutAccount keeps an account with its act.
func (x *Gateways) PutAccount(ctx context.Context, a store.GatewayAccount, act store.Act) error {
	if err := errors.Join(store.CheckText(a.User, string(a.Facility), a.Hash), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO gateway_account (user, facility, hash, roaming, since, revoked) VALUES (?, ?, ?, ?, ?, 0)
 ON CONFLICT DO UPDATE SET hash = excluded.hash, roaming = excluded.roaming, since = excluded.since, revoked = 0
 WHERE facility = excluded.facility`, a.User, string(a.Facility), a.Hash, a.Roaming, file.Micros(a.Since))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrTaken
		}
		if _, err := tx.Exec(`DELETE FROM gateway_session WHERE user = ?`, a.User); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Account returns the account of a user.
func (x *Gateways) Account(ctx context.Context, user string) (store.GatewayAccount, error) {
	if err := store.CheckText(user); err != nil {
		return store.GatewayAccount{}, store.ErrAbsent
	}
	a := store.GatewayAccount{User: user}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		var since int64
		err := s.Row(`SELECT facility, hash, roaming, since FROM gateway_account WHERE user = ? AND revoked = 0`, user).
			Scan(&a.Facility, &a.Hash, &a.Roaming, &since)
		a.Since = file.Time(since)
		return err
	})
	if err != nil {
		return store.GatewayAccount{}, err
	}
	return a, nil
}

// Accounts lists the accounts of a facility.
func (x *Gateways) Accounts(ctx context.Context, facility care.FacilityCode) ([]store.GatewayAccount, error) {
	var out []store.GatewayAccount
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT user, facility, roaming, since, revoked FROM gateway_account WHERE ?1 = '' OR facility = ?1 ORDER BY facility, user`, string(facility))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var a store.GatewayAccount
			var since, revoked int64
			if err := rows.Scan(&a.User, &a.Facility, &a.Roaming, &since, &revoked); err != nil {
				return err
			}
			a.Since = file.Time(since)
			if revoked != 0 {
				a.Revoked = file.Time(revoked)
			}
			out = append(out, a)
		}
		return rows.Err()
	})
	return out, err
}

// RevokeAccount ends an account and its sessions.
func (x *Gateways) RevokeAccount(ctx context.Context, user string, at time.Time, act store.Act) error {
	if err := errors.Join(store.CheckText(user), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE gateway_account SET revoked = ? WHERE user = ? AND revoked = 0`, file.Micros(at), user)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrAbsent
		}
		if _, err := tx.Exec(`DELETE FROM gateway_session WHERE user = ?`, user); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Failures returns how many logins of each failed in a row.
func (x *Gateways) Failures(ctx context.Context, who []string, since time.Time) ([]store.GatewayFailures, error) {
	out := make([]store.GatewayFailures, len(who))
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		for i, w := range who {
			out[i] = store.GatewayFailures{}
			var last int64
			switch err := s.Row(`SELECT n, last FROM gateway_failure WHERE who = ? AND last > ?`, w, file.Micros(since)).Scan(&out[i].N, &last); {
			case errors.Is(err, sql.ErrNoRows):
			case err != nil:
				return err
			default:
				out[i].Last = file.Time(last)
			}
		}
		return nil
	})
	return out, err
}

// Failed counts a failed login of each.
func (x *Gateways) Failed(ctx context.Context, who []string, at, since time.Time) error {
	if err := store.CheckText(who...); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`DELETE FROM gateway_failure WHERE last <= ?`, file.Micros(since)); err != nil {
			return err
		}
		for _, w := range who {
			if _, err := tx.Exec(`INSERT INTO gateway_failure (who, n, last) VALUES (?, 1, ?)
 ON CONFLICT DO UPDATE SET n = n + 1, last = max(last, excluded.last)`, w, file.Micros(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Passed forgets what failed and keeps the pair that was let in.
func (x *Gateways) Passed(ctx context.Context, who []string, pair string, at, since time.Time) error {
	if err := store.CheckText(pair); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		for _, w := range who {
			if _, err := tx.Exec(`DELETE FROM gateway_failure WHERE who = ?`, w); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`DELETE FROM gateway_pair WHERE at <= ?`, file.Micros(since)); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO gateway_pair (who, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)`, pair, file.Micros(at))
		return err
	})
}

// Let reports whether a pair was let in after a moment.
func (x *Gateways) Let(ctx context.Context, pair string, since time.Time) (let bool, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT EXISTS (SELECT 1 FROM gateway_pair WHERE who = ? AND at > ?)`, pair, file.Micros(since)).Scan(&let)
	})
	return let, err
}

// Begin keeps a session.
func (x *Gateways) Begin(ctx context.Context, v store.GatewaySession, now time.Time) error {
	if err := store.CheckText(v.User, string(v.Facility), v.Address); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`DELETE FROM gateway_session WHERE expires <= ?`, file.Micros(now)); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO gateway_session (token, id, bound, facility, user, address, expires) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			v.Token[:], v.ID[:], v.Bound[:], string(v.Facility), v.User, v.Address, file.Micros(v.Expires))
		return err
	})
}

// Session returns what a token opens now.
func (x *Gateways) Session(ctx context.Context, token [32]byte, now time.Time) (store.GatewaySession, error) {
	v := store.GatewaySession{Token: token}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		var id, bound []byte
		var expires int64
		err := s.Row(`SELECT s.id, s.bound, s.facility, s.user, s.address, a.roaming, s.expires FROM gateway_session s
 JOIN gateway_account a ON a.user = s.user AND a.revoked = 0 WHERE s.token = ? AND s.expires > ?`, token[:], file.Micros(now)).
			Scan(&id, &bound, &v.Facility, &v.User, &v.Address, &v.Roaming, &expires)
		copy(v.ID[:], id)
		copy(v.Bound[:], bound)
		v.Expires = file.Time(expires)
		return err
	})
	if err != nil {
		return store.GatewaySession{}, err
	}
	return v, nil
}
