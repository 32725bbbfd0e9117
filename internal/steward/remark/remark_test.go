package remark_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/steward"
	"lienthong/internal/steward/remark"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

const blood = `id: blood
name: {vi: Hiến máu, en: Blood donation}
entry: {vi: Lần hiến, en: Donation}
steward: kcb
legal: [law-15-2023]
fields:
  - {name: number, label: {vi: Mã túi máu, en: Unit}, type: text, class: internal, priority: 1, search: true}
  - {name: given, label: {vi: Ngày hiến, en: Given}, type: date, class: internal}
  - {name: volume, label: {vi: Thể tích, en: Volume}, type: integer, class: personal, min: "100"}
  - {name: place, label: {vi: Điểm hiến, en: Place}, type: code, class: internal, list: "db:places.code"}
key: [number]
sources:
  - {id: form, kind: form}
refresh: {every: 1 days, stale: 30 days}
retention: y10
`

const places = `id: places
name: {vi: Điểm hiến máu, en: Places}
entry: {vi: Điểm, en: Place}
steward: kcb
legal: [law-15-2023]
fields:
  - {name: code, label: {vi: Mã, en: Code}, type: text, class: open, priority: 1, search: true}
key: [code]
sources:
  - {id: form, kind: form}
retention: y10
`

var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, clock.Hanoi)
	operator = steward.Who{Role: role.Role{Kind: role.Operator}, Name: "operator"}
)

// world is a steward with a store, and the night's job over pages of a few entries.
type world struct {
	*steward.Steward
	t     *testing.T
	clock *clock.Fake
	house house.Slices
	vault *vault.Vault
	twice map[registry.EntryID]bool // nil: nobody looks
	read  int                       // entries that were opened
	shut  bool                      // nothing opens
	puts  int
	fail  error // of the next Put
	meet  func()
}

// entries counts what is written, and lets tests come between.
type entries struct {
	house.Entries
	w *world
}

func (e entries) Put(ctx context.Context, id registry.ID, b house.Batch, was string) error {
	if meet := e.w.meet; meet != nil && len(b.Marked) > 0 {
		e.w.meet = nil
		meet()
	}
	e.w.puts++
	if err := e.w.fail; err != nil {
		e.w.fail = nil
		return err
	}
	return e.Entries.Put(ctx, id, b, was)
}

