// Package audit reads whole tables of PostgreSQL in order, for the re-verifier.
// It judges nothing.
package audit

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/vault"
)

// Audit is the store.Audit of a hub.
type Audit struct{ db *handle.DB }

var _ store.Audit = (*Audit)(nil)

// New returns the slice.
func New(db *handle.DB) *Audit { return &Audit{db: db} }

const (
	pageRows  = 500              // read at once: no connection is held while fn works
	pageLimit = time.Minute      // how long a page may take
	allLimit  = 30 * time.Minute // how long a look over a whole table may take
)

// pages reads a query page by page. The query takes what key returns of the
// last row read (first at the beginning), then a limit.
func pages[T any](ctx context.Context, db *handle.DB, query string, first []any, key func(T) []any, scan func(pgx.CollectableRow) (T, error), fn func(T) error) error {
	for after := first; ; {
		var page []T
		var unreadable error
		err := db.Scan(ctx, pageLimit, query, append(append([]any{}, after...), pageRows), func(rows pgx.Rows) error {
			for rows.Next() {
				row, err := scan(rows)
				if err != nil {
					unreadable = err
					rows.Close()
					return nil
				}
				page = append(page, row)
			}
			return rows.Err()
		})
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := fn(row); err != nil {
				return err
			}
		}
		if unreadable != nil || len(page) < pageRows {
			return handle.Fault(unreadable)
		}
		after = key(page[len(page)-1])
	}
}

type checkpoint struct {
	log  int
	size int64
	note []byte
}

// Checkpoints gives every checkpoint of a log by size.
func (a *Audit) Checkpoints(ctx context.Context, log int, fn func(uint64, []byte) error) error {
	return pages(ctx, a.db, `SELECT log, size, note FROM checkpoint WHERE log = $1 AND size > $2 ORDER BY size LIMIT $3`, []any{log, int64(-1)},
		func(c checkpoint) []any { return []any{c.log, c.size} },
		func(row pgx.CollectableRow) (c checkpoint, err error) {
			err = row.Scan(&c.log, &c.size, &c.note)
			return c, err
		},
		func(c checkpoint) error { return fn(uint64(c.size), c.note) })
}

// Acts gives every act, oldest first.
func (a *Audit) Acts(ctx context.Context, fn func(*store.Act) error) error {
	return pages(ctx, a.db, `SELECT id, at, actor, action, object, detail FROM act WHERE id > $1 ORDER BY id LIMIT $2`, []any{int64(math.MinInt64)},
		func(x store.Act) []any { return []any{x.ID} },
		func(row pgx.CollectableRow) (x store.Act, err error) {
			var at int64
			err = row.Scan(&x.ID, &at, &x.Actor, &x.Action, &x.Object, &x.Detail)
			x.At = handle.Moment(at)
			return x, err
		},
		func(x store.Act) error { return fn(&x) })
}

type disclosed struct {
	store.Disclosure
	log int
	idx int64
}

// Disclosures gives every disclosure by the leaf that covers it; those without
// a leaf come first.
func (a *Audit) Disclosures(ctx context.Context, fn func(*store.Disclosure, *store.LeafPlace) error) error {
	return pages(ctx, a.db, `SELECT id, at, reader, role, facility, serial, person, basis, policy, reason, route, count, staff, opening, purpose, facts, root_log, root_idx
		FROM disclosure WHERE (root_log, root_idx, id) > ($1, $2, $3) ORDER BY root_log, root_idx, id LIMIT $4`,
		[]any{math.MinInt32, int64(0), int64(0)},
		func(d disclosed) []any { return []any{d.log, d.idx, d.ID} },
		func(row pgx.CollectableRow) (d disclosed, err error) {
			var at int64
			var serial, person, staff, opening pgtype.UUID
			err = row.Scan(&d.ID, &at, &d.Reader, &d.Role, &d.Facility, &serial, &person, &d.Basis, &d.Policy, &d.Reason, &d.Route, &d.Count,
				&staff, &opening, &d.Purpose, &d.Facts, &d.log, &d.idx)
			d.Staff, d.Opening = staff.Bytes, opening.Bytes
			d.At, d.Person, d.Record = handle.Moment(at), person.Bytes, handle.ID(string(d.Facility), serial)
			return d, err
		},
		func(d disclosed) error {
			if d.log < 0 {
				return fn(&d.Disclosure, nil)
			}
			return fn(&d.Disclosure, &store.LeafPlace{Log: d.log, Index: uint64(d.idx)})
		})
}

