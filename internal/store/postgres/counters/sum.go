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
	if ofPlaces(scope, q) {
		return c.sum(ctx, sumLimit, source{from: placed, places: true}, scope, q)
	}
	return c.sum(ctx, sumLimit, source{from: kept}, scope, q)
}

// source is where numbers are read from: bind makes what stands before the
// statement (nil: nothing), from is what stands in its FROM.
// places: the rows have province and unit themselves, and no facility.
type source struct {
	from   string
	bind   func(w *handle.Where) string
	places bool
}

// placed is every count by province and unit.
const placed = `SELECT measure, day, province, unit, kind, purpose, n FROM counter_place
	UNION ALL SELECT e.measure, e.day, coalesce(v.province, ''), coalesce(v.unit, ''), e.kind, e.purpose, e.n
	FROM delta e LEFT JOIN facility_version v ON v.id = e.facility_version WHERE e.minute >= 0`

// placeDimensions are the columns of c that numbers of places are split by.
var placeDimensions = map[store.Dimension]string{
	store.ByDay: `c.day::text`, store.ByKind: `c.kind`, store.ByMeasure: `c.measure`, store.ByPurpose: `c.purpose`,
	store.ByProvince: `c.province`, store.ByUnit: `c.unit`,
}

// ofPlaces reports whether numbers of places answer a query: nothing in it is of a facility.
func ofPlaces(scope role.Scope, q store.CountQuery) bool {
	for _, by := range q.By {
		if placeDimensions[by] == "" {
			return false
		}
	}
	return scope.Facility == "" && q.Facility == ""
}

// where adds the place a query asks about, and gives the columns it is split by.
func (s source) where(w *handle.Where, scope role.Scope, q store.CountQuery) map[store.Dimension]string {
	if !s.places {
		w.Scope(scope, "v.code", "v")
		if q.Facility != "" {
			w.And("v.code = ?", string(q.Facility))
		}
		if q.Province != "" {
			w.And("v.province = ?", q.Province)
		}
		return dimensions
	}
	for _, is := range []struct{ column, value string }{{"c.province", scope.Province}, {"c.unit", scope.Unit}, {"c.province", q.Province}} {
		if is.value != "" {
			w.And(is.column+" = ?", is.value)
		}
	}
	return placeDimensions
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
	columns := of.where(&w, scope, q)
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
	key, groups := "", ""
	for n, by := range q.By {
		column, ok := columns[by]
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
	join := ` LEFT JOIN facility_version v ON v.id = c.facility_version`
	if of.places {
		join = ""
	}
	query := with + `SELECT ` + key + `sum(c.n)::bigint FROM (` + of.from + `) c` + join + w.String() + tail
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
