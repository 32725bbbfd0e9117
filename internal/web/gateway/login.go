package gateway

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/bucket"
)

var (
	errLogin = fault.New(fault.Unauthenticated, "gateway.login",
		"Sai tên đăng nhập hoặc mật khẩu. Kiểm tra tài khoản cổng thay thế do hub cấp; password là MD5 của mật khẩu.",
		"Wrong user or password. Check the account of the drop-in gateway that the hub gave; password is the MD5 of the password.")
	errLocked = fault.New(fault.Unauthenticated, "gateway.locked",
		"Đăng nhập sai nhiều lần nên tạm khóa. Chờ số giây ghi trong Retry-After rồi thử lại.",
		"Too many failed logins. Wait the seconds in Retry-After and try again.")
	errProof = fault.New(fault.Invalid, "gateway.password_form",
		"Trường password phải là MD5 của mật khẩu, 32 ký tự thập lục phân.",
		"The field password must be the MD5 of the password, 32 hexadecimal digits.")
	errSession = fault.New(fault.Unauthenticated, "gateway.session",
		"Phiên không có, đã hết hạn hoặc không đúng. Gọi lại /api/token/take rồi gửi lại.",
		"There is no such session, it is over, or what came with it is wrong. Call /api/token/take again and send again.")
	errAddress = fault.New(fault.Unauthenticated, "gateway.address",
		"Token này cấp cho một địa chỉ mạng khác. Lấy token từ chính máy gửi, hoặc xin mở tài khoản cho nhiều địa chỉ.",
		"This token was given to another network address. Take a token from the machine that sends, or ask for an account that holds from any.")
)

const (
	longestUser  = 100
	longestToken = 200

	memory     = time.Hour           // how long a failed login counts
	familiar   = 90 * 24 * time.Hour // how long an address is known for a user
	freeUser   = 5                   // failures that cost no time, of a name
	freeSource = 20                  // and of an address, behind which many may sit
	longest    = 15 * time.Minute    // time shut
)

// taken is the answer of token/take. HIS code reads it by the order of its
// members, without blanks between.
type taken struct {
	Code string  `json:"maKetQua"`
	Key  *apiKey `json:"APIKey"`
}

type apiKey struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Type    string `json:"token_type"`
	User    string `json:"username"`
	Expires string `json:"expires_in"` // moment, UTC
}

// untaken is what token/take answers to who is not let in.
func untaken(f *fault.Error) any {
	return struct {
		taken
		Text  string `json:"thongDiep"`
		Fault string `json:"maLoi"`
	}{taken{Code: codeOf(f)}, fmt.Sprintf("%s [%s]", f.Text.VI, f.Code), f.Code}
}

// take answers POST /api/token/take.
func (g *Gateway) take(w http.ResponseWriter, r *http.Request) error {
	address := addressOf(r)
	from := networkOf(address)
	if err := g.paced(w, g.from, from); err != nil {
		return err
	}
	f, err := g.small(w, r)
	if err != nil {
		return err
	}
	user, proof := strings.TrimSpace(f.text("username")), strings.ToUpper(strings.TrimSpace(f.text("password")))
	if user == "" || len(user) > longestUser || store.CheckText(user) != nil {
		return errField("username")
	}
	if _, err := hex.DecodeString(proof); err != nil || len(proof) != 32 {
		return errProof
	}
	account, wait, err := g.login(r.Context(), user, proof, from)
	if err != nil {
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		}
		return err
	}
	key, err := g.begin(r.Context(), account, proof, address)
	if err != nil {
		return err
	}
	g.write(w, http.StatusOK, taken{"200", key})
	return nil
}

// login finds the account a user and proof open. A user nobody knows costs the
// same time and gets the same answer. wait is how long the door stays shut.
func (g *Gateway) login(ctx context.Context, user, proof, address string) (a store.GatewayAccount, wait time.Duration, err error) {
	who, pair, err := g.names(ctx, user, address)
	if err != nil {
		return a, 0, err
	}
	if wait, err = g.shut(ctx, who); err != nil || wait > 0 {
		return a, wait, lockedOr(err)
	}
	leave, err := g.logins.enter(ctx)
	if err != nil {
		return a, 0, err
	}
	defer leave()
	if wait, err = g.shut(ctx, who); err != nil || wait > 0 { // others failed while this one waited
		return a, wait, lockedOr(err)
	}
	a, err = g.Accounts.Account(ctx, user)
	unknown := errors.Is(err, store.ErrAbsent)
	if err != nil && !unknown {
		return a, 0, err
	}
	hash := a.Hash
	if unknown {
		hash = g.dummy
	}
	ok, err := fits(hash, proof)
	if err != nil {
		return a, 0, err
	}
	now := g.Clock.Now()
	if !ok || unknown {
		if err := g.Accounts.Failed(ctx, who, now, now.Add(-memory)); err != nil {
			return a, 0, err
		}
		return a, 0, errLogin
	}
	return a, 0, g.Accounts.Passed(ctx, []string{nameOf("user", user), nameOf("address", address), pair}, pair, now, now.Add(-familiar))
}

