// Package simulator is the social insurance gateway as public documents and
// clients describe it (shared domain notes §2.1): tokens, dossiers, check-ins,
// card and history, co-payment. It really opens what it is sent, checks the
// facility's signature where it knows the certificate, holds one state for each
// episode and hands on to a health book what it is configured to.
//
// It was written from these notes alone, without a look at the adapter that
// speaks to it. Where they are silent it says so (doc/guide/simulators.md). It
// talks to nobody real, proves nothing and is not for running a hub.
package simulator

import (
	"context"
	"crypto/md5" // the form in which the gateway wants passwords
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/ticket"
	"lienthong/internal/clock"
	"lienthong/internal/seal"
)

// TokenLife is how long a token is good.
const TokenLife = 10 * time.Minute

// MostBody is the longest request body read: 100 MB of file, as base64 in JSON.
const MostBody = 140 << 20

// Answer codes (maKetQua) of everything but the card look-up.
const (
	OK           = "200"
	BadSignature = "125" // "Ký sai, file gốc có thể đã bị chỉnh sửa"
	BadParameter = "205"
	Unauthorised = "401"
	Forbidden    = "403"
	Broken       = "500"
)

// Account may use the gateway.
type Account struct {
	User         string   `json:"user"`
	PasswordHash string   `json:"password_hash"` // MD5 in upper-case hex
	Facilities   []string `json:"facilities"`    // it may send for and ask about; none: all
}

// PasswordHash returns the form in which the gateway is told a password.
func PasswordHash(password string) string {
	sum := md5.Sum([]byte(password))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Verdict is what the insurer's assessment says of a file it holds.
type Verdict struct {
	State   string `json:"state"` // accepted, rejected or pending
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Config configures a Simulator; the zero value takes every user, with whatever
// password it comes with first.
type Config struct {
	Clock        clock.Clock
	Accounts     []Account
	Certificates map[string][]*x509.Certificate // by facility: whose seals are checked
	PerFile      int                            // HOSO a file may hold; default 1
	TokenLife    time.Duration                  // default TokenLife
	Cards        []Card                         // default SyntheticCards
	Judge        func(file Held) Verdict        // what is said at once; default accepted
	Keep         int64                          // bytes of files kept, compressed, the newest; default all
	// PassOn hands a dossier's bytes on to the health book, as the real gateway
	// does; what it refuses is kept and tried again (Simulator.PassOn). Nil: not.
	PassOn  func(ctx context.Context, facility string, doc []byte) error
	Faults  faulty.Config // Codes, Answer and Spares are set here
	Journal io.Writer     // of package tally
	Earlier io.Reader     // journal of an earlier run, counted on; nil: none
}

// Simulator is the gateway, an http.Handler.
type Simulator struct {
	c        Config
	book     *tally.Book
	handler  http.Handler
	tokens   *ticket.Office[session]
	verifier *seal.Verifier

	mu      sync.Mutex
	joined  map[string]string // password hashes of users taken as they came
	held    holdings
	checks  map[string][]check // look-ups made, by card
	waiting []passing
	passed  int
	passing sync.Mutex // one at a time, in order
}

// session is whom a token was given to.
type session struct {
	account Account
	id, ip  string
}

// New returns a gateway that holds nothing.
func New(c Config) (*Simulator, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.PerFile == 0 {
		c.PerFile = 1
	}
	if c.TokenLife == 0 {
		c.TokenLife = TokenLife
	}
	if c.Cards == nil {
		c.Cards = SyntheticCards()
	}
	if c.Judge == nil {
		c.Judge = func(Held) Verdict { return Verdict{"accepted", OK, "Chấp nhận"} }
	}
	s := &Simulator{c: c, book: tally.New(tally.Config{Clock: c.Clock, Journal: c.Journal}),
		tokens: ticket.New[session](c.Clock, c.TokenLife), joined: map[string]string{}, checks: map[string][]check{}}
	if c.Earlier != nil {
		if err := s.book.Load(c.Earlier); err != nil {
			return nil, err
		}
	}
	s.book.Also("passed_on", func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.passed })
	s.book.Also("waiting_to_pass_on", func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) })
	var err error
	if s.verifier, err = seal.NewVerifier(seal.Config{}); err != nil {
		return nil, err
	}
	if s.held, err = newHoldings(c.Keep); err != nil {
		return nil, err
	}
	c.Faults.Codes = []string{BadSignature, BadParameter, Unauthorised, Forbidden, Broken}
	c.Faults.Spares = func(r *http.Request) bool { return r.URL.Path == pathTake }
	c.Faults.Answer = s.fail
	if c.Faults.Clock == nil {
		c.Faults.Clock = c.Clock
	}
	faults, err := faulty.New(c.Faults)
	if err != nil {
		return nil, err
	}
	front := http.NewServeMux()
	front.Handle("/", tally.Front(s.routes(), faults, s.book))
	front.HandleFunc("PUT /simulator/verdicts", s.judge)
	s.handler = front
	return s, nil
}

