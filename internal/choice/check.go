package choice

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// ErrKey: a file given as the key of receipts holds none.
var ErrKey = fault.New(fault.Invalid, "choice.key",
	"Tệp khóa không đúng: cần khóa công khai ECDSA P-256 dạng PEM hoặc JWK.",
	"The key file is wrong: it must hold a public ECDSA P-256 key, as PEM or as a JSON Web Key.")

// longestKey bounds a file that holds one public key, in bytes.
const longestKey = 64 << 10

// IsCompact reports whether data has the look of a compact JWS (RFC 7515 §7.1):
// three parts of base64url with dots between, and nothing else.
func IsCompact(data []byte) bool {
	dots := 0
	for _, c := range data {
		switch {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2 && data[0] != '.'
}

// ReadReceipt reads a receipt and the kid of its key, and checks no signature:
// what it returns may be anybody's words until VerifyReceipt. Fault: choice.receipt.
func ReadReceipt(jws []byte) (r *Receipt, kid string, err error) {
	parsed, kid, err := parseReceipt(jws)
	if err != nil {
		return nil, "", err
	}
	r, err = decodeReceipt(parsed.UnsafePayloadWithoutVerification())
	return r, kid, err
}

func parseReceipt(jws []byte) (parsed *jose.JSONWebSignature, kid string, err error) {
	if len(jws) > longestReceipt {
		return nil, "", ErrReceipt
	}
	parsed, err = jose.ParseSignedCompact(string(jws), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, "", ErrReceipt.Because(err)
	}
	head := parsed.Signatures[0].Protected
	if head.ExtraHeaders[jose.HeaderType] != receiptType {
		return nil, "", ErrReceipt.Because(errors.New("another type"))
	}
	return parsed, head.KeyID, nil
}

func decodeReceipt(payload []byte) (*Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(payload, &r); err != nil || r.ID == "" {
		return nil, ErrReceipt.Because(err)
	}
	return &r, nil
}

// ParseKey reads the public key of receipts, PEM (RFC 7468 §13) or a JSON Web Key
// (RFC 7517), and names it as the kid of receipts does. A private key is refused.
// Fault: choice.key.
func ParseKey(file []byte) (kid string, key *ecdsa.PublicKey, err error) {
	if len(file) > longestKey {
		return "", nil, ErrKey
	}
	var public any
	if block, rest := pem.Decode(file); block != nil {
		if block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
			return "", nil, ErrKey.Because(errors.New("not one public key"))
		}
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	} else {
		var jwk jose.JSONWebKey
		err = json.Unmarshal(file, &jwk)
		public = jwk.Key
	}
	key, ok := public.(*ecdsa.PublicKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return "", nil, ErrKey.Because(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", nil, ErrKey.Because(err)
	}
	return ledger.KeyID(spki), key, nil
}
