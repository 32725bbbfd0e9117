// Package simulator is a health book of citizens as VNeID would keep it. No
// public interface of it exists: the calls are this project's own proposal, the
// same for adapter and simulator. Entries come straight from a hub or from the
// insurer, who passes dossiers on; one episode of one facility is one entry
// however often and whichever way it comes, and is shown once.
//
// It was written without a look at the adapter that speaks to it. It talks to
// nobody real and is not for running a hub.
package simulator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
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
)

// TokenLife is how long a token is good.
const TokenLife = time.Hour

// mostBody is the longest body read: a passed-on file of 100 MB.
const mostBody = 110 << 20

// Codes (ma_loi) of refusals, each with its HTTP status.
const (
	BadRequest   = "SAI_CAU_TRUC"   // 400
	Unauthorised = "XAC_THUC"       // 401: no such login or token
	Expired      = "HET_HAN"        // 401: a token whose time is over
	Forbidden    = "KHONG_QUYEN"    // 403: another facility's entry
	BadData      = "SAI_DU_LIEU"    // 422: readable, but no entry of a person's episode
	Broken       = "LOI_HE_THONG"   // 500
	Busy         = "DANG_BAO_TRI"   // 503
	absent       = "KHONG_TIM_THAY" // 404
)

func statusOf(code string) int {
	return map[string]int{BadRequest: 400, Unauthorised: 401, Expired: 401, Forbidden: 403, absent: 404, BadData: 422, Broken: 500, Busy: 503}[code]
}

// Client may send entries.
type Client struct {
	ID         string   `json:"client_id"`
	Secret     string   `json:"client_secret"`
	Facilities []string `json:"facilities"` // none: all
}

// Config configures a Simulator; the zero value lets every client in.
type Config struct {
	Clock     clock.Clock
	Clients   []Client
	TokenLife time.Duration // default TokenLife
	Books     []Book        // that exist before the hub comes
	Keep      int64         // bytes of content kept, of the newest entries; default all
	Faults    faulty.Config // Codes, Answer and Spares are set here
	Journal   io.Writer     // of package tally
	Earlier   io.Reader     // journal of an earlier run, counted on; nil: none
}

// Simulator is the health book, an http.Handler.
type Simulator struct {
	c       Config
	book    *tally.Book
	handler http.Handler
	tokens  *ticket.Office[Client]

	mu     sync.Mutex
	shelf  shelf
	reused int // entries that found a book already there
}

// New returns a simulator with the books that exist already.
func New(c Config) (*Simulator, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.TokenLife == 0 {
		c.TokenLife = TokenLife
	}
	s := &Simulator{c: c, book: tally.New(tally.Config{Clock: c.Clock, Journal: c.Journal}), tokens: ticket.New[Client](c.Clock, c.TokenLife), shelf: newShelf(c.Keep)}
	if c.Earlier != nil {
		if err := s.book.Load(c.Earlier); err != nil {
			return nil, err
		}
	}
	for _, b := range c.Books {
		if b.Citizen == "" && b.Insurance == "" {
			return nil, errors.New("simulator: a book of nobody")
		}
		s.shelf.existing(b, c.Clock.Now())
	}
	s.counts()
	c.Faults.Codes = []string{BadRequest, Unauthorised, Expired, Forbidden, BadData, Broken, Busy}
	c.Faults.Spares = func(r *http.Request) bool { return r.URL.Path == "/api/token" }
	c.Faults.Answer = func(w http.ResponseWriter, r *http.Request, code string) {
		s.book.Answer(r.URL.Path, code)
		tally.WriteJSON(w, statusOf(code), refusal{code, "Lỗi giả lập"})
	}
	if c.Faults.Clock == nil {
		c.Faults.Clock = c.Clock
	}
	faults, err := faulty.New(c.Faults)
	if err != nil {
		return nil, err
	}
	services := http.NewServeMux()
	services.HandleFunc("POST /api/token", s.token)
	services.HandleFunc("POST /api/so-suc-khoe/muc", s.enter)
	services.HandleFunc("GET /api/so-suc-khoe/da-co", s.existing)
	services.HandleFunc("POST /api/lienthong/passed-on", s.passedOn)
	front := http.NewServeMux()
	front.Handle("/", tally.Front(services, faults, s.book))
	front.HandleFunc("GET /simulator/books/{number}", s.show)
	s.handler = front
	return s, nil
}

