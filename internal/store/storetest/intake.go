package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

func intakeCases() []testCase {
	return []testCase{
		{"a record comes back with every field", everyField},
		{"the same file gives the same records", replayByFile},
		{"unchanged content in a new file is a replay", replayByContent},
		{"what was rejected may be accepted later", rejectedThenAccepted},
		{"a rejection judged again alike keeps only its place", placeOnly},
		{"versions follow each other", versionsInOrder},
		{"an older version arrives late", lateArrival},
		{"a withdrawal leaves no current version", withdrawal},
		{"a record replaces one of another episode, once", replacement},
		{"of two writers one is stored", twoWriters},
		{"of members that exclude each other one is stored", conflictInGroup},
		{"the last of one content is asked for", expectationOfSame},
		{"the lists of a file and a content are told apart by facility", facilitiesApart},
		{"a text no engine keeps is refused whole", badText},
		{"a cancelled commit keeps nothing", cancelled},
		{"refusals are kept and listed", refusals},
		{"many files and dossiers are recalled at once", recall},
		{"bodies of every size come back", bodySizes},
		{"a conflict leaves nothing of a new episode and patient", conflictLeavesNothing},
	}
}

// ignorePlaceNote leaves out what lists may leave empty.
var ignorePlaceNote = cmpopts.IgnoreFields(store.LeafPlace{}, "Checkpoint")

