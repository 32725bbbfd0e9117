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
	"lienthong/internal/bundle"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/web/api"
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

// TestAFileGoesUpAsItCame: the nation has the same bytes under the same seal; its
// receipt is kept beside ours, the same bytes, and proves the record to whoever
// has its log key; the person is the one it names.
func TestAFileGoesUpAsItCame(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above(fmt.Sprintf(`{"log_keys":[%q],"persons":"parent"}`, p.nation.hub.LogKey.Verifier()))
		p.may("79901")
		file := ours(pairs().ec, envelope(newVisit()))
		a := p.one("79901", file, fine)
		if a.Person != nil {
			t.Error("a person matched here is given as who it is")
		}
		got := p.up(a.Record, "done")
		if got.Code != "" || !strings.HasPrefix(got.Reference, "79901-") || got.Reference == a.Record || got.Attempts != 1 {
			t.Fatalf("%+v", got)
		}
		if _, raw := p.nation.get("79901", "/api/v1/records/"+got.Reference+"/original"); !bytes.Equal(raw, file) {
			t.Error("the nation has other bytes")
		}
		_, theirs := p.nation.get("79901", "/api/v1/records/"+got.Reference+"/receipt")
		path := "/api/v1/records/" + a.Record + "/legs/quoc-gia/receipt"
		if status, kept := p.get("79901", path); status != 200 || !bytes.Equal(kept, theirs) {
			t.Errorf("the receipt kept: %d, %d bytes of %d", status, len(kept), len(theirs))
		}
		if status, _ := p.get("79902", path); status != 404 {
			t.Errorf("another facility's: %d", status)
		}
		if status, _ := p.get("79901", "/api/v1/records/"+a.Record+"/legs/bhxh/receipt"); status != 404 {
			t.Errorf("of a destination that gave none: %d", status)
		}
		if _, story := p.get("79901", "/api/v1/records/"+a.Record+"/timeline"); !bytes.Contains(story, []byte(`"leg.receipt"`)) {
			t.Errorf("%s", story)
		}
		var here, there api.Item
		_, body := p.get("79901", "/api/v1/records/"+a.Record)
		p.check(json.Unmarshal(body, &here))
		_, body = p.nation.get("79901", "/api/v1/records/"+got.Reference)
		p.check(json.Unmarshal(body, &there))
		if here.Person != nil || here.PersonAbove == nil || there.Person == nil || here.PersonAbove.Person != *there.Person || here.PersonAbove.Destination != "quoc-gia" {
			t.Errorf("here %v, above %+v, there %v", here.Person, here.PersonAbove, there.Person)
		}
		own := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "client:79901", Route: "test"}
		zip, _, err := p.hub.Bundles.Bundle(p.ctx, own, must(dossier.ParseID(a.Record)))
		p.check(err)
		o := p.bundleOptions()
		if r := must(bundle.Verify(zip, o)); !r.OK || !strings.Contains(openSteps(r), "above_log_key") {
			t.Errorf("without the nation's key: %v, open %q", wrong(r), openSteps(r))
		}
		o.LogKeys = append(o.LogKeys, p.nation.hub.LogKey.Verifier())
		if r := must(bundle.Verify(zip, o)); !r.OK || strings.Contains(openSteps(r), "above_log_key") {
			t.Errorf("with it: %v, open %q", wrong(r), openSteps(r))
		}
		parts := must(p.hub.Bundles.Collect(p.ctx, own, must(dossier.ParseID(a.Record))))
		other := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.up(other.Record, "done")
		_, parts.Above[0] = p.get("79901", "/api/v1/records/"+other.Record+"/legs/quoc-gia/receipt")
		if r := must(bundle.Verify(packed(parts), o)); r.OK || !strings.Contains(strings.Join(wrong(r), " "), "bundle.above") {
			t.Errorf("with the nation's receipt of another record: %v", wrong(r))
		}
	})
}

// TestWithoutAGrantNothingIsTaken: what the nation refuses is parked under its
// word; granted and sent again by an operator it goes.
func TestWithoutAGrantNothingIsTaken(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above("")
		answers, _ := p.send("79901", ours(pairs().ec, envelope(newVisit(), newVisit())))
		a := answers[0]
		got := p.up(a.Record, "parked")
		if got.Code != "parent.sender.not_allowed" || len(p.nation.counts()) != 0 {
			t.Fatalf("%+v %v", got, p.nation.counts())
		}
		p.may("79901")
		p.retry(got.Code, 2)
		if got := p.up(a.Record, "done"); got.Attempts != 2 {
			t.Errorf("%+v", got)
		}
		p.same()
	})
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

