// Package databases keeps in PostgreSQL what databases are: their declarations, how
// far they have come, and who was given what of them.
package databases

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Databases implements house.Databases, house.Grants and house.Imports.
type Databases struct {
	db     *handle.DB
	writer *ledger.Writer
}

var (
	_ house.Databases = (*Databases)(nil)
	_ house.Grants    = (*Databases)(nil)
	_ house.Imports   = (*Databases)(nil)
)

// New returns the slices; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Databases { return &Databases{db, writer} }

// Epoch is kept as the head of no database.
func (x *Databases) Epoch(ctx context.Context) (n int64, err error) {
	err = x.db.Pool.QueryRow(ctx, `SELECT seq FROM db_head WHERE database = ''`).Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return n, handle.Fault(err)
}

const moveEpoch = `INSERT INTO db_head AS h (database, seq) VALUES ('', 1) ON CONFLICT (database) DO UPDATE SET seq = h.seq + 1`

// write writes a change of what everybody reads, with its act; none is the fault
// of a statement that touched no row. Writers follow one another by the epoch.
func (x *Databases) write(ctx context.Context, act *store.Act, none error, moves bool, q string, args ...any) error {
	if act != nil {
		if err := ledger.CheckAct(*act); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	if moves {
		b.Queue(moveEpoch)
	}
	b.Queue(q, args...).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return none
		}
		return nil
	})
	if act != nil {
		return x.writer.CommitAct(ctx, tx, b, *act)
	}
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	return handle.Fault(tx.Commit(ctx, tx.Batch()))
}

// Declare keeps the next version of a declaration.
func (x *Databases) Declare(ctx context.Context, d house.Declared, act store.Act) error {
	if err := store.CheckText(string(d.Database), d.By); err != nil {
		return err
	}
	return x.write(ctx, &act, store.ErrChanged, true, `INSERT INTO db_declaration (database, version, at, actor, said) SELECT $1::text, $2::bigint, $3::bigint, $4::text, $5::bytea
		WHERE $2::bigint = 1 + (SELECT coalesce(max(version), 0) FROM db_declaration WHERE database = $1)`,
		string(d.Database), int64(d.Version), entry.Micros(d.At), d.By, entry.Bytes(d.Text))
}

const declared = `SELECT d.database, d.version, d.at, d.actor, d.said FROM db_declaration d `

// Declared returns what holds.
func (x *Databases) Declared(ctx context.Context) ([]house.Declared, error) {
	return x.declared(ctx, declared+`WHERE d.version = (SELECT max(n.version) FROM db_declaration n WHERE n.database = d.database) ORDER BY d.database`)
}

// Versions returns what held before too.
func (x *Databases) Versions(ctx context.Context, id registry.ID) ([]house.Declared, error) {
	return x.declared(ctx, declared+`WHERE d.database = $1 ORDER BY d.version DESC`, string(id))
}

// collect reads rows.
func collect[T any](ctx context.Context, x *Databases, fn pgx.RowToFunc[T], q string, args ...any) ([]T, error) {
	rows, err := x.db.Pool.Query(ctx, q, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, fn)
	return all, handle.Fault(err)
}

func (x *Databases) declared(ctx context.Context, q string, args ...any) ([]house.Declared, error) {
	return collect(ctx, x, func(row pgx.CollectableRow) (d house.Declared, err error) {
		var at int64
		err = row.Scan(&d.Database, &d.Version, &at, &d.By, &d.Text)
		d.At = entry.Moment(at)
		return d, err
	}, q, args...)
}

// Reach keeps the next step.
func (x *Databases) Reach(ctx context.Context, st house.Step, act store.Act) error {
	if err := store.CheckText(string(st.Database), string(st.State), st.By, st.Evidence); err != nil {
		return err
	}
	return x.write(ctx, &act, store.ErrChanged, true, `INSERT INTO db_step (database, n, state, at, actor, evidence) SELECT $1::text, $2::bigint, $3::text, $4::bigint, $5::text, $6::text
		WHERE $2::bigint = 1 + (SELECT coalesce(max(n), 0) FROM db_step WHERE database = $1)`,
		string(st.Database), int64(st.N), string(st.State), entry.Micros(st.At), st.By, st.Evidence)
}

// Steps returns how databases came where they are.
func (x *Databases) Steps(ctx context.Context, id registry.ID) ([]house.Step, error) {
	return collect(ctx, x, func(row pgx.CollectableRow) (st house.Step, err error) {
		var at int64
		err = row.Scan(&st.Database, &st.N, &st.State, &at, &st.By, &st.Evidence)
		st.At = entry.Moment(at)
		return st, err
	}, `SELECT database, n, state, at, actor, evidence FROM db_step WHERE $1 = '' OR database = $1 ORDER BY database, n`, string(id))
}

// Give keeps a new grant.
func (x *Databases) Give(ctx context.Context, g house.Grant, act store.Act) error {
	fields, err := entry.Fields(g.Fields)
	if err = errors.Join(err, store.CheckText(string(g.Database), g.ID, g.To, fields, g.Purpose, g.By, g.EndedBy)); err != nil {
		return err
	}
	return x.write(ctx, &act, store.ErrTaken, true, `INSERT INTO db_grant (database, id, version, receiver, fields, purpose, since, until, actor, ended, ended_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (database, id) DO NOTHING`,
		string(g.Database), g.ID, int64(g.Version), g.To, fields, g.Purpose, entry.Micros(g.Since), entry.Micros(g.Until), g.By, entry.Micros(g.Ended), g.EndedBy)
}

// End ends a grant by hand.
func (x *Databases) End(ctx context.Context, id registry.ID, grant string, at time.Time, by string, act store.Act) error {
	if err := store.CheckText(string(id), grant, by); err != nil {
		return err
	}
	return x.write(ctx, &act, store.ErrAbsent, true, `UPDATE db_grant SET ended = $1, ended_by = $2 WHERE database = $3 AND id = $4 AND ended = 0`, entry.Micros(at), by, string(id), grant)
}

// Given returns grants.
func (x *Databases) Given(ctx context.Context, id registry.ID, to string) ([]house.Grant, error) {
	return collect(ctx, x, func(row pgx.CollectableRow) (g house.Grant, err error) {
		var since, until, ended int64
		var fields string
		if err := row.Scan(&g.Database, &g.ID, &g.Version, &g.To, &fields, &g.Purpose, &since, &until, &g.By, &ended, &g.EndedBy); err != nil {
			return g, err
		}
		g.Since, g.Until, g.Ended = entry.Moment(since), entry.Moment(until), entry.Moment(ended)
		g.Fields, err = entry.ReadFields(fields)
		return g, err
	}, `SELECT database, id, version, receiver, fields, purpose, since, until, actor, ended, ended_by FROM db_grant
		WHERE ($1 = '' OR database = $1) AND ($2 = '' OR receiver = $2) ORDER BY since DESC, database, id`, string(id), to)
}
