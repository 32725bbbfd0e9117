package file

import (
	"strconv"
	"strings"
)

// DocTag begins the tags that name a document.
const DocTag = "doc:"

// common are the tables that so many dossiers have that a row for each would
// find nothing faster than reading along the time does: the column documents
// says them. XML0 is the whole of a check-in; 1 to 5 are the tables of every
// visit, 7 and 8 those of every stay.
const common = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<7 | 1<<8

// CommonBit returns the bit of the column documents that says a tag, 0 for a
// tag that has rows of its own.
func CommonBit(tag string) int64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(tag, DocTag+"XML"), 10, 5)
	if err != nil || common&(1<<n) == 0 || tag != DocTag+"XML"+strconv.FormatUint(n, 10) {
		return 0
	}
	return 1 << n
}

// IsCommon reports whether a tag is kept by the column documents only.
func IsCommon(tag string) bool { return CommonBit(tag) != 0 }

// CommonTags are the tags of the column documents, with their bits.
func CommonTags() map[string]int64 {
	all := map[string]int64{}
	for n := range 32 {
		if tag := DocTag + "XML" + strconv.Itoa(n); IsCommon(tag) {
			all[tag] = 1 << n
		}
	}
	return all
}
