package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/seal"
)

// NewPair makes a key of 2048 bits and a certificate signed by itself, for ten
// years, that names a facility by its tax code.
func NewPair(name, taxCode string, c clock.Clock) (seal.KeyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return seal.KeyPair{}, fmt.Errorf("simulator: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return seal.KeyPair{}, fmt.Errorf("simulator: %w", err)
	}
	now := c.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, SerialNumber: taxCode, Organization: []string{"Simulated"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return seal.KeyPair{}, fmt.Errorf("simulator: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return seal.KeyPair{}, fmt.Errorf("simulator: %w", err)
	}
	return seal.KeyPair{Key: key, Certificate: cert}, nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
