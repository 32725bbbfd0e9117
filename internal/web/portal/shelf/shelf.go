// Package shelf keeps answers of boards that take long to compute, so that many
// readers cost as much as one. It is not for anything that somebody must read as it
// is this moment.
package shelf

import (
	"context"
	"sync"
	"time"
)

// Shelf keeps what takes long to compute. What took less than cheap is computed at
// every question. What took longer is given again for as long as times as it took,
// and after that once more while one computes it anew, so that no reader waits; it
// is never older than stale. Time here is that of this machine: it measures work.
type Shelf[T any] struct {
	mu   sync.Mutex
	kept map[string]*kept[T]
}

const (
	cheap = 50 * time.Millisecond
	times = 5
	stale = time.Minute
	// computing bounds a computation that nobody waits for.
	computing = 5 * time.Minute
	// mostKept is how many answers are kept; there are some hundred scopes.
	mostKept = 1000
)

type kept[T any] struct {
	turn  chan struct{} // full while somebody computes
	value T
	cost  time.Duration
	at    time.Time // zero: nothing yet
}

// begin takes the turn to compute, where nobody has it.
func (k *kept[T]) begin() bool {
	select {
	case k.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

func (k *kept[T]) end() { <-k.turn }

// Get answers a question; compute may be called in the background.
func (s *Shelf[T]) Get(ctx context.Context, key string, compute func(context.Context) (T, error)) (T, error) {
	k := s.of(key)
	s.mu.Lock()
	value, cost, at := k.value, k.cost, k.at
	s.mu.Unlock()
	age := time.Since(at)
	switch {
	case !at.IsZero() && cost < cheap:
		return s.compute(ctx, k, compute)
	case at.IsZero() || age > stale:
		select {
		case k.turn <- struct{}{}:
		case <-ctx.Done():
			return value, ctx.Err()
		}
		defer k.end()
		s.mu.Lock()
		value, cost, now := k.value, k.cost, k.at
		s.mu.Unlock()
		if !now.Equal(at) && cost >= cheap { // somebody computed it while this waited
			return value, nil
		}
		return s.compute(ctx, k, compute)
	case age > times*cost && k.begin():
		go func() {
			defer k.end()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), computing)
			defer cancel()
			_, _ = s.compute(ctx, k, compute) // the next reader computes it, and is told what is wrong
		}()
	}
	return value, nil
}

func (s *Shelf[T]) compute(ctx context.Context, k *kept[T], compute func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	value, err := compute(ctx)
	if err != nil {
		return value, err
	}
	s.mu.Lock()
	k.value, k.cost, k.at = value, time.Since(began), time.Now()
	s.mu.Unlock()
	return value, nil
}

func (s *Shelf[T]) of(key string) *kept[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= mostKept {
		s.kept = map[string]*kept[T]{}
	}
	k := s.kept[key]
	if k == nil {
		k = &kept[T]{turn: make(chan struct{}, 1)}
		s.kept[key] = k
	}
	return k
}
