// Package local lets a HIS whose host name is built in speak to the agent on its
// own machine: a certificate of a local authority for that name, and the steps
// that make the machine believe it (agent trust).
//
// The authority is made on this machine, for this one name: its certificate is
// constrained to it (RFC 5280 §4.2.1.10), so that its key, were it stolen, signs
// for nothing else. Old TLS is spoken on loopback alone. It is not for names that
// other machines ask for, and its authority is trusted nowhere else.
package local

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"regexp"
	"strings"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Gateway is the host name of the insurer's gateway, which many HIS have built in
// (domain: the gateway's own API).
const Gateway = "egw.baohiemxahoi.gov.vn"

var (
	// ErrHost (trust.host): not a host name.
	ErrHost = fault.New(fault.Invalid, "trust.host",
		"Tên máy chủ không đúng dạng, ví dụ egw.baohiemxahoi.gov.vn.",
		"Not a host name, for example egw.baohiemxahoi.gov.vn.")
	// ErrAbsent (trust.absent): no certificate was made.
	ErrAbsent = fault.New(fault.Absent, "trust.absent",
		"Máy này chưa có chứng thư cho tên máy chủ dựng sẵn. Chạy lienthong agent trust.",
		"No certificate for a built-in host name was made here. Run lienthong agent trust.")
	// ErrDamaged (trust.damaged): the files are not what was made.
	ErrDamaged = fault.New(fault.Invalid, "trust.damaged",
		"Tệp chứng thư cục bộ bị hỏng hoặc đã hết hạn. Chạy lại lienthong agent trust.",
		"The local certificate is damaged or has ended. Run lienthong agent trust again.")
)

// AuthorityFile is the authority's certificate in the agent's directory: what is
// to be trusted.
const AuthorityFile = "local-ca.pem"

// serverFile has the key and certificate for the name.
const serverFile = "local-server.pem"

// Old clients refuse server certificates of more than 825 days; authority and
// certificate are made anew together.
const life = 820 * 24 * time.Hour

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// Identity is a local name with its certificate.
type Identity struct {
	Host      string
	Authority []byte // PEM of the authority's certificate
	Ends      time.Time
}

// Ensure returns the identity of a host name, made where it is not there, is of
// another name, or ends within 30 days. made says that the authority is new and
// is to be trusted (again). The authority's key is thrown away once it has signed.
// Faults: trust.host, agent.modes.
func Ensure(h *home.Home, host string, c clock.Clock) (id Identity, made bool, err error) {
	host = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
	if len(host) > 253 || !hostName.MatchString(host) || net.ParseIP(host) != nil {
		return Identity{}, false, ErrHost
	}
	id, _, err = load(h, c.Now())
	switch {
	case err == nil && id.Host == host && c.Now().Add(30*24*time.Hour).Before(id.Ends):
		return id, false, nil
	case err != nil && !errors.Is(err, ErrAbsent) && !errors.Is(err, ErrDamaged):
		return Identity{}, false, err
	}
	authority, server, err := issue(host, c.Now())
	if err != nil {
		return Identity{}, false, err
	}
	if err := h.Write(AuthorityFile, authority); err != nil {
		return Identity{}, false, err
	}
	if err := h.Write(serverFile, server); err != nil {
		return Identity{}, false, err
	}
	id, _, err = load(h, c.Now())
	return id, true, err
}

// issue makes an authority for one name and a certificate by it. Both keys are
// RSA: the clients this is for are too old for anything else.
func issue(host string, now time.Time) (authority, server []byte, err error) {
	caKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("agent local: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("agent local: %w", err)
	}
	ca := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Lien Thong, this machine only: " + host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life), KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{host},
		// A constraint on one form of name leaves the others free: no address either.
		ExcludedIPRanges: []*net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}},
	}
	leaf := &x509.Certificate{
		Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caDER, err := certify(ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	signed, err := x509.ParseCertificate(caDER)
	if err != nil {
		return nil, nil, fmt.Errorf("agent local: %w", err)
	}
	der, err := certify(leaf, signed, &key.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("agent local: %w", err)
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	return block("CERTIFICATE", caDER), append(block("PRIVATE KEY", pkcs8), block("CERTIFICATE", der)...), nil
}

func certify(c, by *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("agent local: %w", err)
	}
	c.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, c, by, public, key)
	if err != nil {
		return nil, fmt.Errorf("agent local: %w", err)
	}
	return der, nil
}

// load reads what Ensure made and checks that it holds together.
func load(h *home.Home, now time.Time) (Identity, *tls.Certificate, error) {
	authority, err := h.Read(AuthorityFile)
	if err == nil {
		var server []byte
		if server, err = h.Read(serverFile); err == nil {
			return parse(authority, server, now)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrAbsent
	}
	return Identity{}, nil, err
}

func parse(authority, server []byte, now time.Time) (Identity, *tls.Certificate, error) {
	pair, err := tls.X509KeyPair(server, server)
	if err != nil {
		return Identity{}, nil, ErrDamaged.Because(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) || len(pair.Leaf.DNSNames) != 1 {
		return Identity{}, nil, ErrDamaged.Because(errors.New("no authority or no name"))
	}
	host := pair.Leaf.DNSNames[0]
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now}); err != nil {
		return Identity{}, nil, ErrDamaged.Because(err)
	}
	return Identity{Host: host, Authority: authority, Ends: pair.Leaf.NotAfter}, &pair, nil
}

// Load returns the identity that was made. Faults: trust.absent, trust.damaged.
func Load(h *home.Home, c clock.Clock) (Identity, error) {
	id, _, err := load(h, c.Now())
	return id, err
}

// TLS returns what a listener for the built-in name serves with. A connection
// that came in over loopback may speak TLS 1.0 and 1.1 and the cipher suites of
// that time; any other speaks TLS 1.2 or later. Faults: trust.absent,
// trust.damaged.
func TLS(h *home.Home) (*tls.Config, error) {
	_, pair, err := load(h, clock.System{}.Now())
	if err != nil {
		return nil, err
	}
	strict := &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	old := strict.Clone()
	old.MinVersion = tls.VersionTLS10
	// Without forward secrecy and with CBC: nothing leaves the machine here.
	old.CipherSuites = []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
	}
	strict.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if here(hello.Conn.LocalAddr()) && here(hello.Conn.RemoteAddr()) {
			return old, nil
		}
		return nil, nil // as configured: strict
	}
	return strict, nil
}

func here(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}
