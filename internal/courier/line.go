package courier

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// line carries the legs of one destination. Its loop owns all but what mu
// guards: attempts run beside it and report to it.
type line struct {
	c           *Courier
	id          string // of the destination
	adapter     Adapter
	adapterName string
	wants       Wants
	follows     Follower // nil: it gives no later verdict

	wake     chan struct{}
	stop     chan struct{}
	once     sync.Once
	done     chan struct{}
	finished chan finish
	work     context.Context // of attempts
	cancel   context.CancelFunc

	breaker  *exchange.Breaker
	pace     *exchange.Pace
	budget   *exchange.Budget
	denied   int // repetitions that had to wait
	ready    []job
	running  int
	batch    int       // legs claimed at once, by how fast they go
	began    time.Time // of the last claim
	askAt    time.Time // not claimed before
	paceAt   time.Time // nothing begun before
	results  []settled
	oldest   time.Time                  // of results
	retryAt  time.Time                  // results not kept are not tried again before
	failing  map[store.LegKey]bool      // records that failed in a row
	failedAt map[store.LegKey]time.Time // when the destination failed them as a whole
	answered time.Time                  // when it last answered, whatever it said

	mu   sync.Mutex
	dest exchange.Destination
	now  Status
}

// claim is one lease.
type claim struct {
	holder string
	ends   time.Time // by this process's own clock
}

// job is what goes in one attempt: one leg, or those of one file.
type job struct {
	legs  []store.Leg
	claim *claim
}

// settled is a result on its way to the store.
type settled struct {
	store.LegResult
	claim *claim
}

// finish is what an attempt came to.
type finish struct {
	job    job             // the legs that the answer is about
	answer exchange.Answer // Outcome 0: nothing was attempted
	early  []store.LegResult
	said   []*store.LegReceipt // what it said of the record of each leg, to be kept; shorter: nothing
	called bool                // the destination was
	took   time.Duration
}

func (c *Courier) begin(d exchange.Destination) *line {
	now := time.Now()
	l := &line{c: c, id: d.ID, adapter: c.Adapters[d.Adapter], adapterName: d.Adapter, dest: d, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		finished: make(chan finish, max(d.Parallel, 1)), breaker: exchange.NewBreaker(c.cfg.Breaker, d.Parallel, now), pace: exchange.NewPace(d.PerSecond, now),
		budget: exchange.NewBudget(c.cfg.Retries, now), batch: max(d.Parallel, 1), failing: map[store.LegKey]bool{}, failedAt: map[store.LegKey]time.Time{}}
	l.wants = l.adapter.Wants()
	l.follows, _ = l.adapter.(Follower)
	l.now = Status{Breaker: exchange.Closed, Since: now}
	l.work, l.cancel = context.WithCancel(context.Background())
	go l.run()
	return l
}

// change takes new settings over.
func (l *line) change(d exchange.Destination) {
	l.mu.Lock()
	l.dest = d
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *line) destination() exchange.Destination {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dest
}

// halt has the line claim nothing more.
func (l *line) halt() { l.once.Do(func() { close(l.stop) }) }

// end stops the line and waits until it has settled everything.
func (l *line) end() {
	l.halt()
	patience := time.NewTimer(l.c.cfg.Drain)
	defer patience.Stop()
	select {
	case <-l.done:
	case <-patience.C:
		l.cancel() // attempts end: nobody knows how, so they are tried again as repetitions
		<-l.done
	}
	l.cancel()
}

// tell fills in what an overview shows.
func (l *line) tell(s *Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Breaker, s.Since, s.Until, s.Running, s.Code, s.CodeAt, s.Answered = l.now.Breaker, l.now.Since, l.now.Until, l.now.Running, l.now.Code, l.now.CodeAt, l.now.Answered
}

// show takes over how the line stands.
func (l *line) show(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now.Breaker, l.now.Since, l.now.Until = l.breaker.State(now)
	l.now.Running = l.running
}

