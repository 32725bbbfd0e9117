package ledger

import (
	"container/list"
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// DefaultCache is how many tiles a Reader keeps when told nothing else: 16 KiB
// each, 8 MiB.
const DefaultCache = 512

// Reader serves tiles, entries and proofs of one log from its Source. Full
// tiles never change and partial ones only grow, so what it has read it keeps.
// It is safe for concurrent use.
type Reader struct {
	src Source

	mu    sync.Mutex
	limit int
	tiles map[tileKey]*list.Element
	order *list.List // of cachedTile, least used last
}

type tileKey struct {
	level int
	n     uint64
}

type cachedTile struct {
	key  tileKey
	tree *subtree
}

// NewReader returns a reader that keeps up to tiles tiles, DefaultCache for 0.
func NewReader(src Source, tiles int) *Reader {
	if tiles <= 0 {
		tiles = DefaultCache
	}
	return &Reader{src: src, limit: tiles, tiles: map[tileKey]*list.Element{}, order: list.New()}
}

func (r *Reader) cached(key tileKey) *subtree {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.tiles[key]
	if !ok {
		return nil
	}
	r.order.MoveToFront(e)
	return e.Value.(*cachedTile).tree
}

// keep caches t unless a wider one is there.
func (r *Reader) keep(key tileKey, t *subtree) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.tiles[key]; ok {
		if c := e.Value.(*cachedTile); c.tree.width() < t.width() {
			c.tree = t
		}
		r.order.MoveToFront(e)
		return
	}
	r.tiles[key] = r.order.PushFront(&cachedTile{key: key, tree: t})
	for len(r.tiles) > r.limit {
		last := r.order.Back()
		delete(r.tiles, r.order.Remove(last).(*cachedTile).key)
	}
}

// tile returns tile (level, n) with at least width hashes, or ErrAbsent.
func (r *Reader) tile(ctx context.Context, level int, n uint64, width int) (*subtree, error) {
	key := tileKey{level, n}
	t := r.cached(key)
	if t.width() >= width {
		return t, nil
	}
	full, err := r.stored(ctx, level, n)
	if err != nil {
		return nil, err
	}
	if full != nil {
		r.keep(key, full)
		return full, nil
	}
	hashes, err := r.below(ctx, level, n<<TileHeight+uint64(t.width()), n<<TileHeight+uint64(width))
	if err != nil {
		return nil, err
	}
	t = t.extend(hashes)
	r.keep(key, t)
	return t, nil
}

// stored returns the full tile as the store has it, nil where it has none.
func (r *Reader) stored(ctx context.Context, level int, n uint64) (*subtree, error) {
	data, err := r.src.Tile(ctx, level, n)
	if err != nil || data == nil {
		return nil, err
	}
	if len(data) != TileBytes {
		return nil, ErrDamaged.Because(fmt.Errorf("tile %d/%d has %d bytes", level, n, len(data)))
	}
	return (*subtree)(nil).extend(hashesOf(data)), nil
}

// below computes the entries [from, to) of level from leaves or lower tiles.
// Lower tiles are not cached: there may be 255 of them, each for one hash.
func (r *Reader) below(ctx context.Context, level int, from, to uint64) ([]Hash, error) {
	hashes := make([]Hash, 0, to-from)
	if level == 0 {
		leaves, err := r.src.Leaves(ctx, from, to)
		if err != nil {
			return nil, err
		}
		if uint64(len(leaves)) < to-from {
			return nil, ErrAbsent
		}
		for _, leaf := range leaves[:to-from] {
			if leaf == nil {
				return nil, ErrAbsent
			}
			hashes = append(hashes, tlog.RecordHash(leaf))
		}
		return hashes, nil
	}
	for n := from; n < to; n++ {
		t := r.cached(tileKey{level - 1, n})
		if t.width() < TileWidth {
			var err error
			if t, err = r.stored(ctx, level-1, n); err != nil {
				return nil, err
			}
			if t == nil {
				return nil, ErrAbsent
			}
		}
		hashes = append(hashes, t.root())
	}
	return hashes, nil
}

// node returns the tree node at p.
func (r *Reader) node(ctx context.Context, p place) (Hash, error) {
	t, err := r.tile(ctx, p.level, p.n, p.width())
	if err != nil {
		return Hash{}, err
	}
	return t.rows[p.row][p.i], nil
}

