package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// line is what lies between a province's hub and the nation's.
type line struct {
	to string

	mu   sync.Mutex
	down bool
	cut  int // of so many answers none comes back, though the nation has done its work
	lost int // how many did not
	edit func(path string, answer []byte) []byte
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, l.to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	out.Header.Del("Accept-Encoding") // so that answers can be read here
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	answer, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it was read whole
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	l.mu.Lock()
	cut := l.cut > 0 && strings.HasPrefix(r.URL.Path, "/api/v1/")
	if cut {
		l.cut--
		l.lost++
	}
	if l.edit != nil {
		answer = l.edit(r.URL.Path, answer)
	}
	l.mu.Unlock()
	if cut {
		panic(http.ErrAbortHandler)
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // who has gone asks again
}

func (l *line) set(change func(*line)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// province is a hub under another.
type province struct {
	region
	nation *world
	line   *line
	at     string // where the nation is reached
	client string // the province's credential there
	secret []byte // its file
}

// provinces runs a test over two hubs on each store.
func provinces(t *testing.T, test func(t *testing.T, p *province)) {
	t.Helper()
	type opener = func(name string) func(clock.Clock) hub.OpenStore
	for name, open := range map[string]func(t *testing.T) opener{
		"sqlite": func(t *testing.T) opener {
			return func(name string) func(clock.Clock) hub.OpenStore {
				dir := t.TempDir()
				return func(c clock.Clock) hub.OpenStore {
					return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
						return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: name, Owner: "e2e"})
					}
				}
			}
		},
		"postgres": func(t *testing.T) opener {
			return func(name string) func(clock.Clock) hub.OpenStore {
				url := pgtest.Database(t)
				return func(c clock.Clock) hub.OpenStore {
					return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
						return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: open, HubName: name, Owner: "e2e"})
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newProvince(t, open(t)))
		})
	}
}

func newProvince(t *testing.T, open func(name string) func(clock.Clock) hub.OpenStore) *province {
	t.Helper()
	p := &province{nation: newWorldOf(t, "nation.test", must(hub.NewKeys(nil)), open("nation.test"))}
	p.world = newWorldOf(t, "province.test", must(hub.NewKeys(nil)), open("province.test"), func(c *hub.Config) {
		c.Delivery.Courier.Poll = 10 * time.Millisecond
		c.Delivery.Courier.Draw = func() float64 { return 0.5 }
		c.Delivery.Courier.Retries = 1
		c.Delivery.Courier.Breaker = exchange.BreakerLaw{Failures: 5, Slow: time.Minute, Samples: 20, Open: 20 * time.Millisecond, Cap: 100 * time.Millisecond}
	})
	p.line = &line{to: p.nation.server.URL}
	server := httptest.NewServer(p.line)
	t.Cleanup(server.Close)
	p.at = server.URL

	p.nation.check(p.nation.hub.Office.AddCarrier(p.ctx, "test", admin.Carrier{ID: "tinh-79", Sort: "province", Name: fault.Text{VI: "Hub tỉnh 79", EN: "Hub of province 79"}}))
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	id, kid, err := p.nation.hub.Office.AddCarrierClient(p.ctx, "test", "tinh-79", must(x509.MarshalPKIXPublicKey(&key.PublicKey)))
	p.check(err)
	p.client = id
	p.nation.refresh()
	p.secret = must(agent.MakeCredential("nation.test", "00000", id, kid, key))
	return p
}

// above makes the nation a destination of everything.
func (p *province) above(options string) {
	p.t.Helper()
	p.check(p.hub.Office.PutDestination(p.ctx, "test", admin.Destination{ID: "quoc-gia", Adapter: "parent", URL: p.at, Private: true, Closed: true, Options: json.RawMessage(options),
		Name: fault.Text{VI: "Hub quốc gia", EN: "The nation's hub"}}))
	p.check(p.hub.Office.PutSecret(p.ctx, "test", "quoc-gia", "", must(p.hub.Vault.SealSecret(courier.SecretName("quoc-gia", ""), p.secret))))
	p.check(p.hub.Office.PutRoute(p.ctx, "test", admin.Route{Destination: "quoc-gia", Mode: exchange.Relay}))
	p.until("the plan is read", func() bool { return len(must(p.hub.Courier.Status(p.ctx))) == 1 })
}

// may lets the province send for facilities.
func (p *province) may(codes ...string) {
	p.t.Helper()
	for _, code := range codes {
		p.nation.grant(admin.Grant{Of: "tinh-79", Facility: code})
	}
}

// up is the leg of a record to the nation when it has come to a state.
func (p *province) up(record, state string) legAnswer {
	p.t.Helper()
	var got legAnswer
	p.until("the leg of "+record+" is "+state, func() bool {
		p.tick()
		got = p.legs(record[:5], record)["quoc-gia"]
		return got.State == state
	})
	return got
}

// tick lets the time of both hubs pass.
func (p *province) tick() {
	p.clock.Advance(time.Second)
	p.nation.clock.Advance(time.Second)
}

// counts are the records that a hub has, by what they are now.
func (w *world) counts() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	f := store.Filter{Limit: 1000}
	list, more, err := w.hub.Slices.Records.List(w.ctx, role.Scope{All: true}, f)
	if w.check(err); more {
		w.t.Fatal("more than 1,000 records")
	}
	for i := range list {
		out[list[i].Kind+" "+string(list[i].State())]++
	}
	return out
}

// TestAFileGoesUpAsItCame: the nation has the same bytes under the same seal; its
// receipt is kept beside ours, the same bytes, and shown.
func TestAFileGoesUpAsItCame(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, p.nation.hub.LogKey.Verifier()))
		p.may("79901")
		file := ours(pairs().ec, envelope(newVisit()))
		a := p.one("79901", file, fine)
		got := p.up(a.Record, "done")
		if got.Code != "" || !strings.HasPrefix(got.Reference, "79901-") || got.Reference == a.Record {
			t.Fatalf("%+v", got)
		}
		if _, raw := p.nation.get("79901", "/api/v1/records/"+got.Reference+"/original"); !bytes.Equal(raw, file) {
			t.Error("the nation has other bytes")
		}
	})
}
