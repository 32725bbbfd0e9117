package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

func legsChanged(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	place := ""
	next := func(facility care.FacilityCode, limit int) []store.Leg {
		t.Helper()
		legs, after, err := w.s.Legs.Changed(w.ctx(), facility, place, limit)
		w.must(err)
		place = after
		return legs
	}
	if got := next(cityHospital, 10); len(got) != 0 {
		t.Errorf("before anything: %v", got)
	}
	var group []store.Prepared
	for i := range 5 {
		p := w.prepare(say{episode: fmt.Sprint(i), content: "1"})
		p.Legs = legsTo(insurer, healthy)
		group = append(group, p)
	}
	w.commit(group...)
	w.sendLegs(say{episode: "x", content: "1", facility: coastClinic}, legsTo(insurer)...)
	seen := map[store.LegKey]bool{}
	for _, limit := range []int{3, 3, 3, 3} {
		for _, l := range next(cityHospital, limit) {
			if seen[l.LegKey] || l.Record.Facility != cityHospital {
				t.Errorf("told twice, or another's: %v", l.LegKey)
			}
			seen[l.LegKey] = true
		}
	}
	if len(seen) != 10 || len(next(cityHospital, 10)) != 0 {
		t.Errorf("%d legs told", len(seen))
	}
	got := w.claim(insurer, "h1", 2) // nothing that a facility would see
	if legs := next(cityHospital, 10); len(legs) != 0 {
		t.Errorf("a claim is told as a change: %v", legs)
	}
	w.settleLegs("h1", exchange.Done, got...)
	w.must(w.s.Legs.Open(w.ctx(), []store.LegKey{got[0].LegKey}, w.clock.Now()))
	legs := next(cityHospital, 10)
	if len(legs) != 2 {
		t.Fatalf("%d told, want 2", len(legs))
	}
	if last := legs[1]; last.LegKey != got[0].LegKey || last.Opened.IsZero() || last.State != exchange.Done {
		t.Errorf("the one that changed last is told last, as it stands: %+v", last)
	}
	for _, odd := range []string{"x", "-1", "00-99999999999999999999", place + "x"} {
		place = odd
		if got := next(cityHospital, 100); len(got) != 10 {
			t.Errorf("behind %q: %d", odd, len(got))
		}
	}
}

// Couriers puts four hubs on one database, each with couriers of two
// destinations, while dossiers come in with their legs and a facility reads what
// changed. Every leg must be carried once to its end, versions in order, no call
// may fail, and the reader must have been told how each leg stands in the end. An
// engine that allows fewer hubs is tested with as many as it allows.
func Couriers(t *testing.T, h *Harness, records int) {
	w := newWorld(t, h)
	hubs := []*store.Slices{w.s}
	for n := 1; n < min(h.Hubs, hubsWanted); n++ {
		hubs = append(hubs, w.open(n))
	}
	x := &carrying{world: w, want: int64(3 * records), done: map[store.LegKey]int{}, last: map[string]int{}}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	told := make(chan map[store.LegKey]store.Leg, len(crowdFacilities))
	for n, hub := range hubs {
		wg.Go(func() { x.feed(hub, n, records/len(hubs)) })
	}
	x.want = int64(3 * (records / len(hubs)) * len(hubs))
	for n, hub := range hubs {
		for _, c := range []store.LegClaim{{Destination: insurer, Whole: true, Limit: 7}, {Destination: healthy, Limit: 5}, {Destination: healthy, Limit: 11}} {
			wg.Go(func() { x.carry(hub, n, c) })
		}
		wg.Go(func() { x.meddle(hub) })
	}
	var readers sync.WaitGroup
	for n, facility := range crowdFacilities {
		readers.Go(func() { told <- x.listen(hubs[n%len(hubs)], facility, stop) })
	}
	wg.Wait()
	close(stop)
	readers.Wait()
	close(told)
	all := map[store.LegKey]store.Leg{}
	for some := range told {
		for k, l := range some {
			all[k] = l
		}
	}
	if x.finished.Load() != x.want || int64(len(all)) != x.want {
		t.Errorf("%d legs came to their end, %d were told, want %d", x.finished.Load(), len(all), x.want)
	}
	for k, n := range x.done {
		if n != 1 {
			t.Errorf("%s to %s came to its end %d times", k.Record, k.Destination, n)
		}
		now := w.leg(k.Record, k.Destination)
		if told := all[k]; told.State != now.State || !told.Changed.Equal(now.Changed) || told.Attempts != now.Attempts || !told.Opened.Equal(now.Opened) {
			t.Errorf("%s to %s is %s after %d, was told as %s after %d", k.Record, k.Destination, now.State, now.Attempts, told.State, told.Attempts)
		}
	}
	t.Logf("%d hubs, %d legs, %d attempts", len(hubs), x.want, x.attempts.Load())
}

// carrying is many couriers on one world.
type carrying struct {
	*world
	want               int64
	finished, attempts atomic.Int64
	claims             atomic.Int64 // names of holders

	mu   sync.Mutex
	done map[store.LegKey]int
	last map[string]int // version carried last, by destination and episode
}

