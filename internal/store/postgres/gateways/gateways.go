// Package gateways keeps in PostgreSQL accounts, sessions and failed logins of
// the drop-in gateway. It checks no password.
package gateways

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Gateways is the store.Gateways of a hub.
type Gateways struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Gateways = (*Gateways)(nil)

// New returns the slice; writer nil: what needs an act's leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Gateways { return &Gateways{db, writer} }

// PutAccount keeps an account with its act.
func (x *Gateways) PutAccount(ctx context.Context, a store.GatewayAccount, act store.Act) error {
	return x.change(ctx, act, []string{a.User, string(a.Facility), a.Hash}, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO gateway_account AS g (name, facility, hash, roaming, since, revoked) VALUES ($1, $2, $3, $4, $5, 0)
			ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, roaming = excluded.roaming, since = excluded.since, revoked = 0
			WHERE g.facility = excluded.facility`, a.User, string(a.Facility), a.Hash, a.Roaming, handle.Micros(a.Since)).Exec(one(store.ErrTaken))
		b.Queue(`DELETE FROM gateway_session WHERE name = $1`, a.User)
	})
}

// one says what it means that no row was changed.
func one(none error) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return none
		}
		return nil
	}
}

// Account returns the account of a user.
func (x *Gateways) Account(ctx context.Context, user string) (store.GatewayAccount, error) {
	if err := store.CheckText(user); err != nil {
		return store.GatewayAccount{}, store.ErrAbsent
	}
	a := store.GatewayAccount{User: user}
	var since int64
	err := x.db.Pool.QueryRow(ctx, `SELECT facility, hash, roaming, since FROM gateway_account WHERE name = $1 AND revoked = 0`, user).
		Scan(&a.Facility, &a.Hash, &a.Roaming, &since)
	if err != nil {
		return store.GatewayAccount{}, handle.Fault(err)
	}
	a.Since = handle.Moment(since)
	return a, nil
}

// Accounts lists the accounts of a facility.
func (x *Gateways) Accounts(ctx context.Context, facility care.FacilityCode) ([]store.GatewayAccount, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT name, facility, roaming, since, revoked FROM gateway_account
		WHERE $1 = '' OR facility = $1 ORDER BY facility, name`, string(facility))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a store.GatewayAccount, err error) {
		var since, revoked int64
		err = row.Scan(&a.User, &a.Facility, &a.Roaming, &since, &revoked)
		a.Since, a.Revoked = handle.Moment(since), handle.Moment(revoked)
		return a, err
	})
	return all, handle.Fault(err)
}

// RevokeAccount ends an account and its sessions.
func (x *Gateways) RevokeAccount(ctx context.Context, user string, at time.Time, act store.Act) error {
	return x.change(ctx, act, []string{user}, func(b *pgx.Batch) {
		b.Queue(`UPDATE gateway_account SET revoked = $2 WHERE name = $1 AND revoked = 0`, user, handle.Micros(at)).Exec(one(store.ErrAbsent))
		b.Queue(`DELETE FROM gateway_session WHERE name = $1`, user)
	})
}

