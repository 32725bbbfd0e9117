package sender_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/bench"

	"lienthong/internal/clock"
	realhub "lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/synth"
	"lienthong/internal/web/api"
)

// realTarget starts a whole hub on the embedded store with a small nation.
func realTarget(t *testing.T, n *synth.Nation) bench.Target {
	t.Helper()
	dir := t.TempDir()
	keys, err := keyring.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := realhub.Start(t.Context(), realhub.Config{Name: "bench.test", Keys: keys, API: api.Config{RatePerS: 10_000, Burst: 10_000},
		Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, dir, sqlite.Config{Clock: clock.System{}, OpenLog: open, HubName: "bench.test", Owner: "test"})
		}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", h.Handler())
	mux.Handle("/metrics", h.Metrics())
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	acts := h.Administer()
	if err := acts.AddAnchor(t.Context(), "test", string(n.Root())); err != nil {
		t.Fatal(err)
	}
	target := bench.Target{URL: server.URL, Ops: server.URL, Credentials: map[string]*agent.Credential{}}
	list := make([]admin.Facility, 0, len(n.Facilities()))
	for _, f := range n.Facilities() {
		list = append(list, f.Registration())
	}
	if err := acts.AddFacility(t.Context(), "test", list...); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		key, spki, err := agent.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		id, kid, err := acts.AddClient(t.Context(), "test", f.Code, spki)
		if err != nil {
			t.Fatal(err)
		}
		b, err := agent.MakeCredential("bench.test", f.Code, id, kid, key)
		if err != nil {
			t.Fatal(err)
		}
		if target.Credentials[f.Code], err = agent.ParseCredential(b); err != nil {
			t.Fatal(err)
		}
	}
	return target
}
