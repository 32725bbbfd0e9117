package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/bench"
)

// SpoolConfig is a measurement of an agent with much to send.
type SpoolConfig struct {
	Dossiers int
	Make     func(i int) (bench.Dossier, error) // safe for use by many goroutines
	// Spool opens the agent's spool beside it.
	Spool    func(ctx context.Context) (*spool.Spool, error)
	Phases   []Phase
	Progress func(phase string, left int)
	Every    time.Duration // between two looks at the spool; default 1 s
}

// Phase is a time of an agent's life.
type Phase struct {
	Name  string
	Start func(ctx context.Context) (Agent, error)
	// Over says that the phase has come to its end: nothing is left to do.
	Over    func(Left) bool
	Longest time.Duration                   // it ends then, whatever is left
	Beside  func(ctx context.Context) error // done again and again meanwhile, by a HIS or a person; nil: nothing
}

// Agent is a running agent.
type Agent interface {
	// Memory is the resident bytes it has, and has had at most; 0 where that is not known.
	Memory() (now, most int64)
	// Kill ends it at once.
	Kill() error
}

// Left is how many items are in which state.
type Left map[spool.State]int

// Looked reports that nothing waits to be looked at.
func (l Left) Looked() bool { return l[spool.Taken] == 0 }

// Sent reports that every item is decided.
func (l Left) Sent() bool { return l.Waiting() == 0 }

// Waiting counts what is not decided.
func (l Left) Waiting() (n int) {
	for state, items := range l {
		if !state.Decided() {
			n += items
		}
	}
	return n
}

// SpoolResult is what an agent with much to send needs.
type SpoolResult struct {
	Machine   bench.Machine `json:"machine"`
	Dossiers  int           `json:"dossiers"`
	Envelopes int64         `json:"envelope_bytes"`
	Filled    float64       `json:"fill_seconds"`
	Phases    []PhaseResult `json:"phases"`
}

// PhaseResult is one phase of it.
type PhaseResult struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	RSS     int64   `json:"rss_bytes"`      // at its end
	Peak    int64   `json:"peak_rss_bytes"` // at most, as the system counts (VmHWM)
	Done    int     `json:"moved"`          // items that came on: looked at, or decided
	Waiting int     `json:"waiting"`        // items not decided at its end
	Beside  int     `json:"beside"`         // times the local side was used meanwhile
}

// Spool fills an agent's spool and runs it through the phases, each a process of
// its own on the spool the one before left.
func Spool(ctx context.Context, c SpoolConfig) (r SpoolResult, err error) {
	if c.Every <= 0 {
		c.Every = time.Second
	}
	r.Machine, r.Dossiers = bench.ThisMachine(), c.Dossiers
	began := time.Now()
	if r.Envelopes, err = c.fill(ctx); err != nil {
		return r, err
	}
	r.Filled = time.Since(began).Seconds()
	for _, p := range c.Phases {
		one, err := c.phase(ctx, p)
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.Name, err)
		}
		r.Phases = append(r.Phases, one)
	}
	return r, nil
}

// fillBatch is how many items are put in at once.
const fillBatch = 200

// fill makes the dossiers on every processor and puts them in.
func (c *SpoolConfig) fill(ctx context.Context) (total int64, err error) {
	s, err := c.Spool(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var next, bytes, done atomic.Int64
	errs := make([]error, max(bench.ThisMachine().GoMaxProcs, 1))
	var workers sync.WaitGroup
	var one sync.Mutex // a spool has one writer
	for w := range errs {
		workers.Go(func() {
			for errs[w] == nil && ctx.Err() == nil {
				from := int(next.Add(fillBatch)) - fillBatch
				if from >= c.Dossiers {
					return
				}
				list := make([]spool.New, 0, fillBatch)
				for i := from; i < min(from+fillBatch, c.Dossiers) && errs[w] == nil; i++ {
					var d bench.Dossier
					d, errs[w] = c.Make(i)
					bytes.Add(int64(len(d.XML)))
					list = append(list, spool.New{Name: d.Name, Source: "folder", Payload: spool.Payload{File: spool.Part{Name: d.Name, Bytes: d.XML}}})
				}
				if errs[w] != nil {
					return
				}
				one.Lock()
				_, errs[w] = s.Put(ctx, list...)
				one.Unlock()
				if n := done.Add(int64(len(list))); c.Progress != nil {
					c.Progress("fill", c.Dossiers-int(n))
				}
			}
		})
	}
	workers.Wait()
	return bytes.Load(), errors.Join(append(errs, ctx.Err())...)
}

// phase runs an agent until there is nothing left to do, or its time is over.
func (c *SpoolConfig) phase(ctx context.Context, p Phase) (r PhaseResult, err error) {
	s, err := c.Spool(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	before, err := left(ctx, s)
	if err != nil {
		return r, err
	}
	began := time.Now()
	a, err := p.Start(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, a.Kill()) }()
	inner, cancel := context.WithCancel(ctx)
	beside, ended := 0, make(chan error, 1)
	go func() { ended <- p.using(inner, &beside) }()
	now, err := c.until(inner, p, s, ended)
	cancel()
	r = PhaseResult{Name: p.Name, Seconds: time.Since(began).Seconds(), Waiting: now.Waiting()}
	r.RSS, r.Peak = a.Memory()
	if err != nil {
		return r, err
	}
	err = <-ended
	r.Beside = beside
	if r.Done = before.Waiting() - now.Waiting(); r.Done <= 0 {
		r.Done = before[spool.Taken] - now[spool.Taken]
	}
	return r, err
}

// until waits for the end of a phase.
func (c *SpoolConfig) until(ctx context.Context, p Phase, s *spool.Spool, ended chan error) (now Left, err error) {
	limit := time.NewTimer(p.Longest)
	defer limit.Stop()
	for {
		select {
		case <-time.After(c.Every):
		case <-limit.C:
			return left(ctx, s)
		case err := <-ended:
			ended <- nil
			return now, errors.Join(err, ctx.Err())
		}
		if now, err = left(ctx, s); err != nil || p.Over(now) {
			return now, err
		}
		if c.Progress != nil {
			c.Progress(p.Name, now.Waiting())
		}
	}
}

// using does what is done beside, once a second, until ctx ends.
func (p *Phase) using(ctx context.Context, n *int) error {
	for ; ; *n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		if p.Beside == nil {
			*n--
			continue
		}
		if err := p.Beside(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func left(ctx context.Context, s *spool.Spool) (Left, error) {
	queues, err := s.Queues(ctx)
	l := Left{}
	for _, q := range queues {
		l[q.State] += q.Items
	}
	return l, err
}

// Print shows it to people.
func (r SpoolResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d dossiers (%.0f MB) spooled in %.0f s\n%-10s %9s %9s %9s %9s %9s\n", r.Dossiers, mb(r.Envelopes), r.Filled,
		"phase", "seconds", "moved", "waiting", "RSS MB", "peak MB")
	for _, p := range r.Phases {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-10s %9.0f %9d %9d %9.1f %9.1f\n", p.Name, p.Seconds, p.Done, p.Waiting, mb(p.RSS), mb(p.Peak))
		}
	}
	return err
}