const settleAt, settleAfter = 128, 20 * time.Millisecond

// run is the loop.
func (l *line) run() {
	defer close(l.done)
	stopping := false
	for {
		select { // of many things at once this is heard first: nothing is claimed after it
		case <-quit(l.stop, stopping):
			stopping = true
		default:
		}
		now := time.Now()
		l.start(now, stopping)
		if len(l.results) >= settleAt || l.running == 0 || len(l.results) > 0 && now.Sub(l.oldest) >= settleAfter {
			l.settle(stopping)
		}
		if stopping && l.running == 0 {
			return
		}
		if !stopping {
			l.claim(now)
		}
		l.show(now)
		timer := time.NewTimer(l.pause(stopping))
		select {
		case f := <-l.finished:
			l.take(f)
			for more := true; more; {
				select {
				case f := <-l.finished:
					l.take(f)
				default:
					more = false
				}
			}
		case <-timer.C:
		case <-l.wake:
			d := l.destination()
			l.breaker.Widen(d.Parallel)
			l.pace.Change(d.PerSecond, time.Now())
		case <-quit(l.stop, stopping):
			stopping = true
		}
		timer.Stop()
	}
}

// quit is stop until it was heard.
func quit(stop chan struct{}, heard bool) chan struct{} {
	if heard {
		return nil
	}
	return stop
}

// pause is how long the loop may sleep when nothing is reported to it.
func (l *line) pause(stopping bool) time.Duration {
	now := time.Now()
	wait := time.Minute
	sooner := func(at time.Time) {
		wait = min(wait, max(at.Sub(now), 0))
	}
	if len(l.results) > 0 {
		at := l.oldest.Add(settleAfter)
		if l.retryAt.After(at) {
			at = l.retryAt
		}
		sooner(at)
	}
	if stopping || len(l.results) > 0 && l.retryAt.After(now) {
		return wait
	}
	if shut := l.breaker.Wait(now); shut > 0 {
		return min(wait, shut)
	}
	room := l.running < l.breaker.Room(now)
	switch {
	case room && len(l.ready) > 0:
		sooner(l.paceAt)
	case room:
		sooner(l.askAt)
	}
	return wait
}

// start begins what may begin, and puts back what may not in time.
func (l *line) start(now time.Time, stopping bool) {
	d := l.destination()
	for len(l.ready) > 0 {
		j := l.ready[0]
		room := l.breaker.Room(now)
		switch {
		case stopping, room == 0:
			for _, j := range l.ready {
				l.putBack(j, time.Time{})
			}
			l.ready = nil
			return
		case l.running >= room:
			return
		case j.claim.ends.Sub(now) < l.c.cfg.Timeout: // it would outlive its lease
			l.putBack(j, time.Time{})
			l.ready = l.ready[1:]
			continue
		}
		if wait := l.pace.Take(now); wait > 0 {
			l.paceAt = now.Add(wait)
			return
		}
		l.ready = l.ready[1:]
		if j.legs[0].Attempts == 0 {
			l.budget.First()
		} else if j.legs[0].Received.IsZero() && !l.ration(now, j) {
			continue
		}
		l.running++
		go func() { l.finished <- l.attempt(d, j) }()
	}
}

// ration reports whether a repetition may be made now. The more had to wait,
// the longer those that come next do: about one a second has its turn.
func (l *line) ration(now time.Time, j job) bool {
	if l.budget.Again(now) {
		l.denied = max(l.denied-1, 0)
		return true
	}
	l.denied++
	wait := min(time.Second+time.Duration(2*l.c.cfg.Draw()*float64(l.denied))*time.Second, l.c.cfg.Law.Cap)
	l.putBack(j, l.c.Clock.Now().Add(wait))
	return false
}

// putBack gives legs back as they were; due, where it is not zero, later.
func (l *line) putBack(j job, due time.Time) {
	for i := range j.legs {
		r := unchanged(&j.legs[i])
		if !due.IsZero() {
			r.Due = due
		}
		l.keep(j.claim, r)
	}
}

