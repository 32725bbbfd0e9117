package reverify_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/chaos"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// blind reports whether a verifier that does not compare what is stored with
// its leaves would find nothing: the control of R18.
func blind(r *reverify.Report) bool {
	for _, d := range r.Differences {
		if !slices.Contains([]string{"record.edited", "act.edited", "disclosure.edited", "leaf.edited", "file.row", "record.place"}, d.Code) {
			return false
		}
	}
	return len(r.Differences) > 0
}

// past is a store in several states, with the checkpoint that somebody outside
// knows of the last.
type past struct {
	keys   secrets
	states []string // directories, oldest first
	known  [][]byte
}

// grown is a store that lived, copied now and then.
func grown(t testing.TB) *past {
	t.Helper()
	p := &past{keys: newSecrets(t)}
	dir := t.TempDir()
	h := startHub(t, p.keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	live(h)
	signers := h.signers
	h.close()
	for i := range 3 {
		p.states = append(p.states, copyDir(t, dir))
		h = startHub(t, p.keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
		h.signers = signers
		h.clock.Advance(time.Duration(i+1) * time.Hour)
		ids := h.stored("79901", h.dossiers("79901", "20261120", person(900+i)))
		h.look(ids[0], "")
		h.root()
		head, err := h.slices.Ledger.Head(context.Background(), 0)
		must(t, err)
		p.known = [][]byte{head.Checkpoint}
		h.close()
	}
	p.states = append(p.states, dir)
	return p
}

// more are edits of the kinds that mutations does not make: whole files set
// back, two leaves exchanged, a row written twice under another key.
func (p *past) more(r *rand.Rand) mutation {
	older := p.states[r.IntN(len(p.states)-1)]
	name := []string{sqlite.MainFile, sqlite.DisclosureFile}[r.IntN(2)]
	set := func(names ...string) func(testing.TB, string) bool {
		return func(t testing.TB, dir string) bool {
			for _, n := range names {
				b, err := os.ReadFile(filepath.Join(older, n))
				must(t, err)
				must(t, os.WriteFile(filepath.Join(dir, n), b, 0o600))
			}
			return true
		}
	}
	switch r.IntN(4) {
	case 0:
		return mutation{"everything set back to " + older, set(sqlite.MainFile, sqlite.DisclosureFile)}
	case 1:
		return mutation{name + " set back to " + older, set(name)}
	case 2:
		a := r.IntN(40)
		return mutation{fmt.Sprintf("leaves %d and %d exchanged", a, a+1), change(sqlite.MainFile,
			`UPDATE leaf SET data = (SELECT data FROM leaf o WHERE o.log = leaf.log AND o.idx = ? - leaf.idx) WHERE idx IN (?, ?)`, 2*a+1, a, a+1)}
	}
	n := r.IntN(40)
	return mutation{fmt.Sprintf("the end of the log cut off after %d", n), change(sqlite.MainFile, `UPDATE head SET size = ? WHERE size > ?`, n, n)}
}

// TestR18Tampering makes random edits of every table of the embedded store, one
// at a time: each must be found.
func TestR18Tampering(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R18 tampering, sqlite", Quick: 12, All: 10_000})
	p := grown(t)
	dir := p.states[len(p.states)-1]
	options := reverify.Options{Known: p.known}
	if r, err := verify(t, p.keys, sqliteOf(dir), options); err != nil || !r.OK() || r.Records < 40 {
		t.Fatalf("untouched: %+v, %v", r, err)
	}
	var mu sync.Mutex
	done, missed, unseen, kinds := 0, []string(nil), 0, map[string]bool{}
	try := func(n int) bool {
		r := run.Rand("edit", n)
		m := p.more(r)
		mu.Lock() // who reads the tables makes files that the other would copy
		if r.IntN(20) > 0 {
			all := mutations(t, dir, r, 1)
			m = all[r.IntN(len(all))]
		}
		copied := copyDir(t, dir)
		mu.Unlock()
		defer os.RemoveAll(copied)
		if isNightly(m.name) || !m.do(t, copied) {
			return false
		}
		report, err := verify(t, p.keys, sqliteOf(copied), options)
		mu.Lock()
		defer mu.Unlock()
		done++
		what, _, _ := strings.Cut(m.name, ", row")
		kinds[what] = true
		switch {
		case err == nil && report.OK():
			missed = append(missed, fmt.Sprintf("edit %d: %s", n, m.name))
		case err == nil && blind(report):
			unseen++
		}
		return true
	}
	var workers sync.WaitGroup
	next := make(chan int)
	for range 2 {
		workers.Go(func() {
			for n := range next {
				try(n)
			}
		})
	}
	for n := 0; ; n++ {
		mu.Lock()
		enough := done >= run.Rounds
		mu.Unlock()
		if enough || n > 3*run.Rounds+100 {
			break
		}
		next <- n
	}
	close(next)
	workers.Wait()
	if len(missed) > 0 {
		t.Errorf("%d of %d edits not found (seed %d): %v", len(missed), done, run.Seed, missed[:min(10, len(missed))])
	}
	if done < run.Rounds {
		t.Errorf("only %d edits could be made", done)
	}
	copied := copyDir(t, dir) // an edit that only a leaf tells, whatever chance chose
	if !change(sqlite.DisclosureFile, `UPDATE disclosure SET route = route || 'x' WHERE id = 1`)(t, copied) {
		t.Error("the control's edit could not be made")
	}
	if r, err := verify(t, p.keys, sqliteOf(copied), options); err == nil && blind(r) {
		unseen++
	}
	run.Control(unseen > 0, "a verifier that does not compare with leaves misses %d", unseen)
	run.End("%d edits of %d kinds, %d not found; an untouched store passes", done, len(kinds), len(missed))
}

// TestR18TamperingPostgres does the same on PostgreSQL, within a transaction's
// reach: each edit is undone before the next.
func TestR18TamperingPostgres(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R18 tampering, postgres", Quick: 3, All: 1_000})
	address, keys := pgtest.Copy(t, postgres.Migrate), newSecrets(t)
	h := startHub(t, keys, postgresOf(address), slog.New(slog.DiscardHandler))
	live(h)
	h.close()
	slices := openThere(t, address)
	if r, err := verifyIn(t, keys, slices, reverify.Options{}); err != nil || !r.OK() || r.Records < 40 {
		t.Fatalf("untouched: %+v, %v", r, err)
	}
	conn := editor(t, address)
	all := columnsThere(t, conn)
	done, unseen, kinds, missed := 0, 0, map[string]bool{}, []string(nil)
	for n := 0; done < run.Rounds && n < 3*run.Rounds+100; n++ {
		r := run.Rand("edit", n)
		c := all[r.IntN(len(all))]
		row := c.row(r.IntN(c.Rows))
		query := c.change() + row
		what := c.Table + "." + c.Column
		if r.IntN(8) == 0 {
			query, what = `DELETE FROM `+c.Table+row, "a row less of "+c.Table
		}
		if isNightly(what) || !edited(t, conn, c.Table, query, func() {
			report, err := verifyIn(t, keys, slices, reverify.Options{})
			switch done++; {
			case err == nil && report.OK():
				missed = append(missed, fmt.Sprintf("edit %d: %s", n, query))
			case err == nil && blind(report):
				unseen++
			}
			kinds[what] = true
		}) {
			continue
		}
	}
	if len(missed) > 0 || done < run.Rounds {
		t.Errorf("%d of %d edits not found (seed %d): %v", len(missed), done, run.Seed, missed)
	}
	if r, err := verifyIn(t, keys, slices, reverify.Options{}); err != nil || !r.OK() {
		t.Errorf("put back as it was: %+v, %v", r, err)
	}
	blindThere(t, run, conn, keys, slices, &unseen)
	run.Control(unseen > 0, "a verifier that does not compare with leaves misses %d", unseen)
	run.End("%d edits of %d kinds, %d not found; an untouched store passes", done, len(kinds), len(missed))
}

// blindThere makes sure of an edit that only a leaf tells: by which way somebody looked.
func blindThere(t *testing.T, run *chaos.Run, conn *pgx.Conn, keys secrets, in *store.Slices, unseen *int) {
	t.Helper()
	if !edited(t, conn, "disclosure", `UPDATE disclosure SET route = route || 'x' WHERE id = (SELECT min(id) FROM disclosure)`, func() {
		if r, err := verifyIn(t, keys, in, reverify.Options{}); err == nil && blind(r) {
			*unseen++
		}
	}) {
		t.Errorf("%s: the control's edit could not be made", run.Name)
	}
}
