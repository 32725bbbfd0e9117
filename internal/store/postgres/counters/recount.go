package counters

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

// recountLimit is how long a recount may take, which reads every record.
const recountLimit = 30 * time.Minute

// recounted are all counts as the rows of records give them, by how the names of
// those counts begin; dated is put before them.
var recounted = []struct{ measure, rows string }{
	{"", `SELECT facility_version, day, kind, state AS measure, '' AS purpose, 1::bigint AS n FROM dated`},
	{"superseded", `SELECT facility_version, day, kind, 'superseded', '', 1 FROM dated WHERE is_superseded`},
	{"withdrawn", `SELECT facility_version, day, kind, 'withdrawn', '', 1 FROM dated WHERE is_withdrawn`},
	{"code:", `SELECT r.facility_version, r.day, r.kind, 'code:' || f.code, f.purpose, 1
		FROM dated r CROSS JOIN LATERAL (
			SELECT DISTINCT e ->> 'code' AS code, coalesce(b.purpose, '') AS purpose
			FROM jsonb_array_elements(CASE r.findings WHEN '' THEN '[]'::jsonb ELSE r.findings::jsonb END) e
			LEFT JOIN LATERAL jsonb_array_elements_text(e -> 'blocks') AS b (purpose) ON true) f`},
	{"doc:", `SELECT r.facility_version, r.day, r.kind, t.tag, '', 1
		FROM tag t JOIN dated r ON r.facility = t.facility AND r.serial = t.serial WHERE left(t.tag, 4) = 'doc:'`},
	{"doc:", `SELECT r.facility_version, r.day, r.kind, 'doc:XML' || b.n, '', 1
		FROM dated r JOIN generate_series(0, 31) AS b (n) ON (r.documents & ` + strconv.FormatUint(uint64(form.CommonDocuments), 10) + `) >> b.n & 1 = 1 WHERE r.state <> 'rejected'`},
}

// refused is every count of files returned whole.
const refused = `SELECT facility_version, day, '', 'refused', '', 1 FROM refusal`

const none = `'00000000-0000-0000-0000-000000000000'`

// Recount counts from the rows.
func (c *Counters) Recount(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	var from []string // not what nobody asks for: findings alone are most of the work
	for _, r := range recounted {
		if q.Asks(r.measure) {
			from = append(from, r.rows)
		}
	}
	if !q.Standing && q.Asks("refused") {
		from = append(from, refused)
	}
	return c.sum(ctx, recountLimit, source{from: strings.Join(from, " UNION ALL "), bind: func(w *handle.Where) string { return dated(w, q) }}, scope, q)
}

// dated begins a statement with the records of a query's days, as they were when
// the logs had the sizes it asks for.
func dated(w *handle.Where, q store.CountQuery) string {
	superseded, withdrawn := `r.superseded_by <> `+none, `r.withdrawn_by <> `+none
	where := "true"
	if q.AsOf != nil {
		known := asOf(w, q.AsOf)
		entry := func(serial string) string {
			return `EXISTS (SELECT 1 FROM entry e WHERE e.facility = r.facility AND e.serial = ` + serial + ` AND ` + known + `)`
		}
		superseded, withdrawn, where = entry("r.superseded_by"), entry("r.withdrawn_by"), entry("r.serial")
	}
	superseded = `(r.state IN ('accepted', 'accepted_with_warnings') AND (r.late OR ` + superseded + `))`
	if q.FromDay != 0 {
		where += ` AND r.day >= ` + w.Arg(q.FromDay) + ` AND r.received >= ` + w.Arg(midnight(q.FromDay, 0))
	}
	if q.ToDay != 0 {
		where += ` AND r.day <= ` + w.Arg(q.ToDay) + ` AND r.received < ` + w.Arg(midnight(q.ToDay, 1))
	}
	if q.Standing {
		where += ` AND r.state <> 'rejected' AND r.withdraws = ` + none + ` AND NOT ` + superseded + ` AND NOT ` + withdrawn
	}
	return `WITH dated AS NOT MATERIALIZED (SELECT r.facility, r.serial, r.facility_version, r.day, r.kind, r.state, r.findings, r.documents, ` +
		superseded + ` AS is_superseded, ` + withdrawn + ` AS is_withdrawn FROM record r WHERE ` + where + `) `
}

// asOf is the condition that the leaf of an entry e lies below the size of its log.
func asOf(w *handle.Where, sizes map[int]uint64) string {
	if len(sizes) == 0 {
		return "false"
	}
	condition := "e.idx < CASE e.log"
	for _, log := range slices.Sorted(maps.Keys(sizes)) {
		condition += " WHEN " + w.Arg(log) + "::integer THEN " + w.Arg(int64(min(sizes[log], 1<<62))) + "::bigint"
	}
	return condition + " ELSE 0 END"
}

// midnight is the first moment of a day (yyyymmdd) in Hanoi, some days later, in microseconds.
func midnight(day, later int) int64 {
	return handle.Micros(time.Date(day/10000, time.Month(day/100%100), day%100+later, 0, 0, 0, 0, clock.Hanoi))
}
