// Package e2e_test asks the whole intake for verdicts the way a hospital does:
// signed bytes through the HTTP door, with a token, against a store. Its tables
// read DESIGN §6 line by line; what they expect is written down there, not
// taken from the code. It is not for the parts: those have tests of their own.
package e2e_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/web/api"
)

func TestMain(m *testing.M) {
	code := pgtest.Main(m)
	if x := tool(); x != nil {
		if err := os.RemoveAll(x.dir); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

const hubName = "e2e.test"

// now is where every clock of these tests begins.
var now = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) // 10:00 in Hanoi

// walks runs a test in a browser: on the embedded store, and with
// LIENTHONG_WALK_ALL=1 on both. A page is made of what the tests beside it ask both
// stores for, and a browser costs a minute.
func walks(t *testing.T, test func(t *testing.T, w *world), change ...func(*hub.Config)) {
	t.Helper()
	if os.Getenv("LIENTHONG_WALK_ALL") != "" {
		engines(t, test, change...)
		return
	}
	dir := t.TempDir()
	test(t, newWorld(t, func(c clock.Clock) hub.OpenStore {
		return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
		}
	}, change...))
}

// engines runs a test on both stores.
func engines(t *testing.T, test func(t *testing.T, w *world), change ...func(*hub.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, newWorld(t, func(c clock.Clock) hub.OpenStore {
			return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
				return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
			}
		}, change...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Copy(t, postgres.Migrate)
		test(t, newWorld(t, func(c clock.Clock) hub.OpenStore {
			return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
				return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
			}
		}, change...))
	})
}

// world is a hub with its facilities, behind its HTTP door.
type world struct {
	t      testing.TB
	hub    *hub.Hub
	keys   keyring.Keys
	clock  *clock.Fake
	server *httptest.Server
	ctx    context.Context
	looks  *failing

	mu      sync.Mutex
	clients map[string]*client // by facility
}

type client struct {
	id, kid string
	key     *ecdsa.PrivateKey
	token   string
	taken   time.Time
}

// failing lets a test break the keeping of looks.
type failing struct {
	store.Disclosures
	mu     sync.Mutex
	broken bool
}

func (f *failing) set(broken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = broken
}

func (f *failing) Record(ctx context.Context, rows []store.Disclosure) error {
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	if broken {
		return fmt.Errorf("the disclosure log is gone")
	}
	return f.Disclosures.Record(ctx, rows)
}

func newWorld(t testing.TB, open func(clock.Clock) hub.OpenStore, change ...func(*hub.Config)) *world {
	t.Helper()
	return newWorldOf(t, hubName, must(keyring.New(nil)), open, change...)
}

// newWorldOf is a world whose hub has that name and those keys.
func newWorldOf(t testing.TB, name string, keys keyring.Keys, open func(clock.Clock) hub.OpenStore, change ...func(*hub.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(now), ctx: context.Background(), clients: map[string]*client{}}
	inner := open(w.clock)
	w.keys = keys
	cfg := hub.Config{Name: name, Keys: keys, Clock: w.clock,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
		API:    api.Config{RatePerS: 1e6, Burst: 1e6},
		Open: func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
			s, err := inner(ctx, log)
			if err != nil {
				return nil, err
			}
			w.looks = &failing{Disclosures: s.Disclosures}
			s.Disclosures = w.looks
			return s, nil
		}}
	for _, f := range change {
		f(&cfg)
	}
	h, err := hub.Start(w.ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.hub = h
	w.server = httptest.NewServer(h.Handler())
	t.Cleanup(w.close)
	w.register()
	return w
}

// close ends the hub and lets go of it. Package testing keeps what the cleanups of
// parallel tests hold until the last test is done, and that is this world: with its
// hub, some 20 MB for each of hundreds.
func (w *world) close() {
	w.server.Close()
	if err := w.hub.Close(); err != nil {
		w.t.Errorf("closing the hub: %v", err)
	}
	w.server, w.hub, w.looks = nil, nil, nil
}

