package house_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/registry"
	check "lienthong/internal/reverify/house"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// operator may do everything in these tests.
var operator = role.Role{Kind: role.Operator}

// lived has a hub do something of everything that is held here.
func lived(t *testing.T, open hub.OpenStore) *hub.Hub {
	t.Helper()
	ctx := t.Context()
	h := must(hub.Start(ctx, hub.Config{Name: "hub.test", Keys: must(keyring.New(nil))(t), Open: open, Shipped: true}))(t)
	t.Cleanup(func() { ok(t, h.Close()) })
	who := steward.Who{Role: operator, Name: "operator"}
	// as a program did that kept no marks yet
	long := time.Now().AddDate(-1, 0, 0).UTC().Truncate(time.Microsecond)
	old := house.Step{Database: "tb", N: 1, State: registry.Building, At: long, By: "operator", Evidence: "Biên bản khảo sát số 1"}
	ok(t, h.Slices.House.Databases.Reach(ctx, old, store.Act{At: long, Actor: "operator", Action: "database.reach", Object: "tb", Detail: `{"to":"building"}`}))
	oldAim := house.Target{Province: "24", ID: "connected", Version: 1, At: long, By: "province:24", Value: 300, Due: 20271231}
	ok(t, h.Slices.House.Targets.PutTarget(ctx, oldAim, store.Act{At: long, Actor: "operator", Action: "target.set", Object: "province:24", Detail: `{}`}))
	ok(t, h.House.Steward.Reach(ctx, who, "personnel", registry.Building, "Biên bản khảo sát số 12"))
	give := house.Grant{Database: "personnel", To: "unit:kcb", Purpose: "Đối chiếu chứng chỉ hành nghề", Until: time.Now().AddDate(0, 1, 0)}
	first := must(h.House.Steward.Give(ctx, who, give))(t)
	must(h.House.Steward.Give(ctx, who, give))(t)
	ok(t, h.House.Steward.EndGrant(ctx, who, "personnel", first.ID))
	worked(t, h)
	proposed(t, h)
	id := must(h.Rulebook.Draw(ctx, "unit:kcb/An", "rules:\n"))(t)
	ok(t, h.Rulebook.Write(ctx, "unit:kcb/An", id, 1, "rules: []\n"))
	must(h.Rulebook.Draw(ctx, "unit:kcb/Bình", "rules:\n"))(t)
	aim := house.Target{Province: "79", ID: "connected", Version: 1, At: time.Now(), By: "province:79", Value: 400, Due: 20271231}
	ok(t, h.Slices.House.Targets.PutTarget(ctx, aim, marked("target.set", aim.Mark())))
	values := registry.Values{"ten": "Hệ thống thử", "ma": "HT-1"}
	row := house.Row{Database: "systems", ID: registry.EntryID{7}, Version: 1, Declared: 1, State: registry.Live, Open: string(must(json.Marshal(values))(t)),
		Content: steward.Contents(h.Vault, "systems", values)[0], Origin: registry.Origin{Source: "form", By: "operator"}, At: time.Now(), Confirmed: time.Now()}
	ok(t, h.Slices.House.Entries.Put(ctx, "systems", house.Batch{Rows: []house.Row{row}}, ""))
	return h
}

// marked is an act as writers make it, without a leaf: leaves are package reverify's.
func marked(action string, rows ...string) store.Act {
	b, err := json.Marshal(map[string]any{"rows": rows})
	if err != nil {
		panic(err) // texts always marshal
	}
	return store.Act{At: time.Now(), Actor: "operator", Action: action, Object: "x", Detail: string(b)}
}

