package congestion

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"lienthong/internal/bench"
)

// OverloadConfig says how a hub is given more than it can take.
type OverloadConfig struct {
	Target   bench.Target
	Corpus   *bench.Corpus
	Times    float64       // of its peak; default 3
	Duration time.Duration // of the overload; default 30 s
	Peak     time.Duration // how long the peak is looked for; default 5 s
	Calm     time.Duration // looked at a time, before and after; default 3 s
	Obey     bool          // senders wait for the slots they are given, else they try again at once
}

// OverloadResult is what a hub did with more than it can take.
type OverloadResult struct {
	bench.Machine
	LoadBefore string        `json:"load_average_before"`
	PeakPerS   float64       `json:"peak_per_s"` // dossiers a second, as many as it took, one a request
	Times      float64       `json:"times"`
	Obey       bool          `json:"obey"`
	Seconds    float64       `json:"seconds"`
	OfferedPer float64       `json:"offered_per_s"` // requests that were sent
	GoodPerS   float64       `json:"goodput_per_s"`
	Share      float64       `json:"share"` // of the peak; asked: at least 0.8
	TurnedAway int64         `json:"turned_away"`
	GaveUp     int64         `json:"gave_up"`      // by the sender: too many on their way
	Failed     int64         `json:"failed"`       // answers that were neither
	Calm       bench.Latency `json:"calm"`         // at a fifth of the peak, before
	During     bench.Latency `json:"during"`       // of those taken
	BackAfter  float64       `json:"back_after_s"` // until p99 was twice calm or less; asked: at most 60; -1: never
	Back       bench.Latency `json:"back"`
	RSSPeakMB  float64       `json:"rss_peak_mb"`
}

// Bounds of an overload.
const (
	onTheirWay = 3000             // requests at once: more than a hub lets wait
	calmShare  = 0.2              // of the peak
	backWithin = 90 * time.Second // then it is given up
)

// Overload finds the hub's peak, sends so many times of it, and then looks until
// latency is normal again. What was not taken is sent again. Faults: bench.hub,
// bench.corpus.
func Overload(ctx context.Context, c OverloadConfig) (r OverloadResult, err error) {
	if c.Times <= 0 {
		c.Times = 3
	}
	if c.Duration <= 0 {
		c.Duration = 30 * time.Second
	}
	if c.Peak <= 0 {
		c.Peak = 5 * time.Second
	}
	if c.Calm <= 0 {
		c.Calm = 3 * time.Second
	}
	r = OverloadResult{Machine: bench.ThisMachine(), LoadBefore: bench.LoadAverage(), Times: c.Times, Obey: c.Obey}
	s, err := bench.Connect(ctx, c.Target, c.Corpus.Facilities()...)
	if err != nil {
		return r, err
	}
	defer s.Close()
	list, err := singles(c.Corpus, c.Corpus.Dossiers())
	if err != nil {
		return r, err
	}
	o := &overload{OverloadConfig: c, senders: s, list: list, slots: map[string]time.Time{}}
	memory := bench.WatchMemory(c.Target.PID)
	defer func() { r.RSSPeakMB = memory() }()
	o.peak(ctx, c.Peak/5) // warm
	r.PeakPerS = o.peak(ctx, c.Peak).rate()
	calm := o.arrive(ctx, calmShare*r.PeakPerS, c.Calm)
	r.Calm = bench.LatencyOf(calm.took)
	load := o.arrive(ctx, c.Times*r.PeakPerS, c.Duration)
	r.Seconds, r.GoodPerS, r.During = load.seconds, load.rate(), bench.LatencyOf(load.took)
	r.OfferedPer = float64(load.taken+load.away+load.failed) / load.seconds
	r.TurnedAway, r.GaveUp, r.Failed = load.away, load.gaveUp, load.failed
	r.Share = r.GoodPerS / max(r.PeakPerS, 1e-9)
	r.BackAfter = -1
	for began := time.Now(); ctx.Err() == nil && time.Since(began) < backWithin; {
		at := time.Since(began)
		if r.Back = bench.LatencyOf(o.arrive(ctx, calmShare*r.PeakPerS, c.Calm).took); r.Back.Count > 0 && r.Back.P99 <= 2*r.Calm.P99 {
			r.BackAfter = at.Seconds()
			break
		}
	}
	if o.ran {
		return r, bench.ErrCorpus.Because(fmt.Errorf("%d dossiers were too few", len(list)))
	}
	return r, ctx.Err()
}

type overload struct {
	OverloadConfig
	senders *bench.Senders

	mu    sync.Mutex
	list  []single // to be sent
	slots map[string]time.Time
	ran   bool // out of dossiers
}

