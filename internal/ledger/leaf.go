// Package ledger makes and checks the hub's evidence: the receipt of a record,
// the append-only Merkle logs that hold one leaf for each receipt, their tiles,
// proofs and signed checkpoints, and the offline verification of all of them.
//
// It does no I/O and knows no store: whoever keeps leaves and tiles hands them
// in as a Source and writes what a Batch tells it to write. It does not decide
// what a receipt says (intake does), holds no clinical content, and is not a
// time-stamp: a receipt's time is the hub's own statement.
//
// Hashing and proofs are RFC 6962's (golang.org/x/mod/sumdb/tlog); tiles, entry
// bundles, checkpoints and cosignatures are those of C2SP (tlog-tiles,
// tlog-checkpoint, tlog-cosignature). doc/design/ledger.md gives the bytes.
package ledger

import (
	"bytes"
	"crypto/sha256"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/fault"
)

// Hash is a SHA-256 Merkle tree hash (RFC 6962 §2.1).
type Hash = tlog.Hash

// Proof is an RFC 6962 audit path or consistency proof, leaf side first.
type Proof []Hash

// LeafKind is what a leaf is about: the middle of its prefix.
type LeafKind string

// The kinds of leaves. Key leaves carry a public key (KeyLeaf), all others the
// SHA-256 digest of what they commit to (LeafData).
const (
	LeafReceipt    LeafKind = "receipt"
	LeafKey        LeafKind = "key"
	LeafDisclosure LeafKind = "disclosure"
	LeafAdmin      LeafKind = "admin"
	LeafErasure    LeafKind = "erasure"
	LeafAnnotation LeafKind = "annotation"
	LeafRestore    LeafKind = "restore"
)

const (
	leafPrefix = "lienthong/"
	leafSuffix = "/v1\n"

	// MaxLeaf is the longest leaf the log takes, in bytes: an entry bundle
	// writes the length as uint16, and no kind comes near it.
	MaxLeaf = 4096
)

// ErrLeaf: the bytes are not a leaf this hub writes.
var ErrLeaf = fault.New(fault.Invalid, "ledger.leaf",
	"Mục nhật ký không đúng dạng.", "The log entry is not in a known form.")

// LeafData returns a leaf of the kind that commits to digest:
// "lienthong/<kind>/v1\n" and 32 raw bytes.
func LeafData(kind LeafKind, digest [32]byte) []byte {
	b := make([]byte, 0, len(leafPrefix)+len(kind)+len(leafSuffix)+len(digest))
	b = append(append(append(b, leafPrefix...), kind...), leafSuffix...)
	return append(b, digest[:]...)
}

// StatementLeaf returns the leaf of the kind for statement: LeafData over its
// SHA-256. Administrative acts, erasures and annotations are statements; that
// of a restore is the last known checkpoint's bytes.
func StatementLeaf(kind LeafKind, statement []byte) []byte {
	return LeafData(kind, sha256.Sum256(statement))
}

// DisclosureLeaf returns the leaf over disclosure rows, in order: LeafData over
// the root of an RFC 6962 tree with one entry a row.
func DisclosureLeaf(rows [][]byte) []byte {
	var f frontier
	hashes := make([]Hash, len(rows))
	for i, row := range rows {
		hashes[i] = tlog.RecordHash(row)
	}
	f.extend(hashes)
	return LeafData(LeafDisclosure, f.root())
}

// KeyLeaf returns the leaf that makes a receipt key known:
// "lienthong/key/v1\n" and the DER SubjectPublicKeyInfo itself, so that the key
// can be read from the log alone.
func KeyLeaf(spki []byte) []byte {
	b := make([]byte, 0, len(leafPrefix)+len(LeafKey)+len(leafSuffix)+len(spki))
	b = append(append(append(b, leafPrefix...), LeafKey...), leafSuffix...)
	return append(b, spki...)
}

// ParseLeaf splits leaf data into its kind and what follows the prefix: 32
// digest bytes, or the DER key of a key leaf. Anything else is ErrLeaf.
func ParseLeaf(data []byte) (LeafKind, []byte, error) {
	rest, ok := bytes.CutPrefix(data, []byte(leafPrefix))
	if !ok || len(data) > MaxLeaf {
		return "", nil, ErrLeaf
	}
	name, rest, ok := bytes.Cut(rest, []byte(leafSuffix))
	if !ok {
		return "", nil, ErrLeaf
	}
	switch kind := LeafKind(name); kind {
	case LeafKey:
		if _, err := parseSPKI(rest); err != nil {
			return "", nil, ErrLeaf.Because(err)
		}
		return kind, rest, nil
	case LeafReceipt, LeafDisclosure, LeafAdmin, LeafErasure, LeafAnnotation, LeafRestore:
		if len(rest) != sha256.Size {
			return "", nil, ErrLeaf
		}
		return kind, rest, nil
	}
	return "", nil, ErrLeaf
}

// Origin returns the name of the hub's n-th log, "<hub>/log/<n>".
func Origin(hub string, n uint) string {
	return hub + "/log/" + strconv.FormatUint(uint64(n), 10)
}

// originOf reports whether origin names a log of hub.
func originOf(origin, hub string) bool {
	n, ok := strings.CutPrefix(origin, hub+"/log/")
	if !ok || hub == "" || n == "" || len(n) > 1 && n[0] == '0' || len(n) > 9 {
		return false
	}
	return strings.Trim(n, "0123456789") == ""
}