// worked has units, settings and a task with steps.
func worked(t *testing.T, h *hub.Hub) {
	t.Helper()
	ctx, who := t.Context(), errand.Who{Role: operator, Name: "operator"}
	desk := h.House.Errands
	ok(t, desk.PutLimits(ctx, who, errand.Limits{Least: 30}))
	ok(t, desk.PutUnit(ctx, who, duty.Unit{ID: "thu", Name: fault.Text{VI: "Đơn vị thử", EN: "A unit on trial"}, Kind: duty.Department}))
	must(desk.PutProgrammes(ctx, who, []duty.Programme{{ID: "ke-hoach-9", Title: fault.Text{VI: "Kế hoạch 9", EN: "Plan 9"}, Kind: "plan"}}))(t)
	ids := must(desk.Open(ctx, who, "", duty.Task{Unit: "kcb", Title: fault.Text{VI: "Rà soát danh mục", EN: "Go through the list"},
		Source: duty.Source{Kind: duty.FromOther}, Due: clock.Day(time.Now().AddDate(0, 0, 30))}))(t)
	must(desk.Take(ctx, who, ids[0], 0, duty.Step{What: duty.StepStarted}))(t)
	must(desk.Take(ctx, who, ids[0], 0, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "Đã rà soát xong, có biên bản"}}))(t)
}

// proposed has a proposal that somebody rejects.
func proposed(t *testing.T, h *hub.Hub) {
	t.Helper()
	ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	p := house.Proposal{ID: "DX-THU", Database: "personnel", Detector: "codes", Kind: "look", State: cleaning.Open, Version: 1, Facts: []byte{1}, Night: 20261121,
		Entries: []registry.EntryID{{1}}, At: now, Changed: now, Actor: "hub", Body: "{}"}
	ok(t, h.Slices.House.Proposals.Put(ctx, []house.Proposal{p}, nil))
	who := cleaning.Who{Role: operator, Name: "operator"}
	must(h.House.Cleaning.Reject(ctx, who, cleaning.Decision{IDs: []string{p.ID}, Reason: "Hai người trùng tên thật"}))(t)
}

// edits are what somebody with the tables open changes; each must be named.
var edits = []struct{ name, code, table, query string }{
	{"a declaration", "house.edited", "db_declaration", `UPDATE db_declaration SET actor = 'ai' WHERE database = 'personnel'`},
	{"a declaration less", "house.missing", "db_declaration", `DELETE FROM db_declaration WHERE database = 'personnel'`},
	{"a declaration more", "house.edited", "db_declaration", `INSERT INTO db_declaration SELECT database, 2, at, actor, said FROM db_declaration WHERE database = 'tb'`},
	{"a state reached", "house.edited", "db_step", `UPDATE db_step SET state = 'operating'`},
	{"a state less", "house.missing", "db_step", `DELETE FROM db_step`},
	{"a state reached, dated back", "house.missing", "db_step", `UPDATE db_step SET state = 'operating', at = 1 WHERE database = 'personnel'`},
	{"a state reached by nobody, dated back", "house.edited", "db_step", `INSERT INTO db_step SELECT 'hiv', n, state, 1, actor, evidence FROM db_step WHERE database = 'personnel'`},
	{"a target of another, dated back", "house.edited", "target", `INSERT INTO target SELECT '79', 'sending', version, 1, "by", value, due, note, ended FROM target WHERE province = '24'`},
	{"a grant of more fields", "house.edited", "db_grant", `UPDATE db_grant SET receiver = 'unit:pb' WHERE ended = 0`},
	{"a grant never given", "house.edited", "db_grant", `INSERT INTO db_grant SELECT database, 'cs-khac', version, receiver, fields, purpose, since, until, actor, ended, ended_by FROM db_grant WHERE ended = 0`},
	{"a grant that goes on", "house.missing", "db_grant", `UPDATE db_grant SET ended = 0, ended_by = '' WHERE ended <> 0`},
	{"a book put into force", "house.edited", "rulebook", `UPDATE rulebook SET state = 'active' WHERE id = 1`},
	{"a book less", "house.missing", "rulebook", `DELETE FROM rulebook WHERE id = 2`},
	{"another text", "house.edited", "rulebook_edition", `UPDATE rulebook_edition SET text = 'rules: [ ]' WHERE book = 1 AND edition = 2`},
	{"a text less", "house.missing", "rulebook_edition", `DELETE FROM rulebook_edition WHERE edition = 1 AND book = 1`},
	{"a task as it stands", "house.edited", "duty_task", `UPDATE duty_task SET said = replace(said, '"unit":"kcb"', '"unit":"pb"')`},
	{"a step", "house.edited", "duty_step", `UPDATE duty_step SET said = replace(said, 'biên bản', 'bien ban')`},
	{"a step less", "house.missing", "duty_step", `DELETE FROM duty_step WHERE n = 2`},
	{"a unit", "house.edited", "duty_item", `UPDATE duty_item SET said = replace(said, 'thử', 'khác') WHERE sort = 'unit'`},
	{"a setting less", "house.missing", "duty_item", `DELETE FROM duty_item WHERE sort = 'setting'`},
	{"a programme by another", "house.edited", "duty_item", `UPDATE duty_item SET actor = 'ai' WHERE sort = 'programme'`},
	{"a proposal open again", "house.edited", "proposal", `UPDATE proposal SET state = 'open'`},
	{"another reason for a decision", "house.edited", "proposal_step", `UPDATE proposal_step SET reason = 'khác' WHERE n = 2`},
	{"a decision less", "house.missing", "proposal_step", `DELETE FROM proposal_step WHERE n = 2`},
	{"a target reached more easily", "house.edited", "target", `UPDATE target SET value = 4`},
	{"a target less", "house.missing", "target", `DELETE FROM target`},
	{"an entry's value", "entry.edited", "db_entry", `UPDATE db_entry SET open = replace(open, 'thử', 'khác') WHERE database = 'systems'`},
	{"an entry's value in other words", "entry.edited", "db_entry", `UPDATE db_entry SET open = replace(open, ':', ' :') WHERE database = 'systems'`},
	{"the hash of an entry", "entry.edited", "db_entry", `UPDATE db_entry SET content = (SELECT merged_into FROM db_entry LIMIT 1) WHERE database = 'systems'`},
}