func everyField(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := say{episode: "e1", content: "c1", order: "202607010801", lane: store.Urgent, tags: []string{"XML1.T_THUOC.sum", "doc:XML13"},
		state: dossier.AcceptedWithWarnings, findings: []dossier.Finding{
			{Code: "XML1.T_THUOC.sum", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment, dossier.Statistics}, Table: "XML1", Row: 1, Field: "T_THUOC", Line: 12},
			{Code: "SEAL.CERTIFICATE.expired", Severity: dossier.Info},
		},
		subject: &store.NewSubject{Key: keyed("bn 1"), Person: person(1), NewPerson: true, Evidence: "citizen_id", Claims: []store.Claim{{Key: keyed("cccd 1"), Person: person(1), Name: keyed("name"), Birth: keyed("birth")}}},
	}
	p := w.prepare(x)
	p.Index = 4
	out := w.commit(p)
	if out[0].Status != store.StatusStored {
		t.Fatalf("status %d", out[0].Status)
	}
	want := store.Record{
		ID: p.ID, Kind: p.Kind, FacilityVersion: p.FacilityVersion, Received: p.Received, Verdict: p.Verdict, Version: 1, Current: true,
		Documents: p.Documents, Lane: store.Urgent, File: p.File.Hash, Index: 4, Subject: p.Subject.Key, Person: person(1), Episode: p.Episode,
		Class: p.Class, Month: p.Month, Wrapped: p.Wrapped, Head: p.Head, Place: out[0].Place,
	}
	if diff := cmp.Diff(want, *w.get(p.ID), ignorePlaceNote, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	body, err := w.s.Records.Body(w.ctx(), p.ID)
	w.must(err)
	if string(body) != string(p.Body) {
		t.Errorf("body %q", body)
	}
	unknown := p.ID
	unknown.Serial[0] ^= 0xff
	kept, err := w.s.Records.Kept(w.ctx(), []dossier.ID{unknown, p.ID, p.ID})
	w.must(err)
	whole := store.Kept{Wrapped: p.Wrapped, Body: p.Body, Seals: p.File.Seals}
	if diff := cmp.Diff([]store.Kept{{}, whole, whole}, kept, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	file, stored, err := w.s.Records.File(w.ctx(), cityHospital, p.File.Hash)
	w.must(err)
	if diff := cmp.Diff(p.File, file, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]store.Stored{{Record: want, Index: 4}}, stored, ignorePlaceNote, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if k := w.known(x); k.Same == nil || k.Same.ID != p.ID || k.Head.Version != 1 || k.Head.Current != p.ID ||
		k.Head.Order != x.order || k.Head.FacilityVersion != p.FacilityVersion || k.Head.Day != 20260701 || k.Head.Key != p.Episode ||
		k.Subject == nil || k.Subject.Key != p.Subject.Key || k.Subject.Person != person(1) || len(k.Claims) != 1 || k.Claims[0] != p.Subject.Claims[0] {
		t.Errorf("known %+v", k)
	}
}

func replayByFile(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var group []store.Prepared
	for i := range 3 {
		group = append(group, w.prepare(say{file: "f", index: 2 - i, episode: fmt.Sprint("e", i), content: fmt.Sprint("c", i)}))
	}
	if _, err := placesOf(w.ctx(), w.s, cityHospital, keys(group[0].File.Hash)); !errors.Is(err, store.ErrAbsent) {
		t.Fatalf("a new file: %v", err)
	}
	w.commit(group...)
	old := keyedUnder(2, "file under an older pepper")
	for range 2 {
		stored, err := placesOf(w.ctx(), w.s, cityHospital, []vault.Keyed{old, group[0].File.Hash})
		w.must(err)
		if len(stored) != 3 {
			t.Fatalf("%d places", len(stored))
		}
		for i, s := range stored {
			if want := group[2-i]; s.Index != i || s.ID != want.ID || string(s.Head) != string(want.Head) || s.Place.Size == 0 {
				t.Errorf("place %d: %+v", i, s)
			}
		}
		w.reopen()
	}
}

func replayByContent(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.send(say{episode: "e", content: "c"})
	size := w.logSize()
	again := say{episode: "e", content: "c", file: "new envelope"}
	p := w.prepare(again)
	out := w.commit(p)
	if out[0].Status != store.StatusReplay || out[0].Stored == nil || out[0].Stored.ID != first.ID || out[0].Stored.Index != 0 {
		t.Fatalf("outcome %+v", out[0])
	}
	if got := w.logSize(); got != size {
		t.Errorf("a replay made the log grow from %d to %d", size, got)
	}
	if _, err := w.s.Records.Get(w.ctx(), everything, p.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a replay was stored as a record: %v", err)
	}
	stored, err := placesOf(w.ctx(), w.s, cityHospital, keys(p.File.Hash))
	w.must(err)
	if len(stored) != 1 || stored[0].ID != first.ID {
		t.Errorf("places of the new file: %+v", stored)
	}
	w.timeline(first.ID, "sealed_again")
	w.commit(p) // the new file once more: nothing more happens
	w.timeline(first.ID, "sealed_again")
	if k := w.known(again); k.Head.Version != 1 || k.Head.Current != first.ID {
		t.Errorf("head %+v", k.Head)
	}
}

func rejectedThenAccepted(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	no := w.send(say{episode: "e", content: "c", file: "f", state: dossier.Rejected, findings: []dossier.Finding{{Code: "time.future", Severity: dossier.Error, Table: "XML1", Row: 1, Field: "NGAY_VAO", Line: 3}}})
	if r := w.get(no.ID); r.Version != 0 || r.Current || r.State() != dossier.Rejected {
		t.Fatalf("rejected: %+v", r)
	}
	if k := w.known(say{episode: "e", content: "c"}); k.Same == nil || k.Same.ID != no.ID || !k.Head.Is(store.Episode{}) {
		t.Fatalf("known %+v", k)
	}
	w.clock.Advance(time.Hour)
	yes := w.send(say{episode: "e", content: "c", file: "f"})
	if yes.Supersedes != no.ID {
		t.Fatal("the test forgot to name the old record")
	}
	if r := w.get(yes.ID); r.Version != 1 || !r.Current || r.Supersedes != no.ID {
		t.Errorf("accepted: %+v", r)
	}
	if r := w.get(no.ID); r.SupersededBy != yes.ID || r.State() != dossier.Rejected {
		t.Errorf("rejected then: %+v", r)
	}
	stored, err := placesOf(w.ctx(), w.s, cityHospital, keys(yes.File.Hash))
	w.must(err)
	if len(stored) != 1 || stored[0].ID != yes.ID {
		t.Errorf("the file's place is %+v", stored)
	}
	if out := w.commit(w.prepare(say{episode: "e", content: "c", file: "g"})); out[0].Status != store.StatusReplay || out[0].Stored.ID != yes.ID {
		t.Errorf("acceptance is not final: %+v", out[0])
	}
}

func placeOnly(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := say{episode: "e", content: "c", state: dossier.Rejected}
	no := w.send(x)
	size := w.logSize()
	x.file = "again"
	p := w.prepare(x)
	p.ID, p.Leaf, p.Deltas, p.Supersedes = dossier.ID{}, nil, nil, dossier.ID{} // it becomes no record: it has no name
	out := w.commit(p)
	if out[0].Status != store.StatusReplay || out[0].Stored == nil || out[0].Stored.ID != no.ID || w.logSize() != size {
		t.Fatalf("outcome %+v, log %d -> %d", out[0], size, w.logSize())
	}
	stored, err := placesOf(w.ctx(), w.s, cityHospital, keys(p.File.Hash))
	w.must(err)
	if len(stored) != 1 || stored[0].ID != no.ID {
		t.Errorf("places %+v", stored)
	}
}

func versionsInOrder(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var ids []dossier.ID
	for i := range 4 {
		w.clock.Advance(time.Minute)
		p := w.send(say{episode: "e", content: fmt.Sprint("c", i), order: fmt.Sprint(i)})
		ids = append(ids, p.ID)
	}
	for i, id := range ids {
		r := w.get(id)
		if r.Version != i+1 || r.Current != (i == 3) {
			t.Errorf("version %d: %+v", i+1, r)
		}
		if i > 0 && r.Supersedes != ids[i-1] || i < 3 && r.SupersededBy != ids[i+1] {
			t.Errorf("version %d supersedes %s, by %s", i+1, r.Supersedes, r.SupersededBy)
		}
		if i < 3 {
			w.timeline(id, "superseded")
		}
	}
	if k := w.known(say{episode: "e", content: "c0"}); k.Head.Version != 4 || k.Head.Current != ids[3] || k.Head.Order != "3" || k.Same.ID != ids[0] {
		t.Errorf("known %+v", k)
	}
	if out := w.commit(w.prepare(say{episode: "e", content: "c1", file: "old again"})); out[0].Status != store.StatusReplay || out[0].Stored.ID != ids[1] || out[0].Stored.Current {
		t.Errorf("a superseded version sent again: %+v", out[0])
	}
}

func lateArrival(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	now := w.send(say{episode: "e", content: "new", order: "2"})
	late := w.send(say{episode: "e", content: "old", order: "1", late: true})
	if r := w.get(late.ID); r.Version != 2 || r.Current || r.State() != dossier.Superseded {
		t.Errorf("late: %+v", r)
	}
	if r := w.get(now.ID); !r.Current || r.State() != dossier.Accepted {
		t.Errorf("current: %+v", r)
	}
	if k := w.known(say{episode: "e", content: "x"}); k.Head.Version != 2 || k.Head.Current != now.ID || k.Head.Order != "2" || k.Same != nil {
		t.Errorf("known %+v", k)
	}
}

func withdrawal(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := say{episode: "e", content: "c", order: "1"}
	first := w.send(x)
	gone := w.withdrawal(x, first.ID)
	rival := w.withdrawal(x, first.ID)
	if out := w.commit(gone); out[0].Status != store.StatusStored {
		t.Fatalf("%+v", out[0])
	}
	if out := w.commit(rival); out[0].Status != store.StatusReplay && out[0].Status != store.StatusConflict {
		t.Errorf("withdrawn twice: %+v", out[0])
	}
	if r := w.get(first.ID); r.WithdrawnBy != gone.ID || r.State() != dossier.Withdrawn || r.Current {
		t.Errorf("withdrawn: %+v", r)
	}
	if r := w.get(gone.ID); r.Withdraws != first.ID || r.Version != 0 || r.State() != dossier.Accepted {
		t.Errorf("withdrawal: %+v", r)
	}
	if body, err := w.s.Records.Body(w.ctx(), gone.ID); err != nil || body != nil {
		t.Errorf("a withdrawal's body: %q, %v", body, err)
	}
	w.timeline(first.ID, "withdrawn")
	if k := w.known(x); k.Head.Version != 1 || !k.Head.Current.IsZero() || k.Head.Order != "" || k.Same.ID != first.ID {
		t.Errorf("known %+v", k)
	}
	next := w.send(say{episode: "e", content: "c2", order: "2"})
	if r := w.get(next.ID); r.Version != 2 || !r.Current {
		t.Errorf("after it: %+v", r)
	}
	// The head is as prepared against, yet what is withdrawn must be there and not be withdrawn.
	no := w.send(say{episode: "no", content: "c", state: dossier.Rejected})
	for name, target := range map[string]dossier.ID{"withdrawn before": first.ID, "rejected": no.ID, "not there": w.newID(cityHospital)} {
		p := w.withdrawal(x, next.ID)
		p.Withdraws, p.Content = target, keyed("another withdrawal %s", name)
		if out := w.commit(p); out[0].Status != store.StatusConflict {
			t.Errorf("%s: %+v", name, out[0])
		}
	}
}

func replacement(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	old := w.send(say{episode: "old", content: "c"})
	replacing := func(episode string, target dossier.ID) store.Prepared {
		p := w.prepare(say{episode: episode, content: "c"})
		p.Supersedes = target
		return p
	}
	first, second := replacing("first", old.ID), replacing("second", old.ID)
	out := w.commit(first, second)
	if out[0].Status != store.StatusStored || out[1].Status != store.StatusConflict {
		t.Fatalf("two in a group: %+v", out)
	}
	if r := w.get(old.ID); r.SupersededBy != first.ID || r.Current || r.State() != dossier.Superseded {
		t.Errorf("the old one: %+v", r)
	}
	if r := w.get(first.ID); r.Supersedes != old.ID || r.Version != 1 || !r.Current {
		t.Errorf("the new one: %+v", r)
	}
	if k := w.known(say{episode: "old", content: "c"}); k.Head.Version != 1 || k.Head.Current != old.ID {
		t.Errorf("the head of the old episode: %+v", k.Head)
	}
	w.timeline(old.ID, "superseded")
	no := w.send(say{episode: "no", content: "c", state: dossier.Rejected})
	x := say{episode: "gone", content: "c"}
	gone := w.send(x)
	if out := w.commit(w.withdrawal(x, gone.ID)); out[0].Status != store.StatusStored {
		t.Fatalf("%+v", out[0])
	}
	for name, target := range map[string]dossier.ID{"replaced before": old.ID, "withdrawn": gone.ID, "rejected": no.ID, "not there": w.newID(cityHospital)} {
		if out := w.commit(replacing(name, target)); out[0].Status != store.StatusConflict {
			t.Errorf("%s: %+v", name, out[0])
		}
	}
	fresh := w.prepare(say{episode: "fresh", content: "c"})
	if out := w.commit(fresh, replacing("next", fresh.ID)); out[0].Status != store.StatusStored || out[1].Status != store.StatusStored {
		t.Errorf("one of the same group: %+v", out)
	}
}

func twoWriters(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.send(say{episode: "e", content: "c0"})
	const writers = 8
	var group []store.Prepared
	for i := range writers {
		group = append(group, w.prepare(say{episode: "e", content: fmt.Sprint("rival ", i)}))
	}
	out := make([]store.Outcome, writers)
	var wg sync.WaitGroup
	for i := range group {
		wg.Go(func() {
			o, err := w.s.Intake.Commit(w.ctx(), store.Routine, group[i:i+1])
			if err != nil {
				t.Error(err)
				return
			}
			out[i] = o[0]
		})
	}
	wg.Wait()
	if stored, replay, conflict := w.statuses(out); stored != 1 || replay != 0 || conflict != writers-1 {
		t.Fatalf("%d stored, %d replays, %d conflicts", stored, replay, conflict)
	}
	for i, o := range out {
		if o.Status == store.StatusConflict {
			if _, err := w.s.Records.Get(w.ctx(), everything, group[i].ID); !errors.Is(err, store.ErrAbsent) {
				t.Errorf("a conflict was kept: %v", err)
			}
			if _, err := placesOf(w.ctx(), w.s, cityHospital, keys(group[i].File.Hash)); !errors.Is(err, store.ErrAbsent) {
				t.Errorf("a conflict's file was kept: %v", err)
			}
		}
	}
	if k := w.known(say{episode: "e", content: "c0"}); k.Head.Version != 2 {
		t.Errorf("head %+v", k.Head)
	}
}

func conflictInGroup(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	same := w.prepare(say{episode: "same", content: "s", file: "a"})
	same2 := w.prepare(say{episode: "same", content: "s", file: "b"})
	a := w.prepare(say{episode: "e", content: "1"})
	b := w.prepare(say{episode: "e", content: "2"})
	other := w.prepare(say{episode: "other", content: "o"})
	out := w.commit(same, same2, a, b, other)
	if stored, replay, conflict := w.statuses(out); stored != 3 || replay != 1 || conflict != 1 {
		t.Fatalf("%d stored, %d replays, %d conflicts", stored, replay, conflict)
	}
	if out[4].Status != store.StatusStored {
		t.Error("a bystander was not stored")
	}
}

func expectationOfSame(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := say{episode: "e", content: "c", state: dossier.Rejected}
	before := w.prepare(x)
	w.send(x)
	if out := w.commit(before); out[0].Status != store.StatusConflict {
		t.Errorf("prepared before a rejection became known: %+v", out[0])
	}
	y := say{episode: "e", content: "c"}
	accept := w.prepare(y)
	w.send(x) // rejected once more, by another rule pack
	if out := w.commit(accept); out[0].Status != store.StatusConflict {
		t.Errorf("prepared against an older rejection: %+v", out[0])
	}
	w.send(y)
}

func facilitiesApart(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a := w.send(say{episode: "e", content: "c", file: "f"})
	b := w.send(say{facility: hillStation, episode: "e", content: "c", file: "f"})
	if w.get(a.ID).Version != 1 || w.get(b.ID).Version != 1 {
		t.Error("one facility's episode is counted with another's")
	}
	if _, err := placesOf(w.ctx(), w.s, hillStation, keys(a.File.Hash)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another facility's file: %v", err)
	}
	wrong := a.ID
	wrong.Facility = hillStation
	if _, err := w.s.Records.Get(w.ctx(), everything, wrong); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a record under another facility: %v", err)
	}
}

