package evidence

import (
	"context"
	"sync"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// freshBatches is how many commits stay at hand: receipts are asked for right
// after their commit, or much later.
const freshBatches = 64

// Writer is the log this process holds. It is the store's Log, and keeps the
// last confirmed batches so that their receipts need no read.
type Writer struct {
	*ledger.Log
	log int

	mu   sync.Mutex
	ring [freshBatches]*ledger.Batch
	next int
}

// OpenWriter opens the leased log with key.
func OpenWriter(ctx context.Context, key *ledger.LogKey, head store.Head, source ledger.Source) (*Writer, error) {
	l, err := ledger.Open(ctx, key, head.Head, source)
	if err != nil {
		return nil, err
	}
	return &Writer{Log: l, log: head.Log}, nil
}

// Confirm confirms the batch and keeps it at hand.
func (w *Writer) Confirm(b *ledger.Batch) {
	w.Log.Confirm(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ring[w.next%freshBatches] = b
	w.next++
}

// Number is n of <hub>/log/<n>.
func (w *Writer) Number() int { return w.log }

func (w *Writer) fresh(log int, size uint64) *ledger.Batch {
	if w == nil || w.log != log {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.ring {
		if b != nil && b.Head.Size == size {
			return b
		}
	}
	return nil
}

func (w *Writer) reader(log int) *ledger.Reader {
	if w == nil || w.log != log {
		return nil
	}
	return w.Log.Reader()
}
