// Package entries is the embedded engine's side of the entries of databases and of
// the flow of records they are made from. It opens nothing.
package entries

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/scores"
)

// Entries implements house.Entries and house.Flow.
type Entries struct{ db *file.DB }

var (
	_ house.Entries = (*Entries)(nil)
	_ house.Flow    = (*Entries)(nil)
)

// New returns the slices of an open file.
func New(db *file.DB) *Entries { return &Entries{db} }

var (
	askStates = file.Asking("database, id", `SELECT e.id, e.version, e.state, e.facility, e.confirmed, e.marks FROM k JOIN db_entry e ON e.database = k.database AND e.id = k.id`)
	askBriefs = file.Asking("database, id", `SELECT e.`+briefColumns+` FROM k JOIN db_entry e ON e.database = k.database AND e.id = k.id`)
	keepOld   = file.Asking("database, id", `INSERT INTO db_entry_version (`+entry.Columns+`) SELECT `+eColumns+` FROM k JOIN db_entry e ON e.database = k.database AND e.id = k.id WHERE true`)
	write     = file.Insert(`db_entry (`+entry.Columns+`)`, `ON CONFLICT (database, id) DO UPDATE SET `+entry.Update)
	dropKeys  = file.Asking("database, id", `DELETE FROM db_key WHERE database = (SELECT database FROM k) AND id IN (SELECT id FROM k)`) // all of one database: along the index, where EXISTS reads every key there is
	writeKeys = file.Insert(`db_key (database, field, value, id)`, `ON CONFLICT DO NOTHING`)
	writeSaid = file.Insert(`db_said (database, id, facility, serial)`, `ON CONFLICT DO NOTHING`)
)

// Put writes a batch, or nothing.
func (x *Entries) Put(ctx context.Context, id registry.ID, b house.Batch, was string) error {
	if err := entry.Check(&b); err != nil {
		return err
	}
	lane := file.Backlog
	if b.Act != nil {
		lane = file.Administrative
	}
	return x.db.Write(ctx, lane, min(64, 1+len(b.Rows)+len(b.Closes)+len(b.Marked)), func(tx *file.Tx) error { return put(tx, id, &b, was) })
}

func put(tx *file.Tx, id registry.ID, b *house.Batch, was string) error {
	if err := movePlace(tx, b.Place, was); err != nil {
		return err
	}
	var seq int64
	if err := tx.Row(`SELECT seq FROM db_head WHERE database = ?`, string(id)).Scan(&seq); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	now := map[registry.EntryID]entry.State{}
	err := tx.AskBulk(askStates, keysOf(id, entry.IDs(b)), func(row file.Scanner) error {
		var key []byte
		var st entry.State
		if err := row.Scan(&key, &st.Version, &st.State, &st.Facility, &st.Confirmed, &st.Marks); err != nil {
			return err
		}
		now[registry.EntryID(key)] = st
		return nil
	})
	if err != nil {
		return err
	}
	s, err := entry.Sort(b, now, seq)
	if err != nil {
		return err
	}
	if err := versions(tx, id, s, seq); err != nil {
		return err
	}
	if err := said(tx, id, b); err != nil {
		return err
	}
	if err := wipe(tx, id, b.Wipe); err != nil {
		return err
	}
	for _, state := range slices.Sorted(maps.Keys(s.Counts)) {
		if _, err := tx.Exec(`INSERT INTO db_count (database, state, n) VALUES (?1, ?2, ?3) ON CONFLICT (database, state) DO UPDATE SET n = n + ?3`, string(id), string(state), s.Counts[state]); err != nil {
			return err
		}
	}
	g := scoring.Group{}
	for _, d := range b.Scores {
		if err := g.Add(d); err != nil {
			return err
		}
	}
	if err := scores.Append(tx, &g); err != nil {
		return err
	}
	if s.Changes > 0 {
		if _, err := tx.Exec(`INSERT INTO db_head (database, seq) VALUES (?1, ?2) ON CONFLICT (database) DO UPDATE SET seq = ?2`, string(id), seq+s.Changes); err != nil {
			return err
		}
	}
	if b.Act == nil {
		return nil
	}
	return tx.Act(*b.Act)
}

func movePlace(tx *file.Tx, p *house.Place, was string) error {
	if p == nil {
		return nil
	}
	var cursor string
	err := tx.Row(`SELECT place FROM db_place WHERE database = ? AND source = ?`, string(p.Database), p.Source).Scan(&cursor)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if cursor != was {
		return store.ErrChanged
	}
	_, err = tx.Exec(`INSERT INTO db_place (database, source, declared, place, at, code, seen, made, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
 ON CONFLICT (database, source) DO UPDATE SET declared = ?3, place = ?4, at = ?5, code = ?6, seen = ?7, made = ?8, ended = ?9`,
		string(p.Database), p.Source, int64(p.Declared), p.Cursor, entry.Micros(p.At), p.Code, p.Seen, p.Made, p.Ended)
	return err
}

