package demo

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/exchange"
	"lienthong/internal/synth"
)

// feeder is the nation's facilities at work: each logs in with a credential of
// its own and sends its files over HTTP, as real ones would.
type feeder struct {
	show *Show

	mu      sync.Mutex
	clients map[string]*agent.Client
	told    map[string]int // how often each kind of outcome was narrated
	sum     agent.Summary
}

// narrated is how often each sort of outcome is told in full.
const narrated = 3

// run feeds until ctx ends; with a limit it goes on reporting until then.
func (f *feeder) run(ctx context.Context) {
	f.clients, f.told = map[string]*agent.Client{}, map[string]int{}
	work := make(chan int)
	var wg sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range work {
				if err := f.send(ctx, i); err != nil && ctx.Err() == nil {
					f.show.tell.say("  ! tệp %d chưa gửi được · not sent: %v\n", i, err)
				}
			}
		})
	}
	wg.Go(func() { f.report(ctx) })
	if err := f.stories(ctx); err != nil && ctx.Err() == nil {
		f.show.tell.say("  ! %v\n", err)
	}
	f.pace(ctx, work)
	close(work)
	wg.Wait()
}

// stories sends the visits of the cast, once in the life of a demo.
func (f *feeder) stories(ctx context.Context) error {
	in := f.show.in
	if in.kept.Sent {
		return nil
	}
	for _, t := range tellings(f.show.Nation, in.places, in.kept.Began) {
		sub, err := f.show.Nation.Tell(t)
		if err != nil {
			return err
		}
		if err := f.submit(ctx, sub); err != nil {
			return err
		}
	}
	f.mu.Lock()
	f.show.tell.say("Hồ sơ của những người trong bản thử · the cast's records: %d nhận · accepted, %d không · not\n", f.sum.Accepted, f.sum.Rejected+f.sum.Refused+f.sum.Deferred)
	f.mu.Unlock()
	in.kept.Sent = true
	return in.write()
}

// pace hands out the first files at once and the rest at the rate.
func (f *feeder) pace(ctx context.Context, work chan<- int) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / max(f.show.cfg.Rate, 0.01)))
	defer tick.Stop()
	for i := 0; f.show.cfg.Limit == 0 || i < f.show.cfg.Limit; i++ {
		if i >= f.show.cfg.Start {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		select {
		case work <- i:
		case <-ctx.Done():
			return
		}
	}
}

// Of other kinds: a prescription for two of three files, as in the pilot, where
// they are 41 in 100 of all; and now and then a slip, a health check or a record.
const (
	prescribeEvery = 3
	besideEvery    = 20
)

// send sends file i, and what comes before it of other kinds.
func (f *feeder) send(ctx context.Context, i int) error {
	var before []func(int) (synth.Submission, error)
	if i%prescribeEvery != 0 {
		before = append(before, f.show.Nation.Prescription)
	}
	if i%besideEvery == besideEvery-1 {
		before = append(before, func(i int) (synth.Submission, error) { return f.show.Nation.Beside(i / besideEvery) })
	}
	for _, make := range append(before, f.show.Nation.At) {
		sub, err := make(i)
		if err != nil {
			return err
		}
		if err := f.submit(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

func (f *feeder) submit(ctx context.Context, sub synth.Submission) error {
	switch f.show.cast.way(sub) {
	case keeps:
		return f.show.hand.keep(sub)
	case exchange.Pull:
		f.show.far.hold(sub)
		return nil
	case exchange.Mirror:
		f.show.far.hold(sub)
	}
	client, err := f.client(ctx, sub.Facility)
	if err != nil {
		return err
	}
	o := agent.Options{Alone: true}
	if sub.Urgent {
		o.Lane = "urgent"
	}
	one := func(yield func(agent.File) bool) { yield(fileOf(sub)) }
	sum, err := client.Submit(ctx, iter.Seq[agent.File](one), o, func(a agent.Answer) error { return f.tell(sub, a) })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum.Files += sum.Files
	f.sum.Bytes += sum.Bytes
	f.sum.Accepted += sum.Accepted
	f.sum.Warned += sum.Warned
	f.sum.Rejected += sum.Rejected
	f.sum.Refused += sum.Refused
	f.sum.Deferred += sum.Deferred
	return err
}

// fileOf is a submission with what lies beside it.
func fileOf(sub synth.Submission) agent.File {
	f := agent.FileOf(sub.FileName, sub.XML)
	if sub.Seal != "" {
		f.Seal = agent.FileOf("", []byte(sub.Seal)).Open
	}
	for _, p := range sub.Papers {
		f.Papers = append(f.Papers, agent.Paper{Name: p.Name, Open: agent.FileOf("", p.Bytes).Open, Seal: agent.FileOf("", []byte(p.Seal)).Open})
	}
	return f
}

// client logs a facility in, with a credential made for it at its first file.
func (f *feeder) client(ctx context.Context, code string) (*agent.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.clients[code]; ok {
		return c, nil
	}
	b, err := f.show.Credential(ctx, code)
	if err != nil {
		return nil, err
	}
	credential, err := agent.ParseCredential(b)
	if err != nil {
		return nil, err
	}
	c, err := agent.New(agent.Config{HubURL: f.show.tour.base, Credential: credential})
	if err == nil {
		f.clients[code] = c
	}
	return c, err
}

// tell narrates the first few outcomes of each sort and remembers records to show.
func (f *feeder) tell(sub synth.Submission, a agent.Answer) error {
	if a.Record != "" {
		f.show.tour.saw(sub.Facility, a.Record, a.Outcome == agent.Rejected)
	}
	sort := string(a.Outcome)
	if a.Warned {
		sort = "accepted_with_warnings"
	}
	f.mu.Lock()
	f.told[sort]++
	n := f.told[sort]
	f.mu.Unlock()
	if n > narrated {
		return nil
	}
	what := a.Record
	if what == "" {
		what = a.Code
	}
	f.show.tell.say("  %s gửi %-12s %6d byte  →  %-24s %s  %s\n", sub.Facility, sub.Visit, len(sub.XML), sort, what, codesOf(a.JSON))
	return nil
}

// codesOf reads the finding codes off a result line, each once.
func codesOf(line []byte) string {
	var r struct {
		Findings []struct {
			Code string `json:"code"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return ""
	}
	var codes []string
	for _, f := range r.Findings {
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return strings.Join(codes[:min(len(codes), 3)], " ")
}

func (f *feeder) report(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	last := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.mu.Lock()
			s := f.sum
			f.mu.Unlock()
			f.show.tell.say("%s  đã gửi %d tệp (%.0f/giây) · nhận %d, có cảnh báo %d, từ chối %d, trả lại %d · %d MB\n", time.Now().Format(time.TimeOnly),
				s.Files, float64(s.Files-last)/5, s.Accepted, s.Warned, s.Rejected, s.Refused, s.Bytes>>20)
			last = s.Files
		}
	}
}
