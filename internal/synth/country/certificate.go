package country

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"time"

	"lienthong/internal/seal"
	"lienthong/internal/synth/keys"
)

// authority is the synthetic root that issues the facilities' certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// Root returns the authority's certificate as PEM.
func (n *Country) Root() []byte { return certificatePEM(n.authority.certificate.Raw) }

// Authority returns the authority's certificate and key, for whoever plays its
// revocation service.
func (n *Country) Authority() (*x509.Certificate, crypto.Signer) {
	return n.authority.certificate, n.authority.key
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Validity of every certificate: wide enough for any day a nation has.
func validity() (from, to time.Time) {
	return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
}

func (n *Country) makeAuthority() error {
	key, err := keys.EC(n.config.Seed, "root")
	if err != nil {
		return err
	}
	from, to := validity()
	template := &x509.Certificate{
		SerialNumber: keys.Serial(n.config.Seed, "root"), NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		Subject:  pkix.Name{Country: []string{"VN"}, Organization: []string{"Lien Thong Synthetic"}, CommonName: fmt.Sprintf("Synthetic Root %d", n.config.Seed)},
	}
	n.authority, err = issue(template, nil, key, key)
	return err
}

// issue signs without randomness: ECDSA's nonces are those of RFC 6979.
func issue(template, parent *x509.Certificate, public crypto.Signer, by *ecdsa.PrivateKey) (authority, error) {
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(nil, template, parent, public.Public(), by)
	if err != nil {
		return authority{}, fmt.Errorf("country: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	return authority{by, c}, err
}

// uid is the attribute UID of RFC 4519, where some authorities write the tax code.
func uid() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1} }

// certify gives a facility its key and certificate. Its tax code stands in the
// subject in one of the ways authorities write it.
func (n *Country) certify(f *Facility, way int, useRSA bool) error {
	var err error
	if useRSA {
		f.Key, err = keys.RSA(n.config.Seed, f.Code)
	} else {
		f.Key, err = keys.EC(n.config.Seed, f.Code)
	}
	if err != nil {
		return err
	}
	subject := pkix.Name{Country: []string{"VN"}, CommonName: f.Name}
	switch way % 3 {
	case 0:
		subject.SerialNumber = "MST-" + f.TaxCode
	case 1:
		subject.SerialNumber = f.TaxCode
	case 2:
		subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: uid(), Value: "MST:" + f.TaxCode}}
	}
	from, to := validity()
	template := &x509.Certificate{SerialNumber: keys.Serial(n.config.Seed, f.Code), NotBefore: from, NotAfter: to, Subject: subject,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, BasicConstraintsValid: true}
	made, err := issue(template, n.authority.certificate, f.Key, n.authority.key)
	if err != nil {
		return err
	}
	f.Certificate = made.certificate
	f.Pair = seal.KeyPair{Key: f.Key, Certificate: f.Certificate}
	return nil
}

// CertificatePEM returns the facility's certificate as PEM.
func (f *Facility) CertificatePEM() []byte { return certificatePEM(f.Certificate.Raw) }

// KeyPEM returns the facility's private key as PKCS #8 PEM.
func (f *Facility) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(f.Key)
	if err != nil {
		return nil, fmt.Errorf("country: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Doctor is the key and certificate of the doctor who concludes health checks at
// a facility: a person's, under the synthetic root, whose serialNumber is a
// citizen number that nobody can own (century digit 8 or 9).
func (n *Country) Doctor(f *Facility) (seal.KeyPair, error) {
	key, err := keys.EC(n.config.Seed, f.Code+" doctor")
	if err != nil {
		return seal.KeyPair{}, err
	}
	from, to := validity()
	template := &x509.Certificate{SerialNumber: keys.Serial(n.config.Seed, f.Code+" doctor"), NotBefore: from, NotAfter: to, BasicConstraintsValid: true,
		Subject:  pkix.Name{Country: []string{"VN"}, CommonName: f.Doctors[0].Name, SerialNumber: fmt.Sprintf("0%s9%02d%06d", f.Old, 70+f.Number%25, f.Number)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment}
	made, err := issue(template, n.authority.certificate, key, n.authority.key)
	return seal.KeyPair{Key: key, Certificate: made.certificate}, err
}
