package reverify_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/intake"
	"lienthong/internal/keep"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
)

func sqliteOf(dir string) openStore {
	return func(open store.OpenLog) (*store.Slices, error) {
		return sqlite.Open(context.Background(), dir, sqlite.Config{Clock: clock.NewFake(at), OpenLog: open, HubName: hubName, Owner: "test"})
	}
}

// live has a hub live through everything a small store can hold.
func live(h *testHub) {
	ctx := context.Background()
	h.register("79901")
	h.register("79902")
	for i := range 12 {
		h.stored("79901", h.dossiers("79901", "20261120", person(3*i), person(3*i+1)))
		h.stored("79902", h.arrivals("79902", person(3*i+2)))
	}
	first := h.stored("79901", h.dossiers("79901", "20261118", with(person(100), "LY_DO_VV", "Sốt")))
	h.look(first[0], "")
	h.stored("79901", h.dossiers("79901", "20261120", with(person(100), "LY_DO_VV", "Ho")))          // a newer version
	h.stored("79901", h.dossiers("79901", "20261117", with(person(100), "LY_DO_VV", "Đau")))         // an older one, late
	again := h.stored("79901", h.dossiers("79901", "20261119", with(person(100), "LY_DO_VV", "Ho"))) // the same in a new envelope
	h.stored("79901", h.dossiers("79901", "20261120", with(person(101), "GIOI_TINH", "9")))          // rejected
	gone := h.stored("79901", h.dossiers("79901", "20261120", person(102)))
	_, err := h.intake.Withdraw(ctx, intake.Sender{Facility: "79901", Name: "portal:facility:79901"}, gone[0], "Nhập nhầm người bệnh")
	must(h.t, err)
	for _, raw := range []string{"", "<GIAMDINHHS/>", "<x>"} {
		if _, err := h.send("79901", []byte(raw)); err == nil {
			h.t.Fatalf("%q was taken", raw)
		}
	}
	h.look(again[0], "Kiểm tra khiếu nại 12")
	h.root()
	h.look(again[0], "")
	h.root()
	h.look(first[0], "Kiểm tra khiếu nại 13")
	_, err = h.slices.Counters.Fold(ctx)
	must(h.t, err)
	other := h.stored("79902", h.dossiers("79902", "20261120", person(102), person(103)))
	r, err := h.slices.Records.Get(ctx, everything, other[0])
	must(h.t, err)
	must(h.t, h.slices.People.Unlink(ctx, care.FacilityCode("79902"), r.Subject, "operator", "nhầm người", h.clock.Now()))
	must(h.t, h.office.AddFacility(ctx, "operator", facilityChange))
	must(h.t, h.watch.Refresh(ctx))
	h.stored("79902", h.dossiers("79902", "20261120", person(104)))
	h.root()
	_, err = h.office.MakeLink(ctx, "operator", "ministry", "/")
	must(h.t, err)
	pair := h.stored("79902", h.dossiers("79902", "20261120", person(110), person(111)))
	h.erase(gone[0], pair[0], again[0])
}

// erase erases records by order of a court.
func (h *testHub) erase(ids ...dossier.ID) {
	h.t.Helper()
	q := keep.Request{Reason: keep.CourtOrder, Case: "12/2026/QĐ-TA"}
	for _, id := range ids {
		q.Records = append(q.Records, id.String())
	}
	h.clock.Advance(time.Second)
	_, err := h.office.Erase(context.Background(), "operator", q)
	must(h.t, err)
}

// fill sends enough for a full tile.
func fill(h *testHub) {
	for i := range 90 {
		h.stored("79901", h.dossiers("79901", "20261120", person(200+3*i), person(201+3*i), person(202+3*i)))
	}
}

// lived is a store that lived, on disk and closed.
func lived(t testing.TB, full bool) (dir string, keys secrets) {
	t.Helper()
	dir, keys = t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	live(h)
	if full {
		fill(h)
	}
	h.close()
	return dir, keys
}

func TestUntouchedStoreIsClean(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, true)
	r, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("%s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	if r.Records < 300 || r.Tiles == 0 || r.Disclosures != 4 || r.Refusals != 3 || r.Acts != 5 || len(r.Skipped) > 0 {
		t.Errorf("too little was looked at: %+v", r)
	}
}

