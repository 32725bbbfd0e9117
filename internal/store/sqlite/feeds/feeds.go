// Package feeds is the embedded engine's side of store.Feeds: a facility's
// records in the order of commits and by day, and how days compared. It opens
// nothing.
package feeds

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Feeds implements store.Feeds.
type Feeds struct{ db *file.DB }

var _ store.Feeds = (*Feeds)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Feeds { return &Feeds{db: db} }

const (
	columns   = file.RecordColumns + `, coalesce(f.digest, zeroblob(32)), r.episode`
	joins     = ` LEFT JOIN subject s ON s.facility = r.facility AND s.key = r.subject LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file `
	following = `SELECT ` + columns + ` FROM record r INDEXED BY record_feed` + joins +
		`WHERE r.facility = ? AND r.log = ? AND r.leaf >= ? ORDER BY r.leaf LIMIT ?`
	// What a record changed: of its own episode, and what it names.
	changed = `SELECT ` + columns + ` FROM record r` + joins + `WHERE r.id IN (
 SELECT d.record FROM dossier d WHERE d.facility = ?1 AND d.episode = ?2 AND d.kind = ?3 UNION
 SELECT x.id FROM record x WHERE x.facility = ?1 AND x.serial IN (?5, ?6)) AND (r.superseded_by = ?4 OR r.withdrawn_by = ?4) ORDER BY r.id`
	dayOf = `SELECT r.serial, r.kind, r.state, r.idx, coalesce(f.digest, zeroblob(32)) FROM record r INDEXED BY record_facility_time
 LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file
 WHERE r.facility = ? AND r.received >= ? AND r.received < ? AND r.withdraws IS NULL LIMIT ?`
)

// row is a record with the episode it is of.
type row struct {
	store.Fed
	episode []byte
}

// After returns what was committed behind a place.
func (x *Feeds) After(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]store.Fed, string, error) {
	place, err := store.ParseFeedPlace(after)
	if err != nil {
		return nil, "", err
	}
	limit = file.Limit(limit)
	var out []store.Fed
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		logs, err := numbers(s)
		if err != nil {
			return err
		}
		lists := make([][]store.Fed, len(logs))
		episodes := map[dossier.ID][]byte{}
		for i, log := range logs {
			rows, err := collect(s, following, string(facility), int64(log), int64(place[log]), limit)
			if err != nil {
				return err
			}
			for _, r := range rows {
				lists[i] = append(lists[i], r.Fed)
				episodes[r.ID] = r.episode
			}
		}
		out, err = withChanged(s, place.Take(lists, limit), episodes)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return out, place.String(), nil
}

func numbers(s *file.Snapshot) (logs []int, err error) {
	rows, err := s.Rows(`SELECT log FROM head ORDER BY log`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		logs = append(logs, n)
	}
	return logs, rows.Err()
}

