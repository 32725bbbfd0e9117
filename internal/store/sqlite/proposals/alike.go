package proposals

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

const (
	shared = `SELECT value FROM db_key WHERE database = ? AND field = ? AND value > ? GROUP BY value HAVING count(*) > 1 ORDER BY value LIMIT ?`
	saying = `SELECT y.id FROM db_key y CROSS JOIN db_entry e ON e.database = y.database AND e.id = y.id
 WHERE y.database = ? AND y.field = ? AND y.value = ? AND e.state = 'live' ORDER BY y.id LIMIT ?`
)

// Groups walks values that several entries have.
func (x *Proposals) Groups(ctx context.Context, database registry.ID, field string, after []byte, limit, most int) ([]house.Group, error) {
	var out []house.Group
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(shared, string(database), field, entry.Bytes(after), file.Limit(limit))
		err = file.Each(rows, err, func(row file.Scanner) error {
			var g house.Group
			err := row.Scan(&g.Value)
			out = append(out, g)
			return err
		})
		if err != nil {
			return err
		}
		for i := range out {
			rows, err := s.Rows(saying, string(database), field, out[i].Value, file.Limit(most))
			err = file.Each(rows, err, func(row file.Scanner) error {
				var id []byte
				if err := row.Scan(&id); err != nil {
					return err
				}
				all, err := house.ReadEntries(id)
				out[i].Entries = append(out[i].Entries, all...)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// KeysOf returns what entries are found by.
func (x *Proposals) KeysOf(ctx context.Context, database registry.ID, of []registry.EntryID) (out []house.EntryKey, err error) {
	var args []any
	for i := range of {
		args = append(args, string(database), of[i][:])
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		return s.AskBulk(askKeys, args, func(row file.Scanner) error {
			var id []byte
			var k house.EntryKey
			if err := row.Scan(&id, &k.Field, &k.Value); err != nil {
				return err
			}
			all, err := house.ReadEntries(id)
			if len(all) == 1 {
				k.Entry = all[0]
			}
			out = append(out, k)
			return err
		})
	})
	slices.SortFunc(out, func(a, b house.EntryKey) int {
		return cmp.Or(bytes.Compare(a.Entry[:], b.Entry[:]), cmp.Compare(a.Field, b.Field), bytes.Compare(a.Value, b.Value))
	})
	return out, err
}
