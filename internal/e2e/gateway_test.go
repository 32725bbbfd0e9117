package e2e_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/web/gateway"
)

// his is a hospital system that knows the insurer's interface and nothing else.
type his struct {
	w              *world
	user, password string // password as sent: MD5 in capitals
	facility       string
	access, id     string
}

// told is an answer as such a system reads it.
type told struct {
	Code      string `json:"maKetQua"`
	Reference string `json:"maGiaoDich"`
	At        string `json:"thoiGianTiepNhan"`
	Text      string `json:"thongDiep"`
	Fault     string `json:"maLoi"`
	State     string `json:"trangThai"`
	Note      string `json:"ghiChu"`
	Key       *struct {
		Access  string `json:"access_token"`
		ID      string `json:"id_token"`
		Type    string `json:"token_type"`
		User    string `json:"username"`
		Expires string `json:"expires_in"`
	} `json:"APIKey"`
	Problems []struct {
		Code string `json:"maLoi"`
		Text string `json:"noiDung"`
	} `json:"dsLoi"`
	Dossiers []struct {
		Code      string `json:"maKetQua"`
		Reference string `json:"maGiaoDich"`
		State     string `json:"trangThai"`
	} `json:"dsHoSo"`
	retry string
}

// gatewayAccount makes an account and returns the system that uses it.
func (w *world) gatewayAccount(code, user, password string, roaming bool) *his {
	w.t.Helper()
	hash := must(gateway.Hash(password, gateway.Cost{Memory: 64, Time: 1, Lanes: 1}))
	w.check(w.hub.Office.SetGateway(w.ctx, "test", admin.Gateway{Code: code, User: user, Hash: hash, Roaming: roaming}))
	sum := md5.Sum([]byte(password))
	return &his{w: w, user: user, password: strings.ToUpper(hex.EncodeToString(sum[:])), facility: code}
}

func (s *his) post(path, contentType, body string, header ...string) told {
	s.w.t.Helper()
	req := must(http.NewRequest("POST", s.w.server.URL+path, strings.NewReader(body)))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]} // the case of the name as given
	}
	return s.do(req)
}

func (s *his) do(req *http.Request) told {
	s.w.t.Helper()
	res, err := s.w.server.Client().Do(req)
	s.w.check(err)
	b := must(io.ReadAll(res.Body))
	s.w.check(res.Body.Close())
	a := told{retry: res.Header.Get("Retry-After")}
	if err := json.Unmarshal(b, &a); err != nil || res.StatusCode != http.StatusOK {
		s.w.t.Fatalf("%s: HTTP %d, %v: %.300s", req.URL.Path, res.StatusCode, err, b)
	}
	return a
}

// take logs in, as a form.
func (s *his) take() told {
	s.w.t.Helper()
	a := s.post("/api/token/take", "application/x-www-form-urlencoded", url.Values{"username": {s.user}, "password": {s.password}}.Encode())
	if a.Key != nil {
		s.access, s.id = a.Key.Access, a.Key.ID
	}
	return a
}

// body is what a submission sends.
func (s *his) body(kind string, file []byte) string {
	return string(must(json.Marshal(map[string]string{"username": s.user, "loaiHoSo": kind, "maTinh": s.facility[:2], "maCSKCB": s.facility,
		"fileHSBase64": base64.StdEncoding.EncodeToString(file)})))
}

func (s *his) headers() []string {
	return []string{"accessToken", s.access, "tokenId", s.id, "passwordHash", s.password}
}

func (s *his) send(file []byte) told {
	s.w.t.Helper()
	return s.post("/api/qd130/guiHoSoXmlQD3176", "application/json", s.body("130", file), s.headers()...)
}

func TestAHospitalSystemSpeaksTheInsurersInterface(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		s := w.gatewayAccount("79901", "79901_BV", "Mật khẩu 1", false)
		if a := s.send([]byte("<a/>")); a.Code != "401" || a.Fault != "gateway.session" {
			t.Errorf("before the login: %+v", a)
		}
		if a := s.take(); a.Code != "200" || a.Key == nil || a.Key.Type != "Bearer" || a.Key.User != s.user || a.Key.Expires != "2026-11-21T03:10:00.0000000Z" || len(a.Key.Access) < 43 {
			t.Fatalf("login: %+v", a)
		}
		file := ours(pairs().ec, envelope(newVisit()))
		a := s.send(file)
		if a.Code != "200" || a.At != "20261121100000" || !strings.HasPrefix(a.Reference, "79901-") {
			t.Fatalf("accepted: %+v", a)
		}
		if status, got := w.get("79901", "/api/v1/records/"+a.Reference+"/original"); status != 200 || !bytes.Equal(got, file) {
			t.Errorf("the original behind maGiaoDich: %d, %d bytes of %d", status, len(got), len(file))
		}
		if status, _ := w.get("79901", "/api/v1/records/"+a.Reference+"/receipt"); status != 200 {
			t.Errorf("the receipt behind maGiaoDich: %d", status)
		}
	})
}

