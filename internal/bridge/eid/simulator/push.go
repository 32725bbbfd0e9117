package simulator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/bridge/tally"
	"lienthong/internal/fault"
)

// ResultType is the typ of a signed answer.
const ResultType = "push-consent+jwt"

// Request is POST /push: somebody is asked on their phone.
type Request struct {
	ID      string     `json:"id"` // the client's own; the same id again is the same request
	Subject string     `json:"sub,omitempty"`
	Number  string     `json:"citizen_number,omitempty"` // where the subject is not known
	Title   fault.Text `json:"title"`
	Text    fault.Text `json:"text"`
	Nonce   string     `json:"nonce"`
	Expires time.Time  `json:"expires_at"`
}

// Answer is what GET /push/{id} says.
type Answer struct {
	ID      string    `json:"push_id"`
	Subject string    `json:"sub"`
	State   string    `json:"state"` // "waiting", "shown", "decided", "expired"
	Expires time.Time `json:"expires_at"`
	Result  string    `json:"result,omitempty"` // JWS, of "decided"
}

// Result is what the answer's JWS says.
type Result struct {
	jwt.Claims
	Request  string `json:"request_id"`
	Nonce    string `json:"nonce"`
	Shown    string `json:"shown_sha256"` // of the request's body as it came: what was on the screen
	Decision string `json:"decision"`     // "approve", "refuse"
	Level    string `json:"acr"`
}

type push struct {
	Request
	Answer Answer
	client string
	digest string
	person *Person
	issuer string
	at     time.Time
}

type told struct {
	ID      string     `json:"id"`
	Subject string     `json:"sub,omitempty"`
	Number  string     `json:"citizen_number,omitempty"`
	Title   fault.Text `json:"title"`
	Text    fault.Text `json:"text"`
	At      time.Time  `json:"at"`
	client  string
	person  *Person
}

// body reads a JSON body of a known client.
func (p *Provider) body(w http.ResponseWriter, r *http.Request, v any) (client Client, raw []byte, ok bool) {
	c, err := p.basic(r)
	if err != nil {
		p.refuse(w, r, http.StatusUnauthorized, "invalid_client", "")
		return c, nil, false
	}
	raw, err = io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "the body is not the JSON expected")
		return c, nil, false
	}
	return c, raw, true
}

// basic authenticates a client that sends JSON: client_secret_basic only.
func (p *Provider) basic(r *http.Request) (Client, error) {
	if _, _, ok := r.BasicAuth(); !ok {
		return Client{}, errClient
	}
	q := r.Clone(r.Context())
	q.Method, q.Body = http.MethodGet, http.NoBody // leave the body
	return p.whose(q)
}

func (p *Provider) push(w http.ResponseWriter, r *http.Request) {
	var q Request
	c, raw, ok := p.body(w, r, &q)
	if !ok {
		return
	}
	now := p.c.Clock.Now()
	x := p.person(q.Subject, q.Number)
	switch {
	case q.ID == "" || len(q.ID) > 100 || q.Nonce == "" || len(q.Nonce) > 100 || q.Title.VI == "" || q.Text.VI == "":
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "id, nonce, title and text are needed")
		return
	case !q.Expires.After(now) || q.Expires.After(now.Add(7*24*time.Hour)):
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "expires_at must lie within 7 days")
		return
	case x == nil:
		p.refuse(w, r, http.StatusNotFound, "unknown_person", "")
		return
	}
	sum := sha256.Sum256(raw)
	n := &push{Request: q, client: c.ID, digest: base64.RawURLEncoding.EncodeToString(sum[:]), person: x, issuer: p.issuer(r), at: now,
		Answer: Answer{ID: rand.Text(), Subject: x.Subject, State: "waiting", Expires: q.Expires}}
	p.mu.Lock()
	for _, old := range p.pushes {
		if old.client == c.ID && old.Request.ID == q.ID {
			n = old
			break
		}
	}
	switch {
	case n.digest != base64.RawURLEncoding.EncodeToString(sum[:]):
		p.mu.Unlock()
		p.refuse(w, r, http.StatusConflict, "request_id_reused", "the id was used with another body")
		return
	case n.at.Equal(now) && n.Answer.State == "waiting" && !p.has(n):
		p.pushes = append(p.pushes, n)
	}
	a := n.Answer
	p.mu.Unlock()
	p.book.Answer("/push", "201")
	tally.WriteJSON(w, http.StatusCreated, a)
}

