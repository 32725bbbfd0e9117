package form

import (
	"strconv"
	"strings"
)

// CommonDocuments are the documents, as bits of Prepared.Documents, that so
// many dossiers have that a row for each would find nothing faster than reading
// along the time does: engines keep them by the bits alone. Bit 0 is the whole
// of a check-in; 1 to 5 are the tables of every visit, 7 and 8 those of every
// stay (QĐ 4750, tables XML1 to XML8).
const CommonDocuments uint32 = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<7 | 1<<8

const docTag = "doc:XML"

// CommonDocument returns the bit of a tag that names a common document, 0 for
// every other tag.
func CommonDocument(tag string) uint32 {
	if !strings.HasPrefix(tag, docTag) {
		return 0
	}
	n, err := strconv.ParseUint(tag[len(docTag):], 10, 5)
	if err != nil || DocumentTag(int(n)) != tag {
		return 0
	}
	return CommonDocuments & (1 << n)
}

// DocumentTag is the tag of document n.
func DocumentTag(n int) string { return docTag + strconv.Itoa(n) }
