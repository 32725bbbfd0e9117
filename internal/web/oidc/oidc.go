// Package oidc lets people in by OpenID Connect (OpenID Connect Core 1.0, RFC
// 9700): it leads a browser to a provider that an operator approved, and when it
// comes back checks that the answer is for this browser, this request, this hub
// and this moment, and was not used before. Who the person is to the hub, and
// what they may do, is said elsewhere (packages roster, role).
package oidc

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Callback is where providers send browsers back to.
const Callback = "/oidc/callback"

const (
	life      = 10 * time.Minute // of a login under way
	slack     = 2 * time.Minute  // of clocks
	longest   = 16 << 10         // of an ID token
	known     = time.Hour        // how long what a provider publishes is believed
	timeout   = 10 * time.Second
	maxAge    = 8 * time.Hour // of a login at the provider that is taken for one here
	cookieFor = "lienthong-oidc-"
)

// Who a provider knows.
const (
	Citizens = "citizens"
	Staff    = "staff"
)

var (
	// ErrProvider (login.provider): no provider of that name is in use.
	ErrProvider = fault.New(fault.Absent, "login.provider", "Cách đăng nhập này không có.", "There is no such way to log in.")
	// ErrAway (login.provider_away): the provider does not answer, or not as prescribed.
	ErrAway = fault.New(fault.Busy, "login.provider_away",
		"Dịch vụ định danh không trả lời đúng. Thử lại sau ít phút.", "The identity service does not answer as it should. Try again in a few minutes.")
	// ErrState (login.state): the answer belongs to no login that this browser began, or to one that is over.
	ErrState = fault.New(fault.Unauthenticated, "login.state",
		"Lượt đăng nhập này đã dùng, đã hết hạn, hoặc bắt đầu ở trình duyệt khác. Đăng nhập lại từ đầu.",
		"This login was used, has expired, or began in another browser. Log in again from the start.")
	// ErrRefused (login.refused): whoever was asked said no.
	ErrRefused = fault.New(fault.Unauthenticated, "login.refused",
		"Bạn đã từ chối đăng nhập, hoặc dịch vụ định danh từ chối.", "You refused to log in, or the identity service did.")
	// ErrToken (login.token): what the provider answered proves nobody to this hub.
	ErrToken = fault.New(fault.Unauthenticated, "login.token",
		"Không xác nhận được danh tính từ trả lời của dịch vụ định danh. Đăng nhập lại.",
		"The identity service's answer does not prove who you are. Log in again.")
)

// Provider is an approved entry.
type Provider struct {
	ID       string
	Name     fault.Text
	Issuer   string
	Private  bool   // may lie on a private network
	For      string // Citizens or Staff
	ClientID string
	Scopes   []string       // besides openid
	Levels   map[string]int // acr values and the level of identity each stands for
	Hosts    []string       // of its endpoints, besides the issuer's
}

// Deps are what a Door works with.
type Deps struct {
	Providers func(ctx context.Context) ([]Provider, error) // in use now
	Secret    func(ctx context.Context, id string) (string, error)
	Transport func(private bool) http.RoundTripper
	Once      interface {
		Once(ctx context.Context, client, jti string, until time.Time) (bool, error)
	}
	Clock clock.Clock
}

// Config says how the hub is reached.
type Config struct {
	PublicURL string // "": by the Host of the request
	Key       []byte // secret of the hub: logins under way are sealed under a key made of it
	Secure    bool
}

// Ask is what a login is for.
type Ask struct {
	Next    string `json:"next"`    // local path to go on to
	Fresh   bool   `json:"fresh"`   // the person must show anew who they are
	Session string `json:"session"` // mark of the session that steps up; "" a login
}

// Identity is who a provider says came.
type Identity struct {
	Provider string
	For      string
	Issuer   string
	Subject  string
	Name     string
	Birth    string // yyyy-mm-dd
	Number   string // citizen ID, of citizens
	Level    int    // 1 or 2
	Licence  string // of staff, with what follows
	Facility string
	Roles    []string
	At       time.Time // when they showed who they are
}

// Door leads out and lets in.
type Door struct {
	d    Deps
	c    Config
	seal cipher.AEAD

	mu    sync.Mutex
	cache map[string]published
}

type published struct {
	entry    string // what of the entry it was read by
	provider *gooidc.Provider
	meta     metadata
	at       time.Time
}

