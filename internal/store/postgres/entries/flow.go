package entries

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
)

// A log's commits follow one another under the lock of its head row, and each
// takes the indexes behind the one before: who sees a leaf sees all before it.
const (
	following = `SELECT ` + handle.RecordColumns + ` FROM leaf l JOIN record r ON r.facility = l.facility AND r.serial = l.serial ` + handle.RecordJoins + `
		WHERE l.log = $1 AND l.idx >= $2 AND l.facility <> '' ORDER BY l.idx LIMIT $3`
	// What a record changed: of its own episode, and what it names.
	changed = `SELECT facility, serial FROM record WHERE facility = $1 AND episode = $2 AND kind = $3 AND (superseded_by = $4 OR withdrawn_by = $4)
		UNION SELECT facility, serial FROM record WHERE facility = $1 AND serial IN ($5, $6) AND (superseded_by = $4 OR withdrawn_by = $4) ORDER BY 2`
)

// After returns records of all facilities in the order of commits.
func (x *Entries) After(ctx context.Context, after string, limit int) ([]house.Moved, string, error) {
	place, err := store.ParseFeedPlace(after)
	if err != nil {
		return nil, "", err
	}
	limit = handle.Limit(limit)
	rows, err := x.db.Pool.Query(ctx, `SELECT log FROM log ORDER BY log`)
	if err != nil {
		return nil, "", handle.Fault(err)
	}
	logs, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, "", handle.Fault(err)
	}
	lists := make([][]store.Fed, len(logs))
	b := &pgx.Batch{}
	for i, log := range logs {
		b.Queue(following, log, int64(place[log]), limit).Query(func(rows pgx.Rows) error {
			all, err := handle.CollectRecords(rows)
			for _, r := range all {
				lists[i] = append(lists[i], store.Fed{Record: r})
			}
			return err
		})
	}
	if b.Len() > 0 {
		if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
			return nil, "", handle.Fault(err)
		}
	}
	out, err := x.moved(ctx, place.Take(lists, limit))
	return out, place.String(), err
}

func (x *Entries) moved(ctx context.Context, fresh []store.Fed) ([]house.Moved, error) {
	out := make([]house.Moved, len(fresh))
	b := &pgx.Batch{}
	for i := range fresh {
		f := &fresh[i]
		out[i] = house.Moved{Record: registry.RecordID(f.ID), Kind: f.Kind, State: string(f.State()), Current: f.Current, FacilityVersion: f.FacilityVersion, Received: f.Received,
			Documents: f.Documents, Withdraws: registry.RecordID(f.Withdraws), Log: f.Place.Log, Leaf: f.Place.Index}
		if !f.Changes() {
			continue
		}
		b.Queue(changed, string(f.ID.Facility), handle.Hash(f.Episode), f.Kind, handle.UUID(f.ID.Serial), handle.UUID(f.Supersedes.Serial), handle.UUID(f.Withdraws.Serial)).
			Query(func(rows pgx.Rows) error {
				var code string
				var serial pgtype.UUID
				_, err := pgx.ForEachRow(rows, []any{&code, &serial}, func() error {
					out[i].Changed = append(out[i].Changed, registry.RecordID(handle.ID(code, serial)))
					return nil
				})
				return err
			})
	}
	if b.Len() == 0 {
		return out, nil
	}
	return out, handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}
