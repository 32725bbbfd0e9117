package parent_test

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/agent"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/parent"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// above is a hub above that says what a test wants: what hubs really say is
// tested over two of them (package e2e).
type above struct {
	mu     sync.Mutex
	status int
	kind   string
	body   string
	header http.Header
	denied bool // no token

	logins  int
	got     http.Header
	members []string
	asked   string
}

func (a *above) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.URL.Path == "/oauth2/token" {
		a.logins++
		if a.denied {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":600}`)
		return
	}
	a.got, a.asked = r.Header.Clone(), r.Method+" "+r.URL.Path
	a.members = nil
	if r.Header.Get("Content-Type") == "application/x-tar" {
		z, err := zstd.NewReader(r.Body)
		if err != nil {
			panic(err)
		}
		defer z.Close()
		for t := tar.NewReader(z); ; {
			h, err := t.Next()
			if err != nil {
				break
			}
			a.members = append(a.members, h.Name)
		}
	}
	_, _ = io.Copy(io.Discard, r.Body)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", a.kind)
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

type alarms struct{ kinds []string }

func (a *alarms) Alarm(_ context.Context, x store.LogAlarm) (bool, error) {
	a.kinds = append(a.kinds, x.Kind)
	return true, nil
}

const ndjson = "application/x-ndjson"

// setup serves a hub above and gives an adapter with a parcel for it.
func setup(t *testing.T) (*above, *parent.Adapter, *courier.Parcel, *alarms) {
	t.Helper()
	a, rung := &above{status: 200, kind: ndjson}, &alarms{}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	key, _, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := agent.MakeCredential("nation.test", "00000", "tinh-79-1", "k", key)
	if err != nil {
		t.Fatal(err)
	}
	id := dossier.ID{Facility: "79901", Serial: [16]byte{1}}
	leg := store.Leg{LegKey: store.LegKey{Record: id, Destination: "quoc-gia"}, Lane: store.Urgent}
	p := &courier.Parcel{Destination: exchange.Destination{ID: "quoc-gia", Adapter: "parent", URL: s.URL, Private: true}, Legs: []store.Leg{leg},
		Own: []disclose.Own{{Record: store.Record{ID: id}}}, Secret: secret, Sent: &evidence.Sent{Bytes: []byte("<GIAMDINHHS/>")}}
	adapter := parent.New(outbound.New(5*time.Second), clock.NewFake(time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)), slog.New(slog.DiscardHandler), rung)
	return a, adapter, p, rung
}

func TestWhatTheParentSaysOfAFile(t *testing.T) {
	t.Parallel()
	line := func(s string) string { return s + "\n" + `{"end":true,"results":1}` + "\n" }
	for name, c := range map[string]struct {
		status  int
		kind    string
		body    string
		header  http.Header
		outcome exchange.Outcome
		code    string
		wait    time.Duration
		whole   bool
	}{
		"not granted":        {403, ndjson, line(`{"file":"ho-so.xml","refused":true,"code":"sender.not_allowed","message":{"vi":"x","en":"x"}}`), nil, exchange.Refused, "parent.sender.not_allowed", 0, false},
		"refused":            {422, ndjson, line(`{"file":"","refused":true,"code":"seal.untrusted"}`), nil, exchange.Refused, "parent.seal.untrusted", 0, false},
		"a code of nonsense": {422, ndjson, line(`{"file":"","refused":true,"code":"có dấu\u0000"}`), nil, exchange.Refused, "parent.code", 0, false},
		"deferred":           {503, ndjson, line(`{"file":"ho-so.xml","index":0,"deferred":true,"code":"hub.busy","retry_after":7}`), nil, exchange.Again, "parent.hub.busy", 7 * time.Second, true},
		"too fast":           {429, "application/problem+json", `{"code":"rate.exceeded","message":{"vi":"x","en":"x"}}`, http.Header{"Retry-After": {"9"}}, exchange.Again, "parent.busy", 9 * time.Second, true},
		"out":                {503, "text/plain", "x", http.Header{"Retry-After": {"30"}}, exchange.Again, "parent.busy", 30 * time.Second, true},
		"broken":             {500, "text/plain", "x", nil, exchange.Again, "outbound.unreachable", 0, true},
		"may not send":       {403, "application/problem+json", `{"code":"role.not_allowed","message":{"vi":"x","en":"x"}}`, nil, exchange.Refused, "parent.role.not_allowed", 0, false},
		"a page of a proxy":  {200, "text/html", "<html>", nil, exchange.Again, "parent.answer", 0, true},
		"a redirect":         {302, "text/html", "", http.Header{"Location": {"http://192.0.2.1/"}}, exchange.Again, "parent.answer", 0, true},
		"cut short":          {200, ndjson, `{"file":"ho-so.xml","index":0,"record":"79901-x","state":"accepted"}` + "\n", nil, exchange.Again, "outbound.unreachable", 0, true},
		"another file":       {200, ndjson, line(`{"file":"other","index":0,"record":"79901-x","state":"accepted"}`), nil, exchange.Again, "parent.answer", 0, true},
		"another dossier":    {200, ndjson, line(`{"file":"","index":1,"record":"79901-x","state":"accepted"}`), nil, exchange.Again, "parent.answer", 0, false},
		"erased there":       {200, ndjson, line(`{"file":"","index":0,"record":"79901-x","state":"erased"}`), nil, exchange.Refused, "parent.erased", 0, false},
		"no receipt":         {200, ndjson, line(`{"file":"","index":0,"record":"79901-x","state":"accepted"}`), nil, exchange.Refused, "parent.receipt", 0, false},
		"a receipt of trash": {200, ndjson, line(`{"file":"","index":0,"record":"79901-x","state":"accepted","receipt":{"body":"e30="}}`), nil, exchange.Refused, "parent.receipt", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, adapter, p, rung := setup(t)
			a.status, a.kind, a.body, a.header = c.status, c.kind, c.body, c.header
			got := adapter.Deliver(context.Background(), p)
			one := got.Of(0)
			if one.Outcome != c.outcome || one.Code != c.code || one.Wait != c.wait || one.Whole != c.whole || len(one.Receipt) > 0 {
				t.Errorf("%+v", got)
			}
			if want := c.code == parent.CodeReceipt; (len(rung.kinds) == 1) != want {
				t.Errorf("alarms %v", rung.kinds)
			}
			if a.got.Get("Lane") != "urgent" || a.asked != "POST /api/v1/submissions" {
				t.Errorf("%s %v", a.asked, a.got)
			}
		})
	}
}

