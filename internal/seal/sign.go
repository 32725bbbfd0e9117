package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"io"
	"math/big"

	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// ErrKey (seal.key): a key or certificate that cannot be read, does not belong
// together, or is of a kind or size that is not allowed for signing.
var ErrKey = fault.New(fault.Invalid, "seal.key",
	"Không dùng được khóa hoặc chứng thư số này để ký: không đọc được, sai mật khẩu, không khớp nhau hoặc không phải RSA từ 2048 bit hay ECDSA P-256.",
	"This key or certificate cannot be used for signing: unreadable, wrong password, not a pair, or neither RSA of at least 2048 bits nor ECDSA P-256.")

// Sign returns doc with an enveloped signature in its container, an element that
// is a child of the root and there exactly once. No other byte changes, but an
// empty-element tag of the container is opened. The method is C14N 1.0 with the
// key's algorithm; the same input gives the same bytes (ECDSA nonces are those
// of RFC 6979) when the key is in memory. Errors: the tokenizer's (file.*),
// ErrMalformed for the container, ErrKey.
func Sign(doc []byte, container string, key crypto.Signer, cert *x509.Certificate) ([]byte, error) {
	return KeyPair{Key: key, Certificate: cert}.Sign(doc, container)
}

// Sign is the function Sign, with the pair's chain put into the KeyInfo.
func (k KeyPair) Sign(doc []byte, container string) ([]byte, error) {
	return k.sign(doc, container)
}

// SignHolder signs into a holder inside the container, there exactly once and
// without a signature (Expect.Holders). The signature covers the document as it
// is, with the signatures of holders before. ErrMalformed also where somebody
// whose holder comes later signed already: they would not cover this signature.
func (k KeyPair) SignHolder(doc []byte, container, holder string) ([]byte, error) {
	return k.sign(doc, container, holder)
}

func (k KeyPair) sign(doc []byte, path ...string) ([]byte, error) {
	method, err := k.algorithm()
	if err != nil {
		return nil, err
	}
	at, err := findContainer(doc, path...)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	var canon xmltok.Canonicalizer
	if err := canon.Document(h, doc, xmltok.Limits{}, xmltok.Form{}); err != nil {
		return nil, err
	}
	s := draft{doc: doc, at: at, info: signedInfo(method, h.Sum(nil)), certs: k.certificates()}
	unsigned := s.assemble("")
	h.Reset()
	scope, offset, err := s.infoScope(unsigned)
	if err != nil {
		return nil, err
	}
	if err := canon.Element(h, unsigned, offset, &scope, xmltok.Limits{}, xmltok.Form{}); err != nil {
		return nil, err
	}
	value, err := rawSignature(k.Key, h.Sum(nil))
	if err != nil {
		return nil, err
	}
	return s.assemble(base64.StdEncoding.EncodeToString(value)), nil
}

// place is where the signature goes: doc[:before] + open + signature + close + doc[after:].
type place struct {
	before, after int
	open, close   string
}

// findContainer finds the element at a path below the root. With a path of two
// no signature may be in it or behind it.
func findContainer(doc []byte, path ...string) (place, error) {
	var p place
	found := 0
	t := xmltok.New(doc, xmltok.Limits{})
	name := path[len(path)-1]
	inside := len(path) == 1
	for {
		k, err := t.Next()
		if err != nil {
			return p, err
		}
		if k == xmltok.EOF {
			break
		}
		if k != xmltok.StartElement {
			continue
		}
		if len(path) == 2 && t.Depth() == 2 {
			inside = string(t.Name()) == path[0]
		}
		if len(path) == 2 && found > 0 && isSignature(t) {
			return p, because(ErrMalformed, "a later signer signed already")
		}
		if !inside || t.Depth() != len(path)+1 || string(t.Name()) != name {
			continue
		}
		found++
		tagEnd := t.End()
		if err := skipUnsigned(t, len(path) == 2); err != nil {
			return p, err
		}
		p = place{before: t.Offset(), after: t.Offset()}
		if t.Offset() == tagEnd && doc[tagEnd-2] == '/' { // <C/> or <C></C>: only the first ends in "/>"
			p = place{before: tagEnd - 2, after: tagEnd, open: ">", close: "</" + name + ">"}
		}
	}
	if found != 1 {
		return p, because(ErrMalformed, "the container is not there exactly once")
	}
	return p, nil
}

