package simulator_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/prescription/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
)

type system struct {
	t     *testing.T
	url   string
	clock *clock.Fake
	token string
}

type answer struct {
	Success  string
	Token    string
	Problems []struct {
		Field string `json:"truong"`
		Code  string `json:"ma_loi"`
	} `json:"danh_sach_cac_loi"`
	State string `json:"trang_thai"`
}

func setup(t *testing.T, c simulator.Config) *system {
	t.Helper()
	s := &system{t: t, clock: clock.NewFake(time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC))}
	c.Clock = s.clock
	sim, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	status, a := s.call("POST", "/api/auth/dang-nhap-co-so-kham-chua-benh", `{"ma_lien_thong_co_so_kham_chua_benh":"CS1","password":"p"}`)
	if status != 200 || a.Token == "" {
		t.Fatalf("%d %+v", status, a)
	}
	s.token = a.Token
	return s
}

func (s *system) call(method, path, body string) (int, answer) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("app-name", "NT1")
	r.Header.Set("app-key", "k")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return 0, answer{}
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	var a answer
	_ = json.Unmarshal(raw, &a) // what faults leave is no JSON
	return res.StatusCode, a
}

func (s *system) counts() tally.Counts {
	s.t.Helper()
	res, err := http.Get(s.url + "/simulator/counts")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var c tally.Counts
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

const (
	send = "/api/v1/gui-don-thuoc"
	good = `{"loai_don_thuoc":"c","ma_don_thuoc":"79901abc1234-C","ho_ten_benh_nhan":"TRẦN THỊ LAN","ngay_sinh_benh_nhan":"02/03/1985","gioi_tinh":3,` +
		`"chan_doan":[{"ma_chan_doan":"J02","ten_chan_doan":"Viêm họng"}],"dot_dung_thuoc":{"dot":1,"tu_ngay":"01/07/2026","den_ngay":"05/07/2026"},` +
		`"thong_tin_don_thuoc":[{"ma_thuoc":"40.1","ten_thuoc":"Paracetamol","don_vi_tinh":"Viên","so_luong":"10","cach_dung":"uống"}],"ngay_gio_ke_don":"2026-07-01 09:00:00"}`
)

func TestAPrescriptionIsSentOnceAndDispensed(t *testing.T) {
	t.Parallel()
	s := setup(t, simulator.Config{})
	if status, a := s.call("POST", send, good); status != 200 || !strings.Contains(a.Success, "thành công") {
		t.Fatalf("%d %+v", status, a)
	}
	for _, again := range []string{good, strings.Replace(good, "LAN", "HOA", 1), strings.Replace(good, "1234-C", "1234-c", 1)} {
		if status, a := s.call("POST", send, again); status != 422 || len(a.Problems) != 1 || a.Problems[0].Code != "DA_TON_TAI" || strings.Contains(a.Success, "thành công") {
			t.Errorf("%d %+v", status, a)
		}
	}
	if status, a := s.call("GET", "/api/v1/thong-tin-don-thuoc/79901abc1234-C", ""); status != 200 || a.State != "chua_ban" {
		t.Errorf("%d %+v", status, a)
	}
	sell := func(n string) string {
		return `{"ma_don_thuoc":"79901abc1234-C","thong_tin_don_thuoc":[{"ma_thuoc":"40.1","so_luong":` + n + `}]}`
	}
	for _, c := range []struct {
		body   string
		status int
		state  string
	}{{sell("4"), 200, "ban_mot_phan"}, {sell("7"), 422, "ban_mot_phan"}, {sell("0"), 422, "ban_mot_phan"}, {`{"ma_don_thuoc":"79901abc1234-C"}`, 422, "ban_mot_phan"},
		{`{"ma_don_thuoc":"none"}`, 404, "ban_mot_phan"}, {`x`, 400, "ban_mot_phan"}, {sell("6"), 200, "da_ban"}} {
		if status, a := s.call("POST", "/api/v1/cap-nhat-don-thuoc", c.body); status != c.status {
			t.Errorf("%s: %d %+v", c.body, status, a)
		}
		if _, a := s.call("GET", "/api/v1/thong-tin-don-thuoc/79901abc1234-C", ""); a.State != c.state {
			t.Errorf("%s: %+v", c.body, a)
		}
	}
	if c := s.counts(); c.Kinds["prescription"].Recorded != 1 || c.Kinds["dispensing"].Recorded != 2 || c.Answers["DA_TON_TAI"] != 3 {
		t.Errorf("%+v", c)
	}
	if status, _ := s.call("GET", "/api/v1/thong-tin-don-thuoc/none", ""); status != 404 {
		t.Errorf("%d", status)
	}
}

func TestAPrescriptionEnds(t *testing.T) {
	t.Parallel()
	s := setup(t, simulator.Config{TokenLife: 30 * 24 * time.Hour})
	s.call("POST", send, good)
	s.clock.Advance(5 * 24 * time.Hour)
	if status, a := s.call("POST", "/api/v1/cap-nhat-don-thuoc", `{"ma_don_thuoc":"79901abc1234-C","thong_tin_don_thuoc":[{"ma_thuoc":"40.1","so_luong":1}]}`); status != 422 || a.Problems[0].Code != "HET_HAN" {
		t.Errorf("%d %+v", status, a)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	change := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%s is not there", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	s := setup(t, simulator.Config{})
	for field, bodies := range map[string][]string{
		"ma_don_thuoc":        {change("79901abc1234-C", "79901abc123-C"), change("79901abc1234-C", "79901ABC1234-C"), change("1234-C", "1234-X"), change("1234-C", "1234-N")},
		"loai_don_thuoc":      {change(`"c"`, `"x"`), change(`"c"`, `""`), change(`"c"`, `"cn"`)},
		"ho_ten_benh_nhan":    {change("TRẦN THỊ LAN", " ")},
		"ngay_sinh_benh_nhan": {change("02/03/1985", "1985-03-02"), change("02/03/1985", "31/02/1985")},
		"gioi_tinh":           {change(`"gioi_tinh":3`, `"gioi_tinh":0`), change(`"gioi_tinh":3`, `"gioi_tinh":"4"`), change(`"gioi_tinh":3`, `"gioi_tinh":null`)},
		"chan_doan":           {change(`[{"ma_chan_doan":"J02","ten_chan_doan":"Viêm họng"}]`, `[]`), change(`"ma_chan_doan":"J02","ten_chan_doan":"Viêm họng"`, ``)},
		"thong_tin_don_thuoc": {change(`"so_luong":"10"`, `"so_luong":0`), change(`"so_luong":"10"`, `"so_luong":"-1"`), change("Viên", "")},
		"ngay_gio_ke_don":     {change("2026-07-01 09:00:00", "01/07/2026")},
		"dot_dung_thuoc":      {change("05/07/2026", "30/06/2026"), change("05/07/2026", "2026-10-01"), change("05/07/2026", "x")},
	} {
		for _, body := range bodies {
			status, a := s.call("POST", send, body)
			if status != 422 || len(a.Problems) == 0 || a.Problems[0].Field != field && a.Problems[len(a.Problems)-1].Field != field {
				t.Errorf("%s: %d %+v", body, status, a)
			}
		}
	}
	if c := s.counts(); c.Recorded != 0 || c.Answers["422"] < 15 {
		t.Errorf("%+v", c)
	}
	for _, fits := range []string{change("05/07/2026", "2026-09-28"), change(`"c"`, `"y"`), change(`"gioi_tinh":3`, `"gioi_tinh":"1"`)} {
		if strings.Contains(fits, `"y"`) {
			fits = strings.Replace(fits, "-C", "-T", 1)
		}
		s := setup(t, simulator.Config{})
		if status, a := s.call("POST", send, fits); status != 200 {
			t.Errorf("%s: %d %+v", fits, status, a)
		}
	}
	for _, body := range []string{"{", "[]", change(`"so_luong":"10"`, `"so_luong":"Inf"`)} {
		if status, _ := s.call("POST", send, body); status != 400 {
			t.Errorf("%s: %d", body, status)
		}
	}
	s.clock.Advance(24 * time.Hour)
	if status, _ := s.call("POST", send, good); status != 401 {
		t.Errorf("after a day: %d", status)
	}
	broken := setup(t, simulator.Config{Journal: full{}})
	if status, _ := broken.call("POST", send, good); status != 500 {
		t.Errorf("journal full: %d", status)
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	s := setup(t, simulator.Config{Logins: []simulator.Login{{"CS1", "p", "79902"}, {"BS1", "q", "79901"}}, Pharmacies: []simulator.Login{{"NT1", "other", ""}}})
	if status, _ := s.call("POST", send, good); status != 403 {
		t.Errorf("another's code: %d", status)
	}
	for body, want := range map[string]int{`{"ma_lien_thong_bac_si":"BS1","password":"q"}`: 200, `{"ma_lien_thong_bac_si":"BS1","password":"x"}`: 401,
		`{"ma_lien_thong_bac_si":"BS1"}`: 401, `{}`: 401, `x`: 400, `{"ma_lien_thong_bac_si":1,"password":"q"}`: 401} {
		status, a := s.call("POST", "/api/auth/dang-nhap-bac-si", body)
		if status != want {
			t.Errorf("%s: %d", body, status)
		}
		if status == 200 {
			s.token = a.Token
		}
	}
	if status, _ := s.call("POST", send, good); status != 200 {
		t.Errorf("the doctor: %d", status)
	}
	if status, _ := s.call("GET", "/api/v1/thong-tin-don-thuoc/79901abc1234-C", ""); status != 401 {
		t.Errorf("a pharmacy with another key: %d", status)
	}
	if status, _ := s.call("POST", "/api/v1/cap-nhat-don-thuoc", ""); status != 401 {
		t.Errorf("a pharmacy with another key: %d", status)
	}
}

func TestDoctors(t *testing.T) {
	t.Parallel()
	s := setup(t, simulator.Config{})
	for _, c := range []struct {
		path, body string
		want       int
	}{{"xoa", `{"ma_lien_thong_bac_si":"BS1"}`, 422}, {"them", `{"ma_lien_thong_bac_si":"BS1"}`, 200}, {"xoa", `{"ma_lien_thong_bac_si":"BS1"}`, 200}, {"them", `{}`, 422}, {"them", `x`, 400}} {
		if status, a := s.call("POST", "/api/v1/"+c.path+"-bac-si", c.body); status != c.want {
			t.Errorf("%+v: %d %+v", c, status, a)
		}
	}
	s.token = ""
	if status, _ := s.call("POST", "/api/v1/them-bac-si", "{}"); status != 401 {
		t.Errorf("%d", status)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for spec, c := range map[string]struct{ status, held int }{
		"400": {400, 0}, "401": {401, 0}, "403": {403, 0}, "404": {404, 0}, "422": {422, 0}, "DA_TON_TAI": {422, 0}, "500": {500, 0}, "503": {503, 0}, "http=500": {500, 0},
		"unrecorded-success": {200, 0}, "lost-answer": {0, 1}, "half-answer": {200, 1}, "reset": {0, 0}, "down": {0, 0}, "garbage": {200, 0}, "redirect": {307, 0},
		"slow=1ms": {200, 1}, "drip=1us": {200, 1},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			s := setup(t, simulator.Config{})
			if status, _ := s.call("PUT", "/simulator/faults", spec); status != 204 {
				t.Fatal(status)
			}
			if status, _ := s.call("POST", send, good); status != c.status {
				t.Errorf("%d", status)
			}
			if got := s.counts(); got.Held != c.held {
				t.Errorf("%+v", got)
			}
		})
	}
}

func FuzzPrescription(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"gioi_tinh":"","thong_tin_don_thuoc":[{"so_luong":"1e9"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p simulator.Prescription
		if json.Unmarshal(body, &p) == nil && len(p.Check()) == 0 && (len(p.Code) != 14 || len(p.Drugs) == 0) {
			t.Fatalf("%+v", p)
		}
	})
}
