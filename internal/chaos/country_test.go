//go:build linux

package chaos_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/care"
	"lienthong/internal/chaos"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/synth"
	"lienthong/internal/web/api"
)

// dawn is where the simulated clock begins: 09:00 in Hanoi.
var dawn = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// country is a hub, its facilities' agents and the insurer on one simulated
// clock, with a line between them that a run cuts.
type country struct {
	t       *testing.T
	run     *chaos.Run
	clock   *clock.Fake
	n       *synth.Nation
	hub     *hub.Hub
	line    *line
	insurer *simulator.Simulator
	posts   map[string]*post
	address string // of the line
	dir     string // of the hub's store
	cfg     hub.Config
	seals   *seal.Verifier

	taken map[string]string // SHA-256 of each file that an agent took, and whose it is
	next  int

	wrongs bool // some dossiers are to be rejected
	wrong  int
}

// line stands before the hub.
type line struct {
	to       http.Handler
	down     atomic.Bool
	requests atomic.Int64
	lose     atomic.Int64 // loses the answer to every so many submissions, 0 none
	lost     func()       // called where an answer is lost, before the agent knows
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.down.Load() {
		panic(http.ErrAbortHandler) // cut
	}
	if every := l.lose.Load(); every > 0 && r.Method == http.MethodPost && l.requests.Add(1)%every == 0 {
		l.to.ServeHTTP(httptest.NewRecorder(), r)
		if l.lost != nil {
			l.lost()
		}
		panic(http.ErrAbortHandler)
	}
	l.to.ServeHTTP(w, r)
}

// post is one facility's agent.
type post struct {
	code    string
	client  string
	dir     string
	cred    *agent.Credential
	spool   *spool.Spool
	station *station.Station
}

// deaf is a bridge that takes silence for success: a control.
type deaf struct{ courier.Adapter }

func (d deaf) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	a := d.Adapter.Deliver(ctx, p)
	if a.Outcome == exchange.Again {
		a.Outcome = exchange.Finalized
	}
	return a
}

// founds builds a country. change may change the hub.
func founds(t *testing.T, run *chaos.Run, faults string, change func(*hub.Config)) *country {
	t.Helper()
	c := &country{t: t, run: run, clock: clock.NewFake(dawn), posts: map[string]*post{}, taken: map[string]string{}}
	var err error
	c.n, err = synth.New(synth.Config{Seed: run.Seed, Profile: synth.Small, DefectShare: 0.5})
	check(t, err)
	c.seals, err = seal.NewVerifier(seal.Config{})
	check(t, err)
	c.insurer, err = simulator.New(simulator.Config{Clock: c.clock, PerFile: 1000, TokenLife: 200 * time.Hour, Faults: faulty.Config{Spec: faults, Seed: run.Seed}})
	check(t, err)
	outside := httptest.NewServer(c.insurer)
	t.Cleanup(outside.Close)
	keys, err := keyring.New(nil)
	check(t, err)
	c.dir = t.TempDir()
	c.line = &line{}
	server := httptest.NewUnstartedServer(c.line)
	c.address = server.Listener.Addr().String()
	cfg := hub.Config{Name: hubName, Keys: keys, Clock: c.clock, PublicURL: "http://" + server.Listener.Addr().String(), API: api.Config{RatePerS: 1e6, Burst: 1e6},
		Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, c.dir, sqlite.Config{Clock: c.cfg.Clock, OpenLog: open, HubName: hubName, Owner: "chaos"})
		}}
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Delivery.Courier.Poll = 2 * time.Millisecond
	cfg.Delivery.Courier.Skew = time.Hour // the clock jumps: a lease must outlast the jumps made while one attempt is under way
	if change != nil {
		change(&cfg)
	}
	c.cfg = cfg
	c.hub, err = hub.Start(context.Background(), cfg)
	check(t, err)
	t.Cleanup(func() { check(t, c.hub.Close()) })
	c.line.to = c.hub.Handler()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	c.people(server.URL, outside.URL)
	return c
}

