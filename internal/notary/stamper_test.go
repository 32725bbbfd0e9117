package notary_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/notary"
	"lienthong/internal/stamp"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
)

// noon is now: the library the simulator signs with writes the machine's time
// into the token's signing-time, which must lie within the certificate's.
var noon = time.Now().UTC().Truncate(time.Second)

const hubName = "notary.test"

// errDown is what a bridge says of a service that does not answer.
var errDown = fault.New(fault.Busy, "outbound.unreachable", "x", "x")

// authorities answers by address; an address without an authority is down.
type authorities struct {
	mu    sync.Mutex
	at    map[string]*simulator.Authority
	asked []string
}

func (a *authorities) Stamp(_ context.Context, url string, _ bool, request []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, url)
	if a.at[url] == nil {
		return nil, errDown
	}
	return a.at[url].Stamp(request)
}

type world struct {
	*testing.T
	clock   *clock.Fake
	s       *store.Slices
	out     *authorities
	stamper *notary.Stamper
}

// open opens a store of its own with a log.
func open(t *testing.T, c clock.Clock) *store.Slices {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: c, HubName: hubName, Owner: "test",
		OpenLog: func(ctx context.Context, head store.Head, source ledger.Source) (store.Log, error) {
			key, err := ledger.LogKeyFromSeed(head.Origin, make([]byte, 32))
			if err != nil {
				return nil, err
			}
			return ledger.Open(ctx, key, head.Head, source)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewFake(noon), out: &authorities{at: map[string]*simulator.Authority{}}}
	w.s = open(t, w.clock)
	var err error
	w.stamper, err = notary.NewStamper(notary.StamperDeps{Ledger: w.s.Ledger, Stamps: w.s.Stamps, Services: w.s.Services, Authority: w.out, Clock: w.clock}, notary.StamperConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// authority makes an authority whose certificate lives so long, and approves it.
func (w *world) authority(url string, life time.Duration) {
	w.Helper()
	a, err := simulator.New(w.clock, life)
	if err != nil {
		w.Fatal(err)
	}
	w.out.at[url] = a
	w.approve(store.Service{Kind: store.ServiceTSA, URL: url, DER: a.Root.Raw, Since: w.clock.Now()})
}

func (w *world) approve(s store.Service) {
	w.Helper()
	act := store.Act{At: w.clock.Now(), Actor: "t", Action: "service.add", Object: s.URL, Detail: "{}"}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	if err := w.s.Services.PutService(w.Context(), s, act); err != nil {
		w.Fatal(err)
	}
}

// grow adds a leaf to the log.
func (w *world) grow() {
	w.Helper()
	if _, err := w.s.Ledger.Append(w.Context(), [][]byte{ledger.StatementLeaf(ledger.LeafAdmin, []byte(fmt.Sprint(w.size())))}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) size() uint64 {
	w.Helper()
	h, err := w.s.Ledger.Head(w.Context(), 0)
	if err != nil {
		w.Fatal(err)
	}
	return h.Size
}

// round runs a round a minute later and returns how the log stands.
func (w *world) round() notary.Stamped {
	w.Helper()
	w.clock.Advance(time.Minute)
	if err := w.stamper.Round(w.Context()); err != nil {
		w.Fatal(err)
	}
	if s := w.stamper.Status(); len(s) == 1 {
		return s[0]
	}
	return notary.Stamped{}
}

func (w *world) list() []store.Stamp {
	w.Helper()
	list, _, err := w.s.Stamps.List(w.Context(), 0, 0, 100)
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func TestALogThatMovesIsStampedAndOneAtRestIsNot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.grow()
	if st := w.round(); st != (notary.Stamped{}) || len(w.list()) != 0 {
		t.Errorf("without an authority: %+v, %+v", st, w.list())
	}
	w.authority("https://tsa/", 0)
	size := w.size()
	if st := w.round(); st.Covered != size || !st.At.Equal(w.clock.Now().Truncate(time.Second)) || !st.Late.IsZero() || st.RenewalDue {
		t.Errorf("after the first: %+v", st)
	}
	for range 3 { // only the token's own leaf came behind it
		w.round()
	}
	if list := w.list(); len(list) != 1 || w.size() != size+1 {
		t.Errorf("at rest: %d stamps, size %d after %d", len(list), w.size(), size)
	}
	w.grow()
	w.round()
	list := w.list()
	if len(list) != 2 || list[0].Size != size+2 {
		t.Fatalf("after it moved: %+v", list)
	}
	// The second stamp covers the first token: its leaf is in the tree, below.
	first, err := w.s.Stamps.Covering(t.Context(), 0, size)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := w.s.Ledger.Source(0).Leaves(t.Context(), size, size+1)
	if err != nil || string(leaves[0]) != string(first.Leaf()) {
		t.Errorf("leaf of the first token: %q, %v", leaves, err)
	}
}

func TestALateStampIsSeenAndTheNextAuthorityIsAsked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	down := store.Service{Kind: store.ServiceTSA, URL: "https://a-down/", DER: []byte{}, Since: noon}
	w.approve(down)
	w.round()
	began := w.clock.Now()
	w.grow()
	st := w.round()
	if !st.Late.Equal(began) || st.Attempts != 2 || st.Code != "outbound.unreachable" || !st.At.IsZero() {
		t.Errorf("late: %+v", st)
	}
	w.authority("https://b-up/", 0)
	st = w.round()
	if !st.Late.IsZero() || st.Attempts != 0 || st.Covered == 0 {
		t.Errorf("then: %+v", st)
	}
	if n := len(w.out.asked); w.out.asked[n-2] != "https://a-down/" || w.out.asked[n-1] != "https://b-up/" {
		t.Errorf("asked %q", w.out.asked)
	}
	if list := w.list(); len(list) != 2 || list[1].State != store.StampCovered || list[0].Attempts != 2 {
		t.Errorf("kept %+v", list)
	}
}

// An authority whose root was not approved, or whose clock is wrong, gives no stamp.
func TestAWrongTokenIsNoStamp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.authority("https://tsa/", 0)
	other, err := simulator.New(w.clock, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.out.at["https://tsa/"] = other
	if st := w.round(); st.Code != stamp.ErrUntrusted.Code || !st.At.IsZero() {
		t.Errorf("%+v", st)
	}
}

func TestARenewalIsDemandedBeforeTheAuthoritysCertificateEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.authority("https://tsa/", 40*24*time.Hour)
	fresh, err := simulator.New(w.clock, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.grow()
	if st := w.round(); st.RenewalDue {
		t.Errorf("at first: %+v", st)
	}
	w.clock.Advance(15 * 24 * time.Hour)
	stamps := len(w.list())
	if st := w.round(); !st.RenewalDue || len(w.list()) != stamps+1 {
		t.Errorf("with 25 days left: %+v, %d stamps", st, len(w.list()))
	}
	if w.round(); len(w.list()) != stamps+1 {
		t.Error("the same certificate is asked for again within a day")
	}
	w.out.at["https://tsa/"] = fresh
	w.approve(store.Service{Kind: store.ServiceTSA, URL: "https://tsa/", DER: fresh.Root.Raw, Since: w.clock.Now()})
	w.clock.Advance(25 * time.Hour)
	if st := w.round(); st.RenewalDue || st.Covered == 0 {
		t.Errorf("with a new certificate: %+v", st)
	}
}

func TestAStamperNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := notary.NewStamper(notary.StamperDeps{}, notary.StamperConfig{}); err == nil {
		t.Error("made of nothing")
	}
	if _, err := notary.NewChecker(notary.CheckerDeps{}); err == nil {
		t.Error("made of nothing")
	}
}
