//go:build linux

package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/chaos"
	"lienthong/internal/synth"
)

// What a hub must keep under three times its capacity (TRUST R20).
const (
	keptGoodput = 0.8
	mostHub     = 512 << 20        // resident, with everything in it
	calmAgain   = 60 * time.Second // until latency is normal
	atOnce      = 3000             // requests under way: more than a hub lets wait
)

// pool is what is sent: files made before the clock runs. One that was not
// taken is sent again.
type pool struct {
	mu   sync.Mutex
	list []parcel
}

func (p *pool) take() (parcel, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == 0 {
		return parcel{}, false
	}
	x := p.list[len(p.list)-1]
	p.list = p.list[:len(p.list)-1]
	return x, true
}

func (p *pool) back(x parcel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, x)
}

// load is what a while of sending came to.
type load struct {
	accepted, deferred, failed int64
	seconds                    float64
	waits                      []time.Duration // of accepted ones
	mu                         sync.Mutex
}

func (l *load) rate() float64 { return float64(l.accepted) / l.seconds }

func (l *load) p99() time.Duration {
	if len(l.waits) == 0 {
		return time.Hour
	}
	slices.Sort(l.waits)
	return l.waits[(len(l.waits)*99)/100]
}

// one sends one file and notes how it went.
func (l *load) one(s *sender, files *pool) {
	x, ok := files.take()
	if !ok {
		return
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	status, list, err := s.post(ctx, x)
	switch {
	case err == nil && status == http.StatusOK && whole(x, list):
		atomic.AddInt64(&l.accepted, 1)
		l.mu.Lock()
		l.waits = append(l.waits, time.Since(began))
		l.mu.Unlock()
		return
	case err == nil && (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests):
		atomic.AddInt64(&l.deferred, 1)
	default:
		atomic.AddInt64(&l.failed, 1)
	}
	files.back(x)
}

// workers send one file after another for a while: as much as the hub takes.
func workers(s *sender, files *pool, n int, d time.Duration) *load {
	l := &load{}
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for range n {
		wg.Go(func() {
			for time.Now().Before(end) {
				l.one(s, files)
			}
		})
	}
	wg.Wait()
	l.seconds = d.Seconds()
	return l
}

// arrivals send at a rate for a while, whatever the hub does.
func arrivals(s *sender, files *pool, rate float64, d time.Duration) *load {
	l := &load{}
	var wg sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	began := time.Now()
	for sent := 0.0; time.Since(began) < d; {
		for ; sent < rate*time.Since(began).Seconds(); sent++ {
			select {
			case turns <- struct{}{}:
				wg.Go(func() {
					defer func() { <-turns }()
					l.one(s, files)
				})
			default: // who waits too long goes
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	accepted := atomic.LoadInt64(&l.accepted) // what comes later is not of this while
	l.seconds = time.Since(began).Seconds()
	wg.Wait()
	l.accepted = accepted
	return l
}

// strain is what an overload did to a hub.
type strain struct {
	peak, good float64 // accepted a second: at capacity, and at three times it
	memory     int64
	cpu        time.Duration // the hub's, meanwhile
	calm       time.Duration // p99 before
	again      time.Duration // until it was normal after
	other      int64         // answers that were neither receipts nor "come again"
	deferred   int64
}

// judgeStrain says what was wrong, "" nothing.
func judgeStrain(s strain) string {
	switch {
	case s.good < keptGoodput*s.peak:
		return fmt.Sprintf("%.0f/s of %.0f/s are left", s.good, s.peak)
	case s.memory > mostHub:
		return fmt.Sprintf("%d MiB", s.memory>>20)
	case s.again > calmAgain:
		return fmt.Sprintf("latency was not normal after %s", calmAgain)
	case s.deferred == 0:
		return "nobody was told to come again: it was not overloaded"
	}
	return ""
}

// overload strains a hub for some seconds.
func overload(t *testing.T, run *chaos.Run, engine, how string, seconds int) strain {
	t.Helper()
	n, err := synth.New(synth.Config{Seed: run.Seed, Profile: synth.Pilot, DefectShare: -1})
	check(t, err)
	p := &patient{t: t, run: run, engine: engine, how: how, n: n, listen: port(t), at: t.TempDir()}
	p.f = found(t, p.at, engine, n)
	p.sender = newSender(t, n, "http://"+p.listen, p.f)
	p.sender.http.Transport.(*http.Transport).MaxIdleConnsPerHost = atOnce
	files := &pool{}
	p.start()
	defer p.discharge()
	fillPool(p.sender, files, 2000)
	workers(p.sender, files, 4, time.Second) // warm
	var s strain
	first := workers(p.sender, files, 8, 4*time.Second)
	s.peak = first.rate()
	fillPool(p.sender, files, int(s.peak)*(seconds+8)+1000)
	// Once more beside the other: a machine with other guests is not the same for long.
	s.peak = max(s.peak, workers(p.sender, files, 8, 4*time.Second).rate())
	s.calm = arrivals(p.sender, files, 0.2*s.peak, 3*time.Second).p99()
	m := meter{p.hub.cmd.Process.Pid}
	before, err := m.read("VmRSS:")
	check(t, err)
	l := arrivals(p.sender, files, 3*s.peak, time.Duration(seconds)*time.Second)
	s.good, s.deferred, s.other = l.rate(), l.deferred, l.failed
	at, err := m.read("VmHWM:")
	check(t, err)
	s.memory, s.cpu = at.memory, at.cpu-before.cpu
	for began := time.Now(); s.good >= keptGoodput*s.peak; {
		if now := arrivals(p.sender, files, 0.2*s.peak, 2*time.Second).p99(); now <= max(3*s.calm, 50*time.Millisecond) {
			s.again = time.Since(began)
			break
		}
		if s.again = time.Since(began); s.again > calmAgain {
			break
		}
	}
	return s
}

// fillPool makes files until there are n, on all processors, and takes the
// tokens of their facilities.
func fillPool(s *sender, files *pool, n int) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				files.mu.Lock()
				enough := len(files.list) >= n
				files.mu.Unlock()
				if enough {
					return
				}
				x := s.parcel()
				if _, err := s.clients[x.facility].Token(context.Background()); err == nil {
					files.back(x)
				}
			}
		})
	}
	wg.Wait()
}

func TestR20OverloadSQLite(t *testing.T) {
	overloaded(t, chaos.Plan{Name: "R20 overload, sqlite", All: 30}, "sqlite")
}

func TestR20OverloadPostgres(t *testing.T) {
	overloaded(t, chaos.Plan{Name: "R20 overload, postgres", All: 15}, "postgres")
}

// overloaded runs alone, and only in `make faults`: it measures.
func overloaded(t *testing.T, plan chaos.Plan, engine string) {
	run := chaos.Begin(t, plan)
	if run.Rounds == 0 {
		t.Skip(plan.Name + " measures, and is run by `make faults` only")
	}
	s := overload(t, run, engine, "", run.Rounds)
	if said := judgeStrain(s); said != "" {
		t.Errorf("%s (seed %d): %s: %+v", run.Name, run.Seed, said, s)
	}
	broken := overload(t, run, engine, brokenDoor, min(run.Rounds, 10))
	said := judgeStrain(broken)
	run.Control(said != "", "a hub without a door: %s", said)
	run.End("%d s at 3 times %.0f/s: %.0f/s accepted (%.0f %%), %d told to come again, %d MiB, p99 %d ms before and normal again after %d s, %d without a proper answer",
		run.Rounds, s.peak, s.good, 100*s.good/s.peak, s.deferred, s.memory>>20, s.calm.Milliseconds(), int(s.again.Seconds()), s.other)
}
