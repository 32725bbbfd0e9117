package agent_test

import (
	"archive/tar"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/klauspost/compress/zstd"

	"lienthong/internal/agent"
	"lienthong/internal/clock"
)

// hub speaks the contract of DESIGN §6 as a facility sees it: decided once by
// content, replayed after. What a file says decides what becomes of it:
// "reject", "refuse", "double" (two dossiers); anything else is accepted.
type hub struct {
	*httptest.Server
	t   *testing.T
	key *ecdsa.PublicKey

	mu       sync.Mutex
	tokens   map[string]bool
	jtis     map[string]bool
	taken    int
	requests []request
	decided  map[string]string // digest and index to record
	// odd may answer the nth submission (from 0) in its own way; true when it did.
	odd func(n int, w http.ResponseWriter, r *http.Request, members []member) bool
	// log, where it is not nil, is what answers say of the ledger.
	log *hubLog
}

type request struct {
	lane, seal, kind string
	names            []string
}

type member struct {
	name string
	body string
}

func newHub(t *testing.T) (*hub, *agent.Credential) {
	t.Helper()
	key, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := agent.MakeCredential("lienthong.test", "79901", "79901-1", hex.EncodeToString(spki[:8]), key)
	if err != nil {
		t.Fatal(err)
	}
	cred, err := agent.ParseCredential(file)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, key: &key.PublicKey, tokens: map[string]bool{}, jtis: map[string]bool{}, decided: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", h.token)
	mux.HandleFunc("POST /api/v1/submissions", h.submit)
	mux.HandleFunc("GET /api/v1/records/{id}", h.record)
	mux.HandleFunc("GET /ledger/{log}/consistency", h.consistency)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h, cred
}

func (h *hub) token(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	parsed, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
	var c jwt.Claims
	if err == nil {
		err = parsed.Claims(h.key, &c)
	}
	now := time.Now()
	if err != nil || c.Issuer != "79901-1" || c.Subject != c.Issuer || !c.Audience.Contains(h.URL+"/oauth2/token") || h.jtis[c.ID] ||
		c.Expiry.Time().Sub(now) > 5*time.Minute || r.PostFormValue("grant_type") != "client_credentials" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	h.jtis[c.ID] = true
	h.taken++
	token := fmt.Sprintf("token-%d", h.taken)
	h.tokens[token] = true
	answer(w, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 300})
}

// revoke makes every token given out until now worthless.
func (h *hub) revoke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.tokens)
}

func (h *hub) let(w http.ResponseWriter, r *http.Request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		return true
	}
	problem(w, http.StatusUnauthorized, "token.invalid")
	return false
}

func (h *hub) record(w http.ResponseWriter, r *http.Request) {
	if h.let(w, r) {
		answer(w, map[string]any{"record": r.PathValue("id")})
	}
}

func (h *hub) submit(w http.ResponseWriter, r *http.Request) {
	if !h.let(w, r) {
		return
	}
	members := h.unpack(r)
	note := request{lane: r.Header.Get("Lane"), seal: r.Header.Get("Seal"), kind: r.Header.Get("Content-Type")}
	for _, m := range members {
		note.names = append(note.names, m.name)
	}
	h.mu.Lock()
	if h.log != nil {
		h.log.told = append(h.log.told, r.Header.Get("Last-Checkpoint"))
		w.Header().Set("Ledger-Checkpoint", h.log.line())
	}
	n := len(h.requests)
	h.requests = append(h.requests, note)
	odd := h.odd
	h.mu.Unlock()
	if odd != nil && odd(n, w, r, members) {
		return
	}
	h.answer(w, members)
}

func (h *hub) unpack(r *http.Request) []member {
	z, err := zstd.NewReader(r.Body)
	if err != nil {
		h.t.Error(err)
		return nil
	}
	defer z.Close()
	if r.Header.Get("Content-Type") != "application/x-tar" {
		b, _ := io.ReadAll(z)
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Disposition"))
		return []member{{params["filename"], string(b)}}
	}
	var out []member
	for t := tar.NewReader(z); ; {
		head, err := t.Next()
		if err != nil {
			return out
		}
		b, _ := io.ReadAll(t)
		out = append(out, member{head.Name, string(b)})
	}
}

// answer decides members and streams the answers, whole.
func (h *hub) answer(w http.ResponseWriter, members []member) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	n := 0
	for _, m := range members {
		if strings.HasSuffix(m.name, ".jws") || strings.HasSuffix(m.name, ".pdf") && !strings.HasPrefix(m.body, "refuse") {
			continue // a paper that is taken is part of its file's answer
		}
		for _, line := range h.decide(m) {
			fmt.Fprintln(w, line)
			n++
		}
	}
	fmt.Fprintf(w, `{"end":true,"results":%d}`+"\n", n)
}

func (h *hub) decide(m member) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	name, _ := json.Marshal(m.name)
	if strings.HasPrefix(m.body, "refuse") {
		return []string{fmt.Sprintf(`{"file":%s,"refused":true,"code":"seal.missing","message":{"vi":"v","en":"e"}}`, name)}
	}
	dossiers, state := 1, "accepted_with_warnings"
	if strings.HasPrefix(m.body, "double") {
		dossiers = 2
	}
	if strings.HasPrefix(m.body, "reject") {
		state = "rejected"
	}
	var out []string
	for i := range dossiers {
		sum := sha256.Sum256([]byte(fmt.Sprint(m.body, i)))
		key := hex.EncodeToString(sum[:8])
		_, replay := h.decided[key]
		h.decided[key] = m.name
		out = append(out, fmt.Sprintf(`{"file":%s,"index":%d,"record":"%s","state":"%s","replay":%t,"findings":[{"code":"x<y"}],"receipt":{"n":1}}`,
			name, i, key, state, replay))
	}
	return out
}

func (h *hub) seen() []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]request(nil), h.requests...)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%q,"message":{"vi":"câu","en":"sentence"},"status":%d}`, code, status)
}

// naps records what a client waited for instead of waiting.
type naps struct {
	mu   sync.Mutex
	list []time.Duration
}

func (n *naps) sleep(ctx context.Context, d time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, d)
	return ctx.Err()
}

func (n *naps) all() []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]time.Duration(nil), n.list...)
}

type world struct {
	hub    *hub
	cred   *agent.Credential
	client *agent.Client
	naps   *naps
}

func setup(t *testing.T) *world {
	t.Helper()
	h, cred := newHub(t)
	w := &world{hub: h, cred: cred, naps: &naps{}}
	w.client = w.another(t, clock.System{})
	return w
}

func (w *world) another(t *testing.T, c clock.Clock) *agent.Client {
	t.Helper()
	client, err := agent.New(agent.Config{HubURL: w.hub.URL, Credential: w.cred, Sleep: w.naps.sleep, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// heard collects answers by file and index; a second answer is an error.
type heard struct {
	t   *testing.T
	got map[string]agent.Answer
}

func listen(t *testing.T) *heard { return &heard{t, map[string]agent.Answer{}} }

func (h *heard) each(a agent.Answer) error {
	key := fmt.Sprintf("%s#%d", a.File, a.Index)
	if _, twice := h.got[key]; twice {
		h.t.Errorf("%s was told twice", key)
	}
	h.got[key] = a
	return nil
}

func files(bodies ...string) func(func(agent.File) bool) {
	return func(yield func(agent.File) bool) {
		for i, b := range bodies {
			if !yield(agent.FileOf(fmt.Sprintf("f%03d.xml", i), []byte(b))) {
				return
			}
		}
	}
}

// many returns n different bodies.
func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("<dossier n='%d'/>", i)
	}
	return out
}
