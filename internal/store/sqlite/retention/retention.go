// Package retention is the embedded engine's side of store.Retention: it
// destroys records, keeps their tombstones, and cleans the file's pages of what
// was destroyed. What may be destroyed is decided above.
package retention

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Retention implements store.Retention.
type Retention struct{ db *file.DB }

var _ store.Retention = (*Retention)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Retention { return &Retention{db: db} }

// Due returns records to be erased, oldest first.
func (x *Retention) Due(ctx context.Context, class string, month int, limit int) ([]store.Record, error) {
	from := time.Date(month/100, time.Month(month%100), 1, 0, 0, 0, 0, clock.Hanoi)
	var all []store.Record
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT `+file.RecordColumns+` FROM `+file.RecordsByTime+` WHERE r.received >= ? AND r.received < ?
 AND r.class = ? AND r.month = ? AND r.erased IS NULL ORDER BY r.received, r.facility, r.serial LIMIT ?`,
			file.Micros(from), file.Micros(from.AddDate(0, 1, 0)), class, month, limit)
		if err != nil {
			return err
		}
		all, err = file.ScanRecords(rows)
		return err
	})
	return all, err
}

// Archive moves pieces of older records into an archive file.
func (x *Retention) Archive(ctx context.Context, before time.Time, limit int) (int, error) {
	return x.db.Archive(ctx, before, limit)
}

// Terms counts what is kept by class and month.
func (x *Retention) Terms(ctx context.Context) ([]store.Term, error) {
	var out []store.Term
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT class, month, sum(records), sum(erased), sum(files), sum(keys) FROM (
 SELECT class, month, erased IS NULL AS records, erased IS NOT NULL AS erased, 0 AS files, 0 AS keys FROM record
 UNION ALL SELECT class, month, 0, 0, 1, 0 FROM file WHERE wrapped IS NOT NULL
 UNION ALL SELECT DISTINCT class, month, 0, 0, 0, 1 FROM month_key) GROUP BY class, month ORDER BY class, month`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var t store.Term
			if err := rows.Scan(&t.Class, &t.Month, &t.Records, &t.Erased, &t.Files, &t.Key); err != nil {
				return err
			}
			out = append(out, t)
		}
		return rows.Err()
	})
	return out, err
}

// DropMonth destroys a month key that nothing needs.
func (x *Retention) DropMonth(ctx context.Context, class string, month int, act store.Act) (residue []store.Residue, err error) {
	if err := file.CheckAct(act); err != nil {
		return nil, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		residue = nil
		there := false
		rows, err := tx.Rows(`SELECT wrapped FROM month_key WHERE class = ? AND month = ?`, class, month)
		if err := file.Each(rows, err, func(row file.Scanner) error {
			there = true
			var wrapped []byte
			err := row.Scan(&wrapped)
			residue = append(residue, keyResidue(wrapped)...)
			return err
		}); err != nil {
			return err
		}
		if !there {
			return store.ErrAbsent
		}
		var used bool
		if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM record WHERE class = ?1 AND month = ?2 AND wrapped IS NOT NULL)
 OR EXISTS (SELECT 1 FROM file WHERE class = ?1 AND month = ?2 AND wrapped IS NOT NULL)
 OR EXISTS (SELECT 1 FROM db_entry WHERE class = ?1 AND month = ?2 AND length(wrapped) > 0)
 OR EXISTS (SELECT 1 FROM db_entry_version WHERE class = ?1 AND month = ?2 AND length(wrapped) > 0)`, class, month).Scan(&used); err != nil {
			return err
		}
		if used {
			return store.ErrKeyInUse
		}
		if _, err := tx.Exec(`DELETE FROM month_key WHERE class = ? AND month = ?`, class, month); err != nil {
			return err
		}
		return tx.Act(act)
	})
	return residue, err
}

const selectTombstone = `SELECT facility, serial, at, reason, number, actor FROM tombstone`

func scan(row file.Scanner) (*store.Tombstone, error) {
	var t store.Tombstone
	var facility string
	var serial []byte
	var at int64
	if err := row.Scan(&facility, &serial, &at, &t.Reason, &t.Case, &t.Actor); err != nil {
		return nil, err
	}
	t.At = file.Time(at)
	var err error
	t.Record, err = file.ID(care.FacilityCode(facility), serial)
	return &t, err
}

// Tombstone returns the tombstone of one record.
func (x *Retention) Tombstone(ctx context.Context, id dossier.ID) (t *store.Tombstone, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		t, err = scan(s.Row(selectTombstone+` WHERE facility = ? AND serial = ?`, string(id.Facility), id.Serial[:]))
		return err
	})
	return t, err
}

// Tombstones gives every tombstone.
func (x *Retention) Tombstones(ctx context.Context, fn func(*store.Tombstone) error) error {
	return x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(selectTombstone + ` ORDER BY facility, serial`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			t, err := scan(rows)
			if err != nil {
				return err
			}
			if err := fn(t); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
