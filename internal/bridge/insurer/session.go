package insurer

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bridge/login"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/jsondoc"
)

// Secret is a facility's credential at the insurer, as it is put: JSON.
type Secret struct {
	User     string `json:"user"`
	Password string `json:"password"`
	// Who asks about cards where the asking HIS does not say: name and citizen
	// number of a member of staff.
	Staff   string `json:"staff_name,omitempty"`
	Citizen string `json:"staff_citizen,omitempty"`
}

// session is one login. Its token is bound to this hub's address and lives about
// ten minutes (vietnam.md §2.1).
type session struct {
	user, access, id, hash string
}

func (s *session) header() http.Header {
	return http.Header{"accessToken": {s.access}, "tokenId": {s.id}, "passwordHash": {s.hash}}
}

func who(p *courier.Parcel, user string) login.Who {
	return login.Who{Destination: p.Destination.ID, Facility: p.Facility.Code, User: user}
}

// session returns one that lives, or the answer that stands for there being none.
func (a *Adapter) session(ctx context.Context, p *courier.Parcel) (*session, *exchange.Answer) {
	var secret Secret
	if len(p.Secret) == 0 || json.Unmarshal(p.Secret, &secret) != nil || secret.User == "" {
		out := verdict.Refused("leg.secret_missing")
		return nil, &out
	}
	return a.sessions.Get(ctx, who(p, secret.User), func(ctx context.Context) (*session, time.Duration, *exchange.Answer, bool) {
		return a.login(ctx, p, secret)
	})
}

// login takes a token. The password goes as the gateway wants it: MD5 in upper
// case hexadecimal, which protects nothing; the line's encryption does.
func (a *Adapter) login(ctx context.Context, p *courier.Parcel, secret Secret) (*session, time.Duration, *exchange.Answer, bool) {
	no := func(out exchange.Answer, denied bool) (*session, time.Duration, *exchange.Answer, bool) {
		return nil, 0, &out, denied
	}
	sum := md5.Sum([]byte(secret.Password))
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	form := url.Values{"username": {secret.User}, "password": {hash}}
	reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/token/take", Private: p.Destination.Private,
		Type: "application/x-www-form-urlencoded", Body: []byte(form.Encode()), Limit: answerLimit}, nil)
	if err != nil {
		return no(verdict.Failed(reply, err), false)
	}
	if reply.Status == http.StatusUnauthorized || reply.Status == http.StatusForbidden {
		return no(exchange.Answer{Outcome: exchange.Again, Code: "insurer.login_" + strconv.Itoa(reply.Status)}, true)
	}
	if out, ok := speaker.Status(reply, http.StatusOK); !ok {
		return no(out, false)
	}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	if err != nil {
		return no(speaker.Garbage(), false)
	}
	given, code := doc.Get("APIKey"), text(doc, "maKetQua")
	s := &session{user: secret.User, access: text(given, "access_token"), id: text(given, "id_token"), hash: hash}
	switch {
	case code == "200" && verdict.InHeader(s.access) && verdict.InHeader(s.id):
		return s, life(text(given, "expires_in"), a.clock.Now()), nil, false
	case verdict.Plain(code) && code != "200":
		return no(exchange.Answer{Outcome: exchange.Again, Code: "insurer.login_" + code, Whole: code == "500"}, code != "500")
	}
	return no(speaker.Garbage(), false)
}

// life reads how long a token lives: seconds, or until the moment that the
// gateway of some years wrote; ten minutes when it says nothing readable.
func life(said string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(said); err == nil && n > 0 {
		return time.Duration(min(n, 24*3600)) * time.Second
	}
	if at, err := time.Parse(time.RFC3339, said); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 10 * time.Minute
}