func badText(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	for _, text := range []string{"a\x00b", "\xff\xfe"} {
		good, bad := w.prepare(say{episode: "good", content: "c"}), w.prepare(say{episode: "bad", content: "c"})
		bad.Verdict.Pack = text
		if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, []store.Prepared{good, bad}); !errors.Is(err, store.ErrText) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := w.s.Records.Get(w.ctx(), everything, good.ID); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("a member of a failed group was kept: %v", err)
		}
		if err := w.s.Intake.Refuse(w.ctx(), []store.Refusal{{ID: w.newID(cityHospital), At: w.clock.Now(), Sender: text, Code: "file.unreadable"}}); !errors.Is(err, store.ErrText) {
			t.Errorf("refuse %q: %v", text, err)
		}
	}
}

func cancelled(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.prepare(say{episode: "e", content: "c"})
	ctx, cancel := contextCancelled()
	defer cancel()
	if _, err := w.s.Intake.Commit(ctx, store.Routine, []store.Prepared{p}); err == nil {
		t.Error("a commit began after its caller had gone")
	}
	if _, err := w.s.Records.Get(w.ctx(), everything, p.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("kept: %v", err)
	}
	if out := w.commit(p); out[0].Status != store.StatusStored {
		t.Errorf("afterwards: %+v", out[0])
	}
}

