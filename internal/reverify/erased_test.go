package reverify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/hub"
	"lienthong/internal/keep"
	"lienthong/internal/retention"
	"lienthong/internal/reverify"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// trace is what is stored of a record that must not outlive it, as raw bytes.
type trace struct {
	what  string
	bytes []byte
}

// tracesOf reads wrapped key, sealed head and body, and subject of a record: the
// salt and the receipt are in the head.
func tracesOf(t *testing.T, s *store.Slices, id dossier.ID) (all []trace) {
	t.Helper()
	ctx := context.Background()
	r, err := s.Records.Get(ctx, everything, id)
	must(t, err)
	sealed, err := s.Records.Body(ctx, id)
	must(t, err)
	w := r.Wrapped
	for _, part := range [][]byte{w[len(w)-48 : len(w)-32], w[len(w)-32 : len(w)-16], w[len(w)-16:]} {
		all = append(all, trace{"wrapped key", bytes.Clone(part)})
	}
	return append(all, trace{"subject", bytes.Clone(r.Subject[:])}, trace{"head", bytes.Clone(r.Head[:48])},
		trace{"body", bytes.Clone(sealed[:48])}, trace{"end of the body", bytes.Clone(sealed[len(sealed)-48:])})
}

// findTraces counts traces in all files below dir.
func findTraces(t *testing.T, dir string, all []trace) map[string]int {
	t.Helper()
	found := map[string]int{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && !d.Type().IsRegular() {
			return nil
		} else if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		} else if err != nil {
			return err
		}
		for _, x := range all {
			if n := bytes.Count(b, x.bytes); n > 0 {
				found[x.what] += n
			}
		}
		return nil
	}))
	return found
}

// crowd fills a store so that rows move between pages, and returns what will be
// erased and what will be kept: newcomers, each with one record.
func crowd(h *testHub) (erased, kept []dossier.ID) {
	h.register("79901")
	for i := range 60 {
		ids := h.stored("79901", h.dossiers("79901", "20261120", person(1000+4*i), person(1001+4*i), person(1002+4*i), person(1003+4*i)))
		if i%3 == 0 {
			erased, kept = append(erased, ids[1], ids[2]), append(kept, ids[0])
		} else {
			kept = append(kept, ids[3])
		}
	}
	return erased, kept
}

func TestNothingOfAnErasedRecordIsFoundAtRest(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	erased, kept := crowd(h)
	var gone, stay []trace
	for _, id := range erased {
		gone = append(gone, tracesOf(t, h.slices, id)...)
	}
	for _, id := range kept {
		stay = append(stay, tracesOf(t, h.slices, id)...)
	}
	if before := findTraces(t, dir, gone); len(before) != 5 { // control: the search finds what is there
		t.Fatalf("before: %v", before)
	}
	h.erase(erased...)
	for what, n := range findTraces(t, dir, gone) {
		t.Errorf("after erasing, a store at work holds %s, %d times", what, n)
	}
	neighbours(t, h, erased[0])
	h.close()
	for what, n := range findTraces(t, dir, gone) {
		t.Errorf("a closed store holds %s, %d times", what, n)
	}
	after := findTraces(t, dir, stay)
	if after["wrapped key"] < 3*len(kept) || after["head"] < len(kept) || after["subject"] < len(kept) {
		t.Errorf("of what is kept: %v", after)
	}
	clean(t, keys, sqliteOf(dir), len(erased))
}

// neighbours looks at the file of an erased record through its neighbour: it is
// given without it, also to its facility.
func neighbours(t *testing.T, h *testHub, gone dossier.ID) {
	t.Helper()
	ctx := context.Background()
	r, err := h.slices.Records.Get(ctx, everything, gone)
	must(t, err)
	_, places, err := h.slices.Records.File(ctx, gone.Facility, r.File)
	must(t, err)
	raw, redacted, err := h.disclose.Original(ctx, ownReader(gone), places[0].ID)
	must(t, err)
	if !redacted || bytes.Count(raw, []byte("withheld")) != 2 || bytes.Count(raw, []byte("sha256:")) != 1 {
		t.Errorf("the file of erased records, redacted %v: %d withheld, %d digests", redacted, bytes.Count(raw, []byte("withheld")), bytes.Count(raw, []byte("sha256:")))
	}
	for _, open := range []func() error{
		func() error { _, err := h.disclose.Open(ctx, ownReader(gone), gone); return err },
		func() error { _, err := h.disclose.Receipt(ctx, ownReader(gone), gone); return err },
		func() error { _, _, err := h.disclose.Original(ctx, ownReader(gone), gone); return err },
	} {
		if err := open(); !isErased(err) {
			t.Errorf("an erased record: %v", err)
		}
	}
	if _, err := h.disclose.Open(ctx, ownReader(gone), places[3].ID); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
}

