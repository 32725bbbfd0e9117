package disclose

import (
	"context"

	"lienthong/internal/policy"
	"lienthong/internal/store"
)

// ChartPage is Chart, page by page: it opens at most limit records strictly older
// than before (the zero Cursor: the newest) and returns where the next page
// begins, the zero Cursor after the last.
func (d *Discloser) ChartPage(ctx context.Context, reader Reader, person store.PersonID, before store.Cursor, limit int) ([]*Opened, store.Cursor, error) {
	k, list, err := d.ofPerson(ctx, reader, policy.Read, person, store.Filter{Before: before, Limit: limit}, holdsTrue)
	if err != nil {
		return nil, store.Cursor{}, err
	}
	var next store.Cursor
	if len(list) > 0 && len(list) >= min(limit, most) {
		last := list[len(list)-1].record
		next = store.Cursor{At: last.Received, ID: last.ID}
	}
	opened, err := d.openAll(ctx, k, list)
	return opened, next, err
}
