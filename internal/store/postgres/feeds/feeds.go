// Package feeds reads a facility's records from PostgreSQL in the order of
// commits and by day, and keeps how days compared. It opens nothing.
package feeds

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Feeds is the store.Feeds of a hub.
type Feeds struct{ db *handle.DB }

var _ store.Feeds = (*Feeds)(nil)

// New returns the slice.
func New(db *handle.DB) *Feeds { return &Feeds{db: db} }

// A log's commits follow one another under the lock of its head row, and each
// takes the indexes behind the one before: who sees a leaf's entry sees all
// before it.
const (
	columns   = handle.RecordColumns + `, coalesce(f.digest, ''), r.episode`
	following = `SELECT ` + columns + ` FROM entry e JOIN record r ON r.facility = e.facility AND r.serial = e.serial
		LEFT JOIN subject s ON s.facility = r.facility AND s.subject = r.subject
		LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file
		WHERE e.facility = $1 AND e.log = $2 AND e.idx >= $3 ORDER BY e.idx LIMIT $4`
	// What a record changed: of its own episode, and what it names.
	changed = `SELECT ` + columns + ` FROM (
			SELECT facility, serial FROM record WHERE facility = $1 AND episode = $2 AND kind = $3 AND (superseded_by = $4 OR withdrawn_by = $4)
			UNION SELECT facility, serial FROM record WHERE facility = $1 AND serial IN ($5, $6) AND (superseded_by = $4 OR withdrawn_by = $4)) u
		JOIN record r ON r.facility = u.facility AND r.serial = u.serial
		LEFT JOIN entry e ON e.facility = r.facility AND e.serial = r.serial
		LEFT JOIN subject s ON s.facility = r.facility AND s.subject = r.subject
		LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file ORDER BY e.log, e.idx`
)

// After returns what was committed behind a place.
func (x *Feeds) After(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]store.Fed, string, error) {
	place, err := store.ParseFeedPlace(after)
	if err != nil {
		return nil, "", err
	}
	if err := store.CheckText(string(facility)); err != nil {
		return nil, "", err
	}
	limit = handle.Limit(limit)
	rows, err := x.db.Pool.Query(ctx, `SELECT log FROM log ORDER BY log`)
	if err != nil {
		return nil, "", handle.Fault(err)
	}
	logs, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, "", handle.Fault(err)
	}
	lists := make([][]store.Fed, len(logs))
	episodes := map[dossier.ID][]byte{}
	b := &pgx.Batch{}
	for i, log := range logs {
		b.Queue(following, string(facility), log, int64(place[log]), limit).Query(func(rows pgx.Rows) error {
			return each(rows, func(f store.Fed, episode []byte) {
				lists[i] = append(lists[i], f)
				episodes[f.ID] = episode
			})
		})
	}
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, "", handle.Fault(err)
	}
	out, err := x.withChanged(ctx, place.Take(lists, limit), episodes)
	return out, place.String(), err
}

func each(rows pgx.Rows, fn func(f store.Fed, episode []byte)) error {
	for rows.Next() {
		var f store.Fed
		var digest, episode []byte
		var err error
		if f.Record, err = handle.ScanRecord(rows, &digest, &episode); err != nil {
			return err
		}
		if len(digest) > 0 {
			if err := handle.Digest(&f.Digest, digest); err != nil {
				return err
			}
		}
		fn(f, episode)
	}
	return rows.Err()
}

// withChanged puts before each record those whose state it changed.
func (x *Feeds) withChanged(ctx context.Context, fresh []store.Fed, episodes map[dossier.ID][]byte) ([]store.Fed, error) {
	before := make([][]store.Fed, len(fresh))
	b := &pgx.Batch{}
	for i := range fresh {
		f := &fresh[i]
		if !f.Changes() {
			continue
		}
		b.Queue(changed, string(f.ID.Facility), episodes[f.ID], f.Kind, handle.UUID(f.ID.Serial), handle.UUID(f.Supersedes.Serial), handle.UUID(f.Withdraws.Serial)).
			Query(func(rows pgx.Rows) error {
				return each(rows, func(f store.Fed, _ []byte) { before[i] = append(before[i], f) })
			})
	}
	if b.Len() == 0 {
		return fresh, nil
	}
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, handle.Fault(err)
	}
	out := make([]store.Fed, 0, len(fresh))
	for i, f := range fresh {
		out = append(append(out, before[i]...), f)
	}
	return out, nil
}

