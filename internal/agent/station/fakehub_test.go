package station_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/agent"
	"lienthong/internal/body"
	"lienthong/internal/clock"
)

// fakeHub keeps the contract of DESIGN §6 and of the agent's headers, and
// counts. It decides by content: "reject-me" anywhere in a file rejects it.
type fakeHub struct {
	*httptest.Server
	t     testing.TB
	clock clock.Clock

	mu       sync.Mutex
	decided  map[string]string // SHA-256 and index -> record
	order    []arrival         // first decisions, in the order of their coming
	requests int
	bytes    int64
	coding   bool
	mended   bool // nothing is rejected any more
	sequence int64
	next     string // what the next request must name
	last     string // what the last one named
	feed     []string
	rules    []byte // token
	manifest func(w http.ResponseWriter, r *http.Request)
	odd      func(n int, w http.ResponseWriter, r *http.Request) bool
	after    int // answers after which a stream is cut; 0: never
	// sign makes another receipt of the body, with a signature; nil: none is signed.
	sign func(body map[string]any, raw []byte) (receipt, signature []byte, replay bool)
}

type arrival struct{ lane, episode, sha string }

func newFakeHub(t testing.TB, c clock.Clock) *fakeHub {
	t.Helper()
	h := &fakeHub{t: t, clock: c, decided: map[string]string{}, next: "-", last: "-", sequence: 1}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		h.header(w)
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
	})
	mux.HandleFunc("POST /api/v1/submissions", h.submit)
	mux.HandleFunc("GET /api/v1/feed", h.tell)
	mux.HandleFunc("GET /api/v1/rules", func(w http.ResponseWriter, r *http.Request) {
		h.header(w)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.rules == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(h.rules)
	})
	mux.HandleFunc("PUT /api/v1/manifests/{date}", func(w http.ResponseWriter, r *http.Request) {
		h.header(w)
		h.manifest(w, r)
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func (h *fakeHub) header(w http.ResponseWriter) {
	w.Header().Set("Date", h.clock.Now().UTC().Format(http.TimeFormat))
}

func (h *fakeHub) credential(t testing.TB) *agent.Credential {
	t.Helper()
	key, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := agent.MakeCredential("lienthong.test", facilityCode, facilityCode+"-1", hex.EncodeToString(spki[:8]), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := agent.ParseCredential(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// place checks the header Agent-Sequence as the seams say; false when it was refused.
func (h *fakeHub) place(w http.ResponseWriter, r *http.Request) bool {
	said := r.Header.Get("Agent-Sequence")
	if said == "" {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var n int64
	var prev string
	if _, err := fmt.Sscanf(said, "%d %s", &n, &prev); err != nil {
		h.t.Errorf("Agent-Sequence: %q", said)
	}
	switch {
	case n == h.sequence && prev == h.next:
		sum := sha256.Sum256(fmt.Append(nil, "next", n))
		h.sequence, h.last, h.next = n+1, prev, hex.EncodeToString(sum[:16])
	case n == h.sequence-1 && prev == h.last:
	default:
		problem(w, http.StatusConflict, "sender.forked")
		return false
	}
	w.Header().Set("Agent-Sequence-Next", h.next)
	return true
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%q,"message":{"vi":"câu","en":"sentence"},"status":%d}`, code, status)
}

func (h *fakeHub) submit(w http.ResponseWriter, r *http.Request) {
	h.header(w)
	h.mu.Lock()
	n := h.requests
	h.requests++
	odd, cut := h.odd, h.after
	if h.coding {
		w.Header().Set("Member-Codings", "unwrapped")
	}
	h.mu.Unlock()
	if odd != nil && odd(n, w, r) {
		return
	}
	if !h.place(w, r) {
		return
	}
	z, err := zstd.NewReader(r.Body)
	if err != nil {
		h.t.Error(err)
		return
	}
	defer z.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	told := 0
	for members := tar.NewReader(z); ; {
		head, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		raw, err := io.ReadAll(members)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if strings.HasSuffix(head.Name, ".jws") || strings.HasSuffix(head.Name, ".pdf") {
			continue
		}
		if body.IsUnwrapped(raw) {
			if r.Header.Get("Member-Coding") != "unwrapped" {
				h.t.Error("an unwrapped member in a request that does not say so")
			}
			if raw, err = body.Rewrap(raw, 32<<20); err != nil {
				h.t.Error(err)
			}
		}
		line := h.decide(r.Header.Get("Lane"), head.Name, raw)
		if cut > 0 && told >= cut {
			_ = control.Flush()
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintln(w, line)
		told++
		if told%8 == 0 {
			_ = control.Flush()
		}
	}
	fmt.Fprintf(w, `{"end":true,"results":%d}`+"\n", told)
}

var episodeOf = regexp.MustCompile(`<MA_LK>([^<]+)</MA_LK>`)

// episode finds the episode inside the inner documents.
func episode(raw []byte) string {
	for _, m := range regexp.MustCompile(`<NOIDUNGFILE>([^<]+)</NOIDUNGFILE>`).FindAllSubmatch(raw, 1) {
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(m[1])), ""))
		if err == nil {
			raw = b
		}
	}
	if m := episodeOf.FindSubmatch(raw); m != nil {
		return string(m[1])
	}
	return ""
}

func (h *fakeHub) decide(lane, name string, raw []byte) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	sum := sha256.Sum256(raw)
	sha := hex.EncodeToString(sum[:])
	record, replay := h.decided[sha]
	if !replay {
		record = fmt.Sprintf("r%d", len(h.decided))
		h.decided[sha] = record
		h.order = append(h.order, arrival{lane, episode(raw), sha})
	}
	h.bytes += int64(len(raw))
	state, findings := "accepted", "[]"
	if bytes.Contains(raw, []byte("reject-me")) && !h.mended {
		state, findings = "rejected", `[{"code":"time.order","severity":"error","message":{"vi":"ngày","en":"dates"},"hint":{"vi":"sửa","en":"mend"}}]`
	}
	receipt, signature := fmt.Sprintf(`{"file_sha256":%q,"received_at":%q}`, sha, h.clock.Now().Format(time.RFC3339Nano)), []byte(nil)
	if h.sign != nil {
		b, sig, again := h.sign(map[string]any{"record": record, "episode": episode(raw), "state": state, "file_sha256": sha,
			"received_at": h.clock.Now().Format(time.RFC3339Nano), "kid": "k1"}, raw)
		receipt, signature, replay = string(b), sig, replay || again
	}
	return fmt.Sprintf(`{"file":%q,"index":0,"record":%q,"facility":%q,"episode":%q,"kind":"qd4750","version":1,"state":%q,"replay":%t,"findings":%s,"receipt":{"body":%q,"signature":%q}}`,
		path.Base(name), record, facilityCode, episode(raw), state, replay, findings, base64.StdEncoding.EncodeToString([]byte(receipt)), base64.StdEncoding.EncodeToString(signature))
}

// tell answers the feed: the cursor is how many were told.
func (h *fakeHub) tell(w http.ResponseWriter, r *http.Request) {
	h.header(w)
	h.mu.Lock()
	defer h.mu.Unlock()
	from := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("since"), &from)
	fmt.Fprintf(w, `{"items":[%s],"next":"%d"}`, strings.Join(h.feed[from:], ","), len(h.feed))
}

func (h *fakeHub) counted() (different int, order []arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.decided), slices.Clone(h.order)
}

func (h *fakeHub) set(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}