// spell is what became of what was sent for a while.
type spell struct {
	taken, away, failed, gaveUp int64
	took                        []time.Duration
	seconds                     float64
}

func (s *spell) rate() float64 { return float64(s.taken) / max(s.seconds, 1e-9) }

// next is what is sent next; one whose facility waits for its slot goes behind.
func (o *overload) next() (single, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range min(len(o.list), 64) {
		x := o.list[0]
		o.list = o.list[1:]
		if !o.Obey || time.Now().After(o.slots[x.facility]) {
			return x, true
		}
		o.list = append(o.list, x)
	}
	if len(o.list) == 0 {
		o.ran = true
	}
	return single{}, false
}

// one sends one dossier and notes in s what became of it.
func (o *overload) one(ctx context.Context, s *spell, due time.Time) bool {
	x, ok := o.next()
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	counts, wait, err := o.senders.Post(ctx, x.facility, "application/xml", x.body)
	took := time.Since(due)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil && counts.Decided() == 1:
		s.taken++
		s.took = append(s.took, took)
		return true
	case err == nil && (wait > 0 || counts.Deferred > 0):
		s.away++
		o.slots[x.facility] = time.Now().Add(wait)
	default:
		s.failed++
	}
	o.list = append(o.list, x)
	return true
}

// peak is as much as the hub takes of eight at once.
func (o *overload) peak(ctx context.Context, d time.Duration) *spell {
	s := &spell{}
	var wg sync.WaitGroup
	began := time.Now()
	for range 8 {
		wg.Go(func() {
			for time.Since(began) < d && ctx.Err() == nil {
				if !o.one(ctx, s, time.Now()) {
					return
				}
			}
		})
	}
	wg.Wait()
	s.seconds = time.Since(began).Seconds()
	return s
}

// arrive sends at a rate for a while, whatever the hub does. What is taken after
// the while does not count.
func (o *overload) arrive(ctx context.Context, rate float64, d time.Duration) *spell {
	s := &spell{}
	var wg sync.WaitGroup
	places := make(chan struct{}, onTheirWay)
	began := time.Now()
	for n := 0; time.Since(began) < d && ctx.Err() == nil; {
		for ; float64(n) < rate*time.Since(began).Seconds(); n++ {
			due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			select {
			case places <- struct{}{}:
				wg.Go(func() {
					defer func() { <-places }()
					o.one(ctx, s, due)
				})
			default:
				s.gaveUp++ // only this goroutine counts it
			}
		}
		time.Sleep(time.Millisecond)
	}
	o.mu.Lock()
	seconds, taken := time.Since(began).Seconds(), s.taken
	o.mu.Unlock()
	wg.Wait()
	s.seconds, s.taken = seconds, taken
	return s
}

// Print writes the result as a table for people.
func (r OverloadResult) Print(w io.Writer) error {
	obey := "không đợi giờ hẹn · slots not obeyed"
	if r.Obey {
		obey = "đợi giờ hẹn · slots obeyed"
	}
	return bench.PrintTable(w, "Quá tải", "Overload", r.Machine, []bench.Row{
		{VI: "tải máy lúc đầu", EN: "load average before", Value: r.LoadBefore},
		{VI: "mức cao nhất", EN: "peak", Value: fmt.Sprintf("%.0f hồ sơ/s · dossiers/s", r.PeakPerS)},
		{VI: "đưa vào", EN: "offered", Value: fmt.Sprintf("%.0f/s, %.1f lần · times, %.0f s, %s", r.OfferedPer, r.Times, r.Seconds, obey)},
		{VI: "nhận được", EN: "goodput", Value: fmt.Sprintf("%.0f hồ sơ/s · dossiers/s, %.0f %% mức cao nhất · of the peak (cần · asked 80 %%)", r.GoodPerS, 100*r.Share)},
		{VI: "bị mời quay lại", EN: "turned away", Value: fmt.Sprint(r.TurnedAway)},
		{VI: "bên gửi bỏ", EN: "given up by the sender", Value: fmt.Sprint(r.GaveUp)},
		{VI: "không có trả lời đúng", EN: "without a proper answer", Value: fmt.Sprint(r.Failed)},
		{VI: "lúc yên", EN: "calm", Value: r.Calm.String()},
		{VI: "lúc quá tải", EN: "during", Value: r.During.String()},
		{VI: "trở lại bình thường sau", EN: "normal again after", Value: fmt.Sprintf("%.0f s, %s (cần không quá · asked at most 60 s)", r.BackAfter, r.Back)},
		{VI: "bộ nhớ hub cao nhất", EN: "hub memory peak", Value: fmt.Sprintf("%.0f MB", r.RSSPeakMB)},
	})
}