func (p *Provider) has(n *push) bool {
	for _, x := range p.pushes {
		if x == n {
			return true
		}
	}
	return false
}

// result is GET /push/{id}.
func (p *Provider) result(w http.ResponseWriter, r *http.Request) {
	c, err := p.basic(r)
	if err != nil {
		p.refuse(w, r, http.StatusUnauthorized, "invalid_client", "")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.pushes {
		if n.Answer.ID == r.PathValue("id") && n.client == c.ID {
			p.expire(n)
			tally.WriteJSON(w, http.StatusOK, n.Answer)
			return
		}
	}
	p.refuse(w, r, http.StatusNotFound, "unknown_push", "")
}

func (p *Provider) expire(n *push) {
	if n.Answer.State != "decided" && !p.c.Clock.Now().Before(n.Expires) {
		n.Answer.State = "expired"
	}
}

// notice is POST /notices: somebody is told something. The same id again is told once.
func (p *Provider) notice(w http.ResponseWriter, r *http.Request) {
	var n told
	c, _, ok := p.body(w, r, &n)
	if !ok {
		return
	}
	n.client, n.person = c.ID, p.person(n.Subject, n.Number)
	switch {
	case n.ID == "" || n.Title.VI == "" || n.Text.VI == "":
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", "id, title and text are needed")
		return
	case n.person == nil:
		p.refuse(w, r, http.StatusNotFound, "unknown_person", "")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, old := range p.told {
		if old.client == n.client && old.ID == n.ID {
			w.WriteHeader(http.StatusAccepted)
			return
		}
	}
	p.told = append(p.told, &n)
	p.book.Answer("/notices", "202")
	w.WriteHeader(http.StatusAccepted)
}

// decide is what somebody presses on their phone.
func (p *Provider) decide(w http.ResponseWriter, r *http.Request) {
	sub := r.PathValue("sub")
	decision := r.PostFormValue("decision")
	err := p.Decide(sub, r.PostFormValue("push"), decision)
	if err != nil {
		p.page(w, r, http.StatusConflict, "error", err.Error())
		return
	}
	http.Redirect(w, r, "/phone/"+sub, http.StatusSeeOther)
}

// Decide answers a request as its person would: "approve" or "refuse". push is
// its id, "" the oldest that waits. The error says that none waits.
func (p *Provider) Decide(sub, id, decision string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.pushes {
		if n.person.Subject != sub || id != "" && n.Answer.ID != id {
			continue
		}
		p.expire(n)
		if n.Answer.State == "decided" || n.Answer.State == "expired" {
			continue
		}
		if decision != "approve" && decision != "refuse" {
			return fault.New(fault.Invalid, "simulator.decision", "Chọn đồng ý hoặc từ chối.", "Choose approve or refuse.")
		}
		return p.sign(n, decision)
	}
	return fault.New(fault.Absent, "simulator.push", "Không có yêu cầu nào đang chờ.", "No request is waiting.")
}

func (p *Provider) sign(n *push, decision string) error {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.c.Key, KeyID: p.kid}}, (&jose.SignerOptions{}).WithType(ResultType))
	if err != nil {
		return err
	}
	now := p.c.Clock.Now()
	text, err := jwt.Signed(s).Claims(Result{
		Claims: jwt.Claims{Issuer: n.issuer, Subject: n.person.Subject, Audience: jwt.Audience{n.client}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(24 * time.Hour))},
		Request: n.Request.ID, Nonce: n.Nonce, Shown: n.digest, Decision: decision, Level: n.person.acr(),
	}).Serialize()
	if err != nil {
		return err
	}
	n.Answer.State, n.Answer.Result = "decided", text
	return nil
}
