package simulator_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/clock"
)

const back = "http://127.0.0.1:1/oidc/callback"

// world is a provider with a standard client.
type world struct {
	t     *testing.T
	sim   *simulator.Provider
	srv   *httptest.Server
	clock *clock.Fake
	conf  oauth2.Config
	oidc  *oidc.Provider
	key   *ecdsa.PrivateKey
}

func people() []simulator.Person {
	return []simulator.Person{
		{Subject: "an", Name: "Nguyễn Thị An", Birth: "1980-02-03", Number: "079980000001"},
		{Subject: "binh", Name: "Trần Văn Bình", Birth: "1975-01-01", Number: "079875000002", Level: 1},
		{Subject: "lan", Name: "Lê Thị Lan", Licence: "0012345/HCM-CCHN", Facility: "79901", Roles: []string{"clinician"}},
	}
}

func setup(t *testing.T) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: clock.NewFake(time.Now()), key: key}
	w.sim, err = simulator.New(simulator.Config{Clock: w.clock, People: people(), Clients: []simulator.Client{
		{ID: "hub", Secret: "s+/e %cret", Redirects: []string{back}, Logouts: []string{"http://127.0.0.1:1/"}},
		{ID: "other", Secret: "x", Redirects: []string{back}},
		{ID: "public", Redirects: []string{back}},
		{ID: "keyed", Redirects: []string{back}, Key: &jose.JSONWebKey{Key: &key.PublicKey}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.srv = httptest.NewServer(w.sim)
	t.Cleanup(w.srv.Close)
	if w.oidc, err = oidc.NewProvider(t.Context(), w.srv.URL); err != nil {
		t.Fatal(err)
	}
	w.conf = oauth2.Config{ClientID: "hub", ClientSecret: "s+/e %cret", Endpoint: w.oidc.Endpoint(), RedirectURL: back, Scopes: []string{"openid", "profile", "citizen", "staff"}}
	return w
}

func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

var requestField = regexp.MustCompile(`name="request" value="([^"]+)"`)

// pick opens an authorization URL and lets somebody press a button; it returns
// where the browser is led.
func (w *world) pick(at, person string) *url.URL {
	w.t.Helper()
	b := browser(w.t)
	res, err := b.Get(at)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	m := requestField.FindSubmatch(body)
	if res.StatusCode != http.StatusOK || m == nil {
		w.t.Fatalf("no page to choose on: %d %s", res.StatusCode, body)
	}
	res, err = b.PostForm(w.srv.URL+"/authorize/choose", url.Values{"request": {string(m[1])}, "person": {person}})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	to, err := res.Location()
	if err != nil {
		w.t.Fatalf("%d: %v", res.StatusCode, err)
	}
	return to
}

func (w *world) code(verifier, person string) string {
	w.t.Helper()
	to := w.pick(w.conf.AuthCodeURL("st", oidc.Nonce("no"), oauth2.S256ChallengeOption(verifier)), person)
	q := to.Query()
	if q.Get("state") != "st" || q.Get("iss") != w.srv.URL || q.Get("code") == "" {
		w.t.Fatalf("led to %s", to)
	}
	return q.Get("code")
}

func TestAStandardClientLogsIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	verifier := oauth2.GenerateVerifier()
	token, err := w.conf.Exchange(t.Context(), w.code(verifier, "an"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := w.oidc.Verifier(&oidc.Config{ClientID: "hub", SupportedSigningAlgs: []string{"ES256"}, Now: w.clock.Now}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
	var c struct {
		Number string `json:"citizen_number"`
		Name   string `json:"name"`
		Birth  string `json:"birthdate"`
		Level  int    `json:"identity_level"`
		ACR    string `json:"acr"`
		At     int64  `json:"auth_time"`
	}
	if err := id.Claims(&c); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "no" || id.Subject != "an" || c.Number != "079980000001" || c.Name != "Nguyễn Thị An" || c.Birth != "1980-02-03" || c.Level != 2 ||
		c.ACR != simulator.Level2 || c.At != w.clock.Now().Unix() {
		t.Errorf("%+v %+v", id, c)
	}
	info, err := w.oidc.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != "an" {
		t.Errorf("%+v %v", info, err)
	}
}

func TestStaffHaveTheirClaimsAndALowLevelSaysSo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for person, want := range map[string]string{"lan": `"licence":"0012345/HCM-CCHN"`, "binh": `"acr":"urn:vn:eid:level:1"`} {
		verifier := oauth2.GenerateVerifier()
		token, err := w.conf.Exchange(t.Context(), w.code(verifier, person), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jwt.ParseSigned(token.Extra("id_token").(string), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
			t.Fatal(err)
		}
		if b, _ := json.Marshal(claims); !strings.Contains(string(b), want) {
			t.Errorf("%s: %s", person, b)
		}
	}
}

func TestAuthorizationRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	w := setup(t)
	challenge := oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())
	for name, c := range map[string]struct {
		change func(url.Values)
		status int
		error  string
	}{
		"unknown client":      {func(v url.Values) { v.Set("client_id", "nobody") }, 400, ""},
		"client twice":        {func(v url.Values) { v.Add("client_id", "other") }, 400, ""},
		"wrong redirect":      {func(v url.Values) { v.Set("redirect_uri", back+"/x") }, 400, ""},
		"redirect elsewhere":  {func(v url.Values) { v.Set("redirect_uri", "https://evil.example/") }, 400, ""},
		"no redirect":         {func(v url.Values) { v.Del("redirect_uri") }, 400, ""},
		"implicit":            {func(v url.Values) { v.Set("response_type", "id_token") }, 303, "unsupported_response_type"},
		"fragment":            {func(v url.Values) { v.Set("response_mode", "fragment") }, 303, "invalid_request"},
		"no openid":           {func(v url.Values) { v.Set("scope", "profile") }, 303, "invalid_scope"},
		"no challenge":        {func(v url.Values) { v.Del("code_challenge") }, 303, "invalid_request"},
		"plain challenge":     {func(v url.Values) { v.Set("code_challenge_method", "plain") }, 303, "invalid_request"},
		"no challenge method": {func(v url.Values) { v.Del("code_challenge_method") }, 303, "invalid_request"},
		"short challenge":     {func(v url.Values) { v.Set("code_challenge", "abc") }, 303, "invalid_request"},
		"negative age":        {func(v url.Values) { v.Set("max_age", "-1") }, 303, "invalid_request"},
		"nonce twice":         {func(v url.Values) { v.Add("nonce", "b") }, 303, "invalid_request"},
		"prompt none":         {func(v url.Values) { v.Set("prompt", "none") }, 303, "login_required"},
		"prompt none and":     {func(v url.Values) { v.Set("prompt", "none login") }, 303, "invalid_request"},
		"request object":      {func(v url.Values) { v.Set("request", "x") }, 303, "request_not_supported"},
		"request uri":         {func(v url.Values) { v.Set("request_uri", "x") }, 303, "request_uri_not_supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := url.Values{"client_id": {"hub"}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
				"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
			c.change(v)
			res, err := browser(t).Get(w.srv.URL + "/authorize?" + v.Encode())
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != c.status {
				t.Fatalf("status %d", res.StatusCode)
			}
			if c.error == "" {
				if res.Header.Get("Location") != "" {
					t.Error("the browser is sent to an address nobody registered")
				}
				return
			}
			to, err := res.Location()
			if err != nil || to.Query().Get("error") != c.error || to.Query().Get("state") != "s" || to.Query().Get("iss") != w.srv.URL {
				t.Errorf("%s %v", to, err)
			}
		})
	}
}

// ask is a call of the token endpoint as a client would write it by hand.
func (w *world) ask(form url.Values, id, secret string) (int, map[string]any) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.srv.URL+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, out
}

func TestCodesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, v url.Values)
		id     string
		secret string
		status int
		error  string
	}{
		"good":             {func(*world, url.Values) {}, "hub", "s+/e %cret", 200, ""},
		"wrong verifier":   {func(_ *world, v url.Values) { v.Set("code_verifier", oauth2.GenerateVerifier()) }, "hub", "s+/e %cret", 400, "invalid_grant"},
		"no verifier":      {func(_ *world, v url.Values) { v.Del("code_verifier") }, "hub", "s+/e %cret", 400, "invalid_grant"},
		"other redirect":   {func(_ *world, v url.Values) { v.Set("redirect_uri", back+"2") }, "hub", "s+/e %cret", 400, "invalid_grant"},
		"no such code":     {func(_ *world, v url.Values) { v.Set("code", "x") }, "hub", "s+/e %cret", 400, "invalid_grant"},
		"expired":          {func(w *world, _ url.Values) { w.clock.Advance(simulator.CodeLife) }, "hub", "s+/e %cret", 400, "invalid_grant"},
		"another client's": {func(*world, url.Values) {}, "other", "x", 400, "invalid_grant"},
		"wrong secret":     {func(*world, url.Values) {}, "hub", "no", 401, "invalid_client"},
		"no secret":        {func(_ *world, v url.Values) { v.Set("client_id", "hub") }, "", "", 401, "invalid_client"},
		"unknown client":   {func(*world, url.Values) {}, "nobody", "x", 401, "invalid_client"},
		"two ways at once": {func(_ *world, v url.Values) { v.Set("client_secret", "x") }, "hub", "s+/e %cret", 401, "invalid_client"},
		"other grant":      {func(_ *world, v url.Values) { v.Set("grant_type", "password") }, "hub", "s+/e %cret", 400, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			verifier := oauth2.GenerateVerifier()
			v := url.Values{"grant_type": {"authorization_code"}, "code": {w.code(verifier, "an")}, "redirect_uri": {back}, "code_verifier": {verifier}}
			c.change(w, v)
			status, got := w.ask(v, c.id, c.secret)
			if status != c.status || c.error != "" && got["error"] != c.error || c.error == "" && got["id_token"] == nil {
				t.Errorf("%d %v", status, got)
			}
		})
	}
}

