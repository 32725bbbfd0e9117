package audit

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/ledger"
)

// tree is the right edge of an RFC 6962 tree: for each tile level the entries
// of its open tile. It is a second, plain implementation on purpose.
type tree struct {
	size   uint64
	levels [][]ledger.Hash
}

// closed is a tile that a push filled.
type closed struct {
	level  int
	n      uint64
	hashes []ledger.Hash
}

func (t *tree) clone() *tree {
	c := &tree{size: t.size, levels: make([][]ledger.Hash, len(t.levels))}
	for i := range t.levels {
		c.levels[i] = slices.Clone(t.levels[i])
	}
	return c
}

// push adds one leaf hash and returns the tiles it filled, lowest first.
func (t *tree) push(h ledger.Hash) []closed {
	t.size++
	var out []closed
	for level := 0; ; level++ {
		if level == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		t.levels[level] = append(t.levels[level], h)
		if len(t.levels[level]) < ledger.TileWidth {
			return out
		}
		full := t.levels[level]
		t.levels[level] = nil
		out = append(out, closed{level: level, n: t.size>>(ledger.TileHeight*(level+1)) - 1, hashes: full})
		h = fold(full)
	}
}

// fold is the root over a power of two of hashes.
func fold(hashes []ledger.Hash) ledger.Hash {
	row := slices.Clone(hashes)
	for len(row) > 1 {
		for i := range len(row) / 2 {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
	}
	return row[0]
}

// root is RFC 6962's tree head: the complete subtrees from large to small,
// joined from the right.
func (t *tree) root() ledger.Hash {
	var parts []ledger.Hash
	for level := len(t.levels) - 1; level >= 0; level-- {
		rest := t.levels[level]
		for span := ledger.TileWidth / 2; span > 0; span /= 2 {
			if len(rest)&span != 0 {
				parts = append(parts, fold(rest[:span]))
				rest = rest[span:]
			}
		}
	}
	if len(parts) == 0 {
		h, err := tlog.TreeHash(0, nil)
		if err != nil { // it cannot: the empty tree reads nothing
			panic(err)
		}
		return h
	}
	h := parts[len(parts)-1]
	for i := len(parts) - 2; i >= 0; i-- {
		h = tlog.NodeHash(parts[i], h)
	}
	return h
}
