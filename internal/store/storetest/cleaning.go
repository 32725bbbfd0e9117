package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func cleaningCases() []testCase {
	return []testCase{
		{"jobs of nights are begun, tried again and done", nightsKept},
		{"proposals have versions, states and steps", proposalsKept},
		{"proposals are listed and counted", proposalsListed},
		{"entries that say the same are found without opening them", entriesAlike},
	}
}

func nightsKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	n := w.s.House.Nights
	at := w.clock.Now().Truncate(time.Microsecond).UTC()
	one, err := n.Begin(w.ctx(), 20260701, "a.b", at)
	w.must(err)
	if diff := cmp.Diff(house.Night{Day: 20260701, Job: "a.b", State: house.NightRunning, Tries: 1, Started: at}, one); diff != "" {
		t.Error(diff)
	}
	one.State, one.Code, one.Ended = house.NightFailed, "x.y", at.Add(time.Second)
	w.must(n.End(w.ctx(), one))
	w.reopen()
	n = w.s.House.Nights
	again, err := n.Begin(w.ctx(), 20260701, "a.b", at.Add(time.Minute))
	w.must(err)
	if again.Tries != 2 || !again.Started.Equal(at) || again.State != house.NightRunning || again.Code != "" {
		t.Errorf("%+v", again)
	}
	again.State, again.Seen, again.Changed, again.Unequal, again.Note, again.Ended = house.NightDone, 5, 2, 1, "here", at.Add(time.Hour)
	w.must(n.End(w.ctx(), again))
	third, err := n.Begin(w.ctx(), 20260701, "a.b", at.Add(2*time.Hour))
	w.must(err)
	if diff := cmp.Diff(again, third); diff != "" {
		t.Errorf("what is done was begun again: %s", diff)
	}
	if err := n.End(w.ctx(), house.Night{Day: 20260701, Job: "none", State: house.NightDone}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("one that was not begun: %v", err)
	}
	if _, err := n.Begin(w.ctx(), 20260701, "a\x00", at); !errors.Is(err, store.ErrText) {
		t.Errorf("NUL: %v", err)
	}
	if _, err := n.Begin(w.ctx(), 20260630, "a.b", at); err != nil {
		t.Error(err)
	}
	for days, want := range map[[2]int]int{{}: 2, {20260701, 0}: 1, {0, 20260630}: 1, {20260702, 0}: 0} {
		all, err := n.Nights(w.ctx(), days[0], days[1])
		w.must(err)
		if len(all) != want || want == 2 && all[0].Day != 20260701 {
			t.Errorf("%v: %+v", days, all)
		}
	}
}

func entryNamed(n byte) (id registry.EntryID) {
	id[0], id[15] = n, n
	return id
}

func (w *world) proposal(id string, version int, state string) house.Proposal {
	at := w.clock.Now().Truncate(time.Microsecond).UTC()
	return house.Proposal{ID: id, Database: vaccination, Detector: "duplicates", Kind: "merge", State: state, Version: version, Facts: []byte{1, 2}, Night: 20260701,
		Entries: []registry.EntryID{entryNamed(1), entryNamed(2)}, At: at, Changed: at, Actor: "hub", Reason: "vì trùng", Body: `{"x":"Bắc"}`}
}

func proposalsKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.s.House.Proposals
	one, two := w.proposal("a", 1, "open"), w.proposal("b", 1, "open")
	two.Entries = []registry.EntryID{entryNamed(2), entryNamed(3)}
	w.must(p.Put(w.ctx(), []house.Proposal{one, two}, nil))
	for what, all := range map[string][]house.Proposal{"again": {one}, "a gap": {w.proposal("a", 3, "open")}, "none before": {w.proposal("c", 2, "open")}, "with a good one": {w.proposal("a", 2, "rejected"), w.proposal("b", 1, "open")}} {
		if err := p.Put(w.ctx(), all, nil); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	bad := w.proposal("d", 1, "open")
	bad.Reason = "\x00"
	if err := p.Put(w.ctx(), []house.Proposal{bad}, nil); !errors.Is(err, store.ErrText) {
		t.Errorf("NUL: %v", err)
	}
	size := w.logSize()
	next := w.proposal("a", 2, "accepted")
	next.Entries, next.Undo, next.Actor = []registry.EntryID{entryNamed(2)}, `{}`, "unit:pb"
	act := w.act("cleaning.accept")
	w.must(p.Put(w.ctx(), []house.Proposal{next}, &act))
	if w.logSize() != size+1 {
		t.Error("the act has no leaf")
	}
	w.must(p.Again(w.ctx(), 20260702, []string{"b", "none"}))
	two.Night = 20260702
	w.reopen()
	p = w.s.House.Proposals
	held, err := p.Held(w.ctx(), []string{"b", "none", "a"})
	w.must(err)
	if diff := cmp.Diff([]house.Proposal{next, two}, held); diff != "" {
		t.Error(diff)
	}
	steps, err := p.Steps(w.ctx(), "a")
	w.must(err)
	want := []house.ProposalStep{{N: 1, At: one.Changed, State: "open", Actor: "hub", Reason: "vì trùng"}, {N: 2, At: next.Changed, State: "accepted", Actor: "unit:pb", Reason: "vì trùng"}}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
	for entry, want := range map[byte]int{1: 0, 2: 2, 3: 1, 4: 0} {
		about, err := p.About(w.ctx(), vaccination, "", "", []registry.EntryID{entryNamed(entry)})
		w.must(err)
		if len(about) != want {
			t.Errorf("about %d: %d proposals, want %d", entry, len(about), want)
		}
	}
	about, err := p.About(w.ctx(), vaccination, "duplicates", "open", []registry.EntryID{entryNamed(2), entryNamed(3)})
	w.must(err)
	if len(about) != 1 || about[0].ID != "b" {
		t.Errorf("open about 2 and 3: %+v", about)
	}
}

