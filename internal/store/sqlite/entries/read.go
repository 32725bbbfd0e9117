package entries

import (
	"context"
	"strings"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

var (
	eColumns     = `e.` + strings.ReplaceAll(strings.Join(strings.Fields(entry.Columns), " "), ", ", ", e.")
	briefColumns = strings.ReplaceAll(entry.BriefColumns, ", ", ", e.")
)

// Known tells what is held.
func (x *Entries) Known(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]house.Brief, error) {
	found := make(map[registry.EntryID]house.Brief, len(entries))
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		clear(found)
		return s.AskBulk(askBriefs, keysOf(id, entries), func(row file.Scanner) error {
			key, b, err := entry.ScanBrief(row.Scan)
			found[key] = b
			return err
		})
	})
	out := make([]house.Brief, len(entries))
	for i := range entries {
		out[i] = found[entries[i]]
	}
	return out, err
}

var (
	askSaid = file.Asking("database, facility, serial", `SELECT s.id, s.facility, s.serial FROM k JOIN db_said s
 ON s.database = k.database AND s.facility = k.facility AND s.serial = k.serial`)
	askSayers = file.Asking("database, id", `SELECT s.id, s.facility, s.serial FROM k JOIN db_said s ON s.database = k.database AND s.id = k.id`)
)

// SaidBy returns what records say.
func (x *Entries) SaidBy(ctx context.Context, id registry.ID, records []registry.RecordID) ([]house.Said, error) {
	args := make([]any, 0, 3*len(records))
	for i := range records {
		args = append(args, string(id), string(records[i].Facility), records[i].Serial[:])
	}
	return x.said(ctx, askSaid, args)
}

// Sayers returns who says entries.
func (x *Entries) Sayers(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]house.Said, error) {
	return x.said(ctx, askSayers, keysOf(id, entries))
}

func (x *Entries) said(ctx context.Context, q *file.Bulk, args []any) (out []house.Said, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		return s.AskBulk(q, args, func(row file.Scanner) error {
			one, err := entry.ScanSaid(row.Scan)
			out = append(out, one)
			return err
		})
	})
	entry.SortSaid(out)
	return out, err
}

func (x *Entries) rows(ctx context.Context, q string, args []any) ([]house.Row, error) {
	var out []house.Row
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Select(q, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			r, err := entry.Scan(row.Scan)
			out = append(out, r)
			return err
		})
	})
	return out, err
}

const everyVersion = `SELECT ` + entry.Columns + ` FROM (SELECT ` + entry.Columns + ` FROM db_entry WHERE database = ?1 AND id = ?2
 UNION ALL SELECT ` + entry.Columns + ` FROM db_entry_version WHERE database = ?1 AND id = ?2)`

