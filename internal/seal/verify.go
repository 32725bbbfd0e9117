package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"math/big"

	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// Verify verifies the enveloped signatures of doc. It returns the verdict, or
// the tokenizer's fault (file.*), ErrMissing, ErrMalformed, ErrAlgorithm or
// ErrBroken, in this order, but that a signature without a certificate is
// ErrMalformed only where its algorithm is allowed. An unreadable certificate is
// ErrBroken.
func (v *Verifier) Verify(doc []byte, expect Expect) (*Verdict, error) {
	w := v.work.Get().(*work)
	defer v.work.Put(w)
	if err := w.locate(doc, v.limits, expect); err != nil {
		return nil, err
	}
	f := &w.found
	switch {
	case !f.any:
		return nil, ErrMissing
	case f.malformed != nil:
		return nil, f.malformed
	}
	for i := range f.sigs {
		if a := f.sigs[i].algorithm; a != "" {
			return nil, because(ErrAlgorithm, a)
		}
	}
	for i := range f.sigs {
		if k := f.sigs[i].keyless; k != "" {
			return nil, because(ErrMalformed, k)
		}
	}
	verdict := &Verdict{Signatures: make([]Signature, 0, len(f.sigs))}
	signers := make([]signer, len(f.sigs))
	var broken error
	for i := range f.sigs { // key sizes before mismatches
		if err := v.signers(&f.sigs[i], &signers[i]); err != nil {
			if fault.Of(err).Code == ErrAlgorithm.Code {
				return nil, err
			}
			broken = err
		}
	}
	if broken != nil {
		return nil, broken
	}
	for i := range f.sigs {
		s, err := v.verify(w, doc, i, expect, &signers[i])
		if err != nil {
			return nil, err
		}
		verdict.Signatures = append(verdict.Signatures, s)
	}
	return verdict, nil
}

// signer is what may have signed: certificates with a key of the right kind.
type signer struct{ certs []*certificate }

// signers parses the certificates of c and checks key kinds and sizes.
func (v *Verifier) signers(c *candidate, s *signer) error {
	if c.broken != "" {
		return because(ErrBroken, "undecodable "+c.broken)
	}
	var weak error
	able := false
	for _, der := range c.certs {
		cert, err := v.certs.get(der)
		if err != nil {
			return ErrBroken.Because(err)
		}
		s.certs = append(s.certs, cert)
		switch err := keyFits(cert.PublicKey, c.method); {
		case err == nil:
			able = true
		case fault.Of(err).Code == ErrAlgorithm.Code:
			weak = err
		}
	}
	if !able && weak != nil {
		return weak
	}
	if !able {
		return because(ErrBroken, "no key of the signature's kind")
	}
	return nil
}

// maxRSABits is the longest RSA key that anything is verified with.
const maxRSABits = 8192

// keyFits returns nil, ErrAlgorithm for a key of the right kind and a size that
// is not allowed, ErrBroken for one of another kind.
func keyFits(key crypto.PublicKey, method Algorithm) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if method != RSASHA256 {
			break
		}
		if n := k.N.BitLen(); n < 2048 || n > maxRSABits {
			return because(ErrAlgorithm, "RSA key size")
		}
		return nil
	case *ecdsa.PublicKey:
		if method != ECDSASHA256 {
			break
		}
		if k.Curve != elliptic.P256() {
			return because(ErrAlgorithm, "curve")
		}
		return nil
	}
	return because(ErrBroken, "key of another kind")
}

func (v *Verifier) verify(w *work, doc []byte, i int, expect Expect, s *signer) (Signature, error) {
	c := &w.found.sigs[i]
	if err := w.digest(doc, i, expect.Countersigned, v.limits); err != nil {
		return Signature{}, err
	}
	covered := Whole
	if expect.Countersigned && i+1 < len(w.found.sigs) {
		covered = Earlier
	}
	if !bytes.Equal(w.sum, c.digest) {
		if len(expect.Holders) == 0 || covered != Whole {
			return Signature{}, because(ErrBroken, "digest")
		}
		// The last signer may have signed beside the others: as if it stood first.
		if err := w.alone(doc, i, v.limits); err != nil {
			return Signature{}, err
		}
		if covered = Without; !bytes.Equal(w.sum, c.digest) {
			return Signature{}, because(ErrBroken, "digest")
		}
	}
	w.hash.Reset()
	if err := w.canon.Element(w.hash, doc, c.info, &c.scope, v.limits, c.infoForm); err != nil {
		return Signature{}, err
	}
	w.sum = w.hash.Sum(w.sum[:0])
	out := Signature{Algorithm: c.method, Covered: covered, Span: c.span}
	err := s.pick(&out, w.sum, c.value)
	return out, err
}

// pick finds the certificate whose key made the signature and puts it into out,
// the others into its chain.
func (s *signer) pick(out *Signature, sum, value []byte) error {
	for i, cert := range s.certs {
		if keyFits(cert.PublicKey, out.Algorithm) != nil || !keyVerifies(cert.PublicKey, sum, value) {
			continue
		}
		out.Certificate, out.Fingerprint = cert.Certificate, cert.fingerprint
		for j, other := range s.certs {
			if j != i {
				out.Chain = append(out.Chain, other.Certificate)
			}
		}
		return nil
	}
	return because(ErrBroken, "signature value")
}

func keyVerifies(key crypto.PublicKey, sum, value []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum, value) == nil
	case *ecdsa.PublicKey:
		if len(value) != 64 {
			return false
		}
		return ecdsa.Verify(k, sum, new(big.Int).SetBytes(value[:32]), new(big.Int).SetBytes(value[32:]))
	}
	return false
}

// digest puts into w.sum the digest of doc for signature i: without it, and
// without those behind it when countersigned.
func (w *work) digest(doc []byte, i int, countersigned bool, limits xmltok.Limits) error {
	omit := make([]xmltok.Span, 0, 4)
	for j := range w.found.sigs {
		if j == i || countersigned && j > i {
			omit = append(omit, w.found.sigs[j].span)
		}
	}
	return w.without(doc, i, omit, limits)
}

// alone is digest without any signature.
func (w *work) alone(doc []byte, i int, limits xmltok.Limits) error {
	omit := make([]xmltok.Span, 0, 4)
	for j := range w.found.sigs {
		omit = append(omit, w.found.sigs[j].span)
	}
	return w.without(doc, i, omit, limits)
}

// without puts into w.sum the digest of doc without spans of signatures, in the
// form signature i names.
func (w *work) without(doc []byte, i int, omit []xmltok.Span, limits xmltok.Limits) error {
	// Other signatures that stay in are not in the plain form.
	if w.plain.ok && len(omit) == len(w.found.sigs) {
		w.sum = append(w.sum[:0], w.plain.sum[:]...)
		return nil
	}
	w.hash.Reset()
	if err := w.canon.Document(w.hash, doc, limits, w.found.sigs[i].bodyForm, omit...); err != nil {
		return err
	}
	w.sum = w.hash.Sum(w.sum[:0])
	return nil
}

// fingerprint is the SHA-256 of a certificate's DER.
func fingerprint(c *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(c.Raw) }
