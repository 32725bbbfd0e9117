package disclose

import (
	"context"
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/policy"
	"lienthong/internal/store"
)

// Book opens the records of a record's person that lie in the reader's scope and
// are what their facilities hold true now, newest first: the health book as this
// reader may have it. Closed ones are absent from it. Each record named is a
// disclosure with its own row, durable before any is opened. Faults are Open's.
func (d *Discloser) Book(ctx context.Context, reader Reader, id dossier.ID, limit int) ([]*Opened, error) {
	k, list, err := d.related(ctx, reader, policy.Read, id, limit)
	if err != nil {
		return nil, err
	}
	return d.openAll(ctx, k, list)
}

// openAll opens those of permitted records that are what their facilities hold
// true now; their rows are written.
func (d *Discloser) openAll(ctx context.Context, k *look, list []entry) ([]*Opened, error) {
	book, err := d.openEach(ctx, k, list)
	if err != nil {
		return nil, err
	}
	book = slices.DeleteFunc(book, func(o *Opened) bool { return o == nil })
	if k.own != nil {
		book = append(book, k.own)
	}
	return book, nil
}

// holdsTrue reports whether a record is what its facility says now.
func holdsTrue(r *store.Record) bool { return r.State().IsAccepted() && r.Withdraws.IsZero() }
