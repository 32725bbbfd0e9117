package disclose

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/store"
)

// lookup is what looks are counted as.
const lookup = "lookup"

// looks are those written down and not yet counted.
type looks struct {
	mu      sync.Mutex
	waiting map[store.Delta]int64 // by what they count as, N zero
}

func (l *looks) count(at time.Time, reader care.FacilityCode, records []store.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[store.Delta]int64{}
	}
	for _, r := range records {
		l.waiting[store.Delta{FacilityVersion: r.FacilityVersion, Day: clock.Day(at), Kind: r.Kind, Measure: lookup}]++
		if reader != "" && reader != r.ID.Facility {
			l.waiting[store.Delta{FacilityVersion: r.FacilityVersion, Day: clock.Day(at), Kind: r.Kind, Measure: elsewhere}]++
		}
	}
}

// take returns what waits, as deltas.
func (l *looks) take() []store.Delta {
	l.mu.Lock()
	defer l.mu.Unlock()
	deltas := make([]store.Delta, 0, len(l.waiting))
	for d, n := range l.waiting {
		d.N = n
		deltas = append(deltas, d)
	}
	l.waiting = nil
	return deltas
}

func (l *looks) putBack(deltas []store.Delta) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[store.Delta]int64{}
	}
	for _, d := range deltas {
		n := d.N
		d.N = 0
		l.waiting[d] += n
	}
}

// Count adds the looks written down since the last call to the counters. The
// hub calls it every second and when it closes. Looks written down and not yet
// counted when a process is killed stay uncounted; their rows are there.
func (d *Discloser) Count(ctx context.Context) error {
	deltas := d.looks.take()
	if len(deltas) == 0 {
		return nil
	}
	err := d.Counters.Add(ctx, d.Clock.Now(), deltas)
	if err != nil {
		d.looks.putBack(deltas)
	}
	return err
}
