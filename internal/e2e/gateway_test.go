package e2e_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/admin"
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
