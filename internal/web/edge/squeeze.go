package edge

import (
	"compress/gzip"
	"net/http"
	"strings"
)

// squeezeFrom is how long an answer is that is compressed: agents sit behind
// lines of 256 kbit/s.
const squeezeFrom = 1 << 10

// squeeze writes an answer, compressed where its reader takes that.
func squeeze(w http.ResponseWriter, r *http.Request, b []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	if len(b) < squeezeFrom || !takesGzip(r.Header.Get("Accept-Encoding")) {
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
