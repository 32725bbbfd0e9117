package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/web/oidc"
)

const hubURL = "http://hub.test"

type memory struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (m *memory) Once(_ context.Context, client, jti string, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := client + "|" + jti
	fresh := !m.seen[key]
	m.seen[key] = true
	return fresh, nil
}

// other is a second provider, written without a look at the first: what it
// answers can be bent.
type other struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	clock  clock.Clock
	nonce  string
	bend   func(claims map[string]any) (alg jose.SignatureAlgorithm, key any)
	iss    bool // announces RFC 9207
	status int
	keysAt string
}

func newOther(t *testing.T, clk clock.Clock) *other {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &other{key: key, clock: clk, status: 200}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(t, w, map[string]any{"issuer": o.URL, "authorization_endpoint": o.URL + "/go", "token_endpoint": o.URL + "/code", "jwks_uri": o.keysAt + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": o.iss})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		write(t, w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /code", func(w http.ResponseWriter, _ *http.Request) {
		if o.status != 200 {
			w.WriteHeader(o.status)
			write(t, w, map[string]any{"error": "invalid_grant"})
			return
		}
		write(t, w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": o.token(t)})
	})
	o.Server = httptest.NewServer(mux)
	o.keysAt = o.URL
	t.Cleanup(o.Close)
	return o
}

func write(t *testing.T, w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func (o *other) token(t *testing.T) string {
	now := o.clock.Now()
	c := map[string]any{"iss": o.URL, "sub": "1234", "aud": "hub", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(),
		"nonce": o.nonce, "name": "Phạm Văn Dũng", "licence": "1", "facility": "79901", "roles": []string{"clinician"}}
	alg, key := jose.ES256, any(jose.JSONWebKey{Key: o.key, KeyID: "1"})
	if o.bend != nil {
		if a, k := o.bend(c); a != "" {
			alg, key = a, k
		}
	}
	if alg == "none" {
		s := o.sign(t, jose.ES256, jose.JSONWebKey{Key: o.key, KeyID: "1"}, c)
		return "eyJhbGciOiJub25lIn0." + strings.Split(s, ".")[1] + "."
	}
	return o.sign(t, alg, key, c)
}

func (o *other) sign(t *testing.T, alg jose.SignatureAlgorithm, key any, c map[string]any) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	text, err := jwt.Signed(s).Claims(c).Serialize()
	if err != nil {
		t.Error(err)
	}
	return text
}

type world struct {
	t     *testing.T
	clock *clock.Fake
	sim   *simulator.Provider
	srv   *httptest.Server
	other *other
	door  *oidc.Door
	list  []oidc.Provider
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(time.Now())}
	var err error
	if w.sim, err = simulator.New(simulator.Config{Clock: w.clock, People: []simulator.Person{
		{Subject: "an", Name: "Nguyễn Thị An", Birth: "1980-02-03", Number: "079980000001"}, {Subject: "binh", Name: "Trần Bình", Birth: "1980-02-04", Number: "079980000002", Level: 1}},
		Clients: []simulator.Client{{ID: "hub", Secret: "s", Redirects: []string{hubURL + oidc.Callback}}}}); err != nil {
		t.Fatal(err)
	}
	w.srv = httptest.NewServer(w.sim)
	t.Cleanup(w.srv.Close)
	w.other = newOther(t, w.clock)
	w.list = []oidc.Provider{
		{ID: "vneid", Issuer: w.srv.URL, Private: true, For: oidc.Citizens, ClientID: "hub", Scopes: []string{"citizen"}, Levels: map[string]int{simulator.Level1: 1, simulator.Level2: 2}},
		{ID: "so-y-te", Issuer: w.other.URL, Private: true, For: oidc.Staff, ClientID: "hub"},
	}
	w.door, err = oidc.New(oidc.Deps{
		Providers: func(context.Context) ([]oidc.Provider, error) { return w.list, nil },
		Secret:    func(context.Context, string) (string, error) { return "s", nil },
		Transport: func(bool) http.RoundTripper { return http.DefaultTransport },
		Once:      &memory{seen: map[string]bool{}}, Clock: w.clock,
	}, oidc.Config{PublicURL: hubURL, Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// begin starts a login and returns where it leads, with the browser's cookies.
func (w *world) begin(provider string, ask oidc.Ask) (*url.URL, []*http.Cookie) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	to, err := w.door.Begin(rec, httptest.NewRequest(http.MethodGet, "/login/x", nil), provider, ask)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		w.t.Fatal(err)
	}
	return u, rec.Result().Cookies()
}

func (w *world) finish(q url.Values, cookies []*http.Cookie) (oidc.Identity, oidc.Ask, error) {
	r := httptest.NewRequest(http.MethodGet, oidc.Callback+"?"+q.Encode(), nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return w.door.Finish(httptest.NewRecorder(), r)
}

// at the second provider anybody is let in at once.
func (w *world) through(provider string) (url.Values, []*http.Cookie) {
	to, cookies := w.begin(provider, oidc.Ask{Next: "/x"})
	w.other.nonce = to.Query().Get("nonce")
	return url.Values{"code": {"c"}, "state": {to.Query().Get("state")}, "iss": {w.other.URL}}, cookies
}

func TestACitizenComesThroughTheSimulator(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for person, want := range map[string]oidc.Identity{
		"an":   {Provider: "vneid", For: oidc.Citizens, Issuer: w.srv.URL, Subject: "an", Name: "Nguyễn Thị An", Birth: "1980-02-03", Number: "079980000001", Level: 2},
		"binh": {Provider: "vneid", For: oidc.Citizens, Issuer: w.srv.URL, Subject: "binh", Name: "Trần Bình", Birth: "1980-02-04", Number: "079980000002", Level: 1},
	} {
		to, cookies := w.begin("vneid", oidc.Ask{Next: "/me", Fresh: true, Session: "m"})
		if q := to.Query(); q.Get("max_age") != "0" || q.Get("acr_values") != simulator.Level2 || q.Get("code_challenge_method") != "S256" {
			t.Errorf("asked %s", to)
		}
		got, ask, err := w.finish(choose(t, w.srv.URL, to.String(), person), cookies)
		if err != nil {
			t.Fatal(err)
		}
		got.At, got.Roles = time.Time{}, nil
		want.Roles = nil
		if got.Subject != want.Subject || got.Name != want.Name || got.Birth != want.Birth || got.Number != want.Number || got.Level != want.Level || got.Issuer != want.Issuer {
			t.Errorf("%+v, want %+v", got, want)
		}
		if ask.Next != "/me" || !ask.Fresh || ask.Session != "m" {
			t.Errorf("%+v", ask)
		}
	}
}

// choose presses a person's button on the simulator's page.
func choose(t *testing.T, base, at, person string) url.Values {
	t.Helper()
	res, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := new(strings.Builder)
	if _, err := io.Copy(b, res.Body); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(b.String(), `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err = client.PostForm(base+"/authorize/choose", url.Values{"request": {id}, "person": {person}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	return to.Query()
}

func TestStaffComeThroughASecondProvider(t *testing.T) {
	t.Parallel()
	w := setup(t)
	who, ask, err := w.finish(w.through("so-y-te"))
	if err != nil || who.Subject != "1234" || who.Licence != "1" || who.Facility != "79901" || who.Roles[0] != "clinician" || who.Number != "" || ask.Next != "/x" {
		t.Errorf("%+v %+v %v", who, ask, err)
	}
}

func TestAnswersThatProveNobody(t *testing.T) {
	t.Parallel()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, v any) func(*world, url.Values) {
		return func(w *world, _ url.Values) {
			w.other.bend = func(c map[string]any) (jose.SignatureAlgorithm, any) {
				if v == nil {
					delete(c, name)
				} else {
					c[name] = v
				}
				return "", nil
			}
		}
	}
	signed := func(alg jose.SignatureAlgorithm, key any) func(*world, url.Values) {
		return func(w *world, _ url.Values) {
			w.other.bend = func(map[string]any) (jose.SignatureAlgorithm, any) { return alg, key }
		}
	}
	past := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	for name, c := range map[string]struct {
		change func(*world, url.Values)
		want   error
	}{
		"forged":                     {signed(jose.ES256, jose.JSONWebKey{Key: stranger, KeyID: "1"}), oidc.ErrToken},
		"unsigned":                   {signed("none", nil), oidc.ErrToken},
		"signed with the secret":     {signed(jose.HS256, []byte(strings.Repeat("s", 32))), oidc.ErrToken},
		"expired":                    {set("exp", past(10*time.Minute)), oidc.ErrToken},
		"of another time":            {set("iat", past(time.Hour)), oidc.ErrToken},
		"of the future":              {set("iat", past(-time.Hour)), oidc.ErrToken},
		"other issuer":               {set("iss", "https://evil.example"), oidc.ErrToken},
		"other audience":             {set("aud", "another"), oidc.ErrToken},
		"one audience more":          {set("aud", []string{"hub", "another"}), oidc.ErrToken},
		"no audience":                {set("aud", nil), oidc.ErrToken},
		"authorized party":           {set("azp", "another"), oidc.ErrToken},
		"other nonce":                {set("nonce", "x"), oidc.ErrToken},
		"no nonce":                   {set("nonce", nil), oidc.ErrToken},
		"no subject":                 {set("sub", nil), oidc.ErrToken},
		"no auth_time":               {set("auth_time", nil), oidc.ErrToken},
		"logged in long ago":         {set("auth_time", past(9*time.Hour)), oidc.ErrToken},
		"at_hash of another":         {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), oidc.ErrToken},
		"claims of another kind":     {set("roles", "clinician"), oidc.ErrToken},
		"answer of another issuer":   {func(w *world, q url.Values) { q.Set("iss", w.srv.URL) }, oidc.ErrToken},
		"no issuer, two providers":   {func(_ *world, q url.Values) { q.Del("iss") }, oidc.ErrToken},
		"no code":                    {func(_ *world, q url.Values) { q.Del("code") }, oidc.ErrToken},
		"code not taken":             {func(w *world, _ url.Values) { w.other.status = 400 }, oidc.ErrToken},
		"provider broken":            {func(w *world, _ url.Values) { w.other.status = 500 }, oidc.ErrAway},
		"the person refused":         {func(_ *world, q url.Values) { q.Set("error", "access_denied") }, oidc.ErrRefused},
		"provider no longer in use":  {func(w *world, _ url.Values) { w.list = w.list[:1] }, oidc.ErrProvider},
		"state of nobody":            {func(_ *world, q url.Values) { q.Set("state", "x") }, oidc.ErrState},
		"no state":                   {func(_ *world, q url.Values) { q.Del("state") }, oidc.ErrState},
		"two states":                 {func(_ *world, q url.Values) { q.Add("state", "y") }, oidc.ErrState},
		"too late":                   {func(w *world, _ url.Values) { w.clock.Advance(11 * time.Minute) }, oidc.ErrState},
		"the clock was set far back": {func(w *world, _ url.Values) { w.clock.Advance(-time.Hour) }, oidc.ErrState},
		"good":                       {func(*world, url.Values) {}, nil},
		"good though clocks differ":  {func(w *world, _ url.Values) { w.clock.Advance(-time.Minute) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			q, cookies := w.through("so-y-te")
			c.change(w, q)
			if _, _, err := w.finish(q, cookies); c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestAnAnswerIsTakenOnceAndOnlyWhereTheLoginBegan(t *testing.T) {
	t.Parallel()
	w := setup(t)
	q, cookies := w.through("so-y-te")
	if _, _, err := w.finish(q, nil); !errors.Is(err, oidc.ErrState) {
		t.Errorf("in another browser: %v", err)
	}
	bad := *cookies[0]
	first := "A"
	if strings.HasPrefix(bad.Value, first) {
		first = "B"
	}
	bad.Value = first + bad.Value[1:]
	if _, _, err := w.finish(q, []*http.Cookie{&bad}); !errors.Is(err, oidc.ErrState) {
		t.Errorf("with a bent cookie: %v", err)
	}
	if _, _, err := w.finish(q, cookies); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.finish(q, cookies); !errors.Is(err, oidc.ErrState) {
		t.Errorf("replayed: %v", err)
	}
}

func TestMixUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	// A login begun for one provider comes back with the other's code and name.
	to, cookies := w.begin("vneid", oidc.Ask{})
	if _, _, err := w.finish(url.Values{"code": {"c"}, "state": {to.Query().Get("state")}, "iss": {w.other.URL}}, cookies); !errors.Is(err, oidc.ErrToken) {
		t.Error(err)
	}
	// One provider alone that does not announce RFC 9207 may leave its name out.
	w.list = w.list[1:]
	q, cookies := w.through("so-y-te")
	q.Del("iss")
	if _, _, err := w.finish(q, cookies); err != nil {
		t.Error(err)
	}
}

func TestEndpointsElsewhereAreNotCalled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.other.keysAt = w.srv.URL
	_, err := w.door.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "so-y-te", oidc.Ask{})
	if !errors.Is(err, oidc.ErrAway) {
		t.Errorf("keys at another host: %v", err)
	}
	u, err2 := url.Parse(w.srv.URL)
	if err2 != nil {
		t.Fatal(err2)
	}
	w.list[1].Hosts = []string{u.Host}
	if _, err := w.door.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "so-y-te", oidc.Ask{}); err != nil {
		t.Errorf("approved: %v", err)
	}
	if _, err := w.door.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "none", oidc.Ask{}); !errors.Is(err, oidc.ErrProvider) {
		t.Errorf("unknown: %v", err)
	}
}

func FuzzFinish(f *testing.F) {
	f.Add("state=a&code=b&iss=c", "x")
	f.Add("state=%00", "")
	f.Add("error=access_denied&state=s", "AAAA")
	door, err := oidc.New(oidc.Deps{
		Providers: func(context.Context) ([]oidc.Provider, error) { return nil, nil }, Secret: func(context.Context, string) (string, error) { return "", nil },
		Transport: func(bool) http.RoundTripper { return http.DefaultTransport }, Once: &memory{seen: map[string]bool{}}, Clock: clock.System{},
	}, oidc.Config{Key: []byte("0123456789abcdef")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query, cookie string) {
		r := httptest.NewRequest(http.MethodGet, oidc.Callback, nil)
		r.URL.RawQuery = query
		r.Header.Set("Cookie", cookie)
		if _, _, err := door.Finish(httptest.NewRecorder(), r); err == nil {
			t.Error("let in")
		}
	})
}
