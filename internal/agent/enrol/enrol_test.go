package enrol_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/agent"
	"lienthong/internal/agent/enrol"
	"lienthong/internal/agent/home"
	"lienthong/internal/fault"
)

// hub redeems the invite "MOI-1" once, for one key, as the seam between agent and
// hub says. Odd answers come first.
type hub struct {
	*httptest.Server
	spki string // receipt key

	mu   sync.Mutex
	odd  []http.HandlerFunc
	used string // the key that redeemed
	seen []map[string]string
}

func newHub(t *testing.T, start func(http.Handler) *httptest.Server) *hub {
	t.Helper()
	_, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{spki: base64.StdEncoding.EncodeToString(spki)}
	h.Server = start(http.HandlerFunc(h.answer))
	t.Cleanup(h.Close)
	return h
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"code":"`+code+`"}`)
}

func (h *hub) answer(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var in map[string]string
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/api/v1/enrolments" || r.Method != http.MethodPost {
		problem(w, 400, "request.malformed")
		return
	}
	h.seen = append(h.seen, in)
	der, err := base64.StdEncoding.DecodeString(in["public_key"])
	if _, e := x509.ParsePKIXPublicKey(der); err != nil || e != nil {
		problem(w, 422, "invite.key")
		return
	}
	if in["invite"] != "MOI-1" || h.used != "" && h.used != in["public_key"] {
		problem(w, 403, "invite.invalid")
		return
	}
	h.used = in["public_key"]
	if len(h.odd) > 0 {
		odd := h.odd[0]
		h.odd = h.odd[1:]
		odd(w, r)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"client_id":"79901-2","kid":"k2","facility":"79901","hub":"lienthong.test","state":"active","receipt_keys":[{"kid":"r1","spki":"`+h.spki+`"}],"later":true}`)
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func options(t *testing.T, h *hub) enrol.Options {
	t.Helper()
	dir := t.TempDir()
	return enrol.Options{
		Dir: filepath.Join(dir, "agent"), Invite: " MOI-1\n",
		Config: home.Config{Hub: h.URL + "/", Software: "HIS/1.0", Proxy: home.ProxyDirect, Folders: []home.Folder{{Path: filepath.Join(dir, "gui")}}},
	}
}

func TestOneCommandMakesAnAgent(t *testing.T) {
	t.Parallel()
	h := newHub(t, httptest.NewServer)
	o := options(t, h)
	got, err := enrol.Setup(t.Context(), o)
	if err != nil || got.Waiting {
		t.Fatalf("%+v, %v", got, err)
	}
	again, err := home.Open(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := again.Credential()
	if err != nil || c.ClientID != "79901-2" || c.Facility != "79901" {
		t.Fatalf("%+v, %v", c, err)
	}
	der, err := x509.MarshalPKIXPublicKey(c.PublicKey())
	if err != nil || base64.StdEncoding.EncodeToString(der) != h.used {
		t.Errorf("the credential's key is not the one enrolled, %v", err)
	}
	if keys, err := again.ReceiptKeys(); err != nil || len(keys) != 1 || keys[0].ID != "r1" {
		t.Errorf("%v, %v", keys, err)
	}
	if cfg := again.Config(); cfg.Facility != "79901" || cfg.Hub != h.URL || cfg.Listen != home.DefaultListen {
		t.Errorf("%+v", cfg)
	}
	if info, err := os.Stat(o.Config.Folders[0].Path); err != nil || !info.IsDir() {
		t.Errorf("the folder: %v", err)
	}
	if _, err := os.Stat(again.Path("enrol.key")); !os.IsNotExist(err) {
		t.Errorf("the key lies about twice: %v", err)
	}
	if h.seen[0]["software"] != "HIS/1.0" {
		t.Errorf("%v", h.seen)
	}
	if _, err := enrol.Setup(t.Context(), o); code(err) != "agent.exists" {
		t.Errorf("again: %v", err)
	}
}

func TestAnAnswerLostOnTheWayIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t, httptest.NewServer)
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	h.odd = []http.HandlerFunc{cut}
	o := options(t, h)
	if _, err := enrol.Setup(t.Context(), o); code(err) != "hub.unreachable" {
		t.Fatal(err)
	}
	if _, err := home.Open(o.Dir); code(err) != "agent.not_set_up" {
		t.Fatalf("half set up: %v", err)
	}
	if _, err := enrol.Setup(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(h.seen) != 2 || h.seen[0]["public_key"] != h.seen[1]["public_key"] {
		t.Errorf("%d requests, not with one key", len(h.seen))
	}
	other := options(t, h)
	if _, err := enrol.Setup(t.Context(), other); code(err) != "invite.invalid" {
		t.Errorf("another machine with the used code: %v", err)
	}
}

