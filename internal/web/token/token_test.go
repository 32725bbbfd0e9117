package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/web/token"
)

const (
	public    = "https://hub.example.vn"
	clientID  = "79901-1"
	assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// once is a store.Access that remembers in memory.
type once struct {
	mu   sync.Mutex
	seen map[string]time.Time
	err  error
}

func (o *once) Once(_ context.Context, client, jti string, until time.Time) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return false, o.err
	}
	if _, ok := o.seen[client+"/"+jti]; ok {
		return false, nil
	}
	o.seen[client+"/"+jti] = until
	return true, nil
}

// world is a desk with one client whose key the test holds.
type world struct {
	desk    *token.Desk
	clock   *clock.Fake
	once    *once
	key     *ecdsa.PrivateKey
	mu      sync.Mutex
	clients []facility.Client
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{clock: clock.NewFake(time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)), once: &once{seen: map[string]time.Time{}}, key: newKey(t)}
	w.clients = []facility.Client{w.client(t, clientID, &w.key.PublicKey)}
	d, err := token.New(token.Config{Secret: []byte("a secret of thirty-two bytes...."), Directory: w.directory, Once: w.once, Clock: w.clock, PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	w.desk = d
	return w
}

func (w *world) directory() *facility.Directory {
	w.mu.Lock()
	defer w.mu.Unlock()
	return facility.NewDirectory(facility.Contents{Epoch: 1, Clients: w.clients})
}

func (w *world) client(t testing.TB, id string, pub *ecdsa.PublicKey) facility.Client {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return facility.Client{ID: id, Facility: "79901", KeyID: "k1", PublicKey: der, Since: w.clock.Now()}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// claims are those of a good assertion, its id chosen by the test.
func (w *world) claims(jti string) jwt.Claims {
	now := w.clock.Now()
	return jwt.Claims{Issuer: clientID, Subject: clientID, Audience: jwt.Audience{public + token.Path}, ID: jti,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute))}
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, c any) string {
	t.Helper()
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		opts = opts.WithHeader("kid", kid)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) good(t testing.TB, jti string) string {
	return sign(t, jose.ES256, w.key, "k1", w.claims(jti))
}

// ask posts an assertion and returns the status, the token and the error code.
func (w *world) ask(text string) (status int, access, code string) {
	return w.post(url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertion}, "client_assertion": {text}})
}