// skipUnsigned skips the present element; strict, it must hold no signature.
func skipUnsigned(t *xmltok.Tokenizer, strict bool) error {
	if !strict {
		return t.Skip()
	}
	for depth := t.Depth(); ; {
		k, err := t.Next()
		switch {
		case err != nil:
			return err
		case k == xmltok.StartElement && isSignature(t):
			return because(ErrMalformed, "this signer signed already")
		case k == xmltok.EndElement && t.Depth() == depth:
			return nil
		}
	}
}

// draft is a signed document in the making.
type draft struct {
	doc   []byte
	at    place
	info  string
	certs []*x509.Certificate
}

const signatureHead = `<Signature xmlns="` + dsigSpace + `">`

func (d *draft) assemble(value string) []byte {
	out := make([]byte, 0, len(d.doc)+len(d.info)+len(value)+1024+2048*len(d.certs))
	out = append(out, d.doc[:d.at.before]...)
	out = append(out, d.at.open...)
	out = append(out, signatureHead...)
	out = append(out, d.info...)
	out = append(out, "<SignatureValue>"...)
	out = append(out, value...)
	out = append(out, "</SignatureValue><KeyInfo><X509Data>"...)
	for _, c := range d.certs {
		out = append(out, "<X509Certificate>"...)
		out = base64.StdEncoding.AppendEncode(out, c.Raw)
		out = append(out, "</X509Certificate>"...)
	}
	out = append(out, "</X509Data></KeyInfo></Signature>"...)
	out = append(out, d.at.close...)
	return append(out, d.doc[d.at.after:]...)
}

func (d *draft) infoScope(doc []byte) (xmltok.Scope, int, error) {
	var s xmltok.Scope
	offset := d.at.before + len(d.at.open) + len(signatureHead)
	t := xmltok.New(doc, xmltok.Limits{})
	for {
		k, err := t.Next()
		if err != nil {
			return s, 0, err
		}
		if k == xmltok.StartElement && t.Offset() == offset {
			t.Scope(&s)
			return s, offset, nil
		}
		if k == xmltok.EOF {
			return s, 0, xmltok.ErrNoElement
		}
	}
}

func signedInfo(method Algorithm, digest []byte) string {
	uri := rsaSHA256
	if method == ECDSASHA256 {
		uri = ecdsaSHA256
	}
	return `<SignedInfo><CanonicalizationMethod Algorithm="` + inclusive + `"></CanonicalizationMethod>` +
		`<SignatureMethod Algorithm="` + uri + `"></SignatureMethod>` +
		`<Reference URI=""><Transforms><Transform Algorithm="` + enveloped + `"></Transform></Transforms>` +
		`<DigestMethod Algorithm="` + sha256URI + `"></DigestMethod>` +
		`<DigestValue>` + base64.StdEncoding.EncodeToString(digest) + `</DigestValue></Reference></SignedInfo>`
}

// rawSignature signs a SHA-256 sum: PKCS #1 v1.5 for RSA, r‖s of 64 bytes for P-256.
func rawSignature(key crypto.Signer, sum []byte) ([]byte, error) {
	var random io.Reader = rand.Reader
	if _, inMemory := key.(*ecdsa.PrivateKey); inMemory {
		random = nil // RFC 6979: the same bytes for the same input
	}
	value, err := key.Sign(random, sum, crypto.SHA256)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	if _, isRSA := key.Public().(*rsa.PublicKey); isRSA {
		return value, nil
	}
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(value, &pair); err != nil || len(rest) > 0 {
		return nil, ErrKey.Because(errors.New("signer's ECDSA value is not DER"))
	}
	if pair.R.Sign() <= 0 || pair.S.Sign() <= 0 || pair.R.BitLen() > 256 || pair.S.BitLen() > 256 {
		return nil, ErrKey.Because(errors.New("signer's ECDSA value is out of range"))
	}
	out := make([]byte, 64)
	pair.R.FillBytes(out[:32])
	pair.S.FillBytes(out[32:])
	return out, nil
}
