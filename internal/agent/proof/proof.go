// Package proof says whether an answer is the hub's own: it bears a receipt
// signed with a key this agent learned from the hub at setup or since. Whoever
// stands in between, with whatever certificate, cannot make one. Only what is
// proved may end the keeping of a file. It does not look into the hub's log;
// `lienthong verify` does.
package proof

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/ledger/jcs"
)

// ErrUnproved (agent.unproved): the answer bears no receipt of the hub for this file.
var ErrUnproved = fault.New(fault.Conflict, "agent.unproved",
	"Câu trả lời không kèm biên nhận đúng chữ ký của hub cho tệp này nên không được tính. Tệp vẫn được giữ và sẽ gửi lại. Kiểm tra máy chủ trung gian (proxy); báo cho đơn vị vận hành hub.",
	"The answer bears no receipt signed by the hub for this file and does not count. The file is kept and sent again. Look for a proxy in between; tell the hub's operator.")

// Keys are the hub's receipt keys by their id.
type Keys map[string]*ecdsa.PublicKey

// KeysOf reads keys as they are kept. Fault: agent.receipt_keys.
func KeysOf(list []home.ReceiptKey) (Keys, error) {
	keys := Keys{}
	for _, k := range list {
		public, err := k.Public()
		if err != nil {
			return nil, err
		}
		keys[k.ID] = public
	}
	return keys, nil
}

// Receipt is what a receipt says of a record.
type Receipt struct {
	Record   string    `json:"record"`
	Facility string    `json:"facility"`
	Episode  string    `json:"episode"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	File     string    `json:"file_sha256"`    // hex, of the file it first came in
	Content  string    `json:"content_sha256"` // hex, of the inner documents
	At       time.Time `json:"received_at"`
	KeyID    string    `json:"kid"`
}

// Read returns the receipt of one line of results. Fault: agent.unproved.
func (k Keys) Read(line []byte) (Receipt, error) {
	var x struct {
		Receipt struct {
			Body      []byte `json:"body"`
			Signature []byte `json:"signature"`
		} `json:"receipt"`
	}
	if err := json.Unmarshal(line, &x); err != nil || len(x.Receipt.Signature) != 64 {
		return Receipt{}, ErrUnproved.Because(errors.New("no receipt"))
	}
	if _, err := jcs.Parse(x.Receipt.Body); err != nil { // each member once
		return Receipt{}, ErrUnproved.Because(err)
	}
	var r Receipt
	if err := json.Unmarshal(x.Receipt.Body, &r); err != nil {
		return Receipt{}, ErrUnproved.Because(err)
	}
	key, digest, sig := k[r.KeyID], sha256.Sum256(x.Receipt.Body), x.Receipt.Signature
	if key == nil || !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return Receipt{}, ErrUnproved.Because(errors.New("not signed with a key known here"))
	}
	return r, nil
}

// Names reports whether a receipt is about a file.
func (r Receipt) Names(file [32]byte) bool { return r.File == hex.EncodeToString(file[:]) }

// Holds reports whether a receipt is about the content of a dossier, in
// whatever file it first came.
func (r Receipt) Holds(d kind.Dossier) bool {
	inner := make([][32]byte, len(d.Inner))
	for i, doc := range d.Inner {
		inner[i] = sha256.Sum256(doc)
	}
	content := kind.ContentHash(inner)
	return r.Content == hex.EncodeToString(content[:]) && r.Episode == d.Episode
}
