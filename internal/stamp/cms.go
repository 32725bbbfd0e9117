package stamp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // ESSCertID of RFC 2634 knows no other
	"crypto/sha256"
	_ "crypto/sha512" // linked in for ESSCertIDv2
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"
)

// What RFC 5652 (CMS), RFC 2634 and RFC 5035 (ESS) and RFC 3161 name.
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version      int
	Digests      asn1.RawValue `asn1:"set"`
	Encapsulated struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version         int
	Signer          asn1.RawValue
	Digest          pkix.AlgorithmIdentifier
	Signed          asn1.RawValue `asn1:"tag:0"` // RFC 3161 demands attributes
	SignatureMethod pkix.AlgorithmIdentifier
	Signature       []byte
	Unsigned        asn1.RawValue `asn1:"optional,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// tstInfo is what a token says (RFC 3161 §2.4.2).
type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Hashed    []byte
	}
	Serial   *big.Int
	Time     time.Time `asn1:"generalized"`
	Accuracy struct {
		Seconds int64 `asn1:"optional"`
		Millis  int64 `asn1:"tag:0,optional"`
		Micros  int64 `asn1:"tag:1,optional"`
	} `asn1:"optional"`
	Ordering   bool             `asn1:"optional"`
	Nonce      *big.Int         `asn1:"optional"`
	TSA        asn1.RawValue    `asn1:"tag:0,optional"`
	Extensions []pkix.Extension `asn1:"tag:1,optional"`
}

// imprint is the SHA-256 it is over; false for another algorithm.
func (i *tstInfo) imprint() (sum [sha256.Size]byte, ok bool) {
	if !i.Imprint.Algorithm.Algorithm.Equal(oidSHA256) || len(i.Imprint.Hashed) != len(sum) {
		return sum, false
	}
	return [sha256.Size]byte(i.Imprint.Hashed), true
}

// signed is a token as far as it can be read without knowing whom to believe.
type signed struct {
	info       tstInfo
	attributes map[string]asn1.RawValue // by OID; each once, with one value
}

// parse reads a token's CMS form strictly: DER without anything behind it,
// SignedData over TSTInfo, exactly one signer, signed attributes each once.
func parse(token []byte) (*signed, error) {
	if len(token) > MaxToken {
		return nil, because(ErrToken, "too long")
	}
	var outer contentInfo
	if err := exactly(token, &outer); err != nil {
		return nil, ErrToken.Because(err)
	}
	var d signedData
	if !outer.Type.Equal(oidSignedData) {
		return nil, because(ErrToken, "no SignedData")
	}
	if err := exactly(outer.Content.Bytes, &d); err != nil {
		return nil, ErrToken.Because(err)
	}
	var content []byte
	if !d.Encapsulated.Type.Equal(oidTSTInfo) {
		return nil, because(ErrToken, "it signs something else than TSTInfo")
	}
	if err := exactly(d.Encapsulated.Content.Bytes, &content); err != nil {
		return nil, ErrToken.Because(err)
	}
	s := &signed{attributes: map[string]asn1.RawValue{}}
	if err := exactly(content, &s.info); err != nil { // nothing may hide behind TSTInfo
		return nil, ErrToken.Because(err)
	}
	if i := &s.info; i.Version != 1 || i.Serial == nil || i.Time.IsZero() {
		return nil, because(ErrToken, "TSTInfo is not version 1, or without serial number or time")
	}
	if d.Version != 3 || len(d.Signers) != 1 {
		return nil, because(ErrToken, "not one signer, or not version 3")
	}
	alg := d.Signers[0].Digest.Algorithm
	if hashOf(alg) == 0 {
		return nil, because(ErrSignature, "digest algorithm "+alg.String())
	}
	return s, s.readAttributes(d.Signers[0].Signed.Bytes)
}

func (s *signed) readAttributes(der []byte) error {
	for len(der) > 0 {
		var a attribute
		rest, err := asn1.Unmarshal(der, &a)
		if err != nil {
			return ErrToken.Because(err)
		}
		if _, twice := s.attributes[a.Type.String()]; twice || len(a.Values) != 1 {
			return because(ErrToken, "an attribute twice")
		}
		s.attributes[a.Type.String()], der = a.Values[0], rest
	}
	var kind asn1.ObjectIdentifier
	if err := exactly(s.attributes[oidContentType.String()].FullBytes, &kind); err != nil || !kind.Equal(oidTSTInfo) {
		return because(ErrToken, "the attribute content-type is not TSTInfo")
	}
	if _, ok := s.attributes[oidMessageDigest.String()]; !ok {
		return because(ErrToken, "no message-digest")
	}
	return nil
}

// check holds the signer's certificate against what RFC 3161 §2.3 and RFC 5816
// demand: the purpose timeStamping alone and critical, a key that may sign, and
// an ESSCertID that names this certificate and no other.
func (s *signed) check(signer *x509.Certificate) error {
	if len(signer.ExtKeyUsage) != 1 || signer.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(signer.UnknownExtKeyUsage) > 0 {
		return because(ErrSignature, "the certificate's purpose is not time-stamping alone")
	}
	for _, x := range signer.Extensions {
		if x.Id.Equal(oidExtKeyUsage) && !x.Critical {
			return because(ErrSignature, "the certificate's purpose is not marked critical")
		}
	}
	if u := signer.KeyUsage; u != 0 && u&^(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0 {
		return because(ErrSignature, "the certificate's key may do more than sign")
	}
	v2, hasV2 := s.attributes[oidSigningCertV2.String()]
	v1, hasV1 := s.attributes[oidSigningCert.String()]
	if !hasV1 && !hasV2 {
		return because(ErrSignature, "no ESSCertID")
	}
	if hasV2 {
		if err := checkESS(v2.FullBytes, true, signer); err != nil {
			return err
		}
	}
	if hasV1 {
		return checkESS(v1.FullBytes, false, signer)
	}
	return nil
}

// checkESS compares the first certificate that SigningCertificate(V2) names:
// its digest, and its issuer and serial number where they stand.
func checkESS(der []byte, v2 bool, signer *x509.Certificate) error {
	var outer struct {
		Certs    []asn1.RawValue
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := exactly(der, &outer); err != nil || len(outer.Certs) == 0 {
		return because(ErrToken, "SigningCertificate is not in its form")
	}
	type issuerSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	algorithm := crypto.SHA1
	var digest []byte
	var by issuerSerial
	first := outer.Certs[0].FullBytes
	if v2 {
		var id struct {
			Algorithm pkix.AlgorithmIdentifier `asn1:"optional"`
			Digest    []byte
			By        issuerSerial `asn1:"optional"`
		}
		if err := exactly(first, &id); err != nil {
			return ErrToken.Because(err)
		}
		algorithm, digest, by = crypto.SHA256, id.Digest, id.By
		if len(id.Algorithm.Algorithm) > 0 {
			algorithm = hashOf(id.Algorithm.Algorithm)
		}
	} else {
		var id struct {
			Digest []byte
			By     issuerSerial `asn1:"optional"`
		}
		if err := exactly(first, &id); err != nil {
			return ErrToken.Because(err)
		}
		digest, by = id.Digest, id.By
	}
	if algorithm == 0 || !algorithm.Available() {
		return because(ErrSignature, "ESSCertID with an unknown digest")
	}
	h := algorithm.New()
	h.Write(signer.Raw)
	if !bytes.Equal(h.Sum(nil), digest) || by.Serial != nil && by.Serial.Cmp(signer.SerialNumber) != 0 ||
		by.Serial != nil && !bytes.Contains(by.Issuer.FullBytes, signer.RawIssuer) {
		return because(ErrSignature, "ESSCertID names another certificate")
	}
	return nil
}

func hashOf(oid asn1.ObjectIdentifier) crypto.Hash {
	switch {
	case oid.Equal(oidSHA256):
		return crypto.SHA256
	case oid.Equal(oidSHA384):
		return crypto.SHA384
	case oid.Equal(oidSHA512):
		return crypto.SHA512
	}
	return 0
}

// exactly reads one DER value that takes all of der.
func exactly(der []byte, to any) error {
	rest, err := asn1.Unmarshal(der, to)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes behind it")
	}
	return err
}