// ServeHTTP serves the health book and its counting door.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Counts returns what came and what is held, faults left out.
func (s *Simulator) Counts() tally.Counts { return s.book.Counts() }

// counts adds the numbers of books and ways to the counts.
func (s *Simulator) counts() {
	for name, number := range map[string]func(sh *shelf) int{
		"books":         func(sh *shelf) int { return len(sh.books) },
		"books_reused":  func(*shelf) int { return s.reused },
		"entries_shown": func(sh *shelf) int { return sh.count(func(e *entry) bool { return e.shown() != nil }) },
		"entries_by_both": func(sh *shelf) int {
			return sh.count(func(e *entry) bool { return e.direct != nil && e.insurer != nil })
		},
		"entries_direct":  func(sh *shelf) int { return sh.count(func(e *entry) bool { return e.direct != nil }) },
		"entries_insurer": func(sh *shelf) int { return sh.count(func(e *entry) bool { return e.insurer != nil }) },
	} {
		s.book.Also(name, func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return number(&s.shelf)
		})
	}
}

// refusal is the body of every answer that is no success.
type refusal struct {
	Code string `json:"ma_loi"`
	Text string `json:"thong_diep"`
}

func (s *Simulator) refuse(w http.ResponseWriter, r *http.Request, code, text string) {
	s.book.Answer(tally.Pattern(r.Pattern), code)
	tally.WriteJSON(w, statusOf(code), refusal{code, text})
}

func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, v any) {
	s.book.Answer(tally.Pattern(r.Pattern), "200")
	tally.WriteJSON(w, http.StatusOK, v)
}

// token is POST /api/token {client_id, client_secret}.
func (s *Simulator) token(w http.ResponseWriter, r *http.Request) {
	var c Client
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&c); err != nil {
		s.refuse(w, r, BadRequest, "Không đọc được yêu cầu")
		return
	}
	client := Client{ID: c.ID}
	if len(s.c.Clients) > 0 {
		i := slices.IndexFunc(s.c.Clients, func(x Client) bool {
			return x.ID == c.ID && subtle.ConstantTimeCompare([]byte(x.Secret), []byte(c.Secret)) == 1
		})
		if i < 0 {
			s.refuse(w, r, Unauthorised, "Sai tài khoản hoặc mật khẩu")
			return
		}
		client = s.c.Clients[i]
	} else if c.ID == "" || c.Secret == "" {
		s.refuse(w, r, Unauthorised, "Thiếu tài khoản hoặc mật khẩu")
		return
	}
	token, _ := s.tokens.Issue(client)
	s.answer(w, r, struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
		Ends  int    `json:"expires_in"` // seconds
	}{token, "Bearer", int(s.c.TokenLife.Seconds())})
}

// client returns who calls, or refuses.
func (s *Simulator) client(w http.ResponseWriter, r *http.Request) (Client, bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, known := s.tokens.Holder(token)
	switch known {
	case ticket.Unknown:
		s.refuse(w, r, Unauthorised, "Không rõ phiên làm việc")
	case ticket.Expired:
		s.refuse(w, r, Expired, "Phiên làm việc đã hết hạn")
	}
	return c, known == ticket.Valid
}

func (c Client) may(facility string) bool {
	return len(c.Facilities) == 0 || slices.Contains(c.Facilities, facility)
}

