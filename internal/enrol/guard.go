package enrol

import (
	"net/netip"
	"sync"
	"time"
)

// The lock-out. A code has 128 bits: nobody guesses one; what is limited is the
// work of trying, and what a tried list of stolen codes could do unnoticed.
const (
	// triesEach is how many wrong codes in a row one network may send, and
	// lockFor how long it is not heard after that.
	triesEach = 10
	lockFor   = 15 * time.Minute
	// triesAll is how many all may send together at once; refill is how often
	// one more is granted.
	triesAll = 300
	refill   = time.Second
	// mostNetworks bounds the memory: beyond it those that tried longest ago
	// are forgotten.
	mostNetworks = 4096
)

// guard counts wrong codes, by network and in all.
type guard struct {
	mu  sync.Mutex
	of  map[netip.Prefix]tries
	all float64 // wrong codes not yet forgotten
	at  time.Time
}

type tries struct {
	n    int
	last time.Time
}

// network is what tries are counted by: an IPv4 address, or the /64 of an IPv6
// one, whose holder has all of it. What is no address counts as one network.
func network(address string) netip.Prefix {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 64
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// shut tells how long the network is not heard, 0 when it may try.
func (g *guard) shut(from netip.Prefix, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	if t := g.of[from]; t.n >= triesEach {
		return max(t.last.Add(lockFor).Sub(now), time.Second)
	}
	if g.all >= triesAll {
		return refill
	}
	return 0
}

// forget lets time pass.
func (g *guard) forget(now time.Time) {
	if d := now.Sub(g.at); d > 0 {
		g.all = max(0, g.all-float64(d)/float64(refill))
	}
	g.at = now
	for p, t := range g.of {
		if now.Sub(t.last) >= lockFor {
			delete(g.of, p)
		}
	}
}

// wrong counts a wrong code.
func (g *guard) wrong(from netip.Prefix, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	g.all++
	if g.of == nil {
		g.of = map[netip.Prefix]tries{}
	}
	if _, known := g.of[from]; !known && len(g.of) >= mostNetworks {
		g.dropOldest()
	}
	g.of[from] = tries{g.of[from].n + 1, now}
}

func (g *guard) dropOldest() {
	var oldest netip.Prefix
	var at time.Time
	for p, t := range g.of {
		if at.IsZero() || t.last.Before(at) {
			oldest, at = p, t.last
		}
	}
	delete(g.of, oldest)
}

// right forgets a network's wrong codes: a person mistyped.
func (g *guard) right(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.of, from)
}
