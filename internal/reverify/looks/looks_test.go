package looks_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"testing"

	"lienthong/internal/ledger"
	"lienthong/internal/reverify/looks"
	"lienthong/internal/store"
)

// kept is rows in order, each with the index of its leaf in log 0, -1 for none.
type kept struct {
	rows   []store.Disclosure
	leaves []int
	fail   error
}

func (k *kept) Disclosures(_ context.Context, fn func(*store.Disclosure, *store.LeafPlace) error) error {
	for i := range k.rows {
		var at *store.LeafPlace
		if k.leaves[i] >= 0 {
			at = &store.LeafPlace{Index: uint64(k.leaves[i])}
		}
		if err := fn(&k.rows[i], at); err != nil {
			return err
		}
	}
	return k.fail
}

func rowsOf(leaves ...int) *kept {
	k := &kept{leaves: leaves}
	for i := range leaves {
		k.rows = append(k.rows, store.Disclosure{ID: int64(i + 1), Reader: "client:" + strconv.Itoa(i)})
	}
	return k
}

// root is what a log has of rows.
func (k *kept) root(from, to int) [32]byte {
	var group [][]byte
	for i := from; i < to; i++ {
		group = append(group, k.rows[i].Canonical())
	}
	leaf := ledger.DisclosureLeaf(group)
	return [32]byte(leaf[len(leaf)-sha256.Size:])
}

func TestRowsAreHeldAgainstTheirRoots(t *testing.T) {
	t.Parallel()
	k := rowsOf(3, 3, 5, -1)
	roots := map[looks.Leaf][32]byte{{Index: 3}: k.root(0, 2), {Index: 5}: k.root(2, 3)}
	for name, c := range map[string]struct {
		edit            func(k *kept)
		edited, missing []looks.Leaf
	}{
		"as written":       {func(*kept) {}, nil, nil},
		"one is edited":    {func(k *kept) { k.rows[1].Reader = "client:77" }, []looks.Leaf{{Index: 3}}, nil},
		"one is lost":      {func(k *kept) { k.rows, k.leaves = k.rows[1:], k.leaves[1:] }, []looks.Leaf{{Index: 3}}, nil},
		"a group is lost":  {func(k *kept) { k.rows, k.leaves = k.rows[2:], k.leaves[2:] }, nil, []looks.Leaf{{Index: 3}}},
		"marked one later": {func(k *kept) { k.leaves = []int{5, 5, 5, -1} }, []looks.Leaf{{Index: 5}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := &kept{rows: slices.Clone(k.rows), leaves: slices.Clone(k.leaves)}
			c.edit(now)
			n := 0
			b, err := looks.Read(t.Context(), now, func(*store.Disclosure) error { n++; return nil })
			if err != nil || n != len(now.rows) {
				t.Fatal(n, err)
			}
			for at, root := range roots {
				b.Leaf(at, root, false)
			}
			missing, err := b.Missing(t.Context())
			if err != nil || !slices.Equal(missing, c.missing) || !slices.Equal(b.Edited(), c.edited) {
				t.Errorf("missing %v, edited %v, %v", missing, b.Edited(), err)
			}
		})
	}
}

// A root of since the rows were read, and one whose rows the next one covers
// again, are no loss.
func TestWhatMayBeWithoutRows(t *testing.T) {
	t.Parallel()
	k := rowsOf(8, 8, 8)
	b, err := looks.Read(t.Context(), k, func(*store.Disclosure) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	b.Leaf(looks.Leaf{Index: 4}, k.root(0, 2), false) // the hub ended before it marked them
	b.Leaf(looks.Leaf{Index: 8}, k.root(0, 3), false)
	b.Leaf(looks.Leaf{Index: 9}, k.root(1, 2), true)
	missing, err := b.Missing(t.Context())
	if err != nil || len(missing) != 0 || len(b.Edited()) != 0 {
		t.Errorf("missing %v, edited %v, %v", missing, b.Edited(), err)
	}
}

func TestRowsThatCannotBeReadAreAnError(t *testing.T) {
	t.Parallel()
	k := rowsOf(1)
	k.fail = errors.New("the table is gone")
	b, err := looks.Read(t.Context(), k, func(*store.Disclosure) error { return nil })
	if !errors.Is(err, k.fail) || b == nil {
		t.Fatal(b, err)
	}
	b.Leaf(looks.Leaf{Index: 2}, [32]byte{1}, false)
	if _, err := b.Missing(t.Context()); !errors.Is(err, k.fail) {
		t.Error(err)
	}
}
