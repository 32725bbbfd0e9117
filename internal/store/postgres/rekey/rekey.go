// Package rekey is the PostgreSQL engine's side of store.Rekeys: it finds
// wrapped keys and puts others in their place. It opens none.
package rekey

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Rekeys is the store.Rekeys of a hub.
type Rekeys struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Rekeys = (*Rekeys)(nil)

// New returns the slice; writer nil: what needs a leaf is store.ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Rekeys { return &Rekeys{db: db, writer: writer} }

// scanLimit is how long a query over a whole table may take.
const scanLimit = time.Hour

// kinds are the columns whose values are not text: how they are spelled and read.
var kinds = map[string][2]string{
	"serial":  {"replace(%s::text, '-', '')", "$%d::uuid"},
	"hash":    {"encode(%s, 'hex')", "decode($%d, 'hex')"},
	"id":      {"replace(%s::text, '-', '')", "$%d::uuid"},
	"person":  {"replace(%s::text, '-', '')", "$%d::uuid"},
	"version": {"%s::text", "$%d::text::bigint"},
}

type table struct {
	name    string
	columns []string
	wrapped string
}

func tableOf(name string) (table, error) {
	t, ok := store.RekeyTables[name]
	if !ok {
		return table{}, fmt.Errorf("rekey: no table %q of wrapped keys", name)
	}
	return table{cmp.Or(t.Table, name), t.Key, t.Column}, nil
}

// kindOf is how a column is spelled and read: an entry's name is bytes.
func (t table) kindOf(column string) [2]string {
	if column == "id" && strings.HasPrefix(t.name, "db_entry") {
		return kinds["hash"]
	}
	return kinds[column]
}

func (t table) spelled() string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		if out[i] = c; t.kindOf(c)[0] != "" {
			out[i] = fmt.Sprintf(t.kindOf(c)[0], c)
		}
	}
	return strings.Join(out, ", ")
}

// marks are the parameters of a key from the n-th on.
func (t table) marks(n int) string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		form := "$%d"
		if t.kindOf(c)[1] != "" {
			form = t.kindOf(c)[1]
		}
		out[i] = fmt.Sprintf(form, n+i)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// Wrapped returns rows whose wrapped key begins with prefix.
func (x *Rekeys) Wrapped(ctx context.Context, name string, prefix []byte, after []string, limit int) ([]store.Wrapped, error) {
	t, err := tableOf(name)
	if err != nil {
		return nil, err
	}
	keys := strings.Join(t.columns, ", ")
	query := `SELECT ` + t.spelled() + `, ` + t.wrapped + ` FROM ` + t.name + ` WHERE substring(` + t.wrapped + ` FOR $1) = $2`
	args := []any{len(prefix), prefix, limit}
	if after != nil {
		query += ` AND (` + keys + `) > ` + t.marks(4)
		for _, k := range after {
			args = append(args, k)
		}
	}
	var out []store.Wrapped
	err = x.db.Scan(ctx, scanLimit, query+` ORDER BY `+keys+` LIMIT $3`, args, func(rows pgx.Rows) error {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Wrapped, error) {
			w := store.Wrapped{Table: name, Key: make([]string, len(t.columns))}
			to := make([]any, 0, len(t.columns)+1)
			for i := range w.Key {
				to = append(to, &w.Key[i])
			}
			return w, row.Scan(append(to, &w.Was)...)
		})
		return err
	})
	return out, err
}

// Rewrap puts other wrapped keys in the place of those that still stand.
func (x *Rekeys) Rewrap(ctx context.Context, rows []store.Wrapped) (int, error) {
	moved := 0
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.End()
	b := tx.Batch()
	for i := range rows {
		t, err := tableOf(rows[i].Table)
		if err != nil {
			return 0, err
		}
		if len(rows[i].Key) != len(t.columns) {
			return 0, fmt.Errorf("rekey: a key of %d parts", len(rows[i].Key))
		}
		args := []any{handle.Bytes(rows[i].Is), handle.Bytes(rows[i].Was)}
		for _, k := range rows[i].Key {
			args = append(args, k)
		}
		var n int
		b.Queue(`WITH done AS (UPDATE `+t.name+` SET `+t.wrapped+` = $1 WHERE (`+strings.Join(t.columns, ", ")+`) = `+t.marks(3)+` AND `+t.wrapped+` = $2 RETURNING 1)
			SELECT count(*) FROM done`, args...).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&n)
			moved += n
			return err
		})
	}
	err = tx.Commit(ctx, b)
	return moved, err
}

// ReplaceMonth puts a month key wrapped anew in the place of the same one.
func (x *Rekeys) ReplaceMonth(ctx context.Context, was, is store.MonthKey) error {
	if err := store.CheckText(is.Master); err != nil {
		return err
	}
	tag, err := x.db.Pool.Exec(ctx, `UPDATE month_key SET master = $1, wrapped = $2 WHERE class = $3 AND month = $4 AND generation = $5 AND wrapped = $6`,
		is.Master, handle.Bytes(is.Wrapped), was.Class, was.Month, was.Generation, handle.Bytes(was.Wrapped))
	if err == nil && tag.RowsAffected() == 0 {
		return store.ErrChanged
	}
	return handle.Fault(err)
}

// DropGenerations destroys older month keys; what is left of them in the space
// of pages, store.Retention.Clean vacuums.
func (x *Rekeys) DropGenerations(ctx context.Context, class string, month, before int, act store.Act) ([]store.Residue, error) {
	if err := ledger.CheckAct(act); err != nil {
		return nil, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`DELETE FROM month_key WHERE class = $1 AND month = $2 AND generation < $3`, class, month, before)
	return nil, x.writer.CommitAct(ctx, tx, b, act)
}
