// Package looks finds the rows of looks under roots that no row names. It judges
// no look.
package looks

import (
	"context"
	"crypto/sha256"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Orphan is a root of looks that no row names. A hub puts the root into the log
// first and marks the rows then: one that ended in between, and a backup taken
// in between, leave rows that the next root covers once more.
type Orphan struct {
	Log   int
	Index uint64
	Root  [32]byte
}

// mostAgain is how many rows the next root is looked through for an orphan's:
// those of a minute, which are far fewer.
const mostAgain = 4096

// Adopt returns the orphans whose rows are not the first of those that the next
// root of the log covers, or that none covers yet: theirs are missing.
func Adopt(ctx context.Context, from store.Audit, orphans []Orphan) ([]Orphan, error) {
	if len(orphans) == 0 {
		return nil, nil
	}
	var group [][]byte
	var at *store.LeafPlace
	err := from.Disclosures(ctx, func(d *store.Disclosure, place *store.LeafPlace) error {
		if (at == nil) != (place == nil) || at != nil && *at != *place {
			orphans = left(orphans, group, at)
			at, group = place, nil
		}
		if len(group) < mostAgain {
			group = append(group, d.Canonical())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return left(orphans, group, at), nil
}

// left are the orphans that a group of rows does not begin with; at is the
// group's own leaf, nil where it has none yet.
func left(orphans []Orphan, group [][]byte, at *store.LeafPlace) (out []Orphan) {
	for _, o := range orphans {
		if at != nil && (at.Log != o.Log || at.Index < o.Index) || !begins(group, o.Root) {
			out = append(out, o)
		}
	}
	return out
}

// begins reports whether root is over some first rows of the group.
func begins(group [][]byte, root [32]byte) bool {
	for n := 1; n <= len(group); n++ {
		leaf := ledger.DisclosureLeaf(group[:n])
		if [32]byte(leaf[len(leaf)-sha256.Size:]) == root {
			return true
		}
	}
	return false
}
