package eid

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// resultType is the typ of a signed answer: an ID token is none.
const resultType = "push-consent+jwt"

const slack = 2 * time.Minute // of clocks

// Question is what somebody is asked on their phone.
type Question struct {
	ID     [16]byte // of the consent; the same id with the same words is one question
	Person store.PersonID
	Title  fault.Text
	Text   fault.Text
	Until  time.Time
}

// Result is what came of a question.
type Result struct {
	State string    // "waiting", "approved", "refused", "expired"
	At    time.Time // of the answer
	Level int       // of identity
	Proof []byte    // the signed answer, as it came
}

// States of a Result.
const (
	Waiting  = "waiting"
	Approved = "approved"
	Refused  = "refused"
	Expired  = "expired"
)

// reference is what an answer is held against. It holds no secret; that the hub
// asked it is known by where it is kept.
type reference struct {
	Provider string    `json:"p"`
	Push     string    `json:"i"`
	Subject  string    `json:"s"` // a hash: whose answer it must be
	Nonce    string    `json:"n"`
	Shown    string    `json:"d"` // SHA-256 of the question as it was sent
	Until    time.Time `json:"u"`
}

func mark(subject string) string {
	sum := sha256.Sum256([]byte("lienthong/push-subject/v1\n" + subject))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// nonce is a question's own. Nobody else can say it beforehand; this hub says the
// same again, so that a reference lost with a process is found by asking again.
func (a *Adapter) nonce(id [16]byte) string {
	if len(a.d.Key) == 0 {
		return rand.Text()
	}
	m := hmac.New(sha256.New, a.d.Key)
	m.Write([]byte("lienthong/push-nonce/v1\n"))
	m.Write(id[:])
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)[:20])
}

// Push asks; the same question again asks nothing new and returns where its answer
// is found. Faults: eid.no_address, eid.away, outbound.*.
func (a *Adapter) Push(ctx context.Context, q Question) (string, error) {
	p, to, err := a.reach(ctx, q.Person)
	if err != nil {
		return "", err
	}
	nonce, until := a.nonce(q.ID), q.Until.UTC().Truncate(time.Second)
	body, err := json.Marshal(map[string]any{"id": idText(q.ID) + "." + nonce[:8], "sub": to.Subject, "citizen_number": to.Number, "title": q.Title, "text": q.Text, "nonce": nonce,
		"expires_at": until})
	if err != nil {
		return "", err
	}
	reply, err := a.call(ctx, p, http.MethodPost, "/push", body)
	if err != nil {
		return "", err
	}
	var said struct {
		ID      string `json:"push_id"`
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(reply.Body, &said); err != nil || said.ID == "" || len(said.ID) > 200 || said.Subject == "" || to.Subject != "" && said.Subject != to.Subject {
		return "", ErrAway.Because(errors.New("the push was not taken as it should"))
	}
	sum := sha256.Sum256(body)
	ref, err := json.Marshal(reference{Provider: p.ID, Push: said.ID, Subject: mark(said.Subject), Nonce: nonce, Shown: base64.RawURLEncoding.EncodeToString(sum[:]), Until: until})
	return base64.RawURLEncoding.EncodeToString(ref), err
}

// Result asks what came of a question. An answer that is not signed by the
// provider, for this hub, to this question and these words, by this person and in
// time is ErrResult: nothing was said.
func (a *Adapter) Result(ctx context.Context, id [16]byte, ref string) (Result, error) {
	raw, err := base64.RawURLEncoding.DecodeString(ref)
	var r reference
	if err != nil || json.Unmarshal(raw, &r) != nil || r.Push == "" {
		return Result{}, ErrResult.Because(errors.New("no reference of a push"))
	}
	p, err := a.provider(ctx, r.Provider)
	if err != nil {
		return Result{}, err
	}
	reply, err := a.call(ctx, p, http.MethodGet, "/push/"+url.PathEscape(r.Push), nil)
	if err != nil {
		return Result{}, err
	}
	var said struct {
		State  string `json:"state"`
		Result string `json:"result"`
	}
	if err := json.Unmarshal(reply.Body, &said); err != nil {
		return Result{}, ErrAway.Because(err)
	}
	switch said.State {
	case "waiting", "shown":
		if !a.d.Clock.Now().Before(r.Until.Add(slack)) {
			return Result{State: Expired}, nil
		}
		return Result{State: Waiting}, nil
	case "expired":
		return Result{State: Expired}, nil
	case "decided":
		return a.believe(ctx, p, r, id, said.Result)
	}
	return Result{}, ErrAway.Because(errors.New("a state nobody knows"))
}

// answer is what the signed answer says.
type answer struct {
	Request  string `json:"request_id"`
	Nonce    string `json:"nonce"`
	Shown    string `json:"shown_sha256"`
	Decision string `json:"decision"`
	Level    string `json:"acr"`
}

func (a *Adapter) believe(ctx context.Context, p Provider, r reference, id [16]byte, text string) (Result, error) {
	no := func(why string) (Result, error) { return Result{}, ErrResult.Because(errors.New(why)) }
	if len(text) > 16<<10 {
		return no("too long")
	}
	head, err := jose.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.PS256, jose.RS256, jose.EdDSA})
	if err != nil || len(head.Signatures) != 1 || head.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != resultType {
		return no("not a signed answer to a push")
	}
	out := oidc.ClientContext(ctx, &http.Client{Transport: a.d.Client.Transport(p.Private), Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }})
	provider, err := oidc.NewProvider(out, p.Issuer)
	if err != nil {
		return Result{}, ErrAway.Because(err)
	}
	var meta struct {
		Keys string `json:"jwks_uri"`
	}
	at, err1 := url.Parse(p.Issuer)
	if err := provider.Claims(&meta); err != nil || err1 != nil {
		return Result{}, ErrAway.Because(errors.New("no keys"))
	}
	if keys, err := url.Parse(meta.Keys); err != nil || keys.Host != at.Host || keys.Scheme != at.Scheme {
		return Result{}, ErrAway.Because(errors.New("keys elsewhere than the issuer"))
	}
	token, err := provider.VerifierContext(out, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: []string{oidc.ES256, oidc.ES384, oidc.PS256, oidc.RS256, oidc.EdDSA},
		Now: a.d.Clock.Now}).Verify(out, text)
	if err != nil {
		return Result{}, ErrResult.Because(err)
	}
	var c answer
	if err := token.Claims(&c); err != nil {
		return no("claims")
	}
	now := a.d.Clock.Now()
	same := func(x, y string) bool { return subtle.ConstantTimeCompare([]byte(x), []byte(y)) == 1 }
	switch {
	case len(token.Audience) != 1:
		return no("for somebody else too")
	case !same(c.Nonce, r.Nonce) || !same(c.Request, idText(id)+"."+r.Nonce[:8]) || !same(c.Shown, r.Shown):
		return no("to another question")
	case !same(mark(token.Subject), r.Subject):
		return no("by another person")
	case token.IssuedAt.After(now.Add(slack)) || token.IssuedAt.After(r.Until.Add(slack)):
		return no("at another time")
	}
	got := Result{At: token.IssuedAt, Level: max(1, p.Levels[c.Level]), Proof: []byte(text)}
	switch c.Decision {
	case "approve":
		got.State = Approved
	case "refuse":
		got.State = Refused
	default:
		return no("no decision")
	}
	return got, nil
}
