// Package rulepack is what a hub tells an agent it will be judged by: the rules
// of its pack, the certificates the hub binds to the facility, the authorities
// it trusts and the keys it signs with, in one signed document. The hub seals
// it, the agent opens it. It judges nothing: package quality does.
package rulepack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

// Type is the typ of the document: a compact JWS (RFC 7515), ES256.
const Type = "lienthong-rules+jws"

// MaxBytes is more than a document needs.
const MaxBytes = 8 << 20

// ErrPack (rules.invalid): not a document that a known key signed.
var ErrPack = fault.New(fault.Invalid, "rules.invalid",
	"Bộ quy tắc từ hub không đúng dạng hoặc chữ ký không phải của hub này.",
	"The hub's rule pack is not of its form, or was not signed by this hub.")

// Pack is the document.
type Pack struct {
	Pack          string    `json:"pack"` // "v1/2026.2", as verdicts name it
	IssuedAt      time.Time `json:"issued_at"`
	Hub           string    `json:"hub"`
	Facility      Facility  `json:"facility"`
	Revoked       []string  `json:"revoked"` // SHA-256 of the facility's certificates that may seal no more, hexadecimal
	Anchors       [][]byte  `json:"anchors"` // DER of authorities whose certificates bind by tax code
	Rules         []Rule    `json:"rules"`
	Books         []Book    `json:"books,omitempty"`  // that people wrote: the agent compiles them as the hub did
	Sheets        []string  `json:"sheets,omitempty"` // of quality in force, one a kind, JSON as score.ParseSheet reads
	ReaderRelease string    `json:"reader_release"`   // of the hub's readers of files, see Release
	ReceiptKeys   []Key     `json:"receipt_keys"`     // the hub signs with, now and next
	LogKeys       []string  `json:"log_keys"`         // verifier lines of its logs
}

// Facility is the facility as the hub knows it.
type Facility struct {
	Code         string   `json:"code"`
	Name         string   `json:"name"`
	TaxCode      string   `json:"tax_code,omitempty"`
	Certificates [][]byte `json:"certificates"` // DER of those pinned to it that may seal
}

// Rule is a rule of the pack.
type Rule struct {
	Code     string     `json:"code"`
	Severity string     `json:"severity"`
	Blocks   []string   `json:"blocks"`
	Rejects  bool       `json:"rejects"`
	Text     fault.Text `json:"text"`
	Hint     fault.Text `json:"hint"`
}

// Book is a version of the rules that people write: the one that applies, or one
// that is announced.
type Book struct {
	ID    int    `json:"id"`    // 7 is r7
	State string `json:"state"` // "active", "warning"; "past": its sentences alone are of use
	Day   int    `json:"day,omitempty"`
	Text  string `json:"text"` // YAML
}

// Key is a public key that receipts and packs are signed with.
type Key struct {
	KID  string `json:"kid"`
	SPKI []byte `json:"spki"` // DER
}

// Release names the readers of files that this program was built with: its
// version and revision. Of two that are equal the same bytes are read alike.
func Release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	name := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			name += " " + s.Value[:12]
		}
	}
	return name
}

// Content is what a pack says but when: the ETag.
func (p Pack) Content() (string, error) {
	p.IssuedAt = time.Time{}
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("rulepack: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// Signer signs: r‖s over SHA-256; ledger.ReceiptKey does.
type Signer interface {
	Kid() string
	Sign(body []byte) ([]byte, error)
}

// Seal returns the signed document.
func Seal(p Pack, key Signer) (string, error) {
	head, err := json.Marshal(map[string]string{"alg": "ES256", "kid": key.Kid(), "typ": Type})
	if err != nil {
		return "", fmt.Errorf("rulepack: %w", err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("rulepack: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	signature, err := key.Sign([]byte(text))
	if err != nil {
		return "", fmt.Errorf("rulepack: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// Open reads a document that one of the keys signed. A pack is taken for keys
// only as far as one already known signed it. Fault: rules.invalid.
func Open(text string, keys []Key) (Pack, error) {
	var p Pack
	text = strings.TrimSpace(text)
	if len(text) > MaxBytes || strings.ContainsAny(text, "\r\n=") {
		return p, ErrPack.Because(errors.New("not a compact JWS"))
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return p, ErrPack.Because(err)
	}
	head := signed.Signatures[0].Protected
	if typ := head.ExtraHeaders[jose.HeaderType]; typ != Type || len(head.ExtraHeaders) != 1 || head.JSONWebKey != nil {
		return p, ErrPack.Because(errors.New("another header"))
	}
	payload, err := verify(signed, head.KeyID, keys)
	if err != nil {
		return p, ErrPack.Because(err)
	}
	if _, err := jsondoc.Parse(payload, jsondoc.Limits{Bytes: MaxBytes, Depth: 8}); err != nil { // no member twice
		return p, ErrPack.Because(err)
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return Pack{}, ErrPack.Because(err)
	}
	if p.Pack == "" || p.Facility.Code == "" || p.IssuedAt.IsZero() {
		return Pack{}, ErrPack.Because(errors.New("no pack, facility or date"))
	}
	return p, nil
}

func verify(signed *jose.JSONWebSignature, kid string, keys []Key) ([]byte, error) {
	for _, k := range keys {
		if k.KID != kid {
			continue
		}
		public, err := x509.ParsePKIXPublicKey(k.SPKI)
		if key, ok := public.(*ecdsa.PublicKey); err == nil && ok && key.Curve == elliptic.P256() {
			return signed.Verify(key)
		}
	}
	return nil, errors.New("not signed by a known key")
}
