package insurer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"net/http/httptest"

	"lienthong/internal/bridge/insurer"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
)

// FuzzHoldings: whatever an insurer lists is a page of well-formed items or no
// answer at all.
func FuzzHoldings(f *testing.F) {
	item := `{"seq":1,"digest":"` + strings.Repeat("ab", 32) + `","size":12,"kind":"dossier","facility":"79901","ma_lk":"LK1","received_at":"2026-11-22T01:00:00Z","day":"2026-11-22","ma_giao_dich":"GD1","verdict":{"state":"rejected","code":"125"}}`
	for _, s := range []string{`{"items":[` + item + `],"next":"1","more":true}`, `{"items":[]}`, `{}`, `[]`, `<html>`, `{"items":[{}]}`, `{"items":[{"digest":"ff","kind":"checkin"}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/token/take" {
				_, _ = w.Write([]byte(welcome))
				return
			}
			_, _ = w.Write(body)
		}))
		defer s.Close()
		a := insurer.New(outbound.New(5*time.Second), clock.System{})
		page, out := a.Holdings(context.Background(), &courier.Parcel{Secret: []byte(`{"user":"u","password":"password"}`),
			Destination: exchange.Destination{ID: "bhxh", URL: s.URL, Private: true, Options: []byte(`{"holdings_path":"/held"}`)}}, "79901", "", "")
		if (page != nil) != (out.Outcome == exchange.Finalized) {
			t.Fatalf("%+v %+v", page, out)
		}
		if page == nil {
			return
		}
		for _, h := range page.Items {
			if h.Kind == "" || len(h.Facility) != 5 || h.Verdict == "" || len(h.Code) > 40 || len(h.Reference) > 64 {
				t.Fatalf("%+v", h)
			}
		}
	})
}
