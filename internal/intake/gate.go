package intake

import (
	"context"

	"lienthong/internal/admission"
	"lienthong/internal/clock"
	"lienthong/internal/store"
)

// gate bounds the work done at once: fair by sender within a lane, on whose
// account the context is (admission.With).
type gate struct{ *admission.Gate }

func newGate(places int, w admission.Weights, c clock.Clock) *gate {
	return &gate{admission.NewGate(places, w, c)}
}

// enter waits for a place. Its error is the context's.
func (g *gate) enter(ctx context.Context, lane store.Lane) error {
	return g.Enter(ctx, admission.Lane(lane))
}

// leave gives the place to who is next.
func (g *gate) leave(ctx context.Context) { g.Leave(ctx) }
