package hub_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
)

func start(t *testing.T) *hub.Hub {
	t.Helper()
	keys, err := keyring.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h, err := hub.Start(t.Context(), hub.Config{Name: "hub.test", Keys: keys, Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return sqlite.Open(ctx, dir, sqlite.Config{OpenLog: open, HubName: "hub.test", Owner: "test"})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// identity is a key with a certificate issued by itself.
func identity(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestATLSCertificatePinnedToOneFacilityIsItsWord(t *testing.T) {
	t.Parallel()
	h := start(t)
	pinned, pinnedPEM := identity(t, "pinned")
	shared, sharedPEM := identity(t, "shared by two")
	stranger, strangerPEM := identity(t, "stranger")
	acts := h.Administer()
	if err := acts.AddFacility(t.Context(), "test",
		admin.Facility{Code: "24601", Name: "A", Province: "24", Certificates: []string{pinnedPEM, sharedPEM}},
		admin.Facility{Code: "24602", Name: "B", Province: "24", Certificates: []string{sharedPEM}}); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	for _, text := range []string{pinnedPEM, sharedPEM, strangerPEM} {
		roots.AppendCertsFromPEM([]byte(text))
	}
	srv := httptest.NewUnstartedServer(h.Handler())
	srv.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	get := func(c *tls.Certificate) int {
		config := &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
		if c != nil {
			config.Certificates = []tls.Certificate{*c}
		}
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		r, err := (&http.Client{Transport: transport}).Get(srv.URL + "/api/v1/records")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	for name, q := range map[string]struct {
		c    *tls.Certificate
		want int
	}{"none": {nil, 401}, "pinned to one": {&pinned, 200}, "pinned to two": {&shared, 401}, "pinned to none": {&stranger, 401}} {
		if got := get(q.c); got != q.want {
			t.Errorf("%s: %d, want %d", name, got, q.want)
		}
	}
	if err := acts.RevokeCertificate(t.Context(), "test", "24601", pinnedPEM); err != nil {
		t.Fatal(err)
	}
	if got := get(&pinned); got != 401 {
		t.Errorf("revoked: %d", got)
	}
}
