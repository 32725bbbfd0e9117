package intake

import (
	"context"
	"sync"

	"lienthong/internal/store"
)

// gate bounds the work done at once. Who waits is let in by urgency, then in
// order of arrival, so that backlog only takes what the other lanes leave.
// While somebody reads, one place stays empty where there is more than one: a
// clinician does not wait behind a night's backlog.
type gate struct {
	mu      sync.Mutex
	places  int
	busy    int
	readers int
	waiting [3][]chan struct{} // by lane
}

func newGate(places int) *gate { return &gate{places: places} }

// open tells that one more may enter.
func (g *gate) open() bool {
	if g.readers > 0 && g.places > 1 {
		return g.busy < g.places-1
	}
	return g.busy < g.places
}

// enter waits for a place. Its error is the context's.
func (g *gate) enter(ctx context.Context, lane store.Lane) error {
	g.mu.Lock()
	if g.open() {
		g.busy++
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
	g.busy--
	g.admit()
}

// reading keeps a place empty until done is called.
func (g *gate) reading() (done func()) {
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

// admit lets in who waits, as far as there is room.
func (g *gate) admit() {
	for lane := range g.waiting {
		for len(g.waiting[lane]) > 0 && g.open() {
			turn := g.waiting[lane][0]
			g.waiting[lane] = g.waiting[lane][1:]
			g.busy++
			close(turn)
		}
	}
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
