package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func feedCases() []testCase {
	return []testCase{
		{"a feed gives each record once, in the order of commits, and what it changed", feedOrder},
		{"a feed passes over nothing that hubs commit beside each other", feedAtOnce},
		{"a place that is none is refused", feedPlaces},
		{"a day is what was received on it, each dossier once, whatever became of it", feedDay},
		{"what was learned later about records is given in its order", feedAnnotations},
		{"how a day compared is kept, the newest, and shown within the scope", manifests},
	}
}

// follow reads a feed to its end.
func (w *world) follow(after string, limit int) ([]store.Fed, string) {
	w.t.Helper()
	var all []store.Fed
	for {
		got, next, err := w.s.Feeds.After(w.ctx(), cityHospital, after, limit)
		w.must(err)
		if len(got) == 0 {
			if next != after {
				w.t.Errorf("no news, and the place moved from %q to %q", after, next)
			}
			return all, next
		}
		if next == after {
			w.t.Fatalf("%d records, and the place stays at %q", len(got), next)
		}
		all, after = append(all, got...), next
	}
}

func feedOrder(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if got, next := w.follow("", 10); len(got) != 0 || next != "" {
		t.Errorf("before: %d, %q", len(got), next)
	}
	var want []dossier.ID
	for i := range 7 {
		w.clock.Advance(-time.Second) // the order is that of commits, not of clocks
		want = append(want, w.send(say{episode: fmt.Sprint(i), content: "a"}).ID)
		w.send(say{facility: hillStation, episode: fmt.Sprint(i), content: "a"})
	}
	got, place := w.follow("", 3)
	if diff := cmp.Diff(want, idsOf(got)); diff != "" {
		t.Error(diff)
	}
	if d := w.file(cityHospital, "file of 0/a").Digest; got[0].Digest != d || got[0].Kind != "qd4750" || !bytes.Equal(got[0].Head, []byte("receipt of a")) {
		t.Errorf("%+v", got[0])
	}
	w.reopen()
	// a new version comes with the one it superseded; a withdrawal with what it withdrew
	second := w.send(say{episode: "0", content: "b"})
	rejected := w.send(say{episode: "1", content: "c", state: dossier.Rejected, findings: []dossier.Finding{{Code: "x.y", Severity: dossier.Error}}})
	p := w.withdrawal(say{episode: "2"}, want[2])
	w.commit(p)
	got, place = w.follow(place, 100)
	if diff := cmp.Diff([]dossier.ID{want[0], second.ID, rejected.ID, want[2], p.ID}, idsOf(got)); diff != "" {
		t.Fatal(diff)
	}
	for i, state := range []dossier.State{dossier.Superseded, dossier.Accepted, dossier.Rejected, dossier.Withdrawn, dossier.Accepted} {
		if got[i].State() != state {
			t.Errorf("%d: %s, want %s", i, got[i].State(), state)
		}
	}
	if len(got[2].Verdict.Findings) != 1 || got[2].Verdict.Findings[0].Code != "x.y" {
		t.Errorf("findings: %+v", got[2].Verdict)
	}
	w.commit(w.prepare(say{episode: "5", content: "a", file: "another file"})) // a replay is no news
	if got, again := w.follow(place, 100); len(got) != 0 || again != place {
		t.Errorf("a replay: %v", idsOf(got))
	}
	w.erase(want[3])
	all, _ := w.follow("", 2)
	if i := slices.IndexFunc(all, func(f store.Fed) bool { return f.ID == want[3] }); i < 0 || all[i].State() != dossier.Erased || all[i].Digest != [32]byte{} || all[i].Head != nil {
		t.Error("an erased record is not given as one")
	}
}

