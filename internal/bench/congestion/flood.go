// Package congestion measures a hub that is given more than its share: by one
// facility that floods while others send, and by all together (doc/design/
// congestion.md). It asserts nothing; the caller starts the hub, makes the
// dossiers and prints.
package congestion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/bench"
)

// FloodConfig says how one facility floods a hub that others send to.
type FloodConfig struct {
	Target   bench.Target
	Others   *bench.Corpus // of many facilities, sent one dossier a request at a steady rate
	Flood    *bench.Corpus // of one facility
	Rate     float64       // dossiers a second of all others together; default 100
	Times    float64       // the flood is so many times what one of the others sends; default 100
	Packs    bool          // the flood comes in tars, else one dossier a request
	Duration time.Duration // how long the others are measured each way; default 10 s
	Rounds   int           // the two ways take turns so often, as a machine is not the same for long; default 4
}

// FloodResult is how long the others wait for their receipts.
type FloodResult struct {
	bench.Machine
	LoadBefore string        `json:"load_average_before"` // of the machine, 1, 5 and 15 minutes
	Facilities int           `json:"facilities"`          // that send beside the one that floods
	Rate       float64       `json:"rate_per_s"`          // of the others together
	FloodRate  float64       `json:"flood_per_s"`         // dossiers a second the flood tries to send
	Packs      bool          `json:"packs"`
	Normal     bench.Latency `json:"normal"`  // of the others
	Flooded    bench.Latency `json:"flooded"` // of the others during the flood
	Ratio      float64       `json:"ratio"`   // p99 flooded to normal; asked: at most 2
	TurnedAway int           `json:"others_turned_away"`
	Flood      bench.Counts  `json:"flood"` // what became of the flood
	FloodAway  int64         `json:"flood_turned_away"`
	FloodDone  float64       `json:"flood_done_per_s"`
	RSSPeakMB  float64       `json:"rss_peak_mb"`
}

// Flood measures the others alone, and while one facility floods without regard
// to what it is told, in turns. Faults: bench.hub, bench.corpus.
func Flood(ctx context.Context, c FloodConfig) (r FloodResult, err error) {
	if c.Rate <= 0 {
		c.Rate = 100
	}
	if c.Times <= 0 {
		c.Times = 100
	}
	if c.Duration <= 0 {
		c.Duration = 10 * time.Second
	}
	if c.Rounds <= 0 {
		c.Rounds = 4
	}
	others := c.Others.Facilities()
	r = FloodResult{Machine: bench.ThisMachine(), LoadBefore: bench.LoadAverage(), Facilities: len(others), Rate: c.Rate, Packs: c.Packs,
		FloodRate: c.Times * c.Rate / float64(max(len(others), 1))}
	s, err := bench.Connect(ctx, c.Target, append(others, c.Flood.Facilities()...)...)
	if err != nil {
		return r, err
	}
	defer s.Close()
	f := &flood{FloodConfig: c, senders: s, r: &r}
	if f.list, err = singles(c.Others, c.Others.Dossiers()); err != nil {
		return r, err
	}
	memory := bench.WatchMemory(c.Target.PID)
	defer func() { r.RSSPeakMB = memory() }()
	if _, err = f.others(ctx, 2*time.Second); err != nil { // warm
		return r, err
	}
	var normal, flooded []time.Duration
	for range c.Rounds {
		took, err := f.others(ctx, c.Duration/time.Duration(c.Rounds))
		if err != nil {
			return r, err
		}
		normal = append(normal, took...)
		if took, err = f.flooded(ctx, c.Duration/time.Duration(c.Rounds)); err != nil {
			return r, err
		}
		flooded = append(flooded, took...)
	}
	r.Normal, r.Flooded = bench.LatencyOf(normal), bench.LatencyOf(flooded)
	r.FloodDone = float64(r.Flood.Decided()) / max(f.lasted.Seconds(), 1e-9)
	if r.Normal.P99 > 0 {
		r.Ratio = r.Flooded.P99 / r.Normal.P99
	}
	return r, nil
}

type flood struct {
	FloodConfig
	senders *bench.Senders
	list    []single // of the others, not sent yet
	mu      sync.Mutex
	r       *FloodResult
	lasted  time.Duration // the flood, in all
}

// floodAhead is how long the flood is on before the others are looked at.
const floodAhead = time.Second

