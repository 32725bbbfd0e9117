package counters

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

// errDimension: counts cannot be split by that.
var errDimension = fault.New(fault.Invalid, "counts.dimension",
	"Không tách số liệu theo chiều này được.", "Counts cannot be split by this dimension.")

// How long a sum may take, and a recount, which reads every record.
const (
	sumLimit     = 30 * time.Second
	recountLimit = 30 * time.Minute
)

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

// recounted is every count as the rows of records and refusals give it.
var recounted = `SELECT facility_version, day, kind, state AS measure, '' AS purpose, 1::bigint AS n FROM record
	UNION ALL SELECT facility_version, day, kind, 'superseded', '', 1 FROM record
		WHERE state IN ('accepted', 'accepted_with_warnings') AND (late OR superseded_by <> '00000000-0000-0000-0000-000000000000')
	UNION ALL SELECT facility_version, day, kind, 'withdrawn', '', 1 FROM record
		WHERE withdrawn_by <> '00000000-0000-0000-0000-000000000000'
	UNION ALL SELECT r.facility_version, r.day, r.kind, 'code:' || f.code, f.purpose, 1
		FROM record r CROSS JOIN LATERAL (
			SELECT DISTINCT e ->> 'code' AS code, coalesce(b.purpose, '') AS purpose
			FROM jsonb_array_elements(CASE r.findings WHEN '' THEN '[]'::jsonb ELSE r.findings::jsonb END) e
			LEFT JOIN LATERAL jsonb_array_elements_text(e -> 'blocks') AS b (purpose) ON true) f
	UNION ALL SELECT r.facility_version, r.day, r.kind, t.tag, '', 1
		FROM tag t JOIN record r ON r.facility = t.facility AND r.serial = t.serial WHERE left(t.tag, 4) = 'doc:'
	UNION ALL SELECT r.facility_version, r.day, r.kind, 'doc:XML' || b.n, '', 1
		FROM record r JOIN generate_series(0, 31) AS b (n) ON (r.documents & ` + strconv.FormatUint(uint64(form.CommonDocuments), 10) + `) >> b.n & 1 = 1 WHERE r.state <> 'rejected'
	UNION ALL SELECT facility_version, day, '', 'refused', '', 1 FROM refusal`

// Sum adds folded and unfolded deltas.
func (c *Counters) Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	return c.sum(ctx, sumLimit, kept, scope, q)
}

// Recount counts from the rows.
func (c *Counters) Recount(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	return c.sum(ctx, recountLimit, recounted, scope, q)
}

func (c *Counters) sum(ctx context.Context, limit time.Duration, from string, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	if err := store.CheckText(append(q.Measures, q.Kind, string(q.Facility), q.Province)...); err != nil {
		return nil, err
	}
	if scope.IsEmpty() {
		return nil, nil
	}
	var w handle.Where
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
	query := `SELECT ` + key + `sum(c.n)::bigint FROM (` + from + `) c
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
