package disclose

import (
	"context"

	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/store"
)

// Paper gives one paper beside the file a record came in, n from 1 in the order
// of Opened.Papers, with its own seal. It is a look like Sent, and its row is
// written first. Faults: those of Sent; record.absent without such a paper.
func (d *Discloser) Paper(ctx context.Context, reader Reader, id dossier.ID, n int) (evidence.Paper, error) {
	sent, _, err := d.Sent(ctx, reader, id)
	if err != nil {
		return evidence.Paper{}, err
	}
	if n < 1 || n > len(sent.Papers) {
		return evidence.Paper{}, store.ErrAbsent
	}
	return sent.Papers[n-1], nil
}
