package api

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/body"
	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// What a sender on a thin line may ask for beside a compressed body: answers
// compressed too, and members whose base64 it has undone.
const (
	headerCoding    = "Member-Coding"  // of a request: how members are coded
	headerCodings   = "Member-Codings" // of every answer: what this hub reads
	codingUnwrapped = "unwrapped"      // as body.Unwrap makes them, where base64 is in them
)

var (
	errCoding = fault.New(fault.Invalid, "request.member_coding",
		"Member-Coding chỉ nhận unwrapped hoặc để trống.", "Member-Coding may be unwrapped or absent.")
	errUnwrapped = fault.New(fault.Invalid, "file.unreadable",
		"Không dựng lại được tệp từ dạng đã bỏ base64. Gửi lại tệp nguyên dạng.",
		"The file cannot be rebuilt from its form without base64. Send it again as it is.")
)

// coding reads the header of that name.
func coding(r *http.Request) (unwrapped bool, err error) {
	switch r.Header.Get(headerCoding) {
	case "":
		return false, nil
	case codingUnwrapped:
		return true, nil
	}
	return false, errCoding
}

// rebuilt gives the exact bytes of a member before anything else sees it. A
// member that is not in the coding is taken as it is.
func rebuilt(raw []byte, limit int64) ([]byte, error) {
	if !body.IsUnwrapped(raw) {
		return raw, nil
	}
	whole, err := body.Rewrap(raw, int(limit))
	switch {
	case err == nil:
		return whole, nil
	case fault.KindOf(err) == fault.TooLarge:
		return nil, xmltok.ErrLimits
	}
	return nil, errUnwrapped.Because(err)
}

// roomFor is how much a member takes at most while it is rebuilt: itself, and
// twice as much again (body.Rewrap).
func roomFor(size, limit int64, unwrapped bool) int64 {
	if !unwrapped {
		return size
	}
	return size + min(2*size, limit)
}

// squeezer returns a writer that compresses a stream of answers when its reader
// takes that: receipts are most of them, and most of those is alike.
func squeezer(w http.ResponseWriter, r *http.Request) *zstd.Encoder {
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

// packed answers a reader that takes zstd and nothing else, as agents do, with
// its JSON compressed: feeds, rules and lists are long and alike, and lines thin.
func packed(next http.HandlerFunc) http.HandlerFunc {
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
		if p.z = squeezer(p.ResponseWriter, p.request); p.z != nil {
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
