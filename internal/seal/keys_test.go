package seal_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"lienthong/internal/seal"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func certBlock(c *x509.Certificate) []byte { return block("CERTIFICATE", c.Raw) }

func TestKeysFromPEM(t *testing.T) {
	t.Parallel()
	k := keys()
	ca := issue(k.ca, nil, nil, authority)
	ecCert, rsaCert := issue(k.ec, ca, k.ca, nil), issue(k.rsa, ca, k.ca, nil)
	ec8, rsa8 := must(x509.MarshalPKCS8PrivateKey(k.ec)), must(x509.MarshalPKCS8PrivateKey(k.rsa))
	sec1 := block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(k.ec)))
	short := must(x509.MarshalPKCS8PrivateKey(k.short))
	p384 := block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(k.p384)))
	for name, c := range map[string]struct {
		files [][]byte
		cert  *x509.Certificate
		chain int
		code  string
	}{
		"PKCS 8 EC":             {[][]byte{block("PRIVATE KEY", ec8), certBlock(ecCert)}, ecCert, 0, ""},
		"PKCS 8 RSA":            {[][]byte{block("PRIVATE KEY", rsa8), certBlock(rsaCert)}, rsaCert, 0, ""},
		"PKCS 1":                {[][]byte{block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.rsa)), certBlock(rsaCert)}, rsaCert, 0, ""},
		"SEC 1":                 {[][]byte{sec1, certBlock(ecCert)}, ecCert, 0, ""},
		"one file, chain first": {[][]byte{bytes.Join([][]byte{certBlock(ca), []byte("text\n"), certBlock(ecCert), sec1}, nil)}, ecCert, 1, ""},
		"no key":                {[][]byte{certBlock(ecCert)}, nil, 0, "seal.key"},
		"no certificate":        {[][]byte{sec1}, nil, 0, "seal.key"},
		"another's certificate": {[][]byte{sec1, certBlock(rsaCert)}, nil, 0, "seal.key"},
		"two keys":              {[][]byte{sec1, sec1, certBlock(ecCert)}, nil, 0, "seal.key"},
		"encrypted":             {[][]byte{block("ENCRYPTED PRIVATE KEY", ec8), certBlock(ecCert)}, nil, 0, "seal.key"},
		"short":                 {[][]byte{block("PRIVATE KEY", short), certBlock(issue(k.short, nil, nil, nil))}, nil, 0, "seal.key"},
		"another curve":         {[][]byte{p384, certBlock(issue(k.p384, nil, nil, nil))}, nil, 0, "seal.key"},
		"broken key":            {[][]byte{block("PRIVATE KEY", ec8[:20]), certBlock(ecCert)}, nil, 0, "seal.key"},
		"broken certificate":    {[][]byte{sec1, block("CERTIFICATE", ecCert.Raw[:20])}, nil, 0, "seal.key"},
		"nothing":               {nil, nil, 0, "seal.key"},
	} {
		pair, err := seal.LoadPEM(c.files...)
		if faultCode(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (!pair.Certificate.Equal(c.cert) || len(pair.Chain) != c.chain) {
			t.Errorf("%s: %+v", name, pair)
		}
	}
}

func TestKeysFromPKCS12(t *testing.T) {
	t.Parallel()
	k := keys()
	ca := issue(k.ca, nil, nil, authority)
	pair := seal.KeyPair{Key: k.ec, Certificate: issue(k.ec, ca, k.ca, nil), Chain: []*x509.Certificate{ca}}
	pfx, err := pair.EncodePKCS12("mật khẩu")
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal.LoadPKCS12(pfx, "mật khẩu")
	if err != nil || !got.Key.(*ecdsa.PrivateKey).Equal(k.ec) || !got.Certificate.Equal(pair.Certificate) || len(got.Chain) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	for name, c := range map[string]struct {
		pfx      []byte
		password string
	}{"wrong password": {pfx, "khac"}, "cut": {pfx[:len(pfx)/2], "mật khẩu"}, "empty": {nil, ""}} {
		if _, err := seal.LoadPKCS12(c.pfx, c.password); faultCode(err) != "seal.key" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
