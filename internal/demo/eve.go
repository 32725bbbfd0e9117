package demo

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/clock"
	"lienthong/internal/synth"
)

// Before is a clock that goes as the machine's does, some time behind.
type Before time.Duration

// Now returns the machine's time, less what it is behind.
func (b Before) Now() time.Time { return clock.System{}.Now().Add(-time.Duration(b)) }

// Day is how far the eve of a demo lies back.
const Day = Before(24 * time.Hour)

// Eve is what a hub was sent the day before the demo begins, so that there is a
// yesterday to ask about.
type Eve struct {
	Hub        http.Handler // its hub, by the same clock, which is known as At's address
	At         net.Listener // closed with the eve
	Clock      clock.Clock
	Nation     *synth.Nation
	Credential func(ctx context.Context, code string) ([]byte, error)
}

// The eve's files come from so many facilities, and lie far from those of today.
const (
	eveFrom       = 3_000_000
	eveFacilities = 40
	eveWorkers    = 4
)

// Send sends so many files and the prescriptions beside them, and returns how many
// dossiers were accepted.
func (e Eve) Send(ctx context.Context, files int) (int, error) {
	var (
		mu       sync.Mutex
		wg       sync.WaitGroup
		accepted int
		errs     []error
	)
	srv := &http.Server{Handler: e.Hub, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(e.At) }() // ends with Close
	list := e.files(files)
	clients := map[string]*agent.Client{} // made one after the other: the hub reads its directory anew for each
	for code := range list {
		var err error
		if clients[code], err = e.client(ctx, code); err != nil {
			return 0, errors.Join(err, srv.Close())
		}
	}
	work := make(chan []synth.Submission)
	for range eveWorkers {
		wg.Go(func() {
			for of := range work { // all of one facility
				n, err := sendAll(ctx, clients[of[0].Facility], of)
				mu.Lock()
				accepted += n
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	for _, of := range list {
		work <- of
	}
	close(work)
	wg.Wait()
	return accepted, errors.Join(append(errs, srv.Close())...)
}

// files are those of some facilities that were made by then.
func (e Eve) files(most int) map[string][]synth.Submission {
	parts, by := castOf(e.Nation), map[string][]synth.Submission{}
	take := func(make func(int) (synth.Submission, error), i int) {
		sub, err := make(i)
		if err != nil || sub.At.After(e.Clock.Now()) || sub.Facility == parts.own || sub.Facility == parts.pull {
			return
		}
		if _, known := by[sub.Facility]; known || len(by) < eveFacilities {
			by[sub.Facility] = append(by[sub.Facility], sub)
		}
	}
	for i := range most {
		take(e.Nation.At, eveFrom+i)
		if i%prescribeEvery != 0 {
			take(e.Nation.Prescription, eveFrom+i)
		}
	}
	return by
}

// client is a facility's, with a credential made for it.
func (e Eve) client(ctx context.Context, code string) (*agent.Client, error) {
	b, err := e.Credential(ctx, code)
	if err != nil {
		return nil, err
	}
	credential, err := agent.ParseCredential(b)
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Config{HubURL: "http://" + e.At.Addr().String(), Credential: credential, Clock: e.Clock})
}

// sendAll sends what one facility has.
func sendAll(ctx context.Context, c *agent.Client, of []synth.Submission) (int, error) {
	sum, err := c.Submit(ctx, func(yield func(agent.File) bool) {
		for _, sub := range of {
			if !yield(fileOf(sub)) {
				return
			}
		}
	}, agent.Options{}, func(agent.Answer) error { return nil })
	return sum.Accepted, err
}
