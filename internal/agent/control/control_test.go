package control_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/control"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

func setup(t *testing.T, name string) *home.Home {
	t.Helper()
	dir, err := os.MkdirTemp("", "lt") // short: a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	h, err := home.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Save(home.Config{Hub: "https://hub.example.vn", Facility: "79901"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// sealer waits for the password "mật khẩu".
func sealer(t *testing.T, h *home.Home) *signer.Sealer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(255), Subject: pkix.Name{CommonName: "Bệnh viện Thử"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p12, err := seal.KeyPair{Key: key, Certificate: cert}.EncodePKCS12("mật khẩu")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Write("key.p12", p12); err != nil {
		t.Fatal(err)
	}
	return signer.New(t.Context(), signer.PKCS12{File: h.Path("key.p12")}, h, clock.System{})
}

func run(t *testing.T, h *home.Home) *control.Client {
	t.Helper()
	s, err := control.Listen(h, control.Agent{Version: "1.2.3", Clock: clock.System{}, Signer: sealer(t, h),
		Station: func(context.Context) (json.RawMessage, bool) { return json.RawMessage(`{"waiting":7}`), true }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		if _, err := control.Dial(h); fault.Of(err).Code != "agent.not_running" {
			t.Errorf("after its end: %v", err)
		}
	})
	c, err := control.Dial(h)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestThePINReachesTheRunningAgent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"agent", strings.Repeat("long", 30)} { // socket, loopback port
		h := setup(t, name)
		c := run(t, h)
		got, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Version != "1.2.3" || !got.Healthy || got.Facility != "79901" || string(got.Station) != `{"waiting":7}` || got.Process != os.Getpid() {
			t.Errorf("%+v", got)
		}
		if got.Signer.Phase != signer.WaitingForPIN || got.Signer.Code != "signer.waiting_for_pin" || got.Signer.Message.VI == "" || got.Signer.TriesLeft != 3 {
			t.Errorf("%+v", got.Signer)
		}
		if _, err := c.Unlock(t.Context(), "sai"); fault.Of(err).Code != "signer.pin_wrong" {
			t.Errorf("a wrong PIN: %v", err)
		}
		at, err := c.Unlock(t.Context(), "mật khẩu")
		if err != nil || at.Phase != signer.Ready || at.TriesLeft != 3 || at.Certificate.Serial != "FF" {
			t.Errorf("%+v, %v", at, err)
		}
		if _, err := c.Unlock(t.Context(), "mật khẩu"); fault.Of(err).Code != "signer.pin_unneeded" {
			t.Errorf("a second time: %v", err)
		}
		if err := filepath.WalkDir(h.Dir(), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if strings.Contains(string(b), "mật khẩu") {
				t.Errorf("%s holds the PIN", d.Name())
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLockedPINsAreForgivenByAPerson(t *testing.T) {
	t.Parallel()
	c := run(t, setup(t, "agent"))
	for range 3 {
		if _, err := c.Unlock(t.Context(), "sai"); fault.Of(err).Code != "signer.pin_wrong" {
			t.Fatal(err)
		}
	}
	if _, err := c.Unlock(t.Context(), "mật khẩu"); fault.Of(err).Code != "signer.pin_locked" {
		t.Fatal(err)
	}
	if at, err := c.Forgive(t.Context()); err != nil || at.Phase != signer.WaitingForPIN || at.TriesLeft != 3 {
		t.Fatalf("%+v, %v", at, err)
	}
	if _, err := c.Unlock(t.Context(), "mật khẩu"); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyWhoHasTheTokenIsAnswered(t *testing.T) {
	t.Parallel()
	h := setup(t, "agent")
	run(t, h)
	b, err := h.Read("control.json")
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]string
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	good := e["token"]
	e["token"] = "x"
	other := setup(t, "other")
	bad, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Write("control.json", bad); err != nil {
		t.Fatal(err)
	}
	c, err := control.Dial(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); fault.Of(err).Code != "agent.control_token" {
		t.Errorf("without the token: %v", err)
	}
	for what, text := range map[string]string{"garbage": "{", "another machine": `{"network":"tcp","address":"192.0.2.1:80","token":"` + good + `"}`, "a host name": `{"network":"tcp","address":"hub.example.vn:80"}`} {
		if err := other.Write("control.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := control.Dial(other); fault.Of(err).Code != "agent.not_running" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if info, err := os.Stat(h.Path("control.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestTwoAgentsDoNotRunInOneDirectory(t *testing.T) {
	t.Parallel()
	h := setup(t, "agent")
	run(t, h)
	if _, err := control.Listen(h, control.Agent{Clock: clock.System{}, Signer: sealer(t, h)}); fault.Of(err).Code != "agent.running" {
		t.Fatal(err)
	}
	// What a killed agent left behind does not stop the next.
	left := setup(t, "left")
	if err := left.Write("control.sock", nil); err != nil {
		t.Fatal(err)
	}
	run(t, left)
}