// register makes the facilities of keys_test.go known, each with a credential.
func (w *world) register() {
	w.t.Helper()
	k := pairs()
	w.facility(admin.Facility{Code: "79901", Certificates: []string{pemOf(k.ec.Certificate), pemOf(k.rsa.Certificate), pemOf(k.now29.Certificate), pemOf(k.now30.Certificate),
		pemOf(k.past30.Certificate), pemOf(k.past31.Certificate), pemOf(k.future.Certificate), pemOf(k.starts.Certificate), pemOf(k.ends.Certificate), pemOf(k.ended.Certificate), pemOf(k.revoked.Certificate), pemOf(k.short.Certificate),
		pemOf(k.p384.Certificate), pemOf(k.revokedInGrace.Certificate), pemOf(k.revokedPast.Certificate)}})
	w.facility(admin.Facility{Code: "79902", Certificates: []string{pemOf(k.other.Certificate)}})
	w.facility(admin.Facility{Code: "79903", TaxCode: taxCode})
	w.facility(admin.Facility{Code: "79904"})
	w.facility(admin.Facility{Code: "79905", Certificates: []string{pemOf(k.group.Certificate)}})
	w.facility(admin.Facility{Code: "79906", Certificates: []string{pemOf(k.group.Certificate)}})
	w.check(w.hub.Office.AddAnchor(w.ctx, "test", pemOf(k.root)))
	for _, c := range []*x509.Certificate{k.revoked.Certificate, k.revokedInGrace.Certificate, k.revokedPast.Certificate} {
		w.revoke("79901", c)
	}
	for _, code := range []string{"79901", "79902", "79903", "79904", "79905", "79906"} {
		w.credential(code)
	}
}

func (w *world) facility(f admin.Facility) {
	w.t.Helper()
	if f.Name == "" {
		f.Name, f.Province = "Cơ sở thử "+f.Code, "79"
	}
	w.check(w.hub.Office.AddFacility(w.ctx, "test", f))
	w.refresh()
}

func (w *world) revoke(code string, c *x509.Certificate) {
	w.t.Helper()
	change := store.DirectoryChange{RevokeCertificate: sha256.Sum256(c.Raw)}
	w.check(w.hub.Slices.Facilities.Change(w.ctx, change, store.Act{At: w.clock.Now(), Actor: "test", Action: "certificate.revoke", Object: code, Detail: "{}"}))
	w.refresh()
}

func (w *world) refresh() {
	w.t.Helper()
	w.check(w.hub.Trust.Refresh(w.ctx))
}

func (w *world) credential(code string) {
	w.t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	id, kid, err := w.hub.Office.AddClient(w.ctx, "test", code, must(x509.MarshalPKIXPublicKey(&key.PublicKey)))
	w.check(err)
	w.refresh()
	w.clients[code] = &client{id: id, kid: kid, key: key}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// token takes a bearer token for a facility's system, as RFC 7523 has it.
func (w *world) token(code string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.clients[code]
	if c == nil {
		w.t.Fatalf("no credential for %s", code)
	}
	if at := w.clock.Now(); c.token != "" && at.Sub(c.taken) < 4*time.Minute && !at.Before(c.taken) {
		return c.token
	}
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: c.key}, (&jose.SignerOptions{}).WithHeader("kid", c.kid)))
	target := w.server.URL + "/oauth2/token"
	assertion := must(jwt.Signed(signer).Claims(jwt.Claims{Issuer: c.id, Subject: c.id, Audience: jwt.Audience{target}, ID: rand.Text(),
		Expiry: jwt.NewNumericDate(w.clock.Now().Add(4 * time.Minute))}).Serialize())
	res, err := http.PostForm(target, url.Values{"grant_type": {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}})
	w.check(err)
	var got struct {
		Token string `json:"access_token"`
	}
	w.check(json.NewDecoder(res.Body).Decode(&got))
	w.check(res.Body.Close())
	if got.Token == "" {
		w.t.Fatalf("no token for %s: %d", code, res.StatusCode)
	}
	c.token, c.taken = got.Token, w.clock.Now()
	return c.token
}

