package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func ruleCases() []testCase {
	return []testCase{
		{"a book of rules is drawn, written and read in all its texts", bookTexts},
		{"of two who write one book the later is told", bookAtOnce},
		{"one book applies and one is announced", bookPlaces},
		{"a rehearsal is leased, goes on elsewhere, and ends", rehearsalLife},
		{"of many who would take a rehearsal one has it", rehearsalAtOnce},
	}
}

func (w *world) draw(id, base int, text string) house.Book {
	w.t.Helper()
	b := house.Book{ID: id, State: "draft", Edition: 1, Base: base, Created: w.clock.Now(), CreatedBy: "Ánh", Moved: w.clock.Now(), MovedBy: "Ánh", Reason: "liều cao"}
	w.must(w.s.House.Rules.Draw(w.ctx(), b, text, w.act("rules.draw")))
	return b
}

func bookTexts(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	rules := func() house.Rules { return w.s.House.Rules }
	size, at := w.logSize(), w.clock.Now()
	if all, err := rules().Books(w.ctx()); err != nil || len(all) != 0 {
		t.Errorf("before any: %v %v", all, err)
	}
	b := w.draw(1, 0, "một")
	if err := rules().Draw(w.ctx(), b, "hai", w.act("rules.draw")); !errors.Is(err, store.ErrTaken) {
		t.Errorf("drawn twice: %v", err)
	}
	w.must(rules().Write(w.ctx(), house.Edition{Book: 1, Edition: 2, At: at.Add(time.Hour), By: "Bình", Text: "ba"}, []string{"draft", "rehearsed"}, "draft", w.act("rules.write")))
	b.Edition, b.Moved, b.MovedBy, b.Reason = 2, at.Add(time.Hour), "Bình", ""
	second := w.draw(2, 1, "x")
	w.reopen()
	all, err := rules().Books(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]house.Book{second, b}, all); diff != "" {
		t.Error(diff)
	}
	one, err := rules().Book(w.ctx(), 1)
	w.must(err)
	if diff := cmp.Diff(b, one); diff != "" {
		t.Error(diff)
	}
	for n, want := range []house.Edition{{Book: 1, Edition: 1, At: at, By: "Ánh", Text: "một"}, {Book: 1, Edition: 2, At: at.Add(time.Hour), By: "Bình", Text: "ba"}} {
		got, err := rules().Edition(w.ctx(), 1, n+1)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := rules().Edition(w.ctx(), 1, 3); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a text that is none: %v", err)
	}
	if _, err := rules().Book(w.ctx(), 9); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a book that is none: %v", err)
	}
	if err := rules().Draw(w.ctx(), house.Book{ID: 3, State: "draft"}, "a\x00", w.act("rules.draw")); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
	if n := w.logSize() - size; n != 3 {
		t.Errorf("%d leaves", n)
	}
}

func bookAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.draw(1, 0, "một")
	var kept, told atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			err := w.s.House.Rules.Write(w.ctx(), house.Edition{Book: 1, Edition: 2, At: w.clock.Now(), By: "x", Text: "y"}, []string{"draft"}, "draft", w.act("rules.write"))
			switch {
			case err == nil:
				kept.Add(1)
			case errors.Is(err, store.ErrChanged):
				told.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if kept.Load() != 1 || told.Load() != 5 {
		t.Errorf("%d kept, %d told", kept.Load(), told.Load())
	}
	err := w.s.House.Rules.Write(w.ctx(), house.Edition{Book: 1, Edition: 3, Text: "z"}, []string{"warning"}, "draft", w.act("rules.write"))
	if !errors.Is(err, store.ErrChanged) {
		t.Errorf("written in another state: %v", err)
	}
}

