// Package trace holds an answer back until it is written down who got it. Every
// route by which clinical content may leave goes through it; it looks at no
// content and decides nothing (package disclose does).
package trace

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/web/problem"
)

// ErrUnlogged: something was about to be shown that nobody wrote down: a defect.
var ErrUnlogged = fault.New(fault.Broken, "disclosure.unlogged",
	"Lượt xem chưa được ghi vào nhật ký nên nội dung không được gửi đi. Báo trực vận hành.",
	"The look was not written down, so nothing was sent. Tell the operator on duty.")

// Guard serves next so that an answer that shows something leaves only after
// its rows are durable. An answer that shows nothing of anybody says so with
// disclose.Nothing; redirects and errors (3xx, 4xx, 5xx) pass.
func Guard(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, t := disclose.Traced(r.Context())
		r = r.WithContext(ctx)
		next.ServeHTTP(&writer{ResponseWriter: w, r: r, trace: t, log: log}, r)
	})
}

// errHeld ends what a handler was writing.
var errHeld = errors.New("trace: the answer is held back: no row of it is durable")

type writer struct {
	http.ResponseWriter
	r       *http.Request
	trace   *disclose.Trace
	log     *slog.Logger
	status  int
	refused bool
}

// WriteHeader sends the status, or the refusal in its place.
func (w *writer) WriteHeader(status int) {
	if w.refused || w.status != 0 {
		return
	}
	if status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	if status < 300 && status != http.StatusNoContent && !w.trace.Logged() {
		w.refuse()
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) refuse() {
	w.refused = true
	h := w.Header()
	for name := range h {
		switch name {
		case "Cache-Control", "X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy":
		default:
			h.Del(name)
		}
	}
	problem.Write(w.ResponseWriter, w.r, w.log, ErrUnlogged)
}

// Write sends bytes of an answer that may leave.
func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.refused {
		return 0, errHeld
	}
	return w.ResponseWriter.Write(b)
}

// FlushError sends what was written.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.refused {
		return errHeld
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets deadlines be set; see http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return deadlines{w.ResponseWriter} }

// deadlines sets deadlines of a connection and takes no bytes past the trace.
type deadlines struct{ http.ResponseWriter }

// WriteHeader sends nothing.
func (deadlines) WriteHeader(int) {}

// Write sends nothing.
func (deadlines) Write([]byte) (int, error) { return 0, errHeld }

// SetReadDeadline sets it.
func (d deadlines) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(d.ResponseWriter).SetReadDeadline(t)
}

// SetWriteDeadline sets it.
func (d deadlines) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(d.ResponseWriter).SetWriteDeadline(t)
}
