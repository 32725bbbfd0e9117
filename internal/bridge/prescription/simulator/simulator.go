// Package simulator is the national e-prescription system as public documents
// and clients describe it (shared domain notes §2.4): log-ins of facilities and
// doctors, prescriptions that never change once sent, and the pharmacy's side.
//
// It was written from these notes alone, without a look at the adapter that
// speaks to it; where they are silent doc/guide/simulators.md says so. It talks
// to nobody real and is not for running a hub.
package simulator

import (
	"crypto/subtle"
	"encoding/json"
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
)

// TokenLife is how long a token is good.
const TokenLife = 24 * time.Hour

// Valid is how long a prescription can be dispensed (Circular 26/2025).
const Valid = 5 * 24 * time.Hour

const mostBody = 1 << 20

// Codes of answers: the HTTP status, but for the one refusal that says the
// prescription is there.
const (
	OK           = "200"
	BadRequest   = "400"
	Unauthorised = "401"
	Forbidden    = "403"
	Absent       = "404"
	Refused      = "422"
	Exists       = "DA_TON_TAI" // a 422: this code was sent before and nothing can change it
	Broken       = "500"
)

// Login is an account of a facility, a doctor or a pharmacy's program.
type Login struct {
	Name     string `json:"name"` // ma_lien_thong_..., or app-name
	Password string `json:"password"`
	Facility string `json:"facility"` // 5 characters: whose prescription codes it may send; "": any
}

// Config configures a Simulator; the zero value lets everybody in.
type Config struct {
	Clock      clock.Clock
	Logins     []Login       // of facilities and doctors; none: any with a password
	Pharmacies []Login       // app-name and app-key; none: any with a key
	TokenLife  time.Duration // default TokenLife
	Faults     faulty.Config // Codes, Answer and Spares are set here
	Journal    io.Writer     // of package tally
	Earlier    io.Reader     // journal of an earlier run, counted on; nil: none
}

// Simulator is the prescription system, an http.Handler.
type Simulator struct {
	c       Config
	book    *tally.Book
	handler http.Handler
	tokens  *ticket.Office[Login]

	mu      sync.Mutex
	held    map[string]*held // by code, in lower case
	doctors map[string]bool  // facility|doctor
}

// held is a prescription that was sent.
type held struct {
	body      json.RawMessage
	sent      time.Time
	amounts   map[string]float64 // by ma_thuoc
	dispensed map[string]float64
}

// New returns a system without prescriptions.
func New(c Config) (*Simulator, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.TokenLife == 0 {
		c.TokenLife = TokenLife
	}
	s := &Simulator{c: c, book: tally.New(tally.Config{Clock: c.Clock, Journal: c.Journal}), tokens: ticket.New[Login](c.Clock, c.TokenLife),
		held: map[string]*held{}, doctors: map[string]bool{}}
	if c.Earlier != nil {
		if err := s.book.Load(c.Earlier); err != nil {
			return nil, err
		}
	}
	c.Faults.Codes = []string{BadRequest, Unauthorised, Forbidden, Absent, Refused, Exists, Broken}
	c.Faults.Spares = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/auth/") }
	c.Faults.Answer = func(w http.ResponseWriter, r *http.Request, code string) {
		s.book.Answer(r.URL.Path, code)
		writeRefusal(w, code, problem{"", code, "Lỗi giả lập"})
	}
	if c.Faults.Clock == nil {
		c.Faults.Clock = c.Clock
	}
	faults, err := faulty.New(c.Faults)
	if err != nil {
		return nil, err
	}
	m := http.NewServeMux()
	m.HandleFunc("POST /api/auth/dang-nhap-co-so-kham-chua-benh", s.login("ma_lien_thong_co_so_kham_chua_benh"))
	m.HandleFunc("POST /api/auth/dang-nhap-bac-si", s.login("ma_lien_thong_bac_si"))
	m.HandleFunc("POST /api/v1/them-bac-si", s.doctor(true))
	m.HandleFunc("POST /api/v1/xoa-bac-si", s.doctor(false))
	m.HandleFunc("POST /api/v1/gui-don-thuoc", s.send)
	m.HandleFunc("GET /api/v1/thong-tin-don-thuoc/{ma}", s.tell)
	m.HandleFunc("POST /api/v1/cap-nhat-don-thuoc", s.dispense)
	s.handler = tally.Front(m, faults, s.book)
	return s, nil
}

// ServeHTTP serves the system and its counting door.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Counts returns what came and what is held, faults left out.
func (s *Simulator) Counts() tally.Counts { return s.book.Counts() }

// problem is an item of danh_sach_cac_loi.
type problem struct {
	Field string `json:"truong"`
	Code  string `json:"ma_loi"`
	Text  string `json:"thong_bao"`
}

