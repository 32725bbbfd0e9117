package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

const (
	// TileHeight and TileWidth are C2SP tlog-tiles': 8 levels, 256 hashes.
	TileHeight = 8
	TileWidth  = 1 << TileHeight

	// TileBytes is the size of a full tile's data.
	TileBytes = TileWidth * tlog.HashSize

	// MaxSize bounds a log's size: what JSON keeps exactly.
	MaxSize = jcs.MaxInteger
)

// ErrAbsent: the log has no such tile, entry or size (yet).
var ErrAbsent = fault.New(fault.Absent, "ledger.absent",
	"Sổ nhật ký chưa có phần này.", "The log has no such part yet.")

// ErrDamaged: what the store gives does not hold together.
var ErrDamaged = fault.New(fault.Broken, "ledger.damaged",
	"Sổ nhật ký không khớp với chính nó; đã dừng để kiểm tra.", "The log contradicts itself; it was stopped to be checked.")

// Source is what the ledger reads from a store: one log's committed rows.
type Source interface {
	// Leaves returns the data of the leaves [from, to), in order. An element
	// is nil where the row is missing; the slice may be shorter where the log
	// ends. An error means that nothing is known.
	Leaves(ctx context.Context, from, to uint64) ([][]byte, error)
	// Tile returns the data of a stored full tile (TileBytes), or nil without
	// an error where there is none.
	Tile(ctx context.Context, level int, n uint64) ([]byte, error)
}

// Tile is one full tile to store: hashes of level 8*Level, TileBytes long.
type Tile struct {
	Level int
	N     uint64
	Data  []byte
}

// subtree holds up to 256 consecutive hashes of one tile level and every
// complete subtree over them: rows[k][i] covers 2^k of them. It is immutable.
type subtree struct {
	rows [TileHeight][]Hash
}

func (t *subtree) width() int {
	if t == nil {
		return 0
	}
	return len(t.rows[0])
}

// extend returns a copy of t with hashes added; at most TileWidth in all.
func (t *subtree) extend(hashes []Hash) *subtree {
	w := t.width() + len(hashes)
	backing := make([]Hash, 0, 2*w)
	out := &subtree{}
	for k := range out.rows {
		from := len(backing)
		if t != nil {
			backing = append(backing, t.rows[k]...)
		}
		if k == 0 {
			backing = append(backing, hashes...)
		} else {
			below := out.rows[k-1]
			for i := len(backing) - from; i < w>>k; i++ {
				backing = append(backing, tlog.NodeHash(below[2*i], below[2*i+1]))
			}
		}
		out.rows[k] = backing[from:len(backing):len(backing)]
	}
	return out
}

// root is the hash of a full subtree: its entry in the level above.
func (t *subtree) root() Hash {
	top := t.rows[TileHeight-1]
	return tlog.NodeHash(top[0], top[1])
}

// data returns the first width hashes, as a tile is served.
func (t *subtree) data(width int) []byte {
	b := make([]byte, 0, width*tlog.HashSize)
	for i := range t.rows[0][:width] {
		b = append(b, t.rows[0][i][:]...)
	}
	return b
}

func hashesOf(data []byte) []Hash {
	out := make([]Hash, len(data)/tlog.HashSize)
	for i := range out {
		copy(out[i][:], data[i*tlog.HashSize:])
	}
	return out
}

// place is where a node of the tree lies: in tile (level, n), row r, entry i.
type place struct {
	level int
	n     uint64
	row   int
	i     int
}

func placeOf(storedIndex int64) place {
	level, n := tlog.SplitStoredHashIndex(storedIndex)
	row := level % TileHeight
	per := TileHeight - row // log2 of nodes of this row in a tile
	return place{level: level / TileHeight, n: uint64(n) >> per, row: row, i: int(n) & (1<<per - 1)}
}

// width is how many hashes a tile must have for the node to be complete.
func (p place) width() int { return (p.i + 1) << p.row }

// frontier is the right edge of a log: the partial tile of every level. It is
// a value: a copy is not changed by what is done to the original.
type frontier struct {
	size uint64
	edge []*subtree // nil where the level's last tile is full or empty
}

// fullTile is a tile that became full.
type fullTile struct {
	level int
	n     uint64
	tree  *subtree
}

// extend adds leaf hashes and returns the tiles they filled, lowest first.
func (f *frontier) extend(hashes []Hash) []fullTile {
	next := frontier{size: f.size + uint64(len(hashes)), edge: append([]*subtree(nil), f.edge...)}
	var full []fullTile
	next.push(f.size, 0, hashes, &full)
	*f = next
	return full
}

// push adds hashes to level, of which the log had size>>(8*level).
func (f *frontier) push(size uint64, level int, hashes []Hash, full *[]fullTile) {
	if len(f.edge) <= level {
		f.edge = append(f.edge, nil)
	}
	n := size >> (TileHeight * (level + 1))
	var roots []Hash
	for len(hashes) > 0 {
		k := min(TileWidth-f.edge[level].width(), len(hashes))
		t := f.edge[level].extend(hashes[:k])
		hashes = hashes[k:]
		if f.edge[level] = t; t.width() == TileWidth {
			*full = append(*full, fullTile{level: level, n: n, tree: t})
			roots = append(roots, t.root())
			f.edge[level] = nil
			n++
		}
	}
	if len(roots) > 0 {
		f.push(size, level+1, roots, full)
	}
}

// node returns the node at p if it lies in the right edge.
func (f *frontier) node(p place) (Hash, bool) {
	if p.level >= len(f.edge) || f.size>>(TileHeight*(p.level+1)) != p.n {
		return Hash{}, false
	}
	if t := f.edge[p.level]; p.width() <= t.width() {
		return t.rows[p.row][p.i], true
	}
	return Hash{}, false
}

// root returns the tree's root hash. Every node it needs is the last complete
// one of its level: in the edge, or over a tile just filled, whose root then is
// in the edge above.
func (f *frontier) root() Hash {
	h, err := tlog.TreeHash(int64(f.size), tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		out := make([]Hash, len(indexes))
		for i, x := range indexes {
			h, ok := f.node(placeOf(x))
			if !ok {
				return nil, fmt.Errorf("ledger: node %d is not in the edge of size %d", x, f.size)
			}
			out[i] = h
		}
		return out, nil
	}))
	if err != nil { // the edge is wrong: no root is better than a false one
		panic(err)
	}
	return h
}
