package choose_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/choose"
	"lienthong/internal/agent/signer/remote/simulator"
	"lienthong/internal/clock"
)

func TestEveryTypeOfTheConfiguration(t *testing.T) {
	t.Parallel()
	pair, err := simulator.NewPair("Bệnh viện Thử", "0300000001", clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	both, cert, err := simulator.Files(pair)
	if err != nil {
		t.Fatal(err)
	}
	p12, err := pair.EncodePKCS12("p")
	if err != nil {
		t.Fatal(err)
	}
	service, err := simulator.New(simulator.Config{Pair: pair, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(service)
	t.Cleanup(srv.Close)
	h, err := home.Create(filepath.Join(t.TempDir(), "agent"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"key.pem": both[:len(both)-len(cert)], "cert.pem": cert, "key.p12": p12, "secret": []byte("simulated\n"), "wrong": []byte("x")} {
		if err := h.Write(name, b); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		config home.SignerConfig
		phase  signer.Phase
		code   string
	}{
		"nothing":      {home.SignerConfig{}, signer.Unavailable, "signer.none"},
		"pem":          {home.SignerConfig{Type: home.SignerPEM, Key: h.Path("key.pem"), Certificate: h.Path("cert.pem")}, signer.Ready, ""},
		"pkcs12":       {home.SignerConfig{Type: home.SignerPKCS12, File: h.Path("key.p12")}, signer.WaitingForPIN, "signer.waiting_for_pin"},
		"token":        {home.SignerConfig{Type: home.SignerPKCS11, Module: "/nowhere/x.so", Helper: h.Path("none")}, signer.WaitingForPIN, "signer.waiting_for_pin"},
		"remote":       {home.SignerConfig{Type: home.SignerRemote, URL: srv.URL + "/csc/v2", ClientID: "lienthong", SecretFile: h.Path("secret")}, signer.Ready, ""},
		"wrong secret": {home.SignerConfig{Type: home.SignerRemote, URL: srv.URL + "/csc/v2", ClientID: "lienthong", SecretFile: h.Path("wrong")}, signer.Unavailable, "signer.unavailable"},
	} {
		if err := h.Save(home.Config{Hub: "https://hub.example.vn", Facility: "79901", Proxy: home.ProxyDirect, Signer: c.config}); err != nil {
			t.Fatal(name, err)
		}
		s, err := choose.Signer(t.Context(), h, clock.System{})
		if err != nil {
			t.Fatal(name, err)
		}
		got := s.State()
		code := ""
		if got.Fault != nil {
			code = got.Fault.Code
		}
		if got.Phase != c.phase || code != c.code {
			t.Errorf("%s: %s %v", name, got.Phase, got.Fault)
		}
		if err := s.Close(); err != nil {
			t.Error(name, err)
		}
	}
}