// unwatched are columns and tables that say nothing of a record, a look or an
// act: nobody's leaf covers them. doc/design/at-rest.md lists the same.
var unwatched = map[string]string{
	"goose_db_version":        "what the migrations did",
	"login_link":              "ends in ten minutes, and its act is in the log",
	"session":                 "ends in hours",
	"token":                   "token ids remembered until they end",
	"sqlite_sequence":         "SQLite's own",
	"head.owner":              "who holds the log now",
	"last_seen.at":            "may be later than the newest file: only an earlier one is found",
	"head.epoch":              "how often the log changed hands",
	"act.id":                  "an address in the file",
	"act.log":                 "an address: the act is found by its statement",
	"act.leaf":                "an address: the act is found by its statement",
	"delta.id":                "an address in the file",
	"minute.facility_version": "a display of 48 hours; the counters are held by version",
	"delta.minute":            "a display of 48 hours; counts by the day are held",
	"link.until":              "of an unlinking by hand, which no door does in this release and no act tells",
	"link.ended_by":           "the same",
	"link.why":                "the same",
	"disclosure.id":           "an address in the file; their order is held",
	"transition.id":           "an address in the file",
	"link.id":                 "an address in the file",
	"carrier.id":              "an address in the file",
	"file.id":                 "an address in the file",
	"file.software":           "what a sender says of its program, and nothing vouches for",
	"exchange":                "numbers that order changes; an epoch",
	"leg":                     "how a delivery stands is the destination's own word; the rest is held, see doors_test.go",
	"leg_receipt":             "the destination's own word, which proves itself under its own log key",
	"leg_sent":                "a display of 24 hours",
	"leg_seq":                 "numbers that order changes",
	"refusal.id":              "an address in the file",
	"consent":                 "what a citizen says is an act and carries the hub's signature; rows are not held against them yet",
	"consent_version":         "the same",
	"delegation":              "every one is an act; rows are not held against acts yet",
	"opening":                 "the same, but for presences, which their notices tell",
	"notice":                  "told, and sent once",
	"matter":                  "every version is an act; rows are not held against acts yet",
	"matter_version":          "the same",
	"matter_number":           "numbers given",
	"staff":                   "every change is an act; rows are not held against acts yet",
	"temporary":               "the same",
	"feature":                 "made again from the records",
	"share":                   "ends in days; its making and end are acts",
	"verified":                "the register's own word, replaced when it is asked again; each asking left its row of what was told",
}

// nightly are columns and tables that the jobs of the night hold, and not this walk:
// how the quality of a record was counted (counted again, and a sample judged again
// from the bytes), and which erased records' entries are still to be wiped.
var nightly = []string{"record.marks", "db_erased"}

// isNightly reports whether an edit, by its name, is of one of them.
func isNightly(edit string) bool {
	return slices.ContainsFunc(nightly, func(name string) bool { return strings.Contains(edit, name) })
}

// heldHere are the rows of a table that something else tells: by what the versions
// of an episode are ordered nothing says once its current record is erased.
var heldHere = map[string]string{
	"episode": `NOT EXISTS (SELECT 1 FROM record r WHERE r.facility = episode.facility AND r.serial = episode.current AND r.erased IS NOT NULL)`,
}

func TestEveryEditIsFound(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, false)
	rounds, seed := 1, [2]uint64{20261121, 1}
	if n, err := strconv.Atoi(os.Getenv("LIENTHONG_TAMPER_ROUNDS")); err == nil { // nightly
		rounds, seed[1] = n, uint64(time.Now().UnixNano())
	}
	all := mutations(t, dir, rand.New(rand.NewPCG(seed[0], seed[1])), rounds)
	done := 0
	for _, m := range all {
		if isNightly(m.name) {
			continue
		}
		copied := copyDir(t, dir)
		if !m.do(t, copied) {
			continue
		}
		done++
		r, err := verify(t, keys, sqliteOf(copied), reverify.Options{})
		if err == nil && r.OK() {
			t.Errorf("not found (seed %v): %s", seed, m.name)
		}
		must(t, os.RemoveAll(copied))
	}
	if done < 150 {
		t.Errorf("only %d of %d changes could be made", done, len(all))
	}
	t.Logf("%d changes", done)
}