// people makes facilities, their agents, and the way to the insurer.
func (c *country) people(hubURL, insurerURL string) {
	c.t.Helper()
	ctx, acts := context.Background(), c.hub.Administer()
	check(c.t, acts.AddAnchor(ctx, "test", string(c.n.Root())))
	for _, x := range c.n.Facilities() {
		r := x.Registration()
		check(c.t, acts.AddFacility(ctx, "test", r))
		key, spki, err := agent.NewKey()
		check(c.t, err)
		id, kid, err := acts.AddClient(ctx, "test", r.Code, spki)
		check(c.t, err)
		b, err := agent.MakeCredential(hubName, r.Code, id, kid, key)
		check(c.t, err)
		p := &post{code: r.Code, client: id, dir: c.t.TempDir()}
		p.cred, err = agent.ParseCredential(b)
		check(c.t, err)
		c.posts[r.Code] = p
		c.opens(p, hubURL)
	}
	check(c.t, c.hub.Trust.Refresh(ctx))
	check(c.t, c.hub.Office.PutDestination(ctx, "test", admin.Destination{ID: insurerID, Adapter: "insurer", Name: fault.Text{VI: "BHXH", EN: "Insurer"},
		URL: insurerURL, Private: true, Closed: true, Parallel: 4}))
	check(c.t, c.hub.Office.PutRoute(ctx, "test", admin.Route{Destination: insurerID, Mode: exchange.Relay}))
	sealed, err := c.hub.Vault.SealSecret(courier.SecretName(insurerID, ""), []byte(`{"user":"hub","password":"mat khau"}`))
	check(c.t, err)
	check(c.t, c.hub.Office.PutSecret(ctx, "test", insurerID, "", sealed))
	c.until("the plan is read", func() bool {
		states, err := c.hub.Courier.Status(ctx)
		return err == nil && len(states) == 1
	})
}

// restarts ends the hub, lets something be done to its store, and starts it on
// what is then at dir.
func (c *country) restarts(dir string, meanwhile func()) {
	c.t.Helper()
	check(c.t, c.hub.Close())
	meanwhile()
	c.dir = dir
	var err error
	c.hub, err = hub.Start(context.Background(), c.cfg)
	check(c.t, err)
	c.line.to = c.hub.Handler()
}

// until waits for what another goroutine is about to do.
func (c *country) until(what string, done func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s (seed %d): not after a minute: %s", c.run.Name, c.run.Seed, what)
		}
	}
}

// opens starts an agent on its directory.
func (c *country) opens(p *post, hubURL string) {
	c.t.Helper()
	s, err := spool.Open(context.Background(), filepath.Join(p.dir, "spool.db"), make([]byte, 32), spool.Config{Clock: c.clock})
	check(c.t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	client, err := agent.New(agent.Config{HubURL: hubURL, Credential: p.cred, Transport: transport, Clock: c.clock})
	check(c.t, err)
	p.spool = s
	p.station, err = station.New(station.Deps{Spool: s, Client: client, Kinds: hub.Kinds(), Logger: slog.New(slog.DiscardHandler),
		Checker: &intake.Checker{Kinds: hub.Kinds(), Seals: c.seals, Rules: hub.Rules}},
		station.Config{Facility: care.FacilityCode(p.code), Clock: c.clock, Spread: func(n time.Duration) time.Duration { return n },
			Sleep: func(ctx context.Context, d time.Duration) error { c.clock.Advance(d); return ctx.Err() }})
	check(c.t, err)
	c.t.Cleanup(func() { _ = s.Close() })
}

// snapshot copies what an agent's disk holds at this moment, as kill -9 leaves it.
func (p *post) snapshot(t testing.TB) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"spool.db", "spool.db-wal"} {
		b, err := os.ReadFile(filepath.Join(p.dir, name))
		if os.IsNotExist(err) {
			continue
		}
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, name), b, 0o600))
	}
	return to
}

// killed starts an agent again from what was on its disk.
func (c *country) killed(p *post, disk, hubURL string) {
	c.t.Helper()
	check(c.t, p.spool.Close())
	p.dir = disk
	c.opens(p, hubURL)
}

// takes hands n new files to the agents of whose they are.
func (c *country) takes(n int) {
	c.t.Helper()
	for range n {
		c.next++
		x := c.made()
		p := c.posts[x.Facility]
		_, err := p.station.Take(context.Background(), station.Item{Name: fmt.Sprintf("%d.xml", c.next), Source: "local",
			Lane: []store.Lane{store.Routine, store.Backlog, store.Urgent}[c.next%3], Payload: spool.Payload{File: spool.Part{Name: "x.xml", Bytes: x.XML}}})
		check(c.t, err)
		sum := sha256.Sum256(x.XML)
		c.taken[hex.EncodeToString(sum[:])] = x.Facility
	}
}

