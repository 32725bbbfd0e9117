package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Crasher kills a process that writes and looks what it left. The engine's
// test binary starts itself again as the writer, which calls CrashWriter.
type Crasher struct {
	// Open opens the data once the writer is dead.
	Open func(t testing.TB) *store.Slices
	// Writer is the process to be started: CrashWriter writing to its standard
	// output. early is handed on to it.
	Writer func(t testing.TB, early bool) *exec.Cmd
}

// CrashWriter stores dossiers until it is killed and writes a line for each
// that is acknowledged: its id and its content. With early it acknowledges
// before it commits: the mistake the check must find.
func CrashWriter(s *store.Slices, out io.Writer, early bool) error {
	dir, err := s.Facilities.Load(context.Background())
	if err != nil {
		return err
	}
	v, ok := dir.Current(cityHospital)
	if !ok {
		return fmt.Errorf("no facility %s", cityHospital)
	}
	var mu sync.Mutex
	acknowledge := func(group []store.Prepared) error {
		var lines strings.Builder
		for _, p := range group {
			fmt.Fprintf(&lines, "%s %s\n", p.ID, p.Body)
		}
		mu.Lock()
		defer mu.Unlock()
		_, err := io.WriteString(out, lines.String())
		return err
	}
	failed := make(chan error)
	go func() { // counts are added up while it is killed
		for {
			if _, err := s.House.Scores.Fold(context.Background()); err != nil {
				failed <- err
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	for range 4 {
		go func() {
			for {
				group, err := crashGroup(v.ID)
				if err == nil && early {
					err = acknowledge(group)
				}
				if err == nil {
					_, err = s.Intake.Commit(context.Background(), store.Routine, group)
				}
				if err == nil && !early {
					err = acknowledge(group)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// crashGroup makes dossiers unlike any other, of one file.
func crashGroup(version int64) ([]store.Prepared, error) {
	now := clock.System{}.Now()
	f := &store.File{Facility: cityHospital, Received: now, Sender: "crash", Class: "clinical", Month: 202607, Skeleton: []byte("s")}
	var group []store.Prepared
	for i := range 1 + rand.IntN(16) {
		id, err := dossier.NewID(cityHospital, now, nil)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			f.Hash = keyed("crash file %s", id)
		}
		group = append(group, store.Prepared{
			File: f, Index: i, ID: id, Kind: "qd4750", FacilityVersion: version, Received: now, Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "base/1"},
			Episode: keyed("crash %s", id), Content: keyed("content crash %s", id), Version: 1, Current: true, Class: "clinical", Month: 202607,
			Head: []byte("head"), Body: []byte("body-of-" + id.String()), Wrapped: []byte("key"), Leaf: leafOf("receipt", id.String()),
			Deltas: []store.Delta{{FacilityVersion: version, Day: clock.Day(now), Kind: "qd4750", Measure: "accepted", N: 1}},
		})
		group[i].Marks = marksFor(&group[i])
	}
	return group, nil
}

// Crash kills the writer the given number of times, at random moments, and
// checks after each that every acknowledged record is there exactly once and
// that log, counts and records agree. Then it does the same with a writer that
// acknowledges too early and fails when that is not found out.
func Crash(t *testing.T, c Crasher, kills int) {
	newWorldAt(t, c)
	acknowledged := 0
	for range kills {
		acks := c.kill(t, false)
		acknowledged += len(acks)
		if lost := c.lost(t, acks); len(lost) > 0 {
			t.Fatalf("%d of %d acknowledged records are lost, first %s", len(lost), len(acks), lost[0])
		}
	}
	if acknowledged < kills {
		t.Fatalf("only %d records acknowledged in %d lives", acknowledged, kills)
	}
	t.Logf("%d kills, %d acknowledged, none lost or doubled", kills, acknowledged)
	for range 10 * kills {
		if len(c.lost(t, c.kill(t, true))) > 0 {
			return
		}
	}
	t.Error("the control lost nothing: this test would not notice a lost record")
}

// newWorldAt gives a crasher's data its directory.
func newWorldAt(t *testing.T, c Crasher) {
	w := &world{t: t, clock: clock.NewFake(began), s: c.Open(t)}
	w.settle()
	w.must(w.s.Close())
}

// kill lets a writer live for a moment and returns what it acknowledged.
func (c Crasher) kill(t *testing.T, early bool) map[dossier.ID]string {
	t.Helper()
	cmd := c.Writer(t, early)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acks := map[dossier.ID]string{}
	var once sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		// From its first sign of life on, it has some milliseconds.
		once.Do(func() {
			time.AfterFunc(time.Duration(1+rand.IntN(150))*time.Millisecond, func() {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
		})
		id, body, ok := strings.Cut(lines.Text(), " ")
		if parsed, err := dossier.ParseID(id); ok && err == nil && body == "body-of-"+id {
			acks[parsed] = body // a line cut by the kill is no acknowledgement
		}
	}
	if err := cmd.Wait(); err == nil || errs.Len() > 0 {
		t.Fatalf("the writer ended by itself: %v %s", err, errs.String())
	}
	return acks
}

// lost opens what is left, which checks the log against its checkpoint, and
// returns the acknowledged records that are not there as they were.
func (c Crasher) lost(t *testing.T, acks map[dossier.ID]string) []dossier.ID {
	t.Helper()
	s := c.Open(t)
	w := &world{t: t, s: s}
	defer func() { w.must(s.Close()) }()
	var gone []dossier.ID
	for id, want := range acks {
		body, err := s.Records.Body(w.ctx(), id)
		if err != nil || string(body) != want {
			gone = append(gone, id)
		}
	}
	head, err := s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	leaves, err := s.Ledger.Source(0).Leaves(w.ctx(), 0, head.Size)
	w.must(err)
	contents := map[string]bool{}
	var records int64
	w.must(s.Records.Walk(w.ctx(), 0, 0, func(r *store.Record, body []byte) error {
		records++
		if contents[string(body)] {
			t.Errorf("%s is stored twice", body)
		}
		contents[string(body)] = true
		if r.Place.Index >= head.Size || string(leaves[r.Place.Index]) != string(leafOf("receipt", r.ID.String())) {
			t.Errorf("record %s has no leaf of its own", r.ID)
		}
		return nil
	}))
	if n := w.total(dossier.Accepted); n != records {
		t.Errorf("%d records, counted %d", records, n)
	}
	w.scoresAgree("after a kill", everything, house.ScoreQuery{By: everyScore})
	if uint64(len(leaves)) != head.Size || uint64(records)+2 != head.Size { // two acts founded the directory
		t.Errorf("%d records and %d leaves in a log of %d", records, len(leaves), head.Size)
	}
	files, _, err := s.Records.List(w.ctx(), everything, store.Filter{Limit: 20})
	w.must(err)
	for _, r := range files {
		if places, err := placesOf(w.ctx(), s, care.FacilityCode(r.ID.Facility), keys(r.File)); err != nil || r.Index >= len(places) || places[r.Index].ID != r.ID {
			t.Errorf("record %s is not in its file: %v", r.ID, err)
		}
	}
	return gone
}
