// Package manifest compares what a facility says it sent on a day with what the
// hub has of that day, exactly and in at most four round trips: sums of kinds
// first, then of sixteen parts of the kinds that differ, then the parts that
// differ themselves. Both ends use it. It asks nobody and keeps nothing.
//
// What is compared is an element for each dossier: the SHA-256 of the digest of
// the file it first came in and its index there. Whatever became of the dossier
// later, it was sent on that day; a file that came again adds nothing.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/fault"
)

const (
	// Limit is how many dossiers of a facility and day are compared. A central
	// hospital sends 10,000.
	Limit = 200_000
	// Parts of a kind, by the first hexadecimal digit of an element.
	Parts = 16
	// Rounds is how often both ends speak at most.
	Rounds = 4
	// maxKinds and maxName bound what a sender may name.
	maxKinds = 64
	maxName  = 64
)

var (
	// ErrForm: the manifest is not of its form.
	ErrForm = fault.New(fault.Invalid, "manifest.invalid",
		"Bảng đối soát không đúng dạng.", "The manifest is not of its form.")
	// ErrLarge: more dossiers than are compared.
	ErrLarge = fault.New(fault.TooLarge, "manifest.too_large",
		"Một ngày chỉ đối soát được tối đa 200.000 hồ sơ.", "At most 200,000 dossiers of a day are compared.")
	// ErrDate: not a day that can be compared.
	ErrDate = fault.New(fault.Invalid, "manifest.date",
		"Ngày phải có dạng yyyy-mm-dd và không ở tương lai.", "The day must be yyyy-mm-dd and not in the future.")
)

// Element stands for a dossier.
type Element [sha256.Size]byte

// ElementOf is the element of the dossier at an index of a file: SHA-256 over
// the file's SHA-256 and the index, 4 bytes big endian.
func ElementOf(file [sha256.Size]byte, index int) Element {
	return sha256.Sum256(binary.BigEndian.AppendUint32(file[:], uint32(index)))
}

// String returns 64 lower-case hexadecimal digits.
func (e Element) String() string { return hex.EncodeToString(e[:]) }

func (e Element) part() int { return int(e[0] >> 4) }

// digits name the parts.
const digits = "0123456789abcdef"

// Sum is how many elements there are and what they come to.
type Sum struct {
	Count int    `json:"count"`
	Root  string `json:"root"` // 64 lower-case hexadecimal digits
}

// SumOf sums elements that are sorted, each once: the Merkle tree hash of
// RFC 6962 §2.1 over their 32 bytes.
func SumOf(sorted []Element) Sum {
	root := tree(sorted)
	return Sum{len(sorted), hex.EncodeToString(root[:])}
}

func tree(list []Element) tlog.Hash {
	switch len(list) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return tlog.RecordHash(list[0][:])
	}
	half := 1
	for 2*half < len(list) {
		half *= 2
	}
	return tlog.NodeHash(tree(list[:half]), tree(list[half:]))
}

// Set is the elements of each kind, sorted, each once.
type Set map[string][]Element

// Sort puts a set that was filled in any order into its form.
func (s Set) Sort() {
	for kind, list := range s {
		slices.SortFunc(list, func(a, b Element) int { return bytes.Compare(a[:], b[:]) })
		s[kind] = slices.Compact(list)
	}
}

// Kinds lists the kinds in order.
func (s Set) Kinds() []string { return slices.Sorted(maps.Keys(s)) }

// part returns the elements of one part of a kind.
func (s Set) part(kind string, n int) []Element {
	list := s[kind]
	at := func(n int) int {
		i, _ := slices.BinarySearchFunc(list, n, func(e Element, n int) int { return e.part() - n })
		return i
	}
	return list[at(n):at(n+1)]
}

func (s Set) has(kind string, e Element) bool {
	_, ok := slices.BinarySearchFunc(s[kind], e, func(a, b Element) int { return bytes.Compare(a[:], b[:]) })
	return ok
}
