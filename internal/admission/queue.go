package admission

import (
	"container/heap"
	"time"
)

// patience is how many times its own cost a lane lets pass in more urgent lanes
// before one of its own is let in: a lane that waits is never left with less
// than one part in patience+1 of the work.
const patience = 15

// Entry is one piece of work that waits.
type Entry[T any] struct {
	Value T
	Cost  int64     // bytes, or whatever else is shared; at least 1
	Since time.Time // when it began to wait
	Flow  Flow

	of   *flow[T]
	next *Entry[T] // behind it in its flow
	seq  uint64
}

// Queue holds work that waits and says whose turn it is. Within a lane it is
// start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996): over any time in
// which two senders both wait, what each got divided by its weight differs by no
// more than one piece of each; a sender that comes newly is ahead of one that
// had its share. It is work-conserving: where anything waits, Next has one. It
// is not safe for concurrent use.
type Queue[T any] struct {
	weights Weights
	lanes   [Lanes]lane[T]
	n       int
	seq     uint64
}

// NewQueue returns an empty queue.
func NewQueue[T any](w Weights) *Queue[T] { return &Queue[T]{weights: w} }

type lane[T any] struct {
	virtual float64             // start of the piece let in last
	flows   map[string]*flow[T] // with something waiting, or ahead of virtual
	heads   heads[T]
	passed  int64 // cost let in ahead of this lane while it could have had a turn, less what it had
	kept    int   // flows after they were last looked through
	ready   bool  // it could have had a turn when Next was asked
	n       int
}

// flow is one sender's work in a lane. Times are virtual: cost divided by weight.
type flow[T any] struct {
	sender        string
	weight        float64
	start, finish float64 // of the first that waits; without one, finish is of the last let in
	first, last   *Entry[T]
	at            int // in heads; -1: nothing waits
}

// Len is how many wait.
func (q *Queue[T]) Len() int { return q.n }

// Waiting is how many wait in a lane, and since when the one that waited longest
// among those who are first of their sender.
func (q *Queue[T]) Waiting(l Lane) (n int, since time.Time) {
	for _, f := range q.lanes[l].heads {
		if since.IsZero() || f.first.Since.Before(since) {
			since = f.first.Since
		}
	}
	return q.lanes[l].n, since
}

// Push puts work behind what its sender has waiting.
func (q *Queue[T]) Push(f Flow, cost int64, v T, now time.Time) *Entry[T] {
	l := &q.lanes[f.Lane]
	of := l.flows[f.Sender]
	if of == nil {
		of = &flow[T]{sender: f.Sender, weight: q.weights.Of(f.Sender), at: -1}
		if l.flows == nil {
			l.flows = map[string]*flow[T]{}
		}
		l.flows[f.Sender] = of
	}
	q.seq++
	e := &Entry[T]{Value: v, Cost: max(cost, 1), Since: now, Flow: f, of: of, seq: q.seq}
	q.n++
	l.n++
	if of.first != nil {
		of.last.next = e
		of.last = e
		return e
	}
	of.first, of.last = e, e
	of.start = max(l.virtual, of.finish)
	of.finish = of.start + float64(e.Cost)/of.weight
	heap.Push(&l.heads, of)
	return e
}

// Next is who is let in next, nil when nobody waits. Those for whom held is
// true are passed over: what they hold already keeps them out, and nobody else.
// Where the next of a lane finds it shut, the lane waits. Both may be nil.
func (q *Queue[T]) Next(held, shut func(*Entry[T]) bool) *Entry[T] {
	var first, due *Entry[T]
	for i := range q.lanes {
		l := &q.lanes[i]
		e := l.first(held)
		if e != nil && shut != nil && shut(e) {
			e = nil
		}
		l.ready = e != nil
		switch {
		case e == nil:
		case first == nil:
			first = e
		case due == nil && l.passed >= patience*e.Cost:
			due = e // it has waited enough
		}
	}
	if due != nil {
		return due
	}
	return first
}