// others sends the others' dossiers for a while.
func (f *flood) others(ctx context.Context, d time.Duration) ([]time.Duration, error) {
	n := max(int(f.Rate*d.Seconds()), 1)
	if len(f.list) < n {
		return nil, bench.ErrCorpus.Because(fmt.Errorf("%d dossiers of the others are left, %d are needed", len(f.list), n))
	}
	list := f.list[:n]
	f.list = f.list[n:]
	took, err := bench.OpenLoop(ctx, f.Rate, n, func(ctx context.Context, i int) error {
		_, wait, err := f.senders.Post(ctx, list[i].facility, "application/xml", list[i].body)
		if err == nil && wait > 0 {
			return bench.ErrTurnedAway
		}
		return err
	})
	f.r.TurnedAway += n - len(took)
	return took, err
}

// flooded measures the others while the flood is on.
func (f *flood) flooded(ctx context.Context, d time.Duration) ([]time.Duration, error) {
	list, perSecond, err := f.torrent((d + floodAhead).Seconds())
	if err != nil {
		return nil, err
	}
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	start := time.Now()
	go func() {
		_, err := bench.OpenLoop(flooding, perSecond, len(list), func(ctx context.Context, i int) error {
			kind := "application/xml"
			if f.Packs {
				kind = "application/x-tar"
			}
			counts, wait, err := f.senders.Post(ctx, list[i].facility, kind, list[i].body)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.r.Flood.Add(counts)
			if wait > 0 {
				f.r.FloodAway++
			}
			return err
		})
		ended <- err
	}()
	select {
	case <-time.After(floodAhead):
	case <-ctx.Done():
	}
	took, err := f.others(ctx, d)
	stop()
	if flood := <-ended; err == nil && flood != nil && !errors.Is(flood, context.Canceled) {
		err = flood
	}
	f.lasted += time.Since(start)
	return took, err
}

// torrent is what the flood sends, and how many a second.
func (f *flood) torrent(seconds float64) ([]single, float64, error) {
	if !f.Packs {
		list, err := singles(f.Flood, int(f.r.FloodRate*seconds))
		return list, f.r.FloodRate, err
	}
	var list []single
	members := 0
	for float64(members) < f.r.FloodRate*seconds {
		b, pack, ok, err := f.Flood.Take()
		if err != nil || !ok {
			return nil, 0, errors.Join(err, bench.ErrCorpus.Because(fmt.Errorf("%d dossiers for the flood are too few", members)))
		}
		list, members = append(list, single{b.Facility, pack}), members+b.Dossiers
	}
	return list, f.r.FloodRate * float64(len(list)) / float64(members), nil
}

// single is one dossier as it travels alone.
type single struct {
	facility string
	body     []byte // zstd
}

// singles takes n dossiers of a corpus.
func singles(c *bench.Corpus, n int) ([]single, error) {
	docs, err := c.Single(n)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	list := make([]single, n)
	for i, d := range docs {
		list[i] = single{d.Facility, z.EncodeAll(d.XML, nil)}
	}
	return list, nil
}

// Print writes the result as a table for people.
func (r FloodResult) Print(w io.Writer) error {
	how := "từng hồ sơ · one a request"
	if r.Packs {
		how = "gói tar · in tars"
	}
	return bench.PrintTable(w, "Một cơ sở gửi dồn dập", "One facility floods", r.Machine, []bench.Row{
		{VI: "tải máy lúc đầu", EN: "load average before", Value: r.LoadBefore},
		{VI: "cơ sở khác", EN: "others", Value: fmt.Sprintf("%d cơ sở · facilities, %.0f hồ sơ/s · dossiers/s", r.Facilities, r.Rate)},
		{VI: "gửi dồn dập", EN: "the flood", Value: fmt.Sprintf("%.0f hồ sơ/s · dossiers/s, %s", r.FloodRate, how)},
		{VI: "lúc thường", EN: "normal", Value: r.Normal.String()},
		{VI: "lúc dồn dập", EN: "flooded", Value: r.Flooded.String()},
		{VI: "tỷ lệ p99", EN: "ratio of p99", Value: fmt.Sprintf("%.2f (cần không quá · asked at most 2)", r.Ratio)},
		{VI: "cơ sở khác bị mời quay lại", EN: "others turned away", Value: fmt.Sprint(r.TurnedAway)},
		{VI: "phần dồn dập được nhận", EN: "taken of the flood", Value: fmt.Sprintf("%.0f hồ sơ/s · dossiers/s, %d lần bị mời quay lại · turned away", r.FloodDone, r.FloodAway)},
		{VI: "bộ nhớ hub cao nhất", EN: "hub memory peak", Value: fmt.Sprintf("%.0f MB", r.RSSPeakMB)},
	})
}
