// Package pace lets go who is too slow at a server's doors. It knows no route but
// the one that has a pace of its own.
package pace

import (
	"errors"
	"io"
	"net/http"
	"time"

	"lienthong/internal/fault"
)

// ErrSlow (request.slow): the body came too slowly.
var ErrSlow = fault.New(fault.Invalid, "request.slow",
	"Yêu cầu gửi quá chậm nên đã ngắt. Chưa ghi gì.", "The body came too slowly and was cut off. Nothing was kept.")

// Door cuts off who is too slow at the doors that do not see to it themselves:
// a sender whose body dribbles holds a place in memory, a reader who does not
// read holds an answer (TRUST §2 T18). The zero value of a field takes the
// default.
type Door struct {
	Next    http.Handler
	Own     string        // path of the door for files, which has a pace of its own
	Silence time.Duration // longest without a byte either way; default 15 s
	Grace   time.Duration // waited before the speed is judged; default 10 s
	Rest    time.Duration // given to read off a body nobody wanted; default 1 s
	Speed   int64         // bytes a second a sender must reach; default 1,024
}

// WithDefaults fills what is zero.
func (p Door) WithDefaults() Door {
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&p.Silence, 15*time.Second)
	set(&p.Grace, 10*time.Second)
	set(&p.Rest, time.Second)
	if p.Speed <= 0 {
		p.Speed = 1024
	}
	return p
}

// ServeHTTP serves the next handler, to those who keep the pace.
func (p Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if r.URL.Path == p.Own {
		if r.ContentLength != 0 { // for who is turned away before the body is read
			_ = control.SetReadDeadline(time.Now().Add(p.Silence))
		}
		p.Next.ServeHTTP(w, r)
		return
	}
	out := &pacedWriter{ResponseWriter: w, control: control, silence: p.Silence}
	if r.Body != nil && r.ContentLength != 0 {
		b := &pacedBody{ReadCloser: r.Body, control: control, door: p}
		r.Body = b
		// The server reads off what the handler left of a body, without end: as
		// soon as an answer is longer than its buffer, or when the handler is done.
		out.began = func() {
			if !b.ended {
				_ = control.SetReadDeadline(time.Now().Add(p.Rest))
			}
		}
		defer out.start()
	}
	p.Next.ServeHTTP(out, r)
}

// pacedBody fails with request.slow when its sender is silent or too slow. Only
// the time spent waiting for the sender counts.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	door    Door
	waited  time.Duration
	n       int64
	ended   bool
}

func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	// A server without deadlines (a test's recorder) is read as it is.
	_ = b.control.SetReadDeadline(began.Add(b.door.Silence))
	n, err := b.ReadCloser.Read(p)
	_ = b.control.SetReadDeadline(time.Time{})
	b.waited += time.Since(began)
	b.n += int64(n)
	switch {
	case err == io.EOF:
		b.ended = true
	case isTimeout(err):
		err = ErrSlow.Because(err)
	case err == nil && b.waited > b.door.Grace && float64(b.n) < float64(b.door.Speed)*b.waited.Seconds():
		err = ErrSlow
	}
	return n, err
}

// pacedWriter gives up a reader who takes nothing for a while.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	silence time.Duration
	began   func() // before the first byte; nil when there is nothing to do
}

func (w *pacedWriter) start() {
	if w.began != nil {
		w.began()
		w.began = nil
	}
}

func (w *pacedWriter) WriteHeader(status int) {
	w.start()
	w.ResponseWriter.WriteHeader(status)
}

// writeStep is how much a reader must take before its silence is up.
const writeStep = 64 << 10

func (w *pacedWriter) Write(b []byte) (int, error) {
	w.start()
	for at := 0; ; {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.silence))
		n, err := w.ResponseWriter.Write(b[at:min(at+writeStep, len(b))])
		if at += n; err != nil || at >= len(b) {
			return at, err
		}
	}
}

// Unwrap lets http.ResponseController through.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// isTimeout reports whether a deadline of the connection passed.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
