package counters

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// counted are all records under what they count as, see store.Counters, by how the
// names of those counts begin; dated is put before it.
var counted = []struct{ measure, rows string }{
	{"", `SELECT facility_version, day, kind, state AS measure, '' AS purpose, 1 AS n FROM dated`},
	{"superseded", `SELECT facility_version, day, kind, 'superseded', '', 1 FROM dated WHERE is_superseded`},
	{"withdrawn", `SELECT facility_version, day, kind, 'withdrawn', '', 1 FROM dated WHERE is_withdrawn`},
	{"doc:", `SELECT r.facility_version, r.day, r.kind, t.tag, '', 1 FROM tag t JOIN dated r ON r.id = t.record WHERE t.tag GLOB 'doc:*'`},
	{"doc:", `SELECT r.facility_version, r.day, r.kind, c.tag, '', 1 FROM dated r JOIN common_tags c ON r.documents & c.bit <> 0 WHERE r.state <> 'rejected'`},
	{"code:", `SELECT facility_version, day, kind, 'code:' || code, purpose, 1 FROM
 (SELECT DISTINCT r.id, r.facility_version, r.day, r.kind, json_extract(f.value, '$[0]') AS code, coalesce(b.value, '') AS purpose
 FROM dated r JOIN json_each(r.findings) f LEFT JOIN json_each(f.value, '$[2]') b)`},
}

// Recount counts records anew.
func (x *Counters) Recount(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	with, args := dated(q)
	var from []string // not what nobody asks for: findings alone are most of the work
	for _, c := range counted {
		if q.Asks(c.measure) {
			from = append(from, strings.ReplaceAll(c.rows, "common_tags", commonTags()))
		}
	}
	if !q.Standing && q.Asks("refused") {
		from = append(from, `SELECT facility_version, `+hanoiDay("at")+` AS day, '' AS kind, 'refused' AS measure, '' AS purpose, 1 AS n FROM refusal`)
	}
	return x.count(ctx, with, "("+strings.Join(from, " UNION ALL ")+") d", args, scope, q)
}

// dated begins a statement with the records of a query's days, as they were when
// the logs had the sizes it asks for.
func dated(q store.CountQuery) (text string, args []any) {
	var known string
	known, args = asOf(q.AsOf)
	superseded, withdrawn := file.IsSuperseded, `r.withdrawn_by IS NOT NULL`
	where := "1"
	if q.AsOf != nil {
		later := `EXISTS (SELECT 1 FROM record n WHERE n.facility = r.facility AND n.serial = %s AND ` + fmt.Sprintf(known, "n", "n") + `)`
		superseded = `(r.state <> 'rejected' AND (r.late = 1 OR ` + fmt.Sprintf(later, "r.superseded_by") + `))`
		withdrawn = fmt.Sprintf(later, "r.withdrawn_by")
		where = fmt.Sprintf(known, "r", "r")
	}
	if q.FromDay != 0 {
		where += ` AND r.received >= ?`
		args = append(args, midnight(q.FromDay, 0))
	}
	if q.ToDay != 0 {
		where += ` AND r.received < ?`
		args = append(args, midnight(q.ToDay, 1))
	}
	if q.Standing {
		where += ` AND r.state <> 'rejected' AND r.withdraws IS NULL AND NOT ` + superseded + ` AND NOT ` + withdrawn
	}
	return `WITH dated AS NOT MATERIALIZED (SELECT r.*, ` + hanoiDay("r.received") + ` AS day, ` + superseded + ` AS is_superseded, ` +
		withdrawn + ` AS is_withdrawn FROM record r WHERE ` + where + `) `, args
}

// asOf is the condition that the leaf of a record lies below the size of its log,
// with two places for the record's alias, and the values it is bound to.
func asOf(sizes map[int]uint64) (condition string, args []any) {
	if len(sizes) == 0 {
		return "(0 AND %s.id = %s.id)", nil
	}
	logs := slices.Sorted(maps.Keys(sizes))
	condition = "(%s.leaf < CASE %s.log"
	for i, log := range logs {
		condition += fmt.Sprintf(" WHEN ?%d THEN ?%d", 2*i+1, 2*i+2)
		args = append(args, log, int64(min(sizes[log], 1<<62)))
	}
	return condition + " ELSE 0 END)", args
}

// midnight is the first moment of a day (yyyymmdd) in Hanoi, some days later, in microseconds.
func midnight(day, later int) int64 {
	return file.Micros(time.Date(day/10000, time.Month(day/100%100), day%100+later, 0, 0, 0, 0, clock.Hanoi))
}

// commonTags is a table of the tags that the column documents says: constant text.
func commonTags() string {
	var rows []string
	for n := range 32 {
		if tag := form.DocumentTag(n); form.CommonDocument(tag) != 0 {
			rows = append(rows, fmt.Sprintf("SELECT '%s' AS tag, %d AS bit", tag, 1<<n))
		}
	}
	return "(" + strings.Join(rows, " UNION ALL ") + ")"
}

// hanoiDay is the day of a column of microseconds in Hanoi as yyyymmdd.
func hanoiDay(column string) string {
	return `CAST(strftime('%Y%m%d', ` + column + ` / 1000000 + 25200, 'unixepoch') AS INTEGER)`
}