func TestEditsOfTheLogAreFoundAndNamed(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, true)
	for _, c := range []struct {
		name, code string
		do         func(testing.TB, string) bool
	}{
		{"a tile", "tile.edited", change(sqlite.MainFile, `UPDATE tile SET data = CAST(substr(data, 33) || substr(data, 1, 32) AS BLOB)`)},
		{"a tile less", "tile.missing", change(sqlite.MainFile, `DELETE FROM tile`)},
		{"a tile more", "row.stray", change(sqlite.MainFile, `INSERT INTO tile (log, level, n, data) SELECT log, level, 1, data FROM tile`)},
		{"a checkpoint", "checkpoint.edited", change(sqlite.MainFile, `UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), 'log/0', 'log/1') AS BLOB) WHERE size = (SELECT min(size) FROM checkpoint)`)},
		{"a leaf", "leaf.edited", change(sqlite.MainFile, `UPDATE leaf SET data = CAST(substr(data, 1, 30) || zeroblob(22) AS BLOB) WHERE idx = 20`)},
		{"a leaf less", "leaf.missing", change(sqlite.MainFile, `DELETE FROM leaf WHERE idx = 20`)},
		{"two records swap their leaves", "record.edited", change(sqlite.MainFile, `UPDATE record SET leaf = CASE leaf WHEN 20 THEN 21 ELSE 20 END WHERE leaf IN (20, 21)`)},
		{"the end cut off", "head.edited", change(sqlite.MainFile, `UPDATE head SET size = size - 1`)},
		{"a disclosure less", "disclosure.edited", change(sqlite.DisclosureFile, `DELETE FROM disclosure WHERE id = 1`)},
		{"a disclosure more", "disclosure.edited", change(sqlite.DisclosureFile, `INSERT INTO disclosure SELECT 1000, at, reader, role, facility, serial, person, basis, policy, reason, route, count, log, leaf, staff, opening, purpose, facts FROM disclosure WHERE id = 1`)},
		{"a body of another record", "record.unopened", change(sqlite.MainFile, `UPDATE record SET (piece, piece_from, piece_size) = (SELECT piece, piece_from, piece_size FROM record WHERE id = 3) WHERE id = 2`)},
		{"a record less", "record.missing", change(sqlite.MainFile, `DELETE FROM record WHERE id = 5`)},
		{"an act less", "act.missing", change(sqlite.MainFile, `DELETE FROM act WHERE id = 1`)},
		{"an act of another actor", "act.edited", change(sqlite.MainFile, `UPDATE act SET actor = 'nobody' WHERE id = 1`)},
		{"a facility in another province", "directory.edited", change(sqlite.MainFile, `UPDATE facility_version SET province = '01'`)},
		{"a certificate pinned past the acts", "directory.edited", change(sqlite.MainFile, `INSERT INTO certificate SELECT '79901', fingerprint, since, der, revoked FROM certificate WHERE facility = '79902'`)},
		{"a note on a seal in other letters", "row.unreadable", change(sqlite.MainFile, `UPDATE seal SET note = replace(note, '"Sender":', '"sender":')`)},
		{"a note on a seal with a member twice", "row.unreadable", change(sqlite.MainFile, `UPDATE seal SET note = replace(note, '{"Sender":', '{"Sender":"x","Sender":')`)},
		{"an order where nothing is current", "episode.head", change(sqlite.MainFile, `UPDATE episode SET sequence = '20261120' WHERE current IS NULL`)},
		{"a file of another sender", "file.unopened", change(sqlite.MainFile, `UPDATE seal SET note = replace(note, '"Sender":"', '"Sender":"x')`)},
		{"a warning less", "record.row", change(sqlite.MainFile, `UPDATE record SET findings = NULL WHERE id = 5`)},
		{"a record dated back", "record.row", change(sqlite.MainFile, `UPDATE record SET received = received - 86400000000 WHERE id = 5`)},
		{"a count polished", "counter.edited", change(sqlite.MainFile, `UPDATE counter SET n = n - 1 WHERE measure = 'rejected'`)},
		{"a place's count polished", "row.stray", change(sqlite.MainFile, `UPDATE counter_place SET n = n - 1 WHERE measure = 'rejected'`)},
		{"a refusal less", "counter.edited", change(sqlite.MainFile, `DELETE FROM refusal WHERE id = 1`)},
		{"a version made current again", "episode.head", change(sqlite.MainFile, `UPDATE record SET current = 1 WHERE superseded_by IS NOT NULL`)},
		{"a withdrawal undone", "record.link", change(sqlite.MainFile, `UPDATE record SET withdrawn_by = NULL`)},
		{"a month key lost", "record.unopened", change(sqlite.MainFile, `DELETE FROM month_key`)},
		{"every row of records unreadable", "row.unreadable", change(sqlite.MainFile, `UPDATE record SET findings = '{'`)},
	} {
		copied := copyDir(t, dir)
		if !c.do(t, copied) {
			t.Errorf("%s: nothing was changed", c.name)
			continue
		}
		r, err := verify(t, keys, sqliteOf(copied), reverify.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.ContainsFunc(r.Differences, func(d reverify.Difference) bool { return d.Code == c.code && d.Text.VI != "" && d.Text.EN != "" }) {
			t.Errorf("%s: no %s in %+v", c.name, c.code, r.Differences)
		}
		must(t, os.RemoveAll(copied))
	}
}