func (w *world) Recheck(_ context.Context, id registry.ID, rows []house.Row) ([]registry.Values, error) {
	out := make([]registry.Values, len(rows))
	for i := range rows {
		w.read++
		if w.shut {
			continue
		}
		plain, err := w.vault.Open(steward.SealName(id, rows[i].ID), rows[i].Wrapped, 0, rows[i].Sealed)
		if len(rows[i].Sealed) == 0 {
			plain, err = []byte("{}"), nil
		}
		if err := errors.Join(err, json.Unmarshal([]byte(rows[i].Open), &out[i]), json.Unmarshal(plain, &out[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(noon)}
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: w.clock, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
	w.check(err)
	t.Cleanup(func() { w.check(s.Close()) })
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	w.vault, err = vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	w.check(err)
	w.house = s.House
	w.Steward, err = steward.New(t.Context(), steward.Deps{Databases: w.house.Databases, Entries: entries{w.house.Entries, w}, Grants: w.house.Grants, Flow: w.house.Flow,
		Scores: w.house.Scores, Keys: s.Keys, Vault: w.vault, Clock: w.clock, Logger: slog.New(slog.DiscardHandler),
		Directory: func() *facility.Directory { return facility.NewDirectory(facility.Contents{}) }}, steward.Config{Holder: "test"})
	w.check(err)
	w.declare(places)
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) declare(text string) {
	w.t.Helper()
	w.clock.Advance(time.Second)
	if c, err := w.Declare(w.t.Context(), operator, []byte(text)); err != nil {
		w.t.Fatalf("%v %+v", err, c)
	}
}

func (w *world) enter(id registry.ID, values ...registry.Values) (ids []registry.EntryID) {
	w.t.Helper()
	for _, v := range values {
		out, err := w.Enter(w.t.Context(), operator, id, v)
		if err != nil {
			w.t.Fatalf("%v %+v", err, out)
		}
		ids = append(ids, out.ID)
	}
	return ids
}

func donation(n int) registry.Values {
	return registry.Values{"number": fmt.Sprintf("A%02d", n), "given": "2026-11-01", "volume": fmt.Sprint(200 + n), "place": "P1"}
}

// tonight runs the job of the night, at 3 o'clock after so many days.
func (w *world) tonight(days int) night.Report {
	w.t.Helper()
	r, err := w.run(days)
	w.check(err)
	return r
}

func (w *world) run(days int) (night.Report, error) {
	w.clock.Advance(time.Duration(days) * 24 * time.Hour)
	d := remark.Deps{Steward: w.Steward, Book: w, Page: 2}
	if w.twice != nil {
		d.Duplicate = func(_ context.Context, id registry.ID, entries []registry.EntryID) (map[registry.EntryID]bool, error) {
			out := map[registry.EntryID]bool{}
			for _, e := range entries {
				if id == "blood" {
					out[e] = w.twice[e]
				}
			}
			return out, nil
		}
	}
	w.read, w.puts = 0, 0
	return remark.Job(d).Run(w.t.Context(), clock.Day(w.clock.Now().AddDate(0, 0, -1)))
}

// said is a check of all donations: passed of applied, on the one day they count under.
func (w *world) said(check string) string {
	w.t.Helper()
	l, err := w.Get("blood")
	w.check(err)
	i := l.Judge.Sheet().Index(check)
	if i < 0 {
		w.t.Fatalf("no check %q", check)
	}
	day := clock.Day(noon)
	q := house.ScoreQuery{Subject: "db:blood", By: []house.ScoreDimension{house.ScoreByDay}}
	sums, err := w.house.Scores.Sum(w.t.Context(), role.Scope{All: true}, q)
	w.check(err)
	again, err := w.house.Entries.RecountScores(w.t.Context(), 20260101, 20301231)
	w.check(err)
	of := func(all []house.ScoreSum) (r score.Ratio) {
		for _, s := range all {
			if s.Subject != "db:blood" || len(s.Tally) <= i {
				continue
			}
			if s.Sheet != l.Judge.Sheet().ID() && !s.Tally.IsZero() {
				w.t.Errorf("something is counted by the sheet %s still: %v", s.Sheet, s.Tally)
			}
			if c := s.Tally[i]; c.Applied != 0 {
				r = r.Plus(score.RatioOf(c))
				if s.Key[0] != fmt.Sprint(day) {
					w.t.Errorf("counted on %s, not on %d", s.Key[0], day)
				}
			}
		}
		return r
	}
	r := of(sums)
	if other := of(again); other != r {
		w.t.Errorf("%s: counted %+v, counted again %+v", check, r, other)
	}
	return fmt.Sprintf("%d/%d", r.Passed, r.Applied)
}

// What marks depend on moves on: days, lists, who stands for whom. Nobody opens an entry
// for that, no version is written, and the day an entry counts under stays.
func TestWhatMovesOnIsMarkedWithoutOpening(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(blood)
	ids := w.enter("blood", donation(1), donation(2), donation(3), donation(4), donation(5))
	step := func(name string, days int, changed int64, want map[string]string) {
		t.Helper()
		r := w.tonight(days)
		if r.Changed != changed || w.read != 0 || r.Note != "" {
			t.Errorf("%s: %+v, %d opened", name, r, w.read)
		}
		for check, want := range want {
			if got := w.said(check); got != want {
				t.Errorf("%s: %s is %s, not %s", name, check, got, want)
			}
		}
	}
	step("nothing changed", 1, 0, map[string]string{"alive": "5/5", "unified.place": "0/0", "clean": "0/0", "correct.volume": "5/5"})
	w.twice = map[registry.EntryID]bool{}
	step("somebody looks for others", 1, 5, map[string]string{"clean": "5/5"})
	w.twice = map[registry.EntryID]bool{ids[0]: true, ids[3]: true}
	step("two stand for one", 1, 2, map[string]string{"clean": "3/5", "alive": "5/5"})
	w.twice = map[registry.EntryID]bool{}
	step("that was decided", 1, 2, map[string]string{"clean": "5/5"})
	w.enter("places", registry.Values{"code": "P2"})
	step("the list came, without the code", 1, 5, map[string]string{"unified.place": "0/5"})
	w.enter("places", registry.Values{"code": "P1"})
	step("and with it", 1, 5, map[string]string{"unified.place": "5/5"})
	w.enter("blood", donation(2))
	step("nobody confirmed them but one", 26, 4, map[string]string{"alive": "1/5"})
	w.enter("blood", donation(1)) // at once, not at night; and nobody has to look for others again
	for check, want := range map[string]string{"alive": "2/5", "clean": "5/5"} {
		if got := w.said(check); got != want {
			t.Errorf("confirmed: %s is %s, not %s", check, got, want)
		}
	}
	for _, id := range ids {
		if history, err := w.house.Entries.History(t.Context(), "blood", id, 10); err != nil || len(history) != 1 {
			t.Errorf("%d versions, %v", len(history), err)
		}
	}
}

// A stricter field gives other marks by the same sheet; all are opened for it, once.
func TestADeclarationThatJudgesOtherwise(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(blood)
	w.enter("blood", donation(1), donation(2), donation(3), donation(4), donation(5))
	l, err := w.Get("blood")
	w.check(err)
	before := l.Judge.Sheet().ID()
	w.declare(strings.Replace(blood, `min: "100"`, `min: "203"`, 1))
	if l, err = w.Get("blood"); err != nil || l.Judge.Sheet().ID() != before {
		t.Fatalf("another sheet: the test shows nothing: %v", err)
	}
	if got := w.said("correct.volume"); got != "5/5" {
		t.Errorf("before the night: %s", got)
	}
	w.shut = true
	if r := w.tonight(1); r.Changed != 0 || w.read != 5 || r.Note != "entries.unread blood" {
		t.Errorf("nothing opens: %+v, %d read", r, w.read)
	}
	w.shut = false
	w.declare(strings.Replace(blood, `min: "100"`, `min: "204"`, 1))
	for n, want := range []struct {
		changed int64
		read    int
	}{{3, 5}, {0, 0}} {
		if r := w.tonight(1); r.Changed != want.changed || w.read != want.read || r.Seen != 5 {
			t.Errorf("night %d: %+v, %d read", n, r, w.read)
		}
		if got := w.said("correct.volume"); got != "2/5" {
			t.Errorf("night %d: %s", n, got)
		}
	}
	// another sheet: the old one counts nothing any more
	w.declare(strings.Replace(blood, "type: date, class: internal", "type: date, class: internal, priority: 1", 1))
	if r := w.tonight(1); r.Changed != 5 || w.read != 5 {
		t.Errorf("another sheet: %+v, %d read", r, w.read)
	}
	for check, want := range map[string]string{"correct.volume": "5/5", "sufficient.given": "5/5"} {
		if got := w.said(check); got != want {
			t.Errorf("another sheet: %s is %s", check, got)
		}
	}
}

// A rule that asks what day it is holds today and not tomorrow.
func TestARuleThatAsksTheDay(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(blood + `rules:
  - {code: fresh, word: alive, field: given, must: "days(entry.given, today) <= 30", text: {vi: Trong 30 ngày, en: Within 30 days}}
`)
	w.enter("blood", donation(1), donation(2))
	for _, c := range []struct {
		days int
		want string
	}{{1, "2/2"}, {20, "0/2"}} {
		if w.tonight(c.days); w.said("alive.given") != c.want {
			t.Errorf("after %d days more: %s, not %s", c.days, w.said("alive.given"), c.want)
		}
	}
}

// Cut off, the walk goes on where it stopped; what is done of a night stays done.
func TestAWalkGoesOn(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(blood)
	w.enter("blood", donation(1), donation(2), donation(3), donation(4), donation(5))
	broken := errors.New("no room")
	w.clock.Advance(40 * 24 * time.Hour)
	first := 0
	w.meet = func() { w.meet = func() { first, w.fail = w.puts, broken } } // the second page
	if _, err := w.run(0); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if got := w.said("alive"); got != "3/5" || first != 1 {
		t.Errorf("cut off after a page: %s, %d pages", got, first)
	}
	if r := w.tonight(0); r.Seen != 3 || r.Changed != 3 || w.said("alive") != "0/5" {
		t.Errorf("gone on: %+v, %s", r, w.said("alive"))
	}
	if r := w.tonight(0); r != (night.Report{}) || w.puts != 0 {
		t.Errorf("again: %+v, %d written", r, w.puts)
	}
	if r := w.tonight(1); r.Seen != 5 || r.Changed != 0 || w.puts != 2 { // the ends of both walks
		t.Errorf("the next night: %+v, %d written", r, w.puts)
	}
}

// Who writes to an entry at the same moment does not skew what is counted: either page
// or writer looks again.
func TestSomebodyWritesMeanwhile(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(blood)
	w.enter("blood", donation(1), donation(2), donation(3))
	w.clock.Advance(40 * 24 * time.Hour)
	w.meet = func() { w.enter("blood", donation(1), donation(2), donation(3)) }
	if r := w.tonight(0); r.Seen != 3 || w.said("alive") != "3/3" {
		t.Errorf("confirmed meanwhile: %+v, %s", r, w.said("alive"))
	}
	w.clock.Advance(40 * 24 * time.Hour)
	w.meet = func() {
		page, _, err := w.house.Entries.List(t.Context(), house.EntryFilter{Database: "blood", State: registry.Live})
		w.check(err)
		w.check(w.End(t.Context(), operator, "blood", "nhập nhầm một lần", []house.Close{{ID: page[0].ID, Version: page[0].Version, State: registry.Ended}}))
	}
	if w.tonight(0); w.said("alive") != "0/2" {
		t.Errorf("one ended meanwhile: %s", w.said("alive"))
	}
	l, err := w.Get("blood")
	w.check(err)
	ids, _, err := w.house.Entries.List(t.Context(), house.EntryFilter{Database: "blood", State: registry.Live})
	w.check(err)
	if len(ids) != 2 || !slices.ContainsFunc(l.Sources, func(s registry.Source) bool { return s.Kind == registry.FromForm }) {
		t.Errorf("%d live", len(ids))
	}
}
