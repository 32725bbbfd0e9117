// Package simulator is the ministry's data axis as public documents describe it
// (QĐ 1551/2026 annex 2, QĐ 2062/2026; shared domain notes §2.2): a log-in, one
// push with a signed header, a signed answer.
//
// It was written from these notes alone, without a look at the adapter that
// speaks to it; where they are silent doc/guide/simulators.md says so. It talks
// to nobody real and is not for running a hub.
package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"slices"
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
const TokenLife = 6000 * time.Second

// mostBody is the longest push read: 100 MB as base64 in JSON.
const mostBody = 140 << 20

// Answer codes (res_code).
const (
	Success          = "CM_SUCCESS"
	InvalidRequest   = "CM_INVALID_REQUEST"
	SystemError      = "CM_SYSTEM_ERROR"
	AuthPermission   = "CM_AUTH_PERMISSION"
	AuthExpired      = "CM_AUTH_EXPIRED"
	SignatureInvalid = "PS_SIGNATURE_INVALID"       // of the message
	SealInvalid      = "PS_DS_CA_SIGNATURE_INVALID" // of the document in it
)

// Sender is who may push.
type Sender struct {
	GLN          string // 13 digits
	User         string // of the log-in
	Password     string
	Role         string              // facility or department; default facility
	Key          *rsa.PublicKey      // the header's signature is checked with it; nil: not checked
	Certificates []*x509.Certificate // one of them must have sealed an XML document; none: not checked
}

// Config configures a Simulator; the zero value lets everybody in and checks no
// signature.
type Config struct {
	Clock     clock.Clock
	Senders   []Sender
	TokenLife time.Duration   // default TokenLife
	Key       *rsa.PrivateKey // signs answers; default one made here, of 2048 bits
	Faults    faulty.Config   // Codes, Answer and Spares are set here
	Journal   io.Writer       // of package tally
	Earlier   io.Reader       // journal of an earlier run, counted on; nil: none
}

// Simulator is the axis, an http.Handler.
type Simulator struct {
	c        Config
	book     *tally.Book
	handler  http.Handler
	tokens   *ticket.Office[Sender]
	verifier *seal.Verifier

	mu       sync.Mutex
	messages map[string]string // digest of what came under a msg_id
	repeated int
}

// New returns an axis that holds nothing.
func New(c Config) (*Simulator, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.TokenLife == 0 {
		c.TokenLife = TokenLife
	}
	var err error
	if c.Key == nil {
		if c.Key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, err
		}
	}
	s := &Simulator{c: c, book: tally.New(tally.Config{Clock: c.Clock, Journal: c.Journal}), tokens: ticket.New[Sender](c.Clock, c.TokenLife), messages: map[string]string{}}
	if c.Earlier != nil {
		if err := s.book.Load(c.Earlier); err != nil {
			return nil, err
		}
	}
	s.book.Also("messages_repeated", func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.repeated })
	if s.verifier, err = seal.NewVerifier(seal.Config{}); err != nil {
		return nil, err
	}
	c.Faults.Codes = []string{InvalidRequest, SystemError, AuthPermission, AuthExpired, SignatureInvalid, SealInvalid}
	c.Faults.Spares = func(r *http.Request) bool { return r.URL.Path == "/api/auth/login" }
	c.Faults.Answer = func(w http.ResponseWriter, r *http.Request, code string) {
		s.book.Answer(r.URL.Path, code)
		s.reply(w, Header{}, code, "giả lập")
	}
	if c.Faults.Clock == nil {
		c.Faults.Clock = c.Clock
	}
	faults, err := faulty.New(c.Faults)
	if err != nil {
		return nil, err
	}
	m := http.NewServeMux()
	m.HandleFunc("POST /api/auth/login", s.login)
	m.HandleFunc("POST /api/platform/data-sync/push", s.push)
	front := http.NewServeMux()
	front.Handle("/", tally.Front(m, faults, s.book))
	front.HandleFunc("GET /simulator/key", s.key)
	s.handler = front
	return s, nil
}

// ServeHTTP serves the axis and its counting door; GET /simulator/key is the key
// of its answers.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Counts returns what came and what is held, faults left out.
func (s *Simulator) Counts() tally.Counts { return s.book.Counts() }

// PublicKey is the key that answers are signed with.
func (s *Simulator) PublicKey() *rsa.PublicKey { return &s.c.Key.PublicKey }

// key answers with the public key as PEM.
func (s *Simulator) key(w http.ResponseWriter, _ *http.Request) {
	der, err := x509.MarshalPKIXPublicKey(s.PublicKey())
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// login is POST /api/auth/login {username, password} → {token, refresh_token,
// duration in seconds, role}; else 401 with res_code.
func (s *Simulator) login(w http.ResponseWriter, r *http.Request) {
	var c struct{ Username, Password string }
	who := Sender{Role: "facility"}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&c)
	if err == nil {
		who, err = s.sender(c.Username, c.Password)
	}
	if err != nil {
		s.book.Answer("/api/auth/login", AuthPermission)
		tally.WriteJSON(w, http.StatusUnauthorized, map[string]string{"res_code": AuthPermission, "res_message": "Sai tài khoản hoặc mật khẩu"})
		return
	}
	token, _ := s.tokens.Issue(who)
	s.book.Answer("/api/auth/login", Success)
	tally.WriteJSON(w, http.StatusOK, struct {
		Token    string `json:"token"`
		Refresh  string `json:"refresh_token"`
		Duration int    `json:"duration"`
		Role     string `json:"role"`
	}{token, ticket.Random(), int(s.c.TokenLife.Seconds()), who.Role})
}

var errLogin = errors.New("simulator: no such log-in")

func (s *Simulator) sender(user, password string) (Sender, error) {
	if user == "" || password == "" {
		return Sender{}, errLogin
	}
	if len(s.c.Senders) == 0 {
		return Sender{User: user, Role: "facility"}, nil
	}
	i := slices.IndexFunc(s.c.Senders, func(x Sender) bool {
		return x.User == user && subtle.ConstantTimeCompare([]byte(x.Password), []byte(password)) == 1
	})
	if i < 0 {
		return Sender{}, errLogin
	}
	who := s.c.Senders[i]
	if who.Role == "" {
		who.Role = "facility"
	}
	return who, nil
}

// caller returns who pushes, or the code it is refused with.
func (s *Simulator) caller(r *http.Request) (Sender, string) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	who, known := s.tokens.Holder(token)
	switch {
	case ok && known == ticket.Valid:
		return who, ""
	case ok && known == ticket.Expired:
		return who, AuthExpired
	}
	return who, AuthPermission
}
