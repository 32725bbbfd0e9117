package intake

import (
	"context"
	"sync"

	"lienthong/internal/store"
)

// gate bounds the work done at once. Who waits is let in by urgency, then in
// order of arrival, so that backlog only takes what the other lanes leave.
type gate struct {
	mu      sync.Mutex
	free    int
	waiting [3][]chan struct{} // by lane
}

func newGate(places int) *gate { return &gate{free: places} }

// enter waits for a place. Its error is the context's.
func (g *gate) enter(ctx context.Context, lane store.Lane) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.waiting[lane] = append(g.waiting[lane], turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		if !g.forget(lane, turn) {
			g.leave() // the place came at the same moment
		}
		return ctx.Err()
	}
}

// leave gives the place to who is next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for lane := range g.waiting {
		if queue := g.waiting[lane]; len(queue) > 0 {
			g.waiting[lane] = queue[1:]
			close(queue[0])
			return
		}
	}
	g.free++
}

func (g *gate) forget(lane store.Lane, turn chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range g.waiting[lane] {
		if c == turn {
			g.waiting[lane] = append(g.waiting[lane][:i:i], g.waiting[lane][i+1:]...)
			return true
		}
	}
	return false
}