// clean has the re-verifier say that nothing is different.
func clean(t *testing.T, keys secrets, open openStore, erased int) {
	t.Helper()
	r, err := verify(t, keys, open, reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("%s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	if r.Erased != erased {
		t.Errorf("%d erased of %d", r.Erased, erased)
	}
}

func TestNothingOfAnErasedRecordIsFoundAtRestOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address := pgtest.Copy(t, postgres.Migrate)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	must(t, err)
	defer conn.Close(ctx)
	var dir, base string
	must(t, conn.QueryRow(ctx, `SELECT current_setting('data_directory'), oid::text FROM pg_database WHERE datname = current_database()`).Scan(&dir, &base))
	dir = filepath.Join(dir, "base", base)
	keys := newSecrets(t)
	open := func(log store.OpenLog) (*store.Slices, error) {
		return postgres.Open(ctx, address, postgres.Config{Clock: clock.NewFake(at), OpenLog: log, HubName: hubName, Owner: "test"})
	}
	h := startHub(t, keys, open, slog.New(slog.DiscardHandler))
	erased, _ := crowd(h)
	var gone []trace
	for _, id := range erased {
		gone = append(gone, tracesOf(t, h.slices, id)...)
	}
	_, err = conn.Exec(ctx, `CHECKPOINT`)
	must(t, err)
	if before := findTraces(t, dir, gone); len(before) != 5 {
		t.Fatalf("before: %v", before)
	}
	h.erase(erased...)
	neighbours(t, h, erased[0])
	h.close()
	// What erasing itself leaves: no row, dead or alive. The bytes in free space
	// go with VACUUM FULL, as doc/design/at-rest.md says.
	_, err = conn.Exec(ctx, `VACUUM FULL`)
	must(t, err)
	_, err = conn.Exec(ctx, `CHECKPOINT`)
	must(t, err)
	for what, n := range findTraces(t, dir, gone) {
		t.Errorf("the tables hold %s, %d times", what, n)
	}
	clean(t, keys, open, len(erased))
}

// What pretends to be erased, or hides that something was, is found.
func TestErasuresAreHeldAgainstTheLog(t *testing.T) {
	t.Parallel()
	dir, keys := lived(t, false)
	const one = ` WHERE rowid = (SELECT min(id) FROM record WHERE erased IS NULL)`
	const stone = ` WHERE (facility, serial) = (SELECT facility, serial FROM tombstone LIMIT 1)`
	for name, c := range map[string]struct{ edit, code string }{
		"pretended": {`UPDATE record SET erased = received + 5, wrapped = NULL, head = NULL, findings = NULL, documents = 0, subject = NULL` + one, "erasure.unproved"},
		"with a tombstone of its own": {`UPDATE record SET erased = received + 5, wrapped = NULL, head = NULL, findings = NULL, documents = 0, subject = NULL` + one +
			`; INSERT INTO tombstone SELECT facility, serial, erased, 'mistake', '1', 'x' FROM record WHERE erased = received + 5`, "erasure.edited"},
		"reason":     {`UPDATE tombstone SET reason = 'retention'` + stone, "erasure.edited"},
		"number":     {`UPDATE tombstone SET number = '13'` + stone, "erasure.edited"},
		"actor":      {`UPDATE tombstone SET actor = 'x'` + stone, "erasure.edited"},
		"moment":     {`UPDATE tombstone SET at = at + 1` + stone, "erasure.edited"},
		"gone":       {`DELETE FROM tombstone` + stone, "erasure.missing"},
		"not erased": {`UPDATE record SET erased = NULL WHERE erased IS NOT NULL`, "record.unopened"},
		"left":       {`UPDATE record SET findings = '[]', documents = 2 WHERE erased IS NOT NULL`, "erasure.incomplete"},
		"of another": {`UPDATE record SET pack = 'other' WHERE erased IS NOT NULL`, "erasure.edited"},
		"its file":   {`UPDATE file SET size = size + 1 WHERE wrapped IS NULL`, "erasure.edited"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := copyDir(t, dir)
			db := rawDB(t, filepath.Join(copied, sqlite.MainFile))
			edit := strings.ReplaceAll(c.edit, "\n", " ")
			_, err := db.Exec(edit)
			must(t, err)
			must(t, db.Close())
			r, err := verify(t, keys, sqliteOf(copied), reverify.Options{})
			must(t, err)
			codes := map[string]bool{}
			for _, d := range r.Differences {
				codes[d.Code] = true
			}
			if !codes[c.code] {
				t.Errorf("found %s", fmt.Sprint(r.Differences))
			}
		})
	}
}

