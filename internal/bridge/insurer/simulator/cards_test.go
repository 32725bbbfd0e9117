package simulator_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/insurer/simulator"
)

type cardAnswer struct {
	MaKetQua, GhiChu, MaThe, HoTen, NgaySinh, GioiTinh, MaDKBD, GtTheTu, GtTheDen, MaSoBHXH, MaTheMoi string
	DsLichSuKCB2018                                                                                   []map[string]string
	DsLichSuKT2018                                                                                    []map[string]string
	DataCCT                                                                                           []struct {
		TBNCCT      float64 `json:"tBNCCT"`
		TBNCCTLuyKe float64 `json:"tBNCCTLuyKe"`
	}
}

func (g *gateway) look(path string, asked map[string]string) cardAnswer {
	g.t.Helper()
	q := url.Values{"token": {g.token}, "id_token": {g.id}, "username": {user}, "password": {password}}
	var a cardAnswer
	g.do(g.request("POST", path+"?"+q.Encode(), asked), &a)
	return a
}

const pathCard = "/api/egw/KQNhanLichSuKCB2024"

func asking(number string, change ...string) map[string]string {
	m := map[string]string{"maThe": number, "hoTen": "Nguyễn Văn Thử", "ngaySinh": "01/01/1990", "hoTenCb": "Lê Thị Cán", "cccdCb": "079985000009"}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
	}
	return m
}

func TestEveryCardCode(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{})
	g.login()
	good := "DN4799900000000"
	codes := map[string]map[string]string{
		"205": asking(good, "ngaySinh", "1/1/90"), "054": asking(good, "cccdCb", ""), "055": asking(good, "cccdCb", "07998500000"),
		"051": asking("DN47999"), "053": asking("DN1799900000000"), "052": asking("DN4019900000000"), "050": asking("9912345678"),
		"060": asking(good, "hoTen", "Trần Văn Thử"), "061": asking(good, "hoTen", "Nguyễn Văn Khác"), "070": asking(good, "ngaySinh", "02/01/1990"),
	}
	for _, c := range simulator.SyntheticCards() {
		if c.Code != "051" {
			codes[c.Code] = asking(c.Number)
		}
	}
	for want, asked := range codes {
		a := g.look(pathCard, asked)
		if a.MaKetQua != want || a.GhiChu == "" {
			t.Errorf("%v: %+v, want %s", asked, a, want)
		}
		if want < "050" && a.MaThe != asked["maThe"] || strings.HasPrefix(want, "05") && a.MaThe != "" {
			t.Errorf("%s tells of %q", want, a.MaThe)
		}
	}
	for name, asked := range map[string]map[string]string{
		"by number": asking("9900000000"), "by citizen": asking("079990000000"), "by year": asking(good, "ngaySinh", "1990"), "by month": asking(good, "ngaySinh", "01/1990"),
	} {
		if a := g.look(pathCard, asked); a.MaKetQua != "000" || a.MaThe != good || a.MaSoBHXH != "9900000000" || a.HoTen != "NGUYỄN VĂN THỬ" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for number, want := range map[string]string{"DN6799900000000": "053", "DN4009900000000": "052", "ĐN479990000000": "051", "99123A5678": "051"} {
		if a := g.look(pathCard, asking(number)); a.MaKetQua != want {
			t.Errorf("%s: %+v", number, a)
		}
	}
	if a := g.look(pathCard, asking(good, "hoTen", " ")); a.MaKetQua != "060" {
		t.Errorf("a blank name: %+v", a)
	}
	if a := g.look(pathCard, asking("DN4799900000003")); a.MaTheMoi == "" {
		t.Errorf("003 without the new card: %+v", a)
	}
	g.token = "x"
	if a := g.look(pathCard, asking(good)); a.MaKetQua != "401" {
		t.Errorf("%+v", a)
	}
}

func TestHistoryIsWhatIsHeld(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{})
	g.login()
	first, second := lan("A1"), lan("A2")
	second.in, second.out, second.paid = "202607010700", "202607010800", "5000"
	g.submit(submission(dossier(second)))
	g.submit(submission(dossier(first)))
	asked := asking(first.card, "hoTen", "TRẦN THỊ LAN", "ngaySinh", "02/03/1985")
	a := g.look(pathCard, asked)
	if a.MaKetQua != "000" || a.GioiTinh != "Nữ" || a.GtTheDen != "31/12/2026" || len(a.DsLichSuKCB2018) != 2 || len(a.DsLichSuKT2018) != 0 {
		t.Fatalf("%+v", a)
	}
	want := map[string]string{"maHoSo": "1", "maCSKCB": "79901", "ngayVao": "202607010700", "ngayRa": "202607010800",
		"tenBenh": "Viêm họng", "tinhTrang": "1", "kqDieuTri": "2", "lyDoVV": "Đau"}
	if !maps.Equal(a.DsLichSuKCB2018[0], want) {
		t.Errorf("%v", a.DsLichSuKCB2018[0])
	}
	if a := g.look(pathCard, asked); len(a.DsLichSuKT2018) != 1 || a.DsLichSuKT2018[0]["userKT"] != user || a.DsLichSuKT2018[0]["maLoi"] != "000" {
		t.Errorf("the earlier look-up is not told: %+v", a)
	}
	paid := g.look("/api/TraCuuCCT/TraCuuTienMCCT", asked)
	if paid.MaKetQua != "000" || len(paid.DataCCT) != 2 || paid.DataCCT[1].TBNCCTLuyKe != 20000 || paid.DataCCT[0].TBNCCT != 15000 {
		t.Errorf("%+v", paid)
	}
	g.clock.Advance(200 * 24 * 3600e9)
	g.login()
	if a := g.look(pathCard, asked); a.MaKetQua != "010" {
		t.Errorf("next year: %+v", a)
	}
	if a := g.look("/api/TraCuuCCT/TraCuuTienMCCT", asking("9912345678")); a.MaKetQua != "050" || len(a.DataCCT) != 0 {
		t.Errorf("%+v", a)
	}
	g.token = "x"
	if a := g.look("/api/TraCuuCCT/TraCuuTienMCCT", asked); a.MaKetQua != "401" {
		t.Errorf("%+v", a)
	}
}