// The same interface by a script that shares nothing with this program.
func TestAScriptSpeaksTheInsurersInterface(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: no python3 on this machine")
	}
	engines(t, func(t *testing.T, w *world) {
		const password = "mật khẩu của bệnh viện"
		w.gatewayAccount("79901", "79901_BV", password, false)
		dir := t.TempDir()
		file, arrived := filepath.Join(dir, "signed.xml"), filepath.Join(dir, "checkin.xml")
		w.check(os.WriteFile(file, ours(pairs().ec, envelope(newVisit())), 0o600))
		w.check(os.WriteFile(arrived, ours(pairs().ec, checkin(arrival())), 0o600))
		cmd := exec.CommandContext(w.ctx, python, filepath.Join("..", "..", "script", "his.py"), w.server.URL, "79901_BV", "79901", file, arrived)
		cmd.Stdin = strings.NewReader(password)
		out, err := cmd.CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("WRONG")) || bytes.Count(out, []byte("ok ")) < 16 {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// saidOf is an answer in short: "200", "205 subject.sex".
func saidOf(a told) string { return strings.TrimSpace(a.Code + " " + a.Fault) }

func TestTheGatewaySaysWhatTheHubDecided(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		s := w.gatewayAccount("79901", "79901_BV", "Mật khẩu 1", false)
		s.take()
		k := pairs()
		changing := newVisit()
		file := ours(k.ec, envelope(changing))
		rejected := ours(k.ec, envelope(newVisit().set("XML1", "GIOI_TINH", "7")))
		at := func(code string, v *visit) []byte {
			return []byte(strings.Replace(envelope(v), "<MACSKCB>79901", "<MACSKCB>"+code, 1))
		}
		for _, c := range []struct {
			name string
			file []byte
			want string
		}{
			{"accepted", file, "200"},
			{"again", file, "200"},
			{"a newer version", ours(k.ec, envelope(changing.set("XML1", "SO_NGAY_DTRI", "2"))), "200"},
			{"the first again", file, "200"},
			{"rejected", rejected, "205 subject.sex"},
			{"rejected again", rejected, "205 subject.sex"},
			{"rejected, with other errors before", ours(k.ec, envelope(newVisit().set("XML1", "GIOI_TINH", "7").omit("XML1", "MA_BENH_CHINH", "T_TONGCHI_BV", "MA_LOAI_KCB"))), "205 subject.sex"},
			{"no seal", []byte(envelope(newVisit())), "125 seal.missing"},
			{"a broken seal", bytes.Replace(ours(k.ec, envelope(newVisit())), []byte("20261120"), []byte("20261119"), 1), "125 seal.broken"},
			{"a stranger's seal", ours(k.stranger, envelope(newVisit())), "125 seal.untrusted"},
			{"a revoked seal", ours(k.revoked, envelope(newVisit())), "125 seal.revoked"},
			{"another facility's", at("79902", newVisit()), "403 sender.not_allowed"},
			{"nobody's", at("79999", newVisit()), "403 facility.unknown"},
			{"no XML", []byte("PK\x03\x04"), "205 file.unreadable"},
			{"a doctype", []byte(`<!DOCTYPE a><GIAMDINHHS/>`), "205 file.doctype"},
			{"another root", []byte(`<A></A>`), "205 envelope.invalid"},
			{"gzip inside", gzipped(file), "205 file.unreadable"},
		} {
			a := s.send(c.file)
			if saidOf(a) != c.want {
				t.Errorf("%s: %s, want %s: %+v", c.name, saidOf(a), c.want, a)
			}
			if kept := a.Reference != ""; kept != (c.want == "200" || c.want == "205 subject.sex") {
				t.Errorf("%s: maGiaoDich %q", c.name, a.Reference)
			}
			if !strings.Contains(a.Text, strings.TrimPrefix(c.want, a.Code+" ")) && a.Code != "200" {
				t.Errorf("%s: thongDiep does not name the code: %s", c.name, a.Text)
			}
			if a.Reference == "" {
				continue
			}
			if status, receipt := w.get("79901", "/api/v1/records/"+a.Reference+"/receipt"); status != 200 || len(receipt) == 0 {
				t.Errorf("%s: its receipt: %d", c.name, status)
			}
		}
		w.theGatewayKept(s)
	})
}

