// Package looks holds the rows of disclosures against the roots that the logs
// have of them (TRUST T11). Who may look, and whether a look has its record, is
// not held here.
package looks

import (
	"context"
	"crypto/sha256"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Rows gives the disclosures in the order kept, each with the leaf it is under,
// nil where it is under none yet; store.Audit does.
type Rows interface {
	Disclosures(ctx context.Context, fn func(d *store.Disclosure, place *store.LeafPlace) error) error
}

// Leaf is a leaf of a log.
type Leaf struct {
	Log   int
	Index uint64
}

// Book is the groups of looks that the rows say lie under a leaf, and what the
// logs said of them.
type Book struct {
	rows    Rows
	groups  map[Leaf]*group
	orphans []orphan
}

// group is looks under the root of one leaf.
type group struct {
	root  [32]byte
	found bool
}

// orphan is a root that no row names. A hub puts the root into the log first and
// marks the rows then: one that ended in between, and a backup taken in between,
// leave rows that the next root covers once more.
type orphan struct {
	at   Leaf
	root [32]byte
}

// Read makes the root of every group of looks again; each is told of every look.
// With an error the book is of the rows read until then.
func Read(ctx context.Context, rows Rows, each func(*store.Disclosure) error) (*Book, error) {
	b := &Book{rows: rows, groups: map[Leaf]*group{}}
	var under [][]byte
	var at *store.LeafPlace
	end := func() {
		if at != nil {
			b.groups[Leaf{at.Log, at.Index}] = &group{root: rootOf(under)}
		}
	}
	err := rows.Disclosures(ctx, func(d *store.Disclosure, place *store.LeafPlace) error {
		if err := each(d); err != nil {
			return err
		}
		if place == nil {
			return nil
		}
		if at == nil || *at != *place {
			end()
			at, under = place, nil
		}
		under = append(under, d.Canonical())
		return nil
	})
	end()
	return b, err
}

func rootOf(group [][]byte) [32]byte {
	leaf := ledger.DisclosureLeaf(group)
	return [32]byte(leaf[len(leaf)-sha256.Size:])
}

// Leaf takes a root as a log has it. One that was put there since the rows were
// read may have its rows after them.
func (b *Book) Leaf(at Leaf, root [32]byte, since bool) {
	g := b.groups[at]
	switch {
	case g != nil && g.root == root:
		g.found = true
	case g == nil && !since:
		b.orphans = append(b.orphans, orphan{at, root})
	}
}

// mostAgain is how many rows the next root is looked through for an orphan's:
// those of a minute, which are far fewer.
const mostAgain = 4096

// Missing returns the leaves whose rows are gone: all orphans but those whose
// rows are the first of those that the next root of the log covers, or that none
// covers yet. It is asked when every log was read.
func (b *Book) Missing(ctx context.Context) ([]Leaf, error) {
	if len(b.orphans) == 0 {
		return nil, nil
	}
	var under [][]byte
	var at *store.LeafPlace
	err := b.rows.Disclosures(ctx, func(d *store.Disclosure, place *store.LeafPlace) error {
		if (at == nil) != (place == nil) || at != nil && *at != *place {
			b.adopt(under, at)
			at, under = place, nil
		}
		if len(under) < mostAgain {
			under = append(under, d.Canonical())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.adopt(under, at)
	out := make([]Leaf, len(b.orphans))
	for i, o := range b.orphans {
		out[i] = o.at
	}
	return out, nil
}

// adopt takes the orphans that a group of rows begins with; at is the group's
// own leaf, nil where it has none yet.
func (b *Book) adopt(group [][]byte, at *store.LeafPlace) {
	var left []orphan
	for _, o := range b.orphans {
		if at != nil && (at.Log != o.at.Log || at.Index < o.at.Index) || !begins(group, o.root) {
			left = append(left, o)
		}
	}
	b.orphans = left
}

// begins reports whether root is over some first rows of the group.
func begins(group [][]byte, root [32]byte) bool {
	for n := 1; n <= len(group); n++ {
		if rootOf(group[:n]) == root {
			return true
		}
	}
	return false
}

// Edited returns the leaves whose rows are others than those the log has the
// root of. It is asked when every log was read.
func (b *Book) Edited() []Leaf {
	var out []Leaf
	for at, g := range b.groups {
		if !g.found {
			out = append(out, at)
		}
	}
	return out
}
