package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// AloneConfig says how single dossiers are sent.
type AloneConfig struct {
	Target   Target
	Corpus   *Corpus
	Rate     float64       // dossiers a second, whatever the hub does; default 50
	Duration time.Duration // default 10 s
}

// AloneResult is how long one dossier waits for its receipt.
type AloneResult struct {
	Machine
	Rate    float64 `json:"rate_per_s"`
	Seconds float64 `json:"seconds"`
	Sent    int     `json:"sent"`
	Latency Latency `json:"receipt"` // from when it was due to the end of its answer
	Counts
	TurnedAway int `json:"turned_away"`
}

// Alone sends one dossier at a time, each in a request of its own, in an open
// loop: what is late is late for everyone behind it.
func Alone(ctx context.Context, c AloneConfig) (AloneResult, error) {
	if c.Rate <= 0 {
		c.Rate = 50
	}
	if c.Duration <= 0 {
		c.Duration = 10 * time.Second
	}
	n := max(int(c.Rate*c.Duration.Seconds()), 1)
	list, err := c.Corpus.single(n)
	if err != nil {
		return AloneResult{}, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return AloneResult{}, fmt.Errorf("bench: %w", err)
	}
	wire := make([][]byte, n)
	for i, d := range list {
		wire[i] = z.EncodeAll(d.XML, nil)
	}
	s, err := newSenders(c.Target)
	if err != nil {
		return AloneResult{}, err
	}
	defer s.close()
	if err := s.ready(ctx, c.Corpus.Facilities()); err != nil {
		return AloneResult{}, err
	}
	r := AloneResult{Machine: machine(), Rate: c.Rate, Sent: n}
	var mu sync.Mutex
	start := time.Now()
	took, err := openLoop(ctx, c.Rate, n, func(ctx context.Context, i int) error {
		counts, wait, err := s.post(ctx, list[i].Facility, "application/xml", wire[i], nil)
		if err == nil && wait > 0 {
			return errTurnedAway
		}
		mu.Lock()
		defer mu.Unlock()
		r.Counts.add(counts)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Seconds = time.Since(start).Seconds()
	answered := done(took)
	r.Latency, r.TurnedAway = LatencyOf(answered), n-len(answered)
	if len(answered) == 0 {
		return r, ErrHub.Because(errors.New("every dossier was turned away"))
	}
	return r, nil
}

// done leaves out what was turned away.
func done(took []time.Duration) []time.Duration {
	out := make([]time.Duration, 0, len(took))
	for _, d := range took {
		if d >= 0 {
			out = append(out, d)
		}
	}
	return out
}
