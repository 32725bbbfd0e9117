package eid_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// The keys of presence come from the approved provider, are read again after five
// minutes, and are nobody's where none is approved or it says it is another.
func TestKeysOfPresence(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Now())
	sim, err := simulator.New(simulator.Config{Clock: clk, People: []simulator.Person{{Subject: "an", Name: "An", Number: "079980000001"}}})
	if err != nil {
		t.Fatal(err)
	}
	asked, bent, down := 0, "", false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch {
		case down:
			w.WriteHeader(http.StatusServiceUnavailable)
		case bent != "" && r.URL.Path == "/.well-known/openid-configuration":
			_, _ = w.Write([]byte(bent))
		default:
			sim.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	var list []eid.Provider
	p := eid.NewPresence(outbound.New(0), func(context.Context) ([]eid.Provider, error) { return list, nil }, clk)
	if _, _, err := p.PresenceKeys(t.Context()); fault.Of(err).Code != "eid.no_address" {
		t.Errorf("nobody approved: %v", err)
	}
	list = []eid.Provider{{ID: "v", Issuer: srv.URL + "/", Private: true}}
	if ok, err := p.Approved(t.Context()); !ok || err != nil {
		t.Errorf("approved: %v %v", ok, err)
	}
	for range 3 {
		issuer, keys, err := p.PresenceKeys(t.Context())
		if err != nil || issuer != srv.URL || len(keys) != 1 {
			t.Fatalf("%q %v %v", issuer, keys, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times within five minutes", asked)
	}
	down = true
	clk.Advance(6 * time.Minute)
	for range 3 {
		if _, keys, err := p.PresenceKeys(t.Context()); fault.Of(err).Code != "eid.away" || len(keys) != 0 {
			t.Errorf("away: %v %v", keys, err)
		}
	}
	if asked != 3 {
		t.Errorf("one that is away was asked %d times at once", asked-2)
	}
	down = false
	for _, bent = range []string{`{"issuer":"https://other.example","jwks_uri":"` + srv.URL + `/jwks"}`, `{"issuer":"` + srv.URL + `","jwks_uri":"https://other.example/jwks"}`, `{`} {
		clk.Advance(6 * time.Minute)
		if _, keys, err := p.PresenceKeys(t.Context()); fault.Of(err).Code != "eid.away" || len(keys) != 0 {
			t.Errorf("%s: %v %v", bent, keys, err)
		}
	}
	bent = ""
	clk.Advance(6 * time.Minute)
	if _, keys, err := p.PresenceKeys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("back: %v %v", keys, err)
	}
}

// Whatever a provider serves as keys: what is kept verifies ES256 and holds nothing private.
func FuzzReadKeys(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		f.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "k"}, {Key: []byte("shared")}}})
	if err != nil {
		f.Fatal(err)
	}
	if keys, err := eid.ReadKeys(public); err != nil || len(keys) != 1 {
		f.Fatal(keys, err)
	}
	if keys, err := eid.ReadKeys(private); err == nil {
		f.Fatal("a private or shared key is taken", keys)
	}
	f.Add(public)
	f.Add(private)
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := eid.ReadKeys(raw)
		if (err == nil) != (len(keys) > 0) || err != nil && fault.Of(err).Code != "eid.away" {
			t.Fatalf("%v %v", keys, err)
		}
		for _, k := range keys {
			if pub, ok := k.Key.(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
				t.Fatalf("%T", k.Key)
			}
		}
	})
}
