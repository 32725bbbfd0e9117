package admission

import (
	"hash/fnv"
	"sync"
	"time"
)

// Slot is when a sender that was turned away may come again, and how fast.
type Slot struct {
	Start, End time.Time
	BytesPerS  int64 // as much as was kept free for it in each second of the slot
}

// What slots are made of.
const (
	window  = time.Second
	horizon = 3600        // windows ahead that are kept: an hour
	first   = 1           // windows that pass before the earliest slot
	spread  = 3           // windows over which slots are spread at the least
	stay    = time.Minute // how long a slot may be used: clocks differ, lines are slow
	burst   = time.Second // requests on their way when their sender was turned away are not early
	longest = 60          // windows that coming early costs at most
	atOnce  = 30          // windows' worth that one sender is given at a time
	senders = 20_000      // with a slot; beyond it slots are given and not remembered
)

// Slots gives senders times to come again. What is given out for one second is
// never more than the capacity said. Where in the time ahead a sender comes is
// spread by a hash of the sender and the moment, so that those turned away at
// 17:00 do not come back together. It is safe for concurrent use.
type Slots struct {
	mu     sync.Mutex
	base   int64          // window of booked[0]
	booked [horizon]int64 // bytes given out, a ring by window
	of     map[Flow]*booking
	given  int64
}

// booking is one sender's slot.
type booking struct {
	from, to int64 // windows, both included
	shares   []int64
	bytes    int64
	latest   time.Time // when it was given or moved
	strikes  int
	start    time.Time
}

// NewSlots returns slots of which none is given.
func NewSlots() *Slots { return &Slots{of: map[Flow]*booking{}} }

// Give gives a sender that was turned away with so many bytes its slot, of a hub
// that does capacity bytes a second. One that has a slot and comes before it is
// told the same; from a second after it was told on, its slot moves away, twice
// as far each time. One that has it to come again for more in the same second
// has it made larger.
func (s *Slots) Give(f Flow, bytes, capacity int64, now time.Time) Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	capacity = max(capacity, 1)
	s.roll(now)
	bytes = max(bytes, 1)
	b := s.of[f]
	switch {
	case b == nil || now.After(b.end()):
		b = &booking{}
		s.remember(f, b, now)
		s.book(f, b, bytes, capacity, span{s.preferred(f, capacity, now), s.base + first}, now)
		s.given++
	case !now.Before(b.start): // it came when it was told
		s.release(b)
		b.strikes = 0
		s.book(f, b, bytes, capacity, span{s.preferred(f, capacity, now), s.base + first}, now)
		s.given++
	case now.Sub(b.latest) < burst:
		if b.bytes+bytes <= atOnce*capacity {
			s.extend(b, bytes, capacity)
		}
	default:
		later := b.from + min(int64(1)<<min(b.strikes, 6), longest)
		bytes = b.bytes
		s.release(b)
		b.strikes++
		s.book(f, b, bytes, capacity, span{later, later}, now)
	}
	return b.slot()
}

// Early reports whether a sender has a slot that is still to come.
func (s *Slots) Early(f Flow, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of[f]
	return b != nil && now.Before(b.start) && now.Sub(b.latest) >= burst
}

// Came says that a sender was let in: a slot that has begun is used up.
func (s *Slots) Came(f Flow, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.of[f]; b != nil && !now.Before(b.start) {
		delete(s.of, f)
	}
}

// Ahead is how many slots were given since the start, how many are still to
// come, and when the last of them begins.
func (s *Slots) Ahead(now time.Time) (given int64, ahead int, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.of {
		if b.start.After(now) {
			ahead++
			if b.start.After(until) {
				until = b.start
			}
		}
	}
	return s.given, ahead, until
}

// Booked is how many bytes were given out for the second that holds at.
func (s *Slots) Booked(at time.Time) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := at.Unix(); w >= s.base && w < s.base+horizon {
		return s.booked[w%horizon]
	}
	return 0
}

// roll forgets the windows that have passed.
func (s *Slots) roll(now time.Time) {
	w := now.Unix()
	if w >= s.base+horizon || w < s.base {
		clear(s.booked[:])
		s.base = w
		return
	}
	for ; s.base < w; s.base++ {
		s.booked[s.base%horizon] = 0
	}
}

func (s *Slots) remember(f Flow, b *booking, now time.Time) {
	if len(s.of) >= senders {
		for other, x := range s.of {
			if now.After(x.end()) {
				delete(s.of, other)
			}
		}
	}
	if len(s.of) < senders {
		s.of[f] = b
	}
}

// preferred is the window a sender is sent to where there is room: a place of
// its own in the time that is given out already.
func (s *Slots) preferred(f Flow, capacity int64, now time.Time) int64 {
	var sum int64
	for _, n := range s.booked {
		sum += n
	}
	over := min(spread+uint64(sum/capacity), horizon/2)
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.Sender)) // a hash does not fail
	return s.base + first + int64(mix(h.Sum64(), uint64(f.Lane), uint64(now.Unix())/60)%over)
}

// mix spreads what it is given over all bits (the finalizer of splitmix64).
func mix(parts ...uint64) uint64 {
	var x uint64
	for _, p := range parts {
		x ^= p
		x += 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x
}

// span is where a slot is looked for: from a window on, else from the least on.
type span struct{ from, least int64 }

// book finds a slot for bytes and keeps it free. An hour that is full sends a
// sender beyond it.
func (s *Slots) book(f Flow, b *booking, bytes, capacity int64, at span, now time.Time) {
	b.bytes, b.latest = bytes, now
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.Sender)) // a hash does not fail
	within := time.Duration(mix(h.Sum64(), uint64(at.from)) % uint64(window))
	end := s.base + horizon
	w, ok := s.free(at.from, end, capacity)
	if !ok {
		w, ok = s.free(at.least, min(at.from, end), capacity)
	}
	if !ok {
		b.from, b.to, b.shares = end, end, nil
		b.start = time.Unix(end, 0).Add(within * 60)
		return
	}
	b.from, b.to, b.shares = w, w-1, b.shares[:0]
	s.fill(b, bytes, capacity)
	b.start = time.Unix(w, 0).Add(within)
}

// free is the first window from..end that has room.
func (s *Slots) free(from, end, capacity int64) (int64, bool) {
	for w := from; w < end; w++ {
		if s.booked[w%horizon] < capacity {
			return w, true
		}
	}
	return 0, false
}

// fill takes what is free in the windows after b.to until bytes are placed, or
// the hour ends.
func (s *Slots) fill(b *booking, bytes, capacity int64) {
	for w := b.to + 1; bytes > 0 && w < s.base+horizon; w++ {
		n := min(bytes, max(capacity-s.booked[w%horizon], 0))
		s.booked[w%horizon] += n
		b.shares = append(b.shares, n)
		b.to = w
		bytes -= n
	}
}

// extend makes a slot larger.
func (s *Slots) extend(b *booking, bytes, capacity int64) {
	b.bytes += bytes
	if b.shares != nil {
		s.fill(b, bytes, capacity)
	}
}

// release gives back what was kept free.
func (s *Slots) release(b *booking) {
	for i, n := range b.shares {
		if w := b.from + int64(i); w >= s.base && w < s.base+horizon {
			s.booked[w%horizon] -= n
		}
	}
	b.shares = b.shares[:0]
}

func (b *booking) end() time.Time { return time.Unix(b.to+1, 0).Add(stay) }

func (b *booking) slot() Slot {
	return Slot{Start: b.start, End: b.end(), BytesPerS: b.bytes / max(b.to-b.from+1, 1)}
}
