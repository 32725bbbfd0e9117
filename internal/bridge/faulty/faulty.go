// Package faulty makes a simulated service fail as real ones do: late, byte by
// byte, with an answer code, with garbage, with a cut line before or after it
// recorded what it got, with a success that was never recorded. All simulators
// under bridge/ share it. What fails when is told by a description such as
// "401:after=10:count=1,slow=5s:p=0.1" and a seed: the same requests in the
// same order fail alike.
//
// It is not for the hub's own faults (package fault) and not for the network
// between (chaos).
package faulty

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/clock"
)

// Config configures Faults; the zero value never fails.
type Config struct {
	Spec  string      // see Parse in doc/guide/simulators.md; "" for none
	Seed  uint64      // of chance
	Clock clock.Clock // of from= and for=; default the machine's

	// Codes are the answer codes of the simulator's protocol and Answer writes
	// such an answer, without recording anything.
	Codes  []string
	Answer func(w http.ResponseWriter, r *http.Request, code string)
	// Spares tells requests (log-ins) that answer codes and unrecorded-success
	// leave alone unless their path is named.
	Spares func(r *http.Request) bool
	// Sleep waits d or until ctx ends; default a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Faults decides which requests fail and how.
type Faults struct {
	c     Config
	mu    sync.Mutex
	start time.Time
	rules []*rule
	dice  *rand.Rand
	fired map[string]int
}

// New returns faults as described. The error is ErrSpec, or that codes are
// given without Answer.
func New(c Config) (*Faults, error) {
	if len(c.Codes) > 0 && c.Answer == nil {
		return nil, errors.New("faulty: Config.Codes without Answer")
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Spares == nil {
		c.Spares = func(*http.Request) bool { return false }
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	f := &Faults{c: c, fired: map[string]int{}}
	return f, f.Set(c.Spec)
}

// Set replaces what fails from now on; after=, count= and from= begin anew.
// On ErrSpec nothing changes.
func (f *Faults) Set(spec string) error {
	rules, err := parse(spec, f.c.Codes)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.start = rules, f.c.Clock.Now()
	f.dice = rand.New(rand.NewPCG(f.c.Seed, 0x6c69656e74686f6e))
	return nil
}

// Fired returns how often each fault happened, by name.
func (f *Faults) Fired() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.fired)
}

type forgetting struct{}

// Forgets reports whether the request with this context is to be answered as a
// success without anything being recorded.
func Forgets(ctx context.Context) bool { return ctx.Value(forgetting{}) != nil }

// decide returns the faults of one request, the first that ends it and those
// that only change how it is answered.
func (f *Faults) decide(r *http.Request) (ends *rule, changes map[string]*rule, chance uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changes = map[string]*rule{}
	now := f.c.Clock.Now()
	for _, x := range f.rules {
		if !x.meant(r, f.c) || !x.within(now, f.start) {
			continue
		}
		x.seen++
		dice := f.dice.Float64() // always thrown, so that one fault does not move another's chance
		switch {
		case x.seen <= x.after, x.count > 0 && x.fired >= x.count, x.p > 0 && dice >= x.p,
			x.every > 0 && (x.seen-x.after)%x.every != 0, ends != nil && x.ends():
			continue
		}
		x.fired++
		f.fired[x.name]++
		if x.ends() {
			ends = x
		} else if changes[x.name] == nil {
			changes[x.name] = x
		}
	}
	return ends, changes, f.dice.Uint64()
}

// ends reports whether the fault leaves nothing of the request to be served.
func (r *rule) ends() bool {
	switch r.name {
	case Slow, Drip, LostAnswer, HalfAnswer, Unrecorded:
		return false
	}
	return true
}

func (r *rule) meant(q *http.Request, c Config) bool {
	if r.path != "" {
		return strings.Contains(q.URL.Path, r.path)
	}
	switch r.name {
	case Slow, Drip, Garbage, Redirect, Reset, LostAnswer, HalfAnswer, Down, Status:
		return true
	}
	return r.http != 0 || !c.Spares(q)
}

func (r *rule) within(now, start time.Time) bool {
	from := r.fromAt
	if from.IsZero() {
		from = start.Add(r.from)
	}
	return !now.Before(from) && (r.length == 0 || now.Before(from.Add(r.length)))
}

// Handler returns next with the faults in front of it.
func (f *Faults) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ends, changes, chance := f.decide(r)
		if x := changes[Slow]; x != nil {
			if err := f.c.Sleep(r.Context(), x.wait); err != nil {
				cut(w)
				return
			}
		}
		if x := changes[Drip]; x != nil {
			w = &dripping{ResponseWriter: w, ctx: r.Context(), sleep: f.c.Sleep, wait: x.wait}
		}
		if changes[Unrecorded] != nil {
			r = r.WithContext(context.WithValue(r.Context(), forgetting{}, true))
		}
		switch {
		case ends != nil:
			f.end(w, r, ends, chance)
		case changes[LostAnswer] != nil:
			next.ServeHTTP(&kept{header: http.Header{}}, r)
			cut(w)
		case changes[HalfAnswer] != nil:
			answer := &kept{header: http.Header{}}
			next.ServeHTTP(answer, r)
			answer.half(w)
			cut(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// end answers a request that is not served.
func (f *Faults) end(w http.ResponseWriter, r *http.Request, x *rule, chance uint64) {
	switch {
	case x.name == Down, x.name == Reset:
		cut(w)
	case x.name == Garbage:
		garbage(w, chance)
	case x.name == Redirect:
		w.Header().Set("Location", x.value)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case x.http != 0:
		if x.http == http.StatusServiceUnavailable || x.http == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, strconv.Itoa(x.http)+" (simulated)", x.http)
	default:
		f.c.Answer(w, r, x.name)
	}
}

// garbage answers with the page of a captive portal, half a JSON or plain noise.
func garbage(w http.ResponseWriter, chance uint64) {
	switch chance % 3 {
	case 0:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Please log in to the network.</body></html>"))
	case 1:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"maKetQua":"2`))
	default:
		w.Header().Set("Content-Type", "application/json")
		noise := make([]byte, 64)
		dice := rand.New(rand.NewPCG(chance, 0))
		for i := range noise {
			noise[i] = byte(dice.Uint32())
		}
		_, _ = w.Write(noise)
	}
}

// cut ends the line with a reset and without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, or no connection at all
		panic(http.ErrAbortHandler)
	}
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0) // a reset, not a close
	}
	_ = conn.Close()
}

// kept is an answer that is not sent.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }
func (k *kept) WriteHeader(n int)   { k.status = n }

func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// half sends the first half, announcing the whole.
func (k *kept) half(w http.ResponseWriter) {
	maps.Copy(w.Header(), k.header)
	w.Header().Set("Content-Length", strconv.Itoa(k.body.Len()))
	if k.status != 0 {
		w.WriteHeader(k.status)
	}
	_, _ = w.Write(k.body.Bytes()[:k.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
}

// dripping writes byte by byte.
type dripping struct {
	http.ResponseWriter
	ctx   context.Context
	sleep func(ctx context.Context, d time.Duration) error
	wait  time.Duration
}

func (d *dripping) Unwrap() http.ResponseWriter { return d.ResponseWriter }

func (d *dripping) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.ResponseWriter.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if err := http.NewResponseController(d.ResponseWriter).Flush(); err != nil {
			return i, err
		}
		if err := d.sleep(d.ctx, d.wait); err != nil {
			return i, err
		}
	}
	return len(p), nil
}