func proposalsListed(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.s.House.Proposals
	var all []house.Proposal
	for i := range 5 {
		one := w.proposal(fmt.Sprint("p", i), 1, []string{"open", "rejected"}[i%2])
		one.Night += i
		if i == 4 {
			one.Database, one.Detector = "devices", "codes"
		}
		all = append(all, one)
	}
	w.must(p.Put(w.ctx(), all, nil))
	for i, c := range []struct {
		f    house.ProposalFilter
		want string
	}{
		{house.ProposalFilter{}, "p0 p1 p2 p3 p4 "},
		{house.ProposalFilter{Limit: 2}, "p0 p1 +"},
		{house.ProposalFilter{Limit: 2, After: "p1"}, "p2 p3 +"},
		{house.ProposalFilter{Databases: []registry.ID{"devices"}}, "p4 "},
		{house.ProposalFilter{Databases: []registry.ID{}}, ""},
		{house.ProposalFilter{Detector: "duplicates", State: "open"}, "p0 p2 "},
		{house.ProposalFilter{Before: 20260703}, "p0 p1 "},
	} {
		got, more, err := p.List(w.ctx(), c.f)
		w.must(err)
		text := ""
		for _, one := range got {
			text += one.ID + " "
		}
		if more {
			text += "+"
		}
		if text != c.want {
			t.Errorf("%d: %q, want %q", i, text, c.want)
		}
	}
	counts, err := p.Counts(w.ctx())
	w.must(err)
	want := []house.ProposalCount{{Database: "devices", Detector: "codes", State: "open", N: 1}, {Database: vaccination, Detector: "duplicates", State: "open", N: 2}, {Database: vaccination, Detector: "duplicates", State: "rejected", N: 2}}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}

func entriesAlike(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var rows []house.Row
	at := w.clock.Now().Truncate(time.Microsecond).UTC()
	for i, name := range []string{"an", "an", "binh", "chi", "chi", "chi", "dung"} {
		rows = append(rows, house.Row{Database: vaccination, ID: entryNamed(byte(i + 1)), Version: 1, Declared: 1, State: registry.Live, Open: `{}`, At: at, Confirmed: at,
			Keys: []house.Key{{Field: "name", Value: []byte(name)}, {Field: "all", Value: []byte("x")}}})
	}
	w.must(w.s.House.Entries.Put(w.ctx(), vaccination, house.Batch{Rows: rows}, ""))
	w.must(w.s.House.Entries.Put(w.ctx(), vaccination, house.Batch{Closes: []house.Close{{ID: entryNamed(4), Version: 1, State: registry.Merged, Into: entryNamed(5), At: at}}}, ""))
	a := w.s.House.Alike
	group := func(value string, ids ...byte) house.Group {
		g := house.Group{Value: []byte(value)}
		for _, n := range ids {
			g.Entries = append(g.Entries, entryNamed(n))
		}
		return g
	}
	for i, c := range []struct {
		field, after string
		limit, most  int
		want         []house.Group
	}{
		{"name", "", 0, 0, []house.Group{group("an", 1, 2), group("chi", 5, 6)}},
		{"name", "", 1, 0, []house.Group{group("an", 1, 2)}},
		{"name", "an", 1, 0, []house.Group{group("chi", 5, 6)}},
		{"name", "chi", 0, 0, nil},
		{"all", "", 0, 3, []house.Group{group("x", 1, 2, 3)}},
		{"none", "", 0, 0, nil},
	} {
		got, err := a.Groups(w.ctx(), vaccination, c.field, []byte(c.after), c.limit, c.most)
		w.must(err)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
	keys, err := a.KeysOf(w.ctx(), vaccination, []registry.EntryID{entryNamed(2), entryNamed(3), entryNamed(99)})
	w.must(err)
	text := ""
	for _, k := range keys {
		text += fmt.Sprintf("%d %s=%s; ", k.Entry[0], k.Field, k.Value)
	}
	if want := "2 all=x; 2 name=an; 3 all=x; 3 name=binh; "; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}
