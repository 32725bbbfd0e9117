// Package demo is what the command demo shows besides a hub: facilities of a
// synthetic nation that send, simulated services outside that get what is passed
// on and fail now and then, and a tour for visitors. All of it goes through the
// doors and lines that are there for real ones. It is for showing: no other
// package uses it, and it holds no hub.
package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"lienthong/internal/courier"
	"lienthong/internal/store"
	"lienthong/internal/synth"
	webadmin "lienthong/internal/web/admin"
)

// Actor is who does in the demo what an operator would.
const Actor = "operator: demo"

// Deps are what a show runs with.
type Deps struct {
	Acts       webadmin.Acts
	Legs       store.Legs                                                 // of the hub
	Ways       func(ctx context.Context) ([]courier.Status, error)        // how its ways out stand
	Seal       func(name string, plain []byte) (sealed []byte, err error) // a secret, by its vault
	Nation     *synth.Nation                                              // registered at the hub
	Credential func(ctx context.Context, code string) ([]byte, error)     // makes one for a facility's system
	Roster     Roster
	Delegate   Delegate
}

// Config is how a show runs.
type Config struct {
	Dir     string  // kept by the demo; the hub is in Dir/hub
	Start   int     // files sent at once at the beginning
	Rate    float64 // files a second after that
	Limit   int     // stop sending after so many; 0: go on
	Out     io.Writer
	Program string // as a visitor would call it
}

// Show is a demo under way.
type Show struct {
	Deps
	cfg  Config
	tour *Tour
	cast cast
	far  *outside
	in   *logins
	hand *hand
	tell *teller
}

// Prepare opens the services outside and says who sends how; the hub is told of
// them and approves them as an operator would. The tour leads through it.
func Prepare(ctx context.Context, d Deps, c Config, t *Tour) (*Show, error) {
	s := &Show{Deps: d, cfg: c, tour: t, tell: &teller{out: c.Out}}
	s.cast = castOf(d.Nation)
	var err error
	if s.far, err = openOutside(c.Dir); err != nil {
		return nil, err
	}
	if err := s.far.approve(ctx, d, s.cast); err != nil {
		return nil, errors.Join(err, s.far.close())
	}
	if s.in, err = openLogins(ctx, d, c.Dir, s.cast); err != nil {
		return nil, errors.Join(err, s.far.close())
	}
	if s.hand, err = newHand(c.Dir, d.Nation, s.cast.own); err != nil {
		return nil, errors.Join(err, s.far.close(), s.in.close())
	}
	t.open(s)
	return s, nil
}

// Handler is the hub's with the demo's own page beside it.
func (s *Show) Handler(hub http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", hub)
	mux.HandleFunc("GET "+countsPath, s.counts)
	mux.HandleFunc("GET "+peoplePath, s.cards)
	mux.HandleFunc("GET "+codePath+"{who}", s.code)
	mux.HandleFunc("GET "+sitPath+"{who}", s.sit)
	return mux
}

// Run greets, and lets facilities send until ctx ends.
func (s *Show) Run(ctx context.Context) {
	if err := s.hand.lay(ctx, s.Nation); err != nil {
		s.tell.say("  ! %v\n", err)
	}
	s.greet(ctx)
	if err := s.far.known(ctx, s.Ways); err != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.far.trouble(ctx) })
	f := &feeder{show: s}
	f.run(ctx)
	wg.Wait()
}

// Close ends the services outside.
func (s *Show) Close() error { return errors.Join(s.far.close(), s.in.close()) }
