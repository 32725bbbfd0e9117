package prescription_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/prescription"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/store"
)

type answer struct {
	status int
	body   string
}

// system answers as a test says, the last answer for ever.
type system struct {
	mu      sync.Mutex
	login   answer
	answers []answer
	logins  int
	got     []string
}

func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/api/auth/dang-nhap-co-so-kham-chua-benh" {
		s.logins++
		w.WriteHeader(s.login.status)
		_, _ = w.Write([]byte(s.login.body))
		return
	}
	if r.Header.Get("Authorization") != "Bearer T" || r.URL.Path != "/api/v1/gui-don-thuoc" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	s.got = append(s.got, string(body))
	a := s.answers[min(len(s.got)-1, len(s.answers)-1)]
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

const bytes = `{"ma_don_thuoc":"79901abcdefg-C","thong_tin_don_thuoc":[]}`

func open(t *testing.T, s *system) (*prescription.Adapter, *courier.Parcel) {
	t.Helper()
	if s.login.status == 0 {
		s.login = answer{200, `{"token":"T","token_type":"bearer"}`}
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return prescription.New(outbound.New(5*time.Second), clock.System{}), &courier.Parcel{
		Destination: exchange.Destination{ID: "don-thuoc", URL: web.URL + "/", Private: true}, Facility: facility.Version{Code: "79901"},
		Legs: []store.Leg{{Kind: "prescription"}}, Sent: &evidence.Sent{Bytes: []byte(bytes)}, Secret: []byte(`{"facility":"79901","password":"p"}`),
	}
}

func TestWhatAnAnswerMakesOfALeg(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers  []answer
		repeated bool
		outcome  exchange.Outcome
		code     string
		sends    int
	}{
		"taken":                     {[]answer{{200, `{"success":true}`}}, false, exchange.Finalized, "prescription.200", 1},
		"created":                   {[]answer{{201, `{}`}}, false, exchange.Finalized, "prescription.201", 1},
		"200 that says no":          {[]answer{{200, `{"success":false,"message":"..."}`}}, false, exchange.Refused, "prescription.refused", 1},
		"200 that is no answer":     {[]answer{{200, `<html>`}}, false, exchange.Again, "prescription.answer", 1},
		"known, sent before":        {[]answer{{409, `{}`}}, true, exchange.Finalized, "prescription.409", 1},
		"known, never sent":         {[]answer{{409, `{}`}}, false, exchange.Refused, "prescription.http_409", 1},
		"refused":                   {[]answer{{422, `{}`}}, false, exchange.Refused, "prescription.http_422", 1},
		"a code sent before, again": {[]answer{{422, `{"success":"Đã có","danh_sach_cac_loi":[{"truong":"ma_don_thuoc","ma_loi":"DA_TON_TAI"}]}`}}, true, exchange.Finalized, "prescription.422", 1},
		"a code sent before":        {[]answer{{422, `{"danh_sach_cac_loi":[{"ma_loi":"DA_TON_TAI"}]}`}}, false, exchange.Refused, "prescription.DA_TON_TAI", 1},
		"200 with a problem":        {[]answer{{200, `{"success":"","danh_sach_cac_loi":[{"ma_loi":"KHONG_HOP_LE"}]}`}}, false, exchange.Refused, "prescription.KHONG_HOP_LE", 1},
		"token ended":               {[]answer{{401, `{}`}, {200, `{}`}}, false, exchange.Finalized, "prescription.200", 2},
		"out":                       {[]answer{{502, ``}}, false, exchange.Again, "prescription.http_502", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &system{answers: c.answers}
			a, p := open(t, s)
			p.Repeated = c.repeated
			got := a.Deliver(context.Background(), p)
			if got.Outcome != c.outcome || got.Code != c.code || len(s.got) != c.sends || s.got[0] != bytes {
				t.Errorf("%+v, got %q", got, s.got)
			}
			if c.outcome == exchange.Finalized && got.Reference != "79901abcdefg-C" {
				t.Errorf("reference %q", got.Reference)
			}
		})
	}
}

func TestLoginsAreBraked(t *testing.T) {
	t.Parallel()
	s := &system{login: answer{401, `{}`}, answers: []answer{{200, `{}`}}}
	a, p := open(t, s)
	first, second := a.Deliver(context.Background(), p), a.Deliver(context.Background(), p)
	if first.Code != "prescription.login_401" || second.Code != "prescription.login_paused" || s.logins != 1 || first.Sent || second.Wait <= 0 {
		t.Errorf("%+v %+v %d", first, second, s.logins)
	}
}

func TestWhatIsNotSent(t *testing.T) {
	t.Parallel()
	s := &system{answers: []answer{{200, `{}`}}}
	a, p := open(t, s)
	for code, change := range map[string]func(p *courier.Parcel){
		"leg.kind_unsupported":   func(p *courier.Parcel) { p.Legs = []store.Leg{{Kind: "qd4750"}} },
		"leg.withdrawal_by_hand": func(p *courier.Parcel) { p.Withdraws = &store.Leg{} },
		"leg.secret_missing":     func(p *courier.Parcel) { p.Secret = nil },
		"leg.original_missing":   func(p *courier.Parcel) { p.Sent = nil },
	} {
		q := *p
		change(&q)
		if got := a.Deliver(context.Background(), &q); got.Outcome != exchange.Refused || got.Code != code {
			t.Errorf("%s: %+v", code, got)
		}
	}
	if err := a.Check(exchange.Destination{Options: []byte(`{"a":1}`)}); err == nil || s.logins != 0 {
		t.Errorf("%v, %d logins", err, s.logins)
	}
}
