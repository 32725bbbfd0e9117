package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/house"
)

// madeOf is entry n with a content, made of a record.
func (w *world) madeOf(id dossier.ID, n, version int, content byte) house.Row {
	r := w.row(n, version, content)
	r.Origin.Record = registry.RecordID(id)
	return r
}

func entriesOfErased(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	a, b := w.send(say{episode: "a", content: "1"}), w.send(say{episode: "b", content: "2"})
	one, two, three := w.madeOf(a.ID, 1, 1, 'a'), w.madeOf(a.ID, 2, 1, 'b'), w.madeOf(b.ID, 3, 1, 'c')
	w.putEntries(house.Batch{Rows: []house.Row{one, two, three}})
	w.putEntries(house.Batch{Rows: []house.Row{w.madeOf(b.ID, 2, 2, 'd')}})                                       // b said other
	w.putEntries(house.Batch{Closes: []house.Close{{ID: one.ID, Version: 1, State: registry.Ended, At: one.At}}}) // two versions made of a
	if list, err := e.Erased(w.ctx(), 10); err != nil || len(list) != 0 {
		t.Fatalf("before: %v %v", list, err)
	}
	w.erase(a.ID)
	w.reopen()
	e = w.s.House.Entries
	list, err := e.Erased(w.ctx(), 10)
	w.must(err)
	want := []registry.RecordID{registry.RecordID(a.ID)}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Fatal(diff)
	}
	ids, err := e.MadeOf(w.ctx(), vaccination, list)
	w.must(err)
	if diff := cmp.Diff([]registry.EntryID{one.ID, two.ID}, ids); diff != "" {
		t.Error(diff)
	}
	if ids, err := e.MadeOf(w.ctx(), "devices", list); err != nil || len(ids) != 0 {
		t.Errorf("of another database: %v %v", ids, err)
	}
	left := func(want int64, when string) {
		t.Helper()
		if n, err := e.Left(w.ctx()); err != nil || n != want {
			t.Errorf("%s: %d left, want %d, %v", when, n, want, err)
		}
	}
	left(0, "while it is still to be done")
	w.must(e.Wiped(w.ctx(), list)) // said to be done and not done: that is seen
	left(3, "said to be done")
	act := w.act("database.erase")
	w.must(e.Put(w.ctx(), vaccination, house.Batch{Wipe: list, Act: &act}, ""))
	left(0, "done")
	for _, c := range []struct {
		row           house.Row
		versions, say int
	}{{one, 2, 0}, {two, 2, 1}, {three, 1, 1}} {
		history, err := e.History(w.ctx(), vaccination, c.row.ID, 10)
		w.must(err)
		values := 0
		for _, v := range history {
			empty := len(v.Sealed)+len(v.Wrapped) == 0 && v.Open == "{}" && v.Content.IsZero() && v.ValidFrom.IsZero()
			if is := v.Origin.Record == list[0]; is != empty {
				t.Errorf("version %d, of the erased record %v, empty %v", v.Version, is, empty)
			}
			if !empty {
				values++
			}
		}
		if len(history) != c.versions || values != c.say {
			t.Errorf("%d versions, %d with values", len(history), values)
		}
	}
	if said, err := e.SaidBy(w.ctx(), vaccination, list); err != nil || len(said) != 0 {
		t.Errorf("still said: %v %v", said, err)
	}
	found := func(n int) int {
		rows, _, err := e.List(w.ctx(), house.EntryFilter{Database: vaccination, Match: []house.Match{{Field: "citizen", Values: [][]byte{{1, 0xff, byte(n)}}}}})
		w.must(err)
		return len(rows)
	}
	if found(1) != 0 || found(2) != 1 || found(3) != 1 {
		t.Errorf("found: %d %d %d", found(1), found(2), found(3))
	}
	if list, err := e.Erased(w.ctx(), 10); err != nil || len(list) != 0 {
		t.Errorf("still to be done: %v %v", list, err)
	}
}

func entryScores(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	day := clock.Day(w.clock.Now())
	marks := func(n int) []byte {
		id := sheetOf("db:vaccination")
		return append(id[:], []byte{0b10_01_10_10, 0b01_10, byte(n)}...)
	}
	delta := func(m []byte, n int64) house.ScoreDelta {
		return house.ScoreDelta{Day: day, Subject: "db:vaccination", Marks: m, N: n}
	}
	var b house.Batch
	for n := range 20 {
		r := w.row(n+1, 1, 'a')
		r.Marks, r.Origin.Facility = marks(0b01), ""
		b.Rows, b.Scores = append(b.Rows, r), append(b.Scores, delta(r.Marks, 1))
	}
	w.putEntries(b)
	agree := func(when string, want bool) {
		t.Helper()
		q := house.ScoreQuery{FromDay: day, ToDay: day, By: []house.ScoreDimension{house.ScoreByDay}}
		sum, err := w.s.House.Scores.Sum(w.ctx(), everything, q)
		w.must(err)
		again, err := e.RecountScores(w.ctx(), day, day)
		w.must(err)
		trim(sum)
		trim(again)
		if diff := cmp.Diff(again, sum, cmpopts.EquateEmpty()); (diff == "") != want {
			t.Errorf("%s: recounted (-), summed (+): %s", when, diff)
		}
	}
	agree("written", true)
	if _, err := w.s.House.Scores.Fold(w.ctx()); err != nil {
		t.Fatal(err)
	}
	agree("folded", true)
	next := w.row(1, 2, 'b')
	next.Marks, next.Origin.Facility = marks(0b10), ""
	w.putEntries(house.Batch{Rows: []house.Row{next}, Scores: []house.ScoreDelta{delta(marks(0b01), -1), delta(next.Marks, 1)},
		Closes: []house.Close{{ID: entryID(2), Version: 1, State: registry.Ended, At: w.clock.Now()}}})
	agree("an end that took nothing away", false)
	w.must(w.s.House.Scores.Append(w.ctx(), []house.ScoreDelta{delta(marks(0b01), -1)}))
	agree("an end", true)
	w.putEntries(house.Batch{Marked: []house.Marking{w.marking(3, 1, marks(0b01), marks(0b1001))}, Scores: []house.ScoreDelta{delta(marks(0b01), -1), delta(marks(0b1001), 1)}})
	agree("marked again", true)
	later := clock.Day(w.clock.Now().Add(48 * time.Hour))
	if again, err := e.RecountScores(w.ctx(), later, later); err != nil || len(again) != 0 {
		t.Errorf("another day: %+v %v", again, err)
	}
	if again, err := e.RecountScores(w.ctx(), day, later); err != nil || len(again) != 1 {
		t.Errorf("of three days: %+v %v", again, err)
	}
	for _, c := range [][2]int{{20269999, day}, {day, 20269999}} {
		if _, err := e.RecountScores(w.ctx(), c[0], c[1]); err == nil {
			t.Errorf("no days: %v", c)
		}
	}
	w.must(w.s.House.Scores.Append(w.ctx(), []house.ScoreDelta{{Day: day, Subject: "db:vaccination", Marks: tally.Marks(marks(0b01)), N: 1}}))
	agree("a count that nobody made", false)
}
