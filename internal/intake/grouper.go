package intake

import (
	"context"
	"errors"
	"sync"

	"lienthong/internal/store"
)

// groupLimit is the most records committed at once (DESIGN §5).
const groupLimit = 64

// grouper gathers prepared dossiers into groups for Commit. It never waits for
// more to come: while one group commits the next gathers by itself, so a lone
// dossier is committed at once and a busy hub commits full groups. An engine
// that works on several at once (store.AtOnce) is given as many.
type grouper struct {
	commit func(context.Context, store.Lane, []store.Prepared) ([]store.Outcome, error)
	atOnce int

	mu      sync.Mutex
	waiting [3][]*batch // by lane, in order of arrival
	running int         // groups being committed
	closed  bool
	idle    chan struct{} // closed when the last group is done after close
}

// batch is what one caller commits together; its members may end in different groups.
type batch struct {
	members  []store.Prepared
	outcomes []store.Outcome
	errs     []error
	next     int // first member not in a group yet
	open     int // members without an outcome
	done     chan struct{}
}

func newGrouper(atOnce int, commit func(context.Context, store.Lane, []store.Prepared) ([]store.Outcome, error)) *grouper {
	return &grouper{commit: commit, atOnce: max(atOnce, 1), idle: make(chan struct{})}
}

// submit commits members and returns an outcome or an error for each. Once
// taken they are committed even when the caller has gone.
func (g *grouper) submit(lane store.Lane, members []store.Prepared) ([]store.Outcome, []error) {
	b := &batch{members: members, outcomes: make([]store.Outcome, len(members)), errs: make([]error, len(members)),
		open: len(members), done: make(chan struct{})}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		for i := range b.errs {
			b.errs[i] = store.ErrStopping
		}
		return b.outcomes, b.errs
	}
	g.waiting[lane] = append(g.waiting[lane], b)
	start := g.running < g.atOnce
	if start {
		g.running++
	}
	g.mu.Unlock()
	if start {
		go g.run()
	}
	<-b.done
	return b.outcomes, b.errs
}

// close refuses what comes and waits until what was taken is committed.
func (g *grouper) close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		if g.running == 0 {
			close(g.idle)
		}
	}
	g.mu.Unlock()
	<-g.idle
}

type place struct {
	of *batch
	i  int
}

func (g *grouper) run() {
	for {
		lane, group, places := g.take()
		if group == nil {
			return
		}
		outcomes, err := g.commit(context.Background(), lane, group)
		if err != nil && len(group) > 1 && !isStoreWide(err) {
			g.split(lane, group, places)
			continue
		}
		for k, p := range places {
			if err == nil {
				p.of.outcomes[p.i] = outcomes[k]
			} else {
				p.of.errs[p.i] = err
			}
			g.settle(p.of)
		}
	}
}

// isStoreWide tells the faults that no member of a group can help.
func isStoreWide(err error) bool {
	return errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrStopping) || errors.Is(err, store.ErrNoLog) || errors.Is(err, store.ErrLeaseLost)
}

// split commits the members of a group that failed one by one, so that one
// member's bad data does not fail its neighbours.
func (g *grouper) split(lane store.Lane, group []store.Prepared, places []place) {
	for k, p := range places {
		outcomes, err := g.commit(context.Background(), lane, group[k:k+1])
		if err == nil {
			p.of.outcomes[p.i] = outcomes[0]
		} else {
			p.of.errs[p.i] = err
		}
		g.settle(p.of)
	}
}

func (g *grouper) settle(b *batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.open--; b.open == 0 {
		close(b.done)
	}
}

// take returns the next group, urgent lane first, nil when nothing waits.
func (g *grouper) take() (store.Lane, []store.Prepared, []place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var group []store.Prepared
	var places []place
	lane := store.Backlog
	for l := range g.waiting {
		for len(g.waiting[l]) > 0 && len(group) < groupLimit {
			b := g.waiting[l][0]
			if n := len(b.members) - b.next; len(group) > 0 && n <= groupLimit && n > groupLimit-len(group) {
				return lane, group, places // whole in the next one, rather than half in each
			}
			if len(group) == 0 {
				lane = store.Lane(l)
			}
			for b.next < len(b.members) && len(group) < groupLimit {
				group = append(group, b.members[b.next])
				places = append(places, place{b, b.next})
				b.next++
			}
			if b.next == len(b.members) {
				g.waiting[l] = g.waiting[l][1:]
			}
		}
	}
	if group == nil {
		if g.running--; g.closed && g.running == 0 {
			close(g.idle)
		}
	}
	return lane, group, places
}
