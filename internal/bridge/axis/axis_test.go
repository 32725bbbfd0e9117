package axis_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/bridge/axis"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/store"
)

const gln = "8938500000012"

// server is an axis that answers as a test says and checks what it gets.
type server struct {
	t       *testing.T
	key     *rsa.PublicKey
	mu      sync.Mutex
	answers []string // res_code each, the last for ever; "503" a status; "other" an answer to another message
	logins  int
	ids     []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/api/auth/login" {
		s.logins++
		_, _ = w.Write([]byte(`{"token":"T","refresh_token":"R","duration":6000,"role":"facility"}`))
		return
	}
	var m struct {
		Header          json.RawMessage
		Data, Signature string
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		s.t.Error(err)
	}
	h, d := sha256.Sum256(m.Header), sha256.Sum256([]byte(m.Data))
	sum := sha256.Sum256([]byte(hex.EncodeToString(h[:]) + "." + hex.EncodeToString(d[:])))
	signature, _ := base64.StdEncoding.DecodeString(m.Signature)
	if err := rsa.VerifyPKCS1v15(s.key, crypto.SHA256, sum[:], signature); err != nil {
		s.t.Error("signature:", err)
	}
	var head map[string]any
	_ = json.Unmarshal(m.Header, &head)
	id, _ := head["msg_id"].(string)
	if head["sender_id"] != gln || head["txn_type"] != "sync_checkup" || head["receiver_id"] != "TDLBYT" || r.Header.Get("service-type") != "100" ||
		r.Header.Get("Authorization") != "Bearer T" || len(id) != 13+6+32 {
		s.t.Errorf("%v, %v", head, r.Header)
	}
	s.ids = append(s.ids, id)
	switch code := s.answers[min(len(s.ids)-1, len(s.answers)-1)]; code {
	case "503":
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	case "other":
		_, _ = fmt.Fprint(w, `{"header":{"msg_type":102,"ref_msg_id":"x"},"res_code":"CM_SUCCESS"}`)
	case "garbage":
		_, _ = fmt.Fprint(w, `<html>`)
	default:
		_, _ = fmt.Fprintf(w, `{"header":{"msg_type":102,"ref_msg_id":%q},"res_code":%q}`, id, code)
	}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func open(t *testing.T, answers ...string) (*axis.Adapter, *courier.Parcel, *server) {
	t.Helper()
	s := &server{t: t, key: &rsaKey().PublicKey, answers: answers}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := json.Marshal(axis.Secret{User: "u", Password: "p", Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	if err != nil {
		t.Fatal(err)
	}
	id := dossier.ID{Facility: "79901"}
	id.Serial[0] = 7
	return axis.New(outbound.New(5*time.Second), clock.System{}), &courier.Parcel{
		Destination: exchange.Destination{ID: "truc", URL: web.URL, Private: true, Options: []byte(`{"sender":"` + gln + `"}`)},
		Facility:    facility.Version{Code: "79901"}, Sent: &evidence.Sent{Bytes: []byte("<KHAMSUCKHOE/>")}, Secret: secret,
		Legs: []store.Leg{{LegKey: store.LegKey{Record: id, Destination: "truc"}, Kind: "checkup", Created: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}},
	}, s
}

func TestWhatAnAnswerMakesOfALeg(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string
		outcome exchange.Outcome
		code    string
		pushes  int
	}{
		"taken":               {[]string{"CM_SUCCESS"}, exchange.Finalized, "axis.CM_SUCCESS", 1},
		"its own failure":     {[]string{"CM_SYSTEM_ERROR"}, exchange.Again, "axis.CM_SYSTEM_ERROR", 1},
		"bad request":         {[]string{"CM_INVALID_REQUEST"}, exchange.Refused, "axis.CM_INVALID_REQUEST", 1},
		"bad signature":       {[]string{"PS_SIGNATURE_INVALID"}, exchange.Refused, "axis.PS_SIGNATURE_INVALID", 1},
		"token ended":         {[]string{"CM_AUTH_EXPIRED", "CM_SUCCESS"}, exchange.Finalized, "axis.CM_SUCCESS", 2},
		"token ends for ever": {[]string{"CM_AUTH_EXPIRED"}, exchange.Again, "axis.CM_AUTH_EXPIRED", 2},
		"another's answer":    {[]string{"other"}, exchange.Again, "axis.answer", 1},
		"garbage":             {[]string{"garbage"}, exchange.Again, "axis.answer", 1},
		"out":                 {[]string{"503"}, exchange.Again, "axis.http_503", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p, s := open(t, c.answers...)
			got := a.Deliver(context.Background(), p)
			if got.Outcome != c.outcome || got.Code != c.code || !got.Sent || len(s.ids) != c.pushes {
				t.Errorf("%+v, %d pushes", got, len(s.ids))
			}
			if name == "out" && got.Wait != 7*time.Second {
				t.Errorf("waits %v", got.Wait)
			}
		})
	}
}

func TestAMessageKeepsItsNumber(t *testing.T) {
	t.Parallel()
	a, p, s := open(t, "CM_SYSTEM_ERROR", "CM_SUCCESS")
	a.Deliver(context.Background(), p)
	got := a.Deliver(context.Background(), p)
	if s.ids[0] != s.ids[1] || got.Reference != s.ids[0] || s.logins != 1 || !strings.HasPrefix(s.ids[0], gln+"261123") {
		t.Errorf("%v, %+v, %d logins", s.ids, got, s.logins)
	}
}

func TestWhatIsNotSent(t *testing.T) {
	t.Parallel()
	a, p, s := open(t, "CM_SUCCESS")
	for code, change := range map[string]func(p *courier.Parcel){
		"leg.kind_unsupported":   func(p *courier.Parcel) { p.Legs = []store.Leg{{Kind: "qd4750"}} },
		"leg.withdrawal_by_hand": func(p *courier.Parcel) { p.Withdraws = &store.Leg{} },
		"leg.secret_missing":     func(p *courier.Parcel) { p.Secret = []byte(`{"user":"u","key":"none"}`) },
		"axis.sender_unknown": func(p *courier.Parcel) {
			p.Destination.Options = []byte(`{"senders":{"01001":"` + gln + `"}}`)
		},
		"axis.options": func(p *courier.Parcel) { p.Destination.Options = []byte(`{"sender":"12"}`) },
	} {
		q := *p
		change(&q)
		if got := a.Deliver(context.Background(), &q); got.Outcome != exchange.Refused || got.Code != code {
			t.Errorf("%s: %+v", code, got)
		}
	}
	if s.logins != 0 {
		t.Errorf("%d logins", s.logins)
	}
	for _, bad := range []string{``, `{}`, `{"sender":"x"}`, `{"sender":"` + gln + `","more":1}`, `{"senders":{"1":"` + gln + `"}}`} {
		if err := a.Check(exchange.Destination{Options: []byte(bad)}); !errors.Is(err, axis.ErrOptions) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
