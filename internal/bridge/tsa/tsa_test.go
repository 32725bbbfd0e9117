package tsa_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/tsa"
	"lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/stamp"
)

func TestAStampIsFetched(t *testing.T) {
	t.Parallel()
	now := clock.System{}
	a, err := simulator.New(now, 0)
	if err != nil {
		t.Fatal(err)
	}
	files, err := a.Files()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = simulator.Load(now, func(name string) ([]byte, error) { return files[name], nil }); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	b := tsa.New(outbound.New(0))
	q, err := stamp.NewRequest([]byte("checkpoint"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.Stamp(context.Background(), s.URL, true, q.DER)
	if err != nil {
		t.Fatal(err)
	}
	if _, p, err := q.Open(answer, now.Now(), stamp.Trust{Roots: []*x509.Certificate{a.Root}}); err != nil || time.Since(p.Time) > time.Minute {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := b.Stamp(context.Background(), s.URL, false, q.DER); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("a private entry that was not approved: %v", err)
	}
	r, err := http.Post(s.URL, "text/plain", nil) //nolint:noctx // the simulator's own door
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil || r.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("%s, %v", r.Status, err)
	}
}
