// Package token lets systems in: the OAuth 2.0 client credentials grant with a
// private_key_jwt assertion (RFC 7523, ES256), answered with a short-lived
// bearer token that any hub of the same keys can check by itself. People log in
// elsewhere (web/session).
package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
)

const (
	// lifetime of an access token and the longest of an assertion (DESIGN §6).
	lifetime = 5 * time.Minute
	// leeway for clocks of facilities that run ahead or behind.
	leeway = 30 * time.Second
	// longest token read (TRUST §1: bombs in JWS libraries).
	longest = 8 << 10

	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// Path is where tokens are taken.
	Path = "/oauth2/token"
)

var (
	// ErrToken: no token, a forged, expired or revoked one.
	ErrToken = fault.New(fault.Unauthenticated, "token.invalid",
		"Thẻ truy cập không có, đã hết hạn hoặc không đúng. Lấy thẻ mới rồi gửi lại.",
		"The access token is missing, expired or not valid. Take a new one and send again.")
	// ErrAssertion: the assertion does not prove who asks.
	ErrAssertion = fault.New(fault.Unauthenticated, "token.assertion",
		"Không xác thực được hệ thống gửi: chữ ký, thời hạn hoặc địa chỉ trong khẳng định không đúng, hoặc đã dùng rồi.",
		"The system could not be authenticated: signature, term or audience of the assertion is wrong, or it was used before.")
)

// ErrWaiting: who asks has enrolled and is yet to be approved.
var ErrWaiting = fault.New(fault.Unauthenticated, "enrolment.waiting",
	"Hệ thống này đã ghi danh và đang chờ người thứ hai duyệt.", "This system has enrolled and waits for a second person's approval.")

// Once remembers assertion ids; store.Access does.
type Once interface {
	Once(ctx context.Context, client, jti string, until time.Time) (bool, error)
}

// Config is what Desk works with.
type Config struct {
	Secret    []byte                     // the hub's; tokens of hubs with the same secret are good at each
	Directory func() *facility.Directory // of this moment
	Once      Once
	Waiting   func(ctx context.Context, id string) (facility.Client, bool) // enrolled and not approved yet; nil: nobody
	Clock     clock.Clock
	PublicURL string // base under which clients know the hub; "" when only Host tells
}

// Desk gives out and checks access tokens.
type Desk struct {
	cfg    Config
	key    []byte
	signer jose.Signer
}

// New returns a desk. The signing key is derived from the secret.
func New(c Config) (*Desk, error) {
	key, err := hkdf.Key(sha256.New, c.Secret, nil, "lienthong/access-token/v1", 32)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return &Desk{cfg: c, key: key, signer: s}, nil
}

// ServeHTTP answers POST /oauth2/token. Errors are those of RFC 6749 §5.2.
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4*longest)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "the body is not a form")
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "only client_credentials is given")
		return
	}
	if r.PostForm.Get("client_assertion_type") != assertionType {
		refuse(w, http.StatusUnauthorized, "invalid_client", "private_key_jwt is needed")
		return
	}
	client, err := d.assert(r.Context(), r.PostForm.Get("client_assertion"), d.audiences(r))
	if err != nil {
		if k := fault.KindOf(err); k == fault.Broken || k == fault.Busy { // the storage may be full
			refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable", "try again")
			return
		}
		if errors.Is(err, ErrWaiting) {
			answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": ErrWaiting.Text.EN, "code": ErrWaiting.Code})
			return
		}
		refuse(w, http.StatusUnauthorized, "invalid_client", ErrAssertion.Text.EN)
		return
	}
	token, err := d.issue(client)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", "no token could be made")
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime.Seconds())})
}

func refuse(w http.ResponseWriter, status int, code, what string) {
	answer(w, status, map[string]any{"error": code, "error_description": what})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: nothing is left to tell it
}

// audiences are the URLs this endpoint is known under: the public one, and the
// request's own Host only where that is an address of this machine. A Host is
// the sender's word: taken alone, whoever was handed an assertion meant for
// them could spend it here under their own name.
func (d *Desk) audiences(r *http.Request) []string {
	var urls []string
	if d.cfg.PublicURL != "" {
		urls = append(urls, strings.TrimSuffix(d.cfg.PublicURL, "/")+Path)
	}
	if d.cfg.PublicURL == "" || here(r) {
		urls = append(urls, "http://"+r.Host+Path, "https://"+r.Host+Path)
	}
	return urls
}

