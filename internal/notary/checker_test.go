package notary_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/notary"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// responder answers good until told otherwise, and counts.
type responder struct {
	down  bool
	state string
	next  time.Duration // to nextUpdate
	asked int
}

func (r *responder) Ask(_ context.Context, s store.Service, c, _ *x509.Certificate, now time.Time) (*store.Revocation, error) {
	r.asked++
	if r.down {
		return nil, errDown
	}
	return &store.Revocation{Fingerprint: sha256.Sum256(c.Raw), State: r.state, At: now, Since: now, ThisUpdate: now, NextUpdate: now.Add(r.next), Kind: s.Kind, Source: s.URL, Raw: []byte("raw")}, nil
}

type checking struct {
	*world
	c      *notary.Checker
	out    *responder
	issuer *x509.Certificate
	leaf   *x509.Certificate
}

func check(t *testing.T) *checking {
	t.Helper()
	w := &checking{world: &world{T: t, clock: clock.NewFake(noon)}, out: &responder{state: store.RevocationGood, next: time.Hour}}
	w.s = open(t, w.clock)
	make := func(c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
		c.NotBefore, c.NotAfter, c.BasicConstraintsValid = noon.AddDate(-1, 0, 0), noon.AddDate(0, 0, 10), true
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "CA"}}
	w.issuer = make(root, root, keys[0], keys[0])
	w.leaf = make(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}}, w.issuer, keys[1], keys[0])
	var err error
	if w.c, err = notary.NewChecker(notary.CheckerDeps{Store: w.s.Revocations, Services: w.s.Services, Responder: w.out, Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	return w
}

// after runs a round after a while and returns how often was asked in it.
func (w *checking) after(d time.Duration) int {
	w.Helper()
	w.clock.Advance(d)
	before := w.out.asked
	if err := w.c.Round(w.Context()); err != nil {
		w.Fatal(err)
	}
	return w.out.asked - before
}

func (w *checking) status() seal.State {
	return w.c.Status(w.Context(), sha256.Sum256(w.leaf.Raw)).State
}

func TestASignerIsAskedAboutAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := check(t)
	w.c.Sealed(sha256.Sum256(w.leaf.Raw), w.leaf.Raw)
	if n := w.after(time.Second); n != 0 || w.status() != seal.NotYetKnown {
		t.Errorf("without an approved service: asked %d, %q", n, w.status())
	}
	w.approve(store.Service{Kind: store.ServiceOCSP, URL: "http://ocsp/", DER: w.issuer.Raw, Since: noon})
	if n := w.after(10 * time.Minute); n != 1 || w.status() != seal.Good {
		t.Errorf("asked %d, %q", n, w.status())
	}
	w.c.Sealed(sha256.Sum256(w.leaf.Raw), w.leaf.Raw)
	if n := w.after(50 * time.Minute); n != 0 {
		t.Error("asked again before nextUpdate")
	}
	if n := w.after(12 * time.Minute); n != 1 {
		t.Error("not asked again after nextUpdate")
	}
	w.out.next = 72 * time.Hour
	w.after(2 * time.Hour)
	if n := w.after(25 * time.Hour); n != 1 {
		t.Error("not asked again after a day")
	}
	w.out.down = true
	if n := w.after(25 * time.Hour); n != 1 || w.status() != seal.Good || w.c.Progress().Failing != 1 || w.c.Progress().Late.IsZero() {
		t.Errorf("a dead responder within nextUpdate: %d, %q, %+v", n, w.status(), w.c.Progress())
	}
	if n := w.after(30 * time.Second); n != 0 {
		t.Error("a dead responder is asked at once again")
	}
	w.after(49 * time.Hour)
	if w.status() != seal.NotYetKnown {
		t.Errorf("good for ever: %q", w.status())
	}
	w.out.down, w.out.state = false, store.RevocationRevoked
	w.after(2 * time.Hour)
	if w.status() != seal.Revoked || w.c.Progress().Revoked != 1 {
		t.Errorf("revoked: %q", w.status())
	}
	w.clock.Advance(45 * 24 * time.Hour) // ended, and the grace with it
	w.after(0)
	if n := w.after(48 * time.Hour); n != 0 {
		t.Error("a certificate long ended is asked about")
	}
	// Another hub on this store knows the same from its start.
	other, err := notary.NewChecker(notary.CheckerDeps{Store: w.s.Revocations, Services: w.s.Services, Responder: w.out, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := other.Status(t.Context(), sha256.Sum256(w.leaf.Raw)); a.State != seal.Revoked {
		t.Errorf("another hub knows %q", a.State)
	}
}

// A service approved for another issuer is not asked, and what is no
// certificate is not asked about for ever.
func TestOnlyTheIssuersServicesAreAsked(t *testing.T) {
	t.Parallel()
	w := check(t)
	other := check(t)
	w.approve(store.Service{Kind: store.ServiceOCSP, URL: "http://ocsp/", DER: other.issuer.Raw, Since: noon})
	w.c.Sealed(sha256.Sum256(w.leaf.Raw), w.leaf.Raw)
	w.c.Sealed([32]byte{9}, []byte("no certificate"))
	if n := w.after(time.Second); n != 0 {
		t.Errorf("asked %d", n)
	}
	due, err := w.s.Revocations.Due(t.Context(), noon.AddDate(1, 0, 0), 10)
	if err != nil || len(due) != 1 || due[0].Code != "revocation.no_service" {
		t.Errorf("due %+v, %v", due, err)
	}
}
