package entries

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/registry"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/scoring"
)

const (
	// emptied is what remains of a version.
	emptied = ` SET sealed = '', wrapped = '', open = '{}', content = '', valid_from = 0, valid_to = 0`
	of      = ` WHERE record <> '' AND record_facility = $2 AND record = $3 AND database = $1`
)

// wipe queues the end of what is kept of records, after what a batch says of their
// entries.
func wipe(q *pgx.Batch, id registry.ID, records []registry.RecordID) {
	for _, r := range records {
		for _, text := range []string{
			`DELETE FROM db_key WHERE database = $1 AND id IN (SELECT id FROM db_entry` + of + `)`,
			`UPDATE db_entry` + emptied + of, `UPDATE db_entry_version` + emptied + of,
			`DELETE FROM db_said WHERE database = $1 AND facility = $2 AND serial = $3`,
		} {
			q.Queue(text, string(id), string(r.Facility), r.Serial[:])
		}
	}
}

// Erased returns records whose entries are to be wiped.
func (x *Entries) Erased(ctx context.Context, limit int) ([]registry.RecordID, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT facility, serial FROM db_erased ORDER BY facility, serial LIMIT $1`, handle.Limit(limit))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r registry.RecordID, err error) {
		var facility string
		var serial []byte
		if err := row.Scan(&facility, &serial); err != nil {
			return r, err
		}
		r.Facility = care.FacilityCode(facility)
		copy(r.Serial[:], serial)
		return r, nil
	})
	return out, handle.Fault(err)
}

// Wiped takes records off that list.
func (x *Entries) Wiped(ctx context.Context, records []registry.RecordID) error {
	b := &pgx.Batch{}
	for _, r := range records {
		b.Queue(`DELETE FROM db_erased WHERE facility = $1 AND serial = $2`, string(r.Facility), r.Serial[:])
	}
	if b.Len() == 0 {
		return nil
	}
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

// MadeOf returns entries that have a version made of one of the records.
func (x *Entries) MadeOf(ctx context.Context, id registry.ID, records []registry.RecordID) ([]registry.EntryID, error) {
	var out []registry.EntryID
	b := &pgx.Batch{}
	for _, r := range records {
		b.Queue(`SELECT id FROM db_entry`+of+` UNION SELECT id FROM db_entry_version`+of, string(id), string(r.Facility), r.Serial[:]).Query(func(rows pgx.Rows) error {
			var key []byte
			_, err := pgx.ForEachRow(rows, []any{&key}, func() error {
				out = append(out, registry.EntryID(key))
				return nil
			})
			return err
		})
	}
	if b.Len() == 0 {
		return nil, nil
	}
	err := x.db.Pool.SendBatch(ctx, b).Close()
	return entry.Once(out), handle.Fault(err)
}

const left = `SELECT (SELECT count(*) FROM tombstone t JOIN db_entry e ON e.record_facility = t.facility AND e.record = uuid_send(t.serial) AND e.record <> ''
		WHERE (e.open <> '{}' OR e.sealed <> '' OR e.content <> '') AND NOT EXISTS (SELECT 1 FROM db_erased d WHERE d.facility = t.facility AND d.serial = uuid_send(t.serial)))
	+ (SELECT count(*) FROM tombstone t JOIN db_entry_version e ON e.record_facility = t.facility AND e.record = uuid_send(t.serial) AND e.record <> ''
		WHERE (e.open <> '{}' OR e.sealed <> '' OR e.content <> '') AND NOT EXISTS (SELECT 1 FROM db_erased d WHERE d.facility = t.facility AND d.serial = uuid_send(t.serial)))`

// Left counts versions of erased records that still have values.
func (x *Entries) Left(ctx context.Context) (n int64, err error) {
	return n, handle.Fault(x.db.Pool.QueryRow(ctx, left).Scan(&n))
}

// RecountScores counts the marks of entries anew.
func (x *Entries) RecountScores(ctx context.Context, first, last int) ([]house.ScoreSum, error) {
	from, to, err := entry.Days(first, last)
	if err != nil {
		return nil, err
	}
	add := scoring.NewAdder(house.ScoreQuery{By: []house.ScoreDimension{house.ScoreByDay}})
	rows, err := x.db.Pool.Query(ctx, `SELECT database, at, marks FROM db_entry WHERE state = 'live' AND at >= $1 AND at < $2 AND marks <> ''`, from, to)
	if err != nil {
		return nil, handle.Fault(err)
	}
	var database string
	var at int64
	var marks []byte
	_, err = pgx.ForEachRow(rows, []any{&database, &at, &marks}, func() error {
		sheet, err := tally.Marks(marks).Sheet()
		if err != nil {
			return err
		}
		add.Of("db:"+database, sheet, scoring.Attributes{}, clock.Day(entry.Moment(at))).Add(marks, 1)
		return nil
	})
	if err != nil {
		return nil, handle.Fault(err)
	}
	return add.Sums(), nil
}
