// Package bench measures a hub from outside, over HTTP, the way facilities
// meet it: how many dossiers it takes in, how long one waits for its receipt,
// how long a record takes to read; and beside it the floor, the work that any
// hub must do to the same bytes on the same machine (DESIGN §6 "bench", §8 of
// the figures). A number of this package says with it what it was measured on.
//
// It asserts nothing and is no test of correctness; the caller starts the hub,
// makes the dossiers and prints.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/fault"
)

var (
	// ErrHub (bench.hub): the hub answered something that cannot be measured.
	ErrHub = fault.New(fault.Broken, "bench.hub",
		"Hub trả lời ngoài dự kiến nên không đo được.", "The hub's answer was not as expected, so nothing could be measured.")
	// ErrCorpus (bench.corpus): the dossiers to measure with are missing, used up or damaged.
	ErrCorpus = fault.New(fault.Invalid, "bench.corpus",
		"Bộ hồ sơ dùng để đo không đủ hoặc bị hỏng. Tạo lại bộ hồ sơ với số lượng lớn hơn.",
		"The dossiers to measure with are too few or damaged. Make them again, and more of them.")
)

// Target is a running hub.
type Target struct {
	URL         string                       // "http://127.0.0.1:8080"
	Ops         string                       // base of its ops listener, for the size of groups; "" when not known
	PID         int                          // its process, for its memory; 0 when it runs in this one
	Credentials map[string]*agent.Credential // by facility code
}

// Machine is what a number was measured on.
type Machine struct {
	Cores      int    `json:"cores"`
	GoMaxProcs int    `json:"gomaxprocs"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
}

func machine() Machine {
	return Machine{runtime.NumCPU(), runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
}

// Latency is how long something took, in milliseconds.
type Latency struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// LatencyOf orders durations; percentiles are by nearest rank.
func LatencyOf(list []time.Duration) Latency {
	if len(list) == 0 {
		return Latency{}
	}
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	rank := func(p float64) float64 {
		at := int(p*float64(len(sorted))+0.9999999) - 1
		return milliseconds(sorted[min(max(at, 0), len(sorted)-1)])
	}
	return Latency{Count: len(sorted), P50: rank(0.50), P99: rank(0.99), Max: milliseconds(sorted[len(sorted)-1])}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// senders are the clients of a target, one for each facility.
type senders struct {
	base string
	http *http.Client
	by   map[string]*agent.Client
}

func newSenders(t Target) (*senders, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
	s := &senders{base: strings.TrimSuffix(t.URL, "/"), http: &http.Client{Transport: transport}, by: map[string]*agent.Client{}}
	for code, cred := range t.Credentials {
		c, err := agent.New(agent.Config{HubURL: t.URL, Credential: cred, Transport: transport})
		if err != nil {
			return nil, err
		}
		s.by[code] = c
	}
	return s, nil
}

// ready takes the tokens of facilities before the clock starts.
func (s *senders) ready(ctx context.Context, facilities []string) error {
	for _, code := range facilities {
		if _, err := s.token(ctx, code); err != nil {
			return err
		}
	}
	return nil
}

func (s *senders) token(ctx context.Context, facility string) (string, error) {
	c, ok := s.by[facility]
	if !ok {
		return "", ErrCorpus.Because(fmt.Errorf("no credential of facility %s", facility))
	}
	return c.Token(ctx)
}

func (s *senders) close() { s.http.CloseIdleConnections() }

// openLoop starts do n times at rate a second, whether or not earlier ones have
// ended, and returns how long each took from when it was due: a stall counts
// against everyone it kept waiting. An entry is negative where do failed.
func openLoop(ctx context.Context, rate float64, n int, do func(ctx context.Context, i int) error) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]time.Duration, n)
	places := make(chan struct{}, 1024)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		due := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			err := do(ctx, i)
			took[i] = time.Since(due)
			if errors.Is(err, errTurnedAway) {
				took[i] = -1
			} else if err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return took, context.Cause(ctx)
}

// errTurnedAway: the hub answered 429 or 503, or deferred.
var errTurnedAway = errors.New("turned away")

// memory watches the resident memory of a process while something runs.
type memory struct {
	pid  int
	stop chan struct{}
	done chan struct{}
	peak int64
	last int64
}

func watchMemory(pid int) *memory {
	if pid == 0 {
		pid = os.Getpid()
	}
	m := &memory{pid: pid, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			m.look()
			select {
			case <-tick.C:
			case <-m.stop:
				m.look()
				return
			}
		}
	}()
	return m
}

func (m *memory) look() {
	m.last = residentKB(m.pid)
	m.peak = max(m.peak, m.last)
}

// end returns the memory at the end and at its highest, in MB; 0 where the
// system does not tell.
func (m *memory) end() (last, peak float64) {
	close(m.stop)
	<-m.done
	return float64(m.last) / 1000, float64(m.peak) / 1000
}

// residentKB reads VmRSS of /proc/PID/status (Linux, proc(5)).
func residentKB(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}

func perSecond(n int64, d time.Duration) float64 {
	return float64(n) / cmp.Or(d.Seconds(), 1e-9)
}