func bookPlaces(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	rules := w.s.House.Rules
	for id := 1; id <= 3; id++ {
		w.draw(id, 0, "x")
	}
	at := w.clock.Now()
	move := func(book int, from, to string, base int, ended string) error {
		return rules.Move(w.ctx(), house.Move{Book: book, Edition: 1, From: from, To: to, Day: 20261201, By: "Bình", Reason: "r", At: at, Base: base, Ended: ended}, w.act("rules.move"))
	}
	in := func(want ...int) {
		t.Helper()
		all, err := rules.In(w.ctx(), "warning", "active")
		w.must(err)
		var got []int
		for _, b := range all {
			got = append(got, b.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	w.must(move(1, "draft", "warning", 0, ""))
	for name, err := range map[string]error{"a second announced": move(2, "draft", "warning", 0, ""), "from another state": move(1, "draft", "active", 0, ""),
		"that is not there": move(9, "draft", "warning", 0, "")} {
		if !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := rules.Move(w.ctx(), house.Move{Book: 1, Edition: 2, From: "warning", To: "active", At: at}, w.act("rules.move")); !errors.Is(err, store.ErrChanged) {
		t.Errorf("of another text: %v", err)
	}
	w.must(move(1, "warning", "active", 0, ""))
	w.must(move(2, "draft", "warning", 0, ""))
	in(1, 2)
	if err := move(2, "warning", "active", 3, "retired"); !errors.Is(err, store.ErrChanged) {
		t.Errorf("in the place of one that does not hold it: %v", err)
	}
	in(1, 2)
	w.must(move(2, "warning", "active", 1, "retired"))
	in(2)
	b, err := rules.Book(w.ctx(), 1)
	w.must(err)
	if b.State != "retired" || b.Day != 20261201 || b.MovedBy != "Bình" || b.Reason != "r" || !b.Moved.Equal(at) {
		t.Errorf("%+v", b)
	}
}

func rehearsalLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	rules := func() house.Rules { return w.s.House.Rules }
	w.draw(1, 0, "x")
	at := w.clock.Now()
	if _, err := rules().Rehearsal(w.ctx(), 1); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before any: %v", err)
	}
	if _, err := rules().Lease(w.ctx(), "a", at, at.Add(time.Minute)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("leased before any: %v", err)
	}
	ask := func(edition int) int {
		t.Helper()
		id, err := rules().Ask(w.ctx(), house.Rehearsal{Book: 1, Edition: edition, Asked: at, AskedBy: "Ánh", Found: "{}"}, w.act("rules.rehearse"))
		w.must(err)
		return id
	}
	lease := func(who string, now time.Time) house.Rehearsal {
		t.Helper()
		r, err := rules().Lease(w.ctx(), who, now, now.Add(time.Minute))
		w.must(err)
		return r
	}
	first, second := ask(1), ask(1) // the second takes the place of the first
	r := lease("a", at)
	want := house.Rehearsal{ID: second, Book: 1, Edition: 1, State: house.Running, Asked: at, AskedBy: "Ánh", Holder: "a", Until: at.Add(time.Minute), Found: "{}"}
	if diff := cmp.Diff(want, r); diff != "" || first == second {
		t.Error(diff)
	}
	w.must(rules().Came(w.ctx(), r.ID, "a", `{"seen":3}`, at.Add(2*time.Minute)))
	if _, err := rules().Lease(w.ctx(), "b", at.Add(time.Minute), at.Add(3*time.Minute)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("leased while somebody is at it: %v", err)
	}
	w.reopen()
	r = lease("b", at.Add(2*time.Minute)) // a is gone; it goes on where it was
	if r.Found != `{"seen":3}` || r.Holder != "b" {
		t.Errorf("%+v", r)
	}
	if err := rules().Came(w.ctx(), r.ID, "a", "{}", at); !errors.Is(err, store.ErrChanged) {
		t.Errorf("a goes on: %v", err)
	}
	r.State, r.Found, r.Ended = house.Done, `{"seen":9}`, at.Add(time.Hour)
	w.must(rules().End(w.ctx(), r, "draft", "rehearsed"))
	b, err := rules().Book(w.ctx(), 1)
	w.must(err)
	if b.State != "rehearsed" {
		t.Errorf("%+v", b)
	}
	got, err := rules().Rehearsal(w.ctx(), 1)
	w.must(err)
	r.Until = time.Time{}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	if err := rules().Cancel(w.ctx(), 1, at, w.act("rules.cancel")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("cancelled after its end: %v", err)
	}
	w.must(rules().Write(w.ctx(), house.Edition{Book: 1, Edition: 2, At: at, By: "x", Text: "y"}, []string{"rehearsed"}, "draft", w.act("rules.write")))
	ask(1)
	r = lease("a", at)
	r.State = house.Done
	w.must(rules().End(w.ctx(), r, "draft", "rehearsed")) // of a text that is not the book's any more
	if b, err = rules().Book(w.ctx(), 1); err != nil || b.State != "draft" {
		t.Errorf("%+v %v", b, err)
	}
	ask(2)
	r = lease("a", at)
	w.must(rules().Cancel(w.ctx(), 1, at, w.act("rules.cancel")))
	for name, err := range map[string]error{"came": rules().Came(w.ctx(), r.ID, "a", "{}", at), "ended": rules().End(w.ctx(), r, "draft", "rehearsed")} {
		if !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s after it was cancelled: %v", name, err)
		}
	}
}

func rehearsalAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.draw(1, 0, "x")
	at := w.clock.Now()
	_, err := w.s.House.Rules.Ask(w.ctx(), house.Rehearsal{Book: 1, Edition: 1, Asked: at, Found: "{}"}, w.act("rules.rehearse"))
	w.must(err)
	var had atomic.Int32
	var wg sync.WaitGroup
	for _, who := range []string{"a", "b", "c", "d", "e", "f"} {
		wg.Go(func() {
			_, err := w.s.House.Rules.Lease(w.ctx(), who, at, at.Add(time.Minute))
			if err == nil {
				had.Add(1)
			} else if !errors.Is(err, store.ErrAbsent) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if had.Load() != 1 {
		t.Errorf("%d have it", had.Load())
	}
}
