package gateway_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

const (
	user     = "79901_BV"
	password = "một mật khẩu để thử"
	facility = "79901"
)

var cheap = gateway.Cost{Memory: 8, Time: 1, Lanes: 1}

// submitter answers what a test says, and keeps what it was given.
type submitter struct {
	mu      sync.Mutex
	out     gateway.Outcome
	err     error
	files   [][]byte
	refused []string
	full    bool
	held    int64
	most    int64
	panics  bool
	gate    chan struct{} // nil: answers at once
}

func (s *submitter) Reserve(ctx context.Context, n int64) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from, ok := ctx.Value(who{}).(gateway.Sender); !ok || from.Facility != facility {
		return nil, store.ErrHeld // on nobody's account
	}
	if s.full {
		return nil, fault.New(fault.Busy, "hub.busy", "Hub đang bận.", "Busy.")
	}
	s.held += n
	s.most = max(s.most, s.held)
	return func() { s.mu.Lock(); s.held -= n; s.mu.Unlock() }, nil
}

func (s *submitter) Submit(_ context.Context, from gateway.Sender, file []byte, _ bool) (gateway.Outcome, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panics {
		panic("a defect")
	}
	if from.Name() != "gateway:"+user || from.Facility != facility {
		return gateway.Outcome{}, store.ErrHeld
	}
	s.files = append(s.files, file)
	return s.out, s.err
}

func (s *submitter) Refuse(_ context.Context, _ gateway.Sender, _ int64, why *fault.Error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, why.Code)
	return nil
}

func (s *submitter) Status(_ context.Context, _ gateway.Sender, reference string) (gateway.Outcome, error) {
	if reference != "79901-x" {
		return gateway.Outcome{}, store.ErrAbsent
	}
	return s.out, s.err
}

func (s *submitter) RetryAfter(error) int { return 7 }

// who is the key of the sender on whose account room is reserved.
type who struct{}

func (s *submitter) Arrive(ctx context.Context, from gateway.Sender) context.Context {
	return context.WithValue(ctx, who{}, from)
}

// desk is a gateway with one account, and a log that is read.
type desk struct {
	t       testing.TB
	clock   *clock.Fake
	to      *submitter
	gateway *gateway.Gateway
	log     *lockedBuffer
	address string // requests come from

	access, id string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newDesk(t testing.TB, change ...func(*gateway.Config, *gateway.Deps, *store.GatewayAccount)) *desk {
	t.Helper()
	d := &desk{t: t, clock: clock.NewFake(time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)), to: &submitter{}, log: &lockedBuffer{}, address: "203.0.113.7:5000"}
	d.to.out = one(gateway.Item{Reference: "79901-x", State: dossier.Accepted})
	hash, err := gateway.Hash(password, cheap)
	if err != nil {
		t.Fatal(err)
	}
	account := store.GatewayAccount{Facility: facility, User: user, Hash: hash}
	config := gateway.Config{Cost: cheap, FileLimit: 1 << 20, LoginBurst: 10_000}
	deps := gateway.Deps{Submitter: d.to, Clock: d.clock, Logger: slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&config, &deps, &account)
	}
	if deps.Accounts == nil {
		if deps.Accounts, err = gateway.NewAlone(account); err != nil {
			t.Fatal(err)
		}
	}
	if d.gateway, err = gateway.New(deps, config); err != nil {
		t.Fatal(err)
	}
	return d
}

func one(items ...gateway.Item) gateway.Outcome {
	return gateway.Outcome{At: time.Date(2026, 11, 21, 3, 0, 1, 0, time.UTC), Items: items}
}

// told is an answer as a HIS reads it.
type told struct {
	Code      string           `json:"maKetQua"`
	Reference string           `json:"maGiaoDich"`
	At        string           `json:"thoiGianTiepNhan"`
	Text      string           `json:"thongDiep"`
	Fault     string           `json:"maLoi"`
	State     string           `json:"trangThai"`
	Note      string           `json:"ghiChu"`
	Number    string           `json:"maThe"`
	Visits    *[]any           `json:"dsLichSuKCB2018"`
	Problems  []map[string]any `json:"dsLoi"`
	Dossiers  []map[string]any `json:"dsHoSo"`
	Key       *struct {
		Access  string `json:"access_token"`
		ID      string `json:"id_token"`
		Expires string `json:"expires_in"`
	} `json:"APIKey"`
	raw    string
	retry  string
	status int
}

func (d *desk) do(r *http.Request) told {
	d.t.Helper()
	r.RemoteAddr = d.address
	rec := httptest.NewRecorder()
	mux := http.NewServeMux()
	d.gateway.Register(mux)
	mux.ServeHTTP(rec, r)
	a := told{raw: rec.Body.String(), retry: rec.Header().Get("Retry-After"), status: rec.Code}
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		d.t.Errorf("%s: not JSON: %v: %.200s", r.URL.Path, err, a.raw)
	}
	if strings.Contains(a.raw, "\n") || rec.Header().Get("Content-Type") != "application/json; charset=utf-8" || rec.Header().Get("Cache-Control") != "no-store" {
		d.t.Errorf("%s: form of the answer: %v %q", r.URL.Path, rec.Header(), a.raw)
	}
	return a
}

func (d *desk) post(path, kind, body string, header ...string) told {
	d.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return d.do(r)
}

func md5Of(password string) string {
	sum := md5.Sum([]byte(password))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func (d *desk) login(user, proof string) told {
	d.t.Helper()
	return d.post("/api/token/take", "application/x-www-form-urlencoded", url.Values{"username": {user}, "password": {proof}}.Encode())
}

func (d *desk) take() told {
	d.t.Helper()
	a := d.login(user, md5Of(password))
	if a.Key == nil {
		d.t.Fatalf("no token: %+v", a)
	}
	d.access, d.id = a.Key.Access, a.Key.ID
	return a
}

func (d *desk) headers() []string {
	return []string{"accessToken", d.access, "tokenId", d.id, "passwordHash", md5Of(password)}
}

func bodyOf(kind, code, file string) string {
	b, err := json.Marshal(map[string]string{"username": user, "loaiHoSo": kind, "maTinh": "79", "maCSKCB": code, "fileHSBase64": file})
	if err != nil {
		panic(err)
	}
	return string(b)
}

const submitPath = "/api/qd130/guiHoSoXmlQD3176"

func (d *desk) send(file string) told {
	d.t.Helper()
	return d.post(submitPath, "application/json; charset=utf-8", bodyOf("130", facility, base64.StdEncoding.EncodeToString([]byte(file))), d.headers()...)
}

func (d *desk) card(number, name, birth string) told {
	d.t.Helper()
	b, err := json.Marshal(map[string]string{"maThe": number, "hoTen": name, "ngaySinh": birth})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.post("/api/egw/KQNhanLichSuKCB2024?"+d.query(), "application/json", string(b))
}

func (d *desk) query() string {
	return url.Values{"token": {d.access}, "id_token": {d.id}, "username": {user}, "password": {md5Of(password)}}.Encode()
}
