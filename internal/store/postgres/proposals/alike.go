package proposals

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/registry"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
)

// Groups walks values that several entries have.
func (x *Proposals) Groups(ctx context.Context, database registry.ID, field string, after []byte, limit, most int) ([]house.Group, error) {
	rows, err := x.db.Pool.Query(ctx, `WITH v AS MATERIALIZED (SELECT value FROM db_key WHERE database = $1 AND field = $2 AND value > $3 GROUP BY value HAVING count(*) > 1 ORDER BY value LIMIT $4)
		SELECT v.value, ARRAY(SELECT y.id FROM db_key y JOIN db_entry e ON e.database = y.database AND e.id = y.id
			WHERE y.database = $1 AND y.field = $2 AND y.value = v.value AND e.state = 'live' ORDER BY y.id LIMIT $5) FROM v ORDER BY v.value`,
		string(database), field, entry.Bytes(after), handle.Limit(limit), handle.Limit(most))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g house.Group, err error) {
		var ids [][]byte
		if err := row.Scan(&g.Value, &ids); err != nil {
			return g, err
		}
		for _, id := range ids {
			all, err := house.ReadEntries(id)
			if err != nil {
				return g, err
			}
			g.Entries = append(g.Entries, all...)
		}
		return g, nil
	})
	return out, handle.Fault(err)
}

// KeysOf returns what entries are found by.
func (x *Proposals) KeysOf(ctx context.Context, database registry.ID, of []registry.EntryID) ([]house.EntryKey, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT id, field, value FROM db_key WHERE database = $1 AND id = ANY($2) ORDER BY id, field, value`, string(database), idsOf(of))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k house.EntryKey, err error) {
		var id []byte
		if err := row.Scan(&id, &k.Field, &k.Value); err != nil {
			return k, err
		}
		all, err := house.ReadEntries(id)
		if len(all) == 1 {
			k.Entry = all[0]
		}
		return k, err
	})
	return out, handle.Fault(err)
}