func collect(s *file.Snapshot, q string, args ...any) ([]row, error) {
	rows, err := s.Rows(q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []row
	for rows.Next() {
		var r row
		var digest []byte
		if _, err := file.ScanRecord(rows, &r.Record, &digest, &r.episode); err != nil {
			return nil, err
		}
		if copy(r.Digest[:], digest) != len(r.Digest) {
			return nil, fmt.Errorf("feed: a digest of %d bytes", len(digest))
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// withChanged puts before each record those whose state it changed.
func withChanged(s *file.Snapshot, fresh []store.Fed, episodes map[dossier.ID][]byte) ([]store.Fed, error) {
	out := make([]store.Fed, 0, len(fresh))
	for _, f := range fresh {
		if f.Changes() {
			rows, err := collect(s, changed, string(f.ID.Facility), episodes[f.ID], f.Kind, f.ID.Serial[:], f.Supersedes.Serial[:], f.Withdraws.Serial[:])
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				out = append(out, r.Fed)
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// Day returns what was received on a day.
func (x *Feeds) Day(ctx context.Context, facility care.FacilityCode, day, limit int) ([]store.Dispatched, error) {
	from := time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, clock.Hanoi)
	var out []store.Dispatched
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(dayOf,
			string(facility), file.Micros(from), file.Micros(from.AddDate(0, 0, 1)), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d store.Dispatched
			var serial, digest []byte
			if err := rows.Scan(&serial, &d.Kind, &d.State, &d.Index, &digest); err != nil {
				return err
			}
			if d.Record, err = file.ID(facility, serial); err != nil {
				return err
			}
			if copy(d.Digest[:], digest) != len(d.Digest) {
				return fmt.Errorf("feed: a digest of %d bytes", len(digest))
			}
			out = append(out, d)
		}
		return rows.Err()
	})
	return out, err
}

// Annotations returns what was learned later.
func (x *Feeds) Annotations(ctx context.Context, facility care.FacilityCode, after time.Time, limit int) ([]store.Annotation, error) {
	since := int64(0)
	if !after.IsZero() {
		since = file.Micros(after)
	}
	var out []store.Annotation
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT serial, what, fingerprint, at, since, source FROM annotation WHERE facility = ? AND at > ? ORDER BY at, serial, what, fingerprint LIMIT ?`,
			string(facility), since, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a store.Annotation
			var serial, print []byte
			var at, from int64
			if err := rows.Scan(&serial, &a.What, &print, &at, &from, &a.Source); err != nil {
				return err
			}
			if a.Record, err = file.ID(facility, serial); err != nil {
				return err
			}
			if copy(a.Fingerprint[:], print) != len(a.Fingerprint) {
				return fmt.Errorf("annotation: a fingerprint of %d bytes", len(print))
			}
			a.At = file.Time(at)
			if from != 0 {
				a.Since = file.Time(from)
			}
			out = append(out, a)
		}
		return rows.Err()
	})
	return out, err
}

// PutManifest keeps how a day compared.
func (x *Feeds) PutManifest(ctx context.Context, m store.Manifest) error {
	if err := store.CheckText(string(m.Facility), m.By); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO manifest (facility, day, at, sender, equal, sent, accepted, rejected, erased, missing, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (facility, day) DO UPDATE SET at = excluded.at, sender = excluded.sender, equal = excluded.equal, sent = excluded.sent, accepted = excluded.accepted,
 rejected = excluded.rejected, erased = excluded.erased, missing = excluded.missing, extra = excluded.extra WHERE excluded.at >= at`,
			string(m.Facility), m.Day, file.Micros(m.At), m.By, m.Equal, m.Sent, m.Accepted, m.Rejected, m.Erased, m.Missing, m.Extra)
		return err
	})
}

// Manifests returns how days compared.
func (x *Feeds) Manifests(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]store.Manifest, error) {
	q := file.Select(`SELECT m.facility, m.day, m.at, m.sender, m.equal, m.sent, m.accepted, m.rejected, m.erased, m.missing, m.extra FROM manifest m
 LEFT JOIN facility_version v ON v.id = (SELECT n.id FROM facility_version n WHERE n.code = m.facility ORDER BY n.since DESC, n.id DESC LIMIT 1)`).
		Within(scope, "m.facility", "v.id")
	if facility != "" {
		q.And(`m.facility = ?`, string(facility))
	}
	if from != 0 {
		q.And(`m.day >= ?`, from)
	}
	if to != 0 {
		q.And(`m.day <= ?`, to)
	}
	text, args := q.End(` ORDER BY m.day DESC, m.facility LIMIT 1000`)
	var out []store.Manifest
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		return scanManifests(rows, &out)
	})
	return out, err
}

func scanManifests(rows *sql.Rows, out *[]store.Manifest) error {
	defer rows.Close()
	for rows.Next() {
		var m store.Manifest
		var at int64
		if err := rows.Scan(&m.Facility, &m.Day, &at, &m.By, &m.Equal, &m.Sent, &m.Accepted, &m.Rejected, &m.Erased, &m.Missing, &m.Extra); err != nil {
			return err
		}
		m.At = file.Time(at)
		*out = append(*out, m)
	}
	return rows.Err()
}
