package disclose

import (
	"context"
	"errors"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

// Book opens the records of a record's person that lie in the reader's scope and
// are what their facilities hold true now, newest first: the health book as this
// reader may have it. Closed ones are absent from it. Each record named is a
// disclosure with its own row, durable before any is opened. Faults are Open's.
func (d *Discloser) Book(ctx context.Context, reader Reader, id dossier.ID, limit int) ([]*Opened, error) {
	list, basis, err := d.related(ctx, reader, id, limit)
	if err != nil {
		return nil, err
	}
	var book []*Opened
	for i := range list {
		if s := list[i].State(); !s.IsAccepted() || !list[i].Withdraws.IsZero() {
			continue
		}
		o, err := d.open(ctx, &list[i], basis)
		switch {
		case errors.Is(err, ErrCompartment), errors.Is(err, store.ErrAbsent):
		case err != nil:
			return nil, err
		default:
			book = append(book, o)
		}
	}
	return book, nil
}
