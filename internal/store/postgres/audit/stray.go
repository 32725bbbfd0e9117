package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
)

// strays are what of each table goes with no other row, or contradicts the row
// it goes with. Each query gives where the row is.
var strays = []struct{ table, query string }{
	{"place", `SELECT p.facility || ' ' || p.idx FROM place p
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = p.facility AND r.serial = p.serial)
		OR NOT EXISTS (SELECT 1 FROM file f WHERE f.facility = p.facility AND f.hash = p.file AND p.idx BETWEEN 0 AND f.dossiers - 1)`},
	{"file", `SELECT f.facility || ' ' || f.received FROM file f
		WHERE f.dossiers <> (SELECT count(*) FROM place p WHERE p.facility = f.facility AND p.file = f.hash)`},
	{"body", `SELECT b.facility || ' ' || b.serial FROM body b
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = b.facility AND r.serial = b.serial)`},
	{"body_archive", `SELECT b.facility || ' ' || b.serial FROM body_archive b
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = b.facility AND r.serial = b.serial AND r.erased = 0)
		OR EXISTS (SELECT 1 FROM body x WHERE x.facility = b.facility AND x.serial = b.serial)`},
	{"skeleton_archive", `SELECT a.facility || ' ' || encode(a.hash, 'hex') FROM skeleton_archive a
		WHERE NOT EXISTS (SELECT 1 FROM file f WHERE f.facility = a.facility AND f.hash = a.hash AND f.wrapped <> '' AND f.skeleton = '')`},
	{"content", `SELECT c.facility || ' ' || c.serial FROM content c
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = c.facility AND r.serial = c.serial
			AND r.kind = c.kind AND r.episode = c.episode AND r.content = c.content)`},
	{"episode", `SELECT e.facility || ' ' || e.kind FROM episode e
		WHERE e.version > 0 AND NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = e.facility AND r.episode = e.episode AND r.kind = e.kind)
		OR e.version = 0 AND (e.current <> '00000000-0000-0000-0000-000000000000' OR e.ord <> '')
		OR e.current <> '00000000-0000-0000-0000-000000000000' AND NOT EXISTS (SELECT 1 FROM record r
			WHERE r.facility = e.facility AND r.serial = e.current AND r.facility_version = e.facility_version AND r.day = e.day)`},
	{"record", `SELECT r.facility || ' ' || r.serial FROM record r
		WHERE r.day <> to_char(to_timestamp(r.received / 1000000) AT TIME ZONE INTERVAL '7 hours', 'YYYYMMDD')::integer`},
	{"tag", `SELECT t.facility || ' ' || t.tag || ' ' || t.serial FROM tag t
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = t.facility AND r.serial = t.serial AND r.received = t.received
			AND CASE WHEN t.tag ~ '^doc:XML[0-9]{1,2}$' THEN (r.documents >> substr(t.tag, 8)::integer) & 1 = 1
			ELSE EXISTS (SELECT 1 FROM jsonb_array_elements(CASE r.findings WHEN '' THEN '[]'::jsonb ELSE r.findings::jsonb END) f
				WHERE f ->> 'code' = t.tag) END)`},
	{"place", `SELECT r.facility || ' ' || r.serial FROM record r
		LEFT JOIN (SELECT facility, serial, count(*) AS n FROM place GROUP BY 1, 2) p ON p.facility = r.facility AND p.serial = r.serial
		LEFT JOIN (SELECT facility, serial, count(*) AS n FROM transition WHERE what = 'sealed_again' GROUP BY 1, 2) t
			ON t.facility = r.facility AND t.serial = r.serial
		WHERE r.state <> 'rejected' AND coalesce(p.n, 0) <> 1 + coalesce(t.n, 0)`},
	{"transition", `SELECT t.facility || ' ' || t.serial || ' ' || t.id FROM transition t
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = t.facility AND r.serial = t.serial)`},
	{"entry", `SELECT e.facility || ' ' || e.serial FROM entry e
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = e.facility AND r.serial = e.serial)
		OR NOT EXISTS (SELECT 1 FROM leaf l WHERE l.log = e.log AND l.idx = e.idx AND l.facility = e.facility AND l.serial = e.serial)
		OR e.size IS DISTINCT FROM (SELECT min(c.size) FROM checkpoint c WHERE c.log = e.log AND c.size > e.idx)`},
	{"record", `SELECT r.facility || ' ' || r.serial FROM record r
		WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.facility = r.facility AND e.serial = r.serial)`},
	{"leaf", `SELECT l.log || ' ' || l.idx FROM leaf l
		WHERE l.idx < 0 OR l.idx >= coalesce((SELECT h.size FROM log h WHERE h.log = l.log), 0)
		OR l.facility = '' AND l.serial <> '00000000-0000-0000-0000-000000000000'
		OR l.facility <> '' AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.facility = l.facility AND e.serial = l.serial AND e.log = l.log AND e.idx = l.idx)`},
	{"checkpoint", `SELECT c.log || ' ' || c.size FROM checkpoint c WHERE (c.log, c.size) NOT IN (SELECT log, size FROM leaf)
		UNION SELECT l.log || ' ' || l.size FROM leaf l WHERE (l.log, l.size) NOT IN (SELECT log, size FROM checkpoint)`},
	{"leaf", `SELECT l.log || ' ' || l.idx FROM leaf l
		WHERE l.size IS DISTINCT FROM (SELECT min(c.size) FROM checkpoint c WHERE c.log = l.log AND c.size > l.idx)`},
	{"record", `SELECT r.facility || ' ' || r.serial FROM record r
		WHERE r.version = 0 AND r.ord <> '' OR r.current AND NOT EXISTS (SELECT 1 FROM episode e
			WHERE e.facility = r.facility AND e.kind = r.kind AND e.episode = r.episode AND e.current = r.serial AND e.ord = r.ord)`},
	{"refusal", `SELECT r.facility || ' ' || r.serial FROM refusal r
		WHERE r.day <> to_char(to_timestamp(r.at / 1000000) AT TIME ZONE INTERVAL '7 hours', 'YYYYMMDD')::integer`},
	{"counter", `SELECT c.facility || ' ' || c.facility_version FROM counter c
		WHERE NOT EXISTS (SELECT 1 FROM facility_version v WHERE v.id = c.facility_version AND v.code = c.facility)`},
	{"counter_place", `SELECT day || ' ' || measure FROM (SELECT measure, day, province, unit, kind, purpose, n FROM counter_place
		UNION ALL SELECT c.measure, c.day, coalesce(v.province, ''), coalesce(v.unit, ''), c.kind, c.purpose, -c.n
		FROM counter c LEFT JOIN facility_version v ON v.id = c.facility_version) x
		GROUP BY measure, day, province, unit, kind, purpose HAVING sum(n) <> 0`},
	{"minute", `SELECT m.facility || ' ' || m.minute FROM minute m WHERE m.minute % 60000000 <> 0
		OR NOT EXISTS (SELECT 1 FROM facility_version v WHERE v.id = m.facility_version AND v.code = m.facility)`},
	{"delta", `SELECT d.facility || ' ' || d.day FROM delta d WHERE d.minute = -1 AND (d.kind <> '' OR d.measure <> '' OR d.purpose <> '')
		OR d.minute > 0 AND d.minute % 60000000 <> 0
		OR d.facility_version <> 0 AND NOT EXISTS (SELECT 1 FROM facility_version v WHERE v.id = d.facility_version AND v.code = d.facility)`},
	{"tombstone", `SELECT t.facility || ' ' || t.serial FROM tombstone t
		WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = t.facility AND r.serial = t.serial AND r.erased = t.at)`},
	{"tile", `SELECT t.log || '/' || t.level || '/' || t.n FROM tile t WHERE t.level NOT BETWEEN 0 AND 5 OR t.n < 0
		OR (t.n + 1)::numeric * power(256::numeric, t.level + 1) > coalesce((SELECT h.size FROM log h WHERE h.log = t.log), 0)`},
	{"receipt_key", `SELECT k.log || ' ' || k.kid FROM receipt_key k
		WHERE NOT EXISTS (SELECT 1 FROM leaf l WHERE l.log = k.log AND l.idx = k.idx AND l.data = convert_to('lienthong/key/v1' || chr(10), 'UTF8') || k.spki)`},
	{"subject", `SELECT s.facility || ' ' || s.person FROM subject s
		WHERE s.person <> '00000000-0000-0000-0000-000000000000' AND (
			NOT EXISTS (SELECT 1 FROM link l WHERE l.facility = s.facility AND l.subject = s.subject AND l.person = s.person AND l.until = 0)
			OR NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = s.facility AND r.subject = s.subject AND r.subject <> ''))`},
	{"link", `SELECT l.person || ' ' || l.id FROM link l
		WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.person = l.person)
		OR NOT EXISTS (SELECT 1 FROM subject s WHERE s.facility = l.facility AND s.subject = l.subject AND (l.until <> 0 OR s.person = l.person))
		OR l.until <> 0 AND l.until < l.since OR (l.until = 0) <> (l.ended_by = '')
		OR l.actor = '' AND l.reason <> '' OR l.until = 0 AND l.why <> '' OR (l.evidence = 'by_hand') <> (l.actor <> '') OR l.evidence NOT IN ('by_hand', 'citizen_id', 'insurance_no', 'subject')
		OR l.actor = '' AND NOT EXISTS (SELECT 1 FROM record r
			WHERE r.facility = l.facility AND (r.subject = l.subject AND r.subject <> '' OR r.erased <> 0) AND r.received = l.since)`},
	{"link", `SELECT l.person || ' ' || l.id FROM link l WHERE l.until <> 0
		AND NOT EXISTS (SELECT 1 FROM bar b WHERE b.facility = l.facility AND b.subject = l.subject AND b.person = l.person)
		AND NOT EXISTS (SELECT 1 FROM link n WHERE n.facility = l.facility AND n.subject = l.subject AND n.id > l.id)`},
	{"person", `SELECT p.person::text FROM person p WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.person = p.person AND l.since = p.made)
		AND NOT EXISTS (SELECT 1 FROM record r WHERE r.received = p.made AND r.erased <> 0)`},
	{"claim", `SELECT c.person::text FROM claim c WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.person = c.person)`},
	{"bar", `SELECT b.facility || ' ' || b.person FROM bar b
		WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.facility = b.facility AND l.subject = b.subject AND l.person = b.person AND l.until <> 0)`},
}

// Strays gives rows that go with no other.
func (a *Audit) Strays(ctx context.Context, limit int) ([]store.Stray, error) {
	var out []store.Stray
	for _, s := range strays {
		if len(out) >= limit {
			break
		}
		err := a.db.Scan(ctx, allLimit, `SELECT s.at FROM (`+s.query+`) AS s (at) LIMIT $1`, []any{limit - len(out)}, func(rows pgx.Rows) error {
			var at string
			_, err := pgx.ForEachRow(rows, []any{&at}, func() error {
				out = append(out, store.Stray{Table: s.table, Row: at})
				return nil
			})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("strays of %s: %w", s.table, err)
		}
	}
	return out, nil
}
