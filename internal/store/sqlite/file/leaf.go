package file

import (
	"bytes"
	"crypto/sha256"

	"lienthong/internal/ledger"
)

// shortened begins the column leaf.data of a receipt's leaf, which is the prefix
// of its kind and a digest; the byte and the digest say it all. Leaf data is
// text up to its first line end, so that nothing else begins so.
const shortened = 0x01

var receiptLeaf = bytes.TrimSuffix(ledger.LeafData(ledger.LeafReceipt, [sha256.Size]byte{}), make([]byte, sha256.Size))

// ShortLeaf is leaf data as the column holds it.
func ShortLeaf(leaf []byte) []byte {
	if digest, ok := bytes.CutPrefix(leaf, receiptLeaf); ok && len(digest) == sha256.Size {
		return append([]byte{shortened}, digest...)
	}
	return leaf
}

// WholeLeaf reads a column written by ShortLeaf.
func WholeLeaf(column []byte) []byte {
	if len(column) == 1+sha256.Size && column[0] == shortened {
		return append(bytes.Clone(receiptLeaf), column[1:]...)
	}
	return column
}
