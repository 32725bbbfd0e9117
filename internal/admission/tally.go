package admission

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// minutes is how far back a tally looks, the running one included.
const minutes = 5

// tallied bounds the memory of a tally: senders of one minute beyond it are
// counted together under "".
const tallied = 20_000

// Sent is what one sender did in the last minutes.
type Sent struct {
	Sender    string `json:"sender"`    // facility's code; "": all who have none
	Requests  int64  `json:"requests"`  // to send files
	Bytes     int64  `json:"bytes"`     // of files taken in, as decompressed
	Dossiers  int64  `json:"dossiers"`  // decided
	Deferrals int64  `json:"deferrals"` // turned away with 429 or 503, whole or a file of a tar
}

func (s *Sent) add(o Sent) {
	s.Requests += o.Requests
	s.Bytes += o.Bytes
	s.Dossiers += o.Dossiers
	s.Deferrals += o.Deferrals
}

// Tally counts what senders do. It is safe for concurrent use.
type Tally struct {
	mu  sync.Mutex
	now int64 // minute of of[now%minutes]
	of  [minutes]map[string]*Sent
}

// NewTally returns a tally of nobody.
func NewTally() *Tally { return &Tally{} }

// Note adds what a sender did.
func (t *Tally) Note(what Sent, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.roll(now)
	at := &t.of[t.now%minutes]
	if *at == nil {
		*at = map[string]*Sent{}
	}
	s := (*at)[what.Sender]
	if s == nil {
		if len(*at) >= tallied {
			what.Sender = ""
		}
		s = &Sent{Sender: what.Sender}
		(*at)[what.Sender] = s
	}
	s.add(what)
}

// Top is who sent the most bytes in the last minutes, then who was turned away
// most, at most n of them.
func (t *Tally) Top(n int, now time.Time) []Sent {
	t.mu.Lock()
	sums := map[string]*Sent{}
	t.roll(now)
	for _, minute := range t.of {
		for sender, s := range minute {
			if sums[sender] == nil {
				sums[sender] = &Sent{Sender: sender}
			}
			sums[sender].add(*s)
		}
	}
	t.mu.Unlock()
	list := make([]Sent, 0, len(sums))
	for _, s := range sums {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Sent) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Deferrals, a.Deferrals), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Sender, b.Sender))
	})
	return list[:min(n, len(list))]
}

// roll forgets the minutes that are too long ago.
func (t *Tally) roll(now time.Time) {
	m := now.Unix() / 60
	if m-t.now >= minutes || m < t.now {
		clear(t.of[:])
		t.now = m
	}
	for t.now < m {
		t.now++
		t.of[t.now%minutes] = nil
	}
}

// Goodput measures how many bytes a hub decides in a second when it has as much
// to do as it can. It is safe for concurrent use.
type Goodput struct {
	mu        sync.Mutex
	second    int64
	done      int64
	saturated bool
	before    bool // the second before was saturated too
	known     bool
	rate      float64
}

// What is assumed of a hub before it was measured, and at the least, in bytes a second.
const (
	assumed = 16 << 20
	slowest = 256 << 10
)

// NewGoodput returns a measure that has seen nothing.
func NewGoodput() *Goodput { return &Goodput{rate: assumed} }

// Done says that bytes were decided.
func (g *Goodput) Done(bytes int64, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.roll(now)
	g.done += bytes
}

// Saturated says that somebody waits or was turned away.
func (g *Goodput) Saturated(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.roll(now)
	g.saturated = true
}

// PerSecond is the capacity as measured so far.
func (g *Goodput) PerSecond(now time.Time) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.roll(now)
	return int64(max(g.rate, slowest))
}

// roll takes a full second into the measure: only one in which the hub had all
// it could do, and was not the first of that.
func (g *Goodput) roll(now time.Time) {
	s := now.Unix()
	if s == g.second {
		return
	}
	if g.saturated && g.before {
		if !g.known {
			g.rate, g.known = float64(g.done), true
		} else {
			g.rate += 0.2 * (float64(g.done) - g.rate)
		}
	}
	g.before = g.saturated && s == g.second+1
	g.second, g.done, g.saturated = s, 0, false
}
