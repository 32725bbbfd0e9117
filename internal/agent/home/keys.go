package home

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

// ErrReceiptKeys (agent.receipt_keys): the hub's keys as kept here are damaged.
var ErrReceiptKeys = fault.New(fault.Invalid, "agent.receipt_keys",
	"Không đọc được khóa biên nhận của hub lưu trên máy này. Cài đặt lại trạm gửi bằng mã mời mới.",
	"The hub's receipt keys kept on this machine cannot be read. Set the agent up again with a new invite.")

// maxReceiptKeys is more than a hub changes its key within the life of an agent.
const maxReceiptKeys = 64

// ReceiptKey is a public key the hub signs receipts and rule packs with: P-256.
type ReceiptKey struct {
	ID   string // kid
	SPKI []byte // DER SubjectPublicKeyInfo
}

// Public returns the key itself. Fault: agent.receipt_keys.
func (k ReceiptKey) Public() (*ecdsa.PublicKey, error) {
	any, err := x509.ParsePKIXPublicKey(k.SPKI)
	if err != nil {
		return nil, ErrReceiptKeys.Because(err)
	}
	key, ok := any.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, ErrReceiptKeys.Because(errors.New("not a P-256 key"))
	}
	return key, nil
}

// ReceiptKeys returns the hub's receipt keys as learned at setup and since, none
// where none are known. Faults: agent.receipt_keys, agent.modes.
func (h *Home) ReceiptKeys() ([]ReceiptKey, error) {
	b, err := h.Read(keysFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := jcs.Parse(b)
	if err != nil {
		return nil, ErrReceiptKeys.Because(err)
	}
	m := jcs.Object(v)
	keys := ReadReceiptKeys(m, "receipt_keys")
	if err := m.Close(); err != nil {
		return nil, ErrReceiptKeys.Because(err)
	}
	return keys, checkKeys(keys)
}

// ReadReceiptKeys reads the member of an object that lists keys as
// {"kid","spki"}; what is wrong with it the object's Close says.
func ReadReceiptKeys(m *jcs.Members, name string) []ReceiptKey {
	var keys []ReceiptKey
	for _, o := range m.Objects(name) {
		keys = append(keys, ReceiptKey{ID: o.Text("kid"), SPKI: o.Bytes("spki", 0)})
		if err := o.Close(); err != nil {
			m.Fail(name, err.Error())
		}
	}
	return keys
}

// SaveReceiptKeys keeps the hub's receipt keys. Fault: agent.receipt_keys for
// none, too many, one without name or one that is not P-256.
func (h *Home) SaveReceiptKeys(keys []ReceiptKey) error {
	if err := checkKeys(keys); err != nil {
		return err
	}
	type member struct {
		ID   string `json:"kid"`
		SPKI string `json:"spki"`
	}
	list := make([]member, len(keys))
	for i, k := range keys {
		list[i] = member{k.ID, base64.StdEncoding.EncodeToString(k.SPKI)}
	}
	b, err := json.MarshalIndent(map[string]any{"receipt_keys": list}, "", "  ")
	if err != nil {
		return fmt.Errorf("agent home: %w", err)
	}
	return h.Write(keysFile, append(b, '\n'))
}

func checkKeys(keys []ReceiptKey) error {
	if len(keys) == 0 || len(keys) > maxReceiptKeys {
		return ErrReceiptKeys.Because(errors.New("none, or too many"))
	}
	for _, k := range keys {
		if k.ID == "" {
			return ErrReceiptKeys.Because(errors.New("a key without name"))
		}
		if _, err := k.Public(); err != nil {
			return err
		}
	}
	return nil
}

// Tries returns how many wrong PINs in a row were tried on the signer. What
// cannot be read counts as many: the card is not put at risk.
func (h *Home) Tries() int {
	b, err := h.Read(triesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	n, e := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || e != nil || n < 0 {
		return 1 << 10
	}
	return n
}

// SaveTries keeps the number, so that a restart gives no further tries.
func (h *Home) SaveTries(n int) error { return h.Write(triesFile, []byte(strconv.Itoa(n)+"\n")) }
