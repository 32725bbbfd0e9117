package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bundle"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/witness"
)

// stores opens a new store of each engine for a hub of that name.
func stores(t *testing.T, test func(t *testing.T, open func(name string) func(clock.Clock) hub.OpenStore)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, func(name string) func(clock.Clock) hub.OpenStore {
			dir := t.TempDir()
			return func(c clock.Clock) hub.OpenStore {
				return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
					return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: name, Owner: "e2e"})
				}
			}
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, func(name string) func(clock.Clock) hub.OpenStore {
			url := pgtest.Copy(t, postgres.Migrate)
			return func(c clock.Clock) hub.OpenStore {
				return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
					return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: open, HubName: name, Owner: "e2e"})
				}
			}
		})
	})
}

// watches makes a witness the log of b, and b ask it.
func (w *world) watches(b *world) {
	w.t.Helper()
	w.check(w.hub.Office.Witness(w.ctx, "test", admin.WitnessChange{Do: admin.WitnessTrust, Key: b.hub.LogKey.Verifier()}))
	w.check(b.hub.Office.Witness(w.ctx, "test", admin.WitnessChange{Do: admin.WitnessAdd, Key: w.hub.Watcher.Key(), URL: w.server.URL, Private: true}))
}

func (w *world) alarms() (kinds []string) {
	w.t.Helper()
	all, err := w.hub.Slices.Witness.Alarms(w.ctx, 100)
	w.check(err)
	for _, a := range all {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func (w *world) page(path string) (int, string) {
	w.t.Helper()
	status, body := w.get("79901", path)
	return status, string(body)
}

func TestTwoHubsWitnessEachOther(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, open func(string) func(clock.Clock) hub.OpenStore) {
		a := newWorldOf(t, "a.test", must(keyring.New(nil)), open("a.test"))
		b := newWorldOf(t, "b.test", must(keyring.New(nil)), open("b.test"))
		a.watches(b)
		b.watches(a)
		first := a.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		for _, w := range []*world{a, b} {
			if status, _ := w.page("/ledger/0/cosigned"); status != http.StatusNotFound {
				t.Errorf("before any cosignature: %d", status)
			}
			w.check(w.hub.Asker.Round(w.ctx))
		}
		for i := range 3 { // each size cosigned proves the one before
			a.one("79901", ours(pairs().ec, envelope(newVisit().episode("LK"+itoa(i)))), fine)
			a.check(a.hub.Asker.Round(a.ctx))
		}
		_, note := a.page("/ledger/0/checkpoint")
		by, err := ledger.CosignedBy([]byte(note), []string{b.hub.Watcher.Key(), a.hub.Watcher.Key()})
		if err != nil || len(by) != 1 || by[b.hub.Watcher.Key()].IsZero() {
			t.Fatalf("the newest checkpoint is cosigned by %v, %v:\n%s", by, err, note)
		}
		if _, same := a.page("/ledger/0/cosigned"); same != note {
			t.Errorf("cosigned:\n%s", same)
		}
		if got := append(a.alarms(), b.alarms()...); len(got) != 0 {
			t.Errorf("alarms %v", got)
		}
		// a bundle carries the cosignature
		_, zip := a.get("79901", "/api/v1/records/"+first.Record+"/evidence")
		o := a.bundleOptions()
		o.RequireWitness = []string{b.hub.Watcher.Key()}
		if r := must(bundle.Verify(zip, o)); !r.OK || !r.Trusted {
			t.Errorf("%v", wrong(r))
		}
		o.RequireWitness = []string{a.hub.Watcher.Key()}
		if r := must(bundle.Verify(zip, o)); r.OK {
			t.Error("a witness that did not cosign was enough")
		}
		aWitnessThatIsAwayIsLate(t, a, b)
	})
}

