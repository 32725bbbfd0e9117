package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

func entryCases() []testCase {
	return []testCase{
		{"declarations follow one another by version, with their steps", declarations},
		{"grants hold and end", grants},
		{"imports follow one another by version", imports},
		{"entries have versions, and what is the same is confirmed", entryVersions},
		{"a batch that is not as entries are is not written at all", entryConflicts},
		{"entries are found, in pages, by keys and by state", entryLists},
		{"entries end, merge and are wiped", entryCloses},
		{"of entries of an erased record nothing remains, and what does is told", entriesOfErased},
		{"scores of entries are what their marks say", entryScores},
		{"entries are marked again without a version", entryMarked},
		{"changes of entries are read in their order and none is passed over", entryChanges},
		{"the flow gives records of all facilities once, with what they changed", flowOrder},
		{"a turn is one process's until its time", turns},
	}
}

const vaccination registry.ID = "vaccination"

func declarations(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d := w.s.House.Databases
	first, err := d.Epoch(w.ctx())
	w.must(err)
	one := house.Declared{Database: vaccination, Version: 1, At: w.clock.Now(), By: "unit:pb", Text: []byte("id: vaccination\n")}
	w.must(d.Declare(w.ctx(), one, w.act("database.declare")))
	if err := d.Declare(w.ctx(), one, w.act("database.declare")); !errors.Is(err, store.ErrChanged) {
		t.Errorf("the same version again: %v", err)
	}
	two := one
	two.Version, two.Text = 2, []byte("id: vaccination\n#\n")
	w.must(d.Declare(w.ctx(), two, w.act("database.declare")))
	other := house.Declared{Database: "devices", Version: 1, At: w.clock.Now(), By: "operator", Text: []byte("x")}
	w.must(d.Declare(w.ctx(), other, w.act("database.declare")))
	w.reopen()
	d = w.s.House.Databases
	got, err := d.Declared(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]house.Declared{other, two}, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	got, err = d.Versions(w.ctx(), vaccination)
	w.must(err)
	if diff := cmp.Diff([]house.Declared{two, one}, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	st := house.Step{Database: vaccination, N: 1, State: registry.Surveyed, At: w.clock.Now(), By: "unit:pb", Evidence: "biên bản 12"}
	w.must(d.Reach(w.ctx(), st, w.act("database.reach")))
	if err := d.Reach(w.ctx(), st, w.act("database.reach")); !errors.Is(err, store.ErrChanged) {
		t.Errorf("the same step again: %v", err)
	}
	st2 := st
	st2.N, st2.State = 2, registry.Building
	w.must(d.Reach(w.ctx(), st2, w.act("database.reach")))
	for _, of := range []registry.ID{vaccination, ""} {
		steps, err := d.Steps(w.ctx(), of)
		w.must(err)
		if diff := cmp.Diff([]house.Step{st, st2}, steps, cmpopts.EquateApproxTime(0)); diff != "" {
			t.Error(diff)
		}
	}
	if last, err := d.Epoch(w.ctx()); err != nil || last != first+5 {
		t.Errorf("epoch %d after %d, %v", last, first, err)
	}
	if err := d.Declare(w.ctx(), house.Declared{Database: "a\x00b", Version: 1}, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("NUL: %v", err)
	}
}

func grants(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	g := w.s.House.Grants
	one := house.Grant{ID: "g1", Database: vaccination, Version: 1, To: "unit:bhxh", Fields: []string{"vaccine"}, Purpose: "payment", Since: w.clock.Now(), Until: w.clock.Now().Add(time.Hour), By: "unit:pb"}
	w.must(g.Give(w.ctx(), one, w.act("database.grant")))
	if err := g.Give(w.ctx(), one, w.act("database.grant")); !errors.Is(err, store.ErrTaken) {
		t.Errorf("twice: %v", err)
	}
	w.clock.Advance(time.Minute)
	two := house.Grant{ID: "g2", Database: "hiv", Version: 3, To: "unit:bhxh", Purpose: "statistics", Since: w.clock.Now(), By: "unit:pb"}
	w.must(g.Give(w.ctx(), two, w.act("database.grant")))
	w.must(g.End(w.ctx(), "hiv", "g2", w.clock.Now().Add(time.Minute), "unit:pb", w.act("database.grant_end")))
	if err := g.End(w.ctx(), "hiv", "g2", w.clock.Now(), "unit:pb", w.act("database.grant_end")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("ended twice: %v", err)
	}
	two.Ended, two.EndedBy = w.clock.Now().Add(time.Minute), "unit:pb"
	got, err := g.Given(w.ctx(), "", "unit:bhxh")
	w.must(err)
	if diff := cmp.Diff([]house.Grant{two, one}, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if got, err := g.Given(w.ctx(), "hiv", "unit:kcb"); err != nil || len(got) != 0 {
		t.Errorf("another receiver: %v %v", got, err)
	}
	if !one.Holds(w.clock.Now()) || one.Holds(w.clock.Now().Add(time.Hour)) || two.Holds(two.Ended) || !two.Holds(two.Since) {
		t.Error("terms")
	}
}

func imports(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	s := w.s.House.Imports
	i := house.Import{Database: "personnel", ID: "nhap-1", Version: 1, Declared: 1, Source: "file", State: "previewed", Name: "danh sách.csv", Size: 5, Digest: [32]byte{1},
		By: "unit:tccb", At: w.clock.Now(), Changed: w.clock.Now(), Counts: "{}", Summary: "[]", Undo: ""}
	act := w.act("database.import")
	w.must(s.PutImport(w.ctx(), i, &act))
	if err := s.PutImport(w.ctx(), i, nil); !errors.Is(err, store.ErrChanged) {
		t.Errorf("the same again: %v", err)
	}
	i.Version, i.State, i.UndoUntil = 2, "applied", w.clock.Now().Add(time.Hour)
	w.must(s.PutImport(w.ctx(), i, nil))
	if err := s.PutImport(w.ctx(), i, nil); !errors.Is(err, store.ErrChanged) {
		t.Errorf("the same again: %v", err)
	}
	got, err := s.Import(w.ctx(), "personnel", "nhap-1")
	w.must(err)
	if diff := cmp.Diff(i, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Import(w.ctx(), "personnel", "nhap-2"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("absent: %v", err)
	}
	if all, err := s.Imports(w.ctx(), "personnel", 10); err != nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
	for n, state := range []string{"applying", "received", "done", "received"} { // brought on ever earlier days
		more := i
		more.ID, more.Version, more.State, more.At = fmt.Sprint("nhap-", n+2), 1, state, w.clock.Now().AddDate(0, 0, -n-1)
		w.must(s.PutImport(w.ctx(), more, nil))
	}
	if got, err := s.ImportsIn(w.ctx(), "personnel", "received", "applying"); err != nil || !slices.Equal(got, []string{"nhap-5", "nhap-3", "nhap-2"}) {
		t.Errorf("in two states: %v %v", got, err)
	}
	for what, states := range map[string][]string{"personnel": {"undoing"}, "hiv": {"received"}, "": nil} {
		if got, err := s.ImportsIn(w.ctx(), registry.ID(what), states...); err != nil || len(got) != 0 {
			t.Errorf("%s %v: %v %v", what, states, got, err)
		}
	}
}

// row is an entry of test n with a content.
func (w *world) row(n, version int, content byte) house.Row {
	r := house.Row{Database: vaccination, Version: version, Declared: 1, State: registry.Live, Content: vault.Keyed{1, content}, Open: fmt.Sprintf(`{"vaccine":"%c"}`, content),
		Sealed: []byte{content, 9}, Wrapped: []byte{7, content}, Class: "outpatient", Month: 202611,
		Origin:    registry.Origin{Source: "records", Record: registry.RecordID{Facility: cityHospital, Serial: [16]byte{byte(n), byte(version)}}, Facility: cityHospital},
		ValidFrom: w.clock.Now().Add(-time.Hour), At: w.clock.Now(), Confirmed: w.clock.Now(), Marks: []byte{1, 2, 3},
		Keys: []house.Key{{Field: "vaccine", Value: []byte{content}}, {Field: "citizen", Value: []byte{1, 0xff, byte(n)}}}}
	r.ID = entryID(n)
	return r
}

func entryID(n int) registry.EntryID { return registry.EntryID{byte(n >> 8), byte(n), 1} }

func (w *world) putEntries(b house.Batch) {
	w.t.Helper()
	w.must(w.s.House.Entries.Put(w.ctx(), vaccination, b, ""))
}

// kept is a row as it is read back.
func kept(r house.Row) house.Row { r.Keys = nil; return r }

var sameRow = cmp.Options{cmpopts.EquateApproxTime(0), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(house.Row{}, "Seq")}

func entryVersions(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	one := w.row(1, 1, 'a')
	w.putEntries(house.Batch{Rows: []house.Row{one, w.row(2, 1, 'b')}})
	early := w.clock.Now()
	w.clock.Advance(time.Minute)
	same := w.row(1, 1, 'a') // confirmed by another record
	same.Origin.Record.Serial = [16]byte{77}
	w.putEntries(house.Batch{Rows: []house.Row{same}})
	one.Confirmed, one.Origin = same.Confirmed, same.Origin
	got, err := e.Get(w.ctx(), vaccination, one.ID, time.Time{})
	w.must(err)
	if diff := cmp.Diff(kept(one), *got, sameRow); diff != "" {
		t.Error(diff)
	}
	w.clock.Advance(time.Minute)
	next := w.row(1, 2, 'c')
	w.putEntries(house.Batch{Rows: []house.Row{next}})
	w.reopen()
	e = w.s.House.Entries
	for at, want := range map[time.Time]house.Row{{}: next, early: one, w.clock.Now(): next} {
		got, err := e.Get(w.ctx(), vaccination, one.ID, at)
		w.must(err)
		if diff := cmp.Diff(kept(want), *got, sameRow); diff != "" {
			t.Error(at, diff)
		}
	}
	if _, err := e.Get(w.ctx(), vaccination, one.ID, early.Add(-time.Hour)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before it was: %v", err)
	}
	history, err := e.History(w.ctx(), vaccination, one.ID, 10)
	w.must(err)
	if diff := cmp.Diff([]house.Row{kept(next), kept(one)}, history, sameRow); diff != "" {
		t.Error(diff)
	}
	briefs, err := e.Known(w.ctx(), vaccination, []registry.EntryID{entryID(9), entryID(2), entryID(1)})
	w.must(err)
	if briefs[0].Version != 0 || briefs[1].Version != 1 || briefs[2].Version != 2 || briefs[2].Content != next.Content || briefs[2].Origin.Record != next.Origin.Record || !slices.Equal(briefs[2].Marks, next.Marks) || !briefs[2].Confirmed.Equal(next.Confirmed) {
		t.Errorf("%+v", briefs)
	}
	said, err := e.SaidBy(w.ctx(), vaccination, []registry.RecordID{one.Origin.Record, next.Origin.Record, {Facility: hillStation}})
	w.must(err)
	if diff := cmp.Diff([]house.Said{{Record: next.Origin.Record, Entry: one.ID}, {Record: one.Origin.Record, Entry: one.ID}}, said); diff != "" {
		t.Error(diff)
	}
	sayers, err := e.Sayers(w.ctx(), vaccination, []registry.EntryID{one.ID})
	w.must(err)
	if len(sayers) != 3 {
		t.Errorf("%+v", sayers)
	}
	if _, err := e.Get(w.ctx(), "devices", one.ID, time.Time{}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of another database: %v", err)
	}
	w.entryCounts(map[registry.EntryState]int64{registry.Live: 2})
}

func (w *world) entryCounts(want map[registry.EntryState]int64) {
	w.t.Helper()
	counts, err := w.s.House.Entries.Counts(w.ctx(), vaccination)
	w.must(err)
	got := map[registry.EntryState]int64{}
	for _, c := range counts {
		got[c.State] = c.N
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("counts: %s", diff)
	}
}

func entryConflicts(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	w.putEntries(house.Batch{Rows: []house.Row{w.row(1, 1, 'a')}, Place: &house.Place{Database: vaccination, Source: "records", Declared: 1, At: w.clock.Now(), Cursor: "0.5", Seen: 5, Made: 1}})
	twice := w.row(5, 1, 'a')
	for name, c := range map[string]struct {
		b   house.Batch
		was string
	}{
		"a version that is there": {house.Batch{Rows: []house.Row{w.row(2, 1, 'a'), w.row(1, 3, 'b')}}, ""},
		"one that is not":         {house.Batch{Rows: []house.Row{w.row(2, 1, 'a'), w.row(3, 2, 'b')}}, ""},
		"a close of none":         {house.Batch{Rows: []house.Row{w.row(2, 1, 'a')}, Closes: []house.Close{{ID: entryID(9), Version: 1, State: registry.Ended}}}, ""},
		"a place that moved":      {house.Batch{Rows: []house.Row{w.row(2, 1, 'a')}, Place: &house.Place{Database: vaccination, Source: "records", Cursor: "0.9"}}, "0.4"},
	} {
		if err := e.Put(w.ctx(), vaccination, c.b, c.was); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := e.Put(w.ctx(), vaccination, house.Batch{Rows: []house.Row{twice, twice}}, ""); err == nil {
		t.Error("an entry twice in a batch was written")
	}
	bad := w.row(6, 1, 'a')
	bad.Open = "\xff"
	if err := e.Put(w.ctx(), vaccination, house.Batch{Rows: []house.Row{bad}}, ""); !errors.Is(err, store.ErrText) {
		t.Errorf("no UTF-8: %v", err)
	}
	w.entryCounts(map[registry.EntryState]int64{registry.Live: 1})
	places, err := e.Places(w.ctx(), "")
	w.must(err)
	if len(places) != 1 || places[0].Cursor != "0.5" || places[0].Seen != 5 || places[0].Made != 1 {
		t.Errorf("%+v", places)
	}
	w.must(e.Put(w.ctx(), vaccination, house.Batch{Place: &house.Place{Database: vaccination, Source: "records", Cursor: "0.9"}}, "0.5"))
	act := w.act("database.entry")
	w.must(e.Put(w.ctx(), vaccination, house.Batch{Rows: []house.Row{w.row(2, 1, 'a')}, Act: &act}, ""))
	acts, err := w.s.Keys.Acts(w.ctx(), 0, 1)
	w.must(err)
	if len(acts) != 1 || acts[0].Action != "database.entry" {
		t.Errorf("%+v", acts)
	}
}

func entryLists(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	var rows []house.Row
	for n := range 25 {
		r := w.row(n+1, 1, byte('a'+n%2))
		if n%5 == 0 {
			r.Origin.Facility = hillStation
		}
		if n == 3 {
			r.Origin.Import = "nhap-1"
		}
		if n == 7 {
			r.State = registry.Ended
		}
		r.Keys = append(r.Keys, house.Key{Field: "name", Value: fmt.Appendf(nil, "nguyen %02d", n)})
		rows = append(rows, r)
	}
	w.putEntries(house.Batch{Rows: rows})
	w.putEntries(house.Batch{Rows: []house.Row{w.row(2, 2, 'z')}}) // no longer found by b, nor by name
	list := func(f house.EntryFilter) (n int) {
		t.Helper()
		f.Database = vaccination
		seen := map[registry.EntryID]bool{}
		for {
			got, more, err := e.List(w.ctx(), f)
			w.must(err)
			for _, r := range got {
				if seen[r.ID] {
					t.Fatal("twice in a list")
				}
				seen[r.ID] = true
				f.After, f.AfterSeq = r.ID, r.Seq
			}
			if !more {
				return len(seen)
			}
		}
	}
	key := func(field string, values ...string) house.Match {
		m := house.Match{Field: field}
		for _, v := range values {
			m.Values = append(m.Values, []byte(v))
		}
		return m
	}
	for name, c := range map[string]struct {
		f    house.EntryFilter
		want int
	}{
		"all":                 {house.EntryFilter{}, 25},
		"in pages":            {house.EntryFilter{Limit: 4}, 25},
		"the newest first":    {house.EntryFilter{Limit: 4, Newest: true}, 25},
		"a key":               {house.EntryFilter{Limit: 2, Match: []house.Match{key("vaccine", "b")}}, 11},
		"a key, other values": {house.EntryFilter{Limit: 3, Match: []house.Match{key("vaccine", "b", "z", "b")}}, 12},
		"two keys":            {house.EntryFilter{Match: []house.Match{key("vaccine", "a"), key("name", "nguyen 04")}}, 1},
		"two keys, none":      {house.EntryFilter{Match: []house.Match{key("vaccine", "b"), key("name", "nguyen 04")}}, 0},
		"a prefix":            {house.EntryFilter{Limit: 3, Match: []house.Match{{Field: "name", Values: [][]byte{[]byte("nguyen 1")}, Prefix: true}}}, 10},
		"another field":       {house.EntryFilter{Match: []house.Match{key("other", "a")}}, 0},
		"a keyed hash":        {house.EntryFilter{Match: []house.Match{key("citizen", "\x01\xff\x07")}}, 1},
		"a facility":          {house.EntryFilter{Facility: hillStation}, 5},
		"facilities":          {house.EntryFilter{Facilities: []care.FacilityCode{hillStation, "00000"}}, 5},
		"of no facility":      {house.EntryFilter{Facilities: []care.FacilityCode{}}, 0},
		"a facility and key":  {house.EntryFilter{Facility: hillStation, Match: []house.Match{key("vaccine", "b")}}, 2},
		"a state":             {house.EntryFilter{State: registry.Ended}, 1},
		"an import":           {house.EntryFilter{Import: "nhap-1"}, 1},
		"named":               {house.EntryFilter{IDs: []registry.EntryID{entryID(3), entryID(99)}}, 1},
		"none named":          {house.EntryFilter{IDs: []registry.EntryID{}}, 0},
		"stale":               {house.EntryFilter{Before: w.clock.Now()}, 0},
		"stale later":         {house.EntryFilter{Before: w.clock.Now().Add(time.Second)}, 25},
	} {
		if got := list(c.f); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	got, _, err := e.List(w.ctx(), house.EntryFilter{Database: vaccination, Newest: true, Limit: 1})
	w.must(err)
	if len(got) != 1 || got[0].ID != entryID(2) {
		t.Errorf("the newest: %+v", got)
	}
	if got, _, err := e.List(w.ctx(), house.EntryFilter{Database: "devices"}); err != nil || len(got) != 0 {
		t.Errorf("another database: %v %v", got, err)
	}
	w.entryCounts(map[registry.EntryState]int64{registry.Live: 24, registry.Ended: 1})
}

func entryCloses(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e := w.s.House.Entries
	a, b, c := w.row(1, 1, 'a'), w.row(2, 1, 'b'), w.row(3, 1, 'c')
	w.putEntries(house.Batch{Rows: []house.Row{a, b, c}})
	w.clock.Advance(time.Minute)
	now := w.clock.Now()
	w.putEntries(house.Batch{Closes: []house.Close{
		{ID: a.ID, Version: 1, State: registry.Ended, At: now, Until: now, By: "unit:pb"},
		{ID: b.ID, Version: 1, State: registry.Merged, Into: c.ID, At: now},
	}, Unsaid: []house.Said{{Record: a.Origin.Record, Entry: a.ID}}})
	end, err := e.Get(w.ctx(), vaccination, a.ID, time.Time{})
	w.must(err)
	if end.State != registry.Ended || end.Version != 2 || !end.ValidTo.Equal(now) || !end.At.Equal(now) || end.Open != a.Open || end.Origin.By != "unit:pb" {
		t.Errorf("%+v", end)
	}
	if end, err = e.Get(w.ctx(), vaccination, b.ID, time.Time{}); err != nil || end.State != registry.Merged || end.Into != c.ID || !end.ValidTo.IsZero() {
		t.Errorf("%+v %v", end, err)
	}
	if said, err := e.Sayers(w.ctx(), vaccination, []registry.EntryID{a.ID}); err != nil || len(said) != 0 {
		t.Errorf("still said: %v %v", said, err)
	}
	w.entryCounts(map[registry.EntryState]int64{registry.Live: 1, registry.Ended: 1, registry.Merged: 1})
	again := w.row(1, 3, 'a') // said again
	w.putEntries(house.Batch{Rows: []house.Row{again}})
	w.entryCounts(map[registry.EntryState]int64{registry.Live: 2, registry.Merged: 1})
	w.putEntries(house.Batch{Closes: []house.Close{{ID: a.ID, Version: 3, State: registry.Ended, At: now, Wipe: true}}})
	history, err := e.History(w.ctx(), vaccination, a.ID, 10)
	w.must(err)
	if len(history) != 4 {
		t.Fatalf("%d versions", len(history))
	}
	for _, v := range history {
		if len(v.Sealed)+len(v.Wrapped) > 0 || v.Open != "{}" || !v.Content.IsZero() {
			t.Errorf("not wiped: %+v", v)
		}
	}
	if got, _, err := e.List(w.ctx(), house.EntryFilter{Database: vaccination, Match: []house.Match{{Field: "vaccine", Values: [][]byte{{'a'}}}}}); err != nil || len(got) != 0 {
		t.Errorf("found by what was wiped: %v %v", got, err)
	}
}