// TestEachDossierOfAFileEndsByItself: the nation rejects one of three that the
// province took; that one is seen, the others are done, each with its own number
// and receipt. Judged again later it goes too.
func TestEachDossierOfAFileEndsByItself(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above("")
		p.may("79901")
		p.clock.Advance(time.Minute) // the nation's clock is half a minute behind: tomorrow at 10:01 is too far off for it
		p.nation.clock.Advance(30 * time.Second)
		late := newVisit().set("XML1", "NGAY_RA", "202611221001")
		file := ours(pairs().ec, envelope(newVisit(), late, newVisit()))
		answers, _ := p.send("79901", file)
		if v := verdict(answers, ""); strings.Contains(v, "rejected") {
			t.Fatal(v)
		}
		at := func(i int) legAnswer { return p.legs("79901", answers[i].Record)["quoc-gia"] }
		p.until("the file is judged above", func() bool { return at(0).State == "done" })
		if got := at(1); got.State != "parked" || got.Code != "parent.rejected" || got.Reference == "" {
			t.Fatalf("%+v", got)
		}
		if at(2).State != "done" || at(0).Reference == at(2).Reference {
			t.Errorf("%+v %+v", at(0), at(2))
		}
		for i, want := range []string{"accepted", "rejected", "accepted"} {
			var doc struct{ Body []byte }
			_, raw := p.get("79901", "/api/v1/records/"+answers[i].Record+"/legs/quoc-gia/receipt")
			p.check(json.Unmarshal(raw, &doc))
			if b := must(ledger.ParseBody(doc.Body)); b.Record != at(i).Reference || !strings.HasPrefix(b.State, want) || b.Episode != answers[i].Episode {
				t.Errorf("receipt %d is of %s, %s", i, b.Record, b.State)
			}
		}
		before := []legAnswer{at(0), at(2)}
		p.clock.Advance(time.Minute)
		p.nation.clock.Advance(2 * time.Minute)
		p.retry("parent.rejected", 1)
		p.up(answers[1].Record, "done")
		if after := []legAnswer{at(0), at(2)}; after[0].Attempts != before[0].Attempts || after[1].Reference != before[1].Reference {
			t.Errorf("%+v, then %+v", before, after)
		}
		p.same()
	})
}

// TestAReceiptThatProvesNothingDoesNotCount: it is parked, an alarm is kept, and
// nothing of it is shown as the nation's word.
func TestAReceiptThatProvesNothingDoesNotCount(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		stranger := must(ledger.LogKeyFromSeed("nation.test/log/0", []byte("a seed that is not the nation's."))).Verifier()
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, stranger))
		p.may("79901")
		unproved := func(what string) {
			t.Helper()
			a := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
			if got := p.up(a.Record, "parked"); got.Code != "parent.receipt" {
				t.Errorf("%s: %+v", what, got)
			}
			if status, _ := p.get("79901", "/api/v1/records/"+a.Record+"/legs/quoc-gia/receipt"); status != 404 {
				t.Errorf("%s: a receipt is given, %d", what, status)
			}
		}
		unproved("in a log of another key")
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, p.nation.hub.LogKey.Verifier()))
		p.retry("parent.receipt", 1)
		p.idle()
		p.same()
		var first []byte
		p.line.set(func(l *line) {
			l.edit = func(path string, answer []byte) []byte {
				if path != "/api/v1/submissions" {
					return answer
				}
				if first == nil {
					first = receiptIn(answer)
				}
				return bytes.Replace(answer, receiptIn(answer), first, 1)
			}
		})
		a := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.up(a.Record, "done")
		unproved("of another record")
		p.line.set(func(l *line) {
			l.edit = func(_ string, answer []byte) []byte {
				return bytes.Replace(answer, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
			}
		})
		unproved("with another signature")
		alarms, err := p.hub.Slices.Witness.Alarms(p.ctx, 100)
		p.check(err)
		n := 0
		for _, x := range alarms {
			if x.Kind == store.AlarmReceipt && x.From == "destination:quoc-gia" {
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d alarms, want 3: %+v", n, alarms)
		}
		p.line.set(func(l *line) { l.edit = nil })
		p.retry("parent.receipt", 2)
		p.idle()
		p.same()
	})
}

