package remote_test

import (
	"crypto/elliptic"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/remote"
	"lienthong/internal/agent/signer/remote/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

const envelope = `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`

type tries struct{ n atomic.Int64 }

func (t *tries) Tries() int { return int(t.n.Load()) }

func (t *tries) SaveTries(n int) error { t.n.Store(int64(n)); return nil }

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

type place struct {
	service *simulator.Service
	source  *remote.Source
	clock   *clock.Fake
	secret  string
}

func setup(t *testing.T, c simulator.Config) *place {
	t.Helper()
	p := &place{clock: clock.NewFake(time.Now()), secret: "simulated"}
	if c.Pair.Key == nil {
		pair, err := simulator.NewPair("Bệnh viện Thử", "0300000001", p.clock)
		if err != nil {
			t.Fatal(err)
		}
		c.Pair = pair
	}
	c.Clock = p.clock
	s, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p.service = s
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	p.source = remote.New(remote.Config{URL: srv.URL + "/csc/v2/", ClientID: "lienthong", Clock: p.clock, HTTP: srv.Client(),
		Secret: func() (string, error) { return p.secret, nil }})
	return p
}

func holds(t *testing.T, doc []byte, by *x509.Certificate) {
	t.Helper()
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.Verify(doc, seal.Expect{Container: "CHUKYDONVI"})
	if err != nil || !verdict.Signatures[0].Certificate.Equal(by) {
		t.Fatal(err)
	}
}

func elliptical(t *testing.T) seal.KeyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
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

func TestAServiceSeals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]simulator.Config{
		"rsa with PIN": {PIN: "246810"}, "rsa without": {}, "ecdsa": {Pair: elliptical(t), PIN: "1"},
	} {
		p := setup(t, c)
		s := signer.New(t.Context(), p.source, &tries{}, p.clock)
		if s.Certificate() == nil {
			t.Errorf("%s: the certificate is not known before the PIN", name)
		}
		if c.PIN != "" {
			if s.State().Phase != signer.WaitingForPIN {
				t.Errorf("%s: %+v", name, s.State())
			}
			if err := s.Unlock(t.Context(), c.PIN); err != nil {
				t.Fatal(name, err)
			}
		}
		doc, err := s.Seal(t.Context(), []byte(envelope))
		if err != nil {
			t.Fatal(name, err)
		}
		holds(t, doc, s.Certificate())
		if _, err := s.SealDetached(t.Context(), []byte("{}")); err != nil || p.service.Signed() != 2 {
			t.Errorf("%s: %v, %d signatures for two files", name, err, p.service.Signed())
		}
	}
}

func TestAWrongPINIsToldToWhoTypedIt(t *testing.T) {
	t.Parallel()
	p := setup(t, simulator.Config{PIN: "246810"})
	kept := &tries{}
	s := signer.New(t.Context(), p.source, kept, p.clock)
	if err := s.Unlock(t.Context(), "1"); code(err) != "signer.pin_wrong" || kept.Tries() != 1 {
		t.Fatalf("%v, %d counted", err, kept.Tries())
	}
	if err := s.Unlock(t.Context(), "246810"); err != nil || kept.Tries() != 0 {
		t.Fatalf("%v, %d counted", err, kept.Tries())
	}
}

func TestTokensThatEndAreTakenAnew(t *testing.T) {
	t.Parallel()
	p := setup(t, simulator.Config{Life: time.Minute})
	s := signer.New(t.Context(), p.source, &tries{}, p.clock)
	for _, spoil := range []func(){func() {}, func() { p.clock.Advance(time.Hour) }, p.service.Forget} {
		spoil()
		if _, err := s.Seal(t.Context(), []byte(envelope)); err != nil {
			t.Fatal(err)
		}
	}
	p.service.Forget()
	p.secret = "taken away"
	if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != "signer.unavailable" || strings.Contains(err.Error(), p.secret) {
		t.Fatal(err)
	}
}

func TestWhatServicesDoWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		said   string
		code   string
	}{
		"down": {503, "server_error", "signer.unavailable"}, "busy": {429, "", "signer.unavailable"}, "no right": {403, "access_denied", "signer.key"},
		"locked": {400, "credential_locked", "signer.pin_locked"}, "redirect": {302, "", "signer.key"}, "not there": {404, "<html>", "signer.key"},
	} {
		p := setup(t, simulator.Config{Fault: func(path string) (int, string) {
			if strings.HasSuffix(path, "/signatures/signHash") {
				return c.status, c.said
			}
			return 0, ""
		}})
		s := signer.New(t.Context(), p.source, &tries{}, p.clock)
		if _, err := s.Seal(t.Context(), []byte(envelope)); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	otp := setup(t, simulator.Config{PIN: "1", OTP: true})
	if s := signer.New(t.Context(), otp.source, &tries{}, otp.clock); s.State().Phase != signer.Unavailable || s.State().Fault.Code != "signer.key" {
		t.Errorf("a one-time password each time: %+v", s.State())
	}
}

// A server that speaks, but not this.
func TestGarbageIsAnError(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"page": "<html>", "empty": "", "null": "null", "array": "[]", "no certificates": `{"key":{"status":"enabled"},"cert":{"certificates":[]}}`,
		"bad certificate": `{"key":{"status":"enabled"},"cert":{"certificates":["AAAA"]}}`, "key disabled": `{"key":{"status":"disabled"}}`,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := w.Write([]byte(body))
			if err != nil {
				t.Error(err)
			}
		}))
		t.Cleanup(srv.Close)
		source := remote.New(remote.Config{URL: srv.URL, Credential: "x", Clock: clock.System{}, HTTP: srv.Client(),
			Secret: func() (string, error) { return "bearer", nil }})
		if _, err := source.Open(t.Context(), "1"); code(err) != "signer.key" && code(err) != "signer.unavailable" {
			t.Errorf("%s: %v", name, err)
		}
		if c := source.Peek(t.Context()); c != nil {
			t.Errorf("%s: a certificate", name)
		}
	}
	away := remote.New(remote.Config{URL: "http://127.0.0.1:1", Clock: clock.System{}, HTTP: http.DefaultClient, Secret: func() (string, error) { return "", errors.New("gone") }})
	if _, err := away.Open(t.Context(), ""); code(err) != "signer.unavailable" {
		t.Errorf("no secret: %v", err)
	}
}
