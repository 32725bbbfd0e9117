package insurer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/bridge/insurer"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/store"
)

// gateway answers as a test says, one answer a hand-over, and counts.
type gateway struct {
	mu      sync.Mutex
	login   []string // bodies of answers to token/take, the last for ever
	answers []string // bodies of answers to a hand-over, the last for ever; "502" a status, "cut" a broken line
	logins  int
	files   [][]byte
	header  http.Header
	path    string
}

const welcome = `{"maKetQua":"200","APIKey":{"access_token":"A","id_token":"I","token_type":"Bearer","username":"u","expires_in":600}}`

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/api/token/take" {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "password=5F4DCC3B5AA765D61D8327DEB882CF99&username=u" {
			_, _ = w.Write([]byte(`{"maKetQua":"401"}`))
			return
		}
		answer := g.login[min(g.logins, len(g.login)-1)]
		g.logins++
		_, _ = w.Write([]byte(answer))
		return
	}
	var body map[string]string
	_ = json.NewDecoder(r.Body).Decode(&body)
	raw, _ := base64.StdEncoding.DecodeString(body["fileHSBase64"])
	g.files = append(g.files, raw)
	g.header, g.path = r.Header.Clone(), r.URL.Path+" "+body["loaiHoSo"]+" "+body["maTinh"]+" "+body["maCSKCB"]
	switch answer := g.answers[min(len(g.files)-1, len(g.answers)-1)]; answer {
	case "502":
		w.WriteHeader(http.StatusBadGateway)
	case "404":
		w.WriteHeader(http.StatusNotFound)
	case "302":
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	case "cut":
		panic(http.ErrAbortHandler)
	default:
		_, _ = w.Write([]byte(answer))
	}
}

func open(t *testing.T, g *gateway) (*insurer.Adapter, *courier.Parcel) {
	t.Helper()
	if g.login == nil {
		g.login = []string{welcome}
	}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return insurer.New(outbound.New(5*time.Second), clock.System{}), &courier.Parcel{
		Destination: exchange.Destination{ID: "bhxh", URL: s.URL, Private: true}, Facility: facility.Version{Code: "79901", Province: "79"},
		Legs: []store.Leg{{Kind: "qd4750"}}, Sent: &evidence.Sent{Bytes: []byte("<GIAMDINHHS>đ</GIAMDINHHS>")},
		Secret: []byte(`{"user":"u","password":"password"}`),
	}
}

func TestWhatAnAnswerMakesOfALeg(t *testing.T) {
	t.Parallel()
	ok := `{"maKetQua":"200","maGiaoDich":"GD-1","thoiGianTiepNhan":"20261122080000","thongDiep":""}`
	for name, c := range map[string]struct {
		answers []string
		outcome exchange.Outcome
		code    string
		whole   bool
		files   int
	}{
		"taken":                {[]string{ok}, exchange.Finalized, "insurer.200", false, 1},
		"number codes":         {[]string{`{"maKetQua":200,"maGiaoDich":17}`}, exchange.Finalized, "insurer.200", false, 1},
		"bad seal":             {[]string{`{"maKetQua":"125","thongDiep":"Ký sai"}`}, exchange.Refused, "insurer.125", false, 1},
		"forbidden":            {[]string{`{"maKetQua":"403"}`}, exchange.Refused, "insurer.403", false, 1},
		"its own failure":      {[]string{`{"maKetQua":"500"}`}, exchange.Again, "insurer.500", false, 1},
		"401, then taken":      {[]string{`{"maKetQua":"401"}`, ok}, exchange.Finalized, "insurer.200", false, 2},
		"401 for ever":         {[]string{`{"maKetQua":"401"}`}, exchange.Again, "insurer.401", true, 2},
		"success, no number":   {[]string{`{"maKetQua":"200"}`}, exchange.Again, "insurer.answer", true, 1},
		"not JSON":             {[]string{`<html>login</html>`}, exchange.Again, "insurer.answer", true, 1},
		"a code that is prose": {[]string{`{"maKetQua":"Lỗi hệ thống: dữ liệu"}`}, exchange.Again, "insurer.answer", true, 1},
		"bad gateway":          {[]string{"502"}, exchange.Again, "insurer.http_502", true, 1},
		"not found":            {[]string{"404"}, exchange.Refused, "insurer.http_404", false, 1},
		"sent elsewhere":       {[]string{"302"}, exchange.Again, "insurer.http_302", true, 1},
		"cut":                  {[]string{"cut"}, exchange.Again, "outbound.unreachable", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gateway{answers: c.answers}
			a, p := open(t, g)
			got := a.Deliver(context.Background(), p)
			if got.Outcome != c.outcome || got.Code != c.code || got.Whole != c.whole || !got.Sent || len(g.files) != c.files {
				t.Errorf("%+v, %d files", got, len(g.files))
			}
			if string(g.files[0]) != string(p.Sent.Bytes) {
				t.Errorf("the insurer got %q", g.files[0])
			}
			if c.outcome == exchange.Finalized && got.Reference == "" {
				t.Error("no reference")
			}
		})
	}
}

