package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/fault"
)

var (
	// ErrPending: a batch is out whose end is not yet told; one at a time.
	ErrPending = fault.New(fault.Conflict, "ledger.pending",
		"Sổ nhật ký đang ghi một nhóm khác.", "The log is writing another batch.")
	// ErrInDoubt: it is not known whether a batch was committed; the head must
	// be read again (Resolve) before anything is signed.
	ErrInDoubt = fault.New(fault.Busy, "ledger.in_doubt",
		"Chưa rõ lần ghi trước đã xong hay chưa; đang đọc lại. Gửi lại sau.",
		"It is not yet known whether the last write took place; it is being read again. Send again later.")
	// ErrHead: the stored head is not the one this writer knows: another
	// writer had the log, or the store was changed. Open it anew.
	ErrHead = fault.New(fault.Broken, "ledger.head",
		"Đầu sổ nhật ký không phải của máy này.", "The log's head is not the one this writer left.")
)

// Head is the row a store keeps for each log: its last committed state.
type Head struct {
	Origin     string // "<hub>/log/<n>"
	Epoch      int64  // of the writer's lease; the store refuses an older one
	Size       uint64
	Checkpoint []byte // the signed note at Size; nil for an empty log
}

// Log is the writer's state of one log. Life of a batch: Append computes what a
// commit must write, the store commits it, and the caller tells how that ended:
// Confirm, Abandon (certainly not committed) or Doubt and then Resolve. Until
// then nothing else is appended, and until Confirm nobody outside may see the
// batch's checkpoint. Safe for concurrent use.
type Log struct {
	key    *LogKey
	reader *Reader

	mu      sync.Mutex
	head    Head
	front   frontier
	pending *Batch
	inDoubt bool
	failed  error // why nothing may be signed any more
}

// Batch is what one commit writes to the log.
type Batch struct {
	First  uint64   // index of the first leaf
	Leaves [][]byte // leaf data, in order
	Tiles  []Tile   // the tiles they filled, lower levels first
	Root   Hash
	Head   Head // the head row after the commit; its checkpoint is the commit's

	reader *Reader
	front  frontier
	full   []fullTile
}

// Open restores the log key signs, at head, from the store's leaves and tiles.
// An origin that is not the key's is ErrKey; a checkpoint that is not the key's
// or does not match leaves and tiles is ErrDamaged.
func Open(ctx context.Context, key *LogKey, head Head, src Source) (*Log, error) {
	if head.Origin != key.Origin() {
		return nil, ErrKey.Because(errors.New("the key is another log's"))
	}
	l := &Log{key: key, reader: NewReader(src, 0), head: head}
	if head.Size == 0 {
		if len(head.Checkpoint) > 0 {
			if cp, err := OpenCheckpoint(head.Checkpoint, key.Verifier()); err != nil || cp.Size != 0 {
				return nil, ErrDamaged.Because(errors.New("the head is empty and its checkpoint is not"))
			}
		}
		return l, nil
	}
	cp, err := OpenCheckpoint(head.Checkpoint, key.Verifier())
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	if cp.Size != head.Size {
		return nil, ErrDamaged.Because(errors.New("head and checkpoint differ in size"))
	}
	if l.front, err = edgeAt(ctx, l.reader, head.Size); err != nil {
		return nil, err
	}
	if l.front.root() != cp.Root {
		return nil, ErrDamaged.Because(errors.New("leaves and tiles do not give the checkpoint's root"))
	}
	return l, nil
}

// edgeAt reads the right edge of the tree of the given size.
func edgeAt(ctx context.Context, r *Reader, size uint64) (frontier, error) {
	f := frontier{size: size}
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		f.edge = append(f.edge, nil)
		entries := size >> (TileHeight * level)
		w := int(entries % TileWidth)
		if w == 0 {
			continue
		}
		hashes, err := r.below(ctx, level, entries-uint64(w), entries)
		if errors.Is(err, ErrAbsent) {
			err = ErrDamaged.Because(fmt.Errorf("level %d of the right edge is not complete", level))
		}
		if err != nil {
			return frontier{}, err
		}
		f.edge[level] = (*subtree)(nil).extend(hashes)
	}
	return f, nil
}

// Head returns the last confirmed head.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Reader returns a reader of what is committed; it shares the log's cache.
func (l *Log) Reader() *Reader { return l.reader }

