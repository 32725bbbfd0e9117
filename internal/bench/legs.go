package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// LegsConfig says how carrying legs is measured: straight on a store, without
// destinations, because what those need is theirs.
type LegsConfig struct {
	Intake     store.Intake
	Legs       store.Legs
	Facilities []care.FacilityCode
	Versions   map[care.FacilityCode]int64
	Count      int // legs that wait when the clock starts
	Done       int // legs done before; they should cost nothing
	Batch      int // legs of a claim, and of the settlement after it; default 256
	Couriers   int // side by side; default 1
	Whole      bool
	Progress   func(done, of int)
}

// LegsResult is what was measured.
type LegsResult struct {
	Machine  Machine `json:"machine"`
	Legs     int     `json:"legs"`
	Done     int     `json:"done_before"`
	Couriers int     `json:"couriers"`
	Batch    int     `json:"batch"`
	Seconds  float64 `json:"seconds"`
	LegsPerS float64 `json:"legs_per_s"`
	Claim    Latency `json:"claim"`
	Settle   Latency `json:"settle"`
	Queues   Latency `json:"queues"`
}

const (
	legDestination = "bench"
	legsPerFill    = 4 // legs of a filling row: so many destinations
)

// Legs fills a store with records and their legs, completes those that are to be
// done, and then claims and settles the others as fast as the store does it.
func Legs(ctx context.Context, c LegsConfig) (LegsResult, error) {
	if c.Batch <= 0 {
		c.Batch = 256
	}
	c.Couriers = max(1, c.Couriers)
	if c.Done > 0 {
		var many []string
		for i := range legsPerFill {
			many = append(many, fmt.Sprintf("%s-done-%d", legDestination, i))
		}
		if err := c.fill(ctx, (c.Done+legsPerFill-1)/legsPerFill, many...); err != nil {
			return LegsResult{}, err
		}
		for _, d := range many {
			if _, err := c.carry(ctx, d, 4096); err != nil {
				return LegsResult{}, err
			}
		}
	}
	if err := c.fill(ctx, c.Count, legDestination); err != nil {
		return LegsResult{}, err
	}
	began := time.Now()
	t, err := c.carry(ctx, legDestination, c.Batch)
	if err != nil {
		return LegsResult{}, err
	}
	took := time.Since(began).Seconds()
	if t.legs != c.Count {
		return LegsResult{}, ErrHub.Because(fmt.Errorf("%d of %d legs carried", t.legs, c.Count))
	}
	r := LegsResult{Machine: machine(), Legs: t.legs, Done: c.Done, Couriers: c.Couriers, Batch: c.Batch, Seconds: took, LegsPerS: float64(t.legs) / took,
		Claim: LatencyOf(t.claims), Settle: LatencyOf(t.settles)}
	var queues []time.Duration
	for range 20 {
		at := time.Now()
		if _, err := c.Legs.Queues(ctx); err != nil {
			return LegsResult{}, err
		}
		queues = append(queues, time.Since(at))
	}
	r.Queues = LatencyOf(queues)
	return r, nil
}

// fill stores rows with legs.
func (c LegsConfig) fill(ctx context.Context, records int, destinations ...string) error {
	with := withLegs{Intake: c.Intake}
	for _, d := range destinations {
		with.legs = append(with.legs, store.LegStart{Destination: d, State: exchange.Waiting})
	}
	return Fill(ctx, FillConfig{Intake: with, Facilities: c.Facilities, Versions: c.Versions, Records: records, Progress: c.Progress})
}

// withLegs gives every record legs.
type withLegs struct {
	store.Intake
	legs []store.LegStart
}

func (w withLegs) Commit(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	for i := range group {
		group[i].Legs = w.legs
	}
	return w.Intake.Commit(ctx, lane, group)
}

// carried is what couriers did.
type carried struct {
	legs            int
	claims, settles []time.Duration
}

// carry claims and settles until nothing is left.
func (c LegsConfig) carry(ctx context.Context, destination string, batch int) (carried, error) {
	var mu sync.Mutex
	var all carried
	var errs []error
	var wg sync.WaitGroup
	for n := range c.Couriers {
		wg.Go(func() {
			one, err := c.courier(ctx, destination, batch, n)
			mu.Lock()
			defer mu.Unlock()
			all.legs += one.legs
			all.claims, all.settles, errs = append(all.claims, one.claims...), append(all.settles, one.settles...), append(errs, err)
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

func (c LegsConfig) courier(ctx context.Context, destination string, batch, n int) (done carried, err error) {
	for claim := 0; ; claim++ {
		holder := fmt.Sprintf("bench %s %d/%d", destination, n, claim)
		at := time.Now()
		legs, err := c.Legs.Claim(ctx, store.LegClaim{Destination: destination, Holder: holder, Now: at, Until: at.Add(time.Hour), Limit: batch, Whole: c.Whole})
		if err != nil || len(legs) == 0 {
			return done, err
		}
		done.claims = append(done.claims, time.Since(at))
		results := make([]store.LegResult, len(legs))
		at = time.Now()
		for i, l := range legs {
			results[i] = store.LegResult{LegKey: l.LegKey, State: exchange.Done, Attempts: 1, Code: "bench.0", Reference: "1234567890", Sent: at, Received: at, Finalized: at}
		}
		lost, err := c.Legs.Settle(ctx, holder, at, results)
		if err != nil {
			return done, err
		}
		if len(lost) > 0 {
			return done, ErrHub.Because(fmt.Errorf("%d legs of one claim were lost", len(lost)))
		}
		done.settles = append(done.settles, time.Since(at))
		done.legs += len(legs)
	}
}

// Print writes the result as a table for people.
func (r LegsResult) Print(w io.Writer) error {
	return printTable(w, "Chuyển tiếp: nhận việc và ghi kết quả trong kho", "Legs: claimed and settled in the store", []row{
		r.Machine.row(),
		{"tốc độ", "rate", fmt.Sprintf("%.0f lượt/s · legs/s", r.LegsPerS)},
		{"số lượt", "legs", fmt.Sprintf("%d trong %.1f s, đã xong từ trước · done before %d", r.Legs, r.Seconds, r.Done)},
		{"mỗi lần", "at once", fmt.Sprintf("%d lượt · legs, %d luồng · couriers", r.Batch, r.Couriers)},
		{"nhận việc", "claim", r.Claim.String()},
		{"ghi kết quả", "settle", r.Settle.String()},
		{"xem hàng đợi", "queues", r.Queues.String()},
	})
}
