package admission

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/clock"
)

// Gate bounds the work done at once. Who waits is let in by urgency, then fairly
// by sender. While somebody reads, one place stays empty where there is more
// than one: a clinician does not wait behind a night's backlog. While others are
// about, one place stays empty of a sender that had more than half of the work
// of the last moments: who comes next does not wait behind a flood.
type Gate struct {
	clock clock.Clock

	mu      sync.Mutex
	places  int
	busy    int
	by      map[string]int // busy, by sender
	readers int
	waiting *Queue[chan struct{}]
	recent  *Recent
}

// NewGate returns a gate with so many places.
func NewGate(places int, w Weights, c clock.Clock) *Gate {
	return &Gate{clock: c, places: places, by: map[string]int{}, waiting: NewQueue[chan struct{}](w), recent: NewRecent()}
}

// open tells that one more may enter.
func (g *Gate) open() bool {
	if g.readers > 0 && g.places > 1 {
		return g.busy < g.places-1
	}
	return g.busy < g.places
}

// full reports whether a sender has all the places it may have now.
func (g *Gate) full(sender string, now time.Time) bool {
	return g.places > 1 && g.by[sender] >= g.places-1 && g.recent.Floods(sender, now)
}

// Enter waits for a place, for a piece of the claim ctx carries. Its error is
// the context's.
func (g *Gate) Enter(ctx context.Context, lane Lane) error {
	claim, now := ClaimOf(ctx), g.clock.Now()
	g.mu.Lock()
	if g.open() && !g.full(claim.Sender, now) {
		g.take(claim.Sender, claim.Piece, now)
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	e := g.waiting.Push(Flow{lane, claim.Sender}, claim.Piece, turn, now)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.waiting.Remove(e) { // the place came at the same moment
		g.give(claim.Sender)
	}
	g.admit()
	return ctx.Err()
}

// Leave gives the place of the claim ctx carries to who is next.
func (g *Gate) Leave(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.give(ClaimOf(ctx).Sender)
	g.admit()
}

func (g *Gate) take(sender string, cost int64, now time.Time) {
	g.busy++
	g.by[sender]++
	g.recent.Note(sender, cost, now)
}

func (g *Gate) give(sender string) {
	g.busy--
	if g.by[sender]--; g.by[sender] == 0 {
		delete(g.by, sender)
	}
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

// admit lets in who waits, as far as there is room. A sender kept out of the
// last place is let in when one of its own leaves.
func (g *Gate) admit() {
	if g.waiting.Len() == 0 {
		return
	}
	now := g.clock.Now()
	for g.open() {
		e := g.waiting.Next(func(e *Entry[chan struct{}]) bool { return g.full(e.Flow.Sender, now) }, nil)
		if e == nil {
			return
		}
		g.waiting.Take(e)
		g.take(e.Flow.Sender, e.Cost, now)
		close(e.Value)
	}
}
