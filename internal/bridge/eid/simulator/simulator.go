// Package simulator is a small OpenID Connect provider that stands for VNeID, or
// for the provider staff log in with: discovery, keys (ES256), authorization code
// with PKCE, userinfo, logout, and a page that stands for the phone. Nobody
// publishes VNeID's interface for consent by push: /push and /notices are this
// project's own proposal, the same for adapter and simulator (doc/design/login.md).
//
// It talks to nobody real, knows only synthetic people and is not for running a hub.
package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
)

// Levels of identity (Decree 69/2024: level 1 and level 2), as acr values. The
// texts are this project's own.
const (
	Level1 = "urn:vn:eid:level:1"
	Level2 = "urn:vn:eid:level:2"
)

// Lives of what is given out, where Config says nothing.
const (
	CodeLife  = time.Minute
	TokenLife = 10 * time.Minute
	FormLife  = 10 * time.Minute // of an authorization request before somebody chose
)

// Person is somebody synthetic: a citizen, a member of staff, or both.
type Person struct {
	Subject  string   `json:"sub,omitempty"` // made from number or licence when absent
	Name     string   `json:"name"`
	Birth    string   `json:"birthdate,omitempty"` // yyyy-mm-dd
	Number   string   `json:"number,omitempty"`    // citizen ID
	Level    int      `json:"level,omitempty"`     // 1 or 2; default 2
	Licence  string   `json:"licence,omitempty"`
	Facility string   `json:"facility,omitempty"`
	Roles    []string `json:"roles,omitempty"`
}

func (p *Person) acr() string {
	if p.Level == 1 {
		return Level1
	}
	return Level2
}

// Client is a program that people log in to.
type Client struct {
	ID        string           `json:"client_id"`
	Secret    string           `json:"client_secret,omitempty"`
	Key       *jose.JSONWebKey `json:"key,omitempty"` // for private_key_jwt
	Redirects []string         `json:"redirect_uris,omitempty"`
	Logouts   []string         `json:"post_logout_redirect_uris,omitempty"`
}

// Config configures a Provider. Without clients every client with a secret may
// ask, but only for addresses of this machine.
type Config struct {
	Issuer    string // under which it is known; "": http and the Host of each request
	Title     string // of its pages; "VNeID (giả lập)"
	People    []Person
	Clients   []Client
	CodeLife  time.Duration
	TokenLife time.Duration
	Clock     clock.Clock
	Key       *ecdsa.PrivateKey // P-256; default a new one
	Faults    faulty.Config     // Codes, Answer and Spares are set here
}

// Provider is the OpenID provider, an http.Handler.
type Provider struct {
	c       Config
	kid     string
	signer  jose.Signer
	book    *tally.Book
	handler http.Handler

	mu     sync.Mutex
	forms  map[string]*form  // authorization requests on the page
	codes  map[string]*grant // by code, used ones too
	tokens map[string]*grant // by access token
	seen   map[string]time.Time
	pushes []*push
	told   []*told
}

// New returns a provider.
func New(c Config) (*Provider, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.CodeLife == 0 {
		c.CodeLife = CodeLife
	}
	if c.TokenLife == 0 {
		c.TokenLife = TokenLife
	}
	if c.Title == "" {
		c.Title = "VNeID (giả lập · simulated)"
	}
	if c.Key == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		c.Key = k
	}
	p := &Provider{c: c, forms: map[string]*form{}, codes: map[string]*grant{}, tokens: map[string]*grant{}, seen: map[string]time.Time{}}
	p.c.People = slices.Clone(c.People)
	if err := p.people(); err != nil {
		return nil, err
	}
	jwk := jose.JSONWebKey{Key: &c.Key.PublicKey}
	sum, err := jwk.Thumbprint(cryptoSHA256)
	if err != nil {
		return nil, err
	}
	p.kid = base64.RawURLEncoding.EncodeToString(sum[:12])
	if p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.Key, KeyID: p.kid}}, nil); err != nil {
		return nil, err
	}
	return p, p.open()
}

// people fills what a person lacks and refuses two of one subject.
func (p *Provider) people() error {
	subjects := map[string]bool{}
	for i := range p.c.People {
		x := &p.c.People[i]
		if x.Name == "" || x.Number == "" && x.Licence == "" {
			return errors.New("simulator: a person needs a name and a number or a licence")
		}
		if x.Subject == "" {
			sum := sha256.Sum256([]byte(x.Number + "|" + x.Facility + "|" + x.Licence))
			x.Subject = base64.RawURLEncoding.EncodeToString(sum[:12])
		}
		if subjects[x.Subject] {
			return errors.New("simulator: two people of one subject")
		}
		subjects[x.Subject] = true
	}
	return nil
}