func idsOf(list []store.Fed) []dossier.ID {
	out := make([]dossier.ID, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}

// feedAtOnce: four writers, on hubs of their own where the engine allows, and
// one reader that never sleeps.
func feedAtOnce(t *testing.T, h *Harness) {
	const writers, groups, each = 4, 25, 4
	w := newWorld(t, h)
	hubs := []*store.Slices{w.s}
	for n := 1; n < min(writers, h.Hubs); n++ {
		hubs = append(hubs, w.open(n))
	}
	work := make([][][]store.Prepared, writers)
	all := map[dossier.ID]bool{}
	for n := range writers {
		for g := range groups {
			var group []store.Prepared
			for i := range each {
				p := w.prepareWith(say{episode: fmt.Sprint(n, g, i), content: "a"}, store.Known{})
				all[p.ID] = true
				group = append(group, p)
			}
			work[n] = append(work[n], group)
		}
	}
	ctx, done := context.WithCancel(w.ctx())
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			hub := hubs[n%len(hubs)]
			for _, group := range work[n] {
				if _, err := hub.Intake.Commit(w.ctx(), store.Routine, group); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() { wg.Wait(); done() }()
	seen, place := map[dossier.ID]int{}, ""
	for over := false; ; {
		over = over || ctx.Err() != nil // what is read after this is all there is
		got, next, err := w.s.Feeds.After(w.ctx(), cityHospital, place, 7)
		w.must(err)
		for _, f := range got {
			seen[f.ID]++
		}
		place = next
		if over && len(got) == 0 {
			break
		}
	}
	for id := range all {
		if seen[id] != 1 {
			t.Errorf("%s was given %d times", id, seen[id])
		}
	}
	if len(seen) != len(all) || len(all) != writers*groups*each {
		t.Errorf("%d records given, %d committed", len(seen), len(all))
	}
}

func feedPlaces(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.send(say{episode: "1", content: "a"})
	for _, bad := range []string{"x", "0", "0.", ".1", "0.-1", "1.1-0.1", "0.1-0.1", "00.1", "0.01", "0.1-", "0.99999999999999999999", "0.1;DROP TABLE record", "\x00"} {
		if _, _, err := w.s.Feeds.After(w.ctx(), cityHospital, bad, 1); !errors.Is(err, store.ErrFeedPlace) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// a place of a log that is not here, or beyond an end, as after a restore, hides nothing of the others
	if got, _, err := w.s.Feeds.After(w.ctx(), cityHospital, "7.5", 10); err != nil || len(got) != 1 {
		t.Errorf("%d, %v", len(got), err)
	}
	if got, _, err := w.s.Feeds.After(w.ctx(), cityHospital, "0.9000000000000000000", 10); err != nil || len(got) != 0 {
		t.Errorf("%d, %v", len(got), err)
	}
}

func feedDay(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	day := clock.Day(w.clock.Now())
	midnight := time.Date(2026, 7, 1, 17, 0, 0, 0, time.UTC) // in Hanoi
	var want []store.Dispatched
	expect := func(p store.Prepared) {
		want = append(want, store.Dispatched{Record: p.ID, Kind: p.Kind, State: p.Verdict.State, Digest: p.File.Digest, Index: p.Index})
	}
	a := w.send(say{episode: "1", content: "a"})
	expect(a)
	expect(w.send(say{episode: "1", content: "b"}))                                         // a is superseded
	expect(w.send(say{episode: "2", content: "a", state: dossier.Rejected, index: 3}))      //
	expect(w.send(say{episode: "3", content: "a", kind: "checkin", file: "one", index: 1})) // later withdrawn
	w.commit(w.prepare(say{episode: "2", content: "x", file: "one more", index: 0}))
	last := w.get(w.known(say{episode: "2", content: "x"}).Same.ID)
	want = append(want, store.Dispatched{Record: last.ID, Kind: last.Kind, State: last.Verdict.State, Digest: w.file(cityHospital, "one more").Digest})
	w.commit(w.prepare(say{episode: "1", content: "b", file: "again"})) // a replay
	w.commit(w.withdrawal(say{episode: "3", kind: "checkin"}, want[3].Record))
	w.send(say{facility: hillStation, episode: "1", content: "a"})
	w.clock.Advance(midnight.Sub(w.clock.Now()) - time.Microsecond)
	expect(w.send(say{episode: "8", content: "a"}))
	w.clock.Advance(time.Microsecond)
	w.send(say{episode: "9", content: "a"}) // tomorrow
	w.erase(a.ID)
	want[0].Digest = [32]byte{}
	got, err := w.s.Feeds.Day(w.ctx(), cityHospital, day, 100)
	w.must(err)
	byID := cmpopts.SortSlices(func(a, b store.Dispatched) bool { return a.Record.String() < b.Record.String() })
	if diff := cmp.Diff(want, got, byID); diff != "" {
		t.Error(diff)
	}
	if got, err := w.s.Feeds.Day(w.ctx(), cityHospital, day, 2); err != nil || len(got) != 2 {
		t.Errorf("two at most: %d, %v", len(got), err)
	}
}

func feedAnnotations(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var want []store.Annotation
	for i := range 3 {
		p := w.send(say{episode: fmt.Sprint(i), content: "a"})
		w.clock.Advance(time.Second)
		want = append(want, store.Annotation{Record: p.ID, What: store.SealRevoked, Fingerprint: [32]byte{byte(i)}, At: w.clock.Now(), Since: began, Source: "http://ocsp.example"})
	}
	foreign := w.send(say{facility: hillStation, episode: "1", content: "a"})
	_, err := w.s.Revocations.Annotate(w.ctx(), append(slices.Clone(want), store.Annotation{Record: foreign.ID, What: store.SealDisputed, At: w.clock.Now(), Since: began}))
	w.must(err)
	w.reopen()
	for i, c := range []struct {
		after time.Time
		limit int
		want  []store.Annotation
	}{{time.Time{}, 10, want}, {want[0].At, 10, want[1:]}, {want[0].At, 1, want[1:2]}, {want[2].At, 10, nil}} {
		got, err := w.s.Feeds.Annotations(w.ctx(), cityHospital, c.after, c.limit)
		w.must(err)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
}

func manifests(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	m := store.Manifest{Facility: cityHospital, Day: 20260701, At: w.clock.Now(), By: "client:79901-1", Sent: 5, Accepted: 3, Rejected: 1, Erased: 1, Missing: 1, Extra: -1}
	other := store.Manifest{Facility: hillStation, Day: 20260702, At: w.clock.Now(), By: "client:24604-1", Equal: true, Sent: 2, Accepted: 2}
	w.must(w.s.Feeds.PutManifest(w.ctx(), m))
	w.must(w.s.Feeds.PutManifest(w.ctx(), other))
	newer, late := m, m
	newer.At, newer.Equal, newer.Missing, newer.Extra, newer.Accepted = m.At.Add(time.Minute), true, 0, 0, 4
	late.At = m.At.Add(-time.Minute)
	w.must(w.s.Feeds.PutManifest(w.ctx(), newer))
	w.must(w.s.Feeds.PutManifest(w.ctx(), late))
	w.reopen()
	for name, c := range map[string]struct {
		scope    role.Scope
		from, to int
		want     []store.Manifest
	}{
		"all":        {everything, 0, 0, []store.Manifest{other, newer}},
		"from":       {everything, 20260702, 0, []store.Manifest{other}},
		"to":         {everything, 0, 20260701, []store.Manifest{newer}},
		"own":        {role.Scope{Facility: cityHospital}, 0, 0, []store.Manifest{newer}},
		"a province": {role.Scope{Province: "24"}, 0, 0, []store.Manifest{other}},
		"a unit":     {role.Scope{Unit: "kcb"}, 0, 0, []store.Manifest{newer}},
		"nobody's":   {role.Scope{}, 0, 0, nil},
	} {
		got, err := w.s.Feeds.Manifests(w.ctx(), c.scope, "", c.from, c.to)
		w.must(err)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got, err := w.s.Feeds.Manifests(w.ctx(), everything, hillStation, 0, 0); err != nil || len(got) != 1 || got[0].Facility != hillStation {
		t.Errorf("of one: %+v, %v", got, err)
	}
	if err := w.s.Feeds.PutManifest(w.ctx(), store.Manifest{Facility: cityHospital, By: "a\x00"}); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}