// answer is one line of an answer.
type answer struct {
	File       string          `json:"file"`
	Index      int             `json:"index"`
	Record     string          `json:"record"`
	Facility   string          `json:"facility"`
	Episode    string          `json:"episode"`
	Kind       string          `json:"kind"`
	Version    *int            `json:"version"`
	State      string          `json:"state"`
	Replay     bool            `json:"replay"`
	Current    bool            `json:"current"`
	Supersedes *string         `json:"supersedes"`
	Person     *string         `json:"person"`
	Findings   []finding       `json:"findings"`
	Receipt    json.RawMessage `json:"receipt"`
	Refused    bool            `json:"refused"`
	Deferred   bool            `json:"deferred"`
	Code       string          `json:"code"`
	Message    struct{ VI, EN string }
	End        bool `json:"end"`
	Results    int  `json:"results"`
}

type finding struct {
	Code     string   `json:"code"`
	Severity string   `json:"severity"`
	Table    string   `json:"table"`
	Row      int      `json:"row"`
	Field    string   `json:"field"`
	Blocks   []string `json:"blocks"`
	Message  struct {
		VI string `json:"vi"`
		EN string `json:"en"`
	} `json:"message"`
}

// member is one file of a tar.
type member struct {
	name string
	data []byte
}

func (w *world) do(code, method, path, contentType string, body []byte, header ...string) (int, http.Header, []byte) {
	w.t.Helper()
	req := must(http.NewRequest(method, w.server.URL+path, bytes.NewReader(body)))
	req.Header.Set("Authorization", "Bearer "+w.token(code))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.server.Client().Do(req)
	w.check(err)
	data, err := io.ReadAll(res.Body)
	w.check(err)
	w.check(res.Body.Close())
	return res.StatusCode, res.Header, data
}

// send sends one file alone and returns its answers in order, and the status.
func (w *world) send(code string, data []byte) ([]answer, int) {
	w.t.Helper()
	status, _, body := w.do(code, "POST", "/api/v1/submissions", "application/xml", data)
	return w.plain(body), status
}

// sendStream sends one file alone and asks for a stream.
func (w *world) sendStream(code string, data []byte) ([]answer, int) {
	w.t.Helper()
	status, _, body := w.do(code, "POST", "/api/v1/submissions", "application/xml", data, "Accept", "application/x-ndjson")
	return w.stream(body), status
}

// sendTar sends files together and returns their answers by file.
func (w *world) sendTar(code string, streamed bool, files ...member) map[string][]answer {
	w.t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, f := range files {
		w.check(tw.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.data)), Typeflag: tar.TypeReg}))
		_, err := tw.Write(f.data)
		w.check(err)
	}
	w.check(tw.Close())
	accept := "application/json"
	if streamed {
		accept = "application/x-ndjson"
	}
	status, _, body := w.do(code, "POST", "/api/v1/submissions", "application/x-tar", b.Bytes(), "Accept", accept)
	if status != http.StatusOK {
		w.t.Fatalf("a tar was answered %d: %s", status, body)
	}
	list := []answer(nil)
	if streamed {
		list = w.stream(body)
	} else {
		list = w.plain(body)
	}
	out := map[string][]answer{}
	for _, a := range list {
		out[a.File] = append(out[a.File], a)
	}
	for name, list := range out {
		ordered := make([]answer, len(list))
		for _, a := range list {
			if a.Index < 0 || a.Index >= len(list) {
				w.t.Fatalf("%s: index %d of %d answers", name, a.Index, len(list))
			}
			ordered[a.Index] = a
		}
		out[name] = ordered
	}
	return out
}

func (w *world) plain(body []byte) []answer {
	w.t.Helper()
	var doc struct {
		Results []answer `json:"results"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || doc.Results == nil {
		w.t.Fatalf("not an answer: %v: %.300s", err, body)
	}
	return doc.Results
}

func (w *world) stream(body []byte) []answer {
	w.t.Helper()
	var out []answer
	for line := range strings.Lines(string(body)) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			w.t.Fatalf("not a line: %v: %.300s", err, line)
		}
		if a.End {
			if a.Results != len(out) {
				w.t.Fatalf("the last line says %d results of %d", a.Results, len(out))
			}
			return out
		}
		out = append(out, a)
	}
	w.t.Fatal("a stream without a last line")
	return nil
}

// get asks for something of a record.
func (w *world) get(code, path string, header ...string) (int, []byte) {
	w.t.Helper()
	status, _, body := w.do(code, "GET", path, "", nil, header...)
	return status, body
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
