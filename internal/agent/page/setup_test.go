package page_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/page"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/choose"
	"lienthong/internal/agent/signer/remote/simulator"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/manifest"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/synth"
)

const (
	facilityCode = "24S00"
	password     = "mật khẩu khóa"
)

var dossiers = sync.OnceValues(func() ([]synth.Submission, error) {
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		return nil, err
	}
	all, err := n.Outpatients(400)
	var out []synth.Submission
	for _, s := range all {
		if s.Facility == facilityCode {
			out = append(out, s)
		}
	}
	return out, err
})

func some(t testing.TB, n int) []synth.Submission {
	t.Helper()
	list, err := dossiers()
	if err != nil || len(list) < n {
		t.Fatalf("%d dossiers, %v", len(list), err)
	}
	return list[:n]
}

// world is an agent with its pages, and a hub that answers to comparisons only.
type world struct {
	t       testing.TB
	clock   *clock.Fake
	home    *home.Home
	spool   *spool.Spool
	station *station.Station
	sealer  *signer.Sealer
	page    *page.Page
	log     *strings.Builder
	at      string // "/p/XXXX"
	cookie  *http.Cookie

	mu   sync.Mutex
	held []manifest.Held // what the hub has of every day
	down bool
}

type way struct {
	pin  bool // the key is in a PKCS#12 file whose password nobody has given yet
	held bool
}

func setup(t testing.TB, ways ...way) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)), log: &strings.Builder{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(rw http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(rw).Encode(map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
	})
	mux.HandleFunc("PUT /api/v1/manifests/{date}", w.manifest)
	hubServer := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", w.clock.Now().UTC().Format(http.TimeFormat))
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(hubServer.Close)

	dir := filepath.Join(t.TempDir(), "agent")
	var err error
	if w.home, err = home.Create(dir); err != nil {
		t.Fatal(err)
	}
	config := home.Config{Hub: hubServer.URL, Facility: facilityCode, Software: "HIS-Thu/5.2", Folders: []home.Folder{{Path: filepath.Join(t.TempDir(), "gui"), Lane: "urgent"}}}
	for _, x := range ways {
		if x.pin {
			config.Signer = home.SignerConfig{Type: home.SignerPKCS12, File: filepath.Join(dir, "seal.p12")}
			pair, err := simulator.NewPair("Bệnh viện Thử", "0300000001", w.clock)
			if err != nil {
				t.Fatal(err)
			}
			b, err := pair.EncodePKCS12(password)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.home.Write("seal.p12", b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.home.Save(config); err != nil {
		t.Fatal(err)
	}
	w.open(hubServer.URL, len(ways) > 0 && ways[0].held)
	w.enter()
	return w
}

func (w *world) open(hubURL string, hold bool) {
	w.t.Helper()
	key, err := w.home.SpoolKey()
	if err != nil {
		w.t.Fatal(err)
	}
	if w.spool, err = spool.Open(context.Background(), w.home.Path("spool.db"), key, spool.Config{Clock: w.clock}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.spool.Close() })
	private, spki, err := agent.NewKey()
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := agent.MakeCredential("lienthong.test", facilityCode, facilityCode+"-1", hex.EncodeToString(spki[:8]), private)
	if err != nil {
		w.t.Fatal(err)
	}
	credential, err := agent.ParseCredential(file)
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := agent.New(agent.Config{HubURL: hubURL, Credential: credential, Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		w.t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	d := station.Deps{Spool: w.spool, Client: client, Kinds: hub.Kinds(), Logger: logger, Checker: &intake.Checker{Kinds: hub.Kinds(), Seals: seals, Rules: hub.Rules}}
	if w.home.Config().Signer.Type != home.SignerNone {
		if w.sealer, err = choose.Signer(context.Background(), w.home, w.clock); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = w.sealer.Close() })
		d.Signer = w.sealer
	}
	if w.station, err = station.New(d, station.Config{Facility: facilityCode, Clock: w.clock, Hold: hold}); err != nil {
		w.t.Fatal(err)
	}
	if w.page, err = page.New(page.Deps{Station: w.station, Signer: w.sealer, Home: w.home, Logger: logger}, page.Config{Clock: w.clock, Version: "1.4.0"}); err != nil {
		w.t.Fatal(err)
	}
}

// manifest answers as a hub that has exactly w.held.
func (w *world) manifest(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		http.Error(rw, "down", http.StatusServiceUnavailable)
		return
	}
	var q manifest.Request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		w.t.Error(err)
	}
	_ = json.NewEncoder(rw).Encode(manifest.NewHere(w.held).Answer(q))
}