// Append computes the commit that adds leaves: indexes, new full tiles, root
// and signed checkpoint. Nothing has happened to the log until Confirm.
func (l *Log) Append(leaves [][]byte) (*Batch, error) {
	hashes := make([]Hash, len(leaves))
	for i, leaf := range leaves {
		if _, _, err := ParseLeaf(leaf); err != nil {
			return nil, err
		}
		hashes[i] = tlog.RecordHash(leaf)
	}
	if len(leaves) == 0 {
		return nil, ErrLeaf.Because(errors.New("no leaf"))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failed != nil:
		return nil, l.failed
	case l.inDoubt:
		return nil, ErrInDoubt
	case l.pending != nil:
		return nil, ErrPending
	case l.front.size+uint64(len(leaves)) > MaxSize:
		return nil, ErrDamaged.Because(errors.New("the log is full"))
	}
	b := &Batch{First: l.front.size, Leaves: leaves, reader: l.reader, front: l.front}
	b.full = b.front.extend(hashes)
	for _, t := range b.full {
		b.Tiles = append(b.Tiles, Tile{Level: t.level, N: t.n, Data: t.tree.data(TileWidth)})
	}
	b.Root = b.front.root()
	note, err := l.key.Checkpoint(b.front.size, b.Root)
	if err != nil {
		return nil, err
	}
	b.Head = Head{Origin: l.head.Origin, Epoch: l.head.Epoch, Size: b.front.size, Checkpoint: note}
	l.pending = b
	return b, nil
}

// Confirm says that b's commit took place; its checkpoint may now leave. A
// batch that is not the one out is a defect of the caller: the log then signs
// nothing more (ErrHead) until it is opened anew.
func (l *Log) Confirm(b *Batch) { l.end(b, true) }

// Abandon says that b's commit certainly did not take place. As with Confirm,
// the batch must be the one out.
func (l *Log) Abandon(b *Batch) { l.end(b, false) }

func (l *Log) end(b *Batch, committed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b == nil || l.pending != b {
		l.failed = ErrHead.Because(errors.New("told of a batch that is not out"))
		return
	}
	l.pending, l.inDoubt = nil, false
	if !committed {
		return
	}
	l.head, l.front = b.Head, b.front
	for _, t := range b.full {
		l.reader.keep(tileKey{t.level, t.n}, t.tree)
	}
}

// Doubt says that nobody knows how b's commit ended. Append answers ErrInDoubt
// until Resolve (or Confirm or Abandon by who has read the head again).
func (l *Log) Doubt(b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b == nil || l.pending != b {
		l.failed = ErrHead.Because(errors.New("told of a batch that is not out"))
		return
	}
	l.inDoubt = true
}

// Resolve ends the doubt with the head read again from the store. It reports
// whether the doubted batch was committed; a head that is neither the batch's
// nor the one before is ErrHead: another writer had the log, and this one
// signs nothing more.
func (l *Log) Resolve(stored Head) (committed bool, err error) {
	l.mu.Lock()
	pending, before, inDoubt := l.pending, l.head, l.inDoubt
	l.mu.Unlock()
	switch {
	case !inDoubt:
		return false, ErrHead.Because(errors.New("nothing is in doubt"))
	case sameHead(stored, pending.Head):
		l.Confirm(pending)
		return true, nil
	case sameHead(stored, before):
		l.Abandon(pending)
		return false, nil
	}
	l.mu.Lock()
	l.failed = ErrHead
	l.mu.Unlock()
	return false, ErrHead
}

func sameHead(a, b Head) bool {
	return a.Origin == b.Origin && a.Epoch == b.Epoch && a.Size == b.Size && string(a.Checkpoint) == string(b.Checkpoint)
}

// Index returns the log index of the batch's i-th leaf.
func (b *Batch) Index(i int) uint64 { return b.First + uint64(i) }

// Prove returns the audit paths of indexes in the tree as the batch leaves it.
// For the batch's own leaves it reads nothing; older ones may read the Source.
func (b *Batch) Prove(ctx context.Context, indexes ...uint64) ([]Proof, error) {
	return prove(b.hashes(ctx), b.front.size, indexes)
}

func (b *Batch) hashes(ctx context.Context) tlog.HashReaderFunc {
	return func(indexes []int64) ([]Hash, error) {
		out := make([]Hash, len(indexes))
		for i, x := range indexes {
			h, err := b.node(ctx, placeOf(x))
			if err != nil {
				return nil, err
			}
			out[i] = h
		}
		return out, nil
	}
}

func (b *Batch) node(ctx context.Context, p place) (Hash, error) {
	if h, ok := b.front.node(p); ok {
		return h, nil
	}
	for _, t := range b.full {
		if t.level == p.level && t.n == p.n {
			return t.tree.rows[p.row][p.i], nil
		}
	}
	return b.reader.node(ctx, p)
}
