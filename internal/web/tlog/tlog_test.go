package tlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
	"lienthong/internal/web/tlog"
	"lienthong/internal/witness"
)

var noon = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)

const head = "test.local/log/0\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

// world is the doors over fakes.
type world struct {
	t         testing.TB
	ledger    *fakeLedger
	cosigning *fakeCosigning
	mux       *http.ServeMux
	log       *bytes.Buffer
}

func setup(t testing.TB, watcher tlog.Watcher) *world {
	t.Helper()
	w := &world{t: t, ledger: &fakeLedger{}, cosigning: &fakeCosigning{}, mux: http.NewServeMux(), log: &bytes.Buffer{}}
	d, err := tlog.New(tlog.Deps{Ledger: w.ledger, Cosigning: w.cosigning, Stamps: fakeStamps{}, Receipts: evidence.NewDesk(w.ledger, nil, nil), Watcher: watcher,
		Slot: func() *problem.Slot { return &problem.Slot{RetryAfter: 7} }, Logger: slog.New(slog.NewTextHandler(w.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	d.Register(w.mux)
	return w
}

func (w *world) request(method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	return rec
}

func (w *world) get(path string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.request("GET", path, "")
}

func read[T any](t testing.TB, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return v
}

func TestTheLedgerIsPublic(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	if rec := w.get("/ledger/0/checkpoint"); rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), head) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	rec := w.get("/ledger/0/tile/entries/000.p/3")
	if rec.Code != 200 || rec.Body.String() != "\x00\x01a\x00\x01b\x00\x01c" || rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", rec.Code, rec.Body, rec.Header())
	}
	for _, absent := range []string{"/ledger/1/checkpoint", "/ledger/00/checkpoint", "/ledger/x/checkpoint", "/ledger/-0/checkpoint", "/ledger/0/tile/9/9/9",
		"/ledger/0/tile/entries/0", "/ledger/7/tile/entries/000.p/3", "/ledger/0/tile/0/x001"} {
		if rec := w.get(absent); rec.Code != 404 {
			t.Errorf("%s: %d", absent, rec.Code)
		}
	}
}

func TestTimeStampsArePublic(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	type page struct {
		Items []tlog.Stamp `json:"items"`
		Next  *int64       `json:"next"`
	}
	first := read[page](t, w.get("/ledger/0/stamps?limit=2"))
	if len(first.Items) != 2 || first.Next == nil || *first.Next != 2 || first.Items[0].State != "late" || first.Items[0].GenTime != nil || first.Items[0].Code != "outbound.unreachable" ||
		first.Items[1].GenTime == nil || first.Items[1].Checkpoint != "note 2" {
		t.Errorf("%+v", first)
	}
	rest := read[page](t, w.get("/ledger/0/stamps?before=2"))
	if len(rest.Items) != 1 || rest.Next != nil || rest.Items[0].Size != 1 {
		t.Errorf("%+v", rest)
	}
	rec := w.get("/ledger/0/stamp/2")
	if rec.Code != 200 || rec.Body.String() != "token" || rec.Header().Get("Content-Type") != "application/cms" {
		t.Errorf("%d %q %v", rec.Code, rec.Body, rec.Header())
	}
	for path, want := range map[string]int{"/ledger/0/stamp/0": 404, "/ledger/0/stamp/3": 404, "/ledger/0/stamp/02": 404, "/ledger/0/stamp/x": 404, "/ledger/1/stamp/2": 404,
		"/ledger/9/stamps": 404, "/ledger/0/stamps?limit=101": 422, "/ledger/0/stamps?before=-1": 422, "/ledger/0/stamps?before=0": 422} {
		if rec := w.get(path); rec.Code != want {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestCosignaturesAreShownBehindTheCheckpointTheyAreOf(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	if rec := w.get("/ledger/0/cosigned"); rec.Code != 404 {
		t.Errorf("nobody cosigned, and yet %d %s", rec.Code, rec.Body)
	}
	w.cosigning.note, w.cosigning.lines = head+"\n\u2014 test.local/log/0 AAAAAAAA\n", []string{"\u2014 other.local/witness BBBBBBBB\n"}
	rec := w.get("/ledger/0/cosigned")
	if rec.Code != 200 || rec.Body.String() != w.cosigning.note+w.cosigning.lines[0] {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
	w.ledger.checkpoint = w.cosigning.note
	if got := w.get("/ledger/0/checkpoint").Body.String(); got != rec.Body.String() {
		t.Errorf("the newest is the one cosigned: %q", got)
	}
	w.ledger.checkpoint = "a later note\n"
	if got := w.get("/ledger/0/checkpoint").Body.String(); got != "a later note\n" {
		t.Errorf("a witness was waited for: %q", got)
	}
}

func TestALogProvesThatItOnlyGrew(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	rec := w.get("/ledger/0/consistency?from=1")
	c, err := ledger.ParseConsistency(rec.Body.Bytes())
	if err != nil || rec.Code != 200 || c.From != 1 || c.To != 3 || len(c.Proof) != 2 {
		t.Errorf("%d %s: %v", rec.Code, rec.Body, err)
	}
	for query, want := range map[string]int{"": 422, "from=x": 422, "from=2&to=1": 422, "from=1&to=x": 422, "from=1&to=4": 404, "from=3&to=3": 200} {
		if rec := w.get("/ledger/0/consistency?" + query); rec.Code != want {
			t.Errorf("%s: %d %s", query, rec.Code, rec.Body)
		}
	}
}

// The statuses are those of C2SP tlog-witness.
func TestOthersAskToBeCosigned(t *testing.T) {
	t.Parallel()
	if rec := setup(t, nil).request("POST", "/witness/add-checkpoint", "old 0\n"); rec.Code != 404 {
		t.Errorf("this hub witnesses nobody: %d", rec.Code)
	}
	w := setup(t, fakeWatcher{})
	for body, want := range map[string]string{
		"ok":        "200 text/plain; charset=utf-8 \u2014 line\n",
		"known":     "409 text/x.tlog.size 5\n",
		"malformed": "400 application/problem+json",
		"untrusted": "403 application/problem+json",
		"unknown":   "404 application/problem+json",
		"proof":     "422 application/problem+json",
		"busy":      "503 application/problem+json",
		"panic":     "500 application/problem+json",
		"broken":    "500 application/problem+json",
		strings.Repeat("x", ledger.MaxAddCheckpoint+1): "400 application/problem+json",
	} {
		rec := w.request("POST", "/witness/add-checkpoint", body)
		got := fmt.Sprint(rec.Code, " ", rec.Header().Get("Content-Type"), " ", rec.Body)
		if !strings.HasPrefix(got, want) || strings.Contains(got, "sector") {
			t.Errorf("%.10s: %s", body, got)
		}
		if body == "busy" && rec.Header().Get("Retry-After") != "7" {
			t.Error("when to come again is not said")
		}
	}
	if log := w.log.String(); !strings.Contains(log, "sector 7") || !strings.Contains(log, "panic: sector 9") {
		t.Errorf("the operator is not told why: %s", log)
	}
}

func TestAPartThatIsMissingIsTold(t *testing.T) {
	t.Parallel()
	if _, err := tlog.New(tlog.Deps{}); err == nil {
		t.Error("doors without a log")
	}
}

// fakeWatcher answers by the request's bytes; what it was not given is malformed.
type fakeWatcher struct{}

func (fakeWatcher) Add(_ context.Context, body []byte) (string, error) {
	switch string(body) {
	case "ok":
		return "\u2014 line\n", nil
	case "known":
		return "", &witness.KnownSize{Size: 5}
	case "untrusted":
		return "", witness.ErrSignature
	case "unknown":
		return "", store.ErrAbsent
	case "proof":
		return "", fault.New(fault.Invalid, "witness.proof", "Sai.", "Wrong.")
	case "busy":
		return "", store.ErrStopping
	case "panic":
		panic("sector 9")
	case "broken":
		return "", errors.New("sector 7")
	}
	return "", ledger.ErrAddCheckpoint
}

type fakeCosigning struct {
	store.Cosigning
	note  string
	lines []string
}

func (f *fakeCosigning) Cosigned(context.Context, int) ([]byte, []string, error) {
	if f.note == "" {
		return nil, nil, store.ErrAbsent
	}
	return []byte(f.note), f.lines, nil
}

// fakeStamps has three stamps, the last of them late.
type fakeStamps struct{ store.Stamps }

func (fakeStamps) List(_ context.Context, _ int, before uint64, limit int) ([]store.Stamp, bool, error) {
	all := []store.Stamp{{Size: 3, State: store.StampLate, At: noon, Attempts: 2, Code: "outbound.unreachable"},
		{Size: 2, State: store.StampKept, At: noon, GenTime: noon, NotAfter: noon.AddDate(1, 0, 0)}, {Size: 1, State: store.StampKept, At: noon, GenTime: noon, NotAfter: noon.AddDate(1, 0, 0)}}
	for before != 0 && len(all) > 0 && all[0].Size >= before {
		all = all[1:]
	}
	return all[:min(limit, len(all))], len(all) > limit, nil
}

func (fakeStamps) Covering(_ context.Context, _ int, size uint64) (*store.Stamp, error) {
	if size > 2 {
		return nil, store.ErrAbsent
	}
	return &store.Stamp{Size: max(size, 1), Token: []byte("token")}, nil
}

// fakeLedger is log 0 with three leaves.
type fakeLedger struct {
	store.Ledger
	checkpoint string
}

func (*fakeLedger) Checkpoint(_ context.Context, _ int, size uint64) (string, error) {
	return fmt.Sprint("note ", size), nil
}

func (*fakeLedger) Logs(context.Context) ([]int, error) { return []int{0}, nil }

func (f *fakeLedger) Head(_ context.Context, log int) (store.Head, error) {
	if log != 0 {
		return store.Head{}, store.ErrAbsent
	}
	note := f.checkpoint
	if note == "" {
		note = head
	}
	return store.Head{Head: ledger.Head{Origin: "test.local/log/0", Size: 3, Checkpoint: []byte(note)}}, nil
}

func (f *fakeLedger) Source(int) ledger.Source { return f }

func (*fakeLedger) Leaves(_ context.Context, from, to uint64) ([][]byte, error) {
	leaves := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	return leaves[min(from, 3):min(to, 3)], nil
}

func (*fakeLedger) Tile(context.Context, int, uint64) ([]byte, error) { return nil, nil }
