package file

import (
	"context"
	"sync"
	"sync/atomic"

	"lienthong/internal/store"
)

// Lane is where a write waits, the most urgent first.
type Lane int

// The lanes: those of intake, and administration (directory, folding, links)
// between routine and backlog.
const (
	Urgent Lane = iota
	Routine
	Administrative
	Backlog
	lanes
)

// LaneOf returns the lane of an intake lane.
func LaneOf(l store.Lane) Lane {
	switch l {
	case store.Urgent:
		return Urgent
	case store.Backlog:
		return Backlog
	}
	return Routine
}

const (
	// batchWeight is how many records one transaction takes (DESIGN §5).
	batchWeight = 64
	// patience is how many transactions a lane waits before it goes first.
	patience = 8
)

// job is one write. Whoever moves its state from waiting decides on it: the
// committer by beginning it, its caller by leaving.
type job struct {
	state  atomic.Int32
	weight int
	fn     func(*Tx) error
	done   chan struct{}
	err    error
	leaves [][]byte
	places []*store.LeafPlace
}

const (
	waiting int32 = iota
	begun
	left
)

// queue holds the writes that wait, a line for each lane.
type queue struct {
	mu      sync.Mutex
	lines   [lanes][]*job
	passed  [lanes]int // transactions since the lane was served
	wake    chan struct{}
	stopped bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// add puts a job in line; store.ErrStopping after stop.
func (q *queue) add(lane Lane, j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return store.ErrStopping
	}
	q.lines[lane] = append(q.lines[lane], j)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// stop ends the queue and reports whether this was the first call.
func (q *queue) stop() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.stopped
	q.stopped = true
	q.signal()
	return first
}

// take returns the jobs of the next transaction: none when nothing waits.
// After stop it hands out what waits to be refused.
func (q *queue) take() (batch []*job, stopped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	weight := 0
	if q.stopped {
		for lane := range q.lines {
			batch = append(batch, q.lines[lane]...)
			q.lines[lane] = nil
		}
		return batch, true
	}
	for lane := range lanes { // who waited long goes first
		if len(q.lines[lane]) > 0 && q.passed[lane] >= patience {
			batch = q.next(batch, lane, &weight)
		}
	}
	for lane := range lanes {
		for len(q.lines[lane]) > 0 && weight+q.lines[lane][0].weight <= batchWeight || len(batch) == 0 && len(q.lines[lane]) > 0 {
			batch = q.next(batch, lane, &weight)
		}
		if len(q.lines[lane]) > 0 {
			q.passed[lane]++
		}
	}
	return batch, false
}

// next moves the first of a line to the batch unless its caller left.
func (q *queue) next(batch []*job, lane Lane, weight *int) []*job {
	j := q.lines[lane][0]
	q.lines[lane][0] = nil
	q.lines[lane] = q.lines[lane][1:]
	q.passed[lane] = 0
	if !j.state.CompareAndSwap(waiting, begun) {
		return batch
	}
	*weight += j.weight
	return append(batch, j)
}

// Write runs fn in the next write transaction of its lane and returns when it
// is durable, or surely not kept. fn may be run twice, when another write of
// the same transaction fails; it begins anew each time. weight is how many
// records it stores, at least 1. A caller whose ctx ends before the write
// begins leaves; once begun it is decided.
func (d *DB) Write(ctx context.Context, lane Lane, weight int, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{weight: max(1, weight), fn: fn, done: make(chan struct{})}
	if err := d.queue.add(lane, j); err != nil {
		return err
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		<-j.done
		return j.err
	}
}