func (x *Gateways) change(ctx context.Context, act store.Act, texts []string, queue func(*pgx.Batch)) error {
	if err := errors.Join(store.CheckText(texts...), ledger.CheckAct(act)); err != nil {
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

// Failures returns how many logins of each failed in a row.
func (x *Gateways) Failures(ctx context.Context, who []string, since time.Time) ([]store.GatewayFailures, error) {
	if err := store.CheckText(who...); err != nil {
		return nil, err
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT who, n, last FROM gateway_failure WHERE who = ANY($1) AND last > $2`, who, handle.Micros(since))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out := make([]store.GatewayFailures, len(who))
	var name string
	var n int
	var last int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n, &last}, func() error {
		for i, w := range who {
			if w == name {
				out[i] = store.GatewayFailures{N: n, Last: handle.Moment(last)}
			}
		}
		return nil
	})
	return out, handle.Fault(err)
}

// Failed counts a failed login of each. Names are taken in one order, so that
// two hubs that count the same do not wait for each other for ever.
func (x *Gateways) Failed(ctx context.Context, who []string, at, since time.Time) error {
	if err := store.CheckText(who...); err != nil {
		return err
	}
	who = slices.Sorted(slices.Values(who))
	b := &pgx.Batch{}
	for _, w := range slices.Compact(who) {
		b.Queue(`INSERT INTO gateway_failure AS g (who, n, last) VALUES ($1, 1, $2) ON CONFLICT (who) DO UPDATE
			SET n = CASE WHEN g.last <= $3 THEN 1 ELSE g.n + 1 END, last = greatest(g.last, excluded.last)`, w, handle.Micros(at), handle.Micros(since))
	}
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return handle.Fault(err)
	}
	// SKIP LOCKED: hubs that clear up at once do not wait for each other.
	_, err := x.db.Pool.Exec(ctx, `DELETE FROM gateway_failure g USING (
			SELECT who FROM gateway_failure WHERE last <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED) old
		WHERE g.who = old.who`, handle.Micros(since))
	return handle.Fault(err)
}

// Passed forgets what failed and keeps the pair that was let in.
func (x *Gateways) Passed(ctx context.Context, who []string, pair string, at, since time.Time) error {
	if err := store.CheckText(pair); err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gateway_failure g USING (
			SELECT who FROM gateway_failure WHERE who = ANY($1) ORDER BY who FOR UPDATE) old
		WHERE g.who = old.who`, who)
	b.Queue(`DELETE FROM gateway_pair g USING (
			SELECT who FROM gateway_pair WHERE at <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED) old
		WHERE g.who = old.who`, handle.Micros(since))
	b.Queue(`INSERT INTO gateway_pair AS g (who, at) VALUES ($1, $2) ON CONFLICT (who) DO UPDATE SET at = greatest(g.at, excluded.at)`,
		pair, handle.Micros(at))
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

// Let reports whether a pair was let in after a moment.
func (x *Gateways) Let(ctx context.Context, pair string, since time.Time) (let bool, err error) {
	err = x.db.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM gateway_pair WHERE who = $1 AND at > $2)`, pair, handle.Micros(since)).Scan(&let)
	return let, handle.Fault(err)
}

// Begin keeps a session.
func (x *Gateways) Begin(ctx context.Context, s store.GatewaySession, now time.Time) error {
	if err := store.CheckText(s.User, string(s.Facility), s.Address); err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gateway_session g USING (
			SELECT token FROM gateway_session WHERE expires <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED) old
		WHERE g.token = old.token`, handle.Micros(now))
	b.Queue(`INSERT INTO gateway_session (token, id, bound, facility, name, address, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.Token[:], s.ID[:], s.Bound[:], string(s.Facility), s.User, s.Address, handle.Micros(s.Expires))
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

// Session returns what a token opens now.
func (x *Gateways) Session(ctx context.Context, token [32]byte, now time.Time) (store.GatewaySession, error) {
	s := store.GatewaySession{Token: token}
	var id, bound []byte
	var expires int64
	err := x.db.Pool.QueryRow(ctx, `SELECT s.id, s.bound, s.facility, s.name, s.address, a.roaming, s.expires FROM gateway_session s
		JOIN gateway_account a ON a.name = s.name AND a.revoked = 0 WHERE s.token = $1 AND s.expires > $2`, token[:], handle.Micros(now)).
		Scan(&id, &bound, &s.Facility, &s.User, &s.Address, &s.Roaming, &expires)
	if err == nil {
		err = errors.Join(handle.Digest(&s.ID, id), handle.Digest(&s.Bound, bound))
	}
	if err != nil {
		return store.GatewaySession{}, handle.Fault(err)
	}
	s.Expires = handle.Moment(expires)
	return s, nil
}
