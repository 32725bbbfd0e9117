package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"lienthong/internal/backup"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Holds reports whether this hub's logs hold what the report says was
// restored: each log named had that root at that size.
func (p *Place) Holds(ctx context.Context, r *backup.Report) error {
	open, err := p.Open(Quiet().Logger)
	if err != nil {
		return err
	}
	slices, err := open(ctx, nil)
	if err != nil {
		return err
	}
	for _, l := range r.Logs {
		head, e := slices.Ledger.Head(ctx, l.Log)
		if e == nil && head.Size < l.Size {
			e = errors.New("this hub's log is shorter")
		}
		if e == nil && l.Size > 0 {
			root, err := ledger.NewReader(slices.Ledger.Source(l.Log), 0).Root(ctx, l.Size)
			if e = err; e == nil && !bytes.Equal(root[:], l.Root) {
				e = errors.New("this hub's log is another")
			}
		}
		if e != nil {
			err = backup.ErrReport.Because(fmt.Errorf("log %d: %w", l.Log, e))
		}
	}
	return errors.Join(err, slices.Close())
}

// WithSlices opens the place's store without its log.
func (p *Place) WithSlices(ctx context.Context, do func(*store.Slices) error) error {
	open, err := p.Open(Quiet().Logger)
	if err != nil {
		return err
	}
	slices, err := open(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(do(slices), slices.Close())
}
