// Package inflow keeps in PostgreSQL how far destinations were read, and how
// their days compared.
package inflow

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Inflow implements store.Inflow.
type Inflow struct{ db *handle.DB }

var _ store.Inflow = (*Inflow)(nil)

// New returns the slice.
func New(db *handle.DB) *Inflow { return &Inflow{db} }

// Places returns every place.
func (x *Inflow) Places(ctx context.Context) ([]store.InflowPlace, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT destination, facility, cursor, at, code, taken, refused FROM inflow ORDER BY facility, destination`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p store.InflowPlace, err error) {
		var at int64
		err = row.Scan(&p.Destination, &p.Facility, &p.Cursor, &at, &p.Code, &p.Taken, &p.Refused)
		p.At = handle.Moment(at)
		return p, err
	})
	return all, handle.Fault(err)
}

// PutPlace keeps a place.
func (x *Inflow) PutPlace(ctx context.Context, p store.InflowPlace) error {
	if err := store.CheckText(p.Destination, string(p.Facility), p.Cursor, p.Code); err != nil {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO inflow (destination, facility, cursor, at, code, taken, refused) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (facility, destination) DO UPDATE SET cursor = excluded.cursor, at = excluded.at, code = excluded.code, taken = excluded.taken, refused = excluded.refused`,
		p.Destination, string(p.Facility), p.Cursor, handle.Micros(p.At), p.Code, p.Taken, p.Refused)
	return handle.Fault(err)
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
	_, err = x.db.Pool.Exec(ctx, `INSERT INTO mirror AS m (facility, day, destination, at, here, there, equal, only_here, only_there) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (facility, day, destination) DO UPDATE SET at = excluded.at, here = excluded.here, there = excluded.there, equal = excluded.equal,
			only_here = excluded.only_here, only_there = excluded.only_there WHERE excluded.at >= m.at`,
		string(m.Facility), m.Day, m.Destination, handle.Micros(m.At), m.Here, m.There, m.Equal, string(here), string(there))
	return handle.Fault(err)
}

// Mirrors returns how days compared.
func (x *Inflow) Mirrors(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]store.Mirror, error) {
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
	rows, err := x.db.Pool.Query(ctx, `SELECT m.facility, m.day, m.destination, m.at, m.here, m.there, m.equal, m.only_here, m.only_there FROM mirror m
		LEFT JOIN LATERAL (SELECT n.* FROM facility_version n WHERE n.code = m.facility ORDER BY n.since DESC, n.id DESC LIMIT 1) v ON true`+
		w.String()+` ORDER BY m.day DESC, m.facility, m.destination LIMIT 1000`, w.Args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, scan)
	return all, handle.Fault(err)
}

func scan(row pgx.CollectableRow) (m store.Mirror, err error) {
	var at int64
	var here, there string
	if err = row.Scan(&m.Facility, &m.Day, &m.Destination, &at, &m.Here, &m.There, &m.Equal, &here, &there); err != nil {
		return m, err
	}
	m.At = handle.Moment(at)
	if err = json.Unmarshal([]byte(here), &m.OnlyHere); err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(there), &m.OnlyThere)
}