// held changes the tables of a hub one edit at a time and takes each back.
func held(t *testing.T, h *hub.Hub, db *sql.DB) {
	t.Helper()
	ctx := t.Context()
	look := func() []check.Finding {
		t.Helper()
		found, unheld, err := check.Check(ctx, check.Stores{Acts: h.Slices.Audit.Acts, House: h.Slices.House, Vault: h.Vault})
		ok(t, err)
		if len(unheld) > 2 || unheld["db_step"] > 1 || unheld["target"] > 1 || len(found) == 0 && len(unheld) != 2 {
			t.Errorf("said not to be held: %v", unheld)
		}
		return found
	}
	for _, f := range look() {
		t.Errorf("untouched: %+v", f)
	}
	exec := func(q string) int64 {
		t.Helper()
		n := must(must(db.ExecContext(ctx, q))(t).RowsAffected())(t)
		return n
	}
	for _, e := range edits {
		exec(`CREATE TABLE saved AS SELECT * FROM ` + e.table)
		if exec(e.query) == 0 {
			t.Errorf("%s: nothing was changed", e.name)
		}
		if found := look(); !slices.ContainsFunc(found, func(f check.Finding) bool { return f.Code == e.code }) {
			t.Errorf("%s: not found as %s: %+v", e.name, e.code, found)
		}
		exec(`DELETE FROM ` + e.table)
		exec(`INSERT INTO ` + e.table + ` SELECT * FROM saved`)
		exec(`DROP TABLE saved`)
	}
	for _, f := range look() {
		t.Errorf("put back as it was: %+v", f)
	}
}

func TestTheHouseIsHeldAgainstItsActs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := lived(t, func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return sqlite.Open(ctx, dir, sqlite.Config{OpenLog: open, HubName: "hub.test", Owner: "test"})
	})
	db := must(sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.MainFile)+"?_pragma=busy_timeout(10000)"))(t)
	defer db.Close()
	db.SetMaxOpenConns(1)
	held(t, h, db)
}

func TestTheHouseIsHeldOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address := pgtest.Copy(t, postgres.Migrate)
	h := lived(t, func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return postgres.Open(ctx, address, postgres.Config{OpenLog: open, HubName: "hub.test", Owner: "test"})
	})
	db := must(sql.Open("pgx", strings.TrimSpace(address)))(t)
	defer db.Close()
	held(t, h, db)
}
