//go:build linux

package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/web/api"
)

// place is what hub.json says (cmd/lienthong).
type place struct {
	Name     string `json:"name"`
	Keys     string `json:"keys"`
	Database string `json:"database,omitempty"`
}

func readPlace(dir string) (p place, keys keyring.Keys, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "hub.json"))
	if err != nil {
		return p, keys, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, keys, err
	}
	keys, err = keyring.Read(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(p.Keys, name)) })
	return p, keys, err
}

// openPlace opens the engine of a place.
func openPlace(dir string, p place) hub.OpenStore {
	return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		if p.Database == "" {
			return sqlite.Open(ctx, dir, sqlite.Config{Clock: clock.System{}, OpenLog: open, HubName: p.Name, Owner: "chaos"})
		}
		url, err := os.ReadFile(p.Database)
		if err != nil {
			return nil, err
		}
		return postgres.Open(ctx, strings.TrimSpace(string(url)), postgres.Config{Clock: clock.System{}, OpenLog: open, HubName: p.Name, Owner: "chaos"})
	}
}

// The ways in which a hub is broken on purpose.
const (
	brokenEarly = "acknowledges early" // a receipt goes out before its commit is durable
	brokenMute  = "does not know full" // a full storage is an error like any other
	brokenLax   = "wastes"             // every submission costs 1.2 s of CPU and 100 MiB, and some panic
	brokenDoor  = "no door"            // takes everything in at once and drowns
	brokenFair  = "no fairness"        // whoever sends most is given all it wants
	brokenLegs  = "legs afterwards"    // begins a record's legs after its commit
	hasty       = "short leases"       // not broken: a killed courier's legs are free again in seconds, not minutes
)

// serveBroken serves a hub that is broken until it is killed.
func serveBroken(ctx context.Context, dir, listen, how string) error {
	p, keys, err := readPlace(dir)
	if err != nil {
		return err
	}
	open := openPlace(dir, p)
	switch how {
	case brokenEarly:
		open = acknowledgeEarly(open)
	case brokenMute:
		open = muteFull(open)
	case brokenLegs:
		open = legsAfterwards(open)
	}
	cfg := hub.Config{Name: p.Name, Keys: keys, Open: open, PublicURL: "http://" + listen, API: api.Config{RatePerS: 1e6, Burst: 1e6}}
	if how == hasty || how == brokenLegs {
		cfg.Delivery.Courier = courier.Config{Timeout: time.Second, Skew: time.Millisecond, Poll: 20 * time.Millisecond, Retries: 1,
			Law:     exchange.Law{Base: 50 * time.Millisecond, Cap: time.Second, Tries: 1000, Asks: 1000, Longest: time.Second},
			Breaker: exchange.BreakerLaw{Failures: 5, Slow: time.Minute, Samples: 20, Open: 50 * time.Millisecond, Cap: 200 * time.Millisecond}}
	}
	if how == brokenFair {
		cfg.Weights = admission.Weights{os.Getenv(brokenFavours): 1e6}
	}
	h, err := hub.Start(ctx, cfg)
	if err != nil {
		return err
	}
	var handler http.Handler = h.Handler()
	switch how {
	case brokenLax:
		handler = waste(handler)
	case brokenDoor:
		handler = drown(handler)
	}
	return http.ListenAndServe(listen, handler)
}

// early is an engine that answers as soon as it knows what the answer would be.
type early struct {
	store.Intake
	log *earlyLog
}

func acknowledgeEarly(open hub.OpenStore) hub.OpenStore {
	return func(ctx context.Context, openLog store.OpenLog) (*store.Slices, error) {
		log := &earlyLog{waiting: map[string]chan store.LeafPlace{}}
		s, err := open(ctx, func(ctx context.Context, head store.Head, source ledger.Source) (store.Log, error) {
			inner, err := openLog(ctx, head, source)
			if err != nil {
				return nil, err
			}
			log.Writer = inner.(*evidence.Writer)
			return log, nil
		})
		if err != nil {
			return nil, err
		}
		s.Intake = &early{s.Intake, log}
		return s, nil
	}
}

// earlyLog tells who waits where a leaf will be, and gives them a moment
// before the commit goes on.
type earlyLog struct {
	*evidence.Writer
	mu      sync.Mutex
	waiting map[string]chan store.LeafPlace
}