// One row that cannot even be read is one difference, not a reason to doubt its
// neighbours.
func TestAnUnreadableRowHidesNoOther(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, false)
	if !change(sqlite.MainFile, `UPDATE record SET findings = '{' WHERE id = 20`)(t, dir) {
		t.Fatal("nothing was changed")
	}
	r, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
	must(t, err)
	missing := 0
	for _, d := range r.Differences {
		if d.Code == "record.missing" {
			missing++
		}
	}
	if missing != 1 || r.Differences[0].Code != "row.unreadable" {
		t.Errorf("%d records missing: %+v", missing, r.Differences)
	}
}

// An older state of everything is whole in itself: only who knows a newer
// checkpoint can tell. An older state of one file beside the other shows.
func TestAnOlderSnapshotIsFound(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	live(h)
	signers := h.signers
	h.close()
	before := copyDir(t, dir)
	h = startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	h.clock.Advance(time.Hour)
	h.signers = signers
	ids := h.stored("79901", h.dossiers("79901", "20261120", person(900)))
	h.look(ids[0], "")
	h.root()
	head, err := h.slices.Ledger.Head(context.Background(), 0)
	must(t, err)
	h.close()
	if r, err := verify(t, keys, sqliteOf(dir), reverify.Options{Known: [][]byte{head.Checkpoint}}); err != nil || !r.OK() {
		t.Fatalf("untouched: %+v, %v", r, err)
	}
	r, err := verify(t, keys, sqliteOf(before), reverify.Options{Known: [][]byte{head.Checkpoint}})
	must(t, err)
	if !slices.ContainsFunc(r.Differences, func(d reverify.Difference) bool { return d.Code == "head.behind" }) {
		t.Errorf("an older state of both files: %+v", r.Differences)
	}
	for _, name := range []string{sqlite.MainFile, sqlite.DisclosureFile} {
		mixed := copyDir(t, dir)
		b, err := os.ReadFile(filepath.Join(before, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(mixed, name), b, 0o600))
		if r, err := verify(t, keys, sqliteOf(mixed), reverify.Options{}); err == nil && r.OK() {
			t.Errorf("an older state of %s was not found", name)
		}
	}
}

// A sampled walk looks at less of each record and still at each: an edit of any
// row of a plain record, of its seals, its leaf or its keys is found.
func TestASampledWalkStillLooksAtEveryRow(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, false)
	sampled := reverify.Options{Sample: 1 << 40}
	r, err := verify(t, keys, sqliteOf(dir), sampled)
	must(t, err)
	whole, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
	must(t, err)
	if !r.OK() || r.Records != whole.Records || r.Leaves != whole.Leaves || whole.Whole+whole.Erased != whole.Records || whole.Erased != 4 || r.Whole >= whole.Whole {
		t.Fatalf("untouched: %+v", r)
	}
	const plain = ` WHERE id = (SELECT max(id) FROM record WHERE kind = 'qd4750' AND current = 1 AND version = 1 AND supersedes IS NULL AND withdraws IS NULL)`
	for name, edit := range map[string]string{
		"head": `UPDATE record SET head = zeroblob(length(head))` + plain, "received": `UPDATE record SET received = received + 1` + plain,
		"state": `UPDATE record SET state = 'rejected'` + plain, "documents": `UPDATE record SET documents = documents + 1` + plain,
		"key": `UPDATE record SET wrapped = zeroblob(length(wrapped))` + plain, "gone": `DELETE FROM record` + plain,
		"leaf":  `UPDATE leaf SET data = zeroblob(length(data)) WHERE idx = 3`,
		"month": `UPDATE month_key SET wrapped = zeroblob(length(wrapped))`,
	} {
		copied := copyDir(t, dir)
		if !change("main.db", edit)(t, copied) {
			t.Errorf("%s: nothing was changed", name)
			continue
		}
		if r, err := verify(t, keys, sqliteOf(copied), sampled); err == nil && r.OK() {
			t.Errorf("not found: %s", name)
		}
		must(t, os.RemoveAll(copied))
	}
}
