package e2e_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	must(z.Write(b))
	if err := z.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func zstded(b []byte) []byte {
	return must(zstd.NewWriter(nil)).EncodeAll(b, nil)
}

func TestWhatComesCompressed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		good := func() []byte { return ours(pairs().ec, envelope(newVisit())) }
		bomb := append([]byte("<GIAMDINHHS>"), bytes.Repeat([]byte(" "), 64<<20)...)
		cut := gzipped(good())
		for _, c := range []struct {
			name, encoding string
			data           []byte
			want           string
		}{
			{"gzip", "gzip", gzipped(good()), fine},
			{"zstd", "zstd", zstded(good()), fine},
			{"gzip cut short", "gzip", cut[:len(cut)/2], gone},
			{"gzip of nothing", "gzip", gzipped(nil), gone},
			{"no gzip at all", "gzip", good(), gone},
			{"no zstd at all", "zstd", good(), gone},
			{"a gzip bomb", "gzip", gzipped(bomb), "refused file.limits"},
			{"a zstd bomb", "zstd", zstded(bomb), "refused file.limits"},
		} {
			status, _, body := w.do("79901", "POST", "/api/v1/submissions", "application/xml", c.data, "Content-Encoding", c.encoding)
			if got := verdict(w.plain(body), c.want); got != c.want || status != statusOf(c.want) {
				t.Errorf("%s: %s, HTTP %d, want %s", c.name, got, status, c.want)
			}
		}
	})
}

func TestATarIsAWrapper(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		put := func(name string, data []byte) {
			w.check(tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), Typeflag: tar.TypeReg}))
			must(tw.Write(data))
		}
		put("một.xml", ours(pairs().ec, envelope(newVisit())))
		put("thư mục/hai.xml", []byte("<A>"))
		put("../../ba.xml", ours(pairs().ec, envelope(newVisit().set("XML1", "GIOI_TINH", "7"), newVisit())))
		w.check(tw.WriteHeader(&tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o700}))
		put("bốn", ours(pairs().stranger, envelope(newVisit())))
		whole := b.Len()
		put("năm.xml", ours(pairs().ec, envelope(newVisit())))
		w.check(tw.Close())
		want := map[string]string{"một.xml": fine, "thư mục/hai.xml": gone, "../../ba.xml": "rejected subject.sex; accepted", "bốn": "refused seal.untrusted", "năm.xml": fine}
		for _, encoding := range []string{"", "gzip", "zstd"} {
			data, header := b.Bytes(), []string(nil)
			switch encoding {
			case "gzip":
				data, header = gzipped(data), []string{"Content-Encoding", encoding}
			case "zstd":
				data, header = zstded(data), []string{"Content-Encoding", encoding}
			}
			status, _, body := w.do("79901", "POST", "/api/v1/submissions", "application/x-tar", data, header...)
			by := map[string][]answer{}
			for _, a := range w.plain(body) {
				by[a.File] = append(by[a.File], a)
			}
			if status != http.StatusOK || len(by) != len(want) {
				t.Errorf("%q: HTTP %d, %d files", encoding, status, len(by))
			}
			for name, v := range want {
				if got := verdict(by[name], v); got != v {
					t.Errorf("%q: %s: %s, want %s", encoding, name, got, v)
				}
			}
		}
		_, _, body := w.do("79901", "POST", "/api/v1/submissions", "application/x-tar", b.Bytes()[:whole+700], "Accept", "application/x-ndjson")
		answers := 0
		for line := range strings.Lines(string(body)) {
			var a answer
			w.check(json.Unmarshal([]byte(line), &a))
			if a.End {
				t.Error("a tar cut short is answered with an end")
			}
			if a.Record != "" {
				answers++
			}
		}
		if answers == 0 {
			t.Error("what came whole before the cut is not answered")
		}
	})
}

func TestNobodyWithoutAToken(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		good := w.token("79901")
		for name, header := range map[string]string{"none": "", "empty": "Bearer ", "forged": "Bearer " + good[:len(good)-4] + "AAAA", "unsigned": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI3OTkwMSJ9.",
			"basic": "Basic Nzk5MDE6", "long": "Bearer " + strings.Repeat("a", 9000)} {
			req := must(http.NewRequest("POST", w.server.URL+"/api/v1/submissions", strings.NewReader("x")))
			if header != "" {
				req.Header.Set("Authorization", header)
			}
			res, err := w.server.Client().Do(req)
			w.check(err)
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("token %s: HTTP %d", name, res.StatusCode)
			}
			w.check(res.Body.Close())
		}
	})
}
