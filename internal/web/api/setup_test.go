package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/body"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/masked"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/api"
	"lienthong/internal/web/tlog"
)

var noon = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)

// world is the interface over fakes, with a caller whose role a header names.
type world struct {
	t       testing.TB
	clock   *clock.Fake
	intake  *fakeIntake
	records *fakeRecords
	counts  *fakeCounters
	looks   *fakeLooks
	ledger  *fakeLedger
	vault   *vault.Vault
	handler http.Handler
	log     *strings.Builder
	legs    *fakeLegs
	acts    *fakeActs
	office  *admin.Office
}

func setup(t testing.TB, change ...func(*api.Config)) *world {
	t.Helper()
	v, err := vault.New(vault.Config{Master: make([]byte, 32), Peppers: map[int][]byte{1: []byte("a pepper of thirty-two bytes....")}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: clock.NewFake(noon), intake: &fakeIntake{retry: 7}, records: &fakeRecords{}, counts: &fakeCounters{},
		looks: &fakeLooks{}, ledger: &fakeLedger{}, vault: v, log: &strings.Builder{}, legs: &fakeLegs{}, acts: &fakeActs{}}
	w.office = admin.New(admin.Deps{Records: w.records, Acts: w.acts, Clock: w.clock, ExchangeDeps: admin.ExchangeDeps{Legs: w.legs, Files: w.records}})
	codec, err := body.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	desk := evidence.NewDesk(w.ledger, nil, nil)
	d, err := disclose.New(disclose.Deps{Records: w.records, Log: w.looks, Counters: w.counts, Vault: v, Codec: codec,
		Kinds: kind.NewRegistry(), Receipts: desk, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	c := api.Config{Hub: "test.local", RatePerS: 1e6, Burst: 1e6}
	for _, f := range change {
		f(&c)
	}
	a, err := api.New(api.Deps{Callers: callers{}, Intake: w.intake, Disclose: d, Receipts: desk, Rules: quality.V1, Vault: v, Clock: w.clock,
		Slices: &store.Slices{Records: w.records, Counters: w.counts, Disclosures: w.looks, Ledger: w.ledger, Retention: fakeRetention{}, Legs: masked.Legs{Legs: w.legs}}, Rechecks: fakeRechecks{},
		Exchange: w.office, Moves: w.moves(), Ways: fakeWays{},
		Edge:   agents(t, w.clock),
		Logger: slog.New(slog.NewTextHandler(&locked{to: w.log}, nil))}, c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	a.Register(mux)
	log, err := tlog.New(tlog.Deps{Ledger: w.ledger, Stamps: fakeStamps{}, Receipts: desk, Slot: a.Slot, Logger: a.Logger})
	if err != nil {
		t.Fatal(err)
	}
	log.Register(mux)
	w.handler = mux
	return w
}

type locked struct {
	mu sync.Mutex
	to io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// callers believes the header As: a role, or nobody.
type callers struct{}

func (callers) Caller(r *http.Request) (api.Caller, error) {
	as := r.Header.Get("As")
	who, err := role.Parse(as)
	if err != nil {
		return api.Caller{}, fault.New(fault.Unauthenticated, "token.invalid", "Thẻ không đúng.", "No valid token.").Because(err)
	}
	c := api.Caller{Role: who, Name: "session:" + as}
	if who.Kind == role.Facility {
		c.Client, c.Name = who.ID+"-1", "client:"+who.ID+"-1"
	}
	return c, nil
}

const hospital = "facility:79901"

// request is one call; header values are "Name: value".
func (w *world) request(method, path, as string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, path, body)
	if as != "" {
		r.Header.Set("As", as)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	documented(w.t, r, rec)
	return rec
}

func (w *world) get(path, as string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.request("GET", path, as, nil, headers...)
}

func (w *world) send(body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.request("POST", "/api/v1/submissions", hospital, strings.NewReader(body), headers...)
}

func read[T any](t testing.TB, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return v
}

// line is any answer of a submission.
type line struct {
	File       string  `json:"file"`
	Index      int     `json:"index"`
	Record     string  `json:"record"`
	State      string  `json:"state"`
	Refused    bool    `json:"refused"`
	Deferred   bool    `json:"deferred"`
	Code       string  `json:"code"`
	RetryAfter int     `json:"retry_after"`
	End        bool    `json:"end"`
	Results    int     `json:"results"`
	Facility   string  `json:"facility"`
	Person     *string `json:"person"`
}

type submission struct {
	Results    []line  `json:"results"`
	SlotStart  string  `json:"slot_start"`
	SlotEnd    string  `json:"slot_end"`
	RatePerS   float64 `json:"rate_per_s"`
	RetryAfter int     `json:"retry_after"`
}

func id(n byte) dossier.ID {
	d := dossier.ID{Facility: "79901"}
	d.Serial[len(d.Serial)-1] = n
	return d
}
