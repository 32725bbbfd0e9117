package entries

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
)

var eColumns = `e.` + strings.ReplaceAll(strings.Join(strings.Fields(entry.Columns), " "), ", ", ", e.")

// Known tells what is held.
func (x *Entries) Known(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]house.Brief, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT `+entry.BriefColumns+` FROM db_entry WHERE database = $1 AND id = ANY($2)`, string(id), column(entries))
	if err != nil {
		return nil, handle.Fault(err)
	}
	defer rows.Close()
	found := make(map[registry.EntryID]house.Brief, len(entries))
	for rows.Next() {
		key, b, err := entry.ScanBrief(rows.Scan)
		if err != nil {
			return nil, handle.Fault(err)
		}
		found[key] = b
	}
	out := make([]house.Brief, len(entries))
	for i := range entries {
		out[i] = found[entries[i]]
	}
	return out, handle.Fault(rows.Err())
}

// SaidBy returns what records say.
func (x *Entries) SaidBy(ctx context.Context, id registry.ID, records []registry.RecordID) ([]house.Said, error) {
	return x.said(ctx, `SELECT s.id, s.facility, s.serial FROM unnest($2::text[], $3::bytea[]) AS k (facility, serial)
		JOIN db_said s ON s.database = $1 AND s.facility = k.facility AND s.serial = k.serial`, string(id),
		handle.Column(records, func(r registry.RecordID) string { return string(r.Facility) }), handle.Column(records, func(r registry.RecordID) []byte { return r.Serial[:] }))
}

// Sayers returns who says entries.
func (x *Entries) Sayers(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]house.Said, error) {
	return x.said(ctx, `SELECT id, facility, serial FROM db_said WHERE database = $1 AND id = ANY($2)`, string(id), column(entries))
}

func (x *Entries) said(ctx context.Context, q string, args ...any) ([]house.Said, error) {
	rows, err := x.db.Pool.Query(ctx, q, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (house.Said, error) { return entry.ScanSaid(row.Scan) })
	entry.SortSaid(out)
	return out, handle.Fault(err)
}

func (x *Entries) rows(ctx context.Context, q string, args ...any) ([]house.Row, error) {
	rows, err := x.db.Pool.Query(ctx, q, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (house.Row, error) { return entry.Scan(row.Scan) })
	return out, handle.Fault(err)
}

const everyVersion = `SELECT ` + entry.Columns + ` FROM (SELECT ` + entry.Columns + ` FROM db_entry WHERE database = $1 AND id = $2
	UNION ALL SELECT ` + entry.Columns + ` FROM db_entry_version WHERE database = $1 AND id = $2) v`

// Get returns an entry as it was known at a moment.
func (x *Entries) Get(ctx context.Context, id registry.ID, key registry.EntryID, at time.Time) (*house.Row, error) {
	q, args := `SELECT `+entry.Columns+` FROM db_entry WHERE database = $1 AND id = $2`, []any{string(id), key[:]}
	if !at.IsZero() {
		q, args = everyVersion+` WHERE at <= $3 ORDER BY version DESC LIMIT 1`, append(args, entry.Micros(at))
	}
	all, err := x.rows(ctx, q, args...)
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
	all, err := x.rows(ctx, everyVersion+` ORDER BY version DESC LIMIT $3`, string(id), key[:], handle.Limit(limit))
	if err == nil && len(all) == 0 {
		err = store.ErrAbsent
	}
	return all, err
}

// List returns entries.
func (x *Entries) List(ctx context.Context, f house.EntryFilter) ([]house.Row, bool, error) {
	limit := handle.Limit(f.Limit)
	var w handle.Where
	w.And(`e.database = ?`, string(f.Database))
	from, order := `db_entry e`, `e.id`
	switch {
	case len(f.Match) > 0: // along the keys of the first
		from, order = `(SELECT DISTINCT m.id FROM db_key m WHERE `+match(&w, f.Database, f.Match[0], f.After)+`) k JOIN db_entry e ON e.id = k.id`, `k.id`
		for _, m := range f.Match[1:] {
			w.And(`EXISTS (SELECT 1 FROM db_key m WHERE m.id = e.id AND ` + match(&w, f.Database, m, registry.EntryID{}) + `)`)
		}
	case f.Newest:
		if order = `e.seq DESC`; f.AfterSeq > 0 {
			w.And(`e.seq < ?`, f.AfterSeq)
		}
	case f.After != (registry.EntryID{}):
		w.And(`e.id > ?`, f.After[:])
	}
	filter(&w, &f)
	q := `SELECT ` + eColumns + ` FROM ` + from + w.String() + ` ORDER BY ` + order + ` LIMIT ` + w.Arg(limit+1)
	var all []house.Row
	err := x.db.Scan(ctx, handle.ListLimit, q, w.Args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (house.Row, error) { return entry.Scan(row.Scan) })
		return err
	})
	if err != nil {
		return nil, false, err
	}
	all, more := handle.Page(all, limit)
	return all, more, nil
}

// match is the condition of a Match on key m.
func match(w *handle.Where, id registry.ID, m house.Match, after registry.EntryID) string {
	q := `m.database = ` + w.Arg(string(id)) + ` AND m.field = ` + w.Arg(m.Field)
	if m.Prefix && len(m.Values) == 1 {
		q += ` AND m.value >= ` + w.Arg(m.Values[0])
		if end := entry.PrefixEnd(m.Values[0]); end != nil {
			q += ` AND m.value < ` + w.Arg(end)
		}
	} else {
		q += ` AND m.value = ANY(` + w.Arg(handle.Column(m.Values, entry.Bytes)) + `)`
	}
	if after != (registry.EntryID{}) {
		q += ` AND m.id > ` + w.Arg(after[:])
	}
	return q
}

func filter(w *handle.Where, f *house.EntryFilter) {
	for _, c := range []struct{ column, value string }{
		{"e.state", string(f.State)}, {"e.facility", string(f.Facility)}, {"e.brought", f.Import}, {"e.source", f.Source},
	} {
		if c.value != "" {
			w.And(c.column+` = ?`, c.value)
		}
	}
	if f.Facilities != nil {
		w.And(`e.facility = ANY(?)`, f.Facilities)
	}
	if f.IDs != nil {
		w.And(`e.id = ANY(?)`, column(f.IDs))
	}
	if !f.Before.IsZero() {
		w.And(`e.confirmed < ?`, entry.Micros(f.Before))
	}
}

// Changes returns what changed.
func (x *Entries) Changes(ctx context.Context, id registry.ID, after int64, limit int) ([]house.Row, error) {
	return x.rows(ctx, `SELECT `+entry.Columns+` FROM db_entry WHERE database = $1 AND seq > $2 ORDER BY seq LIMIT $3`, string(id), after, handle.Limit(limit))
}

// Counts returns how many entries there are.
func (x *Entries) Counts(ctx context.Context, id registry.ID) ([]house.EntryCount, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT database, state, n FROM db_count WHERE ($1 = '' OR database = $1) AND n <> 0 ORDER BY database, state`, string(id))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c house.EntryCount, err error) {
		return c, row.Scan(&c.Database, &c.State, &c.N)
	})
	return out, handle.Fault(err)
}

// Places returns how far sources were read.
func (x *Entries) Places(ctx context.Context, id registry.ID) ([]house.Place, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT database, source, declared, place, at, code, seen, made, ended FROM db_place WHERE $1 = '' OR database = $1 ORDER BY database, source`, string(id))
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p house.Place, err error) {
		var at int64
		err = row.Scan(&p.Database, &p.Source, &p.Declared, &p.Cursor, &at, &p.Code, &p.Seen, &p.Made, &p.Ended)
		p.At = entry.Moment(at)
		return p, err
	})
	return out, handle.Fault(err)
}

// Turn takes what one process does.
func (x *Entries) Turn(ctx context.Context, what, holder string, now, until time.Time) (bool, error) {
	if err := store.CheckText(what, holder); err != nil {
		return false, err
	}
	tag, err := x.db.Pool.Exec(ctx, `INSERT INTO db_turn AS t (what, holder, until) VALUES ($1, $2, $4)
		ON CONFLICT (what) DO UPDATE SET holder = $2, until = $4 WHERE t.holder = $2 OR t.until <= $3`, what, holder, entry.Micros(now), entry.Micros(until))
	return tag.RowsAffected() > 0, handle.Fault(err)
}
