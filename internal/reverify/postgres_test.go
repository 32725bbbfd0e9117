package reverify_test

import (
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

// unwatchedThere are those of PostgreSQL besides.
var unwatchedThere = map[string]string{
	"lease":               "who holds a log now",
	"log.epoch":           "how often the log changed hands",
	"log.closed":          "null while it goes on, and the edit leaves null as it is: TestEveryEditIsFound edits head.closed",
	"anchor.id":           "an address",
	"record.ord":          "orders only while current; the episode's is held",
	"last_seen":           "gives way to what is not yet folded, where there is any",
	"disclosure.instance": "which process disclosed: only until its minute's leaf",
}

// edit of a value of each type; %[1]s is the column.
var edits = map[string]string{
	"bigint": `%[1]s # 1`, "integer": `%[1]s # 1`, "smallint": `(%[1]s::integer # 1)::smallint`, "boolean": `NOT %[1]s`,
	"text":  `CASE %[1]s WHEN '' THEN 'x' ELSE overlay(%[1]s placing chr(ascii(%[1]s) # 1) from 1 for 1) END`,
	"bytea": `CASE length(%[1]s) WHEN 0 THEN '\x01'::bytea ELSE set_byte(%[1]s, length(%[1]s) / 2, get_byte(%[1]s, length(%[1]s) / 2) # 1) END`,
	"uuid":  `md5(%[1]s::text)::uuid`,
	"ARRAY": `array_append(%[1]s, 'x')`,
}

func TestEveryEditIsFoundOnPostgreSQL(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	address, keys := pgtest.Database(t), newSecrets(t)
	h := startHub(t, keys, postgresOf(address), slog.New(slog.DiscardHandler))
	live(h)
	h.close()
	r, err := verify(t, keys, postgresOf(address), reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("untouched: %s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	if r.Records < 40 || r.Disclosures != 4 || r.Refusals != 3 || r.Acts != 4 || len(r.Skipped) > 0 {
		t.Fatalf("too little was looked at: %+v", r)
	}
	conn, err := pgx.Connect(ctx, address)
	must(t, err)
	defer conn.Close(ctx)
	exec := func(query string, args ...any) error {
		_, err := conn.Exec(ctx, query, args...)
		return err
	}
	rows, err := conn.Query(ctx, `SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE' AND table_schema = 'public' ORDER BY 1, c.ordinal_position`)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Column, Type string }])
	must(t, err)
	done, last := 0, ""
	try := func(table, name, query string) {
		must(t, exec(`CREATE TEMP TABLE saved AS SELECT * FROM `+table))
		if exec(query) == nil {
			done++
			if r, err := verify(t, keys, postgresOf(address), reverify.Options{}); err == nil && r.OK() {
				t.Error("not found: ", name)
			}
		}
		must(t, exec(`DELETE FROM `+table))
		must(t, exec(`INSERT INTO `+table+` OVERRIDING SYSTEM VALUE SELECT * FROM saved`))
		must(t, exec(`DROP TABLE saved`))
	}
	for i, c := range all {
		_, table := unwatched[c.Table]
		_, tableThere := unwatchedThere[c.Table]
		_, column := unwatched[c.Table+"."+c.Column]
		_, columnThere := unwatchedThere[c.Table+"."+c.Column]
		var n int
		must(t, conn.QueryRow(ctx, `SELECT count(*) FROM `+c.Table).Scan(&n))
		if table || tableThere || n == 0 {
			continue
		}
		row := fmt.Sprintf(` WHERE ctid = (SELECT ctid FROM %s ORDER BY ctid OFFSET %d LIMIT 1)`, c.Table, (7*i)%n)
		if c.Table != last {
			last = c.Table
			try(c.Table, "a row less of "+c.Table, `DELETE FROM `+c.Table+row)
		}
		if !column && !columnThere {
			try(c.Table, c.Table+"."+c.Column, `UPDATE `+c.Table+` SET `+c.Column+` = `+fmt.Sprintf(edits[c.Type], c.Column)+row)
		}
	}
	if done < 150 {
		t.Errorf("only %d changes could be made", done)
	}
	t.Logf("%d changes", done)
	if r, err := verify(t, keys, postgresOf(address), reverify.Options{}); err != nil || !r.OK() {
		t.Errorf("put back as it was: %+v, %v", r, err)
	}
}