// Paths of the gateway.
const (
	pathTake = "/api/token/take"
	pathCard = "/api/egw/KQNhanLichSuKCB2024"
	pathPaid = "/api/TraCuuCCT/TraCuuTienMCCT"
	pathHeld = "/api/lienthong/holdings"
)

func (s *Simulator) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("POST "+pathTake, s.take)
	for _, path := range []string{"/api/qd130/guiHoSoXmlQD4750", "/api/qd130/guiHoSoXmlQD3176"} {
		m.HandleFunc("POST "+path, s.submit("130", "dossier"))
	}
	for _, path := range []string{"/api/qd130/checkInKcbQd4750", "/api/qd130/checkInKcbQd3176"} {
		m.HandleFunc("POST "+path, s.submit("0", "checkin"))
	}
	m.HandleFunc("POST "+pathCard, s.card)
	m.HandleFunc("POST "+pathPaid, s.paid)
	m.HandleFunc("GET "+pathHeld, s.list)
	m.HandleFunc("GET "+pathHeld+"/{digest}", s.bytes)
	return m
}

// ServeHTTP serves the gateway and its counting door.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Counts returns what came and what is held, faults left out.
func (s *Simulator) Counts() tally.Counts { return s.book.Counts() }

// Records returns what was recorded.
func (s *Simulator) Records(of tally.Select) []tally.Entry { return s.book.Entries(of) }

// answer counts a code and answers with HTTP 200, as the gateway does whatever
// the code.
func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, code string, v any) {
	s.book.Answer(tally.Pattern(r.Pattern), code)
	tally.WriteJSON(w, http.StatusOK, v)
}

// result is the answer that says only how it went.
type result struct {
	MaKetQua         string `json:"maKetQua"`
	MaGiaoDich       string `json:"maGiaoDich"`
	ThoiGianTiepNhan string `json:"thoiGianTiepNhan"`
	ThongDiep        string `json:"thongDiep"`
}

func (s *Simulator) stamp() string { return s.c.Clock.Now().In(clock.Hanoi).Format("20060102150405") }

func (s *Simulator) refuse(w http.ResponseWriter, r *http.Request, code string) {
	s.answer(w, r, code, result{MaKetQua: code, ThoiGianTiepNhan: s.stamp(), ThongDiep: sentence(code)})
}

func sentence(code string) string {
	switch code {
	case OK:
		return "Tiếp nhận hồ sơ thành công"
	case BadSignature:
		return "Ký sai, file gốc có thể đã bị chỉnh sửa"
	case BadParameter:
		return "Sai định dạng tham số hoặc cấu trúc tệp"
	case Unauthorised:
		return "Lỗi xác thực tài khoản hoặc phiên làm việc"
	case Forbidden:
		return "Tài khoản không có quyền với cơ sở này"
	}
	return "Lỗi hệ thống"
}

