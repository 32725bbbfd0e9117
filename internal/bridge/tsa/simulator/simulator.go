// Package simulator is a time-stamp authority for the demo and for tests: a
// root and a signing certificate of its own, made when it is new, and the HTTP
// exchange of RFC 3161 §3.4. Its time is the clock it is handed. It is worth
// nothing as evidence: whoever runs it can stamp any time.
package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"

	"lienthong/internal/bridge/tsa"
	"lienthong/internal/clock"
)

// Authority is a simulated authority.
type Authority struct {
	Root        *x509.Certificate // trust this
	Certificate *x509.Certificate // that signs
	key         *ecdsa.PrivateKey
	rootKey     *ecdsa.PrivateKey // nil when loaded
	clock       clock.Clock
}

// Policy is what its tokens name: an OID of the arc for examples.
var policy = asn1.ObjectIdentifier{2, 999, 3161}

// Life is how long a new authority's signing certificate is valid.
const Life = 5 * 365 * 24 * time.Hour

// New makes an authority with new keys. life 0 means Life.
func New(c clock.Clock, life time.Duration) (*Authority, error) {
	if life == 0 {
		life = Life
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	from := c.Now().Add(-time.Hour)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.Add(2 * Life), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, Subject: pkix.Name{Organization: []string{"Lien Thong Synthetic"}, CommonName: "Synthetic Time-Stamp Root"}}
	a := &Authority{key: key, rootKey: rootKey, clock: c}
	if a.Root, err = issue(root, root, rootKey.Public(), rootKey); err != nil {
		return nil, err
	}
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	signer := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: from.Add(time.Hour + life), KeyUsage: x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true, Subject: pkix.Name{Organization: []string{"Lien Thong Synthetic"}, CommonName: "Synthetic Time-Stamp Authority"},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}}}
	a.Certificate, err = issue(signer, a.Root, key.Public(), rootKey)
	return a, err
}

// Reissue returns the authority with its signing certificate issued again, as
// change leaves its template: for tests of certificates that may not sign.
func (a *Authority) Reissue(change func(*x509.Certificate)) (*Authority, error) {
	t := &x509.Certificate{SerialNumber: big.NewInt(3), NotBefore: a.Certificate.NotBefore, NotAfter: a.Certificate.NotAfter, KeyUsage: a.Certificate.KeyUsage,
		BasicConstraintsValid: true, Subject: a.Certificate.Subject}
	for _, x := range a.Certificate.Extensions {
		if x.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37}) {
			t.ExtraExtensions = append(t.ExtraExtensions, x)
		}
	}
	change(t)
	again := *a
	var err error
	again.Certificate, err = issue(t, a.Root, a.key.Public(), a.rootKey)
	return &again, err
}

func issue(c, parent *x509.Certificate, public any, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, by)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return x509.ParseCertificate(der)
}

// Files returns what to keep of the authority, by name: root.pem to be trusted,
// tsa.pem, and tsa.key (PKCS #8, private).
func (a *Authority) Files() (map[string][]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	return map[string][]byte{"root.pem": block("CERTIFICATE", a.Root.Raw), "tsa.pem": block("CERTIFICATE", a.Certificate.Raw), "tsa.key": block("PRIVATE KEY", der)}, nil
}

// Load reads an authority back from its files.
func Load(c clock.Clock, read func(name string) ([]byte, error)) (*Authority, error) {
	a := &Authority{clock: c}
	for name, to := range map[string]**x509.Certificate{"root.pem": &a.Root, "tsa.pem": &a.Certificate} {
		b, err := read(name)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(b)
		if block == nil {
			return nil, fmt.Errorf("simulator: %s holds no certificate", name)
		}
		if *to, err = x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("simulator: %s: %w", name, err)
		}
	}
	b, err := read("tsa.key")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("simulator: tsa.key holds no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("simulator: tsa.key: %w", err)
	}
	var ok bool
	if a.key, ok = key.(*ecdsa.PrivateKey); !ok {
		return nil, errors.New("simulator: tsa.key is not an EC key")
	}
	return a, nil
}

// Stamp answers a TimeStampReq with a TimeStampResp.
func (a *Authority) Stamp(request []byte) ([]byte, error) {
	q, err := timestamp.ParseRequest(request)
	if err != nil || q.HashAlgorithm != crypto.SHA256 {
		return timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadRequest)
	}
	t := timestamp.Timestamp{HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Nonce: q.Nonce, Policy: policy,
		Time: a.clock.Now().UTC().Truncate(time.Second), Accuracy: time.Second, AddTSACertificate: q.Certificates}
	return t.CreateResponseWithOpts(a.Certificate, a.key, crypto.SHA256)
}

// ServeHTTP answers requests as RFC 3161 §3.4 has it.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != tsa.QueryType {
		http.Error(w, "POST "+tsa.QueryType, http.StatusUnsupportedMediaType)
		return
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	answer, err := a.Stamp(b)
	if err != nil {
		http.Error(w, "no stamp", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", tsa.ReplyType)
	_, _ = w.Write(answer) // who asked has gone
}
