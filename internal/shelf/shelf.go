// Package shelf keeps answers that take long to compute and that many ask for: for a
// while each is given again. It is not for what must be true this very moment, nor for
// what one reader may see and another may not, unless the key says who asks.
package shelf

import (
	"sync"
	"time"
)

// Most is how many answers a shelf keeps; one more, and it begins anew.
const Most = 500

// times is how many times as long as it took to compute an answer is kept at least:
// computing it may take a twentieth of a processor.
const times = 20

// Shelf keeps answers by key. The zero Shelf is empty.
type Shelf[T any] struct {
	mu   sync.Mutex
	kept map[string]*place[T]
}

type place[T any] struct {
	computing sync.Mutex // held by the one who does
	mu        sync.Mutex // of the rest
	there     bool
	value     T
	until     time.Time
}

// Get returns what is kept under a key, or computes it and keeps it for that long, or
// longer where it took long. One at a time computes; who asks meanwhile is given what
// was kept before, and waits only where nothing was. What fails is not kept.
func (s *Shelf[T]) Get(now time.Time, keep time.Duration, key string, compute func() (T, error)) (T, error) {
	p := s.place(key)
	value, fresh, there := p.look(now)
	if fresh {
		return value, nil
	}
	if there {
		if !p.computing.TryLock() {
			return value, nil
		}
	} else {
		p.computing.Lock()
	}
	defer p.computing.Unlock()
	if value, fresh, _ = p.look(now); fresh { // whoever was waited for has it
		return value, nil
	}
	began := time.Now()
	value, err := compute()
	if err != nil {
		return value, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.there, p.value, p.until = true, value, now.Add(max(keep, times*time.Since(began)))
	return value, nil
}

func (p *place[T]) look(now time.Time) (value T, fresh, there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.value, p.there && now.Before(p.until), p.there
}

func (s *Shelf[T]) place(key string) *place[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.kept[key]; p != nil {
		return p
	}
	if s.kept == nil || len(s.kept) >= Most {
		s.kept = map[string]*place[T]{}
	}
	p := &place[T]{}
	s.kept[key] = p
	return p
}