// outcome is the body of an answer. success is a sentence, not a flag: clients
// look for "thành công" in it.
type outcome struct {
	Success  string    `json:"success"`
	Problems []problem `json:"danh_sach_cac_loi,omitempty"`
	Token    string    `json:"token,omitempty"`
	Type     string    `json:"token_type,omitempty"`
	Ends     int       `json:"expires_in,omitempty"`
}

func (s *Simulator) done(w http.ResponseWriter, r *http.Request, o outcome) {
	s.book.Answer(tally.Pattern(r.Pattern), OK)
	tally.WriteJSON(w, http.StatusOK, o)
}

func (s *Simulator) refuse(w http.ResponseWriter, r *http.Request, code string, problems ...problem) {
	s.book.Answer(tally.Pattern(r.Pattern), code)
	writeRefusal(w, code, problems...)
}

func writeRefusal(w http.ResponseWriter, code string, problems ...problem) {
	status, text := http.StatusUnprocessableEntity, "Đơn thuốc không hợp lệ"
	switch code {
	case BadRequest:
		status, text = 400, "Không đọc được yêu cầu"
	case Unauthorised:
		status, text = 401, "Chưa đăng nhập hoặc phiên làm việc đã hết hạn"
	case Forbidden:
		status, text = 403, "Không có quyền với cơ sở này"
	case Absent:
		status, text = 404, "Không tìm thấy đơn thuốc"
	case Exists:
		text = "Mã đơn thuốc đã được gửi trước đó"
	case Broken:
		status, text = 500, "Lỗi hệ thống"
	}
	tally.WriteJSON(w, status, outcome{Success: text, Problems: problems})
}

// body reads a request's body, or refuses it.
func (s *Simulator) body(w http.ResponseWriter, r *http.Request, into any) ([]byte, bool) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		s.refuse(w, r, BadRequest)
	}
	return raw, err == nil
}

// login is POST /api/auth/dang-nhap-...: {<name>, password} → {token, token_type,
// expires_in}.
func (s *Simulator) login(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var fields map[string]any
		if _, ok := s.body(w, r, &fields); !ok {
			return
		}
		text := func(name string) string { v, _ := fields[name].(string); return v }
		who, ok := known(s.c.Logins, text(name), text("password"))
		if !ok {
			s.refuse(w, r, Unauthorised)
			return
		}
		token, _ := s.tokens.Issue(who)
		s.done(w, r, outcome{Success: "Đăng nhập thành công", Token: token, Type: "Bearer", Ends: int(s.c.TokenLife.Seconds())})
	}
}

func known(logins []Login, name, password string) (Login, bool) {
	if name == "" || password == "" {
		return Login{}, false
	}
	if len(logins) == 0 {
		return Login{Name: name}, true
	}
	i := slices.IndexFunc(logins, func(l Login) bool {
		return l.Name == name && subtle.ConstantTimeCompare([]byte(l.Password), []byte(password)) == 1
	})
	if i < 0 {
		return Login{}, false
	}
	return logins[i], true
}

// who returns who calls by token, or refuses.
func (s *Simulator) who(w http.ResponseWriter, r *http.Request) (Login, bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	l, state := s.tokens.Holder(token)
	if state != ticket.Valid {
		s.refuse(w, r, Unauthorised)
		return l, false
	}
	return l, true
}

// pharmacy tells who calls by app-name and app-key, or refuses.
func (s *Simulator) pharmacy(w http.ResponseWriter, r *http.Request) (Login, bool) {
	l, ok := known(s.c.Pharmacies, r.Header.Get("app-name"), r.Header.Get("app-key"))
	if !ok {
		s.refuse(w, r, Unauthorised)
	}
	return l, ok
}

// doctor adds or takes away a doctor of the facility that is logged in.
func (s *Simulator) doctor(add bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.who(w, r)
		if !ok {
			return
		}
		var fields struct {
			Doctor string `json:"ma_lien_thong_bac_si"`
		}
		if _, ok := s.body(w, r, &fields); !ok {
			return
		}
		key := who.Name + "|" + fields.Doctor
		s.mu.Lock()
		had := s.doctors[key]
		switch {
		case fields.Doctor == "", !add && !had:
			s.mu.Unlock()
			s.refuse(w, r, Refused, problem{"ma_lien_thong_bac_si", "KHONG_HOP_LE", "Không rõ bác sĩ"})
			return
		case add:
			s.doctors[key] = true
		default:
			delete(s.doctors, key)
		}
		s.mu.Unlock()
		s.done(w, r, outcome{Success: map[bool]string{true: "Thêm bác sĩ thành công", false: "Xóa bác sĩ thành công"}[add]})
	}
}
