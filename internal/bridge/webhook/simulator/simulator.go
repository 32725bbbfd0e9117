// Package simulator is somebody's receiver of webhooks: it checks the signature
// of each delivery, refuses old and unsigned ones, takes the same message twice
// without minding, and counts.
//
// Signatures are those of Standard Webhooks (headers webhook-id,
// webhook-timestamp, webhook-signature "v1,BASE64" of HMAC-SHA256 over
// "id.timestamp.body") unless Config.Check says otherwise. It was written
// without a look at the sender and is not for running a hub.
package simulator

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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
	"lienthong/internal/clock"
)

// Tolerance is how far a delivery's time may be from now.
const Tolerance = 5 * time.Minute

const mostBody = 16 << 20

// Codes counted: HTTP statuses, and 200 once more for what came before.
const (
	Taken        = "200"
	Repeated     = "repeated" // a 200
	BadRequest   = "400"
	BadSignature = "401"
	Broken       = "500"
)

// Errors of Check.
var (
	ErrSignature = errors.New("simulator: no good signature")
	ErrTime      = errors.New("simulator: too far from now")
)

// Config configures a Simulator. Secret or Check must be there.
type Config struct {
	Clock  clock.Clock
	Secret []byte // of the signatures
	// Check checks a delivery instead: it returns its id, or ErrSignature.
	Check   func(r *http.Request, body []byte) (id string, err error)
	Faults  faulty.Config // Codes, Answer and Spares are set here
	Journal io.Writer     // of package tally
	Earlier io.Reader     // journal of an earlier run, counted on; nil: none
}

// Simulator is the receiver, an http.Handler.
type Simulator struct {
	c       Config
	book    *tally.Book
	handler http.Handler

	mu   sync.Mutex
	seen map[string]string // digest by id
}

// New returns a receiver that has got nothing.
func New(c Config) (*Simulator, error) {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Check == nil {
		if len(c.Secret) == 0 {
			return nil, errors.New("simulator: neither Config.Secret nor Config.Check")
		}
		c.Check = func(r *http.Request, body []byte) (string, error) {
			return Check(c.Secret, c.Clock.Now(), r.Header, body)
		}
	}
	s := &Simulator{c: c, book: tally.New(tally.Config{Clock: c.Clock, Journal: c.Journal}), seen: map[string]string{}}
	if c.Earlier != nil {
		if err := s.book.Load(c.Earlier); err != nil {
			return nil, err
		}
		for _, e := range s.book.Entries(tally.Select{}) {
			s.seen[e.Reference] = e.SHA256
		}
	}
	c.Faults.Codes = []string{BadRequest, BadSignature, Broken}
	c.Faults.Answer = func(w http.ResponseWriter, _ *http.Request, code string) {
		s.answer(w, code)
	}
	if c.Faults.Clock == nil {
		c.Faults.Clock = c.Clock
	}
	faults, err := faulty.New(c.Faults)
	if err != nil {
		return nil, err
	}
	m := http.NewServeMux()
	m.HandleFunc("POST /", s.take)
	s.handler = tally.Front(m, faults, s.book)
	return s, nil
}

// ServeHTTP takes deliveries at every path, and serves the counting door.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Counts returns what came and what is held, faults left out.
func (s *Simulator) Counts() tally.Counts { return s.book.Counts() }

func (s *Simulator) answer(w http.ResponseWriter, code string) {
	s.book.Answer("/", code)
	status, err := strconv.Atoi(code)
	if err != nil {
		status = http.StatusOK
	}
	tally.WriteJSON(w, status, map[string]string{"code": code})
}

// take takes a delivery: 400 for a body that is no JSON object, 401 for a
// signature that is not good or a time too far off, 400 for an id that was used
// for something else, 500 when it cannot be written down, else 200.
func (s *Simulator) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		s.answer(w, BadRequest)
		return
	}
	id, err := s.c.Check(r, body)
	if err != nil {
		s.answer(w, BadSignature)
		return
	}
	facility, episode, err := Subject(body)
	if err != nil || id == "" {
		s.answer(w, BadRequest)
		return
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	switch had := s.seen[id]; {
	case had == digest:
		s.answer(w, Repeated)
		return
	case had != "":
		s.answer(w, BadRequest)
		return
	}
	if episode == "" {
		episode = id
	}
	if !faulty.Forgets(r.Context()) {
		if _, err := s.book.Record(tally.Entry{Kind: "delivery", Facility: facility, Episode: episode, SHA256: digest, Size: len(body),
			Route: r.URL.Path, Code: Taken, Reference: id}); err != nil {
			s.answer(w, Broken)
			return
		}
		s.seen[id] = digest
	}
	s.answer(w, Taken)
}

// Check checks the signature of Standard Webhooks: one of the header's v1
// signatures must be that of the secret, and the time near. It returns the
// message's id, ErrSignature or ErrTime.
func Check(secret []byte, now time.Time, h http.Header, body []byte) (id string, err error) {
	id, stamp := h.Get("webhook-id"), h.Get("webhook-timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || err != nil {
		return "", ErrSignature
	}
	if d := now.Sub(time.Unix(at, 0)); d > Tolerance || d < -Tolerance {
		return "", ErrTime
	}
	want := Sign(secret, id, stamp, body)
	if !slices.ContainsFunc(strings.Fields(h.Get("webhook-signature")), func(s string) bool { return hmac.Equal([]byte(s), []byte(want)) }) {
		return "", ErrSignature
	}
	return id, nil
}

// Sign returns "v1,BASE64" for a message.
func Sign(secret []byte, id, stamp string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	_, _ = io.WriteString(m, id+"."+stamp+".")
	_, _ = m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// Subject finds the facility and the episode that a delivery is about, wherever
// they stand in its JSON: members "facility" and "episode", "ma_lk" or "record".
// Without them both are empty. The error says it is no JSON object.
func Subject(body []byte) (facility, episode string, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var v map[string]any
	if err := d.Decode(&v); err != nil || v == nil {
		return "", "", errors.New("simulator: no JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", "", errors.New("simulator: more than one document")
	}
	for _, level := range []map[string]any{v, sub(v, "data"), sub(sub(v, "data"), "record")} {
		facility = first(facility, level, "facility")
		for _, name := range []string{"episode", "ma_lk", "record"} {
			episode = first(episode, level, name)
		}
	}
	return facility, episode, nil
}

func sub(v map[string]any, name string) map[string]any {
	m, _ := v[name].(map[string]any)
	return m
}

func first(had string, v map[string]any, name string) string {
	if had != "" {
		return had
	}
	s, _ := v[name].(string)
	return s
}
