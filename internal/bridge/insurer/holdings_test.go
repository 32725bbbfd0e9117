package insurer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/insurer"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
)

// listing serves a body under /held after a login.
func listing(t *testing.T, status int, body string) (*insurer.Adapter, *courier.Parcel, *[]string) {
	t.Helper()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/token/take" {
			_, _ = w.Write([]byte(welcome))
			return
		}
		asked = append(asked, r.URL.String())
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return insurer.New(outbound.New(5*time.Second), clock.System{}), &courier.Parcel{
		Destination: exchange.Destination{ID: "bhxh", URL: s.URL, Private: true, Options: []byte(`{"holdings_path":"/held"}`)},
		Secret:      []byte(`{"user":"u","password":"password"}`)}, &asked
}

func TestHoldings(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("ab", 32)
	a, p, asked := listing(t, 200, `{"items":[{"seq":1,"digest":"`+digest+`","size":12,"kind":"dossier","facility":"79901","ma_lk":"LK1",`+
		`"received_at":"2026-11-22T01:00:00Z","day":"2026-11-22","ma_giao_dich":"GD1","verdict":{"state":"rejected","code":"125"}}],"next":"1","more":true}`)
	page, out := a.Holdings(context.Background(), p, "79901", "2026-11-22", "")
	if out.Outcome != exchange.Finalized || page.Next != "1" || !page.More || len(page.Items) != 1 {
		t.Fatalf("%+v %+v", page, out)
	}
	if h := page.Items[0]; h.Kind != "qd4750" || h.Digest[31] != 0xab || h.Verdict != "rejected" || h.Code != "125" || h.Reference != "GD1" {
		t.Errorf("%+v", h)
	}
	if (*asked)[0] != "/held?day=2026-11-22&facility=79901" {
		t.Errorf("asked %v", *asked)
	}
	if b, out := a.Bytes(context.Background(), p, page.Items[0].Digest); len(b) == 0 || out.Outcome != exchange.Finalized || (*asked)[1] != "/held/"+digest {
		t.Errorf("%q %+v %v", b, out, *asked)
	}
	p.Destination.Options = nil
	if _, out := a.Holdings(context.Background(), p, "", "", ""); out.Code != "insurer.no_holdings" {
		t.Errorf("%+v", out)
	}
}

func TestBadHoldings(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`<html>`, `{"items":[{"digest":"ab","kind":"dossier","facility":"79901","verdict":{"state":"accepted"}}]}`,
		`{"items":[{"digest":"` + strings.Repeat("a", 64) + `","kind":"other","facility":"79901","verdict":{"state":"accepted"}}]}`,
		`{"items":[{"digest":"` + strings.Repeat("a", 64) + `","kind":"dossier","facility":"79901","verdict":{"state":"?"}}]}`,
		`{"items":[],"next":"` + strings.Repeat("1", 201) + `","more":true}`, `{"items":[],"next":"1\u0000"}`} {
		a, p, _ := listing(t, 200, body)
		if page, out := a.Holdings(context.Background(), p, "", "", ""); page != nil || out.Code != "insurer.answer" {
			t.Errorf("%s: %+v %+v", body, page, out)
		}
	}
	a, p, _ := listing(t, 403, ``)
	if _, out := a.Holdings(context.Background(), p, "01001", "", ""); out.Outcome != exchange.Refused {
		t.Errorf("%+v", out)
	}
}
