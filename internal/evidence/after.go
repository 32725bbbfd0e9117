package evidence

import (
	"context"
	"fmt"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// BeginAfter begins the log that w holds, where it is empty and logs before it
// were closed at a restore: its first leaves are the last known checkpoints of
// those, one each in the order of their numbers (DESIGN §5). It returns the
// heads of the closed logs; none where nothing had to be done.
func (w *Writer) BeginAfter(ctx context.Context, l store.Ledger) ([]store.Head, error) {
	if w.Head().Size > 0 {
		return nil, nil
	}
	numbers, err := l.Logs(ctx)
	if err != nil {
		return nil, err
	}
	var closed []store.Head
	var leaves [][]byte
	for _, n := range numbers {
		h, err := l.Head(ctx, n)
		if err != nil {
			return nil, err
		}
		if h.Closed != nil {
			closed = append(closed, h)
			leaves = append(leaves, ledger.StatementLeaf(ledger.LeafRestore, h.Closed))
		}
	}
	if len(closed) == 0 {
		return nil, nil
	}
	if _, err := l.Append(ctx, leaves); err != nil {
		return nil, fmt.Errorf("evidence: beginning a log after a restore: %w", err)
	}
	return closed, nil
}
