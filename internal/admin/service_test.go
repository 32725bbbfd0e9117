package admin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// services keeps what it is told.
type services struct {
	kept []store.Service
	acts []store.Act
}

func (s *services) Services(context.Context) ([]store.Service, error) { return s.kept, nil }

func (s *services) PutService(_ context.Context, v store.Service, act store.Act) error {
	s.kept, s.acts = append(s.kept, v), append(s.acts, act)
	return nil
}

func (s *services) EndService(_ context.Context, kind, url string, at time.Time, act store.Act) error {
	for i := range s.kept {
		if s.kept[i].Kind == kind && s.kept[i].URL == url && s.kept[i].Ended.IsZero() {
			s.kept[i].Ended, s.acts = at, append(s.acts, act)
			return nil
		}
	}
	return store.ErrAbsent
}

func certificate(t *testing.T, ca bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: ca, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestServicesAreApprovedAndEndedByActs(t *testing.T) {
	t.Parallel()
	s := &services{}
	o := admin.New(admin.Deps{Services: s, Clock: clock.NewFake(time.Date(2026, 7, 1, 5, 0, 0, 0, time.UTC))})
	ca := certificate(t, true)
	if err := o.AddService(t.Context(), "me", admin.Service{Kind: "tsa", URL: "https://tsa.example/", PEM: ca + certificate(t, true), Private: true}); err != nil {
		t.Fatal(err)
	}
	v, act := s.kept[0], s.acts[0]
	if certs, err := x509.ParseCertificates(v.DER); err != nil || len(certs) != 2 || !v.Private || v.Since.IsZero() {
		t.Errorf("kept %+v, %v", v, err)
	}
	if act.Action != "service.add" || act.Object != v.URL || !strings.Contains(act.Detail, `"service":"`+v.Mark()+`"`) ||
		string(act.Leaf) != string(ledger.LeafData(ledger.LeafAdmin, sha256.Sum256(act.Statement()))) {
		t.Errorf("act %+v", act)
	}
	if err := o.EndService(t.Context(), "me", "tsa", "https://tsa.example/"); err != nil || s.acts[1].Action != "service.end" || s.kept[0].Ended.IsZero() {
		t.Errorf("%v, %+v", err, s)
	}
	if err := o.EndService(t.Context(), "me", "tsa", "https://tsa.example/"); !errors.Is(err, admin.ErrServiceUnknown) {
		t.Errorf("ended twice: %v", err)
	}
	for name, c := range map[string]struct {
		s    admin.Service
		want error
	}{
		"another kind":       {admin.Service{Kind: "ntp", URL: "https://a/", PEM: ca}, admin.ErrServiceKind},
		"no host":            {admin.Service{Kind: "tsa", URL: "https:///x", PEM: ca}, admin.ErrServiceURL},
		"another scheme":     {admin.Service{Kind: "tsa", URL: "file:///etc/passwd", PEM: ca}, admin.ErrServiceURL},
		"a login":            {admin.Service{Kind: "tsa", URL: "https://u:p@a/", PEM: ca}, admin.ErrServiceURL},
		"too long":           {admin.Service{Kind: "tsa", URL: "https://a/" + strings.Repeat("x", 500), PEM: ca}, admin.ErrServiceURL},
		"NUL":                {admin.Service{Kind: "tsa", URL: "https://a/\x00", PEM: ca}, admin.ErrServiceURL},
		"no certificate":     {admin.Service{Kind: "tsa", URL: "https://a/", PEM: "x"}, admin.ErrCertificate},
		"not an authority's": {admin.Service{Kind: "ocsp", URL: "https://a/", PEM: certificate(t, false)}, admin.ErrAuthority},
	} {
		if err := o.AddService(t.Context(), "me", c.s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.kept) != 1 || len(s.acts) != 2 {
		t.Error("a refused entry left something")
	}
}
