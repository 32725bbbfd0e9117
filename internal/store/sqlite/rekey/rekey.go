// Package rekey is the embedded engine's side of store.Rekeys: it finds wrapped
// keys and puts others in their place. It opens none.
package rekey

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Rekeys implements store.Rekeys.
type Rekeys struct{ db *file.DB }

var _ store.Rekeys = (*Rekeys)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Rekeys { return &Rekeys{db: db} }

// table is how a table's rows are found and spelled.
type table struct {
	name    string
	columns []string
	wrapped string // the column
}

func tableOf(name string) (table, error) {
	t, ok := store.RekeyTables[name]
	if !ok {
		return table{}, fmt.Errorf("rekey: no table %q of wrapped keys", name)
	}
	return table{cmp.Or(t.Table, name), t.Key, t.Column}, nil
}

// blobs are the columns whose bytes are spelled in hexadecimal.
var blobs = map[string]bool{"serial": true, "hash": true, "id": true, "person": true}

func (t table) each(column, blob string) string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		switch {
		case blobs[c]:
			out[i] = fmt.Sprintf(blob, c)
		case c == "version":
			out[i] = fmt.Sprintf(strings.Replace(column, "?", "CAST(? AS INTEGER)", 1), c)
		default:
			out[i] = fmt.Sprintf(column, c)
		}
	}
	return strings.Join(out, ", ")
}

// Wrapped returns rows whose wrapped key begins with prefix.
func (x *Rekeys) Wrapped(ctx context.Context, name string, prefix []byte, after []string, limit int) ([]store.Wrapped, error) {
	t, err := tableOf(name)
	if err != nil {
		return nil, err
	}
	keys := strings.Join(t.columns, ", ")
	query := `SELECT ` + t.each("CAST(%s AS TEXT)", "lower(hex(%s))") + `, ` + t.wrapped + ` FROM ` + t.name + ` WHERE substr(` + t.wrapped + `, 1, ?) = ?`
	args := []any{len(prefix), prefix}
	if after != nil {
		query += ` AND (` + keys + `) > (` + t.each("?%.0s", "unhex(?)%.0s") + `)`
		for _, k := range after {
			args = append(args, k)
		}
	}
	query += ` ORDER BY ` + keys + ` LIMIT ?`
	var out []store.Wrapped
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(query, append(args, limit)...)
		out = nil
		return file.Each(rows, err, func(row file.Scanner) error {
			w := store.Wrapped{Table: name, Key: make([]string, len(t.columns))}
			to := make([]any, 0, len(t.columns)+1)
			for i := range w.Key {
				to = append(to, &w.Key[i])
			}
			if err := row.Scan(append(to, &w.Was)...); err != nil {
				return err
			}
			out = append(out, w)
			return nil
		})
	})
	return out, err
}

// Rewrap puts other wrapped keys in the place of those that still stand.
func (x *Rekeys) Rewrap(ctx context.Context, rows []store.Wrapped) (moved int, err error) {
	err = x.db.Write(ctx, file.Administrative, len(rows), func(tx *file.Tx) error {
		moved = 0
		for i := range rows {
			t, err := tableOf(rows[i].Table)
			if err != nil {
				return err
			}
			if len(rows[i].Key) != len(t.columns) {
				return fmt.Errorf("rekey: a key of %d parts", len(rows[i].Key))
			}
			args := []any{rows[i].Is}
			for _, k := range rows[i].Key {
				args = append(args, k)
			}
			n, err := tx.Exec(`UPDATE `+t.name+` SET `+t.wrapped+` = ? WHERE (`+strings.Join(t.columns, ", ")+`) = (`+t.each("?%.0s", "unhex(?)%.0s")+`) AND `+t.wrapped+` = ?`,
				append(args, rows[i].Was)...)
			if err != nil {
				return err
			}
			moved += int(n)
		}
		return nil
	})
	return moved, err
}

// ReplaceMonth puts a month key wrapped anew in the place of the same one.
func (x *Rekeys) ReplaceMonth(ctx context.Context, was, is store.MonthKey) error {
	if err := store.CheckText(is.Master); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE month_key SET master = ?, wrapped = ? WHERE class = ? AND month = ? AND generation = ? AND wrapped = ?`,
			is.Master, is.Wrapped, was.Class, was.Month, was.Generation, was.Wrapped)
		if err == nil && n == 0 {
			return store.ErrChanged
		}
		return err
	})
}

// DropGenerations destroys older month keys.
func (x *Rekeys) DropGenerations(ctx context.Context, class string, month, before int, act store.Act) (residue []store.Residue, err error) {
	if err := file.CheckAct(act); err != nil {
		return nil, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		residue = nil
		rows, err := tx.Rows(`SELECT wrapped FROM month_key WHERE class = ? AND month = ? AND generation < ?`, class, month, before)
		if err := file.Each(rows, err, func(row file.Scanner) error {
			var wrapped []byte
			if err := row.Scan(&wrapped); err != nil {
				return err
			}
			residue = append(residue, store.Residue{Bytes: wrapped[len(wrapped)-32:]})
			return nil
		}); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM month_key WHERE class = ? AND month = ? AND generation < ?`, class, month, before); err != nil {
			return err
		}
		return tx.Act(act)
	})
	return residue, err
}