// theGatewayKept looks at what the hub's own interface says of what came
// through the gateway: replays keep their time and reference, rejected dossiers
// can be looked up, refusals are the facility's to see.
func (w *world) theGatewayKept(s *his) {
	w.t.Helper()
	file := ours(pairs().ec, envelope(newVisit()))
	first := s.send(file)
	w.clock.Advance(90 * time.Second)
	again := s.send(file)
	if again.Reference != first.Reference || again.At != first.At || !strings.Contains(again.Text, "trước đó") {
		w.t.Errorf("a replay: %+v, first %+v", again, first)
	}
	if a, _ := w.send("79901", file); len(a) != 1 || !a[0].Replay || a[0].Record != first.Reference {
		w.t.Errorf("the same bytes by the hub's own door are another record: %+v", a)
	}
	several := s.send(ours(pairs().ec, envelope(newVisit(), newVisit().set("XML1", "GIOI_TINH", "7"), newVisit())))
	if saidOf(several) != "205 subject.sex" || len(several.Dossiers) != 3 || several.Dossiers[1].Reference != several.Reference || several.Dossiers[0].Code != "200" {
		w.t.Errorf("several: %+v", several)
	}
	for reference, want := range map[string]string{first.Reference: "200 accepted_with_warnings", several.Reference: "205 rejected", "79901-00000000000000000000000000": "205 ", "x": "205 "} {
		a := s.status(reference)
		if got := a.Code + " " + a.State; got != want && !(strings.HasPrefix(want, "200") && got == "200 accepted") {
			w.t.Errorf("the look-up of %s: %s, want %s", reference, got, want)
		}
	}
	other := w.gatewayAccount("79902", "79902_BV", "Mật khẩu 2", false)
	other.take()
	if a := other.status(first.Reference); saidOf(a) != "205 record.absent" {
		w.t.Errorf("another facility looks it up: %+v", a)
	}
	_, body := w.get("79901", "/api/v1/refusals?limit=100")
	if !bytes.Contains(body, []byte(`"sender":"gateway:79901_BV"`)) || !bytes.Contains(body, []byte(`"seal.broken"`)) {
		w.t.Errorf("the refusals: %s", body)
	}
}

func (s *his) status(reference string) told {
	s.w.t.Helper()
	req := must(http.NewRequest("GET", s.w.server.URL+"/api/kcb/tra-cuu-trang-thai/"+reference, nil))
	for i, h := 0, s.headers(); i < len(h); i += 2 {
		req.Header[h[i]] = []string{h[i+1]}
	}
	return s.do(req)
}

func TestTheGatewayEndsSessions(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const password = "Mật khẩu 1"
		s := w.gatewayAccount("79901", "79901_BV", password, false)
		s.take()
		good := func() []byte { return ours(pairs().ec, envelope(newVisit())) }
		var codes []string
		for i := range 6 { // a batch during which the token ends
			a := s.send(good())
			codes = append(codes, saidOf(a))
			if i == 2 {
				w.clock.Advance(10 * time.Minute)
			}
			if a.Code == "401" {
				s.take()
				codes = append(codes, saidOf(s.send(good())))
			}
		}
		if got := strings.Join(codes, ","); got != "200,200,200,401 gateway.session,200,200,200" {
			t.Errorf("the batch: %s", got)
		}
		w.check(w.hub.Office.RevokeGateway(w.ctx, "test", "79901", s.user))
		if a := s.send(good()); saidOf(a) != "401 gateway.session" {
			t.Errorf("revoked: %+v", a)
		}
		if a := s.take(); saidOf(a) != "401 gateway.login" {
			t.Errorf("a login on a revoked account: %+v", a)
		}
		fresh := w.gatewayAccount("79901", "79901_BV", password, true)
		fresh.take()
		w.gatewayAccount("79901", "79901_BV", "mật khẩu khác hẳn", true)
		if a := fresh.send(good()); saidOf(a) != "401 gateway.session" {
			t.Errorf("after its password changed: %+v", a)
		}
		for range 6 {
			s.take()
		}
		if a := s.take(); saidOf(a) != "401 gateway.locked" || a.retry == "" {
			t.Errorf("after many failures: %+v", a)
		}
		if err := w.hub.Office.SetGateway(w.ctx, "test", admin.Gateway{Code: "79902", User: "79901_BV", Hash: "$argon2id$x"}); fault.Of(err).Code != "gateway.taken" {
			t.Errorf("another facility takes the name: %v", err)
		}
		acts := must(w.hub.Slices.Keys.Acts(w.ctx, 0, 10))
		if len(acts) < 4 || acts[0].Action != "facility.gateway" || acts[2].Action != "facility.gateway_revoke" || strings.Contains(acts[0].Detail, "argon2") {
			t.Errorf("acts: %+v", acts)
		}
	})
}

