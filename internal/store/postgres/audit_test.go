package postgres_test

import (
	"context"
	"testing"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

// TestStraysAreFound edits a row of every table that records are spread over;
// each edit alone must show, under the table's name.
func TestStraysAreFound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	url := pgtest.Copy(t, postgres.Migrate)
	s := hub(t, url, "a")
	g := group(t, 3, 100)
	for i := range g {
		g[i].Tags = []string{"doc:XML13"}
		g[i].Documents = 1 << 13
	}
	var person store.PersonID
	person[0] = 7
	g[0].Subject = &store.NewSubject{Key: g[0].Content, Person: person, NewPerson: true, Evidence: "citizen_id",
		Claims: []store.Claim{{Key: g[0].Episode, Person: person, Name: g[1].Content, Birth: g[2].Content}}}
	commit(t, s, g)
	again := group(t, 1, 10)[0]
	again.Episode, again.Content, again.ExpectSame = g[1].Episode, g[1].Content, g[1].ID
	if out := commit(t, s, []store.Prepared{again}); out[0].Status != store.StatusReplay {
		t.Fatalf("%+v", out[0])
	}
	found := func() map[string]int {
		strays, err := s.Audit.Strays(ctx, 100)
		if err != nil {
			t.Fatal(err)
		}
		tables := map[string]int{}
		for _, x := range strays {
			tables[x.Table]++
		}
		return tables
	}
	if bad := found(); len(bad) > 0 {
		t.Fatalf("before any edit: %v", bad)
	}
	conn := connect(t, url)
	for _, e := range []struct{ table, in, edit string }{
		{"counter_place", "counter_place", `INSERT INTO counter_place VALUES ('accepted', 20260701, '24', '', 'qd4750', '', 1)`},
		{"place", "place", `DELETE FROM place WHERE ctid IN (SELECT ctid FROM place LIMIT 1)`},
		{"file", "file", `UPDATE file SET dossiers = 2 WHERE ctid IN (SELECT ctid FROM file LIMIT 1)`},
		{"body", "body", `UPDATE body SET serial = gen_random_uuid() WHERE ctid IN (SELECT ctid FROM body LIMIT 1)`},
		{"content", "content", `UPDATE content SET content = '\x00' WHERE ctid IN (SELECT ctid FROM content LIMIT 1)`},
		{"episode", "episode", `UPDATE episode SET episode = '\x00' WHERE ctid IN (SELECT ctid FROM episode LIMIT 1)`},
		{"episode", "episode", `UPDATE episode SET day = day + 1 WHERE ctid IN (SELECT ctid FROM episode LIMIT 1)`},
		{"record", "record", `UPDATE record SET day = day + 1 WHERE ctid IN (SELECT ctid FROM record LIMIT 1)`},
		{"record", "entry", `DELETE FROM entry WHERE ctid IN (SELECT ctid FROM entry LIMIT 1)`},
		{"tag", "tag", `UPDATE tag SET tag = 'doc:XML14' WHERE ctid IN (SELECT ctid FROM tag LIMIT 1)`},
		{"transition", "transition", `UPDATE transition SET serial = gen_random_uuid()`},
		{"entry", "entry", `UPDATE entry SET size = size + 1 WHERE ctid IN (SELECT ctid FROM entry LIMIT 1)`},
		{"leaf", "leaf", `UPDATE leaf SET serial = gen_random_uuid() WHERE log = 0 AND idx = 1`},
		{"subject", "subject", `UPDATE subject SET person = gen_random_uuid()`},
		{"link", "link", `UPDATE link SET until = since + 1, ended_by = 'x'`},
		{"person", "person", `UPDATE person SET made = made - 1`},
		{"claim", "claim", `UPDATE claim SET person = gen_random_uuid()`},
		{"bar", "bar", `INSERT INTO bar (facility, subject, person) VALUES ('79901', '\x00', gen_random_uuid())`},
		{"tile", "tile", `INSERT INTO tile (log, level, n, data) VALUES (0, 0, 0, '')`},
		{"receipt_key", "receipt_key", `INSERT INTO receipt_key (log, kid, spki, idx) VALUES (0, 'k', '', 0)`},
	} {
		if _, err := conn.Exec(ctx, `CREATE TABLE before AS TABLE `+e.in); err != nil {
			t.Fatal(err)
		}
		if tag, err := conn.Exec(ctx, e.edit); err != nil || tag.RowsAffected() == 0 {
			t.Fatalf("%s: %v, %v", e.edit, tag, err)
		}
		if found()[e.table] == 0 {
			t.Errorf("not found: %s", e.edit)
		}
		for _, undo := range []string{`DELETE FROM ` + e.in, `INSERT INTO ` + e.in + ` OVERRIDING SYSTEM VALUE SELECT * FROM before`, `DROP TABLE before`} {
			if _, err := conn.Exec(ctx, undo); err != nil {
				t.Fatalf("%s: %v", undo, err)
			}
		}
		if bad := found(); len(bad) > 0 {
			t.Fatalf("%s was not undone: %v", e.edit, bad)
		}
	}
}