func TestACodeThatComesAgainEndsWhatItGave(t *testing.T) {
	t.Parallel()
	w := setup(t)
	verifier := oauth2.GenerateVerifier()
	code := w.code(verifier, "an")
	token, err := w.conf.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.conf.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code is taken twice")
	}
	if _, err := w.oidc.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err == nil {
		t.Error("the token of a code that came twice still opens")
	}
}

func TestWhoRefusesIsBroughtBackWithoutACode(t *testing.T) {
	t.Parallel()
	w := setup(t)
	to := w.pick(w.conf.AuthCodeURL("st", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), "")
	if to.Query().Get("error") != "access_denied" || to.Query().Has("code") || to.Query().Get("state") != "st" {
		t.Error(to)
	}
}

func TestPublicAndKeyedClients(t *testing.T) {
	t.Parallel()
	w := setup(t)
	assertion := func(alg jose.SignatureAlgorithm, key any, aud, jti string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(s).Claims(jwt.Claims{Issuer: "keyed", Subject: "keyed", Audience: jwt.Audience{aud}, ID: jti, Expiry: jwt.NewNumericDate(w.clock.Now().Add(time.Minute))}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	at := w.srv.URL + "/token"
	good := assertion(jose.ES256, w.key, at, "1")
	none := "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + "."
	for i, c := range []struct {
		client, assertion string
		status            int
	}{
		{"public", "", 200}, {"keyed", good, 200}, {"keyed", good, 401 /* replayed */}, {"keyed", none, 401},
		{"keyed", assertion(jose.ES256, other, at, "2"), 401}, {"keyed", assertion(jose.ES256, w.key, "https://else.example", "3"), 401},
		{"keyed", assertion(jose.HS256, []byte(strings.Repeat("k", 32)), at, "4"), 401}, {"keyed", "", 401},
	} {
		w.conf.ClientID = c.client
		verifier := oauth2.GenerateVerifier()
		v := url.Values{"grant_type": {"authorization_code"}, "code": {w.code(verifier, "an")}, "redirect_uri": {back}, "code_verifier": {verifier}, "client_id": {c.client}}
		if c.assertion != "" {
			v.Set("client_assertion", c.assertion)
			v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		}
		if status, got := w.ask(v, "", ""); status != c.status {
			t.Errorf("%d: %d %v", i, status, got)
		}
	}
}

func TestLogoutLeadsOnlyWhereItWasRegistered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for to, want := range map[string]bool{"http://127.0.0.1:1/": true, "https://evil.example/": false} {
		res, err := browser(t).Get(w.srv.URL + "/logout?" + url.Values{"client_id": {"hub"}, "post_logout_redirect_uri": {to}, "state": {"z"}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Location"); (got == to+"?state=z") != want {
			t.Errorf("%s: %q", to, got)
		}
	}
}

func TestWithoutClientsOnlyThisMachineIsServed(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Config{People: people()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	for to, status := range map[string]int{"http://127.0.0.1:9/cb": 200, "http://localhost:9/cb": 200, "https://evil.example/cb": 400, "http://127.0.0.1@evil.example/": 400} {
		v := url.Values{"client_id": {"any"}, "redirect_uri": {to}, "response_type": {"code"}, "scope": {"openid"},
			"code_challenge": {oauth2.S256ChallengeFromVerifier("x")}, "code_challenge_method": {"S256"}}
		res, err := browser(t).Get(srv.URL + "/authorize?" + v.Encode())
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d", to, res.StatusCode)
		}
	}
}

func TestPeopleThatAreNone(t *testing.T) {
	t.Parallel()
	for _, list := range [][]simulator.Person{{{Name: "A"}}, {{Number: "1"}}, {{Subject: "x", Name: "A", Number: "1"}, {Subject: "x", Name: "B", Number: "2"}}} {
		if _, err := simulator.New(simulator.Config{People: list}); err == nil {
			t.Errorf("%+v is taken", list)
		}
	}
}