// made is the next file: an acceptable one, or, every fourth where a run wants
// them, one of a dossier that is rejected.
func (c *country) made() synth.Submission {
	c.t.Helper()
	for c.wrongs && c.next%4 == 0 {
		x, err := c.n.At(c.wrong)
		check(c.t, err)
		c.wrong++
		for _, d := range synth.Defects() {
			if d.Name == x.Defect && d.Outcome == synth.Rejected && x.Dossiers == 1 {
				return x
			}
		}
	}
	x, err := c.n.Outpatient(c.next)
	check(c.t, err)
	return x
}

// steps has every agent look and send once. An agent that cannot reach the hub
// goes on.
func (c *country) steps() (left int) {
	c.t.Helper()
	ctx := context.Background()
	for _, p := range c.posts {
		for {
			n, err := p.station.Look(ctx)
			check(c.t, err)
			if n == 0 {
				break
			}
		}
		_, err := p.station.Step(ctx)
		check(c.t, err)
		left += p.waits(c.t)
	}
	return left
}

// waits counts what is not decided yet.
func (p *post) waits(t testing.TB) (n int) {
	t.Helper()
	for _, s := range []spool.State{spool.Taken, spool.Ready, spool.Sent} {
		list, err := p.spool.List(context.Background(), s, 0, 1000)
		check(t, err)
		n += len(list)
	}
	return n
}

// drains lets the agents send until nothing is left, or enough time went by.
func (c *country) drains(hours int) (left int) {
	c.t.Helper()
	for range 60 * hours {
		if left = c.steps(); left == 0 {
			return 0
		}
		c.advance(time.Minute)
	}
	return left
}

// ledgered counts the records the hub keeps, by file, and those accepted.
func (c *country) ledgered() (by map[string]int, accepted, rejected int) {
	c.t.Helper()
	by = map[string]int{}
	ctx := context.Background()
	check(c.t, c.hub.Slices.Records.Walk(ctx, 0, 0, func(r *store.Record, _ []byte) error {
		f, _, err := c.hub.Slices.Records.File(ctx, r.ID.Facility, r.File)
		if err != nil {
			return err
		}
		by[hex.EncodeToString(f.Digest[:])]++
		if r.Verdict.State.IsAccepted() {
			accepted++
		} else {
			rejected++
		}
		return nil
	}))
	return by, accepted, rejected
}

// account holds what the agents took against what the hub keeps.
func (c *country) account() (lost, doubled int) {
	c.t.Helper()
	by, _, _ := c.ledgered()
	for sum := range c.taken {
		switch n := by[sum]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
		delete(by, sum)
	}
	return lost, doubled + len(by)
}

// legs counts those of the hub in a state.
func (c *country) legs(s exchange.State) int {
	c.t.Helper()
	n, err := c.hub.Slices.Legs.Count(context.Background(), role.Scope{All: true}, store.LegFilter{State: s})
	check(c.t, err)
	return n
}

// advance lets simulated time go by as a hub sees it: no faster than its
// attempts end, whose leases are some minutes long.
func (c *country) advance(d time.Duration) {
	c.t.Helper()
	const step = 2 * time.Minute
	for ; d > 0; d -= step {
		c.until("attempts end", func() bool {
			list, err := c.hub.Slices.Legs.Queues(context.Background())
			check(c.t, err)
			n := 0
			for _, q := range list {
				n += q.Carried
			}
			return n == 0
		})
		c.clock.Advance(min(d, step))
	}
}

// delivers lets the hub carry, a simulated minute at a time, until no leg waits.
func (c *country) delivers(hours int) {
	c.t.Helper()
	for range 60 * hours {
		if c.legs(exchange.Waiting) == 0 {
			return
		}
		c.advance(time.Minute)
		time.Sleep(5 * time.Millisecond) // it looks every 2 ms
	}
}

// atInsurer holds what the insurer has against what the hub accepted.
func (c *country) atInsurer() (missing, doubled int) {
	c.t.Helper()
	_, accepted, _ := c.ledgered()
	seen := map[string]int{}
	for _, e := range c.insurer.Records(tally.Select{}) {
		seen[e.SHA256]++
	}
	for _, n := range seen {
		doubled += n - 1
	}
	return accepted - len(seen), doubled
}