// here reports whether the request's Host is the address the connection came
// in at, or any name of the loopback when it came in there.
func here(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if at.IP.IsLoopback() {
		return host == "localhost" || ip != nil && ip.IsLoopback()
	}
	return ip != nil && ip.Equal(at.IP)
}

// assert checks an assertion and returns its client. Everything but the
// signature is checked by hand: the library's defaults are lenient.
func (d *Desk) assert(ctx context.Context, text string, audiences []string) (facility.Client, error) {
	none := facility.Client{}
	if len(text) == 0 || len(text) > longest {
		return none, ErrAssertion
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 {
		return none, ErrAssertion.Because(err)
	}
	var seen jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&seen); err != nil {
		return none, ErrAssertion.Because(err)
	}
	client, ok := d.cfg.Directory().Client(seen.Subject)
	waits := false
	if !ok && d.cfg.Waiting != nil {
		client, waits = d.cfg.Waiting(ctx, seen.Subject)
		ok = waits
	}
	if !ok || seen.Issuer != seen.Subject || (parsed.Headers[0].KeyID != "" && parsed.Headers[0].KeyID != client.KeyID) {
		return none, ErrAssertion.Because(errors.New("unknown client or key"))
	}
	pub, err := x509.ParsePKIXPublicKey(client.PublicKey)
	key, isEC := pub.(*ecdsa.PublicKey)
	if err != nil || !isEC {
		return none, fmt.Errorf("token: key of client %s: %w", client.ID, err)
	}
	var c jwt.Claims
	if err := parsed.Claims(key, &c); err != nil {
		return none, ErrAssertion.Because(err)
	}
	if err := d.timely(c, audiences); err != nil {
		return none, err
	}
	if waits { // told to who holds the key, and to nobody else
		return none, ErrWaiting
	}
	fresh, err := d.cfg.Once.Once(ctx, client.ID, c.ID, c.Expiry.Time().Add(leeway))
	if err != nil {
		return none, err
	}
	if !fresh {
		return none, ErrAssertion.Because(errors.New("used before"))
	}
	return client, nil
}

func (d *Desk) timely(c jwt.Claims, audiences []string) error {
	now := d.cfg.Clock.Now()
	switch {
	case c.ID == "" || len(c.ID) > 200 || c.Expiry == nil:
		return ErrAssertion.Because(errors.New("no jti or exp"))
	case now.After(c.Expiry.Time().Add(leeway)):
		return ErrAssertion.Because(errors.New("expired"))
	case c.Expiry.Time().Sub(now) > lifetime+leeway:
		return ErrAssertion.Because(errors.New("valid for too long"))
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(leeway)):
		return ErrAssertion.Because(errors.New("not yet valid"))
	case c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(leeway)):
		return ErrAssertion.Because(errors.New("issued in the future"))
	}
	for _, a := range audiences {
		if c.Audience.Contains(a) {
			return nil
		}
	}
	return ErrAssertion.Because(errors.New("another audience"))
}

func (d *Desk) issue(c facility.Client) (string, error) {
	now := d.cfg.Clock.Now()
	return jwt.Signed(d.signer).Claims(jwt.Claims{Subject: c.ID, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(lifetime))}).Serialize()
}

// Client returns who presents a bearer token, while its credential is in use.
func (d *Desk) Client(token string) (facility.Client, error) {
	none := facility.Client{}
	if len(token) == 0 || len(token) > longest {
		return none, ErrToken
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return none, ErrToken.Because(err)
	}
	var c jwt.Claims
	if err := parsed.Claims(d.key, &c); err != nil {
		return none, ErrToken.Because(err)
	}
	if c.Expiry == nil || !d.cfg.Clock.Now().Before(c.Expiry.Time()) {
		return none, ErrToken.Because(errors.New("expired"))
	}
	client, ok := d.cfg.Directory().Client(c.Subject)
	if !ok {
		return none, ErrToken.Because(errors.New("the credential is no longer in use"))
	}
	return client, nil
}
