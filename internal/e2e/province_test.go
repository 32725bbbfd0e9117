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
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
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
				url := pgtest.Copy(t, postgres.Migrate)
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
	p := &province{nation: newWorldOf(t, "nation.test", must(keyring.New(nil)), open("nation.test"))}
	p.world = newWorldOf(t, "province.test", must(keyring.New(nil)), open("province.test"), func(c *hub.Config) {
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
	p.nation.refresh()
	p.nation.clients["tinh-79"] = newClient(id, kid, key)
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
	for _, do := range []string{admin.DestinationPause, admin.DestinationResume} { // what shows that the entry was read
		p.check(p.hub.Office.DestinationDo(p.ctx, "test", "quoc-gia", do))
		p.until("the plan is read", func() bool {
			states := must(p.hub.Courier.Status(p.ctx))
			return len(states) == 1 && states[0].Paused.IsZero() == (do == admin.DestinationResume)
		})
	}
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

// retry sends parked legs again as `legs retry` does.
func (p *province) retry(code string, want int) {
	p.t.Helper()
	n, err := p.hub.Office.MoveLegs(p.ctx, "test", admin.LegAct{Do: admin.LegRetry, Reason: "đã sửa",
		Filter: admin.LegFilter{Destination: "quoc-gia", State: exchange.Parked, Code: code}}, nil)
	if p.check(err); n != want {
		p.t.Fatalf("%d legs with %s sent again, want %d", n, code, want)
	}
}

// idle waits until nothing is on its way up any more.
func (p *province) idle() {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%+v", must(p.hub.Courier.Status(p.ctx)))
		}
	}()
	p.until("all legs are at their end", func() bool {
		p.tick()
		for _, s := range must(p.hub.Courier.Status(p.ctx)) {
			if s.Queue.Waiting+s.Queue.Carried > 0 {
				return false
			}
		}
		return true
	})
}

// same holds both hubs against each other, to the record: what was accepted here
// is there once, in the same state, under the number the leg gives.
func (p *province) same() {
	p.t.Helper()
	here, _, err := p.hub.Slices.Records.List(p.ctx, role.Scope{All: true}, store.Filter{Limit: 1000})
	p.check(err)
	seen := map[string]string{}
	for i := range here {
		r := &here[i]
		if !r.Verdict.State.IsAccepted() {
			continue
		}
		legs := must(p.hub.Slices.Legs.Of(p.ctx, r.ID))
		if len(legs) != 1 || legs[0].State != exchange.Done || seen[legs[0].Reference] != "" {
			p.t.Errorf("%s %s: legs %+v, the number is %q's already", r.ID, r.Kind, legs, seen[legs[0].Reference])
			continue
		}
		seen[legs[0].Reference] = r.ID.String()
		there, err := p.nation.hub.Slices.Records.Get(p.ctx, role.Scope{All: true}, must(dossier.ParseID(legs[0].Reference)))
		if err != nil {
			p.t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if there.Kind != r.Kind || there.State() != r.State() || there.Version != r.Version || there.Current != r.Current || there.Withdraws.IsZero() != r.Withdraws.IsZero() {
			p.t.Errorf("%s %s %s version %d, there %s %s version %d", r.ID, r.Kind, r.State(), r.Version, there.Kind, there.State(), there.Version)
		}
		if said := must(p.hub.Slices.Legs.Receipts(p.ctx, r.ID)); len(said) != 1 {
			p.t.Errorf("%s: %d receipts from above", r.ID, len(said))
		}
	}
	accepted := 0
	for name, n := range p.nation.counts() {
		if !strings.HasSuffix(name, " rejected") {
			accepted += n
		}
	}
	if accepted != len(seen) {
		p.t.Errorf("%d accepted here, there %v", len(seen), p.nation.counts())
	}
}

// day sends a day's work of two facilities, of every kind, and says how many
// dossiers were accepted.
func (p *province) day() (accepted int) {
	p.t.Helper()
	k := pairs()
	take := func(list []answer) []answer {
		p.t.Helper()
		for _, a := range list {
			if !strings.HasPrefix(a.State, "accepted") {
				p.t.Fatalf("%s %s %s", a.State, a.Code, codesOf(a))
			}
			accepted++
		}
		p.tick()
		return list
	}
	alone := func(raw []byte) answer { // sealed beside
		a, _ := p.beside("79901", raw, sealed(k.ec, raw))
		return take([]answer{a})[0]
	}
	sign := func(text string) answer {
		list, _ := p.send("79901", ours(k.ec, text))
		return take(list)[0]
	}
	withdraw := func(a answer) {
		p.t.Helper()
		if status, _, body := p.do("79901", "POST", "/api/v1/records/"+a.Record+"/withdraw", "application/json", []byte(`{"reason":"nhập nhầm người bệnh"}`)); status != 200 {
			p.t.Fatalf("%d %s", status, body)
		}
		accepted++
		p.tick()
	}
	for i := range 10 {
		v := newVisit()
		day := func(n int) answer {
			list, _ := p.send("79901", dated(fmt.Sprintf("202611%02d", n), v.set("XML1", "LY_DO_VV", fmt.Sprint("lần ", n))))
			return take(list)[0]
		}
		first := day(10)
		day(12)
		last := day(13)
		if i%2 == 0 {
			day(11) // late: superseded as it comes
		}
		if i%3 == 0 {
			withdraw(last)
		}
		if i%5 == 0 {
			withdraw(first)
		}
		list, _ := p.send("79902", ours(k.other, visitOf("79902")))
		take(list)
		sign(checkin(arrival(), arrival()))
		old := alone(prescription(fmt.Sprintf("79901parent%d-C", i)))
		if i%2 == 0 {
			alone(prescription(fmt.Sprintf("79901replac%d-C", i), `"ho_ten`, fmt.Sprintf(`"ma_don_thuoc_thay_the":"79901parent%d-C","ho_ten`, i)))
		} else {
			withdraw(old)
		}
		alone(emrJSON(fmt.Sprint("EJ", i)))
		x, pdf := emrXML(fmt.Sprint("EX", i)), paper(fmt.Sprintf("<< /Type /Page /N %d >>", i))
		take(p.sendTar("79901", true, member{"a.xml", x}, member{"a.xml.jws", []byte(sealed(k.ec, x))}, member{"a.pdf", pdf}, member{"a.pdf.jws", []byte(sealed(k.ec, pdf))})["a.xml"])
		health, _ := p.send("79901", concluded(check(), doctor(), k.ec))
		take(health)
		sign(referral(newVisit()))
		list, _ = p.send("79901", ours(k.ec, envelope(newVisit(), newVisit())))
		take(list)
	}
	rejected, _ := p.send("79901", ours(k.ec, envelope(newVisit().set("XML1", "GIOI_TINH", "7"))))
	if rejected[0].State != "rejected" {
		p.t.Fatalf("%+v", rejected[0])
	}
	return accepted
}
