package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// IntakeConfig says how a hub is loaded.
type IntakeConfig struct {
	Target   Target
	Corpus   *Corpus
	Workers  int           // batches on their way at once; default 4
	Duration time.Duration // how long batches are begun; 0: until the corpus is used up
	Warmup   int           // batches sent before the clock starts; default 0
	Floor    time.Duration // how long the floor runs on the same bytes afterwards; 0: not at all
	FloorDir string        // on the disk of the hub's store; default the system's

	Profile    string        // file that gets a processor profile of the hub; "" none
	ProfileFor time.Duration // how long it looks

	keep bool // the run is background: its end is the context's
}

// IntakeResult is what a hub took in, and what this machine could.
type IntakeResult struct {
	Machine
	Files          int64   `json:"files"`   // sent within the time
	Seconds        float64 `json:"seconds"` // from the first batch to the last answer
	Dossiers       int64   `json:"dossiers"`
	DossiersPerS   float64 `json:"dossiers_per_s"`    // decided: accepted or rejected
	EnvelopeMBPerS float64 `json:"envelope_mb_per_s"` // of the signed files
	WireMBPerS     float64 `json:"wire_mb_per_s"`     // of the packs
	Batches        int64   `json:"batches"`
	BatchMembers   float64 `json:"batch_members"` // on average
	Workers        int     `json:"workers"`
	Batch          Latency `json:"batch"` // from a batch's first byte to its last answer
	Counts
	TurnedAway int64        `json:"turned_away"`          // 429 and 503, sent again later
	Exhausted  bool         `json:"exhausted"`            // the corpus ended before the time did
	GroupMean  float64      `json:"group_mean,omitempty"` // records of one commit, as the hub's metrics tell
	InProcess  bool         `json:"in_process"`           // then the memory is that of hub and bench together
	RSSMB      float64      `json:"rss_mb"`
	RSSPeakMB  float64      `json:"rss_peak_mb"`
	HubCPUms   float64      `json:"hub_cpu_ms"`             // processor time of the hub for each dossier
	OwnCPUms   float64      `json:"sender_cpu_ms"`          // and of the sender
	Stored     float64      `json:"stored_share,omitempty"` // of the store, everything included, to the files as signed
	Floor      *FloorResult `json:"floor,omitempty"`
	Ratio      float64      `json:"ratio,omitempty"` // dossiers_per_s to the floor's

	Records []Ref `json:"-"` // some of the accepted
}

// maxRefs is how many records a run remembers for reading them back.
const maxRefs = 50_000

// Intake sends batches as fast as the hub answers them, Workers at once, and
// then measures the floor on the same dossiers. Faults: bench.hub, bench.corpus,
// and those of taking a token.
func Intake(ctx context.Context, c IntakeConfig) (r IntakeResult, err error) {
	if c.Workers <= 0 {
		c.Workers = 4
	}
	s, err := newSenders(c.Target)
	if err != nil {
		return IntakeResult{}, err
	}
	defer s.close()
	if err := s.ready(ctx, c.Corpus.Facilities()); err != nil {
		return IntakeResult{}, err
	}
	l := &load{IntakeConfig: c, senders: s}
	if c.Profile != "" {
		profiled := make(chan error, 1)
		go func() { profiled <- profile(ctx, c.Target.Ops, c.Profile, c.ProfileFor) }()
		defer func() { err = errors.Join(err, <-profiled) }()
	}
	for range c.Warmup {
		if _, err := l.one(ctx); err != nil {
			return IntakeResult{}, err
		}
	}
	l.sums = sums{refs: l.refs}
	r, err = l.run(ctx)
	if err != nil || c.Floor <= 0 {
		return r, err
	}
	docs, err := c.Corpus.sample(256)
	if err != nil {
		return r, err
	}
	floor, err := Floor(ctx, FloorConfig{Dossiers: docs, Duration: c.Floor, Dir: c.FloorDir})
	if err != nil {
		return r, err
	}
	r.Floor, r.Ratio = &floor, r.DossiersPerS/floor.DossiersPerS
	return r, nil
}

// load is a hub being loaded.
type load struct {
	IntakeConfig
	senders *senders

	mu sync.Mutex
	sums
}

