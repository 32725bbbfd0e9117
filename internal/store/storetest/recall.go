package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// recall asks for files and dossiers, old and new, of two facilities and under
// two peppers at once: every answer is what is said of it alone.
func recall(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var group []store.Prepared
	for i := range 3 { // one file of three, written in another order
		group = append(group, w.prepare(say{file: "three", index: 2 - i, episode: fmt.Sprint("e", i), content: fmt.Sprint("c", i)}))
	}
	w.commit(group...)
	linked := say{facility: hillStation, episode: "e0", content: "c0", order: "1",
		subject: &store.NewSubject{Key: keyed("bn"), Person: person(1), NewPerson: true, Evidence: "citizen_id",
			Claims: []store.Claim{{Key: keyed("cccd"), Person: person(1), Name: keyed("name"), Birth: keyed("birth")}}}}
	one := w.send(linked)
	rejected := w.send(say{episode: "no", content: "no", state: dossier.Rejected})
	later := w.send(say{episode: "e1", content: "c1 again", file: "later", order: "2"})

	old := func(what string) vault.Keyed { return keyedUnder(2, what) }
	ask := func(x say) store.Query {
		q := x.query()
		q.Episode, q.Content = append(keys(old("e")), q.Episode...), append(keys(old("c")), q.Content...)
		return q
	}
	same := linked.query()
	same.Claims = append(same.Claims, keys(keyed("cccd of nobody")), keys(old("cccd"), keyed("cccd")))
	queries := []store.Recall{
		{Facility: cityHospital, File: keys(old("f"), group[0].File.Hash), Dossiers: []store.Query{
			ask(say{episode: "e0", content: "c0"}), ask(say{episode: "e1", content: "c1"}), ask(say{episode: "e1", content: "never"})}},
		{Facility: cityHospital, File: keys(keyed("a new file")), Dossiers: []store.Query{ask(say{episode: "new", content: "new"})}},
		{Facility: hillStation, File: keys(group[0].File.Hash), Dossiers: []store.Query{same, ask(say{episode: "e0", content: "c0"})}}, // another's file
		{Facility: hillStation, File: keys(one.File.Hash)},
		{Facility: cityHospital, Dossiers: []store.Query{ask(say{episode: "no", content: "no"})}},
		{},
		{Facility: cityHospital, File: keys(later.File.Hash, group[0].File.Hash)}, // of several that are there, the first
	}
	got, err := w.s.Intake.Recall(w.ctx(), queries)
	w.must(err)
	if len(got) != len(queries) {
		t.Fatalf("%d answers to %d questions", len(got), len(queries))
	}
	for n, q := range queries {
		w.sameAsAlone(t, fmt.Sprint("question ", n), q, got[n])
	}
	if len(got[0].Places) != 3 || got[0].Places[1].ID != group[1].ID || got[1].Places != nil || got[2].Places != nil ||
		len(got[3].Places) != 1 || len(got[6].Places) != 1 || got[6].Places[0].ID != later.ID {
		t.Errorf("places %+v", got)
	}
	if k := got[0].Known; k[1].Head.Current != later.ID || k[1].Same == nil || k[1].Same.ID != group[1].ID || k[2].Same != nil {
		t.Errorf("known %+v", k)
	}
	if k := got[4].Known[0]; k.Same == nil || k.Same.ID != rejected.ID {
		t.Errorf("known of a rejected one: %+v", k)
	}
	if k := got[2].Known[0]; k.Subject == nil || k.Subject.Person != person(1) || len(k.Claims) != 3 || k.Claims[0].Person != person(1) ||
		!k.Claims[1].Key.IsZero() || k.Claims[2].Key != keyed("cccd") {
		t.Errorf("known of a linked one: %+v", k)
	}
	if none, err := w.s.Intake.Recall(w.ctx(), nil); err != nil || len(none) != 0 {
		t.Errorf("nothing asked: %v %v", none, err)
	}
	ctx, cancel := contextCancelled()
	defer cancel()
	if _, err := w.s.Intake.Recall(ctx, queries); err == nil {
		t.Error("a question whose asker has gone was answered")
	}
}

// placesOf asks for the places of one file; ErrAbsent when it is new.
func placesOf(ctx context.Context, s *store.Slices, facility care.FacilityCode, hashes []vault.Keyed) ([]store.Stored, error) {
	out, err := s.Intake.Recall(ctx, []store.Recall{{Facility: facility, File: hashes}})
	if err != nil {
		return nil, err
	}
	if len(out[0].Places) == 0 {
		return nil, store.ErrAbsent
	}
	return out[0].Places, nil
}

// sameAsAlone holds one answer against what the file and the dossiers give when
// they are asked for one by one.
func (w *world) sameAsAlone(t *testing.T, name string, q store.Recall, got store.Recalled) {
	t.Helper()
	want := store.Recalled{Known: make([]store.Known, len(q.Dossiers))}
	var err error
	if want.Places, err = placesOf(w.ctx(), w.s, q.Facility, q.File); err != nil && !errors.Is(err, store.ErrAbsent) {
		t.Fatal(err)
	}
	for i := range q.Dossiers {
		alone, err := w.s.Intake.Known(w.ctx(), q.Dossiers[i:i+1])
		w.must(err)
		want.Known[i] = alone[0]
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}
