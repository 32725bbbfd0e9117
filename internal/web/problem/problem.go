// Package problem turns errors into HTTP answers: the one place where the kind
// of a fault becomes a status (RFC 9457). A person reads the sentence, a program
// the code; the cause goes to the log and nowhere else.
package problem

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/fault"
)

// Status returns the HTTP status of a fault.
func Status(f *fault.Error) int {
	switch f.Kind {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Withheld:
		return http.StatusForbidden
	case fault.Absent:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Busy:
		return http.StatusServiceUnavailable
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.TooMany:
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// Problem is an RFC 9457 problem document with our members: a stable code and
// the sentence in both languages. The slot is given with 429 and 503.
type Problem struct {
	Type    string     `json:"type"`
	Title   string     `json:"title"`
	Code    string     `json:"code"`
	Message fault.Text `json:"message"`
	*Slot
	Status int `json:"status"`
}

// Slot says when a sender that was turned away may come again, and how fast.
type Slot struct {
	Start      time.Time `json:"slot_start"`
	End        time.Time `json:"slot_end"`
	RatePerS   float64   `json:"rate_per_s"`
	RetryAfter int       `json:"retry_after"`
}

// Of returns the problem document of a fault.
func Of(f *fault.Error) *Problem {
	s := Status(f)
	return &Problem{Type: "about:blank", Title: http.StatusText(s), Status: s, Code: f.Code, Message: f.Text}
}

// Write answers with err's problem document. Only what is broken is logged:
// everything else is somebody's own business.
func Write(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	WriteSlot(w, r, log, err, nil)
}

// WriteSlot is Write with the slot in which to come again.
func WriteSlot(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error, slot *Slot) {
	f := fault.Of(err)
	if f.Kind == fault.Broken {
		log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.Pattern, "code", f.Code, "error", err)
	}
	p := Of(f)
	p.Slot = slot
	h := w.Header()
	if slot != nil {
		h.Set("Retry-After", strconv.Itoa(slot.RetryAfter))
	}
	if f.Kind == fault.Unauthenticated {
		h.Set("WWW-Authenticate", `Bearer realm="lienthong"`)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// WriteStatus writes a fault under a status of its own, where a protocol of
// others prescribes one.
func WriteStatus(w http.ResponseWriter, r *http.Request, log *slog.Logger, status int, f *fault.Error) {
	p := Of(f)
	p.Status, p.Title = status, http.StatusText(status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}
