package reverify_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/clock"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

func postgresOf(address string) openStore {
	return func(open store.OpenLog) (*store.Slices, error) {
		return postgres.Open(context.Background(), address, postgres.Config{Clock: clock.NewFake(at), OpenLog: open, HubName: hubName, Owner: "test"})
	}
}

// openThere opens a store to read only, once for all edits: connecting and
// preparing would cost more than looking.
func openThere(t testing.TB, address string) *store.Slices {
	t.Helper()
	s, err := postgresOf(address)(nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// editor is a connection whose edits need not outlast the machine.
func editor(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close(ctx)) })
	_, err = conn.Exec(ctx, `SET synchronous_commit = off`)
	must(t, err)
	return conn
}

// unwatchedThere are those of PostgreSQL besides.
var unwatchedThere = map[string]string{
	"lease":               "who holds a log now",
	"log.epoch":           "how often the log changed hands",
	"anchor.id":           "an address",
	"record.ord":          "orders only while current; the episode's is held",
	"disclosure.instance": "which process disclosed: only until its minute's leaf",
}

// edits of a value of each type; %[1]s is the column.
var edits = map[string]string{
	"bigint": `%[1]s # 1`, "integer": `%[1]s # 1`, "smallint": `(%[1]s::integer # 1)::smallint`, "boolean": `NOT %[1]s`,
	"text":  `CASE %[1]s WHEN '' THEN 'x' ELSE overlay(%[1]s placing chr(ascii(%[1]s) # 1) from 1 for 1) END`,
	"bytea": `CASE length(%[1]s) WHEN 0 THEN '\x01'::bytea ELSE set_byte(%[1]s, length(%[1]s) / 2, get_byte(%[1]s, length(%[1]s) / 2) # 1) END`,
	"uuid":  `md5(%[1]s::text)::uuid`,
	"ARRAY": `array_append(%[1]s, 'x')`,
}

// fresh are values of each type where there was none.
var fresh = map[string]string{"bigint": `7`, "integer": `7`, "smallint": `7`, "boolean": `true`, "text": `'x'`, "bytea": `'\x0000000000000009'`,
	"uuid": `md5('x')::uuid`, "ARRAY": `ARRAY['x']`}

// held are the rows that say something yet: when a facility was last seen is
// told by the newest of what is not folded, and what is older gives way; later
// than its newest file it may be. The size of a file that a record was erased
// from cannot be counted again.
var held = map[string]string{
	"delta":     `minute >= 0`,
	"file":      `NOT EXISTS (SELECT 1 FROM place p JOIN record r USING (serial) WHERE p.facility = file.facility AND p.file = file.hash AND r.erased > 0)`,
	"last_seen": `NOT EXISTS (SELECT 1 FROM delta d WHERE d.minute = -1 AND d.facility = last_seen.facility)`,
}

// there is a column of PostgreSQL that an edit must show in.
type there struct {
	Table, Column, Type string
	Rows                int
	Order               string // the same in every run: numbers, then texts
}

// change is the statement that edits the column, but for which row.
func (c there) change() string {
	return `UPDATE ` + c.Table + ` SET ` + c.Column + ` = coalesce(` + fmt.Sprintf(edits[c.Type], c.Column) + `, ` + fresh[c.Type] + `)`
}

// row picks the n-th row that is held.
func (c there) row(n int) string {
	return fmt.Sprintf(` WHERE ctid = (SELECT ctid FROM %s WHERE %s ORDER BY %sctid OFFSET %d LIMIT 1)`, c.Table, cmp.Or(held[c.Table], "true"), c.Order, n)
}

func TestEveryEditIsFoundOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address, keys := pgtest.Copy(t, postgres.Migrate), newSecrets(t)
	h := startHub(t, keys, postgresOf(address), slog.New(slog.DiscardHandler))
	live(h)
	h.close()
	slices := openThere(t, address)
	r, err := verifyIn(t, keys, slices, reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("untouched: %s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	if r.Records < 40 || r.Disclosures != 4 || r.Refusals != 3 || r.Acts != 5 || len(r.Skipped) > 0 {
		t.Fatalf("too little was looked at: %+v", r)
	}
	conn := editor(t, address)
	done, last := 0, ""
	try := func(table, name, query string) {
		if edited(t, conn, table, query, func() {
			if r, err := verifyIn(t, keys, slices, reverify.Options{}); err == nil && r.OK() {
				t.Error("not found: ", name)
			}
		}) {
			done++
		}
	}
	for i, c := range columnsThere(t, conn) {
		row := c.row((7 * i) % c.Rows)
		if isNightly(c.Table + "." + c.Column) {
			continue
		}
		if c.Table != last {
			last = c.Table
			try(c.Table, "a row less of "+c.Table, `DELETE FROM `+c.Table+row)
		}
		try(c.Table, c.Table+"."+c.Column, c.change()+row)
	}
	if done < 150 {
		t.Errorf("only %d changes could be made", done)
	}
	t.Logf("%d changes", done)
	if r, err := verifyIn(t, keys, slices, reverify.Options{}); err != nil || !r.OK() {
		t.Errorf("put back as it was: %+v, %v", r, err)
	}
}

func columnsThere(t testing.TB, conn *pgx.Conn) (out []there) {
	t.Helper()
	ctx := context.Background()
	rows, err := conn.Query(ctx, `SELECT c.table_name, c.column_name, c.data_type, 0, coalesce((SELECT string_agg(o.column_name || ', ', '' ORDER BY o.data_type = 'text', o.ordinal_position)
			FROM information_schema.columns o WHERE o.table_schema = c.table_schema AND o.table_name = c.table_name
			AND o.data_type IN ('bigint', 'integer', 'smallint', 'boolean', 'text')), '') FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE' AND table_schema = 'public' ORDER BY 1, c.ordinal_position`)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[there])
	must(t, err)
	for _, c := range all {
		skip := false
		for _, names := range []map[string]string{unwatched, unwatchedThere} {
			_, table := names[c.Table]
			_, column := names[c.Table+"."+c.Column]
			skip = skip || table || column
		}
		if skip || edits[c.Type] == "" {
			continue
		}
		must(t, conn.QueryRow(ctx, `SELECT count(*) FROM `+c.Table+` WHERE `+cmp.Or(held[c.Table], "true")).Scan(&c.Rows))
		if c.Rows > 0 {
			out = append(out, c)
		}
	}
	return out
}

// edited makes an edit, looks, and puts the table back; false when the database
// did not take the edit.
func edited(t testing.TB, conn *pgx.Conn, table, query string, look func()) bool {
	t.Helper()
	ctx := context.Background()
	exec := func(q string) {
		t.Helper()
		_, err := conn.Exec(ctx, q)
		must(t, err)
	}
	exec(`CREATE TEMP TABLE saved AS SELECT * FROM ` + table)
	_, err := conn.Exec(ctx, query)
	if err == nil {
		look()
	}
	exec(`DELETE FROM ` + table)
	exec(`INSERT INTO ` + table + ` OVERRIDING SYSTEM VALUE SELECT * FROM saved`)
	exec(`DROP TABLE saved`)
	return err == nil
}
