// Package surveys is the embedded engine's side of store.Surveys: what an
// operator looks at, counted from the rows.
package surveys

import (
	"context"
	"errors"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Surveys implements store.Surveys.
type Surveys struct{ db *file.DB }

var _ store.Surveys = (*Surveys)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Surveys { return &Surveys{db} }

// Stuck groups legs that wait for somebody.
func (x *Surveys) Stuck(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.LegGroup, error) {
	if err := form.CheckLegFilter(f); err != nil {
		return nil, err
	}
	if scope.IsEmpty() || f.State != exchange.Held && f.State != exchange.Parked {
		return nil, nil
	}
	q := file.Select(`SELECT l.destination, l.state, l.code, count(*), count(DISTINCT l.facility), min(l.created) FROM leg l INDEXED BY leg_stuck`).
		And(`l.state IN ('held', 'parked')`).Within(scope, "l.facility", "l.facility_version").And(`l.state = ?`, string(f.State))
	for _, c := range []struct{ column, value string }{
		{"l.destination", f.Destination}, {"l.facility", string(f.Facility)}, {"l.kind", f.Kind}, {"l.code", f.Code},
	} {
		if c.value != "" {
			q.And(c.column+` = ?`, c.value)
		}
	}
	if !f.From.IsZero() {
		q.And(`l.created >= ?`, file.Micros(f.From))
	}
	if !f.To.IsZero() {
		q.And(`l.created < ?`, file.Micros(f.To))
	}
	text, args := q.End(` GROUP BY l.destination, l.state, l.code ORDER BY count(*) DESC, l.destination, l.code LIMIT ?`, store.LegGroups)
	var out []store.LegGroup
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var g store.LegGroup
			var oldest int64
			if err := rows.Scan(&g.Destination, &g.State, &g.Code, &g.N, &g.Facilities, &oldest); err != nil {
				return err
			}
			g.Oldest = file.Time(oldest)
			out = append(out, g)
		}
		return rows.Err()
	})
	return out, err
}

// rejects is every finding of a rejected dossier, once each. A file's software
// lies in the note of its origin; there was none before release 4.
const rejects = `SELECT software, vendor, facility, code, count(*), max(received), serial FROM (
 SELECT DISTINCT r.id, coalesce(json_extract(s.note, '$.Software'), '') AS software, coalesce(v.vendor, '') AS vendor, r.facility, json_extract(e.value, '$[0]') AS code,
 r.received, r.serial
 FROM record r INDEXED BY record_rejected JOIN json_each(r.findings) e
 LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file
 LEFT JOIN seal s ON f.seals NOT LIKE '[%' AND s.id = CAST(f.seals AS INTEGER)
 LEFT JOIN facility_version v ON v.id = r.facility_version`

// Rejects counts findings of rejected dossiers by software.
func (x *Surveys) Rejects(ctx context.Context, sq store.SoftwareQuery) ([]store.SoftwareCount, error) {
	if err := store.CheckText(sq.Name); err != nil {
		return nil, err
	}
	q := file.Select(rejects).And(`r.state = 'rejected'`)
	if !sq.From.IsZero() {
		q.And(`r.received >= ?`, file.Micros(sq.From))
	}
	if !sq.To.IsZero() {
		q.And(`r.received < ?`, file.Micros(sq.To))
	}
	inner, args := q.End(`)`)
	if sq.Name != "" {
		inner += ` WHERE CASE WHEN software <> '' THEN software = ? OR substr(software, 1, length(?) + 1) = ? || '/' ELSE vendor = ? END`
		args = append(args, sq.Name, sq.Name, sq.Name, sq.Name)
	}
	var out []store.SoftwareCount
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(inner+` GROUP BY software, vendor, facility, code ORDER BY count(*) DESC, software, vendor, code, facility LIMIT ?`, append(args, store.SoftwareRows))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c store.SoftwareCount
			var code string
			var newest int64
			var serial []byte
			if err := rows.Scan(&c.Software, &c.Vendor, &code, &c.Code, &c.N, &newest, &serial); err != nil {
				return err
			}
			c.Facility, c.Newest = care.FacilityCode(code), file.Time(newest)
			if c.Example, err = file.ID(c.Facility, serial); err != nil {
				return err
			}
			out = append(out, c)
		}
		return rows.Err()
	})
	return out, err
}

// PutVendor binds a partner to the name of its software.
func (x *Surveys) PutVendor(ctx context.Context, v store.Vendor, act store.Act) error {
	if err := errors.Join(store.CheckText(v.ID, v.Name), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		text, args := `DELETE FROM vendor WHERE id = ?`, []any{v.ID}
		if strings.TrimSpace(v.Name) != "" {
			text = `INSERT INTO vendor (id, name, since) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, since = excluded.since`
			args = append(args, v.Name, file.Micros(v.Since))
		}
		if _, err := tx.Exec(text, args...); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Vendors returns what is bound.
func (x *Surveys) Vendors(ctx context.Context) ([]store.Vendor, error) {
	var out []store.Vendor
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT id, name, since FROM vendor ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v store.Vendor
			var since int64
			if err := rows.Scan(&v.ID, &v.Name, &since); err != nil {
				return err
			}
			v.Since = file.Time(since)
			out = append(out, v)
		}
		return rows.Err()
	})
	return out, err
}
