package squeeze_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/web/squeeze"
)

var long = strings.Repeat("alike ", 1000)

func ask(accept string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", accept)
	return r
}

func TestWriteCompressesWhatIsLongForWhoTakesIt(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{"": "", "gzip": "gzip", "GZIP ; q=0.5": "gzip", "gzip; q=0": "", "br": ""} {
		rec := httptest.NewRecorder()
		squeeze.Write(rec, ask(accept), []byte(long))
		body := io.Reader(rec.Body)
		if want == "gzip" {
			z, err := gzip.NewReader(rec.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != long || rec.Header().Get("Content-Encoding") != want || rec.Header().Get("Vary") == "" {
			t.Errorf("%q: %v, %v", accept, rec.Header(), err)
		}
	}
	rec := httptest.NewRecorder()
	if squeeze.Write(rec, ask("gzip"), []byte("short")); rec.Body.String() != "short" {
		t.Errorf("%q", rec.Body)
	}
}

// A browser that takes zstd too is answered as ever: only agents, who take
// nothing else, are answered compressed.
func TestHandlerCompressesJSONForWhoTakesNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accept, kind string
		status       int
		packed       bool
	}{
		{"zstd", "application/json; charset=utf-8", 200, true},
		{"zstd", "application/jose", 200, true},
		{"zstd", "application/xml", 200, false},
		{"zstd", "application/json", 404, false},
		{"gzip, zstd", "application/json", 200, false},
	} {
		rec := httptest.NewRecorder()
		squeeze.Handler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, long)
		})(rec, ask(c.accept))
		if got := rec.Header().Get("Content-Encoding") == "zstd"; got != c.packed || rec.Code != c.status {
			t.Errorf("%+v: %d %v", c, rec.Code, rec.Header())
		}
		body := rec.Body.Bytes()
		if c.packed {
			z, err := zstd.NewReader(nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err = z.DecodeAll(body, nil)
			z.Close()
			if err != nil {
				t.Fatal(err)
			}
		}
		if string(body) != long {
			t.Errorf("%+v: %d bytes", c, len(body))
		}
	}
}

func TestAStreamIsForWhoTakesZstd(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{"": false, "gzip, zstd": true, "zstd;q=0": false} {
		z := squeeze.Stream(httptest.NewRecorder(), ask(accept))
		if (z != nil) != want {
			t.Errorf("%q: %v", accept, z)
		}
		if z != nil {
			_ = z.Close()
		}
	}
}
