// Package inflow is the embedded engine's side of store.Inflow: how far
// destinations were read, and how their days compared.
package inflow

import (
	"context"
	"encoding/json"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Inflow implements store.Inflow.
type Inflow struct{ db *file.DB }

var _ store.Inflow = (*Inflow)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Inflow { return &Inflow{db} }

// Places returns every place.
func (x *Inflow) Places(ctx context.Context) ([]store.InflowPlace, error) {
	var out []store.InflowPlace
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT destination, facility, cursor, at, code, taken, refused FROM inflow ORDER BY facility, destination`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p store.InflowPlace
			var at int64
			if err := rows.Scan(&p.Destination, &p.Facility, &p.Cursor, &at, &p.Code, &p.Taken, &p.Refused); err != nil {
				return err
			}
			p.At = file.Time(at)
			out = append(out, p)
		}
		return rows.Err()
	})
	return out, err
}

// PutPlace keeps a place.
func (x *Inflow) PutPlace(ctx context.Context, p store.InflowPlace) error {
	if err := store.CheckText(p.Destination, string(p.Facility), p.Cursor, p.Code); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO inflow (destination, facility, cursor, at, code, taken, refused) VALUES (?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (facility, destination) DO UPDATE SET cursor = excluded.cursor, at = excluded.at, code = excluded.code, taken = excluded.taken, refused = excluded.refused`,
			p.Destination, string(p.Facility), p.Cursor, file.Micros(p.At), p.Code, p.Taken, p.Refused)
		return err
	})
}

// PutMirror keeps how a day compared.
func (x *Inflow) PutMirror(ctx context.Context, m store.Mirror) error {
	here, err := json.Marshal(m.OnlyHere)
	if err != nil {
		return err
	}
	there, err := json.Marshal(m.OnlyThere)
	if err != nil {
		return err
	}
	if err := store.CheckText(string(m.Facility), m.Destination, string(here), string(there)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO mirror (facility, day, destination, at, here, there, equal, only_here, only_there) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (facility, day, destination) DO UPDATE SET at = excluded.at, here = excluded.here, there = excluded.there, equal = excluded.equal,
 only_here = excluded.only_here, only_there = excluded.only_there WHERE excluded.at >= at`,
			string(m.Facility), m.Day, m.Destination, file.Micros(m.At), m.Here, m.There, m.Equal, string(here), string(there))
		return err
	})
}

// Mirrors returns how days compared.
func (x *Inflow) Mirrors(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]store.Mirror, error) {
	q := file.Select(`SELECT m.facility, m.day, m.destination, m.at, m.here, m.there, m.equal, m.only_here, m.only_there FROM mirror m
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
	text, args := q.End(` ORDER BY m.day DESC, m.facility, m.destination LIMIT 1000`)
	var out []store.Mirror
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var m store.Mirror
			var at int64
			var here, there []byte
			if err := rows.Scan(&m.Facility, &m.Day, &m.Destination, &at, &m.Here, &m.There, &m.Equal, &here, &there); err != nil {
				return err
			}
			if err := json.Unmarshal(here, &m.OnlyHere); err != nil {
				return err
			}
			if err := json.Unmarshal(there, &m.OnlyThere); err != nil {
				return err
			}
			m.At = file.Time(at)
			out = append(out, m)
		}
		return rows.Err()
	})
	return out, err
}
