package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever is sent, the answer is one JSON object with HTTP 200, and nothing of
// what was sent is in the log.
func fuzzDoor(f *testing.F, path string, seeds ...string) {
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-16", "x/"} {
		for _, s := range seeds {
			f.Add(kind, s)
		}
	}
	d := newDesk(f)
	d.take()
	f.Fuzz(func(t *testing.T, kind, body string) {
		d.clock.Advance(1)
		r := httptest.NewRequest("POST", path+"?"+d.query(), strings.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		for i, h := 0, d.headers(); i < len(h); i += 2 {
			r.Header.Set(h[i], h[i+1])
		}
		r.RemoteAddr = d.address
		rec := httptest.NewRecorder()
		d.gateway.ServeHTTP(rec, r)
		got := rec.Body.String()
		if rec.Code != http.StatusOK || !utf8.ValidString(got) || !strings.HasPrefix(got, `{"maKetQua":"`) {
			t.Errorf("%d %q", rec.Code, got)
		}
		if strings.Contains(got, "hub.broken") || d.log.String() != "" {
			t.Errorf("%s\n%s", got, d.log.String())
		}
	})
}

func FuzzLogin(f *testing.F) {
	fuzzDoor(f, "/api/token/take", `{"username":"79901_BV","password":"0123456789abcdef0123456789ABCDEF"}`, "username=a&password=%41&c", `{"Username":1,"username":null}`, "{", "&&==")
}

func FuzzSubmission(f *testing.F) {
	fuzzDoor(f, submitPath, bodyOf("130", facility, "YQ==\r\n"), `{"loaiHoSo":130,"maCSKCB":"79901","fileHSBase64":"YR=="}`, "loaiHoSo=130&maCSKCB=79901&fileHSBase64=YQ%3D%3D", `[]`, "\xEF\xBB\xBF{}")
}

func FuzzCard(f *testing.F) {
	fuzzDoor(f, "/api/egw/KQNhanLichSuKCB2024", `{"maThe":"DN4790000000001","hoTen":"A","ngaySinh":"01/02/1990"}`, `{"maThe":"TE179KT00000001","hoTen":"B","ngaySinh":"1990"}`,
		`{"maThe":"đ","hoTen":"","ngaySinh":"99/99/9999"}`, "maThe=079990000001&hoTen=C&ngaySinh=00%2F0000", `{"maThe":["x"]}`)
}
