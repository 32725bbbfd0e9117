package alarm

import (
	"sync"
	"time"
)

// Rate is what came of attempts at one destination.
type Rate struct{ Attempts, Failed int }

// Rates counts attempts by destination and minute over the last hour. It is this
// process's own and safe for use by many goroutines.
type Rates struct {
	mu sync.Mutex
	of map[string]*[60]minute
}

type minute struct {
	at int64 // since 1970
	Rate
}

// NewRates returns empty counts.
func NewRates() *Rates { return &Rates{of: map[string]*[60]minute{}} }

// Attempted counts an attempt that ended at a moment. outcome is as package
// courier names it: "finalized" and "received" arrived, all else failed.
func (r *Rates) Attempted(destination, outcome string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ring := r.of[destination]
	if ring == nil {
		ring = new([60]minute)
		r.of[destination] = ring
	}
	now := at.Unix() / 60
	m := &ring[now%60]
	if m.at != now {
		*m = minute{at: now}
	}
	m.Attempts++
	if outcome != "finalized" && outcome != "received" {
		m.Failed++
	}
}

// Hour sums the last 60 minutes.
func (r *Rates) Hour(now time.Time) map[string]Rate {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]Rate{}
	oldest := now.Unix()/60 - 59
	for destination, ring := range r.of {
		var sum Rate
		for _, m := range ring {
			if m.at >= oldest {
				sum.Attempts += m.Attempts
				sum.Failed += m.Failed
			}
		}
		out[destination] = sum
	}
	return out
}