// enter opens a one-time link.
func (w *world) enter() {
	w.t.Helper()
	u, err := url.Parse(w.page.Link(1))
	if err != nil {
		w.t.Fatal(err)
	}
	rec := w.send("GET", u.Path, nil)
	if rec.Code != http.StatusSeeOther {
		w.t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	w.at = strings.TrimSuffix(rec.Header().Get("Location"), "/")
	w.cookie = rec.Result().Cookies()[0]
}

// send asks the pages as a browser of this machine does.
func (w *world) send(method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8085"+path, body)
	r.RemoteAddr = "127.0.0.1:50000"
	if w.cookie != nil && strings.HasPrefix(path, w.cookie.Path) {
		r.AddCookie(w.cookie)
	}
	if method == "POST" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		} else if r.Header.Set(name, value); name == "RemoteAddr" {
			r.RemoteAddr = value
		}
	}
	rec := httptest.NewRecorder()
	w.page.ServeHTTP(rec, r)
	return rec
}

func (w *world) get(path string, header ...string) string {
	w.t.Helper()
	rec := w.send("GET", w.at+path, nil, header...)
	if rec.Code != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func (w *world) post(path string, pairs ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return w.send("POST", w.at+path, strings.NewReader(v.Encode()))
}

func (w *world) take(name string, raw []byte) spool.Item {
	w.t.Helper()
	ref, err := w.station.Take(w.t.Context(), station.Item{Name: name, Source: "folder", Lane: store.Routine, Payload: spool.Payload{File: spool.Part{Name: name, Bytes: raw}}})
	if err != nil {
		w.t.Fatal(err)
	}
	i, err := w.spool.Get(w.t.Context(), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) look() {
	w.t.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = w.station.Look(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

const (
	badDates = `{"code":"time.order","severity":"error","blocks":[],"table":"XML1","row":1,"field":"NGAY_RA","message":{"vi":"Ngày ra trước ngày vào.","en":"Left before arriving."},"hint":{"vi":"Sửa NGAY_RA ở phần mềm bệnh viện.","en":"Mend NGAY_RA in the HIS."}}`
	warning  = `{"code":"XML1.MA_KHOA.unknown","severity":"warning","blocks":["payment"],"table":"XML1","row":1,"field":"MA_KHOA","message":{"vi":"Mã khoa không có trong danh mục.","en":"The department is not in the list."},"hint":{"vi":"Xem danh mục khoa.","en":"See the list."}}`
)

// answer has the hub say something of an item.
func (w *world) answer(i spool.Item, n int, outcome spool.Outcome, findings ...string) {
	w.t.Helper()
	record := fmt.Sprintf("%s-%026d", facilityCode, i.ID*10+int64(n))
	a := spool.Answer{Item: i.ID, N: n, Record: record, Outcome: outcome, At: w.clock.Now(), Kind: "qd4750", Episode: "24S00.1234567", Own: true}
	a.Line = fmt.Appendf(nil, `{"file":%q,"index":%d,"record":%q,"facility":%q,"episode":"24S00.1234567","kind":"qd4750","version":1,"state":%q,"findings":[%s],"receipt":{"body":"e30="}}`,
		i.Name, n, record, facilityCode, outcome, strings.Join(findings, ","))
	switch outcome {
	case spool.WasRejected:
		a.Reasons = []spool.Reason{reason("time.order", "Ngày ra trước ngày vào.", "Left before arriving.", "Sửa NGAY_RA ở phần mềm bệnh viện.", "Mend NGAY_RA in the HIS.")}
	case spool.WasRefused:
		a.Record, a.Own, a.Kind, a.Episode = "", false, "", ""
		a.Reasons = []spool.Reason{reason("seal.untrusted", "Chứng thư chưa đăng ký với hub.", "The certificate is not registered.", "", "")}
		a.Line = fmt.Appendf(nil, `{"file":%q,"refused":true,"code":"seal.untrusted","message":{"vi":"Chứng thư chưa đăng ký với hub.","en":"The certificate is not registered."}}`, i.Name)
	}
	if _, err := w.spool.Apply(w.t.Context(), []spool.Answer{a}, i.ID); err != nil {
		w.t.Fatal(err)
	}
}

func reason(code, vi, en, hintVI, hintEN string) spool.Reason {
	r := spool.Reason{Code: code}
	r.Said.VI, r.Said.EN, r.Hint.VI, r.Hint.EN = vi, en, hintVI, hintEN
	return r
}
