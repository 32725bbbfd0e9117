// Package audit is the embedded engine's side of store.Audit: whole tables in
// order, for the re-verifier. It judges nothing.
package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

// Audit implements store.Audit.
type Audit struct{ main, disclosure *file.DB }

var _ store.Audit = (*Audit)(nil)

// New returns the slice of the two open files.
func New(main, disclosure *file.DB) *Audit { return &Audit{main, disclosure} }

// page is how many rows are read at once: none of them waits for fn with the
// file's state held.
const page = 500

// pages reads query page by page. The query takes as its last arguments what
// key returns for the last row read (first at the beginning) and a limit.
func pages[T any](ctx context.Context, db *file.DB, query string, first []any, key func(T) []any, scan func(*sql.Rows) (T, error), fn func(T) error) error {
	after := first
	for {
		var rows []T
		var unreadable error
		err := db.Read(ctx, func(s *file.Snapshot) error {
			rows, unreadable = nil, nil
			found, err := s.Rows(query, append(append([]any{}, after...), page)...)
			if err != nil {
				return err
			}
			defer found.Close()
			for found.Next() {
				row, err := scan(found)
				if err != nil {
					unreadable = err
					return nil
				}
				rows = append(rows, row)
			}
			return found.Err()
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := fn(row); err != nil {
				return err
			}
		}
		if unreadable != nil || len(rows) < page {
			return unreadable
		}
		after = key(rows[len(rows)-1])
	}
}

type checkpoint struct {
	log  int
	size int64
	note []byte
}

// Checkpoints gives every checkpoint of a log by size.
func (a *Audit) Checkpoints(ctx context.Context, log int, fn func(uint64, []byte) error) error {
	return pages(ctx, a.main, `SELECT log, size, note FROM checkpoint WHERE log = ? AND size > ? ORDER BY size LIMIT ?`, []any{log, int64(-1)},
		func(c checkpoint) []any { return []any{c.log, c.size} },
		func(r *sql.Rows) (c checkpoint, err error) { err = r.Scan(&c.log, &c.size, &c.note); return c, err },
		func(c checkpoint) error { return fn(uint64(c.size), c.note) })
}

// Acts gives every act, oldest first.
func (a *Audit) Acts(ctx context.Context, fn func(*store.Act) error) error {
	return pages(ctx, a.main, `SELECT id, at, actor, action, object, detail FROM act WHERE id > ? ORDER BY id LIMIT ?`, []any{int64(-1 << 62)},
		func(x store.Act) []any { return []any{x.ID} },
		func(r *sql.Rows) (x store.Act, err error) {
			var at int64
			err = r.Scan(&x.ID, &at, &x.Actor, &x.Action, &x.Object, &x.Detail)
			x.At = file.Time(at)
			return x, err
		},
		func(x store.Act) error { return fn(&x) })
}

type disclosed struct {
	store.Disclosure
	log, leaf int64
}

// Disclosures gives every disclosure by the leaf that covers it.
func (a *Audit) Disclosures(ctx context.Context, fn func(*store.Disclosure, *store.LeafPlace) error) error {
	return pages(ctx, a.disclosure, `SELECT id, at, reader, role, facility, serial, person, basis, policy, reason, route, count, staff, opening, purpose, facts,
 coalesce(log, -1), coalesce(leaf, -1) FROM main.disclosure WHERE (coalesce(log, -1), coalesce(leaf, -1), id) > (?, ?, ?) ORDER BY coalesce(log, -1), coalesce(leaf, -1), id LIMIT ?`,
		[]any{int64(-1 << 62), int64(0), int64(0)},
		func(d disclosed) []any { return []any{d.log, d.leaf, d.ID} },
		func(r *sql.Rows) (d disclosed, err error) {
			var at int64
			var serial, person, staff, opening []byte
			if err = r.Scan(&d.ID, &at, &d.Reader, &d.Role, &d.Facility, &serial, &person, &d.Basis, &d.Policy, &d.Reason, &d.Route, &d.Count,
				&staff, &opening, &d.Purpose, &d.Facts, &d.log, &d.leaf); err != nil {
				return d, err
			}
			d.At = file.Time(at)
			if err = errors.Join(file.Fill(d.Staff[:], staff), file.Fill(d.Opening[:], opening)); err != nil {
				return d, err
			}
			if d.Record, err = file.ID(d.Facility, serial); err != nil {
				return d, err
			}
			d.Person, err = file.PersonOf(person)
			return d, err
		},
		func(d disclosed) error {
			if d.log < 0 {
				return fn(&d.Disclosure, nil)
			}
			return fn(&d.Disclosure, &store.LeafPlace{Log: int(d.log), Index: uint64(d.leaf)})
		})
}

// Trace gives what is kept of a record beside its row.
func (a *Audit) Trace(ctx context.Context, id dossier.ID, tags []string) (*store.Trace, error) {
	var t *store.Trace
	err := a.main.Read(ctx, func(s *file.Snapshot) error {
		var err error
		t, err = trace(s, id, tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func trace(s *file.Snapshot, id dossier.ID, tags []string) (*store.Trace, error) {
	t := &store.Trace{}
	f := string(id.Facility)
	var row, received int64
	var kind, sequence, state string
	var documents int64
	var episode, content, same, placed, current []byte
	var version sql.NullInt64
	err := s.Row(`SELECT r.id, r.received, r.kind, r.state, r.documents, r.episode, r.content, r.late,
 (SELECT x.serial FROM record x WHERE x.id = (SELECT d.record FROM dossier d WHERE d.facility = r.facility AND d.episode = r.episode AND d.kind = r.kind
  AND d.content = r.content ORDER BY d.record DESC LIMIT 1)),
 (SELECT x.serial FROM place p JOIN record x ON x.id = p.record WHERE p.facility = r.facility AND p.file = r.file AND p.idx = r.idx),
 e.version, e.current, coalesce(e.sequence, '')
 FROM record r LEFT JOIN episode e ON e.facility = r.facility AND e.episode = r.episode AND e.kind = r.kind
 WHERE r.facility = ? AND r.serial = ?`, f, id.Serial[:]).
		Scan(&row, &received, &kind, &state, &documents, &episode, &content, &t.Late, &same, &placed, &version, &current, &sequence)
	if err != nil {
		return nil, err
	}
	if t.Episode, err = file.KeyedOf(episode); err != nil {
		return nil, err
	}
	if t.Content, err = file.KeyedOf(content); err != nil {
		return nil, err
	}
	if t.Same, err = file.ID(id.Facility, same); err != nil {
		return nil, err
	}
	if t.Place, err = file.ID(id.Facility, placed); err != nil {
		return nil, err
	}
	if version.Valid {
		t.Head = &store.Episode{Version: int(version.Int64), Order: sequence, Key: t.Episode}
		if t.Head.Current, err = file.ID(id.Facility, current); err != nil {
			return nil, err
		}
	}
	for _, tag := range tags {
		if bit := int64(form.CommonDocument(tag)); bit != 0 {
			if documents&bit != 0 && dossier.State(state).IsAccepted() {
				t.Tags = append(t.Tags, tag)
			}
			continue
		}
		var one int
		err := s.Row(`SELECT 1 FROM tag WHERE facility = ? AND tag = ? AND received = ? AND record = ?`, f, tag, received, row).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t.Tags = append(t.Tags, tag)
	}
	return t, nil
}

// Episodes gives the head of every episode.
func (a *Audit) Episodes(ctx context.Context, fn func(*store.EpisodeHead) error) error {
	return pages(ctx, a.main, `SELECT facility, episode, kind, version, current, sequence FROM episode
 WHERE (facility, episode, kind) > (?, ?, ?) ORDER BY facility, episode, kind LIMIT ?`, []any{"", []byte{}, ""},
		func(e store.EpisodeHead) []any { return []any{string(e.Facility), e.Key[:], e.Kind} },
		func(r *sql.Rows) (e store.EpisodeHead, err error) {
			var key, current []byte
			if err = r.Scan(&e.Facility, &key, &e.Kind, &e.Version, &current, &e.Order); err != nil {
				return e, err
			}
			if e.Key, err = file.KeyedOf(key); err != nil {
				return e, err
			}
			e.Current, err = file.ID(e.Facility, current)
			return e, err
		},
		func(e store.EpisodeHead) error { return fn(&e) })
}

type fileName struct {
	facility care.FacilityCode
	hash     vault.Keyed
}

// Files names every file.
func (a *Audit) Files(ctx context.Context, fn func(care.FacilityCode, vault.Keyed) error) error {
	return pages(ctx, a.main, `SELECT facility, hash FROM file WHERE (facility, hash) > (?, ?) ORDER BY facility, hash LIMIT ?`, []any{"", []byte{}},
		func(f fileName) []any { return []any{string(f.facility), f.hash[:]} },
		func(r *sql.Rows) (f fileName, err error) {
			var hash []byte
			if err = r.Scan(&f.facility, &hash); err != nil {
				return f, err
			}
			f.hash, err = file.KeyedOf(hash)
			return f, err
		},
		func(f fileName) error { return fn(f.facility, f.hash) })
}

// strays are what of each table goes with no other row. Each query gives where
// the row is.
var strays = []struct{ table, query string }{
	{"place", `SELECT facility || ' ' || idx FROM place p WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.id = p.record AND r.facility = p.facility)
 OR NOT EXISTS (SELECT 1 FROM file f WHERE f.facility = p.facility AND f.hash = p.file AND p.idx BETWEEN 0 AND f.dossiers - 1)`},
	{"file", `SELECT facility || ' ' || id FROM file f WHERE f.dossiers <> (SELECT count(*) FROM place p WHERE p.facility = f.facility AND p.file = f.hash)`},
	{"body", `SELECT record FROM body b WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.id = b.record)`},
	{"body", `SELECT record FROM body b WHERE EXISTS (SELECT 1 FROM record r WHERE r.id = b.record AND r.piece IS NOT NULL)`},
	{"body", `SELECT id FROM piece WHERE id NOT IN (WITH RECURSIVE cover (id, last) AS (
 SELECT r.piece, r.piece + (max(r.piece_from + r.piece_size) - 1) / max(1, coalesce((SELECT length(q.data) FROM piece q WHERE q.id = r.piece), ` + file.FullPiece + `))
 FROM (SELECT piece, piece_from, piece_size FROM record UNION ALL SELECT piece, piece_from, piece_size FROM file) r
 WHERE r.piece IS NOT NULL GROUP BY r.piece UNION ALL SELECT id + 1, last FROM cover WHERE id < last) SELECT id FROM cover)`},
	{"archive", `SELECT name FROM archive a WHERE last < first OR written NOT IN (0, 1) OR EXISTS (SELECT 1 FROM archive o WHERE o.first > a.first AND o.first <= a.last)`},
	{"archive_blank", `SELECT id FROM archive_blank b WHERE NOT EXISTS (SELECT 1 FROM archive a WHERE b.piece BETWEEN a.first AND a.last)`},
	{"body", `SELECT id FROM record r WHERE (r.piece IS NULL) <> (r.piece_from IS NULL) OR (r.piece IS NULL) <> (r.piece_size IS NULL)`},
	{"file", `SELECT facility || ' ' || id FROM file WHERE (piece IS NULL) <> (piece_from IS NULL) OR (piece IS NULL) <> (piece_size IS NULL)
 OR (piece IS NOT NULL AND skeleton IS NOT NULL) OR (substr(seals, 1, 1) NOT IN ('[', 'n') AND (sender <> '' OR certificates <> x''))`},
	{"file", `SELECT id FROM seal s WHERE CAST(s.id AS TEXT) NOT IN (SELECT seals FROM file)`},
	{"dossier", `SELECT facility || ' ' || record FROM dossier d WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.id = d.record AND r.facility = d.facility
 AND r.episode = d.episode AND r.kind = d.kind AND r.content = d.content)`},
	{"episode", `SELECT facility || ' ' || kind FROM episode e WHERE NOT EXISTS (SELECT 1 FROM record r JOIN dossier d ON d.record = r.id
 WHERE d.facility = e.facility AND d.episode = e.episode AND d.kind = e.kind)`},
	{"tag", `SELECT facility || ' ' || tag || ' ' || record FROM tag t WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.id = t.record
 AND r.facility = t.facility AND r.received = t.received AND CASE WHEN t.tag GLOB 'doc:XML*' THEN (r.documents >> CAST(substr(t.tag, 8) AS INTEGER)) & 1
 ELSE EXISTS (SELECT 1 FROM json_each(coalesce(r.findings, '[]')) f WHERE json_extract(f.value, '$[0]') = t.tag) END)`},
	{"place", `SELECT r.facility || ' ' || r.id FROM record r LEFT JOIN (SELECT record, count(*) AS n FROM place GROUP BY record) p ON p.record = r.id
 LEFT JOIN (SELECT record, count(*) AS n FROM transition WHERE what = 'sealed_again' GROUP BY record) t ON t.record = r.id
 WHERE r.state <> 'rejected' AND coalesce(p.n, 0) <> 1 + coalesce(t.n, 0)`},
	{"transition", `SELECT id FROM transition t WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.id = t.record)`},
	{"subject", `SELECT facility FROM subject s WHERE (s.person IS NOT NULL AND NOT EXISTS (SELECT 1 FROM link l WHERE l.facility = s.facility
 AND l.subject = s.key AND l.person = s.person AND l.until IS NULL)) OR NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = s.facility AND r.subject = s.key)`},
	{"link", `SELECT l.id FROM link l WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.id = l.person)
 OR NOT EXISTS (SELECT 1 FROM subject s WHERE s.facility = l.facility AND s.key = l.subject AND (l.until IS NOT NULL OR s.person = l.person))
 OR l.until < l.since OR (l.until IS NULL) <> (l.ended_by = '')
 OR (l.actor = '' AND l.reason <> '') OR (l.until IS NULL AND l.why <> '') OR (l.evidence = 'by_hand') <> (l.actor <> '') OR l.evidence NOT IN ('by_hand', 'citizen_id', 'insurance_no', 'subject')
 OR (l.actor = '' AND NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = l.facility AND (r.subject = l.subject OR r.erased IS NOT NULL) AND r.received = l.since))`},
	{"person", `SELECT lower(hex(id)) FROM person p WHERE (id, since) NOT IN (SELECT person, since FROM link)
 AND NOT EXISTS (SELECT 1 FROM record r WHERE r.received = p.since AND r.erased IS NOT NULL)`},
	{"tombstone", `SELECT facility || ' ' || hex(serial) FROM tombstone t WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = t.facility
 AND r.serial = t.serial AND r.erased = t.at)`},
	{"claim", `SELECT lower(hex(person)) FROM claim c WHERE person NOT IN (SELECT person FROM link)`},
	{"bar", `SELECT facility FROM bar b WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.facility = b.facility AND l.subject = b.subject
 AND l.person = b.person AND l.until IS NOT NULL)`},
	{"link", `SELECT l.id FROM link l WHERE l.until IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bar b WHERE b.facility = l.facility AND b.subject = l.subject
 AND b.person = l.person) AND NOT EXISTS (SELECT 1 FROM link n WHERE n.facility = l.facility AND n.subject = l.subject AND n.id > l.id)`},
	{"counter_place", `SELECT day || ' ' || measure FROM (SELECT measure, day, province, unit, kind, purpose, n FROM counter_place
 UNION ALL SELECT c.measure, c.day, coalesce(v.province, ''), coalesce(v.unit, ''), c.kind, c.purpose, -c.n FROM counter c LEFT JOIN facility_version v ON v.id = c.facility_version)
 GROUP BY measure, day, province, unit, kind, purpose HAVING sum(n) <> 0`},
	{"tile", `SELECT log || '/' || level || '/' || n FROM tile t WHERE t.level < 0 OR t.n < 0 OR t.level > 7
 OR ((t.n + 1) << (8 * (t.level + 1))) > coalesce((SELECT size FROM head h WHERE h.log = t.log), 0)`},
	{"receipt_key", `SELECT kid FROM receipt_key k WHERE NOT EXISTS (SELECT 1 FROM leaf l WHERE l.log = k.log AND l.idx = k.idx
 AND substr(l.data, 18) = k.spki)`},
	{"checkpoint", `SELECT log || ' ' || size FROM checkpoint WHERE (log, size) NOT IN (SELECT log, size FROM leaf)
 UNION ALL SELECT DISTINCT log || ' ' || size FROM leaf WHERE (log, size) NOT IN (SELECT log, size FROM checkpoint)`},
	{"leaf", `SELECT log || ' ' || idx FROM leaf l WHERE l.size <> (SELECT min(c.size) FROM checkpoint c WHERE c.log = l.log AND c.size > l.idx)`},
	{"leaf", `SELECT log || ' ' || idx FROM leaf l WHERE l.idx < 0 OR l.idx >= coalesce((SELECT size FROM head h WHERE h.log = l.log), 0)`},
}

// Strays gives rows that go with no other.
func (a *Audit) Strays(ctx context.Context, limit int) ([]store.Stray, error) {
	var out []store.Stray
	for _, q := range strays {
		err := a.main.Read(ctx, func(s *file.Snapshot) error {
			rows, err := s.Rows(`SELECT * FROM (`+q.query+`) LIMIT ?`, limit)
			if err != nil {
				return fmt.Errorf("strays of %s: %w", q.table, err)
			}
			defer rows.Close()
			for rows.Next() {
				var where string
				if err := rows.Scan(&where); err != nil {
					return err
				}
				out = append(out, store.Stray{Table: q.table, Row: where})
			}
			return rows.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
