// Package inbound reads the bodies of requests: decompressed, within limits of
// size, expansion and speed, and within the memory there is. What is in them is
// for others (web/api, intake).
package inbound

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

var (
	errEncoding = fault.New(fault.Invalid, "request.encoding",
		"Content-Encoding chỉ nhận zstd, gzip hoặc để trống.", "Content-Encoding may be zstd, gzip or absent.")
	errSlow = fault.New(fault.Invalid, "request.slow",
		"Tệp gửi quá chậm nên đã ngắt. Chưa ghi gì.", "The body came too slowly and was cut off. Nothing was kept.")
	errCut = fault.New(fault.Invalid, "file.unreadable",
		"Đường truyền bị ngắt giữa chừng. Gửi lại cả tệp.", "The body broke off on its way. Send the whole again.")
	errCompressed = fault.New(fault.Invalid, "file.unreadable",
		"Không giải nén được tệp: dữ liệu nén hỏng hoặc bị cắt.", "The compressed body is damaged or cut short.")
)

// Limits are what a body must keep to.
type Limits struct {
	Expansion    int64         // bytes out for a byte in
	MinimumSpeed int64         // bytes a second a sender must reach
	Grace        time.Duration // waited for a sender before its speed is judged
	Pause        time.Duration // longest silence of a sender
	Streams      int           // compressed bodies read at once
	StreamsEach  int           // and of one sender
	Busy         error         // told when there are more
}

// Door reads bodies. It is safe for use by many goroutines.
type Door struct {
	limits  Limits
	streams streams
}

// New returns a door; every limit is to be given.
func New(l Limits) *Door {
	return &Door{limits: l, streams: streams{all: l.Streams, each: l.StreamsEach, busy: l.Busy, of: map[string]int{}}}
}

// Open returns the decompressed body of a request, which fails with
// file.limits past limit bytes or past the allowed expansion, and with
// request.slow when the sender dawdles. done gives back what it held. Faults at
// once: request.encoding, file.unreadable, Busy.
func (d *Door) Open(w http.ResponseWriter, r *http.Request, sender string, limit int64) (body io.Reader, done func(), err error) {
	wire := &wireReader{from: r.Body, control: http.NewResponseController(w), limits: &d.limits}
	encoding := r.Header.Get("Content-Encoding")
	switch encoding {
	case "", "identity":
		return &limited{from: wire, left: limit}, func() {}, nil
	case "gzip", "zstd":
	default:
		return nil, nil, errEncoding
	}
	leave, err := d.streams.enter(sender)
	if err != nil {
		return nil, nil, err
	}
	plain, closeDecoder, err := decoder(encoding, wire)
	if err != nil {
		leave()
		return nil, nil, wire.blame(errCompressed.Because(err))
	}
	done = func() { closeDecoder(); leave() }
	return &limited{from: &expanding{from: plain, wire: wire, ratio: d.limits.Expansion}, left: limit}, done, nil
}

// window is the longest reach back of a zstd stream: what one decoder holds
// (RFC 8878 §3.1.1.1.2 recommends that 8 MiB be supported).
const window = 8 << 20

