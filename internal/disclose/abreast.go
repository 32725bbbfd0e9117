package disclose

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"

	"lienthong/internal/store"
)

// abreast is how many records of one look are opened at once: most of it is
// waiting for the store, the rest is shared between processors.
const abreast = 4

// asked is how many records are asked for at once: a few of them lie in memory, sealed.
const asked = 32

// openEach opens records in their order, several at once. One that turns out to
// be closed or gone is nil; any other error ends the look.
func (d *Discloser) openEach(ctx context.Context, k *look, list []entry) ([]*Opened, error) {
	out := make([]*Opened, len(list))
	var wanted []int
	for i := range list {
		if holdsTrue(&list[i].record) {
			wanted = append(wanted, i)
		}
	}
	for some := range slices.Chunk(wanted, asked) {
		if err := d.openSome(ctx, k, list, some, out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// openSome opens those of a list that some names, into their places.
func (d *Discloser) openSome(ctx context.Context, k *look, list []entry, some []int, out []*Opened) error {
	var kept []store.Kept
	err := guarded(func() (err error) {
		records := make([]*store.Record, len(some))
		for n, i := range some {
			records[n] = &list[i].record
		}
		kept, err = d.kept(ctx, records)
		return err
	})()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(abreast)
	for n, i := range some {
		group.Go(guarded(func() (err error) {
			out[i], err = d.openKept(ctx, &list[i].record, &kept[n], k.opens(&list[i]))
			if errors.Is(err, ErrCompartment) || errors.Is(err, store.ErrAbsent) {
				out[i], err = nil, nil
			}
			return err
		}))
	}
	return group.Wait()
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
