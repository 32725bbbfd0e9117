package admission

import (
	"context"
	"sync"
	"time"
)

// Gate bounds the work done at once. Who waits is let in by urgency, then fairly
// by sender. While somebody reads, one place stays empty where there is more
// than one: a clinician does not wait behind a night's backlog.
type Gate struct {
	mu      sync.Mutex
	places  int
	busy    int
	readers int
	waiting *Queue[chan struct{}]
}

// NewGate returns a gate with so many places.
func NewGate(places int, w Weights) *Gate {
	return &Gate{places: places, waiting: NewQueue[chan struct{}](w)}
}

// open tells that one more may enter.
func (g *Gate) open() bool {
	if g.readers > 0 && g.places > 1 {
		return g.busy < g.places-1
	}
	return g.busy < g.places
}

// Enter waits for a place, for a piece of the claim ctx carries. Its error is
// the context's.
func (g *Gate) Enter(ctx context.Context, lane Lane) error {
	g.mu.Lock()
	if g.open() {
		g.busy++
		g.mu.Unlock()
		return nil
	}
	claim := ClaimOf(ctx)
	turn := make(chan struct{})
	e := g.waiting.Push(Flow{lane, claim.Sender}, claim.Piece, turn, time.Time{})
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.waiting.Remove(e) { // the place came at the same moment
		g.busy--
		g.admit()
	}
	return ctx.Err()
}

// Leave gives the place to who is next.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.admit()
}

// Reading keeps a place empty until done is called.
func (g *Gate) Reading() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readers++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.readers--
		g.admit()
	}
}

// Waiting is how many wait in a lane.
func (g *Gate) Waiting(l Lane) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, _ := g.waiting.Waiting(l)
	return n
}

// admit lets in who waits, as far as there is room.
func (g *Gate) admit() {
	for g.open() {
		e := g.waiting.Next(nil, nil)
		if e == nil {
			return
		}
		g.waiting.Take(e)
		g.busy++
		close(e.Value)
	}
}
