package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/fault"
)

// SaltSize is the size of a receipt's salt in bytes. The salt keeps a leaf from
// being guessed; destroyed with the record's key, it makes the leaf say nothing.
const SaltSize = 32

// Receipt is the hub's signed statement about a record, as the store keeps it:
// three byte strings, given out unchanged for ever.
type Receipt struct {
	Body      []byte // RFC 8785 JSON, see Body
	Salt      []byte // 32 random bytes
	Signature []byte // 64 bytes r‖s, ES256 over SHA-256(Body)
}

// NewSalt reads a salt from random.
func NewSalt(random io.Reader) ([SaltSize]byte, error) {
	var salt [SaltSize]byte
	if _, err := io.ReadFull(random, salt[:]); err != nil {
		return salt, fmt.Errorf("ledger: salt: %w", err)
	}
	return salt, nil
}

// Issue signs body with key. V and Kid are filled in when empty; a Kid that is
// not the key's is ErrBody.
func Issue(body Body, key *ReceiptKey, salt [SaltSize]byte) (Receipt, error) {
	if body.V == 0 {
		body.V = 1
	}
	if body.Kid == "" {
		body.Kid = key.Kid()
	}
	if body.Kid != key.Kid() {
		return Receipt{}, ErrBody.Because(errors.New("kid is another key's"))
	}
	data, err := body.Canonical()
	if err != nil {
		return Receipt{}, err
	}
	signature, err := key.Sign(data)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Body: data, Salt: salt[:], Signature: signature}, nil
}

// Leaf returns the receipt's leaf data: the receipt prefix and
// SHA-256(salt‖body‖signature).
func (r Receipt) Leaf() []byte {
	h := sha256.New()
	h.Write(r.Salt)
	h.Write(r.Body)
	h.Write(r.Signature)
	return LeafData(LeafReceipt, [32]byte(h.Sum(nil)))
}

// Check reads the receipt's body and checks that it names the key and that the
// key signed it. ErrBody, or ErrSignature where another key is named, the key
// is none, or the signature does not verify.
func (r Receipt) Check(spki []byte) (*Body, error) {
	b, err := ParseBody(r.Body)
	if err != nil {
		return nil, err
	}
	pub, err := parseSPKI(spki)
	if err != nil {
		return nil, ErrSignature.Because(err)
	}
	if KeyID(spki) != b.Kid || !verifyES256(pub, r.Body, r.Signature) {
		return nil, ErrSignature
	}
	return b, nil
}

// KeyEntry is a receipt key's leaf: the key and where it is in the log.
type KeyEntry struct {
	SPKI  []byte
	Index uint64
}

// Entry is a receipt and where its leaf is in the log.
type Entry struct {
	Receipt
	Index uint64
}

// Documents returns the receipt documents of entries under checkpoint, that of
// the commit they were in, with the proofs of the key's leaf and of each. The
// same arguments give the same bytes. Each proof is checked before it is given
// out: one that does not hold is ErrDamaged.
func (r *Reader) Documents(ctx context.Context, checkpoint []byte, key KeyEntry, entries ...Entry) ([][]byte, error) {
	return documents(r.hashes(ctx), checkpoint, key, entries)
}

// Documents is Reader.Documents for the batch's own checkpoint, from memory. It
// may be called before the commit is confirmed; what it returns may not leave
// before.
func (b *Batch) Documents(ctx context.Context, key KeyEntry, entries ...Entry) ([][]byte, error) {
	return documents(b.hashes(ctx), b.Head.Checkpoint, key, entries)
}

func documents(r tlog.HashReader, checkpoint []byte, key KeyEntry, entries []Entry) ([][]byte, error) {
	cp, err := ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, err
	}
	indexes := make([]uint64, 0, 1+len(entries))
	indexes = append(indexes, key.Index)
	for _, e := range entries {
		indexes = append(indexes, e.Index)
	}
	proofs, err := prove(r, cp.Size, indexes)
	if err != nil {
		return nil, err
	}
	if !CheckInclusion(proofs[0], cp, key.Index, KeyLeaf(key.SPKI)) {
		return nil, ErrDamaged.Because(fmt.Errorf("no key leaf at %d under size %d", key.Index, cp.Size))
	}
	out := make([][]byte, len(entries))
	for i, e := range entries {
		if !CheckInclusion(proofs[1+i], cp, e.Index, e.Leaf()) {
			return nil, ErrDamaged.Because(fmt.Errorf("no leaf of the receipt at %d under size %d", e.Index, cp.Size))
		}
		d := Document{
			Receipt: e.Receipt, Origin: cp.Origin, Index: e.Index, Proof: proofs[1+i], Checkpoint: string(checkpoint),
			Key: DocumentKey{Kid: KeyID(key.SPKI), SPKI: key.SPKI, Index: key.Index, Proof: proofs[0]},
		}
		out[i] = d.Marshal()
	}
	return out, nil
}

// ErrSignature: a receipt is not signed by the key.
var ErrSignature = fault.New(fault.Invalid, "receipt.signature",
	"Chữ ký của hub trên biên nhận sai.", "The hub's signature on the receipt does not verify.")

// ErrDocument: the bytes are not a receipt document.
var ErrDocument = fault.New(fault.Invalid, "receipt.unreadable",
	"Không đọc được tệp biên nhận.", "The receipt cannot be read.")
