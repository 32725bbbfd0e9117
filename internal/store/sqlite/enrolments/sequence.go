package enrolments

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Sequence moves a client's sequence.
func (x *Enrolments) Sequence(ctx context.Context, s store.Step) (token string, ok bool, err error) {
	if err := store.CheckText(s.Client, s.Prev, s.Next); err != nil {
		return "", false, err
	}
	err = x.db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error {
		token, ok = "", false
		var n, forked int64
		var prev, last string
		err := tx.Row(`SELECT n, prev, token, forked FROM sender WHERE client = ?`, s.Client).Scan(&n, &prev, &last, &forked)
		if errors.Is(err, sql.ErrNoRows) {
			last, err = "-", nil
		}
		switch {
		case err != nil, forked != 0:
			return err
		case s.N == n && s.Prev == prev:
			token, ok = last, true
			return nil
		case s.N == n+1 && s.Prev == last, s.N > n+1 && s.Known:
			token, ok = s.Next, true
			_, err := tx.Exec(`INSERT INTO sender (client, n, prev, token, at, forked) VALUES (?, ?, ?, ?, ?, 0)
 ON CONFLICT (client) DO UPDATE SET n = excluded.n, prev = excluded.prev, token = excluded.token, at = excluded.at`, s.Client, s.N, s.Prev, s.Next, moment(s.At))
			return err
		}
		return nil
	})
	if err != nil {
		return "", false, err
	}
	return token, ok, nil
}

// Fork keeps that a client's sequence forked.
func (x *Enrolments) Fork(ctx context.Context, client string, at time.Time, act store.Act) (fresh bool, err error) {
	if err := errors.Join(store.CheckText(client), file.CheckAct(act)); err != nil {
		return false, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE sender SET forked = max(forked, ?) WHERE client = ? AND forked > 0`, moment(at), client)
		if fresh = n == 0; err != nil || !fresh {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO sender (client, n, prev, token, at, forked) VALUES (?1, 0, '', '-', ?2, ?2)
 ON CONFLICT (client) DO UPDATE SET forked = excluded.forked`, client, moment(at)); err != nil {
			return err
		}
		return tx.Act(act)
	})
	return fresh && err == nil, err
}

// Forks lists clients in use whose sequence forked.
func (x *Enrolments) Forks(ctx context.Context) (map[string]time.Time, error) {
	var all map[string]time.Time
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		all = map[string]time.Time{}
		rows, err := s.Rows(`SELECT s.client, s.forked FROM sender s JOIN client c ON c.id = s.client WHERE s.forked > 0 AND c.revoked IS NULL`)
		return each(rows, err, func(rows *sql.Rows) error {
			var client string
			var at int64
			err := rows.Scan(&client, &at)
			all[client] = timeOf(at)
			return err
		})
	})
	return all, err
}
