// Package station is the agent at work: it takes files from folders, from
// programs of this machine and from the drop-in gateway, keeps them in the spool,
// looks at them with the hub's own rules, seals what is not sealed, sends by lane
// and follows what became of it.
//
// It decides nothing about a dossier: its own look is a preview, and only a
// hub's receipt counts. It shows nothing: pages read what it says of itself.
package station

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"lienthong/internal/agent"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/watch"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/kind"
	"lienthong/internal/rulebook"
	"lienthong/internal/store"
)

// Deps are what a station works with.
type Deps struct {
	Spool    *spool.Spool
	Client   *agent.Client
	Kinds    *kind.Registry     // tells what a file is, and how many dossiers are in it
	Checker  *intake.Checker    // the hub's rules; its trust is the station's to set
	Compiler *rulebook.Compiler // reads books of rules that people wrote; nil: they are not judged by here
	Signer   signer.Signer      // nil: nothing is sealed here
	Logger   *slog.Logger
}

// Config is how a station works; zero values are defaults.
type Config struct {
	Facility care.FacilityCode
	Folders  []watch.Folder
	Watch    watch.Config
	Software string                            // header Software
	Version  string                            // of the agent, in the header User-Agent
	Seen     string                            // file of checkpoints; "" none are kept
	Hold     bool                              // what would be refused or rejected waits for a person instead of being sent
	Keys     func() ([]home.ReceiptKey, error) // receipt keys of the hub known so far; nil: none
	SaveKeys func([]home.ReceiptKey) error     // keeps newer ones; nil: they are not kept

	Clock     clock.Clock
	Sleep     func(ctx context.Context, d time.Duration) error
	Spread    func(n time.Duration) time.Duration // a random share of n; default uniform
	Batch     time.Duration                       // how long one batch should take on the line; default 7 s
	Feed      time.Duration                       // how often the feed is asked when idle; default 30 s
	Rules     time.Duration                       // how often the rules are asked for; default 1 h
	Retention time.Duration                       // how long what is decided is kept; default 400 days
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	if c.Spread == nil {
		c.Spread = func(n time.Duration) time.Duration { return rand.N(max(n, 1)) }
	}
	if c.Batch <= 0 {
		c.Batch = 7 * time.Second
	}
	if c.Feed <= 0 {
		c.Feed = 30 * time.Second
	}
	if c.Rules <= 0 {
		c.Rules = time.Hour
	}
	if c.Retention <= 0 {
		c.Retention = 400 * 24 * time.Hour
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return c
}

// Station is a running agent.
type Station struct {
	Deps
	cfg     Config
	session *agent.Session
	line    *line
	packer  *zstd.Encoder // of the batch on its way
	arrived chan struct{} // something was taken
	ready   chan struct{} // something may be sent
	heard   chan struct{} // what there was is sent: the feed may have news of it

	mu      sync.Mutex
	conn    Connection
	notices map[string]Notice
	pack    *rulePack
	coding  bool // the hub rebuilds unwrapped members
	fresh   bool // something was answered since the feed was asked at last
}

// errDeps is a mistake of who wires it.
var errDeps = errors.New("station: spool, client, kinds and logger are needed")

// New returns a station; Run starts it.
func New(d Deps, c Config) (*Station, error) {
	if d.Spool == nil || d.Client == nil || d.Kinds == nil || d.Logger == nil {
		return nil, errDeps
	}
	c = c.withDefaults()
	session, err := d.Client.Session(c.Seen)
	if err != nil {
		return nil, err
	}
	return &Station{Deps: d, cfg: c, session: session, line: newLine(c.Batch), arrived: make(chan struct{}, 1), ready: make(chan struct{}, 1),
		heard: make(chan struct{}, 1), notices: map[string]Notice{}}, nil
}

// Run works until ctx ends or the spool fails. What stands between the agent and
// the hub never ends it: that is waited for and shown.
func (s *Station) Run(ctx context.Context) error {
	if err := s.restore(ctx); errors.Is(err, context.Canceled) { // stopped while it began
		return nil
	} else if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.looking(ctx) })
	g.Go(func() error { return s.sending(ctx) })
	g.Go(func() error { return s.following(ctx) })
	g.Go(func() error { return s.keeping(ctx) })
	if len(s.cfg.Folders) > 0 {
		w, err := watch.New(s.cfg.Folders, s, s.cfg.Watch)
		if err != nil {
			return err
		}
		g.Go(func() error { return w.Run(ctx) })
	}
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Item is something to be taken.
type Item struct {
	Name    string
	Source  string // "folder", "local", "gateway"
	Lane    store.Lane
	Payload spool.Payload
}

// Take keeps an item durably and returns its reference; it is looked at and sent
// afterwards. The same bytes again give the same reference. Faults: those of the
// kinds for what is no dossier file (file.unreadable, envelope.invalid, ...);
// file.limits over 32 MiB; spool.full.
func (s *Station) Take(ctx context.Context, i Item) (spool.Ref, error) {
	put, err := s.take(ctx, i)
	return put.Ref, err
}

func (s *Station) take(ctx context.Context, i Item) (spool.Put, error) {
	if err := s.readable(i.Payload); err != nil {
		return spool.Put{}, err
	}
	put, err := s.Spool.Put(ctx, spool.New{Name: i.Name, Source: i.Source, Lane: i.Lane, Payload: i.Payload})
	if err != nil {
		return spool.Put{}, err
	}
	if put[0].Fresh {
		wake(s.arrived)
	}
	return put[0], nil
}

// readable refuses what no hub could read, so that it never fills the spool.
func (s *Station) readable(p spool.Payload) error {
	if len(p.File.Bytes) > watch.MaxFile {
		return watch.ErrLimits
	}
	reader, err := s.Kinds.Pick(p.File.Bytes)
	if err != nil {
		return err
	}
	_, err = reader.Open(p.File.Bytes)
	return err
}

// TakeFound takes what was found in a folder, for package watch.
func (s *Station) TakeFound(ctx context.Context, f watch.Found) error {
	_, err := s.take(ctx, Item{Name: f.Name, Source: "folder", Lane: f.Lane, Payload: f.Payload})
	return err
}

// Note shows what a watcher has to say.
func (s *Station) Note(code string, text fault.Text, n int) { s.note(code, text, n) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait returns when c is woken, d has passed or ctx has ended.
func (s *Station) wait(ctx context.Context, c chan struct{}, d time.Duration) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c:
			cancel()
		case <-inner.Done():
		}
	}()
	if err := s.cfg.Sleep(inner, d); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// keeping forgets what is old, once a day.
func (s *Station) keeping(ctx context.Context) error {
	for {
		for {
			n, err := s.Spool.Prune(ctx, s.cfg.Clock.Now().Add(-s.cfg.Retention))
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
		if err := s.cfg.Sleep(ctx, 24*time.Hour); err != nil {
			return err
		}
	}
}
