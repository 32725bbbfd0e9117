package signer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

const envelope = `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func rsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(t *testing.T, c elliptic.Curve) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pair makes a self-signed certificate that ends at the time given.
func pair(t *testing.T, key crypto.Signer, ends time.Time) seal.KeyPair {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Bệnh viện Thử"},
		NotBefore: now.Add(-365 * 24 * time.Hour), NotAfter: ends, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return seal.KeyPair{Key: key, Certificate: cert}
}

func fresh(t *testing.T, key crypto.Signer) seal.KeyPair { return pair(t, key, now.AddDate(1, 0, 0)) }

func file(t *testing.T, name string, b []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func pemFiles(t *testing.T, p seal.KeyPair) signer.PEM {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PEM{
		Key:         file(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600),
		Certificate: file(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}), 0o644),
	}
}

// tries is a count in memory.
type tries struct {
	mu sync.Mutex
	n  int
}

func (t *tries) Tries() int { t.mu.Lock(); defer t.mu.Unlock(); return t.n }

func (t *tries) SaveTries(n int) error { t.mu.Lock(); defer t.mu.Unlock(); t.n = n; return nil }

func open(t *testing.T, s signer.Source) *signer.Sealer {
	t.Helper()
	sealer := signer.New(t.Context(), s, &tries{}, clock.NewFake(now))
	t.Cleanup(func() {
		if err := sealer.Close(); err != nil {
			t.Error(err)
		}
	})
	return sealer
}

// holds checks an enveloped seal and whose it is.
func holds(t *testing.T, doc []byte, by *x509.Certificate) {
	t.Helper()
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.Verify(doc, seal.Expect{Container: "CHUKYDONVI"})
	if err != nil {
		t.Fatal(err)
	}
	if !verdict.Signatures[0].Certificate.Equal(by) {
		t.Error("sealed by another")
	}
}

// holdsBeside checks a detached seal.
func holdsBeside(t *testing.T, body []byte, token string) {
	t.Helper()
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.VerifyDetached(body, token); err != nil {
		t.Fatal(err)
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// card is a token that people can spoil: it counts PINs it was shown.
type card struct {
	pair  seal.KeyPair
	pin   string
	fault error // of the next Open
	lost  bool  // the next signature finds the card gone
	wrong bool  // signatures come back spoiled
	drop  bool  // the PIN was changed behind our back

	mu    sync.Mutex
	shown []string
}

func (c *card) Open(_ context.Context, pin string) (*signer.Opened, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return nil, c.fault
	}
	if pin == "" {
		return nil, signer.ErrWaiting
	}
	c.shown = append(c.shown, pin)
	if pin != c.pin {
		return nil, signer.ErrPINWrong
	}
	return &signer.Opened{Key: c, Certificate: c.pair.Certificate}, nil
}

func (c *card) Peek(context.Context) *x509.Certificate { return c.pair.Certificate }

func (c *card) Close() error { return nil }

func (c *card) Sign(_ context.Context, sum []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.lost:
		c.lost = false
		return nil, signer.ErrUnavailable
	case c.drop:
		return nil, signer.ErrPINWrong
	}
	value, err := c.pair.Key.Sign(rand.Reader, sum, crypto.SHA256)
	if c.wrong && err == nil {
		value[len(value)-1] ^= 1
	}
	return value, err
}

func (c *card) tried() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.shown) }
