package bench_test

import (
	"archive/tar"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/agent"
	"lienthong/internal/bench"
)

// hub answers as the contract says and counts what it was sent. It checks no
// signature and no token: package agent's tests do.
type hub struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	seen     map[string]int // bodies, by how often
	requests int
	reads    map[string]int // "record" and "related"
	odd      func(n int, w http.ResponseWriter) bool
	hold     func() // before a record is read
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, seen: map[string]int{}, reads: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"access_token":"t","token_type":"Bearer","expires_in":300}`)
	})
	mux.HandleFunc("POST /api/v1/submissions", h.submit)
	mux.HandleFunc("GET /api/v1/records/{id}", h.read("record"))
	mux.HandleFunc("GET /api/v1/records/{id}/related", h.read("related"))
	mux.HandleFunc("GET /metrics", h.metrics)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func (h *hub) target(facilities ...string) bench.Target {
	h.t.Helper()
	t := bench.Target{URL: h.URL, Ops: h.URL, Credentials: map[string]*agent.Credential{}}
	for _, code := range facilities {
		key, spki, err := agent.NewKey()
		if err != nil {
			h.t.Fatal(err)
		}
		b, err := agent.MakeCredential("hub.test", code, code+"-1", hex.EncodeToString(spki[:8]), key)
		if err != nil {
			h.t.Fatal(err)
		}
		if t.Credentials[code], err = agent.ParseCredential(b); err != nil {
			h.t.Fatal(err)
		}
	}
	return t
}

func (h *hub) submit(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	n, odd := h.requests, h.odd
	h.requests++
	h.mu.Unlock()
	if odd != nil && odd(n, w) {
		return
	}
	z, err := zstd.NewReader(r.Body)
	if err != nil {
		h.t.Error(err)
		return
	}
	defer z.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Header.Get("Content-Type") != "application/x-tar" {
		b, err := io.ReadAll(z)
		if err != nil {
			h.t.Error(err)
		}
		fmt.Fprintf(w, "%s\n{\"end\":true,\"results\":1}\n", h.line("", string(b)))
		return
	}
	lines := 0
	for t := tar.NewReader(z); ; lines++ {
		head, err := t.Next()
		if err != nil {
			break
		}
		b, err := io.ReadAll(t)
		if err != nil {
			h.t.Error(err)
		}
		fmt.Fprintln(w, h.line(head.Name, string(b)))
	}
	fmt.Fprintf(w, "{\"end\":true,\"results\":%d}\n", lines)
}

func (h *hub) line(name, body string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	replay := h.seen[body] > 0
	h.seen[body]++
	state := "accepted"
	switch {
	case strings.Contains(body, "REFUSE"):
		return fmt.Sprintf(`{"file":%q,"refused":true,"code":"seal.missing","message":{}}`, name)
	case strings.Contains(body, "DEFER"):
		return fmt.Sprintf(`{"file":%q,"index":0,"deferred":true,"code":"hub.busy","retry_after":1,"message":{}}`, name)
	case strings.Contains(body, "REJECT"):
		state = "rejected"
	}
	return fmt.Sprintf(`{"file":%q,"index":0,"record":"r%d","facility":"x","state":"%s","replay":%t,"findings":[{"code":"a","hint":{"vi":"\"state\":\"rejected\""}}],"receipt":{}}`,
		name, len(h.seen), state, replay)
}

func (h *hub) read(sort string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h.hold != nil {
			h.hold()
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.reads[sort]++
		fmt.Fprintf(w, `{"record":%q}`, path.Base(r.URL.Path))
	}
}

// metrics tells of groups of 16, whatever was sent.
func (h *hub) metrics(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(w, "# HELP x y\nlienthong_group_size_bucket{le=\"1\"} 0\nlienthong_group_size_sum %d\nlienthong_group_size_count %d\n", 16*h.requests, h.requests)
}

// sent is how many different bodies came, and how many came twice.
func (h *hub) sent() (different, twice int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.seen {
		if different++; n > 1 {
			twice++
		}
	}
	return different, twice
}

// dossier returns the ith of a series of different files of three facilities.
func dossier(i int) (bench.Dossier, error) {
	inner := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fmt.Sprintf("<a><b>%d</b></a>", i), 20)))
	mark := ""
	switch i % 10 {
	case 3:
		mark = "<!--REJECT-->"
	case 6:
		mark = "<!--REFUSE-->"
	}
	return bench.Dossier{Facility: []string{"79901", "79902", "79903"}[i%3], Name: fmt.Sprintf("hs-%d.xml", i),
		XML: fmt.Appendf(nil, "<G n='%d'>%s<NOIDUNGFILE>%s</NOIDUNGFILE></G>", i, mark, inner)}, nil
}

func corpus(t *testing.T, n int) *bench.Corpus {
	t.Helper()
	c, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir(), Dossiers: n, Members: 8, Make: dossier})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// looks is how many records were read, posts how many requests brought files.
func (h *hub) looks() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reads["record"] + h.reads["related"]
}

func (h *hub) posts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests
}
