package simulator

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/bridge/tally"
)

var errClient = errors.New("client not authenticated")

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// whose tells which client calls, by its secret or key: client_secret_basic,
// client_secret_post, private_key_jwt, or none for a client that has neither.
func (p *Provider) whose(r *http.Request) (Client, error) {
	if err := r.ParseForm(); err != nil {
		return Client{}, errClient
	}
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749 §2.3.1: form-encoded
		var err1, err2 error
		id, err1 = url.QueryUnescape(id)
		secret, err2 = url.QueryUnescape(secret)
		if err1 != nil || err2 != nil || r.PostForm.Has("client_secret") || r.PostForm.Has("client_assertion") {
			return Client{}, errClient
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if text := r.PostForm.Get("client_assertion"); text != "" {
		return p.assertion(r, text)
	}
	c, ok := p.client(id)
	switch {
	case !ok:
		return Client{}, errClient
	case len(p.c.Clients) == 0 || c.Secret == "" && c.Key == nil && secret == "":
		return c, nil
	case c.Secret == "" || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1:
		return Client{}, errClient
	}
	return c, nil
}

// assertion checks private_key_jwt (RFC 7523 §3).
func (p *Provider) assertion(r *http.Request, text string) (Client, error) {
	if r.PostForm.Get("client_assertion_type") != assertionType || len(text) > 8<<10 {
		return Client{}, errClient
	}
	t, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Client{}, errClient
	}
	var said jwt.Claims
	if err := t.UnsafeClaimsWithoutVerification(&said); err != nil {
		return Client{}, errClient
	}
	c, ok := p.client(said.Subject)
	if !ok || c.Key == nil || said.Issuer != said.Subject {
		return Client{}, errClient
	}
	key, ok := c.Key.Key.(*ecdsa.PublicKey)
	if !ok || t.Claims(key, &said) != nil {
		return Client{}, errClient
	}
	now := p.c.Clock.Now()
	at := p.issuer(r)
	if said.Expiry == nil || said.ID == "" || !now.Before(said.Expiry.Time()) || said.Expiry.Time().Sub(now) > 10*time.Minute ||
		!said.Audience.Contains(at+"/token") && !said.Audience.Contains(at) {
		return Client{}, errClient
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := c.ID + "|" + said.ID
	if _, used := p.seen[id]; used {
		return Client{}, errClient
	}
	if len(p.seen) >= most {
		clear(p.seen)
	}
	p.seen[id] = said.Expiry.Time()
	return c, nil
}

// token is the token endpoint.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	c, err := p.whose(r)
	if err != nil {
		p.refuse(w, r, http.StatusUnauthorized, "invalid_client", "")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		p.refuse(w, r, http.StatusBadRequest, "unsupported_grant_type", "")
		return
	}
	g, why := p.redeem(c, r.PostForm)
	if why != "" {
		p.refuse(w, r, http.StatusBadRequest, "invalid_grant", why)
		return
	}
	access := rand.Text()
	now := p.c.Clock.Now()
	id, err := p.idToken(g, access, now)
	if err != nil {
		p.refuse(w, r, http.StatusInternalServerError, "server_error", "")
		return
	}
	p.mu.Lock()
	if len(p.tokens) >= most {
		clear(p.tokens)
	}
	p.tokens[access] = &grant{form: g.form, person: g.person, at: g.at, end: now.Add(p.c.TokenLife)}
	g.tokens = append(g.tokens, access)
	p.mu.Unlock()
	p.book.Answer("/token", "200")
	tally.WriteJSON(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(p.c.TokenLife.Seconds()),
		"id_token": id, "scope": strings.Join(g.scopes, " ")})
}

// redeem takes a code once. One that comes again ends what it gave (RFC 6749 §4.1.2).
func (p *Provider) redeem(c Client, form url.Values) (*grant, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case g == nil:
		return nil, "no such code"
	case g.client != c.ID:
		return nil, "another client's"
	case g.used:
		for _, t := range g.tokens {
			delete(p.tokens, t)
		}
		return nil, "used before"
	}
	g.used = true
	switch {
	case !p.c.Clock.Now().Before(g.end):
		return nil, "expired"
	case g.redirect != form.Get("redirect_uri"):
		return nil, "redirect_uri"
	case len(form.Get("code_verifier")) < 43 || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		return nil, "code_verifier"
	}
	return g, ""
}

func (p *Provider) idToken(g *grant, access string, now time.Time) (string, error) {
	half := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": g.issuer, "sub": g.person.Subject, "aud": g.client, "iat": now.Unix(), "exp": now.Add(p.c.TokenLife).Unix(), "auth_time": g.at.Unix(),
		"acr": g.person.acr(), "amr": []string{"swk"}, "at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	for name, v := range g.person.claims(g.scopes) {
		claims[name] = v
	}
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

// claims are those of the scopes asked for.
func (x *Person) claims(scopes []string) map[string]any {
	out := map[string]any{}
	put := func(name, v string) {
		if v != "" {
			out[name] = v
		}
	}
	if slices.Contains(scopes, "profile") || slices.Contains(scopes, "citizen") || slices.Contains(scopes, "staff") {
		put("name", x.Name)
	}
	if slices.Contains(scopes, "profile") || slices.Contains(scopes, "citizen") {
		put("birthdate", x.Birth)
	}
	if slices.Contains(scopes, "citizen") && x.Number != "" {
		put("citizen_number", x.Number)
		out["identity_level"] = 2
		if x.Level == 1 {
			out["identity_level"] = 1
		}
	}
	if slices.Contains(scopes, "staff") && x.Licence+x.Facility != "" {
		put("licence", x.Licence)
		put("facility", x.Facility)
		out["roles"] = x.Roles
	}
	return out
}

// userinfo answers who an access token is of.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	g := p.tokens[text]
	p.mu.Unlock()
	if !ok || g == nil || !p.c.Clock.Now().Before(g.end) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		p.refuse(w, r, http.StatusUnauthorized, "invalid_token", "")
		return
	}
	claims := g.person.claims(g.scopes)
	claims["sub"] = g.person.Subject
	tally.WriteJSON(w, http.StatusOK, claims)
}

// own reads a token that this provider signed, expired or not.
func (p *Provider) own(text string) (jwt.Claims, error) {
	var c jwt.Claims
	t, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return c, err
	}
	return c, t.Claims(&p.c.Key.PublicKey, &c)
}
