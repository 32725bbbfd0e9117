package axis

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/bridge/login"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/jsondoc"
)

// Secret is a sender's credential at the axis, as it is put: JSON.
type Secret struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Key      string `json:"key"` // PKCS#8 PEM of the RSA key that signs headers

	key *rsa.PrivateKey
}

func parseSecret(b []byte) (*Secret, error) {
	var s Secret
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, errors.New("not a credential") // without its bytes
	}
	block, _ := pem.Decode([]byte(s.Key))
	if block == nil || s.User == "" {
		return nil, errors.New("not a credential")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a credential")
	}
	var ok bool
	if s.key, ok = k.(*rsa.PrivateKey); !ok {
		return nil, errors.New("not an RSA key")
	}
	return &s, nil
}

func who(p *courier.Parcel, user string) login.Who {
	return login.Who{Destination: p.Destination.ID, Facility: p.Facility.Code, User: user}
}

// session returns a token that lives, or the answer that stands for there being none.
func (a *Adapter) session(ctx context.Context, p *courier.Parcel, secret *Secret) (*string, *exchange.Answer) {
	return a.sessions.Get(ctx, who(p, secret.User), func(ctx context.Context) (*string, time.Duration, *exchange.Answer, bool) {
		return a.login(ctx, p, secret)
	})
}

// login takes a token, which lives some 6,000 seconds.
func (a *Adapter) login(ctx context.Context, p *courier.Parcel, secret *Secret) (*string, time.Duration, *exchange.Answer, bool) {
	no := func(out exchange.Answer, denied bool) (*string, time.Duration, *exchange.Answer, bool) {
		return nil, 0, &out, denied
	}
	body, err := json.Marshal(map[string]string{"username": secret.User, "password": secret.Password})
	if err != nil {
		return no(speaker.Unmade(), false)
	}
	reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/auth/login", Private: p.Destination.Private,
		Type: "application/json; charset=utf-8", Body: body, Limit: answerLimit}, nil)
	if err != nil {
		return no(verdict.Failed(reply, err), false)
	}
	if reply.Status == http.StatusUnauthorized || reply.Status == http.StatusForbidden {
		return no(exchange.Answer{Outcome: exchange.Again, Code: "axis.login_" + strconv.Itoa(reply.Status)}, true)
	}
	if out, ok := speaker.Status(reply, http.StatusOK); !ok {
		return no(out, false)
	}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	if err != nil {
		return no(speaker.Garbage(), false)
	}
	given := doc
	if inner := doc.Get("data"); inner != nil && inner.Type == jsondoc.Object {
		given = inner // some of its releases wrap the answer
	}
	token := given.Get("token").String()
	if !verdict.InHeader(token) {
		return no(speaker.Garbage(), false)
	}
	life := 6000 * time.Second
	if n, err := strconv.Atoi(given.Get("duration").String()); err == nil && n > 0 {
		life = time.Duration(min(n, 24*3600)) * time.Second
	}
	return &token, life, nil, false
}
