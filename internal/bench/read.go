package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// ReadConfig says what is read back and how often.
type ReadConfig struct {
	Target   Target
	Records  []Ref         // of facilities that Target has credentials of; read in turn
	Rate     float64       // requests a second, half of each sort; default 40
	Duration time.Duration // of each phase; default 10 s
	Load     *IntakeConfig // what saturates the hub in the second phase; nil: no second phase
	Settle   time.Duration // how long the load runs before reading begins; default 1 s
}

// Looks are the two ways of reading that are measured. Each writes its
// disclosure row before it answers, where it discloses anything.
type Looks struct {
	Record  Latency `json:"record"`  // GET /api/v1/records/{id}
	Related Latency `json:"related"` // GET /api/v1/records/{id}/related: the person's records
}

// ReadResult is how long reading takes when the hub is idle, and when it is not.
type ReadResult struct {
	Machine
	Rate       float64       `json:"rate_per_s"`
	Records    int           `json:"records"` // different ones read
	Idle       Looks         `json:"idle"`
	Busy       *Looks        `json:"busy,omitempty"` // while intake is saturated
	TurnedAway int           `json:"turned_away"`
	Load       *IntakeResult `json:"load,omitempty"` // what the hub took in meanwhile
}

// Read reads records back in an open loop, first from a hub left alone, then
// while Load keeps it busy.
func Read(ctx context.Context, c ReadConfig) (ReadResult, error) {
	if c.Rate <= 0 {
		c.Rate = 40
	}
	if c.Duration <= 0 {
		c.Duration = 10 * time.Second
	}
	if c.Settle <= 0 {
		c.Settle = time.Second
	}
	if len(c.Records) == 0 {
		return ReadResult{}, ErrCorpus.Because(errors.New("no records to read"))
	}
	s, err := newSenders(c.Target)
	if err != nil {
		return ReadResult{}, err
	}
	defer s.close()
	facilities := map[string]bool{}
	for _, r := range c.Records {
		if !facilities[r.Facility] {
			facilities[r.Facility] = true
			if err := s.ready(ctx, []string{r.Facility}); err != nil {
				return ReadResult{}, err
			}
		}
	}
	p := &reading{ReadConfig: c, senders: s}
	r := ReadResult{Machine: machine(), Rate: c.Rate}
	if r.Idle, err = p.phase(ctx); err != nil {
		return r, err
	}
	if c.Load != nil {
		if err := p.busy(ctx, &r); err != nil {
			return r, err
		}
	}
	r.Records, r.TurnedAway = min(p.next, len(c.Records)), p.turned
	return r, nil
}

type reading struct {
	ReadConfig
	senders *senders
	next    int // record to be read next
	turned  int
}

// phase reads for Duration: every record once each way, in turn.
func (p *reading) phase(ctx context.Context) (Looks, error) {
	n := max(int(p.Rate*p.Duration.Seconds()), 2)
	first := p.next
	p.next += (n + 1) / 2
	took, err := openLoop(ctx, p.Rate, n, func(ctx context.Context, i int) error {
		ref := p.Records[(first+i/2)%len(p.Records)]
		path := "/api/v1/records/" + url.PathEscape(ref.Record)
		if i%2 == 1 {
			path += "/related"
		}
		return p.senders.get(ctx, ref.Facility, path)
	})
	if err != nil {
		return Looks{}, err
	}
	var sorts [2][]time.Duration
	for i, d := range took {
		sorts[i%2] = append(sorts[i%2], d)
	}
	record, related := done(sorts[0]), done(sorts[1])
	p.turned += n - len(record) - len(related)
	if len(record) == 0 || len(related) == 0 {
		return Looks{}, ErrHub.Because(errors.New("every request was turned away"))
	}
	return Looks{LatencyOf(record), LatencyOf(related)}, nil
}

// busy reads while the load runs; a load that ends early would make the phase a lie.
func (p *reading) busy(ctx context.Context, r *ReadResult) error {
	c := *p.Load
	c.Duration, c.Floor, c.keep = 0, 0, true
	loading, stop := context.WithCancel(ctx)
	defer stop()
	type ended struct {
		r   IntakeResult
		err error
	}
	loaded := make(chan ended, 1)
	go func() {
		r, err := Intake(loading, c)
		loaded <- ended{r, err}
	}()
	select {
	case <-time.After(p.Settle):
	case <-ctx.Done():
	}
	looks, err := p.phase(ctx)
	stop()
	load := <-loaded
	if err = errors.Join(err, load.err); err != nil {
		return err
	}
	if load.r.Exhausted {
		return ErrCorpus.Because(errors.New("the load ended before reading did"))
	}
	r.Busy, r.Load = &looks, &load.r
	return nil
}

func (s *senders) get(ctx context.Context, facility, path string) error {
	token, err := s.token(ctx, facility)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.http.Do(req)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer resp.Body.Close() // read to its end
	n, err := io.Copy(io.Discard, resp.Body)
	switch {
	case err != nil:
		return s.failed(ctx, err)
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusServiceUnavailable:
		return errTurnedAway
	case resp.StatusCode != http.StatusOK || n == 0:
		return ErrHub.Because(fmt.Errorf("status %d for a record", resp.StatusCode))
	}
	return nil
}