// first is whose turn it is in a lane.
func (l *lane[T]) first(held func(*Entry[T]) bool) *Entry[T] {
	if len(l.heads) == 0 {
		return nil
	}
	if held == nil || !held(l.heads[0].first) {
		return l.heads[0].first
	}
	var aside []*flow[T]
	var found *Entry[T]
	for len(l.heads) > 0 && found == nil {
		if e := l.heads[0].first; held(e) {
			aside = append(aside, heap.Pop(&l.heads).(*flow[T]))
		} else {
			found = e
		}
	}
	for _, f := range aside {
		heap.Push(&l.heads, f)
	}
	return found
}

// Take lets in what Next gave: its sender is charged.
func (q *Queue[T]) Take(e *Entry[T]) {
	l := &q.lanes[e.Flow.Lane]
	l.virtual = max(l.virtual, e.of.start)
	q.drop(e, true)
	l.passed = max(l.passed-patience*e.Cost, 0)
	for i := int(e.Flow.Lane) + 1; i < int(Lanes); i++ {
		if below := &q.lanes[i]; below.ready && below.n > 0 {
			below.passed += e.Cost
		}
	}
}

// Part lets in a part of what Next gave, less than all: its sender is charged for
// it, and the rest waits for its turn.
func (q *Queue[T]) Part(e *Entry[T], cost int64) {
	l := &q.lanes[e.Flow.Lane]
	l.virtual = max(l.virtual, e.of.start)
	e.Cost -= cost
	e.of.start += float64(cost) / e.of.weight
	heap.Fix(&l.heads, e.of.at)
}

// Remove takes out who waits no longer: its sender is not charged. False when it
// had been taken before.
func (q *Queue[T]) Remove(e *Entry[T]) bool {
	if e.of == nil {
		return false
	}
	if e.of.first == e {
		q.drop(e, false)
		return true
	}
	for at := e.of.first; at != nil; at = at.next {
		if at.next == e {
			at.next = e.next
			if e.of.last == e {
				e.of.last = at
			}
			q.gone(e)
			return true
		}
	}
	return false
}

// drop takes the first of a flow out.
func (q *Queue[T]) drop(e *Entry[T], charged bool) {
	l, f := &q.lanes[e.Flow.Lane], e.of
	f.first = e.next
	if charged {
		f.start = f.finish
	}
	if f.first == nil {
		f.last = nil
		f.finish = f.start
		heap.Remove(&l.heads, f.at)
		f.at = -1
	} else {
		f.finish = f.start + float64(f.first.Cost)/f.weight
		heap.Fix(&l.heads, f.at)
	}
	q.gone(e)
	l.forget()
}

func (q *Queue[T]) gone(e *Entry[T]) {
	e.of, e.next = nil, nil
	q.n--
	q.lanes[e.Flow.Lane].n--
}

// forget lets go of senders that are not ahead of anybody, when there are many.
// Who had its piece stays known for it also while nobody waits: what it was let
// in for may still be under way.
func (l *lane[T]) forget() {
	if l.n == 0 {
		l.passed = 0
	}
	if len(l.flows) < 2*l.kept+64 {
		return
	}
	for sender, f := range l.flows {
		if f.first == nil && (f.finish <= l.virtual || l.n == 0) {
			delete(l.flows, sender)
		}
	}
	l.kept = len(l.flows)
}

// heads are the flows that wait, whose turn it is first.
type heads[T any] []*flow[T]

func (h heads[T]) Len() int { return len(h) }

func (h heads[T]) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.start != b.start {
		return a.start < b.start
	}
	return a.first.seq < b.first.seq // who came first, however large
}

func (h heads[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is heap.Interface's.
func (h *heads[T]) Push(x any) {
	f := x.(*flow[T])
	f.at = len(*h)
	*h = append(*h, f)
}

// Pop is heap.Interface's.
func (h *heads[T]) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return f
}
