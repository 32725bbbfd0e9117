// Package counters is the embedded engine's side of store.Counters: deltas as
// intake appends them, their sums, and the same counted anew from the rows.
package counters

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Counters implements store.Counters.
type Counters struct {
	db    *file.DB
	clock clock.Clock
}

var _ store.Counters = (*Counters)(nil)

// New returns the slice of an open file; c says which minutes are past keeping.
func New(db *file.DB, c clock.Clock) *Counters { return &Counters{db: db, clock: c} }

const (
	// foldRows is how many deltas one fold takes, so that intake waits for at
	// most some 20 ms.
	foldRows = 10_000
	// minutesKept is how long single minutes are kept.
	minutesKept = 48 * time.Hour
)

// summed is every folded and unfolded delta.
const summed = `(SELECT facility_version, day, kind, measure, purpose, n FROM counter
 UNION ALL SELECT facility_version, day, kind, measure, purpose, n FROM delta) d`

// Sum adds what is folded to what is not, of one state of the file.
func (x *Counters) Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	if err := known(q); err != nil {
		return nil, err
	}
	if ofPlaces(scope, q) {
		return x.read(ctx, places(scope, q), by(placeDimensions, q), q)
	}
	of := file.Select(selected("", summed, q))
	for _, code := range []string{string(scope.Facility), string(q.Facility)} {
		if code != "" { // rows are found by the version they begin with
			of.And(`d.facility_version IN (SELECT id FROM facility_version WHERE code = ?)`, code)
		}
	}
	return x.read(ctx, versions(of, scope, q), by(dimensions, q), q)
}

// dimensions are the columns counts are split by.
var dimensions = map[store.Dimension]string{
	store.ByDay: `CAST(d.day AS TEXT)`, store.ByKind: `d.kind`, store.ByMeasure: `d.measure`, store.ByPurpose: `d.purpose`,
	store.ByFacility: `coalesce(v.code, '')`, store.ByLevel: `coalesce(v.level, '')`, store.ByProvince: `coalesce(v.province, '')`,
	store.ByUnit: `coalesce(v.unit, '')`, store.ByVendor: `coalesce(v.vendor, '')`, store.ByType: `coalesce(v.type, '')`,
}

// selected begins a statement over rows that are counted by the facility's version.
func selected(with, from string, cq store.CountQuery) string {
	return with + `SELECT ` + strings.Join(append(by(dimensions, cq), `sum(d.n)`), ", ") + ` FROM ` + from + ` LEFT JOIN facility_version v ON v.id = d.facility_version`
}

// versions adds what a query asks of the facility's version.
func versions(q *file.Query, scope role.Scope, cq store.CountQuery) *file.Query {
	q.Within(scope, "v.code", "d.facility_version")
	if cq.Facility != "" {
		q.And(`v.code = ?`, string(cq.Facility))
	}
	if cq.Province != "" {
		q.And(`v.province = ?`, cq.Province)
	}
	return q
}

func (x *Counters) count(ctx context.Context, with, from string, args []any, scope role.Scope, cq store.CountQuery) ([]store.Count, error) {
	if err := known(cq); err != nil {
		return nil, err
	}
	return x.read(ctx, versions(file.Select(selected(with, from, cq), args...), scope, cq), by(dimensions, cq), cq)
}

// read adds up what a statement selects, split by columns.
func (x *Counters) read(ctx context.Context, q *file.Query, columns []string, cq store.CountQuery) ([]store.Count, error) {
	conditions(q, cq)
	tail := ` HAVING sum(d.n) <> 0`
	if len(columns) > 0 {
		list := strings.Join(columns, ", ")
		tail = ` GROUP BY ` + list + tail + ` ORDER BY ` + list
	}
	text, args := q.End(tail)
	var out []store.Count
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		out, err = scanCounts(rows, len(columns))
		return err
	})
	return out, err
}

func conditions(q *file.Query, cq store.CountQuery) {
	if cq.FromDay != 0 {
		q.And(`d.day >= ?`, cq.FromDay)
	}
	if cq.ToDay != 0 {
		q.And(`d.day <= ?`, cq.ToDay)
	}
	if cq.Measures != nil {
		args := make([]any, len(cq.Measures))
		for i, m := range cq.Measures {
			args[i] = m
		}
		q.And(`d.measure IN (`+file.Marks(len(args))+`)`, args...)
	}
	if cq.Kind != "" {
		q.And(`d.kind = ?`, cq.Kind)
	}
}

func scanCounts(rows *sql.Rows, keys int) ([]store.Count, error) {
	defer rows.Close()
	var out []store.Count
	for rows.Next() {
		c := store.Count{Key: make([]string, keys)}
		to := make([]any, 0, keys+1)
		for i := range c.Key {
			to = append(to, &c.Key[i])
		}
		if err := rows.Scan(append(to, &c.N)...); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Fold adds deltas up and forgets minutes that are past keeping.
func (x *Counters) Fold(ctx context.Context) (folded int, err error) {
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		folded = 0
		var last sql.NullInt64
		if err := tx.Row(`SELECT max(id) FROM (SELECT id FROM delta ORDER BY id LIMIT ?)`, foldRows).Scan(&last); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM minute WHERE minute < ?`, file.Minute(x.clock.Now().Add(-minutesKept))); err != nil || !last.Valid {
			return err
		}
		for _, q := range []string{
			`INSERT INTO counter (facility_version, day, kind, measure, purpose, n)
 SELECT facility_version, day, kind, measure, purpose, sum(n) FROM delta WHERE id <= ? GROUP BY 1, 2, 3, 4, 5
 ON CONFLICT DO UPDATE SET n = n + excluded.n`,
			foldPlaces,
			`INSERT INTO minute (facility_version, minute, measure, n)
 SELECT facility_version, minute, measure, sum(n) FROM delta WHERE id <= ? AND minute IS NOT NULL GROUP BY 1, 2, 3
 ON CONFLICT DO UPDATE SET n = n + excluded.n`,
		} {
			if _, err := tx.Exec(q, last.Int64); err != nil {
				return err
			}
		}
		n, err := tx.Exec(`DELETE FROM delta WHERE id <= ?`, last.Int64)
		folded = int(n)
		return err
	})
	return folded, err
}

// Add appends deltas that belong to no commit.
func (x *Counters) Add(ctx context.Context, _ time.Time, deltas []store.Delta) error {
	sum := file.Deltas{}
	for _, d := range deltas {
		if err := store.CheckText(d.Kind, d.Measure, d.Purpose); err != nil {
			return err
		}
		sum.Add(d, nil)
	}
	return x.db.Write(ctx, file.Routine, 1, sum.Append)
}

// Minutes returns the records of each minute by verdict.
func (x *Counters) Minutes(ctx context.Context, scope role.Scope, since time.Time) ([]store.MinuteCount, error) {
	text, args := file.Select(`SELECT d.minute, d.measure, sum(d.n) FROM
 (SELECT facility_version, minute, measure, n FROM minute UNION ALL SELECT facility_version, minute, measure, n FROM delta WHERE minute IS NOT NULL) d
 LEFT JOIN facility_version v ON v.id = d.facility_version`).Within(scope, "v.code", "v.id").And(`d.minute >= ?`, file.Minute(since)).
		End(` GROUP BY 1, 2 ORDER BY 1, 2`)
	var out []store.MinuteCount
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var m store.MinuteCount
			var minute int64
			if err := rows.Scan(&minute, &m.Measure, &m.N); err != nil {
				return err
			}
			m.Minute = time.Unix(minute*60, 0).UTC()
			out = append(out, m)
		}
		return rows.Err()
	})
	return out, err
}
