package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func (w *world) marking(n, version int, was, marks []byte) house.Marking {
	return house.Marking{ID: entryID(n), Version: version, Confirmed: w.clock.Now(), Was: was, Marks: marks}
}

// Marks that an entry gets without a new version: nothing else of it moves, and who
// says marks that it does not have changes nothing.
func entryMarked(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	one, two := w.row(1, 1, 'a'), w.row(2, 1, 'b')
	w.putEntries(house.Batch{Rows: []house.Row{one, two}})
	before, err := e.Get(w.ctx(), vaccination, one.ID, time.Time{})
	w.must(err)
	marked := w.marking(1, 1, one.Marks, []byte{1, 2, 3, 4, 5})
	marked.Facility = one.Origin.Facility
	place := &house.Place{Database: vaccination, Source: "entries.remark", At: w.clock.Now(), Cursor: "x"}
	other := func(change func(*house.Marking)) house.Batch {
		m := marked
		change(&m)
		return house.Batch{Marked: []house.Marking{m}, Place: place}
	}
	next, confirmed := w.row(1, 2, 'c'), one
	next.Was, confirmed.Was = []byte{7}, []byte{7}
	for name, b := range map[string]house.Batch{
		"another version":        other(func(m *house.Marking) { m.Version = 2 }),
		"other marks":            other(func(m *house.Marking) { m.Was = []byte{7} }),
		"no marks":               other(func(m *house.Marking) { m.Was = nil }),
		"another facility":       other(func(m *house.Marking) { m.Facility = hillStation }),
		"confirmed since":        other(func(m *house.Marking) { m.Confirmed = m.Confirmed.Add(-time.Second) }),
		"no entry":               other(func(m *house.Marking) { m.ID = entryID(9) }),
		"a version over others":  {Rows: []house.Row{next}, Place: place},
		"confirmed, with others": {Rows: []house.Row{confirmed}, Place: place},
		"ended, with others":     {Closes: []house.Close{{ID: one.ID, Version: 1, State: registry.Ended, At: one.At, Was: []byte{7}}}, Place: place},
	} {
		if err := e.Put(w.ctx(), vaccination, b, ""); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := e.Put(w.ctx(), vaccination, house.Batch{Marked: []house.Marking{marked, marked}}, ""); err == nil {
		t.Error("an entry twice in a batch was marked")
	}
	w.must(e.Put(w.ctx(), vaccination, house.Batch{Marked: []house.Marking{marked}, Place: place}, ""))
	w.reopen()
	e = w.s.House.Entries
	after, err := e.Get(w.ctx(), vaccination, one.ID, time.Time{})
	w.must(err)
	want := *before
	want.Marks = marked.Marks
	if diff := cmp.Diff(want, *after, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if history, err := e.History(w.ctx(), vaccination, one.ID, 10); err != nil || len(history) != 1 {
		t.Errorf("%d versions, %v", len(history), err)
	}
	confirmed.Was, confirmed.Marks = marked.Marks, []byte{1, 2, 3, 4, 6}
	w.putEntries(house.Batch{Rows: []house.Row{confirmed}})
	if after, err = e.Get(w.ctx(), vaccination, one.ID, time.Time{}); err != nil || !slices.Equal(after.Marks, confirmed.Marks) || after.Version != 1 {
		t.Errorf("confirmed: %+v %v", after, err)
	}
	if after, err = e.Get(w.ctx(), vaccination, two.ID, time.Time{}); err != nil || !slices.Equal(after.Marks, two.Marks) {
		t.Errorf("the other: %+v %v", after, err)
	}
	w.entryCounts(map[registry.EntryState]int64{registry.Live: 2})
}
