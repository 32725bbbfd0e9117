package ledger

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/fault"
)

// ErrKey: a key is not of the kind the ledger uses, or not spelled right.
var ErrKey = fault.New(fault.Invalid, "ledger.key",
	"Khóa của sổ nhật ký không đúng dạng.", "The ledger key is not in its prescribed form.")

// signatureSize is that of an ES256 signature, r‖s (RFC 7518 §3.4).
const signatureSize = 64

// ReceiptKey signs receipts: ES256, a P-256 key.
type ReceiptKey struct {
	kid  string
	spki []byte
	key  crypto.Signer
}

// NewReceiptKey takes a P-256 key, of this process or another; any other is ErrKey.
func NewReceiptKey(key crypto.Signer) (*ReceiptKey, error) {
	if k, ok := key.(*ecdsa.PrivateKey); key == nil || ok && k == nil {
		return nil, ErrKey.Because(errors.New("no key"))
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, ErrKey.Because(errors.New("not a P-256 key"))
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return &ReceiptKey{kid: KeyID(spki), spki: spki, key: key}, nil
}

// KeyID returns a receipt key's name: the first 16 hex digits of the SHA-256 of
// its DER SubjectPublicKeyInfo.
func KeyID(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:8])
}

// Kid returns the key's name, see KeyID.
func (k *ReceiptKey) Kid() string { return k.kid }

// SPKI returns the DER SubjectPublicKeyInfo, as in the key's leaf.
func (k *ReceiptKey) SPKI() []byte { return k.spki }

// String returns the kid: the key itself is never printed.
func (k *ReceiptKey) String() string { return k.kid }

// ecdsaSignature is the ASN.1 form crypto/ecdsa speaks (RFC 3279 §2.2.3).
type ecdsaSignature struct{ R, S *big.Int }

// Sign returns the 64 bytes r‖s over SHA-256(body). The nonce is RFC 6979's:
// the same body gives the same signature.
func (k *ReceiptKey) Sign(body []byte) ([]byte, error) {
	digest := sha256.Sum256(body)
	der, err := k.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("ledger: sign receipt: %w", err)
	}
	out := make([]byte, signatureSize)
	if !rawSignature(out, der) {
		return nil, errors.New("ledger: sign receipt: not an ECDSA signature")
	}
	return out, nil
}

// rawSignature writes r‖s of a DER ECDSA-Sig-Value (RFC 3279 §2.2.3) of P-256,
// each right-aligned in half of out, which is zero.
func rawSignature(out, der []byte) bool {
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return false
	}
	rest := der[2:]
	for half := range 2 {
		if len(rest) < 3 || rest[0] != 0x02 || int(rest[1]) > len(rest)-2 || rest[1] == 0 {
			return false
		}
		n := rest[2 : 2+int(rest[1])]
		rest = rest[2+len(n):]
		if len(n) == 33 && n[0] == 0 { // so that it is not negative
			n = n[1:]
		}
		if len(n) > 32 {
			return false
		}
		copy(out[32*half+32-len(n):], n)
	}
	return len(rest) == 0
}

// parseSPKI reads a P-256 key and refuses other spellings of the same key.
func parseSPKI(spki []byte) (*ecdsa.PublicKey, error) {
	if len(spki) > 256 {
		return nil, errors.New("not a P-256 key")
	}
	parsed, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, err
	}
	pub, ok := parsed.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	again, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil || string(again) != string(spki) {
		return nil, errors.New("not the DER of a P-256 key")
	}
	return pub, nil
}

// verifyES256 checks r‖s over SHA-256(body).
func verifyES256(pub *ecdsa.PublicKey, body, signature []byte) bool {
	if len(signature) != signatureSize {
		return false
	}
	der, err := asn1.Marshal(ecdsaSignature{
		R: new(big.Int).SetBytes(signature[:32]),
		S: new(big.Int).SetBytes(signature[32:]),
	})
	digest := sha256.Sum256(body)
	return err == nil && ecdsa.VerifyASN1(pub, digest[:], der)
}

// LogKey signs the checkpoints of one log: an Ed25519 note key whose name is
// the log's origin (C2SP tlog-checkpoint).
type LogKey struct {
	signer   note.Signer
	private  string
	verifier string
}

// LogKeyFromSeed makes origin's key from an Ed25519 seed of 32 bytes. One seed
// may serve several logs: their keys differ by name.
func LogKeyFromSeed(origin string, seed []byte) (*LogKey, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, ErrKey.Because(errors.New("the seed is not 32 bytes"))
	}
	priv := ed25519.NewKeyFromSeed(seed)
	vkey, err := note.NewEd25519VerifierKey(origin, priv.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	encoded := base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)) // 1: Ed25519 (C2SP signed-note)
	return ParseLogKey("PRIVATE+KEY+" + vkey[:len(origin)+1+8+1] + encoded)
}

// LogKeyOf makes origin's key from an Ed25519 key that may be held by another
// process; Private is empty then. Any other key is ErrKey.
func LogKeyOf(origin string, key crypto.Signer) (*LogKey, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, ErrKey.Because(errors.New("not an Ed25519 key"))
	}
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return &LogKey{signer: heldSigner{verifier, key}, verifier: vkey}, nil
}

// heldSigner signs notes with a key held elsewhere.
type heldSigner struct {
	note.Verifier
	key crypto.Signer
}

// Sign signs a note's text (C2SP signed-note).
func (s heldSigner) Sign(msg []byte) ([]byte, error) { return s.key.Sign(nil, msg, crypto.Hash(0)) }

// ParseLogKey reads "PRIVATE+KEY+<origin>+<hash>+<base64>", what Private gave.
func ParseLogKey(private string) (*LogKey, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	head := fmt.Sprintf("PRIVATE+KEY+%s+%08x+", signer.Name(), signer.KeyHash())
	encoded, ok := strings.CutPrefix(private, head)
	if !ok {
		return nil, ErrKey.Because(errors.New("not in the one right spelling"))
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, ErrKey.Because(errors.New("not an Ed25519 note key"))
	}
	pub := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), pub)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return &LogKey{signer: signer, private: private, verifier: vkey}, nil
}

// Origin returns the log's name, which is the key's.
func (k *LogKey) Origin() string { return k.signer.Name() }

// Private returns the secret "PRIVATE+KEY+..." line, for a key file only; ""
// where the key is held elsewhere.
func (k *LogKey) Private() string { return k.private }

// Verifier returns the public "<origin>+<hash>+<base64>" line (vkey).
func (k *LogKey) Verifier() string { return k.verifier }

// String returns the verifier line: the secret is never printed.
func (k *LogKey) String() string { return k.verifier }
