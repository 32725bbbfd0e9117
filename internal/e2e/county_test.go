package e2e_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/watch"
	"lienthong/internal/bridge/axis"
	axissim "lienthong/internal/bridge/axis/simulator"
	"lienthong/internal/bridge/faulty"
	insurersim "lienthong/internal/bridge/insurer/simulator"
	prescriptionsim "lienthong/internal/bridge/prescription/simulator"
	vneidsim "lienthong/internal/bridge/vneid/simulator"
	webhooksim "lienthong/internal/bridge/webhook/simulator"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/synth"
	"lienthong/internal/web/api"
)

// county is a hub between facilities and simulated services outside that fail:
// it can be started again, and what it says is counted at both ends.
type county struct {
	region
	cfg    hub.Config
	nation *synth.Nation
	dir    string
	far    map[string]*insurersim.Simulator // the insurer, by its destination
	url    map[string]string                // of each service

	mu   sync.Mutex
	door http.Handler  // of the hub that runs
	open chan struct{} // closed while one runs

	told map[string]map[string]string // by facility: record and what its sender was told of it
}

// counties runs a test on both engines; faults are those of each service.
func counties(t *testing.T, faults map[string]string, test func(t *testing.T, c *county)) {
	t.Helper()
	for engine, place := range map[string]func(t *testing.T) func(clock.Clock) hub.OpenStore{
		"sqlite": func(t *testing.T) func(clock.Clock) hub.OpenStore {
			dir := t.TempDir()
			return func(c clock.Clock) hub.OpenStore {
				return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
					return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
				}
			}
		},
		"postgres": func(t *testing.T) func(clock.Clock) hub.OpenStore {
			url := pgtest.Copy(t, postgres.Migrate)
			return func(c clock.Clock) hub.OpenStore {
				return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
					return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
				}
			}
		},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, newCounty(t, place(t), faults))
		})
	}
}

func newCounty(t *testing.T, open func(clock.Clock) hub.OpenStore, faults map[string]string) *county {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(now), ctx: t.Context(), clients: map[string]*client{}, keys: must(keyring.New(nil))}
	c := &county{region: region{world: w}, dir: t.TempDir(), far: map[string]*insurersim.Simulator{}, url: map[string]string{}, told: map[string]map[string]string{},
		nation: must(synth.New(synth.Config{Seed: 11, Profile: synth.Small, To: now.Add(-time.Hour)}))}
	c.cfg = hub.Config{Name: hubName, Keys: w.keys, Clock: w.clock, Open: open(w.clock), API: api.Config{RatePerS: 1e6, Burst: 1e6},
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))}
	c.cfg.Delivery.Courier = courier.Config{Poll: 10 * time.Millisecond,
		Breaker: exchange.BreakerLaw{Failures: 5, Slow: time.Hour, Samples: 20, Open: 2 * time.Second, Cap: 10 * time.Second}}
	c.open = make(chan struct{})
	w.server = httptest.NewServer(http.HandlerFunc(c.serve))
	c.start()
	t.Cleanup(func() {
		w.close()
		c.door = nil
	})
	w.register()
	w.check(w.hub.Office.AddAnchor(w.ctx, "test", string(c.nation.Root())))
	for _, f := range c.nation.Facilities() {
		w.facility(f.Registration())
		w.credential(f.Code)
	}
	c.outside(faults)
	return c
}

// start runs a hub on the store, and lets in who waits at the door.
func (c *county) start() {
	c.t.Helper()
	h, err := hub.Start(c.ctx, c.cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hub, c.door = h, h.Handler()
	close(c.open)
}

// restart ends the hub under those who are sending, and runs another.
func (c *county) restart() {
	c.t.Helper()
	c.mu.Lock()
	c.open = make(chan struct{})
	c.mu.Unlock()
	c.check(c.hub.Close())
	c.start()
}

// serve hands on to the hub that runs; where none does, who asks waits for one.
func (c *county) serve(w http.ResponseWriter, r *http.Request) {
	for {
		c.mu.Lock()
		open, door := c.open, c.door
		c.mu.Unlock()
		select {
		case <-open:
			door.ServeHTTP(w, r)
			return
		case <-r.Context().Done():
			return
		}
	}
}

const countyGLN = "8930000000024"

// outside opens the services and routes: every facility is relayed to the
// insurer and goes into the health book directly.
func (c *county) outside(faults map[string]string) {
	c.t.Helper()
	f := func(id string) faulty.Config { return faulty.Config{Spec: faults[id], Seed: 5} }
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&key.PublicKey))}))
	shared := []byte("0123456789abcdef0123456789abcdef")
	c.far["bhxh"] = must(insurersim.New(insurersim.Config{Clock: c.clock, PerFile: 50, Faults: f("bhxh")}))
	for _, d := range []struct {
		id, adapter, options string
		closed               bool
		secret               any
		sim                  http.Handler
		kinds                []string
	}{
		{"bhxh", "insurer", `{}`, true, map[string]string{"user": "hub", "password": "p"}, c.far["bhxh"], []string{"qd4750", "checkin"}},
		{"so", "vneid", `{}`, false, map[string]string{"client_id": "hub", "client_secret": "s"}, must(vneidsim.New(vneidsim.Config{Clock: c.clock, Faults: f("so")})), []string{"qd4750"}},
		{"don", "prescription", `{}`, false, map[string]string{"facility": "hub", "password": "p"}, must(prescriptionsim.New(prescriptionsim.Config{Clock: c.clock, Faults: f("don")})), []string{"prescription"}},
		{"truc", "axis", string(must(json.Marshal(axis.Options{Sender: countyGLN, ReceiverKey: public, Transactions: map[string]string{"emr": "sync_emr"}}))), false,
			axis.Secret{User: "u", Password: "p", Key: private},
			must(axissim.New(axissim.Config{Clock: c.clock, Key: key, Senders: []axissim.Sender{{GLN: countyGLN, User: "u", Password: "p", Key: &key.PublicKey}}, Faults: f("truc")})), []string{"emr"}},
		{"tin", "webhook", `{}`, false, map[string]string{"key": "whsec_" + base64.StdEncoding.EncodeToString(shared)},
			must(webhooksim.New(webhooksim.Config{Clock: c.clock, Secret: shared, Faults: f("tin")})), []string{"slip", "checkup", "qd4750"}},
	} {
		s := httptest.NewServer(d.sim)
		c.t.Cleanup(s.Close)
		c.url[d.id] = s.URL
		c.check(c.hub.Office.PutDestination(c.ctx, "test", admin.Destination{ID: d.id, Adapter: d.adapter, URL: s.URL, Private: true, Closed: d.closed,
			Options: json.RawMessage(d.options), Name: fault.Text{VI: d.id, EN: d.id}}))
		sealed := must(c.hub.Vault.SealSecret(courier.SecretName(d.id, ""), must(json.Marshal(d.secret))))
		c.check(c.hub.Office.PutSecret(c.ctx, "test", d.id, "", sealed))
		for _, kind := range d.kinds {
			c.route(d.id, "", kind, exchange.Relay)
		}
	}
}

