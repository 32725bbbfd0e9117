package seal_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

var at = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

var container = seal.Expect{Container: "CHUKYDONVI"}

// keys are made once: an RSA key takes a while.
var keys = sync.OnceValue(func() (k struct {
	rsa, short *rsa.PrivateKey
	ec, other  *ecdsa.PrivateKey
	p384       *ecdsa.PrivateKey
	ca         *ecdsa.PrivateKey
}) {
	k.rsa = must(rsa.GenerateKey(rand.Reader, 2048))
	k.short = must(rsa.GenerateKey(rand.Reader, 1024))
	k.ec = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	k.other = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	k.ca = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	k.p384 = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	return k
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// issue makes a certificate; nil parent makes it self-signed.
func issue(key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7),
		Subject:      pkix.Name{Country: []string{"VN"}, CommonName: "CSKCB 79901 THU NGHIEM", SerialNumber: "MST-9900079901"},
		NotBefore:    at.AddDate(-1, 0, 0), NotAfter: at.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	der := must(x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey))
	return must(x509.ParseCertificate(der))
}

func authority(c *x509.Certificate) {
	c.Subject = pkix.Name{CommonName: "TEST CA"}
	c.NotBefore, c.NotAfter = at.AddDate(-10, 0, 0), at.AddDate(10, 0, 0)
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
}

func withName(oid asn1.ObjectIdentifier, value string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "CSKCB", ExtraNames: []pkix.AttributeTypeAndValue{{Type: oid, Value: value}}}
	}
}

func rsaPair() seal.KeyPair {
	return seal.KeyPair{Key: keys().rsa, Certificate: issue(keys().rsa, nil, nil, nil)}
}

func ecPair() seal.KeyPair {
	return seal.KeyPair{Key: keys().ec, Certificate: issue(keys().ec, nil, nil, nil)}
}

const envelope = `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><SOLUONGHOSO>1</SOLUONGHOSO>` +
	`<DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>PD94bWw=</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO>` +
	`<CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`

func newVerifier(tb testing.TB) *seal.Verifier {
	tb.Helper()
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// code is the fault code of Verify, "" for a verdict.
func code(tb testing.TB, doc []byte, e seal.Expect) string {
	tb.Helper()
	verdict, err := newVerifier(tb).Verify(doc, e)
	switch {
	case err != nil && verdict == nil:
		return fault.Of(err).Code
	case err == nil && len(verdict.Signatures) == max(e.Count, 1):
		return ""
	}
	tb.Fatalf("verdict %v beside error %v", verdict, err)
	return ""
}

func sign(tb testing.TB, doc string, pair seal.KeyPair) string {
	tb.Helper()
	out, err := pair.Sign([]byte(doc), "CHUKYDONVI")
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

// sharedFile reads a file of ../shared beside the repository, or skips loudly.
func sharedFile(tb testing.TB, path ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{sharedDir(tb)}, path...)...))
	if err != nil {
		tb.Skipf("SKIPPED: %v: the samples beside the repository were not checked", err)
	}
	return b
}

func sharedDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared")
		}
	}
}

func between(s, from, to string) string {
	i := strings.Index(s, from)
	j := strings.Index(s[i:], to)
	if i < 0 || j < 0 {
		panic(fmt.Sprintf("no %s..%s", from, to))
	}
	return s[i : i+j+len(to)]
}

func replace(tb testing.TB, s, old, new string) string {
	tb.Helper()
	if strings.Count(s, old) != 1 {
		tb.Fatalf("%q is there %d times", old, strings.Count(s, old))
	}
	return strings.Replace(s, old, new, 1)
}

func faultCode(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// rawPair turns a DER ECDSA value into r‖s.
func rawPair(tb testing.TB, der []byte) []byte {
	tb.Helper()
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		tb.Fatal(err)
	}
	out := make([]byte, 64)
	pair.R.FillBytes(out[:32])
	pair.S.FillBytes(out[32:])
	return out
}
