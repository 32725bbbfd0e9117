package duties

import (
	"context"
	"errors"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Items implements house.DutyItems.
type Items struct{ db *file.DB }

var _ house.DutyItems = (*Items)(nil)

// NewItems returns the slice of an open file.
func NewItems(db *file.DB) *Items { return &Items{db: db} }

// PutItems keeps next versions together with their act.
func (x *Items) PutItems(ctx context.Context, items []house.Item, act store.Act) error {
	if err := errors.Join(CheckItems(items), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if err := Put(tx, items); err != nil {
			return err
		}
		return tx.ActOf(act)
	})
}

// CheckItems refuses what no item may say.
func CheckItems(items []house.Item) error {
	for i := range items {
		if err := house.CheckItem(&items[i]); err != nil {
			return err
		}
	}
	return nil
}

// Put keeps next versions with what else a transaction does; store.ErrChanged.
func Put(tx *file.Tx, items []house.Item) error {
	for i := range items {
		m := &items[i]
		var version int
		if err := tx.Row(`SELECT COALESCE(MAX(version), 0) FROM duty_item WHERE sort = ? AND id = ?`, m.Sort, m.ID).Scan(&version); err != nil {
			return err
		}
		if version != m.Version-1 {
			return store.ErrChanged
		}
		if _, err := tx.Exec(`INSERT INTO duty_item (sort, id, version, at, actor, said) VALUES (?, ?, ?, ?, ?, ?)`,
			m.Sort, m.ID, m.Version, file.Micros(m.At), m.Actor, m.Said); err != nil {
			return err
		}
	}
	return nil
}

// Items returns the newest version of each of a sort.
func (x *Items) Items(ctx context.Context, sort string) ([]house.Item, error) {
	return x.list(ctx, `SELECT sort, id, version, at, actor, said FROM duty_item i WHERE sort = ?
 AND version = (SELECT MAX(n.version) FROM duty_item n WHERE n.sort = i.sort AND n.id = i.id) ORDER BY id`, sort)
}

// ItemVersions returns every version of one, oldest first.
func (x *Items) ItemVersions(ctx context.Context, sort, id string) ([]house.Item, error) {
	return x.list(ctx, `SELECT sort, id, version, at, actor, said FROM duty_item WHERE sort = ? AND id = ? ORDER BY version`, sort, id)
}

func (x *Items) list(ctx context.Context, q string, args ...any) (all []house.Item, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(q, args...)
		return file.Each(rows, err, func(row file.Scanner) error {
			var m house.Item
			var at int64
			if err := row.Scan(&m.Sort, &m.ID, &m.Version, &at, &m.Actor, &m.Said); err != nil {
				return err
			}
			m.At = file.Time(at)
			all = append(all, m)
			return nil
		})
	})
	return all, err
}
