// Package databases is the embedded engine's side of what databases are: their
// declarations, how far they have come, and who was given what of them.
package databases

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Databases implements house.Databases, house.Grants and house.Imports.
type Databases struct{ db *file.DB }

var (
	_ house.Databases = (*Databases)(nil)
	_ house.Grants    = (*Databases)(nil)
	_ house.Imports   = (*Databases)(nil)
)

// New returns the slices of an open file.
func New(db *file.DB) *Databases { return &Databases{db} }

// Epoch is kept as the head of no database.
func (x *Databases) Epoch(ctx context.Context) (n int64, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		err := s.Row(`SELECT seq FROM db_head WHERE database = ''`).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			n, err = 0, nil
		}
		return err
	})
	return n, err
}

// write writes a change of what everybody reads, with its act.
func (x *Databases) write(ctx context.Context, act store.Act, fn func(tx *file.Tx) error) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO db_head (database, seq) VALUES ('', 1) ON CONFLICT (database) DO UPDATE SET seq = seq + 1`); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// orChanged tells that a row was not as its writer read it.
func orChanged(n int64, err error) error {
	if err == nil && n == 0 {
		return store.ErrChanged
	}
	return err
}

// Declare keeps the next version of a declaration.
func (x *Databases) Declare(ctx context.Context, d house.Declared, act store.Act) error {
	if err := store.CheckText(string(d.Database), d.By); err != nil {
		return err
	}
	return x.write(ctx, act, func(tx *file.Tx) error {
		return orChanged(tx.Exec(`INSERT INTO db_declaration (database, version, at, actor, said) SELECT ?1, ?2, ?3, ?4, ?5
 WHERE ?2 = 1 + (SELECT coalesce(max(version), 0) FROM db_declaration WHERE database = ?1)`,
			string(d.Database), int64(d.Version), entry.Micros(d.At), d.By, entry.Bytes(d.Text)))
	})
}

const declared = `SELECT d.database, d.version, d.at, d.actor, d.said FROM db_declaration d `

// Declared returns what holds.
func (x *Databases) Declared(ctx context.Context) ([]house.Declared, error) {
	return x.declared(ctx, declared+`WHERE d.version = (SELECT max(n.version) FROM db_declaration n WHERE n.database = d.database) ORDER BY d.database`)
}

// Versions returns what held before too.
func (x *Databases) Versions(ctx context.Context, id registry.ID) ([]house.Declared, error) {
	return x.declared(ctx, declared+`WHERE d.database = ? ORDER BY d.version DESC`, string(id))
}

func (x *Databases) declared(ctx context.Context, q string, args ...any) ([]house.Declared, error) {
	var out []house.Declared
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(q, args...)
		return file.Each(rows, err, func(row file.Scanner) error {
			var d house.Declared
			var at int64
			if err := row.Scan(&d.Database, &d.Version, &at, &d.By, &d.Text); err != nil {
				return err
			}
			d.At = entry.Moment(at)
			out = append(out, d)
			return nil
		})
	})
	return out, err
}

// Reach keeps the next step.
func (x *Databases) Reach(ctx context.Context, st house.Step, act store.Act) error {
	if err := store.CheckText(string(st.Database), string(st.State), st.By, st.Evidence); err != nil {
		return err
	}
	return x.write(ctx, act, func(tx *file.Tx) error {
		return orChanged(tx.Exec(`INSERT INTO db_step (database, n, state, at, actor, evidence) SELECT ?1, ?2, ?3, ?4, ?5, ?6
 WHERE ?2 = 1 + (SELECT coalesce(max(n), 0) FROM db_step WHERE database = ?1)`,
			string(st.Database), int64(st.N), string(st.State), entry.Micros(st.At), st.By, st.Evidence))
	})
}

// Steps returns how databases came where they are.
func (x *Databases) Steps(ctx context.Context, id registry.ID) ([]house.Step, error) {
	var out []house.Step
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT database, n, state, at, actor, evidence FROM db_step WHERE ?1 = '' OR database = ?1 ORDER BY database, n`, string(id))
		return file.Each(rows, err, func(row file.Scanner) error {
			var st house.Step
			var at int64
			if err := row.Scan(&st.Database, &st.N, &st.State, &at, &st.By, &st.Evidence); err != nil {
				return err
			}
			st.At = entry.Moment(at)
			out = append(out, st)
			return nil
		})
	})
	return out, err
}

// Give keeps a new grant.
func (x *Databases) Give(ctx context.Context, g house.Grant, act store.Act) error {
	fields, err := entry.Fields(g.Fields)
	if err = errors.Join(err, store.CheckText(string(g.Database), g.ID, g.To, fields, g.Purpose, g.By, g.EndedBy)); err != nil {
		return err
	}
	return x.write(ctx, act, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO db_grant (database, id, version, receiver, fields, purpose, since, until, actor, ended, ended_by)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (database, id) DO NOTHING`,
			string(g.Database), g.ID, int64(g.Version), g.To, fields, g.Purpose, entry.Micros(g.Since), entry.Micros(g.Until), g.By, entry.Micros(g.Ended), g.EndedBy)
		if err == nil && n == 0 {
			return store.ErrTaken
		}
		return err
	})
}

// End ends a grant by hand.
func (x *Databases) End(ctx context.Context, id registry.ID, grant string, at time.Time, by string, act store.Act) error {
	if err := store.CheckText(string(id), grant, by); err != nil {
		return err
	}
	return x.write(ctx, act, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE db_grant SET ended = ?, ended_by = ? WHERE database = ? AND id = ? AND ended = 0`, entry.Micros(at), by, string(id), grant)
		if err == nil && n == 0 {
			return store.ErrAbsent
		}
		return err
	})
}

// Given returns grants.
func (x *Databases) Given(ctx context.Context, id registry.ID, to string) ([]house.Grant, error) {
	var out []house.Grant
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT database, id, version, receiver, fields, purpose, since, until, actor, ended, ended_by FROM db_grant
 WHERE (?1 = '' OR database = ?1) AND (?2 = '' OR receiver = ?2) ORDER BY since DESC, database, id`, string(id), to)
		return file.Each(rows, err, func(row file.Scanner) error {
			var g house.Grant
			var since, until, ended int64
			var fields string
			err := row.Scan(&g.Database, &g.ID, &g.Version, &g.To, &fields, &g.Purpose, &since, &until, &g.By, &ended, &g.EndedBy)
			if err != nil {
				return err
			}
			g.Since, g.Until, g.Ended = entry.Moment(since), entry.Moment(until), entry.Moment(ended)
			g.Fields, err = entry.ReadFields(fields)
			out = append(out, g)
			return err
		})
	})
	return out, err
}
