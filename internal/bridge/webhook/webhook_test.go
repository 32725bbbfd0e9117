package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/webhook"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

var key = []byte("0123456789abcdef01234567")

func parcel(url string) *courier.Parcel {
	id := dossier.ID{Facility: "79901"}
	id.Serial[3] = 9
	return &courier.Parcel{
		Destination: exchange.Destination{ID: "moc", URL: url, Private: true}, Receipt: []byte(`{"body":"e30="}`),
		Legs:   []store.Leg{{LegKey: store.LegKey{Record: id, Destination: "moc"}, Kind: "qd4750", Created: time.Unix(1_790_000_000, 0)}},
		Secret: []byte(`{"key":"whsec_` + base64.StdEncoding.EncodeToString(key) + `"}`),
	}
}

func TestARequestIsSignedAndKeepsItsID(t *testing.T) {
	t.Parallel()
	var ids []string
	var event webhook.Event
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m := hmac.New(sha256.New, key)
		_, _ = io.WriteString(m, r.Header.Get("webhook-id")+"."+r.Header.Get("webhook-timestamp")+".")
		m.Write(body)
		if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %s, want %s", r.Header.Get("webhook-signature"), want)
		}
		ids = append(ids, r.Header.Get("webhook-id"))
		event = webhook.Event{}
		if err := json.Unmarshal(body, &event); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	a, p := webhook.New(outbound.New(0), clock.System{}), parcel(s.URL+"/hook")
	for range 2 {
		if got := a.Deliver(context.Background(), p); got.Outcome != exchange.Finalized || got.Code != "webhook.204" || got.Reference == "" {
			t.Errorf("%+v", got)
		}
	}
	if ids[0] != ids[1] || event.Type != "record.accepted" || event.Data.Record != p.Legs[0].Record.String() || string(event.Data.Receipt) != `{"body":"e30="}` {
		t.Errorf("%v %+v", ids, event)
	}
	p.Legs[0].Withdraws = p.Legs[0].Record
	p.Legs[0].Record.Serial[3] = 10
	if a.Deliver(context.Background(), p); event.Type != "record.withdrawn" || event.Data.Withdraws == "" || ids[2] == ids[0] {
		t.Errorf("%v %+v", ids, event)
	}
}

func TestWhatAnAnswerMakesOfALeg(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]exchange.Outcome{200: exchange.Finalized, 202: exchange.Finalized, 302: exchange.Again, 400: exchange.Refused,
		408: exchange.Again, 410: exchange.Refused, 429: exchange.Again, 500: exchange.Again, 501: exchange.Refused} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		got := webhook.New(outbound.New(0), clock.System{}).Deliver(context.Background(), parcel(s.URL))
		s.Close()
		if got.Outcome != want || !strings.HasPrefix(got.Code, "webhook.") {
			t.Errorf("%d: %+v", status, got)
		}
	}
	for _, bad := range []string{``, `{"key":"whsec_AAAA"}`, `{"key":"!"}`} {
		p := parcel("http://127.0.0.1:1/")
		p.Secret = []byte(bad)
		if got := webhook.New(outbound.New(0), clock.System{}).Deliver(context.Background(), p); got.Code != "leg.secret_missing" {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}
