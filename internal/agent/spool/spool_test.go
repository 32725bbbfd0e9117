package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var began = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

type world struct {
	*spool.Spool
	t     *testing.T
	clock *clock.Fake
	path  string
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(began), path: filepath.Join(t.TempDir(), "spool.db")}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := spool.Open(context.Background(), w.path, bytes.Repeat([]byte{7}, 32), spool.Config{Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Spool = s
	w.t.Cleanup(func() { _ = s.Close() })
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func file(text string) spool.Payload {
	return spool.Payload{File: spool.Part{Name: text + ".xml", Bytes: []byte("<D>" + text + "</D>")}}
}

// put takes a file and returns its reference.
func (w *world) put(text string, lane store.Lane) spool.Put {
	w.t.Helper()
	p, err := w.Put(w.t.Context(), spool.New{Name: text + ".xml", Source: "local", Lane: lane, Payload: file(text)})
	w.must(err)
	return p[0]
}

// ready takes a file of an episode and makes it ready.
func (w *world) ready(text, episode string, lane store.Lane) spool.Item {
	w.t.Helper()
	i, err := w.Get(w.t.Context(), w.put(text, lane).Ref)
	w.must(err)
	w.must(w.Look(w.t.Context(), i.ID, spool.Looked{State: spool.Ready, Lane: lane, Dossiers: 1, Episodes: []string{episode}}))
	i, err = w.Get(w.t.Context(), i.Ref)
	w.must(err)
	return i
}

// send puts an item on its way.
func (w *world) send(i spool.Item) {
	w.t.Helper()
	gone, err := w.Sending(w.t.Context(), i.ID)
	if err != nil || len(gone) != 1 {
		w.t.Fatalf("%v, %v", gone, err)
	}
}

func (w *world) next(lane store.Lane) (names []string) {
	w.t.Helper()
	list, err := w.Next(w.t.Context(), lane, spool.Limit{Items: 100, Bytes: 1 << 20})
	w.must(err)
	for _, i := range list {
		names = append(names, strings.TrimSuffix(i.Name, ".xml"))
	}
	return names
}

func accepted(i spool.Item, episode string) spool.Answer {
	return spool.Answer{Item: i.ID, Record: "r-" + i.Name, Outcome: spool.WasAccepted, At: began, Kind: "qd4750", Episode: episode, Own: true, Line: []byte(`{"receipt":1}`)}
}

func rejected(i spool.Item, episode, code string) spool.Answer {
	a := accepted(i, episode)
	a.Outcome, a.Reasons = spool.WasRejected, []spool.Reason{{Code: code, Said: fault.Text{VI: "sai", EN: "wrong"}, Hint: fault.Text{VI: "sửa", EN: "mend"}}}
	return a
}

func TestTheSameBytesAreOneItem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first, again := w.put("a", store.Routine), w.put("a", store.Urgent)
	if !first.Fresh || again.Fresh || first.Ref != again.Ref || again.State != spool.Taken {
		t.Errorf("%+v, %+v", first, again)
	}
	sealed := file("a")
	sealed.File.Seal = []byte("h.p.s")
	other, err := w.Put(t.Context(), spool.New{Name: "a", Payload: sealed})
	if err != nil || other[0].Ref == first.Ref || !other[0].Fresh {
		t.Errorf("with a seal: %+v, %v", other, err)
	}
	w.must(w.Check(t.Context()))
}

func TestAPayloadComesBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for n, p := range []spool.Payload{
		file("a"),
		{File: spool.Part{Name: "x.json", Bytes: []byte("{}"), Seal: []byte("h.p.s")}, Papers: []spool.Part{{Name: "x.pdf", Bytes: []byte("%PDF"), Seal: []byte("s")}, {Name: "y.pdf", Bytes: []byte{}}}},
		{File: spool.Part{Name: "w.xml", Bytes: []byte("<G><NOIDUNGFILE>" + strings.Repeat("QUJD", 100) + "</NOIDUNGFILE></G>")}},
	} {
		put, err := w.Put(t.Context(), spool.New{Name: "n", Payload: p})
		w.must(err)
		i, err := w.Get(t.Context(), put[0].Ref)
		w.must(err)
		got, err := w.Payload(t.Context(), i.ID)
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", p) {
			t.Errorf("%d: %q, %v", n, got, err)
		}
	}
	if _, err := w.Payload(t.Context(), 99); !errors.Is(err, spool.ErrAbsent) {
		t.Errorf("%v", err)
	}
	if _, err := w.Get(t.Context(), "nothing"); !errors.Is(err, spool.ErrAbsent) {
		t.Errorf("%v", err)
	}
}

