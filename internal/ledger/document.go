package ledger

import (
	"errors"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/ledger/jcs"
)

// MaxDocument is the longest receipt document read, in bytes.
const MaxDocument = 8 << 20

// Document is a receipt with all it takes to check it offline but the log's
// verifier key.
type Document struct {
	Receipt
	Origin     string // the log: "<hub>/log/<n>"
	Index      uint64 // of the receipt's leaf
	Proof      Proof  // of that leaf under Checkpoint
	Checkpoint string // signed note of the receipt's own commit
	Key        DocumentKey
}

// DocumentKey is the receipt key with its own leaf, under the same checkpoint.
type DocumentKey struct {
	Kid   string
	SPKI  []byte // DER
	Index uint64 // of the key's leaf, before the receipt's
	Proof Proof
}

// Marshal returns the document as RFC 8785 JSON: the same document gives the
// same bytes. Byte strings and hashes are standard base64.
func (d *Document) Marshal() []byte {
	dst := make([]byte, 0, 1024+len(d.Body)*4/3+50*(len(d.Proof)+len(d.Key.Proof)))
	dst = jcs.AppendBase64(append(dst, `{"body":`...), d.Body)
	dst = jcs.AppendString(append(dst, `,"checkpoint":`...), d.Checkpoint)
	dst = strconv.AppendUint(append(dst, `,"index":`...), d.Index, 10)
	dst = strconv.AppendUint(append(dst, `,"key":{"index":`...), d.Key.Index, 10)
	dst = jcs.AppendString(append(dst, `,"kid":`...), d.Key.Kid)
	dst = appendProof(append(dst, `,"proof":`...), d.Key.Proof)
	dst = jcs.AppendBase64(append(dst, `,"spki":`...), d.Key.SPKI)
	dst = jcs.AppendString(append(dst, `},"origin":`...), d.Origin)
	dst = appendProof(append(dst, `,"proof":`...), d.Proof)
	dst = jcs.AppendBase64(append(dst, `,"salt":`...), d.Salt)
	dst = jcs.AppendBase64(append(dst, `,"signature":`...), d.Signature)
	return append(dst, '}')
}

func appendProof(dst []byte, p Proof) []byte {
	dst = append(dst, '[')
	for i := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jcs.AppendBase64(dst, p[i][:])
	}
	return append(dst, ']')
}

// ParseDocument reads a receipt document: JSON with exactly Marshal's members,
// in any order and with any white space, none twice, base64 in its one right
// spelling. Anything else is ErrDocument. It checks form, not truth: see Verify.
func ParseDocument(data []byte) (*Document, error) {
	if len(data) > MaxDocument {
		return nil, ErrDocument.Because(errors.New("longer than any receipt"))
	}
	v, err := jcs.Parse(data)
	if err != nil {
		return nil, ErrDocument.Because(err)
	}
	m := jcs.Object(v)
	d := &Document{
		Receipt: Receipt{Body: m.Bytes("body", 0), Salt: m.Bytes("salt", SaltSize), Signature: m.Bytes("signature", signatureSize)},
		Origin:  m.Text("origin"), Index: indexOf(m), Proof: proofOf(m), Checkpoint: m.Text("checkpoint"),
	}
	k := m.Object("key")
	d.Key = DocumentKey{Kid: k.Text("kid"), SPKI: k.Bytes("spki", 0), Index: indexOf(k), Proof: proofOf(k)}
	for _, part := range []*jcs.Members{m, k} {
		if err := part.Close(); err != nil {
			return nil, ErrDocument.Because(err)
		}
	}
	return d, nil
}

func indexOf(m *jcs.Members) uint64 {
	n := m.Int("index")
	if n < 0 {
		m.Fail("index", "is negative")
		return 0
	}
	return uint64(n)
}

// proof reads at most 64 hashes: a tree of 2^53 leaves has paths of 53, a
// consistency proof one more.
func proofOf(m *jcs.Members) Proof {
	texts := m.Texts("proof")
	if len(texts) > 64 {
		m.Fail("proof", "is too long")
		return nil
	}
	p := make(Proof, 0, len(texts))
	for _, s := range texts {
		raw, err := jcs.Base64(s)
		if err != nil || len(raw) != tlog.HashSize {
			m.Fail("proof", "holds something else than hashes")
			return nil
		}
		p = append(p, Hash(raw))
	}
	return p
}