// fail answers with a simulated code. A simulated 401 ends the session too, as
// if it had expired.
func (s *Simulator) fail(w http.ResponseWriter, r *http.Request, code string) {
	if code == Unauthorised {
		s.tokens.Revoke(r.Header.Get("accessToken"))
		s.tokens.Revoke(r.URL.Query().Get("token"))
	}
	if strings.HasPrefix(r.URL.Path, pathHeld) { // which answers with HTTP statuses
		n, _ := strconv.Atoi(code)
		s.status(w, r, max(n, http.StatusBadRequest))
		return
	}
	s.book.Answer(r.URL.Path, code)
	tally.WriteJSON(w, http.StatusOK, result{MaKetQua: code, ThoiGianTiepNhan: s.stamp(), ThongDiep: sentence(code) + " (giả lập)"})
}

// take is POST /api/token/take: form or JSON username and password, the password
// as MD5 in hex.
func (s *Simulator) take(w http.ResponseWriter, r *http.Request) {
	fields, err := fieldsOf(w, r, 64<<10)
	if err != nil {
		s.refuse(w, r, BadParameter)
		return
	}
	account, ok := s.account(fields["username"], fields["password"])
	if !ok {
		s.refuse(w, r, Unauthorised)
		return
	}
	who := session{account: account, id: ticket.Random(), ip: callerIP(r)}
	token, end := s.tokens.Issue(who)
	type key struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
		TokenType   string `json:"token_type"`
		Username    string `json:"username"`
		ExpiresIn   string `json:"expires_in"` // a moment, not a number: clients read it as a date
	}
	s.answer(w, r, OK, struct {
		MaKetQua string `json:"maKetQua"`
		APIKey   key    `json:"APIKey"`
	}{OK, key{token, who.id, "Bearer", account.User, end.UTC().Format(time.RFC3339Nano)}})
}

// account finds who logs in. Without accounts everybody is let in, and has to
// come with the same password from then on.
func (s *Simulator) account(user, hash string) (Account, bool) {
	hash = strings.ToUpper(hash)
	if raw, err := hex.DecodeString(hash); err != nil || len(raw) != md5.Size || user == "" {
		return Account{}, false
	}
	if len(s.c.Accounts) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		if had, ok := s.joined[user]; ok && had != hash {
			return Account{}, false
		}
		s.joined[user] = hash
		return Account{User: user, PasswordHash: hash}, true
	}
	i := slices.IndexFunc(s.c.Accounts, func(a Account) bool { return a.User == user })
	if i < 0 || subtle.ConstantTimeCompare([]byte(strings.ToUpper(s.c.Accounts[i].PasswordHash)), []byte(hash)) != 1 {
		return Account{}, false
	}
	return s.c.Accounts[i], true
}

// callerIP is the address a token is bound to.
func callerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// credentials are what every call but the log-in comes with.
type credentials struct{ token, id, user, hash string }

// byHeader reads accessToken, tokenId and passwordHash; the user is in the body
// of submissions and may be missing elsewhere.
func byHeader(r *http.Request, user string) credentials {
	return credentials{r.Header.Get("accessToken"), r.Header.Get("tokenId"), user, r.Header.Get("passwordHash")}
}

// session returns who calls. A token is good for its time, from the address it
// was given to, together with its id, its user and the password hash.
func (s *Simulator) session(r *http.Request, c credentials) (Account, bool) {
	who, known := s.tokens.Holder(c.token)
	ok := known == ticket.Valid && who.ip == callerIP(r) && who.id == c.id &&
		strings.EqualFold(who.account.PasswordHash, c.hash) && (c.user == "" || c.user == who.account.User)
	return who.account, ok
}

func (a Account) may(facility string) bool {
	return len(a.Facilities) == 0 || slices.Contains(a.Facilities, facility)
}
