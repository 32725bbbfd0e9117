// Package keys is the embedded engine's side of store.Keys: wrapped month keys,
// the hub's own facts, administrative acts. It opens no key.
package keys

import (
	"context"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Keys implements store.Keys.
type Keys struct{ db *file.DB }

var _ store.Keys = (*Keys)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Keys { return &Keys{db: db} }

// Months returns every wrapped month key, by class and month.
func (x *Keys) Months(ctx context.Context) ([]store.MonthKey, error) {
	var out []store.MonthKey
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT class, month, generation, master, wrapped FROM month_key ORDER BY class, month, generation`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var k store.MonthKey
			if err := rows.Scan(&k.Class, &k.Month, &k.Generation, &k.Master, &k.Wrapped); err != nil {
				return err
			}
			out = append(out, k)
		}
		return rows.Err()
	})
	return out, err
}

// PutMonth keeps a month key unless one is there.
func (x *Keys) PutMonth(ctx context.Context, key store.MonthKey) (store.MonthKey, error) {
	if err := store.CheckText(key.Class, key.Master); err != nil {
		return store.MonthKey{}, err
	}
	kept := key
	err := x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO month_key (class, month, generation, master, wrapped) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			key.Class, key.Month, key.Generation, key.Master, key.Wrapped); err != nil {
			return err
		}
		return tx.Row(`SELECT master, wrapped FROM month_key WHERE class = ? AND month = ? AND generation = ?`, key.Class, key.Month, key.Generation).Scan(&kept.Master, &kept.Wrapped)
	})
	return kept, err
}

// Fact returns a fact of the hub.
func (x *Keys) Fact(ctx context.Context, name string) (value []byte, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT value FROM fact WHERE name = ?`, name).Scan(&value)
	})
	return value, err
}

// PutFact keeps a fact unless it is there, and returns what is.
func (x *Keys) PutFact(ctx context.Context, name string, value []byte) (kept []byte, err error) {
	if err := store.CheckText(name); err != nil {
		return nil, err
	}
	if value == nil {
		value = []byte{}
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, value); err != nil {
			return err
		}
		return tx.Row(`SELECT value FROM fact WHERE name = ?`, name).Scan(&kept)
	})
	return kept, err
}

// Act keeps an act with its leaf.
func (x *Keys) Act(ctx context.Context, act store.Act) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error { return tx.Act(act) })
}

// Acts returns a page of acts, newest first.
func (x *Keys) Acts(ctx context.Context, before int64, limit int) ([]store.Act, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	var out []store.Act
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT id, at, actor, action, object, detail FROM act WHERE id < ? ORDER BY id DESC LIMIT ?`, before, file.Limit(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var a store.Act
			var at int64
			if err := rows.Scan(&a.ID, &at, &a.Actor, &a.Action, &a.Object, &a.Detail); err != nil {
				return err
			}
			a.At = file.Time(at)
			out = append(out, a)
		}
		return rows.Err()
	})
	return out, err
}
