package station_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/synth"
)

const facilityCode = "24S00"

// dossiers are signed files of one synthetic facility, each of its own episode.
var dossiers = sync.OnceValues(func() ([]synth.Submission, error) {
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		return nil, err
	}
	all, err := n.Outpatients(400)
	var out []synth.Submission
	for _, s := range all {
		if s.Facility == facilityCode {
			out = append(out, s)
		}
	}
	return out, err
})

func some(t testing.TB, n int) []synth.Submission {
	t.Helper()
	list, err := dossiers()
	if err != nil || len(list) < n {
		t.Fatalf("%d dossiers, %v", len(list), err)
	}
	return list[:n]
}

// world is an agent and its hub, under one fake clock.
type world struct {
	t       testing.TB
	clock   *clock.Fake
	hub     *fakeHub
	dir     string
	key     []byte
	cred    *agent.Credential
	spool   *spool.Spool
	station *station.Station
}

func setup(t testing.TB, change ...func(*station.Deps, *station.Config)) *world {
	t.Helper()
	c := clock.NewFake(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC))
	w := &world{t: t, clock: c, hub: newFakeHub(t, c), dir: t.TempDir(), key: make([]byte, 32)}
	if _, err := rand.Read(w.key); err != nil {
		t.Fatal(err)
	}
	w.cred = w.hub.credential(t)
	w.open(change...)
	return w
}

// open starts the agent on its directory; again after close, as after a crash.
func (w *world) open(change ...func(*station.Deps, *station.Config)) {
	w.t.Helper()
	s, err := spool.Open(context.Background(), filepath.Join(w.dir, "spool.db"), w.key, spool.Config{Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	client, err := agent.New(agent.Config{HubURL: w.hub.URL, Credential: w.cred, Transport: transport, Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		w.t.Fatal(err)
	}
	d := station.Deps{Spool: s, Client: client, Kinds: hub.Kinds(), Logger: slog.New(slog.DiscardHandler),
		Checker: &intake.Checker{Kinds: hub.Kinds(), Seals: seals, Rules: hub.Rules}}
	conf := station.Config{Facility: facilityCode, Clock: w.clock, Spread: func(n time.Duration) time.Duration { return n },
		Sleep: func(ctx context.Context, d time.Duration) error { w.clock.Advance(d); return ctx.Err() }}
	for _, f := range change {
		f(&d, &conf)
	}
	st, err := station.New(d, conf)
	if err != nil {
		w.t.Fatal(err)
	}
	w.spool, w.station = s, st
	w.t.Cleanup(func() { _ = s.Close(); transport.CloseIdleConnections() })
}

func (w *world) take(name string, lane store.Lane, raw []byte) spool.Ref {
	w.t.Helper()
	ref, err := w.station.Take(w.t.Context(), station.Item{Name: name, Source: "local", Lane: lane, Payload: spool.Payload{File: spool.Part{Name: name, Bytes: raw}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

// look looks at everything that was taken.
func (w *world) look() {
	w.t.Helper()
	for {
		n, err := w.station.Look(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// step sends what there is, waiting as it is told, until nothing is left or
// enough steps were made.
func (w *world) steps(most int) {
	w.t.Helper()
	for range most {
		d, err := w.station.Step(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if w.left() == 0 {
			return
		}
		w.clock.Advance(d)
	}
}

// left is how many items have no answer.
func (w *world) left() (n int) {
	w.t.Helper()
	queues, err := w.spool.Queues(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, q := range queues {
		if !q.State.Decided() {
			n += q.Items
		}
	}
	return n
}

func (w *world) whole() {
	w.t.Helper()
	if err := w.spool.Check(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func TestWhatIsTakenIsSentOnceAndAnswered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 30)
	var refs []spool.Ref
	for _, s := range list {
		refs = append(refs, w.take(s.FileName, store.Routine, s.XML))
	}
	if again := w.take("another name.xml", store.Routine, list[0].XML); again != refs[0] {
		t.Errorf("the same bytes are %s and %s", refs[0], again)
	}
	w.look()
	w.steps(10)
	if n, _ := w.hub.counted(); n != 30 || w.left() != 0 {
		t.Fatalf("the hub has %d, %d are left", n, w.left())
	}
	day, err := w.spool.Day(t.Context(), 20261122)
	if err != nil || day[spool.WasAccepted] != 30 {
		t.Fatalf("%v, %v", day, err)
	}
	for i, ref := range refs {
		answers, err := w.spool.Answers(t.Context(), ref)
		if err != nil || len(answers) != 1 || answers[0].Name != list[i].FileName || len(answers[0].Line) == 0 {
			t.Fatalf("%v, %v", answers, err)
		}
	}
	requests := w.hub.requests
	w.take("again", store.Routine, list[3].XML)
	w.look()
	w.steps(3)
	if w.hub.requests != requests {
		t.Error("what was accepted was sent again")
	}
	w.whole()
}

func TestACutLosesNothingThatWasDecided(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func() { w.hub.after, w.hub.coding = 9, true })
	list := some(t, 60)
	for _, s := range list {
		w.take(s.FileName, store.Routine, s.XML)
	}
	w.look()
	w.steps(40)
	n, order := w.hub.counted()
	if n != 60 || w.left() != 0 {
		t.Fatalf("the hub has %d, %d are left after %d requests", n, w.left(), w.hub.requests)
	}
	var sent, all int64
	for _, s := range list {
		all += int64(len(s.XML))
	}
	if sent = w.hub.bytes; sent > 3*all {
		t.Errorf("%d bytes of %d were sent", sent, all)
	}
	if len(order) != 60 {
		t.Errorf("%d", len(order))
	}
	w.whole()
}
