package simulator_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
	"lienthong/internal/seal"
)

var start = time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC)

// gateway is a simulator on a loopback line, with a client of user 79901_BV.
type gateway struct {
	t     *testing.T
	url   string
	clock *clock.Fake
	sim   *simulator.Simulator
	token string
	id    string
}

const user = "79901_BV"

var password = simulator.PasswordHash("mật khẩu")

func setup(t *testing.T, c simulator.Config) *gateway {
	t.Helper()
	g := &gateway{t: t, clock: clock.NewFake(start)}
	c.Clock = g.clock
	sim, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	g.url, g.sim = srv.URL, sim
	return g
}

// login takes a token and returns maKetQua.
func (g *gateway) login() string {
	g.t.Helper()
	res, err := http.PostForm(g.url+"/api/token/take", url.Values{"username": {user}, "password": {password}})
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct {
		MaKetQua string `json:"maKetQua"`
		APIKey   struct {
			AccessToken string    `json:"access_token"`
			IDToken     string    `json:"id_token"`
			TokenType   string    `json:"token_type"`
			Username    string    `json:"username"`
			ExpiresIn   time.Time `json:"expires_in"`
		} `json:"APIKey"`
	}
	decode(g.t, res.Body, &a)
	if a.MaKetQua == "200" && (a.APIKey.TokenType != "Bearer" || a.APIKey.Username != user || !a.APIKey.ExpiresIn.Equal(g.clock.Now().Add(10*time.Minute))) {
		g.t.Errorf("token: %+v", a)
	}
	g.token, g.id = a.APIKey.AccessToken, a.APIKey.IDToken
	return a.MaKetQua
}

func decode(t *testing.T, r io.Reader, v any) {
	t.Helper()
	if err := json.NewDecoder(r).Decode(v); err != nil {
		t.Fatal(err)
	}
}

func (g *gateway) request(method, path string, body any) *http.Request {
	g.t.Helper()
	var b bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&b).Encode(body); err != nil {
			g.t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, g.url+path, &b)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("accessToken", g.token)
	r.Header.Set("tokenId", g.id)
	r.Header.Set("passwordHash", password)
	return r
}

func submission(doc string) map[string]string {
	return map[string]string{"username": user, "loaiHoSo": "130", "maTinh": "79", "maCSKCB": "79901",
		"fileHSBase64": base64.StdEncoding.EncodeToString([]byte(doc))}
}

type answer struct {
	MaKetQua, MaGiaoDich, ThoiGianTiepNhan, ThongDiep string
}

func (g *gateway) do(r *http.Request, v any) {
	g.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	decode(g.t, res.Body, v)
}

const path3176 = "/api/qd130/guiHoSoXmlQD3176"

func (g *gateway) submit(body map[string]string) answer {
	g.t.Helper()
	var a answer
	g.do(g.request("POST", path3176, body), &a)
	return a
}

func (g *gateway) counts() tally.Counts {
	g.t.Helper()
	var c tally.Counts
	g.do(g.request("GET", "/simulator/counts", nil), &c)
	return c
}

// person fills a dossier's XML1.
type person struct{ episode, name, born, card, citizen, in, out, paid string }