func TestWaitingForASecondPersonIsSaid(t *testing.T) {
	t.Parallel()
	h := newHub(t, httptest.NewServer)
	h.odd = []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"client_id":"c","kid":"k","facility":"79901","hub":"h","state":"waiting","receipt_keys":[{"kid":"r","spki":"`+h.spki+`"}]}`)
	}}
	if got, err := enrol.Setup(t.Context(), options(t, h)); err != nil || !got.Waiting {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestWhatAHubMayAnswer(t *testing.T) {
	t.Parallel()
	_, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(spki)
	with := func(keys string) string {
		return `{"client_id":"c","kid":"k","facility":"79901","hub":"h","state":"active","receipt_keys":[` + keys + `]}`
	}
	for name, c := range map[string]struct {
		status int
		body   string
		code   string
	}{
		"good":              {201, with(`{"kid":"r","spki":"` + key + `"}`), ""},
		"page":              {200, "<html>Xin chào</html>", "hub.answer"},
		"empty":             {201, "", "hub.answer"},
		"empty object":      {201, "{}", "hub.answer"},
		"no keys":           {201, with(""), "hub.answer"},
		"key is no key":     {201, with(`{"kid":"r","spki":"AAAA"}`), "hub.answer"},
		"state":             {201, strings.Replace(with(`{"kid":"r","spki":"`+key+`"}`), "active", "perhaps", 1), "hub.answer"},
		"facility":          {201, strings.Replace(with(`{"kid":"r","spki":"`+key+`"}`), "79901", "../..", 1), "hub.answer"},
		"redirect":          {302, "", "hub.answer"},
		"not there":         {404, "", "hub.answer"},
		"invite":            {403, `{"code":"invite.invalid"}`, "invite.invalid"},
		"key":               {422, `{"code":"invite.key"}`, "invite.key"},
		"busy":              {503, `{"code":"hub.busy"}`, "hub.unreachable"},
		"too many":          {429, "", "hub.unreachable"},
		"gateway down":      {502, "<html>", "hub.unreachable"},
		"proxy wants login": {407, "", "hub.proxy"},
	} {
		if _, err := enrol.ParseAnswer(c.status, []byte(c.body)); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	_, spki, err := agent.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(201, []byte(`{"client_id":"c","kid":"k","facility":"79901","hub":"h","state":"active","receipt_keys":[{"kid":"r","spki":"`+base64.StdEncoding.EncodeToString(spki)+`"}]}`))
	f.Add(403, []byte(`{"code":"invite.invalid"}`))
	f.Add(200, []byte(`[]`))
	f.Fuzz(func(t *testing.T, status int, b []byte) {
		a, err := enrol.ParseAnswer(status, b)
		if err == nil && (a.ClientID == "" || len(a.Keys) == 0 || len(a.Facility) != 5) {
			t.Fatalf("taken: %+v", a)
		}
		if err != nil && fault.Of(err).Code == "hub.broken" {
			t.Fatalf("no code: %v", err)
		}
	})
}

func TestNothingIsSpentOnAWrongConfiguration(t *testing.T) {
	t.Parallel()
	h := newHub(t, httptest.NewServer)
	for name, spoil := range map[string]func(*enrol.Options){
		"plain http":   func(o *enrol.Options) { o.Config.Hub = "http://hub.example.vn" },
		"folder":       func(o *enrol.Options) { o.Config.Folders[0].Path = "gui" },
		"proxy":        func(o *enrol.Options) { o.Config.Proxy = "http://u:p@x" },
		"signer":       func(o *enrol.Options) { o.Config.Signer.Type = home.SignerPEM },
		"empty invite": func(o *enrol.Options) { o.Invite = " " },
		"long invite":  func(o *enrol.Options) { o.Invite = strings.Repeat("x", 1000) },
	} {
		o := options(t, h)
		spoil(&o)
		if _, err := enrol.Setup(t.Context(), o); err == nil {
			t.Errorf("%s: set up", name)
		}
		if _, err := os.Stat(o.Dir); !os.IsNotExist(err) {
			t.Errorf("%s: something was made: %v", name, err)
		}
	}
	if len(h.seen) != 0 {
		t.Errorf("%d requests were sent", len(h.seen))
	}
}

func TestLinesThatAreNotToTheHub(t *testing.T) {
	t.Parallel()
	unknown := newHub(t, httptest.NewTLSServer) // its authority is not this machine's
	o := options(t, unknown)
	if _, err := enrol.Setup(t.Context(), o); code(err) != "hub.certificate" {
		t.Errorf("unknown authority: %v", err)
	}
	if unknown.used != "" {
		t.Error("the invite left this machine")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o = options(t, unknown)
	o.Config.Hub = nobody
	if _, err := enrol.Setup(t.Context(), o); code(err) != "hub.unreachable" {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o = options(t, unknown)
	if _, err := enrol.Setup(ctx, o); err == nil {
		t.Error("set up after all was called off")
	}
}

func TestThroughAProxyWithAPassword(t *testing.T) {
	t.Parallel()
	h := newHub(t, httptest.NewServer)
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		if user != "lan" || password != "bí mật" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		asked++
		at, err := url.Parse(h.URL)
		if err != nil {
			t.Error(err)
		}
		r.URL.Host, r.Host = at.Host, at.Host // stands in for the name's resolution
		h.answer(w, r)
	}))
	t.Cleanup(proxy.Close)
	o := options(t, h)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.User("lan")
	o.Config.Proxy = at.String()
	o.ProxyPassword = "sai"
	if _, err := enrol.Setup(t.Context(), o); code(err) != "hub.proxy" {
		t.Fatal(err)
	}
	o.ProxyPassword = "bí mật"
	if _, err := enrol.Setup(t.Context(), o); err != nil || asked != 1 {
		t.Fatalf("%d asked, %v", asked, err)
	}
	b, err := os.ReadFile(filepath.Join(o.Dir, "agent.json"))
	if err != nil || strings.Contains(string(b), "bí mật") {
		t.Errorf("the configuration holds the password, %v", err)
	}
}