type sums struct {
	counts      Counts
	batches     int64
	members     int64
	bytes, wire int64
	turned      int64
	took        []time.Duration
	refs        []Ref
	exhausted   bool
}

func (l *load) run(ctx context.Context) (IntakeResult, error) {
	before := groups(ctx, l.Target.Ops)
	memory := watchMemory(l.Target.PID)
	hub, own := processorTime(l.Target.PID), processorTime(os.Getpid())
	start := time.Now()
	group, inner := errgroup.WithContext(ctx)
	for range l.Workers {
		group.Go(func() error {
			for l.Duration == 0 || time.Since(start) < l.Duration {
				if l.keep && inner.Err() != nil {
					return nil
				}
				if more, err := l.one(inner); err != nil || !more {
					if l.keep && inner.Err() != nil {
						return nil
					}
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	took := time.Since(start)
	r := IntakeResult{Machine: machine(), Workers: l.Workers, InProcess: l.Target.PID == 0}
	r.RSSMB, r.RSSPeakMB = memory.end()
	if err != nil {
		return r, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batches == 0 {
		return r, ErrCorpus.Because(errors.New("no batch was left to send"))
	}
	r.Seconds, r.Counts, r.Batches, r.TurnedAway, r.Records = took.Seconds(), l.counts, l.batches, l.turned, l.refs
	r.Exhausted = l.exhausted && (l.Duration > 0 || l.keep)
	r.Files, r.Dossiers = l.members, r.Decided()
	r.DossiersPerS = perSecond(r.Dossiers, took)
	r.HubCPUms = (processorTime(l.Target.PID) - hub).Seconds() * 1e3 / float64(r.Dossiers)
	r.OwnCPUms = (processorTime(os.Getpid()) - own).Seconds() * 1e3 / float64(r.Dossiers)
	r.EnvelopeMBPerS, r.WireMBPerS = perSecond(l.bytes, took)/1e6, perSecond(l.wire, took)/1e6
	r.BatchMembers = float64(l.members) / float64(l.batches)
	r.Batch = LatencyOf(l.took)
	if after := groups(context.WithoutCancel(ctx), l.Target.Ops); after.commits > before.commits {
		r.GroupMean = (after.records - before.records) / (after.commits - before.commits)
	}
	return r, nil
}

// one sends the next batch until the hub takes it; false when there is none.
func (l *load) one(ctx context.Context) (bool, error) {
	b, pack, ok, err := l.Corpus.take()
	if err != nil || !ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.exhausted = true
		return false, err
	}
	for {
		var refs []Ref
		start := time.Now()
		counts, wait, err := l.senders.post(ctx, b.Facility, "application/x-tar", pack, func(r Ref) { refs = append(refs, r) })
		if err != nil {
			return false, err
		}
		took := time.Since(start)
		l.mu.Lock()
		if wait > 0 {
			l.turned++
			l.mu.Unlock()
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return false, ctx.Err()
			}
			continue
		}
		l.counts.add(counts)
		l.batches, l.members, l.bytes, l.wire = l.batches+1, l.members+int64(b.Dossiers), l.bytes+b.Bytes, l.wire+b.Wire
		l.took = append(l.took, took)
		l.refs = append(l.refs, refs[:min(len(refs), max(maxRefs-len(l.refs), 0))]...)
		l.mu.Unlock()
		return true, nil
	}
}

// grouped is how many records were committed in how many groups.
type grouped struct{ commits, records float64 }

// groups reads the hub's histogram of group sizes; zero when it cannot be had,
// as it is an extra.
func groups(ctx context.Context, ops string) (g grouped) {
	if ops == "" {
		return g
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(ops, "/")+"/metrics", nil)
	if err != nil {
		return g
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return g
	}
	defer resp.Body.Close() // read as far as it is wanted
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return g
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "lienthong_group_size_count":
			g.commits = n
		case "lienthong_group_size_sum":
			g.records = n
		}
	}
	return g
}

// String is the figure in one line.
func (r IntakeResult) String() string {
	return fmt.Sprintf("%.0f dossiers/s, %.1f MB/s", r.DossiersPerS, r.EnvelopeMBPerS)
}
