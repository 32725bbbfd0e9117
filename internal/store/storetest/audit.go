package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

func auditCases() []testCase {
	return []testCase{
		{"every checkpoint is walked, by size", walkCheckpoints},
		{"acts and looks are walked with their leaves", walkActs},
		{"a record's trace is what its row leaves out", traces},
		{"every episode and file is walked", walkEpisodes},
	}
}

var errEnough = errors.New("enough")

func walkCheckpoints(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.send(say{episode: "e", content: "c"})
	w.send(say{episode: "f", content: "c"})
	var sizes []uint64
	w.must(w.s.Audit.Checkpoints(w.ctx(), 0, func(size uint64, note []byte) error {
		sizes = append(sizes, size)
		if cp, err := ledger.OpenCheckpoint(note, w.verifier(0)); err != nil || cp.Size != size {
			t.Errorf("the note of %d: %+v, %v", size, cp, err)
		}
		return nil
	}))
	if !slices.IsSorted(sizes) || len(sizes) < 2 || sizes[len(sizes)-1] != w.logSize() {
		t.Errorf("checkpoints of %v in a log of %d", sizes, w.logSize())
	}
	if err := w.s.Audit.Checkpoints(w.ctx(), 0, func(uint64, []byte) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Errorf("fn's error is lost: %v", err)
	}
}

func walkActs(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a := w.act("first")
	w.must(w.s.Keys.Act(w.ctx(), a))
	b := a
	b.Action, b.At = "second", a.At.Add(time.Second)
	w.must(w.s.Keys.Act(w.ctx(), b))
	var acts []store.Act
	w.must(w.s.Audit.Acts(w.ctx(), func(x *store.Act) error { acts = append(acts, *x); return nil }))
	if diff := cmp.Diff([]store.Act{a, b}, acts[len(acts)-2:], cmpopts.IgnoreFields(store.Act{}, "ID", "Leaf")); diff != "" {
		t.Error(diff)
	}
	if string(acts[len(acts)-1].Statement()) != string(b.Statement()) {
		t.Error("the statement of an act changes when it is kept")
	}
	look := func(reader string) {
		w.must(w.s.Disclosures.Record(w.ctx(), []store.Disclosure{{At: w.clock.Now(), Reader: reader, Facility: cityHospital, Count: 1}}))
	}
	look("one")
	look("two")
	open, err := w.s.Disclosures.Unrooted(w.ctx(), 10)
	w.must(err)
	w.must(w.s.Disclosures.Root(w.ctx(), open[1].ID, store.LeafPlace{Log: 0, Index: 7}))
	look("three")
	got := map[string]*store.LeafPlace{}
	w.must(w.s.Audit.Disclosures(w.ctx(), func(d *store.Disclosure, at *store.LeafPlace) error { got[d.Reader] = at; return nil }))
	want := map[string]*store.LeafPlace{"one": {Index: 7}, "two": {Index: 7}, "three": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func traces(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := say{episode: "e", content: "c", order: "2", tags: []string{"doc:XML1", "code"}}
	p := w.send(x)
	late := w.send(say{episode: "e", content: "older", order: "1", late: true})
	got, err := w.s.Audit.Trace(w.ctx(), p.ID, []string{"doc:XML2", "doc:XML1"})
	w.must(err)
	want := &store.Trace{Episode: p.Episode, Content: p.Content, Same: p.ID, Place: p.ID, Tags: []string{"doc:XML1"},
		Head: &store.Episode{Version: 2, Current: p.ID, Order: "2", Key: p.Episode}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Episode{}, "FacilityVersion", "Day")); diff != "" {
		t.Error(diff)
	}
	if got, err := w.s.Audit.Trace(w.ctx(), late.ID, nil); err != nil || !got.Late || len(got.Tags) != 0 {
		t.Errorf("the late one: %+v, %v", got, err)
	}
	if _, err := w.s.Audit.Trace(w.ctx(), w.newID(cityHospital), nil); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("of no record: %v", err)
	}
}

func walkEpisodes(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var want []dossier.ID
	files := map[vault.Keyed]care.FacilityCode{}
	for _, e := range []string{"a", "b", "c"} {
		p := w.send(say{episode: e, content: "c", order: "1"})
		want = append(want, p.ID)
		files[p.File.Hash] = p.File.Facility
	}
	no := w.send(say{episode: "no", content: "c", state: dossier.Rejected})
	files[no.File.Hash] = no.File.Facility
	var heads []dossier.ID
	w.must(w.s.Audit.Episodes(w.ctx(), func(e *store.EpisodeHead) error {
		if e.Version != 1 || e.Order != "1" || e.Kind != "qd4750" || e.Facility != cityHospital || e.Key.IsZero() {
			t.Errorf("head %+v", e)
		}
		heads = append(heads, e.Current)
		return nil
	}))
	order := func(a, b dossier.ID) int { return slices.Compare(a.Serial[:], b.Serial[:]) }
	slices.SortFunc(want, order)
	slices.SortFunc(heads, order)
	if diff := cmp.Diff(want, heads); diff != "" {
		t.Error(diff)
	}
	named := map[vault.Keyed]care.FacilityCode{}
	w.must(w.s.Audit.Files(w.ctx(), func(f care.FacilityCode, hash vault.Keyed) error { named[hash] = f; return nil }))
	if diff := cmp.Diff(files, named); diff != "" {
		t.Error(diff)
	}
}