func decoder(encoding string, wire io.Reader) (io.Reader, func(), error) {
	if encoding == "gzip" {
		z, err := gzip.NewReader(wire)
		return z, func() {}, err
	}
	z, err := zstd.NewReader(wire, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

// streams bounds the decoders at work, each of which holds a window while its
// sender may be slow: in all, and of one sender.
type streams struct {
	all, each int
	busy      error
	mu        sync.Mutex
	n         int
	of        map[string]int
}

func (s *streams) enter(sender string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n >= s.all || s.of[sender] >= s.each {
		return nil, s.busy
	}
	s.n++
	s.of[sender]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n--
		if s.of[sender]--; s.of[sender] == 0 {
			delete(s.of, sender)
		}
	}, nil
}

// Room is what one request holds of the hub's memory for files. It grows as
// bytes come: what a compressed body will be is known only then.
type Room struct {
	reserve func(bytes int64) (release func(), err error)
	have    int64
	given   []func()
}

// NewRoom returns a room that holds nothing yet; reserve asks for more.
func NewRoom(reserve func(bytes int64) (release func(), err error)) *Room {
	return &Room{reserve: reserve}
}

// The least and the most a room grows by at a time, as much again as it has in
// between: what is not used is kept from others.
const (
	leastStep = 64 << 10
	mostStep  = 1 << 20
)

// Hold makes the room at least n bytes; reserve's error when there is no more.
func (m *Room) Hold(n int64) error {
	if n <= m.have {
		return nil
	}
	more := n - m.have
	if m.have > 0 {
		more = max(more, min(max(m.have, leastStep), mostStep))
	}
	release, err := m.reserve(more)
	if err != nil {
		return err
	}
	m.have += more
	m.given = append(m.given, release)
	return nil
}

// Leave gives all of it back.
func (m *Room) Leave() {
	for _, release := range m.given {
		release()
	}
}

// wireReader counts what comes off the wire and cuts off a sender that is
// silent or too slow: a slow sender must not hold a place (TRUST §2 T18). Only
// the time spent waiting for the sender counts: how long the hub itself lets
// bytes lie is not the sender's fault, and no deadline runs meanwhile.
type wireReader struct {
	from    io.Reader
	control *http.ResponseController
	limits  *Limits
	waited  time.Duration
	n       int64
	failed  error
}

func (w *wireReader) Read(p []byte) (int, error) {
	began := time.Now()
	// A server without deadlines (a test's recorder) is read as it is.
	_ = w.control.SetReadDeadline(began.Add(w.limits.Pause))
	n, err := w.from.Read(p)
	_ = w.control.SetReadDeadline(time.Time{})
	w.waited += time.Since(began)
	w.n += int64(n)
	if err == nil && w.waited > w.limits.Grace && float64(w.n) < float64(w.limits.MinimumSpeed)*w.waited.Seconds() {
		err = errSlow
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = errSlow.Because(err)
	}
	if err != nil && err != io.EOF {
		if fault.KindOf(err) == fault.Broken { // the connection, not the hub
			err = errCut.Because(err)
		}
		w.failed = err
	}
	return n, err
}

// blame returns the wire's own failure where there is one, else err.
func (w *wireReader) blame(err error) error {
	if w.failed != nil {
		return w.failed
	}
	return err
}

// expanding ends a stream that expands beyond the ratio: a bomb.
type expanding struct {
	from  io.Reader
	wire  *wireReader
	ratio int64
	out   int64
}

// below this many bytes any expansion is allowed: a small file of blanks is no bomb.
const expansionFloor = 1 << 20

func (e *expanding) Read(p []byte) (int, error) {
	n, err := e.from.Read(p)
	e.out += int64(n)
	if e.out > expansionFloor && e.out > e.ratio*e.wire.n {
		return 0, xmltok.ErrLimits
	}
	if err != nil && err != io.EOF {
		err = e.wire.blame(errCompressed.Because(err))
	}
	return n, err
}

// limited ends a stream that is longer than allowed.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	if int64(n) > l.left {
		return 0, xmltok.ErrLimits
	}
	l.left -= int64(n)
	return n, err
}

// unknownLength is what a file whose length is not said is taken for at first.
const unknownLength = 64 << 10

// Size is how many bytes a file is counted as at first: of unknown length, or
// compressed, it grows as it comes.
func Size(length, limit int64) int64 {
	if length < 0 || length > limit {
		length = unknownLength
	}
	return length + bytes.MinRead
}

// ReadAll reads to the end into a buffer that hold allows to grow; hint is the
// length that was said, negative for none.
func ReadAll(r io.Reader, hint int64, hold func(int64) error) ([]byte, error) {
	if hint < 0 {
		hint = unknownLength
	}
	if err := hold(hint + bytes.MinRead); err != nil {
		return nil, err
	}
	buf := make([]byte, 0, hint+bytes.MinRead)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
		if len(buf) == cap(buf) {
			if err := hold(2 * int64(cap(buf))); err != nil {
				return buf, err
			}
			buf = slices.Grow(buf, cap(buf))
		}
	}
}
