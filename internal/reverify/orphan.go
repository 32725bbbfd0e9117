package reverify

import (
	"context"
	"crypto/sha256"
	"fmt"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// orphan is a root of looks that no row names. A hub puts the root into the log
// first and marks the rows then: one that ended in between, and a backup taken
// in between, leave rows that the next root covers once more.
type orphan struct {
	at   leafName
	root [32]byte
}

// mostAgain is how many rows the next root is looked through for an orphan's:
// those of a minute, which are far fewer.
const mostAgain = 4096

// adopt finds the orphans whose rows are the first of those that the next root
// of the log covers, or that none covers yet. The others are missing.
func (w *walk) adopt(ctx context.Context) error {
	if len(w.orphans) == 0 {
		return nil
	}
	var group [][]byte
	var at *store.LeafPlace
	err := w.Slices.Audit.Disclosures(ctx, func(d *store.Disclosure, place *store.LeafPlace) error {
		if (at == nil) != (place == nil) || at != nil && *at != *place {
			w.match(group, at)
			at, group = place, nil
		}
		if len(group) < mostAgain {
			group = append(group, d.Canonical())
		}
		return nil
	})
	if err != nil {
		return w.unreadable(ctx, "disclosure", err)
	}
	w.match(group, at)
	for _, o := range w.orphans {
		w.differ("disclosure.missing", "disclosure", fmt.Sprintf("%d/%d", o.at.log, o.at.index), "")
	}
	return nil
}

// match takes the orphans that a group of rows begins with; at is the group's
// own leaf, nil where it has none yet.
func (w *walk) match(group [][]byte, at *store.LeafPlace) {
	var left []orphan
	for _, o := range w.orphans {
		if at != nil && (at.Log != o.at.log || at.Index < o.at.index) || !begins(group, o.root) {
			left = append(left, o)
		}
	}
	w.orphans = left
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
