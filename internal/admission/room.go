package admission

import (
	"context"
	"sync"
	"time"
)

// RoomConfig says how large a room is and how it is shared.
type RoomConfig struct {
	Size int64 // bytes
	// Share bounds what one flow may hold: so many times what is free, times its
	// weight (dynamic thresholds: Choudhury, Hahne, IEEE/ACM ToN 1998). With 1 a
	// sender alone holds half the room, two that flood a third each; something is
	// always left for who comes newly. Default 1.
	Share float64
	// Ceilings are the parts of the room that a lane and those below it may fill
	// together; 0 is the whole.
	Ceilings [Lanes]float64
	Weights  Weights
}

// Room bounds bytes held at once. It is safe for concurrent use.
type Room struct {
	cfg RoomConfig

	mu      sync.Mutex
	held    int64
	lanes   [Lanes]int64 // held by a lane and those below it
	flows   map[Flow]int64
	waiting *Queue[chan struct{}]
	queued  map[Flow]int64 // bytes that wait
	queue   int64          // in all
}

// NewRoom returns an empty room.
func NewRoom(c RoomConfig) *Room {
	if c.Share <= 0 {
		c.Share = 1
	}
	for i, part := range c.Ceilings {
		if part <= 0 || part > 1 {
			c.Ceilings[i] = 1
		}
	}
	return &Room{cfg: c, flows: map[Flow]int64{}, queued: map[Flow]int64{}, waiting: NewQueue[chan struct{}](c.Weights)}
}

// Try takes n bytes of the room if they may be had at once. One that comes
// before the slot it was given (early) has half the share.
func (r *Room) Try(f Flow, n int64, early bool) bool {
	n = r.clamp(n)
	r.mu.Lock()
	defer r.mu.Unlock()
	share := r.cfg.Share
	if early {
		share /= 2
	}
	if r.waiting.Len() > 0 && !r.overtakes(f, n) || !r.fits(f.Lane, n) || !r.within(f, n, share) {
		return false
	}
	r.take(f, n)
	return true
}

// Enter takes n bytes of the room, waiting for its turn. Its error is the
// context's; then nothing is held.
func (r *Room) Enter(ctx context.Context, f Flow, n int64, now time.Time) error {
	n = r.clamp(n)
	r.mu.Lock()
	if r.waiting.Len() == 0 && r.fits(f.Lane, n) && r.within(f, n, r.cfg.Share) {
		r.take(f, n)
		r.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	e := r.waiting.Push(f, n, turn, now)
	r.line(f, n)
	r.admit() // who waits may be kept out by what they hold, and this one not
	r.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting.Remove(e) {
		r.line(f, -n)
	} else {
		r.give(f, n) // its turn came at the same moment
	}
	r.admit()
	return ctx.Err()
}

// Leave gives n bytes back.
func (r *Room) Leave(f Flow, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.give(f, r.clamp(n))
	r.admit()
}

// Held is how many bytes are held, of how many.
func (r *Room) Held() (held, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held, r.cfg.Size
}

// HeldBy is how many bytes one flow holds.
func (r *Room) HeldBy(f Flow) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flows[f]
}

// Waiting is how many wait in a lane, and since when.
func (r *Room) Waiting(l Lane) (n int, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting.Waiting(l)
}

// Crowded reports whether a flow has waiting what it may, of a line that should
// be no longer than limit: as much as is left of it. Who has nothing waiting may
// always get in line.
func (r *Room) Crowded(f Flow, n, limit int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.queued[f]
	return mine > 0 && float64(mine+r.clamp(n)) > r.cfg.Share*r.cfg.Weights.Of(f.Sender)*float64(limit-r.queue)
}

// line notes that n bytes more wait.
func (r *Room) line(f Flow, n int64) {
	r.queue += n
	if r.queued[f] += n; r.queued[f] <= 0 {
		delete(r.queued, f)
	}
}

// clamp lets a piece larger than the room have all of it.
func (r *Room) clamp(n int64) int64 { return min(max(n, 1), r.cfg.Size) }

// fits reports whether there are n bytes for a lane. An empty room takes
// anything: nothing is too large for ever.
func (r *Room) fits(l Lane, n int64) bool {
	return r.held == 0 || r.held+n <= r.cfg.Size && r.below(l, n)
}

// below reports whether a lane stays under its ceiling.
func (r *Room) below(l Lane, n int64) bool {
	return r.lanes[l] == 0 || float64(r.lanes[l]+n) <= r.cfg.Ceilings[l]*float64(r.cfg.Size)
}

func (r *Room) shut(e *Entry[chan struct{}]) bool { return r.held > 0 && !r.below(e.Flow.Lane, e.Cost) }

// within reports whether a flow stays within its share of the room. One that
// holds nothing does: it is its first piece.
func (r *Room) within(f Flow, n int64, share float64) bool {
	held := r.flows[f]
	return held == 0 || float64(held+n) <= share*r.cfg.Weights.Of(f.Sender)*float64(r.cfg.Size-r.held)
}

// overtakes reports whether a flow may go ahead of all who wait: when they are
// kept out by what they hold themselves, or are of lanes that come later.
func (r *Room) overtakes(f Flow, n int64) bool {
	next := r.waiting.Next(r.over, r.shut)
	return next == nil || next.Flow.Lane > f.Lane
}

// over reports whether who waits is kept out by what its sender holds already.
func (r *Room) over(e *Entry[chan struct{}]) bool {
	return !r.within(e.Flow, e.Cost, r.cfg.Share)
}

// admit lets in who waits, as far as there is room. Who is next and does not
// fit is waited for: else a large piece would never find its room.
func (r *Room) admit() {
	for {
		e := r.waiting.Next(r.over, r.shut)
		if e == nil || !r.fits(e.Flow.Lane, e.Cost) {
			return
		}
		r.waiting.Take(e)
		r.line(e.Flow, -e.Cost)
		r.take(e.Flow, e.Cost)
		close(e.Value)
	}
}

func (r *Room) take(f Flow, n int64) {
	r.held += n
	for l := Urgent; l <= f.Lane; l++ {
		r.lanes[l] += n
	}
	r.flows[f] += n
}

func (r *Room) give(f Flow, n int64) {
	r.held -= n
	for l := Urgent; l <= f.Lane; l++ {
		r.lanes[l] -= n
	}
	if r.flows[f] -= n; r.flows[f] <= 0 {
		delete(r.flows, f)
	}
}