// receiptIn cuts the receipt document out of an answer with one result.
func receiptIn(answer []byte) []byte {
	_, rest, _ := bytes.Cut(answer, []byte(`"receipt":`))
	end := bytes.IndexByte(rest, '\n')
	return rest[:end-1]
}

// TestANationThatForgetsIsNotFollowed: while its log does not go on from what the
// province has seen of it nothing more is sent, and it is said; then all goes.
func TestANationThatForgetsIsNotFollowed(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above("")
		p.may("79901")
		p.up(p.one("79901", ours(pairs().ec, envelope(newVisit())), fine).Record, "done")
		p.clock.Advance(2 * time.Minute)
		p.nation.clock.Advance(2 * time.Minute)
		p.line.set(func(l *line) {
			l.edit = func(path string, answer []byte) []byte {
				if strings.HasPrefix(path, "/ledger/") {
					return bytes.Replace(answer, []byte(`"proof":["`), []byte(`"proof":["AAAA`), 1)
				}
				return answer
			}
		})
		second := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.up(second.Record, "done") // the first thing heard is believed
		p.clock.Advance(2 * time.Minute)
		p.nation.clock.Advance(2 * time.Minute)
		third := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.until("it is seen", func() bool {
			p.tick()
			return strings.HasPrefix(p.legs("79901", third.Record)["quoc-gia"].Code, "parent.ledger.")
		})
		if n := len(must(p.hub.Slices.Witness.Alarms(p.ctx, 100))); n != 1 {
			t.Errorf("%d alarms", n)
		}
		p.line.set(func(l *line) { l.edit = nil })
		p.up(third.Record, "done")
		p.same()
	})
}

// TestADayWithoutTheNation: the province goes on taking everything; back again
// all of it is there once, in order, though answers were lost on the way.
func TestADayWithoutTheNation(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, p.nation.hub.LogKey.Verifier()))
		p.may("79901", "79902")
		p.line.set(func(l *line) { l.down = true })
		sent := p.day()
		for range 24 {
			p.clock.Advance(time.Hour)
			p.nation.clock.Advance(time.Hour)
		}
		if n := len(p.nation.counts()); n != 0 {
			t.Fatalf("the nation has %v", p.nation.counts())
		}
		p.line.set(func(l *line) { l.down, l.cut = false, 9 })
		p.idle()
		if n := must(p.hub.Slices.Legs.Count(p.ctx, role.Scope{All: true}, store.LegFilter{State: exchange.Parked})); n != 0 {
			list, _, _ := p.hub.Slices.Legs.List(p.ctx, role.Scope{All: true}, store.LegFilter{State: exchange.Parked})
			t.Fatalf("%d parked: %s", n, list[0].Code)
		}
		p.same()
		if p.line.lost != 9 {
			t.Errorf("%d answers were lost, 9 wanted", p.line.lost)
		}
		n := 0
		for _, k := range p.counts() {
			n += k
		}
		if n < 100 || n < sent {
			t.Errorf("%d records of %d", n, sent)
		}
		t.Log(n, "records:", p.counts())
	})
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

// TestACarrierTakesBackWhatItBrought and nothing else, and only while it may send
// for the facility.
func TestACarrierTakesBackWhatItBrought(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.may("79901")
		n := p.nation
		brought := n.one("tinh-79", ours(pairs().ec, envelope(newVisit())), fine)
		other := n.one("tinh-79", ours(pairs().ec, envelope(newVisit())), fine)
		direct := n.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		withdraw := func(what, record string, want int) {
			t.Helper()
			if status, _, body := n.do("tinh-79", "POST", "/api/v1/records/"+record+"/withdraw", "application/json", []byte(`{"reason":"nhập nhầm"}`)); status != want {
				t.Errorf("%s: %d %s", what, status, body)
			}
		}
		withdraw("what the facility sent", direct.Record, 404)
		withdraw("what it brought", brought.Record, 200)
		withdraw("the same again", brought.Record, 200)
		_, err := n.hub.Office.EndCarrier(p.ctx, "test", admin.Grant{Of: "tinh-79", Facility: "79901", Reason: "hết hạn"})
		n.check(err)
		n.refresh()
		withdraw("when the grant has ended", other.Record, 404)
	})
}
