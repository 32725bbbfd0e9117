package entries

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/registry"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
)

// emptied is what remains of a version.
const emptied = ` SET sealed = x'', wrapped = x'', open = '{}', content = x'', valid_from = 0, valid_to = 0`

// wipe destroys what is kept of records, after what a batch says of their entries.
func wipe(tx *file.Tx, id registry.ID, records []registry.RecordID) error {
	for _, r := range records {
		for _, q := range []string{
			`DELETE FROM db_key WHERE database = ?1 AND id IN (SELECT id FROM db_entry WHERE record <> x'' AND record_facility = ?2 AND record = ?3 AND database = ?1)`,
			`UPDATE db_entry` + emptied + ` WHERE record <> x'' AND record_facility = ?2 AND record = ?3 AND database = ?1`,
			`UPDATE db_entry_version` + emptied + ` WHERE record <> x'' AND record_facility = ?2 AND record = ?3 AND database = ?1`,
			`DELETE FROM db_said WHERE database = ?1 AND facility = ?2 AND serial = ?3`,
		} {
			if _, err := tx.Exec(q, string(id), string(r.Facility), r.Serial[:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Erased returns records whose entries are to be wiped.
func (x *Entries) Erased(ctx context.Context, limit int) (out []registry.RecordID, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT facility, serial FROM db_erased ORDER BY facility, serial LIMIT ?`, file.Limit(limit))
		return file.Each(rows, err, func(row file.Scanner) error {
			var facility string
			var serial []byte
			if err := row.Scan(&facility, &serial); err != nil {
				return err
			}
			id, err := file.ID(care.FacilityCode(facility), serial)
			out = append(out, registry.RecordID(id))
			return err
		})
	})
	return out, err
}

// Wiped takes records off that list.
func (x *Entries) Wiped(ctx context.Context, records []registry.RecordID) error {
	return x.db.Write(ctx, file.Backlog, 1, func(tx *file.Tx) error {
		for _, r := range records {
			if _, err := tx.Exec(`DELETE FROM db_erased WHERE facility = ? AND serial = ?`, string(r.Facility), r.Serial[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// MadeOf returns entries that have a version made of one of the records.
func (x *Entries) MadeOf(ctx context.Context, id registry.ID, records []registry.RecordID) (out []registry.EntryID, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		for _, r := range records {
			rows, err := s.Rows(`SELECT id FROM db_entry WHERE record <> x'' AND record_facility = ?2 AND record = ?3 AND database = ?1
 UNION SELECT id FROM db_entry_version WHERE record <> x'' AND record_facility = ?2 AND record = ?3 AND database = ?1`, string(id), string(r.Facility), r.Serial[:])
			err = file.Each(rows, err, func(row file.Scanner) error {
				var key []byte
				err := row.Scan(&key)
				if err == nil {
					out = append(out, registry.EntryID(key))
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return entry.Once(out), err
}

const left = `SELECT count(*) FROM tombstone t CROSS JOIN db_entry e ON e.record_facility = t.facility AND e.record = t.serial AND e.record <> x''
 WHERE (e.open <> '{}' OR e.sealed <> x'' OR e.content <> x'') AND NOT EXISTS (SELECT 1 FROM db_erased d WHERE d.facility = t.facility AND d.serial = t.serial)
 UNION ALL SELECT count(*) FROM tombstone t CROSS JOIN db_entry_version e ON e.record_facility = t.facility AND e.record = t.serial AND e.record <> x''
 WHERE (e.open <> '{}' OR e.sealed <> x'' OR e.content <> x'') AND NOT EXISTS (SELECT 1 FROM db_erased d WHERE d.facility = t.facility AND d.serial = t.serial)`

// Left counts versions of erased records that still have values.
func (x *Entries) Left(ctx context.Context) (all int64, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = 0
		rows, err := s.Rows(left)
		return file.Each(rows, err, func(row file.Scanner) error {
			var n int64
			err := row.Scan(&n)
			all += n
			return err
		})
	})
	return all, err
}

// RecountScores counts the marks of entries anew.
func (x *Entries) RecountScores(ctx context.Context, first, last int) ([]house.ScoreSum, error) {
	from, to, err := entry.Days(first, last)
	if err != nil {
		return nil, err
	}
	var add *scoring.Adder
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		add = scoring.NewAdder(house.ScoreQuery{By: []house.ScoreDimension{house.ScoreByDay}})
		rows, err := s.Rows(`SELECT database, at, marks FROM db_entry WHERE state = 'live' AND at >= ? AND at < ? AND marks <> x''`, from, to)
		return file.Each(rows, err, func(row file.Scanner) error {
			var database string
			var at int64
			var marks []byte
			if err := row.Scan(&database, &at, &marks); err != nil {
				return err
			}
			sheet, err := tally.Marks(marks).Sheet()
			if err != nil {
				return err
			}
			add.Of("db:"+database, sheet, scoring.Attributes{}, clock.Day(entry.Moment(at))).Add(marks, 1)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return add.Sums(), nil
}