func aWitnessThatIsAwayIsLate(t *testing.T, a, b *world) {
	b.server.Close()
	a.one("79901", ours(pairs().ec, envelope(newVisit().episode("LK-AWAY"))), fine)
	a.check(a.hub.Asker.Round(a.ctx))
	states, err := a.hub.Slices.Witness.PeerStates(a.ctx)
	a.check(err)
	if len(states) != 1 || states[0].Failures != 1 || states[0].Code != "outbound.unreachable" || states[0].Size == 0 {
		t.Errorf("%+v", states)
	}
	a.check(a.hub.Asker.Round(a.ctx)) // left alone for a moment
	if again, err := a.hub.Slices.Witness.PeerStates(a.ctx); err != nil || again[0].Failures != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	a.clock.Advance(time.Hour)
	a.check(a.hub.Asker.Round(a.ctx))
	if again, err := a.hub.Slices.Witness.PeerStates(a.ctx); err != nil || again[0].Failures != 2 {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestAForkedHubIsCaught: the same keys and name over a store that lost what
// was there, as after putting an old copy back.
func TestAForkedHubIsCaught(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, open func(string) func(clock.Clock) hub.OpenStore) {
		keys := must(keyring.New(nil))
		old := newWorldOf(t, hubName, keys, open(hubName))
		other := newWorldOf(t, "b.test", must(keyring.New(nil)), open("b.test"))
		other.watches(old)
		status, header, _ := old.do("79901", "POST", "/api/v1/submissions", "application/xml", ours(pairs().ec, envelope(newVisit())))
		if status != http.StatusOK || header.Get("Ledger-Checkpoint") == "" {
			t.Fatalf("%d %v", status, header)
		}
		status, header, _ = old.do("79901", "POST", "/api/v1/submissions", "application/xml", ours(pairs().ec, envelope(newVisit().episode("LK2"))),
			"Last-Checkpoint", header.Get("Ledger-Checkpoint"))
		seen := header.Get("Ledger-Checkpoint")
		if status != http.StatusOK {
			t.Fatalf("a sender that remembers rightly is answered %d", status)
		}
		old.check(old.hub.Asker.Round(old.ctx))

		forked := newWorldOf(t, hubName, keys, open(hubName))
		for i := range 5 { // it goes on, and is longer in the end
			at := must(ledger.ParseSeen(seen))
			head := forked.hub.LogKey.Origin()
			if at.Origin != head {
				t.Fatalf("%s and %s", at.Origin, head)
			}
			status, _, body := forked.do("79901", "POST", "/api/v1/submissions", "application/xml", ours(pairs().ec, envelope(newVisit())), "Last-Checkpoint", seen)
			if status != http.StatusConflict || code(body) != "ledger.fork" {
				t.Errorf("round %d: %d %s", i, status, body)
			}
			forked.one("79901", ours(pairs().ec, envelope(newVisit().episode("F"+itoa(i)))), fine)
		}
		for _, bad := range []string{"x", "a 1 b", seen + "A"} {
			if status, _, body := forked.do("79901", "POST", "/api/v1/submissions", "application/xml", nil, "Last-Checkpoint", bad); status != http.StatusUnprocessableEntity || code(body) != "ledger.seen" {
				t.Errorf("%q: %d %s", bad, status, body)
			}
		}
		// its witness remembers the other branch
		forked.check(forked.hub.Office.Witness(forked.ctx, "test", admin.WitnessChange{Do: admin.WitnessAdd, Key: other.hub.Watcher.Key(), URL: other.server.URL, Private: true}))
		forked.check(forked.hub.Asker.Round(forked.ctx))
		kinds := map[string]bool{}
		for _, k := range append(forked.alarms(), other.alarms()...) {
			kinds[k] = true
		}
		if !kinds[store.AlarmSender] || !kinds[store.AlarmWitness] || !kinds[store.AlarmUnproved] && !kinds[store.AlarmFork] {
			t.Errorf("alarms %v", kinds)
		}
	})
}

// TestASameSizedForkIsProved: two checkpoints of one size, both signed.
func TestASameSizedForkIsProved(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, open func(string) func(clock.Clock) hub.OpenStore) {
		w := newWorldOf(t, "b.test", must(keyring.New(nil)), open("b.test"))
		key := must(ledger.LogKeyFromSeed("x.test/log/0", make([]byte, 32)))
		w.check(w.hub.Office.Witness(w.ctx, "test", admin.WitnessChange{Do: admin.WitnessTrust, Key: key.Verifier()}))
		ask := func(size uint64, root byte, old uint64) error {
			note := must(key.Checkpoint(size, ledger.Hash{root}))
			_, err := w.hub.Watcher.Add(w.ctx, (&ledger.AddCheckpoint{Old: old, Checkpoint: note}).Marshal())
			return err
		}
		w.check(ask(7, 1, 0))
		w.check(ask(7, 1, 7)) // the same again is cosigned again
		if err := ask(7, 2, 7); !errors.Is(err, witness.ErrFork) {
			t.Errorf("another root of the same size: %v", err)
		}
		if err := ask(9, 3, 7); !errors.Is(err, witness.ErrProof) {
			t.Errorf("a growth without proof: %v", err)
		}
		var known *witness.KnownSize
		if err := ask(9, 3, 5); !errors.As(err, &known) || known.Size != 7 {
			t.Errorf("from another size: %v", err)
		}
		if err := ask(3, 3, 5); !errors.Is(err, ledger.ErrAddCheckpoint) {
			t.Errorf("from a larger size: %v", err)
		}
		stranger := must(ledger.LogKeyFromSeed("x.test/log/0", []byte("another seed of thirty-two bytes")))
		note := must(stranger.Checkpoint(8, ledger.Hash{}))
		if _, err := w.hub.Watcher.Add(w.ctx, (&ledger.AddCheckpoint{Old: 7, Checkpoint: note}).Marshal()); !errors.Is(err, witness.ErrSignature) {
			t.Errorf("another's key: %v", err)
		}
		if got := w.alarms(); len(got) != 2 {
			t.Errorf("alarms %v", got)
		}
		w.check(w.hub.Office.Witness(w.ctx, "test", admin.WitnessChange{Do: admin.WitnessUntrust, Key: key.Verifier()}))
		if err := ask(7, 1, 7); !errors.Is(err, witness.ErrLog) {
			t.Errorf("no longer trusted: %v", err)
		}
	})
}

// code is the code of a problem document.
func code(body []byte) string {
	var p struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return ""
	}
	return p.Code
}

// TestOneSenderCannotFillTheAlarms: what it says it saw is its word alone.
func TestOneSenderCannotFillTheAlarms(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		for i := range 40 {
			seen := ledger.Checkpoint{Origin: w.hub.LogKey.Origin(), Size: 1 << 20, Root: ledger.Hash{byte(i)}}
			if status, _, body := w.do("79901", "POST", "/api/v1/submissions", "application/xml", nil, "Last-Checkpoint", seen.Line()); status != http.StatusConflict || code(body) != "ledger.fork" {
				t.Fatalf("%d %s", status, body)
			}
		}
		if n := len(w.alarms()); n < 2 || n > 16 {
			t.Errorf("%d alarms of one sender", n)
		}
	})
}
