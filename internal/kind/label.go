package kind

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"lienthong/internal/compartment"
)

// DocumentTag begins the tags that name the documents of a record.
const DocumentTag = "doc:"

// ContentHash is the SHA-256 over the SHA-256 digests of a dossier's inner
// documents in their order, 32 bytes each: content_sha256 of receipts. It can be
// checked against inner_sha256 by whoever has the receipt alone.
func ContentHash(inner [][32]byte) (sum [32]byte) {
	h := sha256.New()
	for i := range inner {
		h.Write(inner[i][:])
	}
	h.Sum(sum[:0])
	return sum
}

// Label returns the tables a dossier has: those of the QĐ 4750 family as bits
// (bit i is table XMLi), and the tags that lists and counters can be asked by.
// Of other kinds the tables that are documents with a life of their own count.
// What is rejected is in no clinical view and has no tags. A dossier whose open
// tables tell of a closed compartment has the compartment's bit too, and no tag
// that would tell others of it.
func (d *Dossier) Label(v View, accepted bool) (documents uint32, tags []string) {
	for _, t := range d.Content.Tables() {
		name := t.Columns.Table
		n, err := strconv.ParseUint(strings.TrimPrefix(name, "XML"), 10, 5)
		switch {
		case err == nil && documents&(1<<n) == 0:
			documents |= 1 << n
		case err != nil && slices.Contains(v.Documents, name) && !slices.Contains(tags, DocumentTag+name):
		default:
			continue
		}
		if accepted {
			tags = append(tags, DocumentTag+name)
		}
	}
	return documents | compartment.Content(d.Content).Documents(), tags
}