func (c *county) route(destination, facility, kind string, mode exchange.Mode) {
	c.t.Helper()
	c.check(c.hub.Office.PutRoute(c.ctx, "test", admin.Route{Destination: destination, Facility: facility, Kind: kind, Mode: mode}))
	asked := facility
	if asked == "" {
		asked = "79901"
	}
	c.until("the route is known", func() bool { return c.hub.Mode(destination, care.FacilityCode(asked), kind) == mode })
}

// passes lets time pass, fifty times as fast as it does, until stop is called.
func (c *county) passes() (stop func()) {
	ctx, cancel := context.WithCancel(c.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
			c.clock.Advance(500 * time.Millisecond)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// outlying is an agent that runs for a facility, with a folder.
type outlying struct {
	*station.Station
	folder string
}

// post opens an agent and runs it until the test ends.
func (c *county) post(code string) *outlying {
	c.t.Helper()
	dir := filepath.Join(c.dir, code)
	p := &outlying{folder: filepath.Join(dir, "gui")}
	c.check(os.MkdirAll(p.folder, 0o700))
	s := must(spool.Open(c.ctx, filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{Clock: c.clock}))
	seals := must(seal.NewVerifier(seal.Config{}))
	short := func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(min(d, 20*time.Millisecond)):
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	p.Station = must(station.New(station.Deps{Spool: s, Client: c.agentOf(code), Kinds: hub.Kinds(), Logger: slog.New(slog.DiscardHandler),
		Checker: &intake.Checker{Kinds: hub.Kinds(), Seals: seals, Rules: hub.Rules}},
		station.Config{Facility: care.FacilityCode(code), Clock: c.clock, Sleep: short, Folders: []watch.Folder{{Path: p.folder}},
			Watch: watch.Config{Every: time.Millisecond, Idle: 10 * time.Millisecond, Settle: time.Second, Clock: c.clock, Sleep: short}}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && ctx.Err() == nil {
			c.t.Errorf("the agent of %s: %v", code, err)
		}
		c.check(s.Close())
	})
	return p
}

// agentOf is a client with a credential of its own.
func (c *county) agentOf(code string) *agent.Client {
	c.t.Helper()
	key, spki, err := agent.NewKey()
	c.check(err)
	id, kid, err := c.hub.Administer().AddClient(c.ctx, "test", code, spki)
	c.check(err)
	credential := must(agent.ParseCredential(must(agent.MakeCredential(hubName, code, id, kid, key))))
	return must(agent.New(agent.Config{HubURL: c.server.URL, Credential: credential, Clock: c.clock}))
}

// say remembers what a sender was told of a record.
func (c *county) say(code, record, outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told[code] == nil {
		c.told[code] = map[string]string{}
	}
	c.told[code][record] = outcome
}

// farEntry is one thing that lies at a service.
type farEntry struct {
	Seq                                               int
	Kind, Facility, Episode, SHA256, Route, Reference string
}

func (c *county) entries(id string) []farEntry {
	c.t.Helper()
	var doc struct{ Records []farEntry }
	c.ask(id, "records", &doc)
	return doc.Records
}

// fired tells how often each fault happened at a service.
func (c *county) fired(id string) map[string]int {
	c.t.Helper()
	var doc struct{ Faults map[string]int }
	c.ask(id, "counts", &doc)
	return doc.Faults
}

// ask asks a service at its door for tests.
func (c *county) ask(id, what string, v any) {
	c.t.Helper()
	res := must(http.Get(c.url[id] + "/simulator/" + what))
	c.check(json.Unmarshal(must(io.ReadAll(res.Body)), v))
	c.check(res.Body.Close())
}

// hold is a facility that sends to the insurer by itself.
func (c *county) hold(doc []byte) {
	c.t.Helper()
	c.check(c.far["bhxh"].Hold(doc))
}