func ownReader(id dossier.ID) disclose.Reader {
	return disclose.Reader{Role: role.Role{Kind: role.Facility, ID: string(id.Facility)}, Name: "session:1", Route: "test"}
}

func isErased(err error) bool { return errors.Is(err, store.ErrErased) }

func TestAMonthWhoseTermEndedGoesWithItsKey(t *testing.T) {
	t.Parallel()
	address := pgtest.Copy(t, postgres.Migrate)
	dir := t.TempDir()
	for name, open := range map[string]openStore{"sqlite": sqliteOf(dir), "postgres": func(log store.OpenLog) (*store.Slices, error) {
		return postgres.Open(context.Background(), address, postgres.Config{Clock: clock.NewFake(at), OpenLog: log, HubName: hubName, Owner: "test"})
	}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			keys := newSecrets(t)
			h := startHub(t, keys, open, slog.New(slog.DiscardHandler))
			h.register("79901")
			h.stored("79901", h.dossiers("79901", "20261120", person(1), with(person(2), "KET_QUA_DTRI", "5")))
			for i := range 5 {
				h.stored("79901", h.dossiers("79901", "20261120", person(10+i)))
			}
			visit := keep.Ends(retention.Visit, 202611)
			if _, err := h.office.Expire(ctx, "operator", retention.Visit, 202611); !errors.Is(err, keep.ErrNotEnded) {
				t.Errorf("before its term: %v", err)
			}
			h.clock.Advance(visit.Sub(h.clock.Now()) - time.Second)
			if _, err := h.office.Expire(ctx, "operator", retention.Visit, 202611); !errors.Is(err, keep.ErrNotEnded) {
				t.Errorf("a second before its end: %v", err)
			}
			h.clock.Advance(time.Second)
			n, err := h.office.Expire(ctx, "operator", retention.Visit, 202611)
			if err != nil || n != 6 {
				t.Fatalf("erased %d, %v", n, err)
			}
			if _, err := h.office.Expire(ctx, "operator", retention.Visit, 202611); !errors.Is(err, keep.ErrClass) {
				t.Errorf("again: %v", err)
			}
			terms, err := h.office.Terms(ctx)
			must(t, err)
			byClass := map[string]keep.Term{}
			for _, x := range terms {
				byClass[x.Class] = x
			}
			if v, d := byClass[retention.Visit], byClass[retention.Death]; v.Key || v.Records != 0 || v.Erased != 6 || !v.Ended || !d.Key || d.Records != 1 || d.Files != 1 || d.Ended {
				t.Errorf("terms: %+v", terms)
			}
			if _, err := h.office.Expire(ctx, "operator", retention.Death, 202611); !errors.Is(err, keep.ErrNotEnded) {
				t.Errorf("another class: %v", err)
			}
			h.clock.Advance(keep.Ends(retention.Death, 202611).Sub(h.clock.Now()))
			if n, err := h.office.Expire(ctx, "operator", retention.Death, 202611); err != nil || n != 1 {
				t.Errorf("the last one: %d, %v", n, err)
			}
			months, err := h.slices.Keys.Months(ctx)
			must(t, err)
			if len(months) != 0 {
				t.Errorf("%d keys are left", len(months))
			}
			h.close()
			clean(t, keys, open, 7)
		})
	}
}

