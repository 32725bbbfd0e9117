package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Transport carries one request to a witness. Outcomes: its cosignature lines;
// ErrSize with a *KnownSize in the chain (409); ErrProof (422); any other fault.
type Transport interface {
	AddCheckpoint(ctx context.Context, p store.Peer, body []byte) (lines string, err error)
}

// AskerDeps is what an Asker works with.
type AskerDeps struct {
	Ledger  store.Ledger
	Store   store.Witness
	Reader  func(log int) *ledger.Reader
	Witness Transport
	Clock   clock.Clock
	Logger  *slog.Logger
}

// Asker asks this hub's witnesses to cosign the log it writes. Nothing waits for
// it: a witness that is away is late and visible.
type Asker struct {
	AskerDeps
	own int

	mu  sync.Mutex
	due map[string]time.Time // by key of a witness: not before
}

// NewAsker returns an asker for the log of that number.
func NewAsker(d AskerDeps, own int) (*Asker, error) {
	if d.Ledger == nil || d.Store == nil || d.Reader == nil || d.Witness == nil || d.Clock == nil || d.Logger == nil {
		return nil, errors.New("witness: a part is missing")
	}
	return &Asker{AskerDeps: d, own: own, due: map[string]time.Time{}}, nil
}

// longestWait is how long a witness that failed is left alone at most.
const longestWait = 5 * time.Minute

// Round asks every witness that is behind, all at once, each for itself.
func (a *Asker) Round(ctx context.Context) error {
	peers, err := a.Store.Peers(ctx)
	if err != nil || len(peers) == 0 {
		return err
	}
	states, err := a.Store.PeerStates(ctx)
	if err != nil {
		return err
	}
	head, err := a.Ledger.Head(ctx, a.own)
	if err != nil || head.Size == 0 {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(peers))
	for i, p := range peers {
		state := stateOf(states, p.Key, a.own)
		if !p.Ended.IsZero() || state.Size == head.Size || !a.mayAsk(p.Key) {
			continue
		}
		wg.Go(func() { errs[i] = a.ask(ctx, p, state, head) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func stateOf(all []store.PeerState, key string, log int) store.PeerState {
	for _, s := range all {
		if s.Key == key && s.Log == log {
			return s
		}
	}
	return store.PeerState{Key: key, Log: log}
}

func (a *Asker) mayAsk(key string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.Clock.Now().Before(a.due[key])
}

// ask asks one witness; its error is the store's, never the witness's.
func (a *Asker) ask(ctx context.Context, p store.Peer, s store.PeerState, head store.Head) error {
	line, at, why := a.cosign(ctx, p, s.Size, head)
	var known *KnownSize
	if errors.As(why, &known) && known.Size != s.Size && known.Size <= head.Size { // it is elsewhere than we remember
		line, at, why = a.cosign(ctx, p, known.Size, head)
	}
	a.wait(p.Key, s.Failures, why)
	if ctx.Err() != nil {
		return nil
	}
	if why == nil {
		return a.Store.Asked(ctx, store.PeerState{Key: p.Key, Log: a.own, Size: head.Size, At: at}, line)
	}
	code := fault.Of(why).Code
	if errors.As(why, &known) && known.Size > head.Size || errors.Is(why, ErrProof) || errors.Is(why, ErrFork) {
		code = ErrFork.Code
		if err := a.alarm(ctx, p, known, head); err != nil {
			return err
		}
	}
	return a.Store.Asked(ctx, store.PeerState{Key: p.Key, Log: a.own, Code: code}, "")
}

// alarm: a trusted witness remembers another log than this hub holds.
func (a *Asker) alarm(ctx context.Context, p store.Peer, known *KnownSize, head store.Head) error {
	name, err := ledger.WitnessName(p.Key)
	if err != nil {
		return err
	}
	seen := name + " another root"
	if known != nil {
		seen = fmt.Sprintf("%s size %d", name, known.Size)
	}
	fresh, err := a.Store.Alarm(ctx, store.LogAlarm{Origin: head.Origin, Kind: store.AlarmWitness, At: a.Clock.Now(), From: name, Known: head.Checkpoint, Seen: []byte(seen)})
	if fresh {
		a.Logger.Error("a witness remembers another log than this hub holds: was it restored from an old copy?", "origin", head.Origin, "size", head.Size, "witness", seen)
	}
	return err
}

// wait leaves a witness that failed alone, longer each time.
func (a *Asker) wait(key string, failures int, why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if why == nil {
		delete(a.due, key)
		return
	}
	a.due[key] = a.Clock.Now().Add(min(longestWait, time.Second<<min(failures, 9)))
}

// cosign makes one request and checks what comes back.
func (a *Asker) cosign(ctx context.Context, p store.Peer, old uint64, head store.Head) (line string, at time.Time, err error) {
	proof, err := a.Reader(a.own).ProveConsistency(ctx, old, head.Size)
	if err != nil {
		return "", at, err
	}
	q := ledger.AddCheckpoint{Old: old, Proof: proof, Checkpoint: head.Checkpoint}
	lines, err := a.Witness.AddCheckpoint(ctx, p, q.Marshal())
	if err != nil {
		return "", at, err
	}
	for l := range strings.Lines(lines) {
		if at, err = ledger.CheckCosignature(head.Checkpoint, l, p.Key); err == nil {
			return l, at, nil
		}
	}
	return "", at, ledger.ErrCosignature
}
