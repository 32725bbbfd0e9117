package intake

import (
	"context"

	"lienthong/internal/quality"
	"lienthong/internal/store"
)

// Grouper is opened for the tests of its order.
type Grouper = grouper

func NewGrouper(commit func(context.Context, store.Lane, []store.Prepared) ([]store.Outcome, error)) *Grouper {
	return newGrouper(1, nil, commit)
}

// NewWideGrouper commits several groups at once.
func NewWideGrouper(atOnce int, commit func(context.Context, store.Lane, []store.Prepared) ([]store.Outcome, error)) *Grouper {
	return newGrouper(atOnce, nil, commit)
}

func (g *grouper) Submit(lane store.Lane, members []store.Prepared) ([]store.Outcome, []error) {
	return g.submit(lane, members)
}

func (g *grouper) Close() { g.close() }

func (g *grouper) Waiting() (n int) {
	for lane := range 3 {
		n += g.pending(store.Lane(lane))
	}
	return n
}

// ResultOf is the answer for a stored record.
func ResultOf(pack *quality.Pack, r *store.Record) Result {
	in := &Intake{Deps: Deps{Rules: pack}}
	return in.resultOf("a.xml", 0, r, "LK1")
}

const GroupLimit = groupLimit