func TestNoneOvertakesItsEpisodeWithinALane(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first := w.ready("a1", "A", store.Routine)
	w.ready("a2", "A", store.Routine)
	w.ready("b1", "B", store.Routine)
	w.ready("slip", "A", store.Urgent)
	if got := w.next(store.Routine); !slices.Equal(got, []string{"a1", "b1"}) {
		t.Errorf("first: %v", got)
	}
	if got := w.next(store.Urgent); !slices.Equal(got, []string{"slip"}) {
		t.Errorf("another lane may overtake: %v", got)
	}
	w.send(first)
	if got := w.next(store.Routine); !slices.Equal(got, []string{"b1"}) {
		t.Errorf("while the first is on its way: %v", got)
	}
	w.must(w.Back(t.Context(), began.Add(time.Hour), first.ID))
	if got := w.next(store.Routine); !slices.Equal(got, []string{"b1"}) {
		t.Errorf("while the first was deferred: %v", got)
	}
	if at, err := w.Soonest(t.Context()); err != nil || !at.Equal(began.Add(time.Hour)) {
		t.Errorf("due %v, %v", at, err)
	}
	w.clock.Advance(time.Hour)
	if got := w.next(store.Routine); !slices.Equal(got, []string{"a1", "b1"}) {
		t.Errorf("once it is due: %v", got)
	}
	if _, err := w.Apply(t.Context(), []spool.Answer{accepted(first, "A")}); err != nil {
		t.Fatal(err)
	}
	if got := w.next(store.Routine); !slices.Equal(got, []string{"a2", "b1"}) {
		t.Errorf("once it is decided: %v", got)
	}
	w.must(w.Check(t.Context()))
}

func TestAnswersAreCountedOnceAndGrouped(t *testing.T) {
	t.Parallel()
	w := setup(t)
	good, bad, other := w.ready("good", "G", store.Routine), w.ready("bad", "B", store.Routine), w.ready("other", "O", store.Routine)
	for range 3 { // the hub replays what it said
		if _, err := w.Apply(t.Context(), []spool.Answer{accepted(good, "G"), rejected(bad, "B", "time.order"), rejected(other, "O", "time.order")}); err != nil {
			t.Fatal(err)
		}
	}
	day, err := w.Day(t.Context(), 20261122)
	if err != nil || day[spool.WasAccepted] != 1 || day[spool.WasRejected] != 2 {
		t.Errorf("%v, %v", day, err)
	}
	causes, err := w.Causes(t.Context())
	if err != nil || len(causes) != 1 || causes[0].Dossiers != 2 || causes[0].Hint.EN != "mend" {
		t.Errorf("%+v, %v", causes, err)
	}
	// A mended dossier of the episode takes its cause away, in whatever file.
	mended := w.ready("mended", "B", store.Routine)
	if _, err := w.Apply(t.Context(), []spool.Answer{accepted(mended, "B")}); err != nil {
		t.Fatal(err)
	}
	if causes, err = w.Causes(t.Context()); err != nil || len(causes) != 1 || causes[0].Dossiers != 1 {
		t.Errorf("%+v, %v", causes, err)
	}
	// And the same bytes may be judged anew.
	if n, err := w.Again(t.Context(), false, other.Ref, good.Ref); err != nil || n != 1 {
		t.Errorf("%d again, %v", n, err)
	}
	if _, err := w.Apply(t.Context(), []spool.Answer{accepted(other, "O")}); err != nil {
		t.Fatal(err)
	}
	if day, err = w.Day(t.Context(), 20261122); err != nil || day[spool.WasAccepted] != 3 || day[spool.WasRejected] != 1 {
		t.Errorf("%v, %v", day, err)
	}
	if got, err := w.OfCause(t.Context(), "time.order", 0, 10); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := w.Payload(t.Context(), good.ID); !errors.Is(err, spool.ErrAbsent) {
		t.Errorf("the bytes of an accepted file are kept: %v", err)
	}
	w.must(w.Check(t.Context()))
}