func unchanged(leg *store.Leg) store.LegResult {
	return store.LegResult{LegKey: leg.LegKey, State: exchange.Waiting, Due: leg.Due, Attempts: leg.Attempts, Code: leg.Code, Reference: leg.Reference}
}

func (l *line) keep(c *claim, results ...store.LegResult) {
	if len(l.results) == 0 {
		l.oldest = time.Now()
	}
	for _, r := range results {
		l.results = append(l.results, settled{r, c})
	}
}

// settle keeps results, those of one lease in one commit. What is not kept is
// tried again; when the line ends it is left to the lease.
func (l *line) settle(stopping bool) {
	if len(l.results) == 0 || !stopping && time.Now().Before(l.retryAt) {
		return
	}
	by := map[*claim][]store.LegResult{}
	var order []*claim
	for _, r := range l.results {
		if by[r.claim] == nil {
			order = append(order, r.claim)
		}
		by[r.claim] = append(by[r.claim], r.LegResult)
	}
	l.results = l.results[:0]
	for _, c := range order {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		lost, err := l.c.Legs.Settle(ctx, c.holder, l.c.Clock.Now(), by[c])
		cancel()
		switch {
		case err != nil && stopping:
			l.c.Logger.Error("what became of legs is not kept; they are tried again as repetitions", "destination", l.id, "legs", len(by[c]), "error", err)
		case err != nil:
			l.c.Logger.Error("what became of legs is not kept yet", "destination", l.id, "legs", len(by[c]), "error", err)
			l.keep(c, by[c]...)
			l.retryAt = time.Now().Add(time.Second)
		case len(lost) > 0:
			l.c.Logger.Warn("legs were moved or claimed by others meanwhile", "destination", l.id, "legs", len(lost))
		}
	}
}

// claim leases more when there is room and nothing is ready.
func (l *line) claim(now time.Time) {
	room := l.breaker.Room(now)
	if room == 0 || len(l.ready) > 0 || l.running >= room || now.Before(l.askAt) {
		return
	}
	if len(l.results) > 0 { // what waits for an older version finds it settled
		if l.settle(false); len(l.results) > 0 {
			return
		}
	}
	l.size(now)
	limit := min(l.batch, 4*room)
	lease := 3*l.c.cfg.Timeout + l.c.cfg.Skew
	c := &claim{holder: rand.Text(), ends: now.Add(3 * l.c.cfg.Timeout)}
	ctx, cancel := context.WithTimeout(l.work, 30*time.Second)
	defer cancel()
	at := l.c.Clock.Now()
	legs, err := l.c.Legs.Claim(ctx, store.LegClaim{Destination: l.id, Holder: c.holder, Now: at, Until: at.Add(lease), Limit: limit, Whole: l.wants.Original})
	if err != nil {
		l.c.Logger.Error("no legs claimed", "destination", l.id, "error", err)
		l.askAt = now.Add(5 * time.Second)
		return
	}
	l.began, l.askAt = now, now
	if len(legs) < limit {
		l.askAt = now.Add(l.c.cfg.Poll)
	}
	l.ready = l.jobs(c, legs)
	l.start(time.Now(), false)
}

// size fits a claim to the speed: some seconds of work, and never so much that
// a lease runs out over it.
func (l *line) size(now time.Time) {
	if l.began.IsZero() {
		return
	}
	switch d := now.Sub(l.began); {
	case d < 2*time.Second:
		l.batch = min(2*l.batch, l.c.cfg.Batch)
	case d > l.c.cfg.Timeout/2:
		l.batch = max(l.batch/2, 1)
	}
}