func TestWithoutACredentialNothingIsSent(t *testing.T) {
	t.Parallel()
	a, adapter, p, _ := setup(t)
	secret := p.Secret
	for _, s := range []string{"", "{}", "mật khẩu"} {
		p.Secret = []byte(s)
		if got := adapter.Deliver(context.Background(), p); got.Outcome != exchange.Refused || got.Code != "leg.secret_missing" || got.Sent {
			t.Errorf("%q: %+v", s, got)
		}
	}
	p.Secret, a.denied = secret, true
	if got := adapter.Deliver(context.Background(), p); got.Outcome != exchange.Again || got.Code != "parent.token.assertion" || !got.Whole || got.Sent || got.Wait == 0 {
		t.Errorf("turned away: %+v", got)
	}
	before := a.logins
	if got := adapter.Deliver(context.Background(), p); got.Code != "parent.login_paused" || a.logins != before {
		t.Errorf("tried again at once: %+v, %d logins", got, a.logins)
	}
}

func TestPrivateAddressesAreNotCalledUnapproved(t *testing.T) {
	t.Parallel()
	a, adapter, p, _ := setup(t)
	p.Destination.Private = false
	if got := adapter.Deliver(context.Background(), p); got.Outcome != exchange.Refused || got.Code != "outbound.address" || got.Sent || a.logins != 0 {
		t.Errorf("%+v, %d logins", got, a.logins)
	}
}

func TestPapersGoWithTheirFile(t *testing.T) {
	t.Parallel()
	a, adapter, p, _ := setup(t)
	p.Sent = &evidence.Sent{Bytes: []byte("<x/>"), Seal: "s", Papers: []evidence.Paper{{Name: "thu/a.pdf", Bytes: []byte("p"), Seal: "t"}, {Name: "thu/a.xml.pdf", Bytes: []byte("q"), Seal: "u"}}}
	adapter.Deliver(context.Background(), p)
	if got := fmt.Sprint(a.members); got != "[thu/a.xml.jws thu/a.xml thu/a.pdf.jws thu/a.pdf thu/a.xml.pdf.jws thu/a.xml.pdf]" {
		t.Error(got)
	}
}

func TestWhatHasNotGoneIsNotTakenBack(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]store.Leg{"rejected there": {State: exchange.Parked, Reference: "79901-0123456789abcdefghjkmnpqrs"}, "without a number": {State: exchange.Done}} {
		a, adapter, p, _ := setup(t)
		p.Withdraws = &w
		if got := adapter.Deliver(context.Background(), p); got.Outcome != exchange.Refused || got.Code != exchange.ParkedBehind || a.asked != "" {
			t.Errorf("%s: %+v %s", name, got, a.asked)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, adapter, _, _ := setup(t)
	for _, c := range []struct {
		url, options string
		ok           bool
	}{
		{"https://hub.example", "", true},
		{"https://hub.example/", `{"persons":"parent"}`, true},
		{"http://127.0.0.1:8080", `{"log_keys":[]}`, true},
		{"http://hub.example", "", false},
		{"https://hub.example/api", "", false},
		{"https://u:p@hub.example", "", false},
		{"https://hub.example", `{"persons":"mine"}`, false},
		{"https://hub.example", `{"log_keys":["x"]}`, false},
		{"https://hub.example", `{"persons":"parent","persons":"parent"}`, false},
		{"https://hub.example", `{"secret":"x"}`, false},
		{"https://hub.example", `[]`, false},
	} {
		if err := adapter.Check(exchange.Destination{URL: c.url, Options: json.RawMessage(c.options)}); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.url, c.options, err)
		}
	}
}

func FuzzOptions(f *testing.F) {
	for _, s := range []string{"", "{}", `{"persons":"parent","log_keys":["a"]}`, `{"persons":1}`, `{"log_keys":null} x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parent.ParseOptions(b); err != nil && !errors.Is(err, parent.ErrOptions) && !strings.Contains(fault.Of(err).Code, "parent.") {
			t.Errorf("%v", err)
		}
	})
}