func TestWhatMayBeErased(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := startHub(t, newSecrets(t), sqliteOf(t.TempDir()), slog.New(slog.DiscardHandler))
	h.register("79901")
	ids := h.stored("79901", h.dossiers("79901", "20261120", person(1), person(2)))
	id := ids[0].String()
	many := make([]string, keep.AtOnce+1)
	for i := range many {
		many[i] = id
	}
	for name, c := range map[string]struct {
		q    keep.Request
		want error
	}{
		"too early":            {keep.Request{Records: []string{id}, Reason: keep.Retention}, keep.ErrNotEnded},
		"asked for, too early": {keep.Request{Records: []string{id}, Reason: keep.SubjectRequest}, keep.ErrNotEnded},
		"no decision":          {keep.Request{Records: []string{id}, Reason: keep.CourtOrder}, keep.ErrCase},
		"a sentence":           {keep.Request{Records: []string{id}, Reason: keep.Mistake, Case: "của bà Lưu"}, keep.ErrCase},
		"no reason":            {keep.Request{Records: []string{id}, Reason: "because", Case: "1"}, keep.ErrReason},
		"nothing":              {keep.Request{Reason: keep.Mistake, Case: "1"}, keep.ErrNothing},
		"too many":             {keep.Request{Records: many, Reason: keep.Mistake, Case: "1"}, keep.ErrNothing},
		"no name":              {keep.Request{Records: []string{"x"}, Reason: keep.Mistake, Case: "1"}, dossier.ErrID},
	} {
		if _, err := h.office.Erase(ctx, "operator", c.q); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := h.office.Erase(ctx, "operator", keep.Request{Records: []string{id, id}, Reason: keep.Mistake, Case: "15-QĐ/SYT"}); err != nil || n != 1 {
		t.Errorf("erased %d, %v", n, err)
	}
	if _, err := h.office.Erase(ctx, "operator", keep.Request{Records: []string{ids[1].String(), id}, Reason: keep.Mistake, Case: "1"}); !isErased(err) {
		t.Errorf("again: %v", err)
	}
}

func TestDoorsTellOfAnErasedRecordItsTombstone(t *testing.T) {
	t.Parallel()
	address := pgtest.Copy(t, postgres.Migrate)
	dir := t.TempDir()
	for name, open := range map[string]hub.OpenStore{
		"sqlite": func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, dir, sqlite.Config{Clock: clock.NewFake(at), OpenLog: log, HubName: hubName, Owner: "test"})
		},
		"postgres": func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
			return postgres.Open(ctx, address, postgres.Config{Clock: clock.NewFake(at), OpenLog: log, HubName: hubName, Owner: "test"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log journal
			d := openDoors(t, open, &log)
			defer func() { d.server.Close(); must(t, d.Close()) }()
			file := d.signs.dossiers("79901", "20261120", person(1), person(2))
			type said struct {
				Results []struct {
					Record, State string
					Erased        string `json:"erased_at"`
					Receipt       json.RawMessage
				}
			}
			submit := func(file []byte) (s said) {
				status, answer := d.ask(t, clerk, "POST", "/api/v1/submissions", file, "Content-Type", "application/xml")
				if status != 200 {
					t.Fatalf("submitting: %d %s", status, answer)
				}
				must(t, json.Unmarshal(answer, &s))
				return s
			}
			first := submit(file)
			id := first.Results[0].Record
			_, err := d.Office.Erase(context.Background(), "operator", keep.Request{Records: []string{id}, Reason: keep.CourtOrder, Case: "12/2026"})
			must(t, err)
			for _, who := range []string{clerk, operator} {
				status, answer := d.ask(t, who, "GET", "/api/v1/records/"+id, nil)
				for _, part := range []string{`"state":"erased"`, `"erased_for":"court_order"`, `"erased_at":"`, `"findings":[]`, `"person":null`, `"episode":null`} {
					if status != 200 || !bytes.Contains(answer, []byte(part)) {
						t.Errorf("%s: %d %s: no %s", who, status, answer, part)
					}
				}
			}
			for _, path := range []string{"/receipt", "/original", "/content"} {
				status, answer := d.ask(t, clerk, "GET", "/api/v1/records/"+id+path, nil)
				if status != 404 || !bytes.Contains(answer, []byte("record.erased")) {
					t.Errorf("%s: %d %s", path, status, answer)
				}
			}
			if status, answer := d.ask(t, clerk, "GET", "/api/v1/records/"+first.Results[1].Record+"/original", nil); status != 200 || !bytes.Contains(answer, []byte("withheld")) {
				t.Errorf("the neighbour's file: %d %s", status, answer)
			}
			status, page := d.ask(t, clerk, "GET", "/records/"+id, nil)
			if status != 200 || !bytes.Contains(page, []byte("tòa án")) || bytes.Contains(page, []byte("TRẦN THỊ SỐ")) {
				t.Errorf("its page: %d, %d bytes", status, len(page))
			}
			again := submit(file).Results
			if again[0].State != "erased" || again[0].Record != id || again[0].Erased == "" || len(again[0].Receipt) > 4 || again[1].State != "accepted" && again[1].State != "accepted_with_warnings" || len(again[1].Receipt) < 100 {
				t.Errorf("the same bytes again: %+v", again)
			}
			// In a new envelope, too.
			if again := submit(d.signs.dossiers("79901", "20261119", person(1))).Results; again[0].State != "erased" || again[0].Record != id {
				t.Errorf("the same dossier again: %+v", again)
			}
		})
	}
}