// Trace gives what is kept of a record beside its row.
func (a *Audit) Trace(ctx context.Context, id dossier.ID, tags []string) (*store.Trace, error) {
	if err := store.CheckText(append(tags, string(id.Facility))...); err != nil {
		return nil, store.ErrAbsent.Because(err)
	}
	t := &store.Trace{}
	head := store.Episode{}
	var episode, content []byte
	var same, placed, current pgtype.UUID
	err := a.db.Pool.QueryRow(ctx, `SELECT r.episode, r.content, r.late,
			coalesce(c.serial, '00000000-0000-0000-0000-000000000000'), coalesce(p.serial, '00000000-0000-0000-0000-000000000000'),
			coalesce(e.version, 0), coalesce(e.current, '00000000-0000-0000-0000-000000000000'), coalesce(e.ord, ''),
			coalesce(e.facility_version, 0), coalesce(e.day, 0),
			ARRAY (SELECT u.tag FROM unnest($3::text[], $4::bigint[]) WITH ORDINALITY AS u (tag, bit, n)
				WHERE r.documents & u.bit <> 0 AND r.state <> 'rejected'
				OR EXISTS (SELECT 1 FROM tag t WHERE t.facility = r.facility AND t.tag = u.tag AND t.serial = r.serial) ORDER BY u.n)
		FROM record r
		LEFT JOIN content c ON c.facility = r.facility AND c.kind = r.kind AND c.episode = r.episode AND c.content = r.content
		LEFT JOIN place p ON p.facility = r.facility AND p.file = r.file AND p.idx = r.file_idx
		LEFT JOIN episode e ON e.facility = r.facility AND e.kind = r.kind AND e.episode = r.episode
		WHERE r.facility = $1 AND r.serial = $2`, string(id.Facility), handle.UUID(id.Serial), append([]string{}, tags...),
		handle.Column(tags, func(tag string) int64 { return int64(form.CommonDocument(tag)) })).
		Scan(&episode, &content, &t.Late, &same, &placed, &head.Version, &current, &head.Order, &head.FacilityVersion, &head.Day, &t.Tags)
	if err != nil {
		return nil, handle.Fault(err)
	}
	if t.Episode, err = handle.Keyed(episode); err != nil {
		return nil, err
	}
	if t.Content, err = handle.Keyed(content); err != nil {
		return nil, err
	}
	code := string(id.Facility)
	t.Same, t.Place = handle.ID(code, same), handle.ID(code, placed)
	if head.Version > 0 { // else the row only serves as a lock
		head.Current, head.Key = handle.ID(code, current), t.Episode
		t.Head = &head
	}
	return t, nil
}

// Episodes gives the head of every episode; rows without a version only serve
// as locks.
func (a *Audit) Episodes(ctx context.Context, fn func(*store.EpisodeHead) error) error {
	return pages(ctx, a.db, `SELECT facility, kind, episode, version, current, ord, facility_version, day FROM episode
		WHERE version > 0 AND (facility, kind, episode) > ($1, $2, $3) ORDER BY facility, kind, episode LIMIT $4`, []any{"", "", []byte{}},
		func(e store.EpisodeHead) []any { return []any{string(e.Facility), e.Kind, handle.Hash(e.Key)} },
		func(row pgx.CollectableRow) (e store.EpisodeHead, err error) {
			var key []byte
			var current pgtype.UUID
			if err = row.Scan(&e.Facility, &e.Kind, &key, &e.Version, &current, &e.Order, &e.FacilityVersion, &e.Day); err != nil {
				return e, err
			}
			e.Current = handle.ID(string(e.Facility), current)
			e.Key, err = handle.Keyed(key)
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
	return pages(ctx, a.db, `SELECT facility, hash FROM file WHERE (facility, hash) > ($1, $2) ORDER BY facility, hash LIMIT $3`, []any{"", []byte{}},
		func(f fileName) []any { return []any{string(f.facility), handle.Hash(f.hash)} },
		func(row pgx.CollectableRow) (f fileName, err error) {
			var hash []byte
			if err = row.Scan(&f.facility, &hash); err != nil {
				return f, err
			}
			f.hash, err = handle.Keyed(hash)
			return f, err
		},
		func(f fileName) error { return fn(f.facility, f.hash) })
}