func keysOf(id registry.ID, entries []registry.EntryID) []any {
	out := make([]any, 0, 2*len(entries))
	for i := range entries {
		out = append(out, string(id), entries[i][:])
	}
	return out
}

func idsOf(rows []*house.Row) []registry.EntryID {
	out := make([]registry.EntryID, len(rows))
	for i, r := range rows {
		out[i] = r.ID
	}
	return out
}

// versions writes what a batch says of entries.
func versions(tx *file.Tx, id registry.ID, s *entry.Sorted, seq int64) error {
	old := keysOf(id, idsOf(s.Next))
	for _, c := range s.Closes {
		old = append(old, string(id), c.ID[:])
	}
	if _, err := tx.ExecBulk(keepOld, old); err != nil {
		return err
	}
	if _, err := tx.ExecBulk(dropKeys, keysOf(id, idsOf(s.Next))); err != nil {
		return err
	}
	var rows, keys []any
	for _, r := range slices.Concat(s.Fresh, s.Next) {
		rows = append(rows, entry.Values(r)...)
		for _, k := range r.Keys {
			keys = append(keys, string(id), k.Field, entry.Bytes(k.Value), r.ID[:])
		}
	}
	if _, err := tx.ExecBulk(write, rows); err != nil {
		return err
	}
	if _, err := tx.ExecBulk(writeKeys, keys); err != nil {
		return err
	}
	for _, r := range s.Same {
		o := r.Origin
		if _, err := tx.Exec(`UPDATE db_entry SET confirmed = max(confirmed, ?), source = ?, facility = ?, record_facility = ?, record = ?, brought = ?, actor = ?, marks = ? WHERE database = ? AND id = ?`,
			entry.Micros(r.Confirmed), o.Source, string(o.Facility), string(o.Record.Facility), entry.Serial(o.Record), o.Import, o.By, entry.Bytes(r.Marks), string(id), r.ID[:]); err != nil {
			return err
		}
	}
	for _, m := range s.Marked {
		if _, err := tx.Exec(`UPDATE db_entry SET marks = ? WHERE database = ? AND id = ?`, entry.Bytes(m.Marks), string(id), m.ID[:]); err != nil {
			return err
		}
	}
	return closes(tx, id, s, seq+int64(len(s.Fresh)+len(s.Next)))
}

func closes(tx *file.Tx, id registry.ID, s *entry.Sorted, seq int64) error {
	for i, c := range s.Closes {
		if _, err := tx.Exec(`UPDATE db_entry SET version = version + 1, state = ?, merged_into = ?, at = ?, valid_to = CASE WHEN ? = 0 THEN valid_to ELSE ? END, actor = ?, seq = ? WHERE database = ? AND id = ?`,
			string(c.State), entry.Some(c.Into), entry.Micros(c.At), entry.Micros(c.Until), entry.Micros(c.Until), c.By, seq+int64(i)+1, string(id), c.ID[:]); err != nil {
			return err
		}
		if !c.Wipe {
			continue
		}
		for _, q := range []string{
			`UPDATE db_entry SET sealed = x'', wrapped = x'', open = '{}', content = x'' WHERE database = ? AND id = ?`,
			`UPDATE db_entry_version SET sealed = x'', wrapped = x'', open = '{}', content = x'' WHERE database = ? AND id = ?`,
			`DELETE FROM db_key WHERE database = ? AND id = ?`, `DELETE FROM db_said WHERE database = ? AND id = ?`,
		} {
			if _, err := tx.Exec(q, string(id), c.ID[:]); err != nil {
				return err
			}
		}
	}
	return nil
}

func said(tx *file.Tx, id registry.ID, b *house.Batch) error {
	for _, s := range b.Unsaid {
		if _, err := tx.Exec(`DELETE FROM db_said WHERE database = ? AND facility = ? AND serial = ? AND id = ?`, string(id), string(s.Record.Facility), s.Record.Serial[:], s.Entry[:]); err != nil {
			return err
		}
	}
	var args []any
	for i := range b.Rows {
		if r := &b.Rows[i]; r.Origin.Record != (registry.RecordID{}) {
			args = append(args, string(id), r.ID[:], string(r.Origin.Record.Facility), r.Origin.Record.Serial[:])
		}
	}
	for _, s := range b.Said {
		args = append(args, string(id), s.Entry[:], string(s.Record.Facility), s.Record.Serial[:])
	}
	_, err := tx.ExecBulk(writeSaid, args)
	return err
}
