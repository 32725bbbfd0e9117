package revocation_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/revocation"
	"lienthong/internal/bridge/revocation/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/store"
)

var noon = time.Date(2026, 7, 1, 5, 0, 0, 0, time.UTC)

type world struct {
	testing.TB
	clock  *clock.Fake
	issuer *x509.Certificate
	key    *ecdsa.PrivateKey
	leaf   *x509.Certificate
	sim    *simulator.Responder
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, clock: clock.NewFake(noon)}
	w.issuer, w.key = w.issue(&x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, Subject: pkix.Name{CommonName: "CA"}}, nil, nil)
	w.leaf, _ = w.issue(&x509.Certificate{SerialNumber: big.NewInt(99), Subject: pkix.Name{CommonName: "leaf"}}, w.issuer, w.key)
	w.sim = simulator.New(w.issuer, w.key, w.clock)
	return w
}

func (w *world) issue(c, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	w.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	if c.NotBefore.IsZero() {
		c.NotBefore, c.NotAfter = noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)
	}
	c.BasicConstraintsValid = true
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		w.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		w.Fatal(err)
	}
	return made, key
}

func (w *world) crl() []byte {
	w.Helper()
	b, err := w.sim.CRL()
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func TestBothWaysSayWhatTheIssuerSays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := httptest.NewServer(w.sim)
	t.Cleanup(s.Close)
	b := revocation.New(outbound.New(0))
	ask := func(kind string) *store.Revocation {
		a, err := b.Ask(context.Background(), store.Service{Kind: kind, URL: s.URL, Private: true}, w.leaf, w.issuer, w.clock.Now())
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		return a
	}
	for _, kind := range []string{store.ServiceOCSP, store.ServiceCRL} {
		if a := ask(kind); a.State != store.RevocationGood || !a.At.Equal(noon) || a.Source != s.URL || len(a.Raw) == 0 || !a.NextUpdate.Equal(noon.Add(24*time.Hour)) {
			t.Errorf("%s: %+v", kind, a)
		}
	}
	w.sim.Revoke(w.leaf.SerialNumber, noon.Add(-time.Hour), noon.Add(-48*time.Hour))
	if asked := w.sim.Asked(); ask(store.ServiceCRL).State != store.RevocationGood || w.sim.Asked() != asked {
		t.Error("a list just fetched was fetched again")
	}
	w.clock.Advance(time.Hour)
	for _, kind := range []string{store.ServiceOCSP, store.ServiceCRL} {
		a := ask(kind)
		if a.State != store.RevocationRevoked || !a.Since.Equal(noon.Add(-time.Hour)) || a.Reason != ocsp.KeyCompromise {
			t.Errorf("%s: %+v", kind, a)
		}
		if disputed := kind == store.ServiceCRL; disputed != a.Invalid.Equal(noon.Add(-48*time.Hour)) {
			t.Errorf("%s: invalid since %v", kind, a.Invalid)
		}
	}
	if _, err := b.Ask(context.Background(), store.Service{Kind: store.ServiceOCSP, URL: s.URL}, w.leaf, w.issuer, noon); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("a private entry that was not approved: %v", err)
	}
}

func TestAnswersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w, stranger := setup(t), setup(t)
	good := func(by *x509.Certificate, key *ecdsa.PrivateKey, change func(*ocsp.Response)) []byte {
		r := ocsp.Response{Status: ocsp.Good, SerialNumber: w.leaf.SerialNumber, ThisUpdate: noon, NextUpdate: noon.Add(time.Hour)}
		if by != w.issuer {
			r.Certificate = by
		}
		if change != nil {
			change(&r)
		}
		b, err := ocsp.CreateResponse(w.issuer, by, r, key)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	delegate, delegateKey := w.issue(&x509.Certificate{SerialNumber: big.NewInt(5), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}, w.issuer, w.key)
	if a, err := revocation.ReadOCSP(good(delegate, delegateKey, nil), w.leaf, w.issuer, noon); err != nil || a.State != store.RevocationGood {
		t.Fatalf("a delegate: %+v, %v", a, err)
	}
	plain, plainKey := w.issue(&x509.Certificate{SerialNumber: big.NewInt(6)}, w.issuer, w.key)
	false1, false1Key := w.issue(&x509.Certificate{SerialNumber: big.NewInt(7), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}, stranger.issuer, stranger.key)
	for name, b := range map[string][]byte{
		"a certificate of the issuer without the purpose": good(plain, plainKey, nil),
		"another issuer's delegate":                       good(false1, false1Key, nil),
		"another certificate":                             good(w.issuer, w.key, func(r *ocsp.Response) { r.SerialNumber = big.NewInt(1234) }),
		"of yesterday":                                    good(w.issuer, w.key, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = noon.Add(-48*time.Hour), noon.Add(-24*time.Hour) }),
		"of tomorrow":                                     good(w.issuer, w.key, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = noon.Add(time.Hour), noon.Add(2*time.Hour) }),
		"unknown":                                         good(w.issuer, w.key, func(r *ocsp.Response) { r.Status = ocsp.Unknown }),
		"an error":                                        ocsp.TryLaterErrorResponse,
		"nothing":                                         nil,
		"a list":                                          w.crl(),
	} {
		if a, err := revocation.ReadOCSP(b, w.leaf, w.issuer, noon); !errors.Is(err, revocation.ErrAnswer) || a != nil {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	for name, b := range map[string][]byte{"another's list": stranger.crl(), "nothing": nil, "OCSP": good(w.issuer, w.key, nil)} {
		if a, err := revocation.ReadCRL(b, w.leaf, w.issuer, noon); !errors.Is(err, revocation.ErrAnswer) || a != nil {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if a, err := revocation.ReadCRL(w.crl(), w.leaf, w.issuer, noon.Add(48*time.Hour)); !errors.Is(err, revocation.ErrAnswer) || a != nil {
		t.Errorf("a list of two days ago: %+v, %v", a, err)
	}
}

func FuzzRead(f *testing.F) {
	w := setup(f)
	w.sim.Revoke(w.leaf.SerialNumber, noon, noon)
	q, err := ocsp.CreateRequest(w.leaf, w.issuer, nil)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := w.sim.OCSP(q)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add(w.crl())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func([]byte, *x509.Certificate, *x509.Certificate, time.Time) (*store.Revocation, error){revocation.ReadOCSP, revocation.ReadCRL} {
			a, err := read(b, w.leaf, w.issuer, noon)
			if (a == nil) != (err != nil) {
				t.Fatalf("%+v, %v", a, err)
			}
			if a != nil && a.State != store.RevocationRevoked {
				t.Fatalf("edited to %q", a.State)
			}
		}
	})
}
