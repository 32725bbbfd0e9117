package courier

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Legs is what the courier needs of the store's legs; store.Legs has it.
type Legs interface {
	Claim(ctx context.Context, c store.LegClaim) ([]store.Leg, error)
	Settle(ctx context.Context, holder string, now time.Time, results []store.LegResult) (lost []store.LegKey, err error)
	Of(ctx context.Context, ids ...dossier.ID) ([]store.Leg, error)
	Queues(ctx context.Context) ([]store.LegQueue, error)
}

// Records tells how records stand; store.Records has it.
type Records interface {
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
	File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*store.File, []store.Stored, error)
}

// Secrets gives sealed credentials; store.Secrets has it.
type Secrets interface {
	Secret(ctx context.Context, destination string, facility care.FacilityCode) ([]byte, error)
}

// Opener opens records for destinations; *disclose.Discloser does.
type Opener interface {
	Deliver(ctx context.Context, to disclose.Destination, form disclose.Form, id dossier.ID) (*disclose.Delivery, error)
}

// Observer watches attempts. The outcome is one of few words.
type Observer interface {
	Attempted(destination, outcome string, took time.Duration)
	SecretOpened(destination string)
}

// Deps is what the courier works with.
type Deps struct {
	Legs     Legs
	Records  Records
	Secrets  Secrets
	Disclose Opener
	Vault    *vault.Vault
	Facility func(care.FacilityCode) (facility.Version, bool)
	Adapters map[string]Adapter
	Clock    clock.Clock
	Logger   *slog.Logger
	Observer Observer // nil: nobody watches
}

// Config has the courier's settings; zero values are the design's.
type Config struct {
	Law     exchange.Law
	Breaker exchange.BreakerLaw
	Retries float64        // repetitions as a part of first attempts; default 0.1
	Timeout time.Duration  // of one attempt; default 1 minute
	Skew    time.Duration  // by which clocks of hubs on one store may differ; default 1 minute
	Poll    time.Duration  // between looks for work where there was none; default 500 ms
	Batch   int            // most legs claimed at once; default 256
	Drain   time.Duration  // waited for attempts under way when stopping; default 10 s
	Draw    func() float64 // random, in [0, 1)
}

func (c Config) withDefaults() Config {
	if c.Law == (exchange.Law{}) {
		c.Law = exchange.StandardLaw()
	}
	if c.Breaker == (exchange.BreakerLaw{}) {
		c.Breaker = exchange.StandardBreaker()
	}
	c.Retries = cmp.Or(c.Retries, 0.1)
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	c.Skew = cmp.Or(c.Skew, time.Minute)
	c.Poll = cmp.Or(c.Poll, 500*time.Millisecond)
	c.Batch = cmp.Or(c.Batch, 256)
	c.Drain = cmp.Or(c.Drain, 10*time.Second)
	if c.Draw == nil {
		c.Draw = rand.Float64
	}
	return c
}

// Courier carries legs to every destination it is set to.
type Courier struct {
	Deps
	cfg     Config
	secrets *secrets
	born    time.Time // by the clock that legs are created by

	mu      sync.Mutex
	lines   map[string]*line // by destination
	wrong   map[string]error // destinations that cannot be carried to, and why
	set     []exchange.Destination
	stopped bool
	leaving sync.WaitGroup
}

// New returns a courier without destinations; Set begins its work.
func New(d Deps, c Config) (*Courier, error) {
	if d.Legs == nil || d.Records == nil || d.Secrets == nil || d.Disclose == nil || d.Vault == nil || d.Facility == nil || d.Clock == nil {
		return nil, errors.New("courier: a part is missing")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Observer == nil {
		d.Observer = unobserved{}
	}
	return &Courier{Deps: d, cfg: c.withDefaults(), born: d.Clock.Now(), secrets: newSecrets(d.Secrets, d.Vault, d.Observer), lines: map[string]*line{}, wrong: map[string]error{}}, nil
}

// ErrAdapter: a destination names a bridge that this hub has not.
var ErrAdapter = fault.New(fault.Invalid, "destination.adapter",
	"Hub không có cầu nối tên này.", "This hub has no bridge of that name.")

// Check says what is wrong with a destination, nil when legs can be carried to it.
func (c *Courier) Check(d exchange.Destination) error {
	a := c.Adapters[d.Adapter]
	if a == nil {
		return ErrAdapter
	}
	return a.Check(d)
}

// Set says where legs are carried from now on: lines to new destinations begin,
// those to ended or paused ones stop when what is under way has come to its
// end, settings that changed hold from the next attempt on.
func (c *Courier) Set(destinations []exchange.Destination) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.set = slices.Clone(destinations)
	c.secrets.forget()
	clear(c.wrong)
	inUse := map[string]bool{}
	for _, d := range destinations {
		if !d.Ended.IsZero() || !d.Paused.IsZero() {
			continue
		}
		if err := c.Check(d); err != nil {
			c.wrong[d.ID] = err
			c.Logger.Error("legs are not carried", "destination", d.ID, "error", err)
			continue
		}
		inUse[d.ID] = true
		if l := c.lines[d.ID]; l != nil && l.adapterName == d.Adapter {
			l.change(d)
		} else {
			if l != nil {
				c.leave(l)
			}
			c.lines[d.ID] = c.begin(d)
		}
	}
	for id, l := range c.lines {
		if !inUse[id] {
			c.leave(l)
			delete(c.lines, id)
		}
	}
}

// leave stops a line's claims now and lets it come to its end in the background.
func (c *Courier) leave(l *line) {
	l.halt()
	c.leaving.Go(l.end)
}

// Stop ends all lines: nothing more is claimed or begun, what is under way is
// waited for, at most Drain, and settled.
func (c *Courier) Stop() {
	c.mu.Lock()
	c.stopped = true
	for id, l := range c.lines {
		c.leave(l)
		delete(c.lines, id)
	}
	c.mu.Unlock()
	c.leaving.Wait()
}

// Status is how the way to a destination stands.
type Status struct {
	exchange.Destination
	Queue    store.LegQueue
	Breaker  exchange.BreakerState
	Since    time.Time // of the breaker's state
	Until    time.Time // of an open breaker
	Running  int       // attempts under way
	Code     string    // of the last attempt that failed, or why nothing is carried
	CodeAt   time.Time
	Answered time.Time // when it last answered, whatever it said
}

// Status returns every destination in use with its queue, by its name.
func (c *Courier) Status(ctx context.Context) ([]Status, error) {
	queues, err := c.Legs.Queues(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Status
	for _, d := range c.set {
		s := Status{Destination: d, Breaker: exchange.Closed, Queue: store.LegQueue{Destination: d.ID}}
		if i := slices.IndexFunc(queues, func(q store.LegQueue) bool { return q.Destination == d.ID }); i >= 0 {
			s.Queue = queues[i]
		} else if !d.Ended.IsZero() {
			continue
		}
		if l := c.lines[d.ID]; l != nil {
			l.tell(&s)
		}
		if err := c.wrong[d.ID]; err != nil {
			s.Code = fault.Of(err).Code
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

type unobserved struct{}

func (unobserved) Attempted(string, string, time.Duration) {}
func (unobserved) SecretOpened(string)                     {}

// WholeFiles reports whether a destination is handed files as they are, with
// every record in them.
func (c *Courier) WholeFiles(destination string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.set {
		if a := c.Adapters[d.Adapter]; d.ID == destination && a != nil {
			return a.Wants().Original
		}
	}
	return false
}
