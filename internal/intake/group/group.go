// Package group gathers dossiers that are ready into groups that are committed
// together (DESIGN §5). It makes nothing of them and knows no store: it is given
// what commits.
package group

import (
	"context"
	"errors"
	"sync"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/store"
)

// Limit is the most records committed at once (DESIGN §5).
const Limit = 64

// floodLimit is the most of them that a facility has which floods: who comes
// while they are committed waits for them.
const floodLimit = 16

// Commit commits a group as store.Intake does: an outcome for each member, or an
// error and nothing is kept of any.
type Commit func(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error)

// Groups gathers prepared dossiers into groups for Commit. It never waits for
// more to come: while one group commits the next gathers by itself, so a lone
// dossier is committed at once and a busy hub commits full groups. An engine
// that works on several at once (store.AtOnce) is given as many. Whose dossiers
// go into the next group is fair by facility within a lane, counted in dossiers.
// It is safe for concurrent use.
type Groups struct {
	commit Commit
	atOnce int

	mu      sync.Mutex
	waiting *admission.Queue[*batch]
	recent  *admission.Recent
	members [admission.Lanes]int // waiting, by lane
	running int                  // groups being committed
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

// New returns one that commits so many groups at once, at least one.
func New(atOnce int, w admission.Weights, commit Commit) *Groups {
	return &Groups{commit: commit, atOnce: max(atOnce, 1), waiting: admission.NewQueue[*batch](w), recent: admission.NewRecent(), idle: make(chan struct{})}
}

// Submit commits members and returns an outcome or an error for each. Once
// taken they are committed even when the caller has gone.
func (g *Groups) Submit(lane store.Lane, members []store.Prepared) ([]store.Outcome, []error) {
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
	flow := admission.Flow{Lane: admission.Lane(lane)}
	if len(members) > 0 && members[0].File != nil {
		flow.Sender = string(members[0].File.Facility)
	}
	g.waiting.Push(flow, int64(len(members)), b, time.Now())
	g.members[lane] += len(members)
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

// Close refuses what comes and waits until what was taken is committed.
func (g *Groups) Close() {
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

func (g *Groups) run() {
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
func (g *Groups) split(lane store.Lane, group []store.Prepared, places []place) {
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

func (g *Groups) settle(b *batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.open--; b.open == 0 {
		close(b.done)
	}
}

// take returns the next group, urgent lane first, nil when nothing waits.
func (g *Groups) take() (store.Lane, []store.Prepared, []place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var group []store.Prepared
	var places []place
	lane := store.Backlog // the most urgent of the group's
	now, limit := time.Now(), Limit
	for len(group) < limit {
		e := g.waiting.Next(nil, nil)
		if e == nil {
			break
		}
		if g.recent.Floods(e.Flow.Sender, now) {
			if limit = floodLimit; len(group) >= limit {
				break
			}
		}
		b := e.Value
		if n := len(b.members) - b.next; len(group) > 0 && n <= limit && n > limit-len(group) {
			break // whole in the next one, rather than half in each
		}
		lane = min(lane, store.Lane(e.Flow.Lane))
		before := b.next
		for b.next < len(b.members) && len(group) < limit {
			group = append(group, b.members[b.next])
			places = append(places, place{b, b.next})
			b.next++
		}
		g.members[e.Flow.Lane] -= b.next - before
		g.recent.Note(e.Flow.Sender, int64(b.next-before), now)
		if b.next == len(b.members) {
			g.waiting.Take(e)
		} else {
			g.waiting.Part(e, int64(b.next-before))
		}
	}
	if group == nil {
		if g.running--; g.closed && g.running == 0 {
			close(g.idle)
		}
	}
	return lane, group, places
}

// Pending is how many dossiers of a lane wait to be committed.
func (g *Groups) Pending(lane store.Lane) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[lane]
}