// feed stores dossiers with legs: three to each record, two versions of
// each episode, and the first versions of two episodes in one file.
func (x *carrying) feed(hub *store.Slices, n, records int) {
	for i := range records {
		facility := crowdFacilities[(n+i/4)%len(crowdFacilities)]
		s := say{facility: facility, episode: fmt.Sprintf("%d/%d", n, i/2), content: fmt.Sprint(i), order: fmt.Sprintf("d%d", i%2), file: fmt.Sprintf("%d/%d/%d", n, i/4, i%2), index: i / 2 % 2}
		known, err := hub.Intake.Known(x.ctx(), []store.Query{s.query()})
		if err != nil {
			x.t.Errorf("known: %v", err)
			return
		}
		x.mu.Lock() // the world's clock and random are not for many
		x.clock.Advance(time.Millisecond)
		p := x.prepareWith(s, known[0])
		x.mu.Unlock()
		p.Legs = legsTo(insurer, healthy, "third")
		out, err := hub.Intake.Commit(x.ctx(), store.Routine, []store.Prepared{p})
		if err != nil || out[0].Status != store.StatusStored {
			x.t.Errorf("commit: %+v, %v", out, err)
			return
		}
	}
}

// carry claims and settles until every leg came to its end.
func (x *carrying) carry(hub *store.Slices, n int, c store.LegClaim) {
	deadline := time.Now().Add(time.Minute)
	for x.finished.Load() < x.want && !x.t.Failed() {
		if time.Now().After(deadline) {
			x.t.Errorf("only %d of %d legs came to their end", x.finished.Load(), x.want)
			return
		}
		c.Holder = fmt.Sprintf("hub %d, claim %d", n, x.claims.Add(1))
		switch c.Destination { // two destinations by turns
		case healthy:
			c.Destination = "third"
		case "third":
			c.Destination = healthy
		}
		x.clock.Advance(50 * time.Millisecond)
		c.Now = x.clock.Now()
		c.Until = c.Now.Add(time.Hour)
		legs, err := hub.Legs.Claim(x.ctx(), c)
		if err != nil {
			x.t.Errorf("claim: %v", err)
			return
		}
		results := x.attempt(legs)
		lost, err := hub.Legs.Settle(x.ctx(), c.Holder, x.clock.Now(), results)
		if err != nil || len(lost) > 0 {
			x.t.Errorf("settle: lost %v, %v", lost, err)
			return
		}
		for _, r := range results {
			if r.State != exchange.Waiting {
				x.finished.Add(1)
			}
		}
		if len(legs) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// attempt makes every fourth attempt fail.
func (x *carrying) attempt(legs []store.Leg) []store.LegResult {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []store.LegResult
	for _, l := range legs {
		now := x.clock.Now()
		r := store.LegResult{LegKey: l.LegKey, State: exchange.Done, Attempts: l.Attempts + 1, Finalized: now}
		if n := x.attempts.Add(1); n%4 == 0 && l.Attempts < 3 {
			r.State, r.Due, r.Finalized = exchange.Waiting, now.Add(time.Millisecond), time.Time{}
		} else {
			x.done[l.LegKey]++
			x.inOrder(l)
		}
		all = append(all, r)
	}
	return all
}

// inOrder checks that no older version comes after a newer one.
func (x *carrying) inOrder(l store.Leg) {
	r, err := x.s.Records.Get(x.ctx(), everything, l.Record)
	if err != nil {
		x.t.Errorf("record: %v", err)
		return
	}
	k := l.Destination + string(l.Record.Facility) + string(l.Episode[:])
	if r.Version < x.last[k] {
		x.t.Errorf("%s: version %d after %d", l.Destination, r.Version, x.last[k])
	}
	x.last[k] = r.Version
}

// meddle opens and moves, and reads how queues stand.
func (x *carrying) meddle(hub *store.Slices) {
	for x.finished.Load() < x.want && !x.t.Failed() {
		if _, err := hub.Legs.Queues(x.ctx()); err != nil {
			x.t.Errorf("queues: %v", err)
		}
		done, _, err := hub.Legs.List(x.ctx(), everything, store.LegFilter{State: exchange.Done, Limit: 5})
		if err != nil {
			x.t.Errorf("list: %v", err)
		}
		var keys []store.LegKey
		for _, l := range done {
			keys = append(keys, l.LegKey)
		}
		if err := hub.Legs.Open(x.ctx(), keys, x.clock.Now()); err != nil {
			x.t.Errorf("open: %v", err)
		}
		if _, err := hub.Legs.Move(x.ctx(), everything, store.LegFilter{State: exchange.Parked}, store.LegMove{To: exchange.Waiting, At: x.clock.Now()}, 10); err != nil {
			x.t.Errorf("move: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// listen reads changes until it is told to stop and has read all, and returns how
// each leg was told last.
func (x *carrying) listen(hub *store.Slices, facility care.FacilityCode, stop <-chan struct{}) map[store.LegKey]store.Leg {
	all := map[store.LegKey]store.Leg{}
	place, stopped := "", false
	for !x.t.Failed() {
		legs, next, err := hub.Legs.Changed(x.ctx(), facility, place, 20)
		if err != nil {
			x.t.Errorf("changed: %v", err)
			break
		}
		place = next
		for _, l := range legs {
			all[l.LegKey] = l
		}
		if stopped && len(legs) == 0 {
			break
		}
		select {
		case <-stop:
			stopped = true
		default:
			if len(legs) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	return all
}