// Append confirms what is not committed.
func (l *earlyLog) Append(leaves [][]byte) (*ledger.Batch, error) {
	b, err := l.Writer.Append(leaves)
	if err != nil {
		return nil, err
	}
	l.Writer.Confirm(b)
	l.mu.Lock()
	for i, leaf := range leaves {
		if to := l.waiting[string(leaf)]; to != nil {
			to <- store.LeafPlace{Log: l.Number(), Index: b.Index(i), Size: b.Head.Size, Checkpoint: string(b.Head.Checkpoint)}
			delete(l.waiting, string(leaf))
		}
	}
	l.mu.Unlock()
	time.Sleep(80 * time.Millisecond)
	return b, nil
}

func (*earlyLog) Confirm(*ledger.Batch)             {}
func (*earlyLog) Abandon(*ledger.Batch)             {}
func (*earlyLog) Doubt(*ledger.Batch)               {}
func (*earlyLog) Resolve(ledger.Head) (bool, error) { return false, nil }

// Commit answers before it has committed.
func (e *early) Commit(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	places := make(chan store.LeafPlace, len(group))
	e.log.mu.Lock()
	for _, p := range group {
		e.log.waiting[string(p.Leaf)] = places
	}
	e.log.mu.Unlock()
	type ended struct {
		out []store.Outcome
		err error
	}
	end := make(chan ended, 1)
	go func() {
		out, err := e.Intake.Commit(context.WithoutCancel(ctx), lane, group)
		end <- ended{out, err}
	}()
	var out []store.Outcome
	for {
		select {
		case at := <-places:
			if out = append(out, store.Outcome{Status: store.StatusStored, Place: at}); len(out) == len(group) {
				return out, nil
			}
		case r := <-end:
			return r.out, r.err
		}
	}
}

// mute is an engine that does not tell a full storage from other errors.
type mute struct{ store.Intake }

func muteFull(open hub.OpenStore) hub.OpenStore {
	return func(ctx context.Context, openLog store.OpenLog) (*store.Slices, error) {
		s, err := open(ctx, openLog)
		if err == nil {
			s.Intake = mute{s.Intake}
		}
		return s, err
	}
}

// Commit hides why.
func (m mute) Commit(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	out, err := m.Intake.Commit(ctx, lane, group)
	if errors.Is(err, store.ErrFull) {
		err = errors.New("it did not work")
	}
	return out, err
}

// afterwards is an engine that keeps records first and begins their legs when
// that is done, in a commit of its own.
type afterwards struct {
	store.Intake
	legs store.Legs
}

func legsAfterwards(open hub.OpenStore) hub.OpenStore {
	return func(ctx context.Context, openLog store.OpenLog) (*store.Slices, error) {
		s, err := open(ctx, openLog)
		if err == nil {
			s.Intake = afterwards{s.Intake, s.Legs}
		}
		return s, err
	}
}

// Commit commits without the legs, and then the legs.
func (a afterwards) Commit(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	var later []store.Leg
	for i := range group {
		for _, l := range group[i].Legs {
			later = append(later, store.Leg{LegKey: store.LegKey{Record: group[i].ID, Destination: l.Destination}, State: l.State, Code: l.Code, Created: group[i].Received})
		}
		group[i].Legs = nil
	}
	out, err := a.Intake.Commit(ctx, lane, group)
	if err != nil || len(later) == 0 {
		return out, err
	}
	go func() { // as soon as there is time
		time.Sleep(20 * time.Millisecond)
		_, _ = a.legs.Begin(context.WithoutCancel(ctx), later)
	}()
	return out, nil
}

// waste makes every submission dear, and panics on some.
func waste(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/api/") {
			b := make([]byte, 100<<20)
			for until := time.Now().Add(1200 * time.Millisecond); time.Now().Before(until); {
				for i := 0; i < len(b); i += 4096 {
					b[i]++
				}
			}
			runtime.KeepAlive(b)
			if r.ContentLength%2 == 0 {
				panic("a panic on purpose")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// drown does what a hub without a door does: each request takes the processor
// away from all others, so that with enough of them none ends in time.
func drown(next http.Handler) http.Handler {
	var mu sync.Mutex
	inside := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		inside++
		n := inside
		mu.Unlock()
		defer func() {
			mu.Lock()
			inside--
			mu.Unlock()
		}()
		time.Sleep(time.Duration(n*n) * 50 * time.Microsecond)
		next.ServeHTTP(w, r)
	})
}
