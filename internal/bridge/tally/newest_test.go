package tally_test

import (
	"slices"
	"testing"

	"lienthong/internal/bridge/tally"
)

func TestNewestContentsAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int64
		sizes []int
		gone  []int
	}{
		{0, []int{1 << 30, 1 << 30, 1 << 30}, nil},
		{10, []int{4, 4, 2}, nil},
		{10, []int{4, 4, 4}, []int{0}},
		{10, []int{4, 4, 9}, []int{0, 1}},
		{10, []int{50}, nil}, // the newest stays, however large
		{10, []int{50, 1, 1}, []int{0}},
	} {
		var gone []int
		n := tally.NewNewest(c.limit)
		for i, size := range c.sizes {
			n.Add(size, func() { gone = append(gone, i) })
		}
		if !slices.Equal(gone, c.gone) {
			t.Errorf("limit %d, sizes %v: let go %v, want %v", c.limit, c.sizes, gone, c.gone)
		}
	}
}