// Get returns an entry as it was known at a moment.
func (x *Entries) Get(ctx context.Context, id registry.ID, key registry.EntryID, at time.Time) (*house.Row, error) {
	q, args := `SELECT `+entry.Columns+` FROM db_entry WHERE database = ?1 AND id = ?2`, []any{string(id), key[:]}
	if !at.IsZero() {
		q, args = everyVersion+` WHERE at <= ?3 ORDER BY version DESC LIMIT 1`, append(args, entry.Micros(at))
	}
	all, err := x.rows(ctx, q, args)
	if err == nil && len(all) == 0 {
		err = store.ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// History returns all versions.
func (x *Entries) History(ctx context.Context, id registry.ID, key registry.EntryID, limit int) ([]house.Row, error) {
	all, err := x.rows(ctx, everyVersion+` ORDER BY version DESC LIMIT ?3`, []any{string(id), key[:], file.Limit(limit)})
	if err == nil && len(all) == 0 {
		err = store.ErrAbsent
	}
	return all, err
}

// List returns entries.
func (x *Entries) List(ctx context.Context, f house.EntryFilter) ([]house.Row, bool, error) {
	limit := file.Limit(f.Limit)
	q := file.Select(`SELECT `+eColumns+` FROM db_entry e`).And(`e.database = ?`, string(f.Database))
	if len(f.Match) > 0 { // along the keys of the first
		q = file.Select(`SELECT ` + eColumns + ` FROM db_key m CROSS JOIN db_entry e ON e.database = m.database AND e.id = m.id`)
		match(q, f.Database, f.Match[0])
		for _, m := range f.Match[1:] {
			sub := file.Select(`SELECT 1 FROM db_key m`).And(`m.id = e.id`)
			match(sub, f.Database, m)
			text, args := sub.End(``)
			q.And(`EXISTS (`+text+`)`, args...)
		}
	}
	order := ` ORDER BY e.id LIMIT ?`
	switch {
	case len(f.Match) > 0:
		order = ` GROUP BY m.id ORDER BY m.id LIMIT ?`
		if f.After != (registry.EntryID{}) {
			q.And(`m.id > ?`, f.After[:])
		}
	case f.Newest:
		order = ` ORDER BY e.seq DESC LIMIT ?`
		if f.AfterSeq > 0 {
			q.And(`e.seq < ?`, f.AfterSeq)
		}
	case f.After != (registry.EntryID{}):
		q.And(`e.id > ?`, f.After[:])
	}
	filter(q, &f)
	text, args := q.End(order, limit+1)
	all, err := x.rows(ctx, text, args)
	if err != nil {
		return nil, false, err
	}
	all, more := file.Page(all, limit)
	return all, more, nil
}

func match(q *file.Query, id registry.ID, m house.Match) {
	q.And(`m.database = ? AND m.field = ?`, string(id), m.Field)
	if m.Prefix && len(m.Values) == 1 {
		q.And(`m.value >= ?`, m.Values[0])
		if end := entry.PrefixEnd(m.Values[0]); end != nil {
			q.And(`m.value < ?`, end)
		}
		return
	}
	args := make([]any, len(m.Values))
	for i, v := range m.Values {
		args[i] = entry.Bytes(v)
	}
	q.And(`m.value IN (`+file.Marks(len(args))+`)`, args...)
}

func filter(q *file.Query, f *house.EntryFilter) {
	for _, c := range []struct{ column, value string }{
		{"e.state", string(f.State)}, {"e.facility", string(f.Facility)}, {"e.brought", f.Import}, {"e.source", f.Source},
	} {
		if c.value != "" {
			q.And(c.column+` = ?`, c.value)
		}
	}
	if f.Facilities != nil {
		args := make([]any, len(f.Facilities))
		for i, c := range f.Facilities {
			args[i] = string(c)
		}
		q.And(`e.facility IN (`+file.Marks(len(args))+`)`, args...)
	}
	if f.IDs != nil {
		args := make([]any, len(f.IDs))
		for i := range f.IDs {
			args[i] = f.IDs[i][:]
		}
		q.And(`e.id IN (`+file.Marks(len(args))+`)`, args...)
	}
	if !f.Before.IsZero() {
		q.And(`e.confirmed < ?`, entry.Micros(f.Before))
	}
}

// Changes returns what changed.
func (x *Entries) Changes(ctx context.Context, id registry.ID, after int64, limit int) ([]house.Row, error) {
	return x.rows(ctx, `SELECT `+entry.Columns+` FROM db_entry WHERE database = ? AND seq > ? ORDER BY seq LIMIT ?`, []any{string(id), after, file.Limit(limit)})
}

// Counts returns how many entries there are.
func (x *Entries) Counts(ctx context.Context, id registry.ID) (out []house.EntryCount, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT database, state, n FROM db_count WHERE (?1 = '' OR database = ?1) AND n <> 0 ORDER BY database, state`, string(id))
		return file.Each(rows, err, func(row file.Scanner) error {
			var c house.EntryCount
			err := row.Scan(&c.Database, &c.State, &c.N)
			out = append(out, c)
			return err
		})
	})
	return out, err
}

// Places returns how far sources were read.
func (x *Entries) Places(ctx context.Context, id registry.ID) (out []house.Place, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT database, source, declared, place, at, code, seen, made, ended FROM db_place WHERE ?1 = '' OR database = ?1 ORDER BY database, source`, string(id))
		return file.Each(rows, err, func(row file.Scanner) error {
			var p house.Place
			var at int64
			err := row.Scan(&p.Database, &p.Source, &p.Declared, &p.Cursor, &at, &p.Code, &p.Seen, &p.Made, &p.Ended)
			p.At = entry.Moment(at)
			out = append(out, p)
			return err
		})
	})
	return out, err
}

// Turn takes what one process does.
func (x *Entries) Turn(ctx context.Context, what, holder string, now, until time.Time) (is bool, err error) {
	if err := store.CheckText(what, holder); err != nil {
		return false, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO db_turn (what, holder, until) VALUES (?1, ?2, ?4) ON CONFLICT (what) DO UPDATE SET holder = ?2, until = ?4 WHERE holder = ?2 OR until <= ?3`,
			what, holder, entry.Micros(now), entry.Micros(until))
		is = n > 0
		return err
	})
	return is, err
}
