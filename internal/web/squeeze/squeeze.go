// Package squeeze compresses answers for who takes them so: agents sit behind
// lines of 256 kbit/s. What others send compressed is not read here.
package squeeze

import (
	"compress/gzip"
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// from is how long an answer is that is worth it, in bytes.
const from = 1 << 10

// Write writes an answer, gzip where its reader takes that and it is worth it.
func Write(w http.ResponseWriter, r *http.Request, b []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	if len(b) < from || !takesGzip(r.Header.Get("Accept-Encoding")) {
		_, _ = w.Write(b) // a reader that has gone asks again
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(b)
	_ = z.Close()
}

func takesGzip(said string) bool {
	for one := range strings.SplitSeq(said, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return strings.ReplaceAll(strings.TrimSpace(q), " ", "") != "q=0"
		}
	}
	return false
}

// Stream returns a zstd writer to w when the reader takes zstd, else nil. The
// caller sets Content-Encoding, flushes and closes. It is for streams of answers:
// receipts are most of those, and most of each is alike.
func Stream(w http.ResponseWriter, r *http.Request) *zstd.Encoder {
	wanted := false
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, _, weighted := strings.Cut(one, ";")
		wanted = wanted || strings.TrimSpace(name) == "zstd" && !weighted
	}
	if !wanted {
		return nil
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
	if err != nil { // none of these options is one it refuses: then it goes as it is
		return nil
	}
	return z
}

// Handler answers a reader that takes zstd and nothing else, as agents do, with
// its JSON compressed: feeds, rules and lists are long and alike, and lines thin.
func Handler(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get("Accept-Encoding") != "zstd" {
			next(w, r)
			return
		}
		p := &packing{ResponseWriter: w, request: r}
		next(p, r)
		p.end()
	}
}

// packing compresses what is written, once it is known to be worth it.
type packing struct {
	http.ResponseWriter
	request *http.Request
	began   bool
	z       *zstd.Encoder
}

// Unwrap is for http.ResponseController.
func (p *packing) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (p *packing) WriteHeader(status int) {
	h := p.Header()
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if !p.began && status == http.StatusOK && h.Get("Content-Encoding") == "" && (kind == "application/json" || kind == "application/jose") {
		if p.z = Stream(p.ResponseWriter, p.request); p.z != nil {
			h.Del("Content-Length")
			h.Set("Content-Encoding", "zstd")
			h.Add("Vary", "Accept-Encoding")
		}
	}
	p.began = true
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *packing) Write(b []byte) (int, error) {
	if !p.began {
		p.WriteHeader(http.StatusOK)
	}
	if p.z == nil {
		return p.ResponseWriter.Write(b)
	}
	return p.z.Write(b)
}

func (p *packing) end() {
	if p.z != nil {
		_ = p.z.Close() // a reader that has gone asks again
	}
}
