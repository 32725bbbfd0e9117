package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

const maxHeader = 8 << 10 // bytes of a JWS header, decoded or not (TRUST §1)

// VerifyDetached verifies a compact JWS with detached payload ("header..value")
// over the exact bytes of body. The header must have alg ES256 or RS256,
// "b64":false with "crit":["b64"], and the signer's certificate first in x5c;
// typ, cty, kid, x5t#S256, sigT and iat are allowed and not looked at, everything
// else (jku, x5u, jwk...) and every name twice is ErrMalformed. An empty token is
// ErrMissing; then ErrMalformed, ErrAlgorithm, ErrBroken, in this order.
func (v *Verifier) VerifyDetached(body []byte, token string) (*Verdict, error) {
	if token == "" {
		return nil, ErrMissing
	}
	head, rest, ok := strings.Cut(token, ".")
	payload, tail, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || payload != "" || strings.Contains(tail, ".") {
		return nil, because(ErrMalformed, "not a compact JWS with detached payload")
	}
	if len(head) > maxHeader || len(tail) > maxHeader {
		return nil, because(ErrMalformed, "JWS header too long")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return nil, ErrMalformed.Because(err)
	}
	h, err := readHeader(raw)
	if err != nil {
		return nil, ErrMalformed.Because(err)
	}
	var method Algorithm
	switch h.alg {
	case "ES256":
		method = ECDSASHA256
	case "RS256":
		method = RSASHA256
	default:
		return nil, because(ErrAlgorithm, "alg")
	}
	var s signer
	if err := v.signers(&candidate{method: method, certs: h.x5c, broken: h.broken}, &s); err != nil {
		return nil, err
	}
	if err := keyFits(s.certs[0].PublicKey, method); err != nil {
		return nil, err
	}
	value, err := base64.RawURLEncoding.Strict().DecodeString(tail)
	if err != nil {
		return nil, ErrBroken.Because(err)
	}
	if !keyVerifies(s.certs[0].PublicKey, signingInput(head, body), value) {
		return nil, because(ErrBroken, "signature value")
	}
	out := Signature{
		Certificate: s.certs[0].Certificate, Fingerprint: s.certs[0].fingerprint, Algorithm: method, Covered: Bytes,
	}
	for _, c := range s.certs[1:] {
		out.Chain = append(out.Chain, c.Certificate)
	}
	return &Verdict{Signatures: []Signature{out}}, nil
}

// SignDetached returns the compact JWS over the exact bytes of body, as
// VerifyDetached wants it. Errors are ErrKey.
func (k KeyPair) SignDetached(body []byte) (string, error) {
	method, err := k.algorithm()
	if err != nil {
		return "", err
	}
	header := struct {
		Alg  string   `json:"alg"`
		B64  bool     `json:"b64"`
		Crit []string `json:"crit"`
		X5C  [][]byte `json:"x5c"`
	}{Alg: "ES256", Crit: []string{"b64"}}
	if method == RSASHA256 {
		header.Alg = "RS256"
	}
	for _, c := range k.certificates() {
		header.X5C = append(header.X5C, c.Raw)
	}
	raw, err := json.Marshal(header)
	if err != nil {
		return "", ErrKey.Because(err)
	}
	head := base64.RawURLEncoding.EncodeToString(raw)
	if len(head) > maxHeader {
		return "", because(ErrKey, "certificates too long for a JWS header")
	}
	value, err := rawSignature(k.Key, signingInput(head, body))
	if err != nil {
		return "", err
	}
	return head + ".." + base64.RawURLEncoding.EncodeToString(value), nil
}

// signingInput is the SHA-256 of header, '.', and the bytes as they are (RFC 7797 §3).
func signingInput(head string, body []byte) []byte {
	h := sha256.New()
	io.WriteString(h, head+".") // a hash never returns an error
	h.Write(body)
	return h.Sum(nil)
}

type jwsHeader struct {
	alg    string
	x5c    [][]byte
	broken string
}

// readHeader reads a JWS header: one JSON object, UTF-8, no name twice.
func readHeader(raw []byte) (jwsHeader, error) {
	var h jwsHeader
	if !utf8.Valid(raw) {
		return h, errors.New("header is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return h, errors.New("header is not a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return h, err
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return h, errors.New("a header name twice")
		}
		seen[name] = true
		if err := h.field(d, name); err != nil {
			return h, err
		}
	}
	if _, err := d.Token(); err != nil {
		return h, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return h, errors.New("something behind the header")
	}
	if !seen["alg"] || !seen["b64"] || !seen["crit"] || len(h.x5c) == 0 && h.broken == "" {
		return h, errors.New("header without alg, b64, crit or x5c")
	}
	return h, nil
}

func (h *jwsHeader) field(d *json.Decoder, name string) error {
	switch name {
	case "alg":
		t, err := d.Token()
		s, ok := t.(string)
		if err != nil || !ok {
			return errors.New("alg is not a string")
		}
		h.alg = s
		return nil
	case "b64":
		if t, err := d.Token(); err != nil || t != false {
			return errors.New("b64 is not false")
		}
		return nil
	case "crit":
		list, err := stringList(d)
		if err != nil || len(list) != 1 || list[0] != "b64" {
			return errors.New(`crit is not ["b64"]`)
		}
		return nil
	case "x5c":
		list, err := stringList(d)
		if err != nil || len(list) == 0 || len(list) > maxCertificates {
			return errors.New("x5c is not a list of certificates")
		}
		for _, s := range list {
			der, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				h.broken = "x5c"
			}
			h.x5c = append(h.x5c, der)
		}
		return nil
	case "typ", "cty", "kid", "x5t#S256", "sigT", "iat":
		t, err := d.Token()
		if _, nested := t.(json.Delim); err != nil || nested {
			return errors.New("a header value that is not plain")
		}
		return nil
	}
	return errors.New("a header name that is not allowed")
}

func stringList(d *json.Decoder) ([]string, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, errors.New("not a list")
	}
	var out []string
	for d.More() {
		t, err := d.Token()
		s, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("not a list of strings")
		}
		out = append(out, s)
	}
	_, err := d.Token()
	return out, err
}