// Day returns what was received on a day.
func (x *Feeds) Day(ctx context.Context, facility care.FacilityCode, day, limit int) ([]store.Dispatched, error) {
	if err := store.CheckText(string(facility)); err != nil {
		return nil, err
	}
	from := time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, clock.Hanoi)
	rows, err := x.db.Pool.Query(ctx, `SELECT r.serial, r.kind, r.state, r.file_idx, coalesce(f.digest, '') FROM record r
		LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file
		WHERE r.facility = $1 AND r.received >= $2 AND r.received < $3 AND r.withdraws = '00000000-0000-0000-0000-000000000000' LIMIT $4`,
		string(facility), handle.Micros(from), handle.Micros(from.AddDate(0, 0, 1)), limit)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d store.Dispatched, err error) {
		var serial pgtype.UUID
		var digest []byte
		if err := row.Scan(&serial, &d.Kind, &d.State, &d.Index, &digest); err != nil {
			return d, err
		}
		d.Record = handle.ID(string(facility), serial)
		if len(digest) > 0 {
			err = handle.Digest(&d.Digest, digest)
		}
		return d, err
	})
	return all, handle.Fault(err)
}

// Annotations returns what was learned later.
func (x *Feeds) Annotations(ctx context.Context, facility care.FacilityCode, after time.Time, limit int) ([]store.Annotation, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT serial, what, fingerprint, at, since, source FROM annotation WHERE facility = $1 AND at > $2
		ORDER BY at, serial, what, fingerprint LIMIT $3`, string(facility), handle.Micros(after), limit)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a store.Annotation, err error) {
		var serial pgtype.UUID
		var print []byte
		var at, since int64
		if err := row.Scan(&serial, &a.What, &print, &at, &since, &a.Source); err != nil {
			return a, err
		}
		a.Record, a.At, a.Since = handle.ID(string(facility), serial), handle.Moment(at), handle.Moment(since)
		return a, handle.Digest(&a.Fingerprint, print)
	})
	return all, handle.Fault(err)
}

// PutManifest keeps how a day compared.
func (x *Feeds) PutManifest(ctx context.Context, m store.Manifest) error {
	if err := store.CheckText(string(m.Facility), m.By); err != nil {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO manifest AS m (facility, day, at, sender, equal, sent, accepted, rejected, erased, missing, extra)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (facility, day) DO UPDATE SET at = excluded.at, sender = excluded.sender, equal = excluded.equal, sent = excluded.sent, accepted = excluded.accepted,
			rejected = excluded.rejected, erased = excluded.erased, missing = excluded.missing, extra = excluded.extra WHERE excluded.at >= m.at`,
		string(m.Facility), m.Day, handle.Micros(m.At), m.By, m.Equal, m.Sent, m.Accepted, m.Rejected, m.Erased, m.Missing, m.Extra)
	return handle.Fault(err)
}

// Manifests returns how days compared.
func (x *Feeds) Manifests(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]store.Manifest, error) {
	var w handle.Where
	w.Scope(scope, "m.facility", "v")
	if facility != "" {
		w.And("m.facility = ?", string(facility))
	}
	if from != 0 {
		w.And("m.day >= ?", from)
	}
	if to != 0 {
		w.And("m.day <= ?", to)
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT m.facility, m.day, m.at, m.sender, m.equal, m.sent, m.accepted, m.rejected, m.erased, m.missing, m.extra FROM manifest m
		LEFT JOIN LATERAL (SELECT n.* FROM facility_version n WHERE n.code = m.facility ORDER BY n.since DESC, n.id DESC LIMIT 1) v ON true`+
		w.String()+` ORDER BY m.day DESC, m.facility LIMIT 1000`, w.Args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m store.Manifest, err error) {
		var at int64
		err = row.Scan(&m.Facility, &m.Day, &at, &m.By, &m.Equal, &m.Sent, &m.Accepted, &m.Rejected, &m.Erased, &m.Missing, &m.Extra)
		m.At = handle.Moment(at)
		return m, err
	})
	return all, handle.Fault(err)
}