// jobs makes the attempts of a claim: one for each leg, or for each file.
func (l *line) jobs(c *claim, legs []store.Leg) []job {
	var out []job
	at := map[string]int{}
	for _, leg := range legs {
		if !l.wants.Original || !leg.Withdraws.IsZero() {
			out = append(out, job{[]store.Leg{leg}, c})
			continue
		}
		key := string(leg.Record.Facility) + "/" + string(leg.File[:])
		if !leg.Received.IsZero() {
			key += "/received"
		}
		if i, ok := at[key]; ok {
			out[i].legs = append(out[i].legs, leg)
			continue
		}
		at[key] = len(out)
		out = append(out, job{[]store.Leg{leg}, c})
	}
	return out
}

// take judges what an attempt came to.
func (l *line) take(f finish) {
	l.running--
	now, at := time.Now(), l.c.Clock.Now()
	l.keep(f.job.claim, f.early...)
	if f.answer.Outcome == 0 {
		return
	}
	open := false
	if f.called {
		open = l.judge(&f, now, at)
		l.c.Observer.Attempted(l.id, word(f.answer), f.took)
	}
	whole := f.answer.Outcome == exchange.Again && f.answer.Whole
	for i := range f.job.legs {
		leg := &f.job.legs[i]
		a := f.answer.Of(i)
		failed, before := l.failedAt[leg.LegKey]
		delete(l.failedAt, leg.LegKey)
		if whole && before && l.answered.After(failed) {
			a.Whole = false // what answers others is not down: it is this one that it fails on
		}
		if whole {
			l.remember(leg.LegKey, now)
		}
		if open {
			a.Wait += l.breaker.Wait(now) // others are the next to try it with
		}
		r := l.result(leg, a, at)
		if i < len(f.said) {
			r.Receipt = f.said[i]
		}
		l.keep(f.job.claim, r)
	}
}

// remember keeps when the destination failed a leg as a whole, of so many.
func (l *line) remember(k store.LegKey, at time.Time) {
	if len(l.failedAt) >= 10_000 {
		clear(l.failedAt)
	}
	l.failedAt[k] = at
}

// judge tells breaker and overview; it reports whether the destination is now
// left alone. Many records failing in a row are a destination failing.
func (l *line) judge(f *finish, now, at time.Time) (open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.answer.Outcome != exchange.Again {
		clear(l.failing)
		l.answered, l.now.Answered = now, at
		if f.answer.Outcome == exchange.Refused {
			l.now.Code, l.now.CodeAt = f.answer.Code, at
		}
		before := l.breaker.Room(now)
		s, _, _ := l.breaker.State(now)
		l.breaker.Report(now, true, f.took)
		if s == exchange.HalfOpen && before == 1 {
			l.pace.Ebb(now)
		}
	} else {
		l.now.Code, l.now.CodeAt = f.answer.Code, at
		l.failing[f.job.legs[0].LegKey] = true
		if len(l.failing) >= l.c.cfg.Breaker.Failures {
			f.answer.Whole = true
		}
		l.breaker.Report(now, !f.answer.Whole, f.took)
	}
	s, _, _ := l.breaker.State(now)
	return s == exchange.Open
}

func (l *line) result(leg *store.Leg, a exchange.Answer, at time.Time) store.LegResult {
	n := l.c.cfg.Law.Next(exchange.Standing{Attempts: leg.Attempts, Received: leg.Received, Follows: l.follows != nil}, a, at, l.c.cfg.Draw())
	r := store.LegResult{LegKey: leg.LegKey, State: n.State, Due: n.Due, Attempts: n.Attempts, Code: n.Code, Reference: n.Reference, Received: n.Received, Finalized: n.Finalized}
	if leg.Sent.IsZero() {
		r.Sent = n.Sent
	}
	if r.Reference == "" {
		r.Reference = leg.Reference
	}
	return r
}

// word names an outcome for counting.
func word(a exchange.Answer) string {
	switch {
	case a.Outcome == exchange.Finalized:
		return "finalized"
	case a.Outcome == exchange.Received:
		return "received"
	case a.Outcome == exchange.Refused:
		return "refused"
	case a.Whole:
		return "down"
	}
	return "again"
}