func TestWhatIsHeldLetsOthersPassUntilItIsLetGo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	i, err := w.Get(t.Context(), w.put("a1", store.Routine).Ref)
	w.must(err)
	held := spool.Looked{State: spool.Held, Lane: store.Routine, Dossiers: 1, Episodes: []string{"A"}, Code: "time.order", Said: fault.Text{VI: "v", EN: "e"}}
	w.must(w.Look(t.Context(), i.ID, held))
	w.ready("a2", "A", store.Routine)
	if got := w.next(store.Routine); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("%v", got)
	}
	if n, err := w.Again(t.Context(), true, i.Ref); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	w.must(w.Look(t.Context(), i.ID, held))
	if i, err = w.Get(t.Context(), i.Ref); err != nil || i.State != spool.Ready || i.Said.EN != "e" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestOnlyWhatNobodySealsIsOvertakenAndThenItIsHeld(t *testing.T) {
	t.Parallel()
	for code, passes := range map[string]bool{spool.NobodySeals: true, "signer.waiting": false} {
		w := setup(t)
		bare, err := w.Get(t.Context(), w.put("a1", store.Routine).Ref)
		w.must(err)
		w.must(w.Look(t.Context(), bare.ID, spool.Looked{State: spool.Unsealed, Lane: store.Routine, Dossiers: 1, Episodes: []string{"A"}, Code: code}))
		later := w.ready("a2", "A", store.Routine)
		behind, err := w.Behind(t.Context(), later.ID)
		if got := w.next(store.Routine); err != nil || behind == passes || slices.Equal(got, []string{"a2"}) != passes {
			t.Errorf("%s: %v, behind %v, %v", code, got, behind, err)
		}
		if !passes {
			continue
		}
		w.send(later)
		if bare, err = w.Get(t.Context(), bare.Ref); err != nil || bare.State != spool.Held || bare.Code != spool.ErrOvertaken.Code {
			t.Errorf("overtaken: %+v, %v", bare, err)
		}
		w.ready("a3", "A", store.Routine)
		if got := w.next(store.Routine); len(got) != 0 {
			t.Errorf("the later ones lost their order: %v", got)
		}
		w.must(w.Check(t.Context()))
	}
}