type metadata struct {
	Methods []string `json:"token_endpoint_auth_methods_supported"`
	Says    bool     `json:"authorization_response_iss_parameter_supported"`
	Auth    string   `json:"authorization_endpoint"`
	Token   string   `json:"token_endpoint"`
	Keys    string   `json:"jwks_uri"`
	Info    string   `json:"userinfo_endpoint"`
}

// New returns a Door.
func New(d Deps, c Config) (*Door, error) {
	if d.Providers == nil || d.Secret == nil || d.Transport == nil || d.Once == nil || d.Clock == nil || len(c.Key) < 16 {
		return nil, errors.New("oidc: providers, secrets, a way out, a memory, a clock and a key are needed")
	}
	key, err := hkdf.Key(sha256.New, c.Key, nil, "lienthong/oidc-login/v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	return &Door{d: d, c: c, seal: seal, cache: map[string]published{}}, err
}

// Ways are the providers of citizens or staff that are in use.
func (o *Door) Ways(ctx context.Context, who string) ([]Provider, error) {
	all, err := o.d.Providers(ctx)
	return slices.DeleteFunc(slices.Clone(all), func(p Provider) bool { return p.For != who }), err
}

// entry returns one that is in use, and how many are.
func (o *Door) entry(ctx context.Context, id string) (Provider, int, error) {
	all, err := o.d.Providers(ctx)
	if err != nil {
		return Provider{}, 0, err
	}
	i := slices.IndexFunc(all, func(p Provider) bool { return p.ID == id })
	if i < 0 {
		return Provider{}, 0, ErrProvider
	}
	return all[i], len(all), nil
}

// client is the way out to a provider.
func (o *Door) client(ctx context.Context, p Provider) context.Context {
	return gooidc.ClientContext(ctx, &http.Client{Transport: o.d.Transport(p.Private), Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }})
}

// read asks what a provider publishes, or remembers it. Its endpoints must lie
// where the operator approved: an address found in an answer is not called.
func (o *Door) read(ctx context.Context, p Provider) (published, error) {
	now := o.d.Clock.Now()
	entry := strings.Join(append([]string{p.Issuer, p.ClientID}, p.Hosts...), "\n")
	o.mu.Lock()
	got, ok := o.cache[p.ID]
	o.mu.Unlock()
	if age := now.Sub(got.at); ok && got.entry == entry && age >= 0 && age < known {
		return got, nil
	}
	provider, err := gooidc.NewProvider(o.client(context.WithoutCancel(ctx), p), p.Issuer)
	if err != nil {
		return published{}, ErrAway.Because(err)
	}
	got = published{entry: entry, provider: provider, at: now}
	if err := provider.Claims(&got.meta); err != nil {
		return published{}, ErrAway.Because(err)
	}
	for _, at := range []string{got.meta.Auth, got.meta.Token, got.meta.Keys, got.meta.Info} {
		if at != "" && !p.own(at) {
			return published{}, ErrAway.Because(errors.New("oidc: an endpoint elsewhere than the issuer"))
		}
	}
	o.mu.Lock()
	o.cache[p.ID] = got
	o.mu.Unlock()
	return got, nil
}

// own reports whether an endpoint lies at the issuer or at a host approved with it.
func (p *Provider) own(at string) bool {
	u, err := url.Parse(at)
	issuer, err2 := url.Parse(p.Issuer)
	return err == nil && err2 == nil && u.User == nil && u.Scheme == issuer.Scheme && (u.Host == issuer.Host || slices.Contains(p.Hosts, u.Host))
}

// flow is a login under way, sealed in a cookie of the browser it began in.
type flow struct {
	Ask
	Provider string    `json:"provider"`
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Redirect string    `json:"redirect"`
	At       time.Time `json:"at"`
}

func cookieName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return cookieFor + hex.EncodeToString(sum[:6])
}

func (o *Door) cookie(name, value string, age int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/oidc/", MaxAge: age, HttpOnly: true, Secure: o.c.Secure, SameSite: http.SameSiteLaxMode}
}

// Begin returns the address at the provider to lead the browser to, and sets the
// cookie that its answer is held against.
func (o *Door) Begin(w http.ResponseWriter, r *http.Request, provider string, ask Ask) (string, error) {
	p, _, err := o.entry(r.Context(), provider)
	if err != nil {
		return "", err
	}
	got, err := o.read(r.Context(), p)
	if err != nil {
		return "", err
	}
	f := flow{Ask: ask, Provider: p.ID, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: o.base(r) + Callback, At: o.d.Clock.Now()}
	plain, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	name := cookieName(f.State)
	http.SetCookie(w, o.cookie(name, base64.RawURLEncoding.EncodeToString(o.seal.Seal(nil, nil, plain, []byte(name))), int(life/time.Second)))
	options := []oauth2.AuthCodeOption{gooidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if ask.Fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	} else {
		options = append(options, oauth2.SetAuthURLParam("max_age", "28800"))
	}
	if acr := p.highest(); acr != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", acr))
	}
	return o.config(p, got, f.Redirect, "").AuthCodeURL(f.State, options...), nil
}

