package byhand_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"lienthong/internal/chaos/byhand"
	"lienthong/internal/clock"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCountedByHand runs the statements of doc/design/recount.md just as they stand
// there: on what is counted rightly they say nothing, and they name every number
// that is changed. What they count is what the boards read.
func TestCountedByHand(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s, err := sqlite.Open(t.Context(), dir, sqlite.Config{})
		ok(t, err)
		t.Cleanup(func() { ok(t, s.Close()) })
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.MainFile)+"?_pragma=busy_timeout(10000)")
		ok(t, err)
		counted(t, s, db, byhand.SQLite)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := pgtest.Copy(t, postgres.Migrate)
		s, err := postgres.Open(t.Context(), address, postgres.Config{})
		ok(t, err)
		t.Cleanup(func() { ok(t, s.Close()) })
		db, err := sql.Open("pgx", strings.TrimSpace(address))
		ok(t, err)
		counted(t, s, db, byhand.PostgreSQL)
	})
}

const entries = 300 // more than one byte of a vector says

func counted(t *testing.T, s *store.Slices, db *sql.DB, engine string) {
	t.Cleanup(func() { ok(t, db.Close()) })
	db.SetMaxOpenConns(1)
	ctx, now := t.Context(), time.Now()
	page, err := byhand.Page()
	ok(t, err)
	list := byhand.Statements(page, engine)
	if len(list) != 3 {
		t.Fatalf("%d statements for %s in the page", len(list), engine)
	}
	different := func(tables byhand.Tables) (lines []string) {
		t.Helper()
		for _, x := range list {
			some, err := x.Run(ctx, tables)
			ok(t, err)
			lines = append(lines, some...)
		}
		return lines
	}
	for i := range entries {
		if i == entries/2 { // some folded, some not
			_, err := s.House.Scores.Fold(ctx)
			ok(t, err)
		}
		ok(t, s.House.Entries.Put(ctx, "thu", entry(i, now), ""))
	}
	if lines := different(db); len(lines) > 0 {
		t.Errorf("counted rightly: %d lines, first %s", len(lines), lines[0])
	}
	sums, err := s.House.Scores.Sum(ctx, role.Scope{All: true}, house.ScoreQuery{Subject: "db:thu"})
	ok(t, err)
	if len(sums) != 1 || sums[0].Tally[0].Applied != entries || sums[0].Tally[1].Failed != entries/3 || sums[0].Tally[6].Applied != 3 {
		t.Errorf("a board shows %+v", sums)
	}
	for _, change := range []struct{ query, names string }{
		{`UPDATE db_entry SET marks = substr(marks, 1, 4) WHERE version = 1 AND content = (SELECT content FROM db_entry ORDER BY content LIMIT 1)`, "applied=299 applied_kept=300"},
		{`DELETE FROM score_delta`, "applied=300 applied_kept=150"},
		{`DELETE FROM db_entry WHERE content = (SELECT content FROM db_entry ORDER BY content LIMIT 1)`, "state=live rows=299 kept=300"},
		{`UPDATE db_head SET seq = seq + 1 WHERE database = 'thu'`, "state=last change rows=300 kept=301"},
		{`INSERT INTO counter_place (measure, day, province, unit, kind, purpose, n) VALUES ('accepted', 20261120, '24', '', 'qd4750', '', 7)`,
			"what=place member=24/ day=20261120 kind=qd4750 measure=accepted purpose= rows=0 kept=7"},
		{`UPDATE db_count SET n = 301`, "rows=300 kept=301"},
	} {
		tx, err := db.BeginTx(ctx, nil)
		ok(t, err)
		done, err := tx.ExecContext(ctx, change.query)
		ok(t, err)
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			t.Errorf("%s: nothing was changed (%v)", change.query, err)
		}
		if lines := strings.Join(different(tx), "\n"); !strings.Contains(lines, change.names) {
			t.Errorf("%s: not named as %s: %.300s", change.query, change.names, lines)
		}
		ok(t, tx.Rollback())
	}
}

// entry is one with marks: the first check passes, the second fails in one of three,
// the seventh applies to three only, and what is between to none.
func entry(i int, now time.Time) house.Batch {
	m := tally.NewMarks(tally.ID{1, 2, 3, 0xfe}, 7)
	m.Set(0, tally.Passed)
	m.Set(1, tally.Passed)
	if i%3 == 0 {
		m.Set(1, tally.Failed)
	}
	if i < 3 {
		m.Set(6, tally.Passed)
	}
	m = m.Trim()
	var id registry.EntryID
	id[0], id[1] = byte(i), byte(i>>8)
	row := house.Row{Database: "thu", ID: id, Version: 1, Declared: 1, State: registry.Live, Open: "{}", Origin: registry.Origin{Source: "form", By: "x"},
		At: now, Confirmed: now, Marks: m}
	copy(row.Content[:], id[:])
	row.Content[0]++
	return house.Batch{Rows: []house.Row{row}, Scores: []house.ScoreDelta{{Day: clock.Day(now), Subject: "db:thu", Marks: m, N: 1}}}
}

func TestAPageWithoutStatementsHasNone(t *testing.T) {
	t.Parallel()
	if list := byhand.Statements([]byte("# A page\n```sql\nSELECT 1;\n```\n"), byhand.SQLite); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	two := []byte("\n```sql\n-- a on SQLite\nSELECT 1;\n```\n\n```sql\n-- b on PostgreSQL\nSELECT 2;\n```\n\n```sql\n-- c on both engines\nSELECT 3;\n```\n")
	list := byhand.Statements(two, byhand.SQLite)
	if len(list) != 2 || list[0].Name != "a on SQLite" || list[0].Text != "SELECT 1;" || list[1].Engine != "" {
		t.Errorf("%+v", list)
	}
	if _, err := (byhand.Statement{Name: "broken", Text: "SELECT"}).Run(context.Background(), closed{}); err == nil {
		t.Error("an error is passed over")
	}
}

// closed answers nothing.
type closed struct{}

func (closed) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, sql.ErrConnDone
}
