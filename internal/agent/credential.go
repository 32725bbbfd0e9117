package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

// ErrCredential (credential.invalid): the credential file is not of its form.
var ErrCredential = fault.New(fault.Invalid, "credential.invalid",
	"Tệp khóa đăng nhập không đúng dạng. Xin cấp lại bằng lệnh: lienthong facility credential.",
	"The credential file is not of its form. Have it issued again: lienthong facility credential.")

// maxCredential is far more than a credential needs.
const maxCredential = 64 << 10

// Credential is what a facility's systems log in with. Its file is JSON of
// exactly {"hub","client_id","facility","kid","private_key"}, mode 0600; the
// key is P-256, PKCS#8 in PEM (DESIGN §6 Tokens).
type Credential struct {
	Hub      string // the hub that gave it out: its name or its URL
	ClientID string
	Facility care.FacilityCode
	KeyID    string

	key *ecdsa.PrivateKey
}

// ParseCredential reads a credential file, strictly: each member once, nothing
// else, one P-256 key. Fault: credential.invalid; its cause names the member.
func ParseCredential(b []byte) (*Credential, error) {
	if len(b) > maxCredential {
		return nil, ErrCredential.Because(errors.New("too long"))
	}
	v, err := jcs.Parse(b)
	if err != nil {
		return nil, ErrCredential.Because(err)
	}
	m := jcs.Object(v)
	c := &Credential{Hub: m.Text("hub"), ClientID: m.Text("client_id"), KeyID: m.Text("kid")}
	code, key := m.Text("facility"), m.Text("private_key")
	if err := m.Close(); err != nil {
		return nil, ErrCredential.Because(err)
	}
	if c.Facility, err = care.ParseFacilityCode(code); err != nil {
		return nil, ErrCredential.Because(err)
	}
	if c.key, err = parseKey(key); err != nil {
		return nil, ErrCredential.Because(err)
	}
	return c, c.check()
}

// MakeCredential writes the file of a credential, to be kept with mode 0600.
// Fault: credential.invalid for an empty member or a key that is not P-256.
func MakeCredential(hub, facility, clientID, kid string, key *ecdsa.PrivateKey) ([]byte, error) {
	code, err := care.ParseFacilityCode(facility)
	if err != nil {
		return nil, ErrCredential.Because(err)
	}
	c := &Credential{Hub: hub, ClientID: clientID, Facility: code, KeyID: kid, key: key}
	if err := c.check(); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	b, err := json.MarshalIndent(struct {
		Hub      string `json:"hub"`
		ClientID string `json:"client_id"`
		Facility string `json:"facility"`
		KeyID    string `json:"kid"`
		Key      string `json:"private_key"`
	}{hub, clientID, string(code), kid, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	return append(b, '\n'), nil
}

// NewKey makes the key of a credential and its public half as DER
// SubjectPublicKeyInfo, which is what the hub keeps.
func NewKey() (key *ecdsa.PrivateKey, spki []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, fmt.Errorf("agent: %w", err)
	}
	if spki, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		return nil, nil, fmt.Errorf("agent: %w", err)
	}
	return key, spki, nil
}

// PublicKey returns the public half of the credential's key.
func (c *Credential) PublicKey() *ecdsa.PublicKey { return &c.key.PublicKey }

func (c *Credential) check() error {
	switch {
	case c.Hub == "", c.ClientID == "", c.KeyID == "":
		return ErrCredential.Because(errors.New("hub, client_id or kid is empty"))
	case c.key == nil || c.key.Curve != elliptic.P256():
		return ErrCredential.Because(errors.New("private_key is not P-256"))
	}
	return nil
}

func parseKey(text string) (*ecdsa.PrivateKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PRIVATE KEY" || len(block.Headers) != 0 {
		return nil, errors.New("private_key is not PKCS#8 in PEM")
	}
	for _, b := range rest {
		if b != '\n' && b != '\r' && b != ' ' {
			return nil, errors.New("private_key has something after the key")
		}
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("private_key: %w", err)
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("private_key is not P-256")
	}
	return key, nil
}
