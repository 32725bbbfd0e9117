package main_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/token"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

type tries struct{ n atomic.Int64 }

func (t *tries) Tries() int { return int(t.n.Load()) }

func (t *tries) SaveTries(n int) error { t.n.Store(int64(n)); return nil }

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// soft finds SoftHSM2's library and the tools to fill a token.
func soft(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"gcc", "softhsm2-util", "pkcs11-tool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: signing with a PKCS#11 token needs %s (apt-get install gcc softhsm2 opensc)", program)
		}
	}
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/pkcs11/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("SKIPPED, NOT TESTED: SoftHSM2's library is in no known place")
	return ""
}

// bench is one SoftHSM2 with its own tokens and the helper built with cgo.
type bench struct {
	t              *testing.T
	module, helper string
	env            []string
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, module: soft(t)}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env = append(os.Environ(), "SOFTHSM2_CONF="+conf)
	program := filepath.Join(dir, "lienthong-token")
	build := exec.Command("go", "build", "-tags", "pkcs11", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.helper = filepath.Join(dir, "helper")
	if err := os.WriteFile(b.helper, fmt.Appendf(nil, "#!/bin/sh\nSOFTHSM2_CONF='%s' exec '%s'\n", conf, program), 0o700); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) run(args ...string) {
	b.t.Helper()
	c := exec.Command(args[0], args[1:]...)
	c.Env = b.env
	if out, err := c.CombinedOutput(); err != nil {
		b.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// token makes a token with the key and certificate of a pair, PIN 1234.
func (b *bench) token(label string, key any, public any) *x509.Certificate {
	b.t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bệnh viện " + label},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		b.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.t.Fatal(err)
	}
	dir := b.t.TempDir()
	keyFile, certFile := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.der")
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(certFile, der, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "12345678")
	b.run("softhsm2-util", "--import", keyFile, "--token", label, "--label", "seal", "--id", "a1", "--pin", "1234")
	b.run("pkcs11-tool", "--module", b.module, "--token-label", label, "--login", "--pin", "1234",
		"--write-object", certFile, "--type", "cert", "--label", "seal", "--id", "a1")
	return cert
}

func (b *bench) signer(c token.Config) *signer.Sealer {
	b.t.Helper()
	c.Helper = b.helper
	if c.Module == "" {
		c.Module = b.module
	}
	s := signer.New(b.t.Context(), token.New(c), &tries{}, clock.System{})
	b.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.t.Error(err)
		}
	})
	return s
}

func TestSoftHSMSeals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certs := map[string]*x509.Certificate{"rsa": b.token("rsa", rsaKey, &rsaKey.PublicKey), "ecdsa": b.token("ecdsa", ecKey, &ecKey.PublicKey)}
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for label, cert := range certs {
		s := b.signer(token.Config{Token: label})
		if got := s.State(); got.Phase != signer.WaitingForPIN || !s.Certificate().Equal(cert) {
			t.Fatalf("%s: %+v", label, got)
		}
		if err := s.Unlock(t.Context(), "4321"); code(err) != "signer.pin_wrong" {
			t.Fatalf("%s: %v", label, err)
		}
		if err := s.Unlock(t.Context(), "1234"); err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		doc, err := s.Seal(t.Context(), []byte(`<GIAMDINHHS><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`))
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		if verdict, err := v.Verify(doc, seal.Expect{Container: "CHUKYDONVI"}); err != nil || !verdict.Signatures[0].Certificate.Equal(cert) {
			t.Fatalf("%s: %v", label, err)
		}
		jws, err := s.SealDetached(t.Context(), []byte("{}"))
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		if _, err := v.VerifyDetached([]byte("{}"), jws); err != nil {
			t.Fatalf("%s: %v", label, err)
		}
	}
	for name, c := range map[string]token.Config{
		"which of two tokens": {}, "no such token": {Token: "x"}, "no such library": {Module: "/nowhere/lib.so", Token: "rsa"},
	} {
		if err := b.signer(c).Unlock(t.Context(), "1234"); code(err) != "signer.unavailable" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.signer(token.Config{Token: "rsa", Label: "another"}).Unlock(t.Context(), "1234"); code(err) != "signer.key" {
		t.Errorf("no such key: %v", err)
	}
}

// A build without the tag says what is missing and takes no PIN.
func TestWithoutTheTagItSaysSo(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "lienthong-token")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := signer.New(t.Context(), token.New(token.Config{Helper: program, Module: "/x.so"}), &tries{}, clock.System{})
	if err := s.Unlock(t.Context(), "1234"); code(err) != "signer.unavailable" {
		t.Fatal(err)
	}
	if left := s.State().TriesLeft; left != 3 {
		t.Errorf("%d tries left: a PIN nobody looked at was counted", left)
	}
}
