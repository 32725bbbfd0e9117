package databases

import (
	"context"
	"encoding/json"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// PutImport keeps the next version of an import.
func (x *Databases) PutImport(ctx context.Context, i house.Import, act *store.Act) error {
	if err := store.CheckText(string(i.Database), i.ID, i.Source, i.State, i.Name, i.By, i.Counts, i.Summary, i.Undo); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		args := []any{string(i.Database), i.ID, int64(i.Version), int64(i.Declared), i.Source, i.State, i.Name, i.Size, i.Digest[:], i.By,
			entry.Micros(i.At), entry.Micros(i.Changed), i.Counts, i.Summary, i.Undo, entry.Micros(i.UndoUntil)}
		q := `INSERT INTO db_import (database, id, version, declared, source, state, name, size, digest, actor, at, changed, counts, summary, undo, undo_until)
 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON CONFLICT (database, id) DO NOTHING`
		if i.Version != 1 {
			q = `UPDATE db_import SET version = ?3, declared = ?4, source = ?5, state = ?6, name = ?7, size = ?8, digest = ?9, actor = ?10, at = ?11,
 changed = ?12, counts = ?13, summary = ?14, undo = ?15, undo_until = ?16 WHERE database = ?1 AND id = ?2 AND version = ?3 - 1`
		}
		if err := orChanged(tx.Exec(q, args...)); err != nil || act == nil {
			return err
		}
		return tx.Act(*act)
	})
}

const imports = `SELECT database, id, version, declared, source, state, name, size, digest, actor, at, changed, counts, summary, undo, undo_until FROM db_import `

// Import returns one import.
func (x *Databases) Import(ctx context.Context, id registry.ID, name string) (house.Import, error) {
	all, err := x.imports(ctx, imports+`WHERE database = ? AND id = ?`, string(id), name)
	if err != nil || len(all) == 0 {
		return house.Import{}, orAbsent(err)
	}
	return all[0], nil
}

func orAbsent(err error) error {
	if err == nil {
		return store.ErrAbsent
	}
	return err
}

// Imports returns a database's.
func (x *Databases) Imports(ctx context.Context, id registry.ID, limit int) ([]house.Import, error) {
	return x.imports(ctx, imports+`WHERE database = ? ORDER BY at DESC, id DESC LIMIT ?`, string(id), file.Limit(limit))
}

// ImportsIn names those of a database in states.
func (x *Databases) ImportsIn(ctx context.Context, id registry.ID, states ...string) (names []string, err error) {
	among, err := json.Marshal(states)
	if err != nil {
		return nil, err
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		names = nil
		rows, err := s.Rows(`SELECT id FROM db_import WHERE database = ? AND state IN (SELECT value FROM json_each(?)) ORDER BY at, id`, string(id), string(among))
		return file.Each(rows, err, func(row file.Scanner) error {
			var name string
			if err := row.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
			return nil
		})
	})
	return names, err
}

func (x *Databases) imports(ctx context.Context, q string, args ...any) ([]house.Import, error) {
	var out []house.Import
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(q, args...)
		return file.Each(rows, err, func(row file.Scanner) error {
			var i house.Import
			var at, changed, until int64
			var digest []byte
			if err := row.Scan(&i.Database, &i.ID, &i.Version, &i.Declared, &i.Source, &i.State, &i.Name, &i.Size, &digest, &i.By,
				&at, &changed, &i.Counts, &i.Summary, &i.Undo, &until); err != nil {
				return err
			}
			i.At, i.Changed, i.UndoUntil = entry.Moment(at), entry.Moment(changed), entry.Moment(until)
			out = append(out, i)
			return file.Fill(out[len(out)-1].Digest[:], digest)
		})
	})
	return out, err
}
