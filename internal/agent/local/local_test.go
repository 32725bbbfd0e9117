package local_test

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/local"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

func setup(t *testing.T) *home.Home {
	t.Helper()
	h, err := home.Create(filepath.Join(t.TempDir(), "agent"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// serve accepts one connection on an address and answers "ok".
func serve(t *testing.T, c *tls.Config, address string) string {
	t.Helper()
	l, err := tls.Listen("tcp", address, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "ok")
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestAnOldClientSpeaksToTheBuiltInName(t *testing.T) {
	t.Parallel()
	h := setup(t)
	id, made, err := local.Ensure(h, "EGW.baohiemxahoi.gov.vn.", clock.System{})
	if err != nil || !made || id.Host != local.Gateway {
		t.Fatalf("%+v, %v, %v", id.Host, made, err)
	}
	c, err := local.TLS(h)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(id.Authority) {
		t.Fatal("no authority")
	}
	at := serve(t, c, "127.0.0.1:0")
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		for _, suites := range [][]uint16{nil, {tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}, {tls.TLS_RSA_WITH_AES_128_CBC_SHA}} {
			conn, err := tls.Dial("tcp", at, &tls.Config{RootCAs: roots, ServerName: local.Gateway, MinVersion: version, MaxVersion: version, CipherSuites: suites})
			if err != nil {
				t.Fatalf("TLS %x: %v", version, err)
			}
			b, err := io.ReadAll(conn)
			if string(b) != "ok" || conn.ConnectionState().Version != version {
				t.Errorf("TLS %x: %q, %v", version, b, err)
			}
			_ = conn.Close()
		}
	}
}

// Where a connection comes in decides; the rest of the configuration is the same.
func TestElsewhereOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if _, _, err := local.Ensure(h, local.Gateway, clock.System{}); err != nil {
		t.Fatal(err)
	}
	c, err := local.TLS(h)
	if err != nil {
		t.Fatal(err)
	}
	for address, old := range map[string]bool{"127.0.0.1": true, "192.0.2.7": false} {
		server, client := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- tls.Server(placed{server, net.ParseIP(address)}, c).HandshakeContext(context.Background())
			_ = server.Close()
		}()
		err := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}).HandshakeContext(t.Context())
		_ = client.Close()
		if e := <-done; (err == nil && e == nil) != old {
			t.Errorf("%s: %v, %v", address, err, e)
		}
	}
}

// placed is a connection that says where it is.
type placed struct {
	net.Conn
	ip net.IP
}

func (p placed) LocalAddr() net.Addr  { return &net.TCPAddr{IP: p.ip, Port: 443} }
func (p placed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: p.ip, Port: 50000} }

func TestTheAuthorityIsForOneNameAndKeepsNoKey(t *testing.T) {
	t.Parallel()
	h := setup(t)
	id, _, err := local.Ensure(h, local.Gateway, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(id.Authority)
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !ca.PermittedDNSDomainsCritical || len(ca.PermittedDNSDomains) != 1 || ca.PermittedDNSDomains[0] != local.Gateway || !ca.MaxPathLenZero || len(ca.ExcludedIPRanges) != 2 {
		t.Errorf("%+v, not %+v", ca.PermittedDNSDomains, ca.ExcludedIPRanges)
	}
	for _, name := range []string{"local-ca.pem", "local-server.pem"} {
		b, err := h.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				continue
			}
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			key, ok := k.(*rsa.PrivateKey)
			if !ok || key.PublicKey.Equal(ca.PublicKey) {
				t.Error("the authority's key was kept")
			}
		}
	}
	again, made, err := local.Ensure(h, local.Gateway, clock.System{})
	if err != nil || made || string(again.Authority) != string(id.Authority) {
		t.Errorf("made again: %v, %v", made, err)
	}
	other, made, err := local.Ensure(h, "gdbhyt.example.vn", clock.System{})
	if err != nil || !made || other.Host != "gdbhyt.example.vn" {
		t.Errorf("another name: %v, %v", made, err)
	}
	if _, made, err = local.Ensure(h, "gdbhyt.example.vn", clock.NewFake(time.Now().Add(800*24*time.Hour))); err != nil || !made {
		t.Errorf("near its end: %v, %v", made, err)
	}
}

