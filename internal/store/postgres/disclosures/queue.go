package disclosures

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// most is how many rows one commit takes.
const most = 500

// request is one caller's rows; done gets one answer.
type request struct {
	rows []store.Disclosure
	done chan error
}

// queue commits the rows of many callers together, one commit at a time: while
// one is under way the next gathers.
type queue struct {
	insert func(context.Context, []store.Disclosure) error
	in     chan request
	mu     sync.RWMutex // closed changes under it
	closed bool
	ended  sync.WaitGroup
}

func newQueue(insert func(context.Context, []store.Disclosure) error) *queue {
	q := &queue{insert: insert, in: make(chan request, 64)}
	q.ended.Go(q.run)
	return q
}

func (q *queue) put(ctx context.Context, rows []store.Disclosure) error {
	r := request{rows: rows, done: make(chan error, 1)}
	if err := q.send(ctx, r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err() // the rows may be kept; the caller opens nothing
	}
}

func (q *queue) send(ctx context.Context, r request) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return store.ErrStopping
	}
	select {
	case q.in <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) run() {
	for r := range q.in {
		group, rows := []request{r}, append([]store.Disclosure(nil), r.rows...)
	gather:
		for len(rows) < most {
			select {
			case next, open := <-q.in:
				if !open {
					break gather
				}
				group, rows = append(group, next), append(rows, next.rows...)
			default:
				break gather
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := handle.Overdue(q.insert(ctx, rows))
		cancel()
		for _, g := range group {
			g.done <- err
		}
	}
}

func (q *queue) close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.in)
	}
	q.mu.Unlock()
	q.ended.Wait()
}