// Answer codes that faults may have, besides HTTP statuses.
func faultCodes() []string {
	return []string{"server_error", "temporarily_unavailable", "invalid_client", "invalid_grant", "access_denied"}
}

func (p *Provider) open() error {
	f := p.c.Faults
	f.Codes = faultCodes()
	f.Answer = func(w http.ResponseWriter, _ *http.Request, code string) {
		status := map[string]int{"server_error": 500, "temporarily_unavailable": 503, "invalid_client": 401}[code]
		if status == 0 {
			status = http.StatusBadRequest
		}
		tally.WriteJSON(w, status, refusal{Code: code, Text: "simulated"})
	}
	if f.Clock == nil {
		f.Clock = p.c.Clock
	}
	faults, err := faulty.New(f)
	if err != nil {
		return err
	}
	p.book = tally.New(tally.Config{Clock: p.c.Clock})
	mux := http.NewServeMux()
	for _, r := range Paths() {
		mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, q *http.Request) {
			h := w.Header()
			h.Set("Cache-Control", "no-store")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'")
			q.Body = http.MaxBytesReader(w, q.Body, 64<<10)
			r.serve(p, w, q)
		})
	}
	p.handler = http.NewCrossOriginProtection().Handler(tally.Front(mux, faults, p.book))
	return nil
}

// ServeHTTP serves the provider.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// Path is one of the provider's, for a process that serves others beside it.
type Path struct {
	Method, Path string
	serve        func(*Provider, http.ResponseWriter, *http.Request)
}

// Paths are all of the provider.
func Paths() []Path {
	return []Path{
		{"GET", "/.well-known/openid-configuration", (*Provider).discovery},
		{"GET", "/jwks", (*Provider).jwks},
		{"GET", "/authorize", (*Provider).authorize},
		{"POST", "/authorize/choose", (*Provider).choose},
		{"POST", "/token", (*Provider).token},
		{"GET", "/userinfo", (*Provider).userinfo},
		{"POST", "/userinfo", (*Provider).userinfo},
		{"GET", "/logout", (*Provider).logout},
		{"POST", "/push", (*Provider).push},
		{"GET", "/push/{id}", (*Provider).result},
		{"POST", "/notices", (*Provider).notice},
		{"GET", "/phone", (*Provider).phones},
		{"GET", "/phone/{sub}", (*Provider).phone},
		{"POST", "/phone/{sub}", (*Provider).decide},
		{"POST", "/phone/{sub}/presence", (*Provider).scan},
		{"GET", "/phone.css", (*Provider).style},
	}
}

// issuer is the name the provider goes by.
func (p *Provider) issuer(r *http.Request) string {
	if p.c.Issuer != "" {
		return p.c.Issuer
	}
	return "http://" + r.Host
}

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	at := p.issuer(r)
	tally.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "userinfo_endpoint": at + "/userinfo",
		"jwks_uri": at + "/jwks", "end_session_endpoint": at + "/logout",
		"push_consent_endpoint": at + "/push", "notice_endpoint": at + "/notices", // not of OpenID: see the package comment
		"scopes_supported":                                 []string{"openid", "profile", "citizen", "staff"},
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query"},
		"grant_types_supported":                            []string{"authorization_code"},
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            []string{"ES256"},
		"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"ES256"},
		"code_challenge_methods_supported":                 []string{"S256"},
		"acr_values_supported":                             []string{Level1, Level2},
		"claims_supported":                                 []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "name", "birthdate", "citizen_number", "identity_level", "licence", "facility", "roles"},
		"prompt_values_supported":                          []string{"none", "login", "consent", "select_account"},
		"authorization_response_iss_parameter_supported":   true,
		"claims_parameter_supported":                       false,
		"request_parameter_supported":                      false,
		"request_uri_parameter_supported":                  false,
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	tally.WriteJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.c.Key.PublicKey, KeyID: p.kid, Algorithm: "ES256", Use: "sig"}}})
}

// person finds somebody by subject or citizen number.
func (p *Provider) person(sub, number string) *Person {
	for i := range p.c.People {
		x := &p.c.People[i]
		if sub != "" && x.Subject == sub || sub == "" && number != "" && x.Number == number {
			return x
		}
	}
	return nil
}

// refusal is the body of an error (RFC 6749 §5.2).
type refusal struct {
	Code string `json:"error"`
	Text string `json:"error_description,omitempty"`
}

func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	p.book.Answer(tally.Pattern(r.Pattern), code)
	if status == http.StatusUnauthorized && strings.HasPrefix(r.Header.Get("Authorization"), "Basic ") {
		w.Header().Set("WWW-Authenticate", `Basic realm="simulator"`)
	}
	tally.WriteJSON(w, status, refusal{code, text})
}