// What each fault leaves in the insurer's book.
func TestFaults(t *testing.T) {
	t.Parallel()
	for spec, c := range map[string]struct {
		code  string // "" for no answer at all
		held  int
		http  int
		fired string
	}{
		"125": {"125", 0, 200, "125"}, "205": {"205", 0, 200, "205"}, "401": {"401", 0, 200, "401"}, "403": {"403", 0, 200, "403"}, "500": {"500", 0, 200, "500"},
		"http=500": {"", 0, 500, "http"}, "503:path=qd130": {"", 0, 503, "503"}, "unrecorded-success": {"200", 0, 200, "unrecorded-success"},
		"lost-answer:path=qd130": {"", 1, 0, "lost-answer"}, "reset:path=qd130": {"", 0, 0, "reset"}, "half-answer:path=qd130": {"", 1, 200, "half-answer"},
		"redirect:path=qd130": {"", 0, 307, "redirect"}, "garbage:path=qd130": {"", 0, 200, "garbage"},
		"down:from=0s:for=1h:path=qd130": {"", 0, 0, "down"}, "slow=1ms,drip=1us": {"200", 1, 200, "drip"},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			g := setup(t, simulator.Config{})
			g.login()
			put(t, g.url, strings.ReplaceAll(spec, "http=500", "http=500:path=qd130"))
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			res, err := client.Do(g.request("POST", path3176, submission(dossier(lan("A1")))))
			status := 0
			if err == nil {
				defer res.Body.Close()
				status = res.StatusCode
			}
			if status != c.http {
				t.Fatalf("%v %v, want %d", status, err, c.http)
			}
			if c.code != "" {
				var a answer
				if decode(t, res.Body, &a); a.MaKetQua != c.code {
					t.Errorf("%+v", a)
				}
			}
			got := g.counts()
			if got.Held != c.held || got.Faults[c.fired] < 1 || got.Paths[path3176].Requests != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func put(t *testing.T, at, spec string) {
	t.Helper()
	r, err := http.NewRequest("PUT", at+"/simulator/faults", strings.NewReader(spec))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusNoContent {
		t.Fatalf("faults: %d", res.StatusCode)
	}
}

// A simulated 401 ends the session as an expired one: the next log-in is good.
func TestA401InTheMidstOfABatch(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{Faults: faulty.Config{Spec: "401:after=2:count=1"}})
	g.login()
	for i, want := range []string{"200", "200", "401", "401", "401"} {
		if a := g.submit(submission(dossier(lan("A1")))); a.MaKetQua != want {
			t.Errorf("%d: %+v, want %s", i, a, want)
		}
	}
	if code := g.login(); code != "200" {
		t.Fatal(code)
	}
	if a := g.submit(submission(dossier(lan("A1")))); a.MaKetQua != "200" {
		t.Errorf("%+v", a)
	}
}

func FuzzCalls(f *testing.F) {
	for _, path := range []string{"/api/token/take", path3176, "/api/qd130/checkInKcbQd3176", pathCard, "/api/TraCuuCCT/TraCuuTienMCCT"} {
		f.Add(path, "application/json", []byte(`{"username":"79901_BV","password":"`+password+`","maThe":"9900000000","hoTen":"Nguyễn Văn Thử","ngaySinh":"1990","hoTenCb":"x","cccdCb":"079985000009"}`))
		f.Add(path, "application/x-www-form-urlencoded", []byte("username=79901_BV&password="+password+"&loaiHoSo=130&maTinh=79&maCSKCB=79901&fileHSBase64=PGE%2B"))
	}
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		f.Fatal(err)
	}
	g := &gateway{t: nil}
	w := httptest.NewRecorder()
	login := httptest.NewRequest("POST", "/api/token/take", strings.NewReader(url.Values{"username": {user}, "password": {password}}.Encode()))
	login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sim.ServeHTTP(w, login)
	_, rest, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	g.token = rest[:32]
	_, rest, _ = strings.Cut(rest, `"id_token":"`)
	g.id = rest[:32]
	f.Fuzz(func(t *testing.T, path, kind string, body []byte) {
		if !strings.HasPrefix(path, "/api/") || strings.ContainsAny(path, " ?#%\x00\r\n") {
			return
		}
		u := &url.URL{Path: path, RawQuery: url.Values{"token": {g.token}, "id_token": {g.id}, "username": {user}, "password": {password}}.Encode()}
		r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
		r.URL = u
		r.Header.Set("Content-Type", kind)
		r.Header.Set("accessToken", g.token)
		r.Header.Set("tokenId", g.id)
		r.Header.Set("passwordHash", password)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code == http.StatusOK && !strings.HasPrefix(w.Body.String(), `{"maKetQua":"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
