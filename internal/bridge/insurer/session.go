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
	"sync"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/jsondoc"
)

// Secret is a facility's credential at the insurer, as it is put: JSON.
type Secret struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// session is one login. Its token is bound to this hub's address and lives about
// ten minutes (vietnam.md §2.1).
type session struct {
	user, access, id, hash string
	until                  time.Time
}

func (s *session) header() http.Header {
	return http.Header{"accessToken": {s.access}, "tokenId": {s.id}, "passwordHash": {s.hash}}
}

// sessions keeps the logins of facilities. Logins are few and braked: an
// insurer locks an account that tries too often.
type sessions struct {
	client *outbound.Client
	clock  clock.Clock
	mu     sync.Mutex
	of     map[key]*seat
}

type key struct {
	destination string
	facility    care.FacilityCode
}

// seat is one facility's: its lock makes one login at a time.
type seat struct {
	mu       sync.Mutex
	session  *session
	failures int
	closed   time.Time // no login before
}

func newSessions(client *outbound.Client, clk clock.Clock) *sessions {
	return &sessions{client: client, clock: clk, of: map[key]*seat{}}
}

func (x *sessions) seat(p *courier.Parcel) *seat {
	k := key{p.Destination.ID, p.Facility.Code}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.of[k]
	if s == nil {
		s = &seat{}
		x.of[k] = s
	}
	return s
}

// get returns a session that lives, or the answer that stands for there being none.
func (x *sessions) get(ctx context.Context, p *courier.Parcel) (*session, *exchange.Answer) {
	var secret Secret
	if len(p.Secret) == 0 || json.Unmarshal(p.Secret, &secret) != nil || secret.User == "" {
		out := refused("leg.secret_missing")
		return nil, &out
	}
	seat := x.seat(p)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	now := x.clock.Now()
	if s := seat.session; s != nil && s.user == secret.User && now.Before(s.until) {
		return s, nil
	}
	if now.Before(seat.closed) {
		return nil, &exchange.Answer{Outcome: exchange.Again, Code: "insurer.login_paused", Wait: seat.closed.Sub(now)}
	}
	s, bad := x.login(ctx, p, secret)
	if bad == nil {
		seat.session, seat.failures = s, 0
		return s, nil
	}
	seat.session = nil
	if bad.Code == "insurer.login_401" || bad.Code == "insurer.login_403" {
		seat.failures++
		bad.Wait = max(bad.Wait, min(time.Minute<<min(seat.failures, 8), time.Hour))
		seat.closed = now.Add(bad.Wait)
	}
	return nil, bad
}

// drop forgets a session the insurer no longer takes.
func (x *sessions) drop(p *courier.Parcel, old *session) {
	seat := x.seat(p)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	if seat.session == old {
		seat.session = nil
	}
}

// login takes a token. The password goes as the gateway wants it: MD5 in upper
// case hexadecimal, which protects nothing; the line's encryption does.
func (x *sessions) login(ctx context.Context, p *courier.Parcel, secret Secret) (*session, *exchange.Answer) {
	sum := md5.Sum([]byte(secret.Password))
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	form := url.Values{"username": {secret.User}, "password": {hash}}
	reply, err := x.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: base(p.Destination) + "/api/token/take", Private: p.Destination.Private,
		Type: "application/x-www-form-urlencoded", Body: []byte(form.Encode()), Limit: answerLimit}, nil)
	if err != nil {
		out := failed(reply, err)
		out.Sent = false // nothing of the record left
		return nil, &out
	}
	if out, bad := status(reply); bad {
		out.Sent = false
		if reply.Status == http.StatusUnauthorized || reply.Status == http.StatusForbidden {
			out = exchange.Answer{Outcome: exchange.Again, Code: "insurer.login_" + strconv.Itoa(reply.Status)}
		}
		return nil, &out
	}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	if err != nil {
		out := garbage()
		out.Sent = false
		return nil, &out
	}
	given := doc.Get("APIKey")
	s := &session{user: secret.User, access: text(given, "access_token"), id: text(given, "id_token"), hash: hash}
	switch code := text(doc, "maKetQua"); {
	case code == "200" && s.access != "" && token(s.access) && token(s.id):
		s.until = expiry(text(given, "expires_in"), x.clock.Now())
		return s, nil
	case plain(code) && code != "200":
		return nil, &exchange.Answer{Outcome: exchange.Again, Code: "insurer.login_" + code, Whole: code == "500"}
	}
	return nil, &exchange.Answer{Outcome: exchange.Again, Code: "insurer.answer", Whole: true}
}

// token reports whether a text may stand in a header.
func token(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return len(s) <= 8192
}

// expiry reads how long a token lives: seconds, or the moment as the gateway of
// some years wrote it; ten minutes when it says nothing readable. A minute is
// taken off, of a short life half.
func expiry(said string, now time.Time) time.Time {
	until := now.Add(10 * time.Minute)
	if n, err := strconv.Atoi(said); err == nil && n > 0 {
		until = now.Add(min(time.Duration(n), 24*3600) * time.Second)
	} else if at, err := time.Parse(time.RFC3339, said); err == nil && at.After(now) {
		until = at
	}
	return until.Add(-min(time.Minute, until.Sub(now)/2))
}