func lockedOr(err error) error {
	if err != nil {
		return err
	}
	return errLocked
}

// names are what failures of a login are counted by: the user and the address;
// but of a user from an address it was let in from before only the two
// together, so that nobody elsewhere can shut a hospital out.
func (g *Gateway) names(ctx context.Context, user, address string) (who []string, pair string, err error) {
	pair = nameOf("pair", user, address)
	known, err := g.Accounts.Let(ctx, pair, g.Clock.Now().Add(-familiar))
	if known {
		return []string{pair}, pair, err
	}
	return []string{nameOf("user", user), nameOf("address", address)}, pair, err
}

// nameOf hides a name in what is kept of failures.
func nameOf(kind string, of ...string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + strings.Join(of, "\x00")))
	return kind + ":" + hex.EncodeToString(sum[:16])
}

// shut returns how long one of who stays shut: twice as long after each failure
// beyond those that are free.
func (g *Gateway) shut(ctx context.Context, who []string) (time.Duration, error) {
	now := g.Clock.Now()
	failures, err := g.Accounts.Failures(ctx, who, now.Add(-memory))
	if err != nil {
		return 0, err
	}
	var wait time.Duration
	for i, f := range failures {
		free := freeUser
		if strings.HasPrefix(who[i], "address:") {
			free = freeSource
		}
		if f.N >= free {
			wait = max(wait, f.Last.Add(min(time.Second<<min(f.N-free, 20), longest)).Sub(now))
		}
	}
	return wait, nil
}

// begin makes a session: two tokens of 256 bits of which only hashes are kept,
// and what passwordHash must match.
func (g *Gateway) begin(ctx context.Context, a store.GatewayAccount, proof, address string) (*apiKey, error) {
	access, id := secret(), secret()
	now := g.Clock.Now()
	s := store.GatewaySession{Token: sha256.Sum256([]byte(access)), ID: sha256.Sum256([]byte(id)), Bound: bound(access, a.User, proof),
		Facility: a.Facility, User: a.User, Address: address, Roaming: a.Roaming, Expires: now.Add(g.cfg.Life)}
	if err := g.Accounts.Begin(ctx, s, now); err != nil {
		return nil, err
	}
	return &apiKey{access, id, "Bearer", a.User, s.Expires.UTC().Format("2006-01-02T15:04:05.0000000Z")}, nil
}

func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// bound is what a session keeps of the password's MD5, so that later calls are
// checked without the slow hash: an HMAC under the access token, of which the
// store has only a hash. Who reads the store can try no password on it.
func bound(access, user, proof string) [32]byte {
	m := hmac.New(sha256.New, []byte(access))
	m.Write([]byte("lienthong/gateway/v1\x00" + user + "\x00" + proof))
	return [32]byte(m.Sum(nil))
}

// presented is what a request shows of its session.
type presented struct{ access, id, proof, user string }

// session returns who makes a request, or why that cannot be said.
func (g *Gateway) session(r *http.Request, p presented) (Sender, error) {
	if p.access == "" || len(p.access) > longestToken || p.id == "" || len(p.id) > longestToken || len(p.proof) != 32 {
		return Sender{}, errSession
	}
	s, err := g.Accounts.Session(r.Context(), sha256.Sum256([]byte(p.access)), g.Clock.Now())
	if errors.Is(err, store.ErrAbsent) {
		return Sender{}, errSession
	} else if err != nil {
		return Sender{}, err
	}
	token := string(s.Token[:])
	if g.wrong.Empty(token, g.Clock.Now()) { // who found a token tries no passwords on it
		return Sender{}, errSession
	}
	id, proof := sha256.Sum256([]byte(p.id)), bound(p.access, s.User, strings.ToUpper(p.proof))
	if subtle.ConstantTimeCompare(id[:], s.ID[:])&subtle.ConstantTimeCompare(proof[:], s.Bound[:]) != 1 {
		g.wrong.Take(token, g.Clock.Now())
		return Sender{}, errSession
	}
	if p.user != "" && p.user != s.User {
		return Sender{}, errSession
	}
	if !s.Roaming && s.Address != addressOf(r) {
		return Sender{}, errAddress
	}
	return Sender{s.Facility, s.User, cmp.Or(r.Header.Get("Software"), r.UserAgent())}, nil
}

// byHeader is a session shown in headers, as submissions do.
func byHeader(r *http.Request) presented {
	return presented{access: r.Header.Get("accessToken"), id: r.Header.Get("tokenId"), proof: r.Header.Get("passwordHash")}
}

// paced takes one token of a name; without one the answer says when to come again.
func (g *Gateway) paced(w http.ResponseWriter, b *bucket.Buckets, name string) error {
	if wait := b.Take(name, g.Clock.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
		return errRate
	}
	return nil
}
