package intake

import (
	"context"

	"lienthong/internal/quality"
	"lienthong/internal/store"
)

// Gate and Grouper are opened for the tests of their orders.
type Gate = gate

func NewGate(places int) *Gate { return newGate(places) }

func (g *gate) Enter(ctx context.Context, lane store.Lane) error { return g.enter(ctx, lane) }

func (g *gate) Leave() { g.leave() }

func (g *gate) Reading() func() { return g.reading() }

func (g *gate) Waiting(lane store.Lane) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting[lane])
}

type Grouper = grouper

func NewGrouper(commit func(context.Context, store.Lane, []store.Prepared) ([]store.Outcome, error)) *Grouper {
	return newGrouper(1, commit)
}

// NewWideGrouper commits several groups at once.
func NewWideGrouper(atOnce int, commit func(context.Context, store.Lane, []store.Prepared) ([]store.Outcome, error)) *Grouper {
	return newGrouper(atOnce, commit)
}

func (g *grouper) Submit(lane store.Lane, members []store.Prepared) ([]store.Outcome, []error) {
	return g.submit(lane, members)
}

func (g *grouper) Close() { g.close() }

func (g *grouper) Waiting() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, lane := range g.waiting {
		for _, b := range lane {
			n += len(b.members) - b.next
		}
	}
	return n
}

// ResultOf is the answer for a stored record.
func ResultOf(pack *quality.Pack, r *store.Record) Result {
	in := &Intake{Deps: Deps{Rules: pack}}
	return in.resultOf("a.xml", 0, r, "LK1")
}

const GroupLimit = groupLimit