func refusals(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	v, _ := w.dir.Current(cityHospital)
	var all []store.Refusal
	for i := range 5 {
		w.clock.Advance(time.Second)
		r := store.Refusal{ID: w.newID(cityHospital), At: w.clock.Now(), Sender: "khách Ánh", Size: int64(i), Code: "file.doctype", Lane: store.Backlog, FacilityVersion: v.ID,
			Deltas: []store.Delta{{FacilityVersion: v.ID, Day: 20260701, Measure: "refused", N: 1}}}
		r.Digest[0] = byte(i)
		all = append(all, r)
	}
	all[0].ID.Facility, all[0].FacilityVersion, all[0].Deltas = "", 0, nil
	w.must(w.s.Intake.Refuse(w.ctx(), all))
	got, more, err := w.s.Records.Refusals(w.ctx(), everything, store.Filter{Limit: 3})
	w.must(err)
	if !more || len(got) != 3 {
		t.Fatalf("%d refusals, more %v", len(got), more)
	}
	next, more, err := w.s.Records.Refusals(w.ctx(), everything, store.Filter{Limit: 3, Before: store.Cursor{At: got[2].At, ID: got[2].ID}})
	w.must(err)
	if more || len(next) != 2 {
		t.Fatalf("then %d refusals, more %v", len(next), more)
	}
	for i, r := range append(got, next...) {
		want := all[4-i]
		want.Deltas = nil
		if diff := cmp.Diff(want, r, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
}

// logSize returns how many leaves log 0 has.
func (w *world) logSize() uint64 {
	w.t.Helper()
	head, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	return head.Size
}

// timeline checks what happened to a record later, in order.
func (w *world) timeline(id dossier.ID, want ...string) {
	w.t.Helper()
	events, err := w.s.Records.Timeline(w.ctx(), id)
	w.must(err)
	var got []string
	for _, e := range events {
		got = append(got, e.What)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("timeline of %s: %s", id, diff)
	}
}