func TestWhatWasOnItsWayIsReadyAfterACrash(t *testing.T) {
	t.Parallel()
	w := setup(t)
	i := w.ready("a", "A", store.Routine)
	w.send(i)
	w.must(w.Remember(t.Context(), "sequence", []byte("7 x")))
	w.must(w.Close())
	w.open()
	if got := w.next(store.Routine); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
	if b, err := w.Fact(t.Context(), "sequence"); err != nil || string(b) != "7 x" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestNothingOfAPatientIsOnTheDisk(t *testing.T) {
	t.Parallel()
	w := setup(t)
	i := w.ready("NGUYEN VAN A", "MA-LK-0815", store.Routine)
	a := accepted(i, "MA-LK-0815")
	a.Record, a.Line = "r1", []byte(`{"episode":"MA-LK-0815"}`)
	if _, err := w.Apply(t.Context(), []spool.Answer{a}); err != nil {
		t.Fatal(err)
	}
	w.ready("TRAN THI B", "MA-LK-4711", store.Routine)
	for _, name := range []string{w.path, w.path + "-wal"} {
		b, err := os.ReadFile(name)
		w.must(err)
		for _, word := range []string{"NGUYEN", "TRAN THI", "MA-LK", "<D>"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s has %q in it", filepath.Base(name), word)
			}
		}
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	w.must(w.Close())
	if _, err := spool.Open(t.Context(), w.path, make([]byte, 32), spool.Config{}); !errors.Is(err, spool.ErrKey) {
		t.Errorf("another key: %v", err)
	}
}

func TestOldDecisionsGoAndTheirCountsStay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	old := w.ready("old", "A", store.Routine)
	if _, err := w.Apply(t.Context(), []spool.Answer{rejected(old, "A", "x.y")}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(48 * time.Hour)
	w.ready("new", "B", store.Routine)
	if n, err := w.Prune(t.Context(), w.clock.Now().Add(-24*time.Hour)); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := w.Prune(t.Context(), w.clock.Now().Add(-24*time.Hour)); err != nil || n != 0 {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := w.Get(t.Context(), old.Ref); !errors.Is(err, spool.ErrAbsent) {
		t.Errorf("%v", err)
	}
	day, err := w.Day(t.Context(), 20261122)
	causes, err2 := w.Causes(t.Context())
	if err != nil || err2 != nil || day[spool.WasRejected] != 1 || len(causes) != 0 {
		t.Errorf("%v %v %v %v", day, causes, err, err2)
	}
	w.must(w.Check(t.Context()))
}

func TestTheFeedOverwrites(t *testing.T) {
	t.Parallel()
	w := setup(t)
	i := w.ready("a", "A", store.Routine)
	if _, err := w.Apply(t.Context(), []spool.Answer{accepted(i, "A")}); err != nil {
		t.Fatal(err)
	}
	record := "r-" + i.Name
	for _, state := range []string{"waiting", "done"} {
		w.must(w.Follow(t.Context(), "c-"+state, []spool.News{{Record: record, State: "superseded", At: began},
			{Record: record, Destination: "insurer", Leg: state, At: began, Line: []byte(`{"state":"` + state + `"}`)}}))
	}
	legs, err := w.Legs(t.Context(), record)
	if err != nil || len(legs) != 1 || string(legs["insurer"]) != `{"state":"done"}` {
		t.Errorf("%s, %v", legs, err)
	}
	entries, err := w.Journal(t.Context(), 20261122, nil, 10)
	if err != nil || len(entries) != 1 || entries[0].Now != "superseded" || string(entries[0].Line) != `{"receipt":1}` {
		t.Errorf("%+v, %v", entries, err)
	}
	if rest, err := w.Journal(t.Context(), 20261122, &entries[0], 10); err != nil || len(rest) != 0 {
		t.Errorf("%v, %v", rest, err)
	}
	if b, err := w.Fact(t.Context(), "feed"); err != nil || string(b) != "c-done" {
		t.Errorf("%s, %v", b, err)
	}
	n := 0
	w.must(w.Elements(t.Context(), 20261122, func(e spool.Element) { n++ }))
	if n != 1 {
		t.Errorf("%d elements", n)
	}
}

// Whatever bytes a package brings as a payload: it is one, or damaged.
func FuzzUnpack(f *testing.F) {
	f.Add(spool.Pack(file("a")))
	f.Add(spool.Pack(spool.Payload{File: spool.Part{Name: "x", Bytes: []byte("<G><NOIDUNGFILE>" + strings.Repeat("QUJD", 50) + "</NOIDUNGFILE></G>"), Seal: []byte("a.b.c")}, Papers: []spool.Part{{Name: "p"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := spool.Unpack(b)
		if err != nil {
			if !errors.Is(err, spool.ErrDamaged) {
				t.Error(err)
			}
			return
		}
		again, err := spool.Unpack(spool.Pack(p))
		if err != nil || fmt.Sprintf("%q", again) != fmt.Sprintf("%q", p) {
			t.Errorf("%q %q %v", p, again, err)
		}
	})
}
