package choice

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/law"
)

// ErrReceipt: what was given is no receipt of a say, or not one that the key signed.
var ErrReceipt = fault.New(fault.Invalid, "choice.receipt",
	"Biên nhận không đúng: sai chữ ký, sai loại hoặc đã bị sửa.",
	"This is no receipt: the signature or the type is wrong, or it was changed.")

// receiptType is the typ of the receipt's header (RFC 7515 §4.1.9).
const receiptType = "lienthong-consent+jwt"

// longestReceipt bounds what is parsed.
const longestReceipt = 64 << 10

// Receipt is what the hub signs of a say: all that was said, in words and codes.
// It names nobody: Subject can be found again only by the hub.
type Receipt struct {
	Issuer  string          `json:"iss"`
	ID      string          `json:"jti"` // of the say, "#", its version
	Subject string          `json:"sub"`
	Issued  int64           `json:"iat"` // seconds
	State   consent.State   `json:"state"`
	Effect  consent.Effect  `json:"effect"`
	Purpose consent.Purpose `json:"purpose,omitempty"` // "": all
	// Emergency: the denial holds in an emergency too.
	Emergency bool         `json:"emergency,omitempty"`
	Scope     ReceiptScope `json:"scope"`
	Since     int64        `json:"nbf,omitempty"`
	Until     int64        `json:"exp,omitempty"` // 0: until it is revoked
	Asked     int64        `json:"asked,omitempty"`
	Decided   int64        `json:"decided,omitempty"`
	Ended     int64        `json:"ended,omitempty"`
	Asker     string       `json:"asker,omitempty"`
	Signer    string       `json:"signer,omitempty"`
	Channel   string       `json:"channel,omitempty"`
	Proof     string       `json:"proof_sha256,omitempty"`
	Law       ReceiptLaw   `json:"law"`
	// Sensitive says that the data are sensitive, as consents must (Law 91/2025).
	Sensitive bool `json:"sensitive_data"`
}

// ReceiptScope is a scope as receipts write it; a list left out is all.
type ReceiptScope struct {
	Readers []care.FacilityCode `json:"readers,omitempty"`
	Authors []care.FacilityCode `json:"authors,omitempty"`
	Kinds   []string            `json:"kinds,omitempty"`
	Visits  []ReceiptVisit      `json:"visits,omitempty"`
	From    int64               `json:"from,omitempty"`
	To      int64               `json:"to,omitempty"`
	Classes []string            `json:"sensitive_classes,omitempty"`
}

// ReceiptVisit names a visit without its number.
type ReceiptVisit struct {
	Facility care.FacilityCode `json:"facility"`
	Visit    string            `json:"visit"` // keyed hash
}

// ReceiptLaw is the source of a say.
type ReceiptLaw struct {
	Source    string     `json:"source,omitempty"`
	Text      fault.Text `json:"text"`
	Confirmed bool       `json:"confirmed"`
}

// receipt signs a say as a compact JWS, ES256 (RFC 7515, RFC 7518 §3.4).
func (d *Desk) receipt(c *consent.Consent) ([]byte, error) {
	source, _ := law.Get(c.Law)
	sum := sha256.Sum256(append(append([]byte("lienthong/consent/subject/"), c.ID[:]...), c.Person[:]...))
	r := Receipt{Issuer: d.hub, ID: fmt.Sprintf("%x#%d", c.ID, c.Version), Subject: hex.EncodeToString(sum[:16]), Issued: d.Clock.Now().Unix(), State: c.State, Effect: c.Effect,
		Purpose: c.Purpose, Emergency: c.Emergency, Since: seconds(c.Since), Until: seconds(c.Until), Asked: seconds(c.Asked), Decided: seconds(c.Decided),
		Ended: seconds(c.Ended), Asker: string(c.Asker), Signer: string(c.Signer), Channel: c.Channel, Sensitive: true,
		Law: ReceiptLaw{Source: c.Law, Text: law.Text(c.Law), Confirmed: source.Confirmed()},
		Scope: ReceiptScope{Readers: c.Scope.Readers, Authors: c.Scope.Authors, Kinds: c.Scope.Kinds, From: seconds(c.Scope.From), To: seconds(c.Scope.To),
			Classes: c.Scope.Classes.Names()}}
	if c.Proof != [32]byte{} {
		r.Proof = hex.EncodeToString(c.Proof[:])
	}
	for i := range c.Scope.Visits {
		r.Scope.Visits = append(r.Scope.Visits, ReceiptVisit{c.Scope.Visits[i].Facility, hex.EncodeToString(c.Scope.Visits[i].Episode[:])})
	}
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": d.Key.Kid(), "typ": receiptType})
	if err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	body := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := d.Key.Sign([]byte(body))
	if err != nil {
		return nil, fmt.Errorf("choice: signing a receipt: %w", err)
	}
	return []byte(body + "." + base64.RawURLEncoding.EncodeToString(signature)), nil
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// VerifyReceipt checks a receipt by the key of its kid and reads it. It says that
// the hub took this say, not that it still holds. Fault: choice.receipt.
func VerifyReceipt(jws []byte, keyOf func(kid string) (*ecdsa.PublicKey, error)) (*Receipt, error) {
	parsed, kid, err := parseReceipt(jws)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(kid)
	if err != nil || key == nil {
		return nil, ErrReceipt.Because(err)
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return nil, ErrReceipt.Because(err)
	}
	return decodeReceipt(payload)
}