func dossier(p person) string {
	xml1 := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><TONG_HOP><MA_LK>%s</MA_LK><HO_TEN>%s</HO_TEN><SO_CCCD>%s</SO_CCCD><NGAY_SINH>%s</NGAY_SINH><GIOI_TINH>2</GIOI_TINH><MA_THE_BHYT>%s</MA_THE_BHYT><MA_DKBD>79901</MA_DKBD><GT_THE_TU>20260101</GT_THE_TU><GT_THE_DEN>20261231</GT_THE_DEN><NGAY_VAO>%s</NGAY_VAO><NGAY_RA>%s</NGAY_RA><CHAN_DOAN_RV>Viêm họng</CHAN_DOAN_RV><MA_LOAI_RV>1</MA_LOAI_RV><KET_QUA_DTRI>2</KET_QUA_DTRI><LY_DO_VV>Đau</LY_DO_VV><T_BNCCT>%s</T_BNCCT></TONG_HOP>`,
		p.episode, p.name, p.citizen, p.born, p.card, p.in, p.out, p.paid)
	return file("1", hoso(xml1))
}

func hoso(xml1 string) string {
	return `<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>` + base64.StdEncoding.EncodeToString([]byte(xml1)) + `</NOIDUNGFILE></FILEHOSO></HOSO>`
}

func file(count string, hosos ...string) string {
	return `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20260701</NGAYLAP><SOLUONGHOSO>` + count +
		`</SOLUONGHOSO><DANHSACHHOSO>` + strings.Join(hosos, "") + `</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`
}

func lan(episode string) person {
	return person{episode, "TRẦN THỊ LAN", "198503020000", "DN4799812345678", "079985000001", "202606300800", "202606301000", "15000"}
}

func certificate(t *testing.T) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "79901"}, NotBefore: start, NotAfter: start.AddDate(9, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func TestADossierIsHeldUnderItsEpisode(t *testing.T) {
	t.Parallel()
	var journal bytes.Buffer
	g := setup(t, simulator.Config{Journal: &journal})
	if code := g.login(); code != "200" {
		t.Fatal(code)
	}
	a := g.submit(submission(dossier(lan("A1"))))
	if a.MaKetQua != "200" || a.MaGiaoDich == "" || a.ThoiGianTiepNhan != "20260701090000" || a.ThongDiep == "" {
		t.Fatalf("%+v", a)
	}
	again := g.submit(submission(dossier(lan("A1"))))
	if again.MaGiaoDich == a.MaGiaoDich {
		t.Error("a second sending has the reference of the first")
	}
	changed := lan("A1")
	changed.paid = "20000"
	g.submit(submission(dossier(changed)))
	g.submit(submission(dossier(lan("A2"))))
	c := g.counts()
	if c.Recorded != 4 || c.Distinct != 3 || c.Held != 2 || c.Duplicates != 1 || c.Replaced != 2 || c.Answers["200"] != 5 || c.Requests != 5 {
		t.Errorf("%+v", c)
	}
	if p := c.Paths[path3176]; p.Requests != 4 || p.Answers["200"] != 4 {
		t.Errorf("%+v", c.Paths)
	}
	if n := strings.Count(journal.String(), "\n"); n != 4 {
		t.Errorf("%d lines in the journal", n)
	}
	var records struct{ Records []tally.Entry }
	g.do(g.request("GET", "/simulator/records?facility=79901&day=2026-07-01&held=1", nil), &records)
	sum := sha256.Sum256([]byte(dossier(changed)))
	if len(records.Records) != 2 || records.Records[0].Seq != 3 || records.Records[0].SHA256 != hex.EncodeToString(sum[:]) ||
		records.Records[0].Replaces != 2 || records.Records[0].Account != user {
		t.Errorf("%+v", records.Records)
	}
	g.do(g.request("GET", "/simulator/records?facility=79902", nil), &records)
	if len(records.Records) != 0 {
		t.Errorf("%+v", records.Records)
	}

	later, err := simulator.New(simulator.Config{Earlier: &journal})
	if err != nil {
		t.Fatal(err)
	}
	if c := later.Counts(); c.Recorded != 4 || c.Held != 2 || c.Duplicates != 1 {
		t.Errorf("after a restart: %+v", c)
	}
}

func TestEveryCodeOfASubmission(t *testing.T) {
	t.Parallel()
	key, cert := certificate(t)
	_, other := certificate(t)
	signed, err := seal.Sign([]byte(dossier(lan("A1"))), "CHUKYDONVI", key, cert)
	if err != nil {
		t.Fatal(err)
	}
	two := file("2", hoso("<T><MA_LK>1</MA_LK></T>"), hoso("<T><MA_LK>2</MA_LK></T>"))
	sure := simulator.Config{Certificates: map[string][]*x509.Certificate{"79901": {other, cert}}}
	for name, c := range map[string]struct {
		config simulator.Config
		doc    string
		change func(body map[string]string, r *http.Request)
		want   string
	}{
		"signed":               {sure, string(signed), nil, "200"},
		"unsigned":             {sure, dossier(lan("A1")), nil, "125"},
		"edited":               {sure, strings.Replace(string(signed), "20260701", "20260702", 1), nil, "125"},
		"another certificate":  {simulator.Config{Certificates: map[string][]*x509.Certificate{"79901": {other}}}, string(signed), nil, "125"},
		"unsigned, none known": {simulator.Config{}, dossier(lan("A1")), nil, "200"},
		"form":                 {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, r *http.Request) { asForm(b, r) }, "200"},
		"no token":             {simulator.Config{}, "", func(_ map[string]string, r *http.Request) { r.Header.Del("accessToken") }, "401"},
		"another id":           {simulator.Config{}, dossier(lan("A1")), func(_ map[string]string, r *http.Request) { r.Header.Set("tokenId", "x") }, "401"},
		"another password":     {simulator.Config{}, dossier(lan("A1")), func(_ map[string]string, r *http.Request) { r.Header.Set("passwordHash", "x") }, "401"},
		"another user":         {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, _ *http.Request) { b["username"] = "x" }, "401"},
		"no user":              {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, _ *http.Request) { delete(b, "username") }, "401"},
		"another kind":         {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, _ *http.Request) { b["loaiHoSo"] = "0" }, "205"},
		"no province":          {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, _ *http.Request) { b["maTinh"] = "" }, "205"},
		"no facility":          {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, _ *http.Request) { b["maCSKCB"] = "" }, "205"},
		"no file":              {simulator.Config{}, "", nil, "205"},
		"no base64":            {simulator.Config{}, "", func(b map[string]string, _ *http.Request) { b["fileHSBase64"] = "***" }, "205"},
		"no dossier":           {simulator.Config{}, "<a/>", nil, "205"},
		"no JSON": {simulator.Config{}, "", func(_ map[string]string, r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("{"))
			r.ContentLength = -1
		}, "205"},
		"two in a file":          {simulator.Config{}, two, nil, "205"},
		"two in a file, allowed": {simulator.Config{PerFile: 2}, two, nil, "200"},
		"no episode":             {simulator.Config{}, file("1", hoso("<T><X>1</X></T>")), nil, "205"},
		"an episode twice":       {simulator.Config{PerFile: 2}, file("2", hoso("<T><MA_LK>1</MA_LK></T>"), hoso("<T><MA_LK>1</MA_LK></T>")), nil, "205"},
		"another's file":         {simulator.Config{}, dossier(lan("A1")), func(b map[string]string, _ *http.Request) { b["maCSKCB"] = "79902" }, "403"},
		"another's account": {simulator.Config{Accounts: []simulator.Account{{User: user, PasswordHash: password, Facilities: []string{"79902"}}}},
			dossier(lan("A1")), nil, "403"},
		"journal full": {simulator.Config{Journal: full{}}, dossier(lan("A1")), nil, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := setup(t, c.config)
			g.login()
			body := submission(c.doc)
			r := g.request("POST", path3176, nil)
			if c.change != nil {
				c.change(body, r)
			}
			if r.ContentLength == 0 {
				raw, _ := json.Marshal(body)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
			}
			var a answer
			g.do(r, &a)
			if a.MaKetQua != c.want {
				t.Errorf("%+v, want %s", a, c.want)
			}
			held := 0
			if c.want == "200" {
				held = strings.Count(c.doc, "<HOSO>")
			}
			if got := g.counts(); got.Held != held || got.Paths[path3176].Answers[c.want] != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func asForm(body map[string]string, r *http.Request) {
	form := url.Values{}
	for name, value := range body {
		form.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form.Encode())), int64(len(form.Encode()))
}

func TestACheckInList(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{})
	g.login()
	list := `<CHI_TIEU_TRANG_THAI_KCB><D><T><MA_LK>1</MA_LK><MA_CSKCB>79901</MA_CSKCB></T><T><MA_LK>2</MA_LK><MA_CSKCB>79901</MA_CSKCB></T></D><CHUKYDONVI/></CHI_TIEU_TRANG_THAI_KCB>`
	for _, path := range []string{"/api/qd130/checkInKcbQd3176", "/api/qd130/checkInKcbQd4750"} {
		body := submission(list)
		body["loaiHoSo"] = "0"
		var a answer
		g.do(g.request("POST", path, body), &a)
		if a.MaKetQua != "200" {
			t.Fatalf("%s: %+v", path, a)
		}
		body = submission(dossier(lan("A1")))
		body["loaiHoSo"] = "0"
		g.do(g.request("POST", path, body), &a)
		if a.MaKetQua != "205" {
			t.Errorf("a dossier as a check-in: %+v", a)
		}
	}
	if a := g.submit(submission(list)); a.MaKetQua != "205" {
		t.Errorf("a check-in as a dossier: %+v", a)
	}
	if c := g.counts(); c.Kinds["checkin"].Recorded != 4 || c.Kinds["checkin"].Held != 2 || c.Kinds["dossier"].Held != 0 {
		t.Errorf("%+v", c)
	}
}

func TestATokenIsForItsTimeAndPlace(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{Accounts: []simulator.Account{{User: user, PasswordHash: password}}})
	g.login()
	g.clock.Advance(10*time.Minute - time.Second)
	if a := g.submit(submission(dossier(lan("A1")))); a.MaKetQua != "200" {
		t.Fatalf("%+v", a)
	}
	raw, _ := json.Marshal(submission(dossier(lan("A2"))))
	elsewhere := httptest.NewRequest("POST", path3176, bytes.NewReader(raw))
	elsewhere.Header = g.request("POST", path3176, nil).Header
	elsewhere.RemoteAddr = "192.0.2.7:1234"
	w := httptest.NewRecorder()
	g.sim.ServeHTTP(w, elsewhere)
	if !strings.Contains(w.Body.String(), `"maKetQua":"401"`) {
		t.Errorf("from another address: %s", w.Body)
	}
	g.clock.Advance(time.Second)
	if a := g.submit(submission(dossier(lan("A1")))); a.MaKetQua != "401" {
		t.Errorf("after ten minutes: %+v", a)
	}
	for name, form := range map[string]url.Values{
		"another user":     {"username": {"x"}, "password": {password}},
		"another password": {"username": {user}, "password": {simulator.PasswordHash("x")}},
		"no hash":          {"username": {user}, "password": {"mật khẩu"}},
		"nothing":          {},
	} {
		res, err := http.PostForm(g.url+"/api/token/take", form)
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		decode(t, res.Body, &a)
		res.Body.Close()
		if a.MaKetQua != "401" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestWithoutAccountsTheFirstPasswordStays(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{})
	if code := g.login(); code != "200" {
		t.Fatal(code)
	}
	res, err := http.Post(g.url+"/api/token/take", "application/json", strings.NewReader(`{"username":"`+user+`","password":"`+simulator.PasswordHash("khác")+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var a answer
	if decode(t, res.Body, &a); a.MaKetQua != "401" {
		t.Errorf("%+v", a)
	}
}

func TestTheListingGivesTheBytesBack(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{Accounts: []simulator.Account{{User: user, PasswordHash: password, Facilities: []string{"79901"}}},
		Judge: func(f simulator.Held) simulator.Verdict {
			if f.Episode == "A2" {
				return simulator.Verdict{State: "rejected", Code: "70", Message: "Thẻ hết hạn"}
			}
			return simulator.Verdict{State: "accepted", Code: "200"}
		}})
	g.login()
	for _, e := range []string{"A1", "A2", "A3"} {
		g.submit(submission(dossier(lan(e))))
	}
	changed := lan("A1")
	changed.paid = "1"
	g.submit(submission(dossier(changed)))
	type page struct {
		Proposal string
		Items    []simulator.Held
		Next     string
		More     bool
	}
	var first, second page
	g.do(g.request("GET", "/api/lienthong/holdings?facility=79901&day=2026-07-01&limit=2", nil), &first)
	g.do(g.request("GET", "/api/lienthong/holdings?since="+first.Next, nil), &second)
	if len(first.Items) != 2 || !first.More || first.Items[0].Episode != "A2" || first.Items[0].Verdict.State != "rejected" || first.Proposal == "" {
		t.Fatalf("%+v", first)
	}
	if len(second.Items) != 1 || second.More || second.Items[0].Episode != "A1" || second.Next != "4" {
		t.Fatalf("%+v", second)
	}
	res, err := http.DefaultClient.Do(g.request("GET", "/api/lienthong/holdings/"+second.Items[0].Digest, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); string(got) != dossier(changed) {
		t.Errorf("other bytes than were sent: %q", got)
	}
	for at, want := range map[string]int{"?facility=79901&episode=A3": 204, "?facility=79901&episode=none": 404} {
		r := g.request("PUT", "/simulator/verdicts"+at, simulator.Verdict{State: "rejected", Code: "71"})
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("%s: %d", at, res.StatusCode)
		}
	}
	if res, err := http.DefaultClient.Do(g.request("PUT", "/simulator/verdicts?facility=79901&episode=A3", "x")); err != nil || res.StatusCode != 400 || res.Body.Close() != nil {
		t.Errorf("%v %v", res, err)
	}
	var judged page
	g.do(g.request("GET", "/api/lienthong/holdings?since="+second.Next, nil), &judged)
	if len(judged.Items) != 1 || judged.Items[0].Episode != "A3" || judged.Items[0].Verdict.Code != "71" {
		t.Errorf("a verdict that came later: %+v", judged)
	}
	old := sha256.Sum256([]byte(dossier(lan("A1"))))
	for path, want := range map[string]int{
		"/" + hex.EncodeToString(old[:]): 404, "/x": 404, "?facility=79902": 403, "?since=x": 400, "?limit=0": 400,
	} {
		res, err := http.DefaultClient.Do(g.request("GET", "/api/lienthong/holdings"+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	g.token = ""
	for _, path := range []string{"", "/" + second.Items[0].Digest} {
		res, err := http.DefaultClient.Do(g.request("GET", "/api/lienthong/holdings"+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != 401 {
			t.Errorf("%s without a token: %d", path, res.StatusCode)
		}
	}
}