// hashes is the tlog view of the reader within ctx.
func (r *Reader) hashes(ctx context.Context) tlog.HashReaderFunc {
	return func(indexes []int64) ([]Hash, error) {
		out := make([]Hash, len(indexes))
		for i, x := range indexes {
			h, err := r.node(ctx, placeOf(x))
			if err != nil {
				return nil, err
			}
			out[i] = h
		}
		return out, nil
	}
}

// TileData returns the first width (1 to 256) hashes of tile (level, n), or
// ErrAbsent where the log does not reach that far.
func (r *Reader) TileData(ctx context.Context, level int, n uint64, width int) ([]byte, error) {
	if level < 0 || level > maxTileLevel || n > MaxSize>>TileHeight || width < 1 || width > TileWidth {
		return nil, ErrAbsent
	}
	t, err := r.tile(ctx, level, n, width)
	if err != nil {
		return nil, err
	}
	return t.data(width), nil
}

// EntryBundle returns the first width (1 to 256) leaves of bundle n as C2SP
// entry bundle: for each a big-endian uint16 length and the leaf data.
func (r *Reader) EntryBundle(ctx context.Context, n uint64, width int) ([]byte, error) {
	if n > MaxSize>>TileHeight || width < 1 || width > TileWidth {
		return nil, ErrAbsent
	}
	from := n << TileHeight
	leaves, err := r.src.Leaves(ctx, from, from+uint64(width))
	if err != nil {
		return nil, err
	}
	if len(leaves) < width {
		return nil, ErrAbsent
	}
	out := make([]byte, 0, width*64)
	for _, leaf := range leaves[:width] {
		if leaf == nil {
			return nil, ErrAbsent
		}
		if len(leaf) > MaxLeaf {
			return nil, ErrDamaged
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(leaf))), leaf...)
	}
	return out, nil
}

// Root returns the root hash of the tree of the given size.
func (r *Reader) Root(ctx context.Context, size uint64) (Hash, error) {
	if size > MaxSize {
		return Hash{}, ErrAbsent
	}
	return tlog.TreeHash(int64(size), r.hashes(ctx))
}

// Prove returns for each index its audit path in the tree of the given size.
func (r *Reader) Prove(ctx context.Context, size uint64, indexes ...uint64) ([]Proof, error) {
	return prove(r.hashes(ctx), size, indexes)
}

// ProveConsistency returns the proof that the tree of size older is a prefix
// of the tree of size newer. It is empty for equal sizes and for older = 0.
func (r *Reader) ProveConsistency(ctx context.Context, older, newer uint64) (Proof, error) {
	if older > newer || newer > MaxSize {
		return nil, ErrAbsent
	}
	if older == 0 || older == newer {
		return Proof{}, nil
	}
	p, err := tlog.ProveTree(int64(newer), int64(older), r.hashes(ctx))
	return Proof(p), err
}

func prove(r tlog.HashReader, size uint64, indexes []uint64) ([]Proof, error) {
	out := make([]Proof, len(indexes))
	for i, index := range indexes {
		if index >= size || size > MaxSize {
			return nil, ErrAbsent
		}
		p, err := tlog.ProveRecord(int64(size), int64(index), r)
		if err != nil {
			return nil, err
		}
		out[i] = Proof(p)
	}
	return out, nil
}

// CheckConsistency reports whether proof shows that the log with root older at
// olderSize is a prefix of the one with root newer at newerSize.
func CheckConsistency(proof Proof, older Checkpoint, newer Checkpoint) bool {
	switch {
	case older.Origin != newer.Origin || older.Size > newer.Size || newer.Size > MaxSize:
		return false
	case older.Size == newer.Size:
		return len(proof) == 0 && older.Root == newer.Root
	case older.Size == 0:
		return len(proof) == 0 && older.Root == emptyRoot()
	}
	return tlog.CheckTree(tlog.TreeProof(proof), int64(newer.Size), newer.Root, int64(older.Size), older.Root) == nil
}

// CheckInclusion reports whether proof shows that leaf data is at index of the
// tree with cp's size and root.
func CheckInclusion(proof Proof, cp Checkpoint, index uint64, data []byte) bool {
	if index >= cp.Size || cp.Size > MaxSize {
		return false
	}
	return tlog.CheckRecord(tlog.RecordProof(proof), int64(cp.Size), cp.Root, int64(index), tlog.RecordHash(data)) == nil
}

func emptyRoot() Hash {
	var f frontier
	return f.root()
}
