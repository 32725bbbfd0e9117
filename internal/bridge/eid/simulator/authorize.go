package simulator

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bridge/tally"
)

const cryptoSHA256 = crypto.SHA256

// form is an authorization request that is shown to somebody.
type form struct {
	client, redirect, state, nonce, challenge string
	scopes                                    []string
	at                                        time.Time
	issuer                                    string
}

// grant is what somebody let a client have.
type grant struct {
	form
	person *Person
	at     time.Time // of the login
	used   bool
	tokens []string
	end    time.Time
}

// most bounds what is kept of requests and codes.
const most = 10_000

// client returns a registered client; where none is registered, any.
func (p *Provider) client(id string) (Client, bool) {
	if len(p.c.Clients) == 0 {
		return Client{ID: id}, id != ""
	}
	i := slices.IndexFunc(p.c.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return p.c.Clients[i], true
}

// allowed reports whether a browser may be sent there: exactly a registered
// address; where no client is registered, one of this machine.
func (p *Provider) allowed(list []string, to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.Fragment != "" || u.Host == "" {
		return false
	}
	if len(p.c.Clients) > 0 {
		return slices.Contains(list, to)
	}
	ip := net.ParseIP(u.Hostname())
	return (u.Scheme == "http" || u.Scheme == "https") && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// authorize is the authorization endpoint (OpenID Connect Core §3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c, ok := p.client(q.Get("client_id"))
	if !ok || len(q["client_id"]) != 1 {
		p.page(w, r, http.StatusBadRequest, "error", "invalid_client: client_id")
		return
	}
	redirect := q.Get("redirect_uri")
	if len(q["redirect_uri"]) != 1 || !p.allowed(c.Redirects, redirect) { // never redirect to what is not registered
		p.page(w, r, http.StatusBadRequest, "error", "invalid_request: redirect_uri")
		return
	}
	f := &form{client: c.ID, redirect: redirect, state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		scopes: strings.Fields(q.Get("scope")), at: p.c.Clock.Now(), issuer: p.issuer(r)}
	if code, text := fit(q, f); code != "" {
		p.back(w, r, f, url.Values{"error": {code}, "error_description": {text}})
		return
	}
	if slices.Contains(strings.Fields(q.Get("prompt")), "none") { // nobody is ever logged in here
		p.back(w, r, f, url.Values{"error": {"login_required"}})
		return
	}
	id := rand.Text()
	p.mu.Lock()
	if len(p.forms) >= most {
		clear(p.forms)
	}
	p.forms[id] = f
	p.mu.Unlock()
	p.page(w, r, http.StatusOK, "choose", map[string]any{"Request": id, "Client": f.client, "People": p.c.People, "Fresh": q.Get("max_age") == "0"})
}

// fit returns the error of an authorization request, "" for none.
func fit(q url.Values, f *form) (code, text string) {
	for name, values := range q {
		if len(values) > 1 {
			return "invalid_request", "a parameter twice: " + name
		}
	}
	age := q.Get("max_age")
	n, err := strconv.Atoi(age)
	challenge, err2 := base64.RawURLEncoding.DecodeString(f.challenge)
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type", "code only"
	case q.Get("response_mode") != "" && q.Get("response_mode") != "query":
		return "invalid_request", "response_mode: query only"
	case q.Has("request"):
		return "request_not_supported", ""
	case q.Has("request_uri"):
		return "request_uri_not_supported", ""
	case !slices.Contains(f.scopes, "openid"):
		return "invalid_scope", "openid is needed"
	case f.challenge == "":
		return "invalid_request", "code_challenge is needed"
	case q.Get("code_challenge_method") != "S256":
		return "invalid_request", "code_challenge_method: S256 only"
	case err2 != nil || len(challenge) != 32:
		return "invalid_request", "code_challenge"
	case age != "" && (err != nil || n < 0):
		return "invalid_request", "max_age"
	case slices.Contains(strings.Fields(q.Get("prompt")), "none") && len(strings.Fields(q.Get("prompt"))) > 1:
		return "invalid_request", "prompt"
	case len(f.state) > 2000 || len(f.nonce) > 2000:
		return "invalid_request", "too long"
	}
	return "", ""
}

// back sends the browser back to its client, with the issuer (RFC 9207).
func (p *Provider) back(w http.ResponseWriter, r *http.Request, f *form, with url.Values) {
	u, err := url.Parse(f.redirect)
	if err != nil {
		p.page(w, r, http.StatusBadRequest, "error", "invalid_request: redirect_uri")
		return
	}
	q := u.Query()
	for k, v := range with {
		q[k] = v
	}
	if f.state != "" {
		q.Set("state", f.state)
	}
	q.Set("iss", f.issuer)
	u.RawQuery = q.Encode()
	p.book.Answer(tally.Pattern(r.Pattern), "303")
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// choose is what somebody presses on the page: a person, or no.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("request")
	now := p.c.Clock.Now()
	p.mu.Lock()
	f := p.forms[id]
	delete(p.forms, id) // a request is answered once
	p.mu.Unlock()
	if f == nil || now.Sub(f.at) > FormLife {
		p.page(w, r, http.StatusBadRequest, "error", "Yêu cầu đăng nhập đã hết hạn hoặc đã dùng · this login request has expired or was used")
		return
	}
	x := p.person(r.PostFormValue("person"), "")
	if x == nil {
		p.back(w, r, f, url.Values{"error": {"access_denied"}})
		return
	}
	code := rand.Text()
	p.mu.Lock()
	if len(p.codes) >= most {
		clear(p.codes)
	}
	p.codes[code] = &grant{form: *f, person: x, at: now, end: now.Add(p.c.CodeLife)}
	p.mu.Unlock()
	p.back(w, r, f, url.Values{"code": {code}})
}

// logout is RP-initiated logout: nobody stays logged in here, so it only leads back.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	to := q.Get("post_logout_redirect_uri")
	id := q.Get("client_id")
	if hint := q.Get("id_token_hint"); hint != "" {
		claims, err := p.own(hint)
		if err != nil || id != "" && !claims.Audience.Contains(id) || len(claims.Audience) != 1 {
			p.page(w, r, http.StatusBadRequest, "error", "invalid_request: id_token_hint")
			return
		}
		id = claims.Audience[0]
	}
	c, ok := p.client(id)
	if to == "" || !ok || !p.allowed(c.Logouts, to) {
		p.page(w, r, http.StatusOK, "error", "Đã đăng xuất · logged out")
		return
	}
	u, err := url.Parse(to)
	if err != nil {
		p.page(w, r, http.StatusBadRequest, "error", "invalid_request: post_logout_redirect_uri")
		return
	}
	if s := q.Get("state"); s != "" {
		v := u.Query()
		v.Set("state", s)
		u.RawQuery = v.Encode()
	}
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}