// enter is POST /api/so-suc-khoe/muc.
func (s *Simulator) enter(w http.ResponseWriter, r *http.Request) {
	client, ok := s.client(w, r)
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		s.refuse(w, r, BadRequest, "Không đọc được yêu cầu")
		return
	}
	e, err := ParseEntry(body)
	switch {
	case errors.Is(err, ErrUnreadable):
		s.refuse(w, r, BadRequest, "Không phải JSON của một mục sổ sức khỏe")
		return
	case err != nil:
		s.refuse(w, r, BadData, err.Error())
		return
	case !client.may(e.Facility):
		s.refuse(w, r, Forbidden, "Không có quyền với cơ sở này")
		return
	}
	sum := sha256.Sum256(body)
	result, err := s.put(r.Context(), e, tally.Entry{Route: Direct, Account: client.ID, SHA256: hex.EncodeToString(sum[:]), Size: len(body)})
	if err != nil {
		s.refuse(w, r, Broken, "Không ghi được")
		return
	}
	s.answer(w, r, result)
}

// PassedOn takes a dossier file from the insurer: Config.PassOn of its simulator.
// An error is ErrUnreadable or ErrData, which time does not mend, or the journal's.
func (s *Simulator) PassedOn(ctx context.Context, facility string, doc []byte) error {
	entries, err := FromDossiers(doc)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(doc)
	for _, e := range entries {
		if e.Facility != facility {
			return ErrData
		}
	}
	for _, e := range entries {
		if _, err := s.put(ctx, e, tally.Entry{Route: Insurer, Account: "insurer", SHA256: hex.EncodeToString(sum[:]), Size: len(doc)}); err != nil {
			return err
		}
	}
	return nil
}

// passedOn is POST /api/lienthong/passed-on: header Facility, a dossier file as
// the body; between the insurer's and this simulator only, without a log-in.
func (s *Simulator) passedOn(w http.ResponseWriter, r *http.Request) {
	doc, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		s.refuse(w, r, BadRequest, "Không đọc được yêu cầu")
		return
	}
	switch err := s.PassedOn(r.Context(), r.Header.Get("Facility"), doc); {
	case errors.Is(err, ErrUnreadable):
		s.refuse(w, r, BadRequest, "Không đọc được hồ sơ")
	case errors.Is(err, ErrData):
		s.refuse(w, r, BadData, "Hồ sơ không nêu người bệnh, hoặc của cơ sở khác")
	case err != nil:
		s.refuse(w, r, Broken, "Không ghi được")
	default:
		s.answer(w, r, struct {
			OK bool `json:"nhan"`
		}{true})
	}
}

// existing is GET /api/so-suc-khoe/da-co?facility=&since=&limit=: books that
// exist, changed ones again. next is the since of the next call.
func (s *Simulator) existing(w http.ResponseWriter, r *http.Request) {
	client, ok := s.client(w, r)
	if !ok {
		return
	}
	q := r.URL.Query()
	since, err := strconv.Atoi(cmp.Or(q.Get("since"), "0"))
	limit, err2 := strconv.Atoi(cmp.Or(q.Get("limit"), "500"))
	if err != nil || err2 != nil || limit < 1 {
		s.refuse(w, r, BadRequest, "Sai tham số")
		return
	}
	if f := q.Get("facility"); f != "" && !client.may(f) {
		s.refuse(w, r, Forbidden, "Không có quyền với cơ sở này")
		return
	}
	s.mu.Lock()
	items, next := s.shelf.list(q.Get("facility"), since, min(limit, 1000))
	s.mu.Unlock()
	s.answer(w, r, struct {
		Items []Book `json:"items"`
		Next  string `json:"next"`
	}{items, strconv.Itoa(next)})
}

// show is GET /simulator/books/{number}: a book as its citizen sees it, by its
// own, the citizen's or the insurance number. It is a door for tests: facilities
// cannot pull from VNeID.
func (s *Simulator) show(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	page, ok := s.shelf.show(r.PathValue("number"))
	if !ok {
		tally.WriteJSON(w, http.StatusNotFound, refusal{absent, "Không có sổ này"})
		return
	}
	tally.WriteJSON(w, http.StatusOK, page)
}