func TestManySystemsSendThroughTheGateway(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const systems, each = 6, 5
		var wg sync.WaitGroup
		var mu sync.Mutex
		records := map[string]bool{}
		for i := range systems {
			s := w.gatewayAccount("79901", fmt.Sprintf("79901_%d_BV", i), fmt.Sprint("Mật khẩu ", i), false)
			files := make([][]byte, each)
			for k := range files {
				files[k] = ours(pairs().ec, envelope(newVisit()))
			}
			wg.Go(func() {
				s.take()
				for _, f := range append(files, files...) {
					if a := s.send(f); a.Code == "200" {
						mu.Lock()
						records[a.Reference] = true
						mu.Unlock()
					} else {
						t.Errorf("%+v", a)
					}
				}
			})
		}
		wg.Wait()
		if len(records) != systems*each {
			t.Errorf("%d records of %d files, each sent twice", len(records), systems*each)
		}
	})
}

// What the insurer's interface puts into addresses, and whom it asks about, is
// in no log, no metric and no file of the hub.
func TestTheGatewayLeavesNoTraceOfQueries(t *testing.T) {
	t.Parallel()
	var log locked
	dir := t.TempDir()
	h, err := hub.Start(t.Context(), hub.Config{Name: hubName, Keys: must(keyring.New(nil)), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, dir, sqlite.Config{OpenLog: open, HubName: hubName, Owner: "e2e"})
		}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h.Handler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelError)
	server.Start()
	w := &world{t: t, hub: h, server: server, ctx: t.Context()}
	w.check(h.Office.AddFacility(t.Context(), "test", admin.Facility{Code: "79901", Name: "Bệnh viện thử", Province: "79"}))
	s := w.gatewayAccount("79901", "79901_BV", "mật khẩu gieo vào", false)
	s.take()
	query := url.Values{"token": {s.access}, "id_token": {s.id}, "username": {s.user}, "password": {s.password}}.Encode()
	planted := []string{s.access, s.id, s.password, "mật khẩu gieo vào", "DN4790000099887", "0000099887", "GIEO THỊ HẠT", "079990099887", "19/09/1979"}
	const body = `{"maThe":"DN4790000099887","hoTen":"GIEO THỊ HẠT","ngaySinh":"19/09/1979","hoTenCb":"GIEO THỊ HẠT","cccdCb":"079990099887"}`
	for _, c := range []struct{ path, body string }{
		{"/api/egw/KQNhanLichSuKCB2024?" + query, body},
		{"/api/egw/KQNhanLichSuKCB2024?" + query, body[:40]},
		{"/api/egw/KQNhanLichSuKCB2024?" + query + "&%zz", body},
		{"/api/egw/khac/DN4790000099887?" + query, body},
		{"/api/egw?" + query, body},
	} {
		req := must(http.NewRequest("POST", server.URL+c.path, strings.NewReader(c.body)))
		res, err := server.Client().Do(req)
		w.check(err)
		must(io.Copy(io.Discard, res.Body))
		w.check(res.Body.Close())
	}
	metrics := httptest.NewRecorder()
	h.Metrics().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
	server.Close()
	w.check(h.Close())
	places := map[string][]byte{"the log": []byte(log.String()), "the metrics": metrics.Body.Bytes()}
	w.check(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			places[filepath.Base(path)] = must(os.ReadFile(path))
		}
		return err
	}))
	if len(places["main.db"]) == 0 || len(places["the metrics"]) == 0 {
		t.Fatal("there is nothing to search")
	}
	for name, b := range places {
		for _, p := range planted {
			if bytes.Contains(b, []byte(p)) {
				t.Errorf("%q is in %s", p, name)
			}
		}
	}
}

// locked is a buffer several may write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
