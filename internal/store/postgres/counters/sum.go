package counters

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// errDimension: counts cannot be split by that.
var errDimension = fault.New(fault.Invalid, "counts.dimension",
	"Không tách số liệu theo chiều này được.", "Counts cannot be split by this dimension.")

// sumLimit is how long a sum may take.
const sumLimit = 30 * time.Second

// dimensions are the columns of counts c joined with the facility's version v.
var dimensions = map[store.Dimension]string{
	store.ByDay:      `c.day::text`,
	store.ByKind:     `c.kind`,
	store.ByMeasure:  `c.measure`,
	store.ByPurpose:  `c.purpose`,
	store.ByFacility: `coalesce(v.code, '')`,
	store.ByLevel:    `coalesce(v.level, '')`,
	store.ByProvince: `coalesce(v.province, '')`,
	store.ByUnit:     `coalesce(v.unit, '')`,
	store.ByVendor:   `coalesce(v.vendor, '')`,
	store.ByType:     `coalesce(v.type, '')`,
}

// kept is every count, folded or not: one statement reads it in one snapshot.
const kept = `SELECT facility_version, day, kind, measure, purpose, n FROM counter
	UNION ALL SELECT facility_version, day, kind, measure, purpose, n FROM delta WHERE minute >= 0`

// Sum adds folded and unfolded deltas.
func (c *Counters) Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	return c.sum(ctx, sumLimit, source{from: kept}, scope, q)
}

// source is where numbers are read from: bind makes what stands before the
// statement (nil: nothing), from is what stands in its FROM.
type source struct {
	from string
	bind func(w *handle.Where) string
}

func (c *Counters) sum(ctx context.Context, limit time.Duration, of source, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	if err := store.CheckText(append(q.Measures, q.Kind, string(q.Facility), q.Province)...); err != nil {
		return nil, err
	}
	if scope.IsEmpty() {
		return nil, nil
	}
	var w handle.Where
	with := ""
	if of.bind != nil {
		with = of.bind(&w)
	}
	w.Scope(scope, "v.code", "v")
	if q.FromDay != 0 {
		w.And("c.day >= ?", q.FromDay)
	}
	if q.ToDay != 0 {
		w.And("c.day <= ?", q.ToDay)
	}
	if q.Measures != nil {
		w.And("c.measure = ANY (?)", q.Measures)
	}
	if q.Kind != "" {
		w.And("c.kind = ?", q.Kind)
	}
	if q.Facility != "" {
		w.And("v.code = ?", string(q.Facility))
	}
	if q.Province != "" {
		w.And("v.province = ?", q.Province)
	}
	key, groups := "", ""
	for n, by := range q.By {
		column, ok := dimensions[by]
		if !ok {
			return nil, errDimension
		}
		key += fmt.Sprintf(`(%s) COLLATE "C" AS k%d, `, column, n)
		groups += fmt.Sprintf(", k%d", n)
	}
	tail := " HAVING sum(c.n) <> 0"
	if groups = strings.TrimPrefix(groups, ", "); groups != "" {
		tail = " GROUP BY " + groups + tail + " ORDER BY " + groups
	}
	query := with + `SELECT ` + key + `sum(c.n)::bigint FROM (` + of.from + `) c
		LEFT JOIN facility_version v ON v.id = c.facility_version` + w.String() + tail
	var counts []store.Count
	err := c.db.Scan(ctx, limit, query, w.Args, func(rows pgx.Rows) (err error) {
		counts, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Count, error) {
			count := store.Count{Key: make([]string, len(q.By))}
			dest := make([]any, 0, len(q.By)+1)
			for n := range count.Key {
				dest = append(dest, &count.Key[n])
			}
			err := row.Scan(append(dest, &count.N)...)
			return count, err
		})
		return err
	})
	return counts, err
}

// Minutes returns records per minute from the minute of since on.
func (c *Counters) Minutes(ctx context.Context, scope role.Scope, since time.Time) ([]store.MinuteCount, error) {
	var w handle.Where
	w.And("c.minute >= ?", max(1, handle.Micros(since.Truncate(time.Minute)), handle.Micros(c.db.Clock.Now().Add(-minutesKept))))
	w.Scope(scope, "v.code", "v")
	query := `SELECT c.minute, c.measure, sum(c.n)::bigint FROM (
			SELECT facility_version, minute, measure, n FROM minute
			UNION ALL SELECT facility_version, minute, measure, n FROM delta WHERE minute > 0) c
		LEFT JOIN facility_version v ON v.id = c.facility_version` + w.String() + `
		GROUP BY c.minute, c.measure ORDER BY c.minute, c.measure`
	var minutes []store.MinuteCount
	err := c.db.Scan(ctx, sumLimit, query, w.Args, func(rows pgx.Rows) (err error) {
		minutes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m store.MinuteCount, err error) {
			var at int64
			err = row.Scan(&at, &m.Measure, &m.N)
			m.Minute = handle.Moment(at)
			return m, err
		})
		return err
	})
	return minutes, err
}