func (w *world) post(form url.Values) (status int, access, code string) {
	r := httptest.NewRequest("POST", public+token.Path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.desk.ServeHTTP(rec, r)
	var said struct {
		Access  string `json:"access_token"`
		Error   string `json:"error"`
		Expires int    `json:"expires_in"`
		Type    string `json:"token_type"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &said); err != nil {
		return rec.Code, "", "not JSON: " + rec.Body.String()
	}
	if rec.Header().Get("Cache-Control") != "no-store" {
		return rec.Code, "", "may be cached"
	}
	if said.Access != "" && (said.Expires != 300 || said.Type != "Bearer") {
		return rec.Code, "", "not a bearer token of five minutes"
	}
	return rec.Code, said.Access, said.Error
}

func TestAnAssertionGivesATokenOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	text := w.good(t, "a")
	status, access, code := w.ask(text)
	if status != http.StatusOK || access == "" {
		t.Fatalf("%d %s", status, code)
	}
	got, err := w.desk.Client(access)
	if err != nil || got.ID != clientID || got.Facility != "79901" {
		t.Errorf("%+v, %v", got, err)
	}
	if status, access, code := w.ask(text); status != http.StatusUnauthorized || access != "" || code != "invalid_client" {
		t.Errorf("replayed: %d %q %s", status, access, code)
	}
	if status, _, _ := w.ask(w.good(t, "b")); status != http.StatusOK {
		t.Errorf("a new id: %d", status)
	}
	// The id is remembered for as long as the assertion could be presented.
	if until := w.once.seen[clientID+"/a"]; until.Before(w.clock.Now().Add(5 * time.Minute)) {
		t.Errorf("remembered only until %v", until)
	}
}

func TestOfTwoPresentationsAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	text := w.good(t, "a")
	got := make(chan int, 16)
	for range cap(got) {
		go func() {
			status, _, _ := w.ask(text)
			got <- status
		}()
	}
	taken := 0
	for range cap(got) {
		if <-got == http.StatusOK {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("taken %d times", taken)
	}
}

func TestAssertionsRefused(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(*jwt.Claims)) func(*testing.T, *world) string {
		return func(t *testing.T, w *world) string {
			c := w.claims("x")
			change(&c)
			return sign(t, jose.ES256, w.key, "k1", c)
		}
	}
	at := func(w *world, d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(w.clock.Now().Add(d)) }
	timed := func(change func(*world, *jwt.Claims)) func(*testing.T, *world) string {
		return func(t *testing.T, w *world) string {
			c := w.claims("x")
			change(w, &c)
			return sign(t, jose.ES256, w.key, "k1", c)
		}
	}
	for name, make := range map[string]func(*testing.T, *world) string{
		"another audience": edit(func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://other.example.vn" + token.Path} }),
		"the hub's root":   edit(func(c *jwt.Claims) { c.Audience = jwt.Audience{public} }),
		"no audience":      edit(func(c *jwt.Claims) { c.Audience = nil }),
		"no id":            edit(func(c *jwt.Claims) { c.ID = "" }),
		"an endless id":    edit(func(c *jwt.Claims) { c.ID = strings.Repeat("x", 201) }),
		"no expiry":        edit(func(c *jwt.Claims) { c.Expiry = nil }),
		"another issuer":   edit(func(c *jwt.Claims) { c.Issuer = "01901-1" }),
		"no issuer":        edit(func(c *jwt.Claims) { c.Issuer = "" }),
		"unknown client":   edit(func(c *jwt.Claims) { c.Issuer, c.Subject = "99999-1", "99999-1" }),
		"expired":          timed(func(w *world, c *jwt.Claims) { c.Expiry = at(w, -time.Minute) }),
		"lives too long":   timed(func(w *world, c *jwt.Claims) { c.Expiry = at(w, 6*time.Minute) }),
		"not yet valid":    timed(func(w *world, c *jwt.Claims) { c.NotBefore = at(w, time.Minute) }),
		"issued in future": timed(func(w *world, c *jwt.Claims) { c.IssuedAt = at(w, time.Minute) }),
		"another key":      func(t *testing.T, w *world) string { return sign(t, jose.ES256, newKey(t), "k1", w.claims("x")) },
		"another key id":   func(t *testing.T, w *world) string { return sign(t, jose.ES256, w.key, "k2", w.claims("x")) },
		"RS256":            func(t *testing.T, w *world) string { return sign(t, jose.RS256, rsaKey, "k1", w.claims("x")) },
		"HS256 by the SPKI": func(t *testing.T, w *world) string {
			return sign(t, jose.HS256, w.clients[0].PublicKey, "k1", w.claims("x"))
		},
		"alg none":      func(t *testing.T, w *world) string { return unsigned(t, w.claims("x")) },
		"empty":         func(*testing.T, *world) string { return "" },
		"two dots":      func(*testing.T, *world) string { return ".." },
		"a JSON object": func(t *testing.T, w *world) string { return flattened(t, w.good(t, "x")) },
		"oversize": func(t *testing.T, w *world) string {
			c := w.claims("x")
			c.Audience = append(c.Audience, strings.Repeat("a", 9<<10))
			return sign(t, jose.ES256, w.key, "k1", c)
		},
		"a changed byte": func(t *testing.T, w *world) string {
			parts := strings.Split(w.good(t, "x"), ".")
			body, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err != nil {
				t.Fatal(err)
			}
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), `"x"`, `"y"`, 1)))
			return strings.Join(parts, ".")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			if status, access, code := w.ask(make(t, w)); status != http.StatusUnauthorized || access != "" || code != "invalid_client" {
				t.Errorf("%d %q %s", status, access, code)
			}
			if len(w.once.seen) != 0 {
				t.Error("a refused assertion used its id up")
			}
		})
	}
}

// unsigned is a token that says alg none and carries no signature.
func unsigned(t *testing.T, c jwt.Claims) string {
	t.Helper()
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k1"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
}

func flattened(t *testing.T, compact string) string {
	t.Helper()
	s, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return s.FullSerialize()
}

// Clocks of facilities run ahead and behind by half a minute.
func TestClocksMayDifferALittle(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ahead := w.claims("ahead")
	ahead.IssuedAt, ahead.NotBefore = jwt.NewNumericDate(w.clock.Now().Add(25*time.Second)), jwt.NewNumericDate(w.clock.Now().Add(25*time.Second))
	ahead.Expiry = jwt.NewNumericDate(w.clock.Now().Add(5*time.Minute + 25*time.Second))
	if status, _, code := w.ask(sign(t, jose.ES256, w.key, "k1", ahead)); status != http.StatusOK {
		t.Errorf("ahead: %d %s", status, code)
	}
	behind := w.claims("behind")
	behind.Expiry = jwt.NewNumericDate(w.clock.Now().Add(-25 * time.Second))
	if status, _, code := w.ask(sign(t, jose.ES256, w.key, "k1", behind)); status != http.StatusOK {
		t.Errorf("behind: %d %s", status, code)
	}
}

func TestFormsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	text := w.good(t, "a")
	for name, c := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"another grant":     {url.Values{"grant_type": {"password"}, "client_assertion_type": {assertion}, "client_assertion": {text}}, 400, "unsupported_grant_type"},
		"no grant":          {url.Values{"client_assertion_type": {assertion}, "client_assertion": {text}}, 400, "unsupported_grant_type"},
		"a shared secret":   {url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {"x"}}, 401, "invalid_client"},
		"an enormous form":  {url.Values{"grant_type": {strings.Repeat("x", 64<<10)}}, 400, "invalid_request"},
		"assertion missing": {url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertion}}, 401, "invalid_client"},
	} {
		if status, _, code := w.post(c.form); status != c.status || code != c.code {
			t.Errorf("%s: %d %s", name, status, code)
		}
	}
	// What is in the address line is not the form.
	r := httptest.NewRequest("POST", public+token.Path+"?"+url.Values{"grant_type": {"client_credentials"}}.Encode(), nil)
	rec := httptest.NewRecorder()
	w.desk.ServeHTTP(rec, r)
	if rec.Code != http.StatusBadRequest {
		t.Errorf("parameters in the URL: %d", rec.Code)
	}
}

func TestABrokenStoreGivesNoToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	full := fault.New(fault.Busy, "hub.storage_full", "đĩa đầy", "disk full")
	for _, err := range []error{errors.New("disk gone"), full} { // a full store is no wrong client
		w.once.err = err
		if status, access, code := w.ask(w.good(t, "a")); status != http.StatusServiceUnavailable || access != "" || strings.Contains(code, "disk") {
			t.Errorf("%v: %d %q %s", err, status, access, code)
		}
	}
}

func TestAccessTokensRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, access, _ := w.ask(w.good(t, "a"))
	refused := func(name, text string) {
		t.Helper()
		if c, err := w.desk.Client(text); !errors.Is(err, token.ErrToken) || c.ID != "" || fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	forged := jwt.Claims{Subject: clientID, Expiry: jwt.NewNumericDate(w.clock.Now().Add(time.Minute))}
	parts := strings.Split(access, ".")
	refused("empty", "")
	refused("no token", "x")
	refused("the assertion", w.good(t, "b"))
	refused("alg none", unsigned(t, forged))
	refused("another secret", sign(t, jose.HS256, []byte("another secret of 32 bytes......"), "", forged))
	refused("the secret itself", sign(t, jose.HS256, []byte("a secret of thirty-two bytes...."), "", forged))
	refused("signed by the client", sign(t, jose.ES256, w.key, "", forged))
	refused("signature cut", parts[0]+"."+parts[1]+"."+parts[2][:len(parts[2])-2])
	refused("no signature", parts[0]+"."+parts[1]+".")
	refused("oversize", access+strings.Repeat("a", 9<<10))

	w.clock.Advance(5*time.Minute - time.Second)
	if _, err := w.desk.Client(access); err != nil {
		t.Errorf("within its five minutes: %v", err)
	}
	w.clock.Advance(time.Second)
	refused("expired", access)
}

func TestARevokedClientIsOutAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, access, _ := w.ask(w.good(t, "a"))
	w.mu.Lock()
	w.clients[0].Revoked = w.clock.Now()
	w.mu.Unlock()
	if _, err := w.desk.Client(access); !errors.Is(err, token.ErrToken) {
		t.Errorf("its token: %v", err)
	}
	if status, _, _ := w.ask(w.good(t, "b")); status != http.StatusUnauthorized {
		t.Errorf("its key: %d", status)
	}
}

// Another hub was handed an assertion and presents it here under its own name.
func TestAnAssertionForAnotherHubIsNotSpentHere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.claims("a")
	c.Audience = jwt.Audience{"https://evil.example.vn" + token.Path}
	text := sign(t, jose.ES256, w.key, "k1", c)
	srv := httptest.NewServer(w.desk)
	defer srv.Close()
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertion}, "client_assertion": {text}}
	post := func(host string) int {
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+token.Path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if status := post("evil.example.vn"); status != http.StatusUnauthorized {
		t.Errorf("under the other hub's name: %d", status)
	}
	// The control: by an address of this machine the Host may tell.
	host := strings.TrimPrefix(srv.URL, "http://")
	local := strings.Replace(host, "127.0.0.1", "localhost", 1)
	c.Audience = jwt.Audience{"http://" + local + token.Path}
	form.Set("client_assertion", sign(t, jose.ES256, w.key, "k1", c))
	if status := post(local); status != http.StatusOK {
		t.Errorf("by the loopback: %d", status)
	}
}

// Whatever the text, it is an answer or a fault, and never a client unless the
// desk issued it.
func FuzzTokens(f *testing.F) {
	w := setup(f)
	_, access, _ := w.ask(w.good(f, "seed"))
	f.Add(access)
	f.Add(w.good(f, "other"))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("...")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := w.desk.Client(text); err == nil {
			if strings.Split(text, ".")[1] != strings.Split(access, ".")[1] {
				t.Errorf("let in %+v", c)
			}
		} else if fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%v", err)
		}
		if status, _, _ := w.ask(text); status != http.StatusOK && status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
	})
}
