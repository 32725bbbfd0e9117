package disclose

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"lienthong/internal/store"
)

// abreast is how many records of one look are opened at once: most of it is
// waiting for the store, the rest is shared between processors.
const abreast = 4

// openEach opens records in their order, several at once. One that turns out to
// be closed or gone is nil; any other error ends the look.
func (d *Discloser) openEach(ctx context.Context, k *look, list []entry) ([]*Opened, error) {
	out := make([]*Opened, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(abreast)
	for i := range list {
		if r := &list[i].record; holdsTrue(r) {
			group.Go(guarded(func() (err error) {
				out[i], err = d.open(ctx, r, k.opens(&list[i]))
				if errors.Is(err, ErrCompartment) || errors.Is(err, store.ErrAbsent) {
					out[i], err = nil, nil
				}
				return err
			}))
		}
	}
	return out, group.Wait()
}

// guarded turns a panic into an error: what a reader of documents trips over ends
// a look, and not the hub.
func guarded(fn func() error) func() error {
	return func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("disclose: opening a record: panic: %v\n%s", v, debug.Stack())
			}
		}()
		return fn()
	}
}