func TestASessionIsUsedAgainAndNamedInHeaders(t *testing.T) {
	t.Parallel()
	g := &gateway{answers: []string{`{"maKetQua":"200","maGiaoDich":"1"}`}}
	a, p := open(t, g)
	for range 3 {
		a.Deliver(context.Background(), p)
	}
	p.Legs[0].Kind = "checkin"
	a.Deliver(context.Background(), p)
	if g.logins != 1 {
		t.Errorf("%d logins", g.logins)
	}
	if g.header.Get("accessToken") != "A" || g.header.Get("tokenId") != "I" || g.header.Get("passwordHash") != "5F4DCC3B5AA765D61D8327DEB882CF99" {
		t.Errorf("headers %v", g.header)
	}
	if g.path != "/api/qd130/checkInKcbQd3176 0 79 79901" {
		t.Errorf("asked %s", g.path)
	}
}

func TestLoginsAreBraked(t *testing.T) {
	t.Parallel()
	g := &gateway{login: []string{`{"maKetQua":"401"}`}, answers: []string{""}}
	a, p := open(t, g)
	first := a.Deliver(context.Background(), p)
	second := a.Deliver(context.Background(), p)
	if first.Code != "insurer.login_401" || first.Sent || first.Wait < time.Minute || second.Code != "insurer.login_paused" || second.Wait <= 0 || g.logins != 1 {
		t.Errorf("%+v, %+v, %d logins", first, second, g.logins)
	}
	p.Secret = nil
	if got := a.Deliver(context.Background(), p); got.Outcome != exchange.Refused || got.Code != "leg.secret_missing" {
		t.Errorf("without a credential: %+v", got)
	}
}

func TestWhatTheInsurerDoesNotTake(t *testing.T) {
	t.Parallel()
	g := &gateway{answers: []string{""}}
	a, p := open(t, g)
	p.Legs[0].Kind = "emr"
	if got := a.Deliver(context.Background(), p); got.Code != "leg.kind_unsupported" || got.Outcome != exchange.Refused {
		t.Errorf("%+v", got)
	}
	p.Withdraws = &store.Leg{}
	if got := a.Deliver(context.Background(), p); got.Code != "leg.withdrawal_by_hand" || g.logins != 0 {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{`{"dossier_path":"elsewhere"}`, `{"password":"x"}`, `[]`, `{"checkin_path":"/a?b"}`} {
		p.Destination.Options = []byte(bad)
		if err := a.Check(p.Destination); !errors.Is(err, insurer.ErrOptions) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestCard(t *testing.T) {
	t.Parallel()
	g := &gateway{answers: []string{`{"maKetQua":"401"}`, `{"maKetQua":"010","ghiChu":"Thẻ hết hạn","dsLichSuKCB2018":[]}`}}
	a, p := open(t, g)
	card, out := a.Card(context.Background(), p, insurer.CardQuery{Card: "GD4797999999999", Name: "A", Birth: "1980"})
	if out.Outcome != exchange.Finalized || card == nil || card.Code != "010" || g.logins != 2 || !strings.Contains(string(card.Raw), "hết hạn") {
		t.Errorf("%+v %+v", card, out)
	}
}
