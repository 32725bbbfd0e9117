// Package surveys counts in PostgreSQL what an operator looks at, from the rows.
package surveys

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Surveys implements store.Surveys.
type Surveys struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Surveys = (*Surveys)(nil)

// New returns the slice; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Surveys { return &Surveys{db, writer} }

// Stuck groups legs that wait for somebody.
func (x *Surveys) Stuck(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.LegGroup, error) {
	if err := form.CheckLegFilter(f); err != nil {
		return nil, err
	}
	if f.State != exchange.Held && f.State != exchange.Parked {
		return nil, nil
	}
	var w handle.Where
	w.Scope(scope, "l.facility", "v")
	w.And(`l.state IN ('held', 'parked')`)
	w.And(`l.state = ?`, string(f.State))
	for _, c := range []struct{ column, value string }{
		{"l.destination", f.Destination}, {"l.facility", string(f.Facility)}, {"l.kind", f.Kind}, {"l.code", f.Code},
	} {
		if c.value != "" {
			w.And(c.column+` = ?`, c.value)
		}
	}
	if !f.From.IsZero() {
		w.And(`l.created >= ?`, handle.Micros(f.From))
	}
	if !f.To.IsZero() {
		w.And(`l.created < ?`, handle.Micros(f.To))
	}
	var out []store.LegGroup
	err := x.db.Scan(ctx, handle.ListLimit, `SELECT l.destination, l.state, l.code, count(*), count(DISTINCT l.facility), min(l.created)
		FROM leg l LEFT JOIN facility_version v ON v.id = l.facility_version`+w.String()+`
		GROUP BY l.destination, l.state, l.code ORDER BY count(*) DESC, l.destination, l.code LIMIT `+w.Arg(store.LegGroups), w.Args, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g store.LegGroup, err error) {
			var oldest int64
			err = row.Scan(&g.Destination, &g.State, &g.Code, &g.N, &g.Facilities, &oldest)
			g.Oldest = handle.Moment(oldest)
			return g, err
		})
		return err
	})
	return out, err
}

// Rejects counts findings of rejected dossiers by software.
func (x *Surveys) Rejects(ctx context.Context, q store.SoftwareQuery) ([]store.SoftwareCount, error) {
	if err := store.CheckText(q.Name); err != nil {
		return nil, err
	}
	var w handle.Where
	w.And(`r.state = 'rejected'`)
	if !q.From.IsZero() {
		w.And(`r.received >= ?`, handle.Micros(q.From))
	}
	if !q.To.IsZero() {
		w.And(`r.received < ?`, handle.Micros(q.To))
	}
	if q.Name != "" {
		w.And(`CASE WHEN coalesce(f.software, '') <> '' THEN f.software = ? OR starts_with(f.software, ? || '/') ELSE v.vendor = ? END`, q.Name, q.Name, q.Name)
	}
	var out []store.SoftwareCount
	err := x.db.Scan(ctx, handle.ListLimit, `SELECT software, vendor, facility, code, count(*), max(received), (array_agg(serial ORDER BY received DESC, serial DESC))[1]
		FROM (SELECT DISTINCT coalesce(f.software, '') AS software, coalesce(v.vendor, '') AS vendor, r.facility, r.serial, r.received, e ->> 'code' AS code
			FROM record r CROSS JOIN LATERAL jsonb_array_elements(CASE r.findings WHEN '' THEN '[]'::jsonb ELSE r.findings::jsonb END) e
			LEFT JOIN file f ON f.facility = r.facility AND f.hash = r.file
			LEFT JOIN facility_version v ON v.id = r.facility_version`+w.String()+`) found
		GROUP BY software, vendor, facility, code ORDER BY count(*) DESC, software, vendor, code, facility LIMIT `+w.Arg(store.SoftwareRows), w.Args, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c store.SoftwareCount, err error) {
			var code string
			var newest int64
			var serial pgtype.UUID
			err = row.Scan(&c.Software, &c.Vendor, &code, &c.Code, &c.N, &newest, &serial)
			c.Facility, c.Newest, c.Example = care.FacilityCode(code), handle.Moment(newest), handle.ID(code, serial)
			return c, err
		})
		return err
	})
	return out, err
}

// PutVendor binds a partner to the name of its software.
func (x *Surveys) PutVendor(ctx context.Context, v store.Vendor, act store.Act) error {
	if err := store.CheckText(v.ID, v.Name); err != nil {
		return err
	}
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	if strings.TrimSpace(v.Name) == "" {
		b.Queue(`DELETE FROM vendor WHERE id = $1`, v.ID)
	} else {
		b.Queue(`INSERT INTO vendor (id, name, since) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name, since = excluded.since`, v.ID, v.Name, handle.Micros(v.Since))
	}
	return x.writer.CommitAct(ctx, tx, b, act)
}

// Vendors returns what is bound.
func (x *Surveys) Vendors(ctx context.Context) ([]store.Vendor, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT id, name, since FROM vendor ORDER BY id`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v store.Vendor, err error) {
		var since int64
		err = row.Scan(&v.ID, &v.Name, &since)
		v.Since = handle.Moment(since)
		return v, err
	})
	return all, handle.Fault(err)
}
