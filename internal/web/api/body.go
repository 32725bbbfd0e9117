package api

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
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
	errCompressed = fault.New(fault.Invalid, "file.unreadable",
		"Không giải nén được tệp: dữ liệu nén hỏng hoặc bị cắt.", "The compressed body is damaged or cut short.")
)

// grace before a sender's speed is judged, and the longest silence.
const (
	speedGrace   = 10 * time.Second
	longestPause = 15 * time.Second
)

// open returns the decompressed body of a request, which fails with
// file.limits past limit bytes or past the allowed expansion, and with
// request.slow when the sender dawdles. close gives decoders back.
func (a *API) open(w http.ResponseWriter, r *http.Request, limit int64) (body io.Reader, closeBody func(), err error) {
	wire := &wireReader{from: r.Body, control: http.NewResponseController(w), began: time.Now(), minimum: a.cfg.MinimumSpeed}
	var plain io.Reader
	closeBody = func() {}
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return &limited{from: wire, left: limit}, closeBody, nil
	case "gzip":
		z, err := gzip.NewReader(wire)
		if err != nil {
			return nil, nil, wire.blame(errCompressed.Because(err))
		}
		plain = z
	case "zstd":
		z, err := zstd.NewReader(wire, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, wire.blame(errCompressed.Because(err))
		}
		plain, closeBody = z, z.Close
	default:
		return nil, nil, errEncoding
	}
	return &limited{from: &expanding{from: plain, wire: wire, ratio: a.cfg.Expansion}, left: limit}, closeBody, nil
}

// wireReader counts what comes off the wire and cuts off a sender that is
// silent or too slow: a slow sender must not hold a place (TRUST §2 T18).
type wireReader struct {
	from    io.Reader
	control *http.ResponseController
	began   time.Time
	minimum int64
	n       int64
	failed  error
}

func (w *wireReader) Read(p []byte) (int, error) {
	// A server without deadlines (a test's recorder) is read as it is.
	_ = w.control.SetReadDeadline(time.Now().Add(longestPause))
	n, err := w.from.Read(p)
	w.n += int64(n)
	if spent := time.Since(w.began); err == nil && spent > speedGrace && float64(w.n) < float64(w.minimum)*spent.Seconds() {
		err = errSlow
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = errSlow.Because(err)
	}
	if err != nil && err != io.EOF {
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