// highest are the acr values of level 2.
func (p *Provider) highest() string {
	var out []string
	for acr, level := range p.Levels {
		if level >= 2 {
			out = append(out, acr)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (o *Door) base(r *http.Request) string {
	if o.c.PublicURL != "" {
		return strings.TrimSuffix(o.c.PublicURL, "/")
	}
	if o.c.Secure {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (o *Door) config(p Provider, got published, redirect, secret string) *oauth2.Config {
	end := got.provider.Endpoint()
	end.AuthStyle = oauth2.AuthStyleInHeader
	if len(got.meta.Methods) > 0 && !slices.Contains(got.meta.Methods, "client_secret_basic") || secret == "" {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: secret, Endpoint: end, RedirectURL: redirect, Scopes: append([]string{gooidc.ScopeOpenID}, p.Scopes...)}
}

// taken opens the login under way that an answer belongs to, once.
func (o *Door) taken(w http.ResponseWriter, r *http.Request) (flow, error) {
	q := r.URL.Query()
	state := q.Get("state")
	if state == "" || len(q["state"]) != 1 || len(q["code"]) > 1 || len(q["iss"]) > 1 || len(q["error"]) > 1 {
		return flow{}, ErrState
	}
	name := cookieName(state)
	c, err := r.Cookie(name)
	if err != nil {
		return flow{}, ErrState
	}
	http.SetCookie(w, o.cookie(name, "", -1))
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return flow{}, ErrState
	}
	plain, err := o.seal.Open(nil, nil, raw, []byte(name))
	if err != nil {
		return flow{}, ErrState
	}
	var f flow
	if err := json.Unmarshal(plain, &f); err != nil {
		return flow{}, ErrState.Because(err)
	}
	now := o.d.Clock.Now()
	if age := now.Sub(f.At); f.State != state || age > life || age < -slack {
		return flow{}, ErrState
	}
	fresh, err := o.d.Once.Once(r.Context(), "oidc/"+f.Provider, state, now.Add(2*life))
	if err != nil {
		return flow{}, err
	}
	if !fresh {
		return flow{}, ErrState.Because(errors.New("used before"))
	}
	return f, nil
}

// Finish checks a provider's answer and returns who came, and what for. Faults:
// login.*.
func (o *Door) Finish(w http.ResponseWriter, r *http.Request) (Identity, Ask, error) {
	f, err := o.taken(w, r)
	if err != nil {
		return Identity{}, Ask{}, err
	}
	who, err := o.finish(r, f)
	return who, f.Ask, err
}

func (o *Door) finish(r *http.Request, f flow) (Identity, error) {
	p, providers, err := o.entry(r.Context(), f.Provider)
	if err != nil {
		return Identity{}, err
	}
	got, err := o.read(r.Context(), p)
	if err != nil {
		return Identity{}, err
	}
	q := r.URL.Query()
	switch iss := q.Get("iss"); { // RFC 9207: of several providers one could send another's answer
	case iss != "" && iss != p.Issuer, iss == "" && (got.meta.Says || providers > 1):
		return Identity{}, ErrToken.Because(errors.New("the answer is of another issuer, or of none"))
	case q.Get("error") != "":
		return Identity{}, ErrRefused
	case q.Get("code") == "" || len(q.Get("code")) > 4<<10:
		return Identity{}, ErrToken.Because(errors.New("no code"))
	}
	secret, err := o.d.Secret(r.Context(), p.ID)
	if err != nil {
		return Identity{}, err
	}
	ctx := o.client(r.Context(), p)
	token, err := o.config(p, got, f.Redirect, secret).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var said *oauth2.RetrieveError
		if errors.As(err, &said) && said.Response != nil && said.Response.StatusCode < 500 {
			return Identity{}, ErrToken.Because(errors.New("the code is not taken: " + said.ErrorCode))
		}
		return Identity{}, ErrAway.Because(errors.New("no answer to the code"))
	}
	return o.believe(ctx, p, got, f, token)
}
