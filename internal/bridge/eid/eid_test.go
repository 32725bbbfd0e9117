package eid_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// What a provider's line hands over is bent here: another question's answer,
// another person's, one that is forged or unsigned.
func TestAnswersThatSayNothing(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Now())
	sim, err := simulator.New(simulator.Config{Clock: clk, People: []simulator.Person{{Subject: "an", Name: "An", Number: "079980000001"}, {Subject: "binh", Name: "Bình", Number: "079980000002"}}})
	if err != nil {
		t.Fatal(err)
	}
	instead := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead != "" && strings.HasPrefix(r.URL.Path, "/push/") {
			if err := json.NewEncoder(w).Encode(map[string]string{"state": "decided", "result": instead}); err != nil {
				t.Error(err)
			}
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	a := eid.New(eid.Deps{Client: outbound.New(0), Clock: clk,
		Providers: func(context.Context) ([]eid.Provider, error) {
			return []eid.Provider{{ID: "v", Issuer: srv.URL, ClientID: "hub", Private: true}}, nil
		},
		Secret: func(context.Context, string) (string, error) { return "s", nil },
		Address: func(_ context.Context, p store.PersonID) (eid.Address, error) {
			return eid.Address{Provider: "v", Subject: map[byte]string{1: "an", 2: "binh"}[p[0]]}, nil
		}})
	approved := func(n, person byte) (string, []byte) {
		say := fault.Text{VI: "a", EN: "a"}
		ref, err := a.Push(t.Context(), eid.Question{ID: [16]byte{n}, Person: store.PersonID{person}, Title: say, Text: say, Until: clk.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if err := sim.Decide(map[byte]string{1: "an", 2: "binh"}[person], "", "approve"); err != nil {
			t.Fatal(err)
		}
		got, err := a.Result(t.Context(), [16]byte{n}, ref)
		if err != nil || got.State != eid.Approved {
			t.Fatalf("%+v %v", got, err)
		}
		return ref, got.Proof
	}
	ref, own := approved(1, 1)
	_, again := approved(2, 1)
	_, others := approved(3, 2)
	parts := strings.Split(string(own), ".")
	for name, text := range map[string]string{"replayed from another question": string(again), "another person's": string(others),
		"forged": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "unsigned": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "nothing": "x"} {
		instead = text
		if got, err := a.Result(t.Context(), [16]byte{1}, ref); fault.Of(err).Code != "eid.result" {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add([]byte(`{"for":"citizens","client_id":"hub","levels":{"a":2},"push":true}`))
	f.Add([]byte(`{"for":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if o, err := eid.ParseOptions(raw); err == nil && (o.ClientID == "" || o.For != "citizens" && o.For != "staff") {
			t.Errorf("%s: %+v", raw, o)
		}
	})
}
