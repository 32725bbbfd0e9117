// Package shlink is the door for who holds a citizen's link: the manifest and
// files of SMART Health Links (HL7 FHIR SMART Health Cards and Links 1.0). Who
// comes is nobody the hub knows; the link and its PIN are all they have. Package
// share decides and seals.
package shlink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/share"
	"lienthong/internal/web/problem"
)

// Desk answers who opens a link; *share.Desk is one.
type Desk interface {
	Open(ctx context.Context, path string, q share.Request) (*share.Manifest, error)
	File(ctx context.Context, path, ticket string) (string, error)
}

// ErrRequest: the request is not what the specification asks for.
var ErrRequest = fault.New(fault.Invalid, "share.request",
	"Yêu cầu mở đường dẫn không đúng dạng: cần JSON có recipient và passcode.", "The request for the manifest is malformed: JSON with recipient and passcode is needed.")

const mostBody = 4 << 10

// New returns the handler of POST /s/{id} and GET /s/{id}/files/{ticket}. Pages of
// other origins may call it: viewers run in browsers.
func New(desk Desk, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /s/{id}", func(w http.ResponseWriter, r *http.Request) { manifest(desk, log, w, r) })
	mux.HandleFunc("GET /s/{id}/files/{ticket}", func(w http.ResponseWriter, r *http.Request) { file(desk, log, w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", "Content-Type")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func manifest(desk Desk, log *slog.Logger, w http.ResponseWriter, r *http.Request) {
	q, err := ParseRequest(r.Header.Get("Content-Type"), http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		fail(log, w, r, err)
		return
	}
	m, err := desk.Open(r.Context(), r.PathValue("id"), q)
	var wrong *share.WrongPIN
	if errors.As(err, &wrong) {
		answer(log, w, r, http.StatusUnauthorized, struct {
			Left int `json:"remainingAttempts"`
		}{wrong.Left})
		return
	}
	if err != nil {
		fail(log, w, r, err)
		return
	}
	answer(log, w, r, http.StatusOK, m)
}

// ParseRequest reads the request of a manifest: a JSON object with recipient (not
// empty), passcode and embeddedLengthMax; other members do not matter. ErrRequest.
func ParseRequest(contentType string, body io.Reader) (share.Request, error) {
	var q share.Request
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "application/json" {
		return q, ErrRequest
	}
	if err := json.NewDecoder(body).Decode(&q); err != nil {
		return share.Request{}, ErrRequest.Because(err)
	}
	if strings.TrimSpace(q.Recipient) == "" || len(q.Recipient) > 1000 || len(q.Passcode) > 64 || q.Embedded != nil && *q.Embedded < 0 {
		return share.Request{}, ErrRequest
	}
	return q, nil
}

func file(desk Desk, log *slog.Logger, w http.ResponseWriter, r *http.Request) {
	jwe, err := desk.File(r.Context(), r.PathValue("id"), r.PathValue("ticket"))
	if err != nil {
		fail(log, w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/jose")
	_, _ = io.WriteString(w, jwe) // the viewer is gone: nobody to tell
}

func fail(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	if f.Kind == fault.Broken {
		log.ErrorContext(r.Context(), "link not answered", "route", r.Pattern, "error", err)
	}
	answer(log, w, r, problem.Status(f), struct {
		Code    string     `json:"code"`
		Message fault.Text `json:"message"`
	}{f.Code, f.Text})
}

func answer(log *slog.Logger, w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		log.ErrorContext(r.Context(), "link not answered", "route", r.Pattern, "error", err)
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