func TestBadNamesAndDamagedFiles(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, host := range []string{"", "localhost", "127.0.0.1", "a b.vn", "*.vn", "x.vn\n0.0.0.0 y.vn", "../x.vn", "-a.vn", "ví.vn", strings.Repeat("a.", 130) + "vn", "x'.vn", "$(id).vn"} {
		if _, _, err := local.Ensure(h, host, clock.System{}); code(err) != "trust.host" {
			t.Errorf("%q: %v", host, err)
		}
	}
	if _, err := local.TLS(h); code(err) != "trust.absent" {
		t.Errorf("nothing made: %v", err)
	}
	if _, _, err := local.Ensure(h, local.Gateway, clock.System{}); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"cut":               func() error { return h.Write("local-server.pem", []byte("-----BEGIN")) },
		"another authority": func() error { return h.Write("local-ca.pem", []byte("x")) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := local.TLS(h); code(err) != "trust.damaged" {
			t.Errorf("%s: %v", name, err)
		}
		if _, made, err := local.Ensure(h, local.Gateway, clock.System{}); err != nil || !made {
			t.Errorf("%s is not mended: %v", name, err)
		}
	}
	expired := setup(t)
	if _, _, err := local.Ensure(expired, local.Gateway, clock.NewFake(time.Now().Add(-900*24*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if _, err := local.TLS(expired); code(err) != "trust.damaged" {
		t.Errorf("expired: %v", err)
	}
}

func TestTheStepsAreDoneOnceAndTakenBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	id, _, err := local.Ensure(h, local.Gateway, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	update := filepath.Join(root, "update")
	if err := os.WriteFile(update, []byte("#!/bin/sh\necho \"$@\" >> "+root+"/updated\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	hosts := filepath.Join(root, "etc/hosts")
	if err := os.MkdirAll(filepath.Dir(hosts), 0o755); err != nil {
		t.Fatal(err)
	}
	const before = "127.0.0.1 localhost\n10.0.0.5 his.local # máy chủ HIS"
	if err := os.WriteFile(hosts, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	s := local.System{Root: root, Update: update}
	for range 2 {
		if err := s.Install(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(hosts)
	if err != nil || string(b) != before+"\n127.0.0.1 "+local.Gateway+" # lienthong agent\n" {
		t.Errorf("%q, %v", b, err)
	}
	stored := filepath.Join(root, "usr/local/share/ca-certificates/lienthong-"+local.Gateway+".crt")
	if b, err := os.ReadFile(stored); err != nil || string(b) != string(id.Authority) {
		t.Errorf("the store: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "updated")); err != nil {
		t.Error("the store was not read")
	}
	if err := s.Remove(t.Context(), local.Gateway); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(hosts); err != nil || string(b) != before+"\n" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(stored); !os.IsNotExist(err) {
		t.Errorf("still trusted: %v", err)
	}
	if err := os.WriteFile(hosts, []byte("10.1.1.1 "+local.Gateway+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Install(t.Context(), id); code(err) != "trust.install" {
		t.Errorf("a name somebody points elsewhere: %v", err)
	}
	if err := (local.System{Root: root, Update: filepath.Join(root, "none")}).Install(t.Context(), id); code(err) != "trust.install" {
		t.Errorf("no store here: %v", err)
	}
}

func TestStepsForBothSystems(t *testing.T) {
	t.Parallel()
	for system, want := range map[string]string{"linux": "update-ca-certificates", "windows": "certutil -addstore Root"} {
		text := ""
		for _, s := range local.Steps(system, local.Gateway, "/x/local-ca.pem") {
			if s.Text.VI == "" || s.Text.EN == "" {
				t.Errorf("%s: a step without its sentence", system)
			}
			text += s.Command + "\n"
		}
		if !strings.Contains(text, want) || !strings.Contains(text, "127.0.0.1 "+local.Gateway) {
			t.Errorf("%s: %s", system, text)
		}
	}
}
