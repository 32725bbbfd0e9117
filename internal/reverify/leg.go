package reverify

import (
	"context"

	"lienthong/internal/dossier"
	"lienthong/internal/reverify/carried"
	"lienthong/internal/reverify/doors"
	"lienthong/internal/reverify/house"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// doors holds the ways in and out against the acts, and keeps what those say of
// routes for the records' legs.
func (w *walk) doors(ctx context.Context) error {
	book, found, err := doors.Check(ctx, doors.Of(w.Slices))
	if err != nil {
		return w.unreadable(ctx, "destination", err)
	}
	w.book = book
	w.differAll(found)
	made, unheld, err := house.Check(ctx, house.Stores{Acts: w.Slices.Audit.Acts, House: w.Slices.House, Vault: w.Vault, Sample: w.opts.Sample})
	if err != nil {
		return w.unreadable(ctx, "house", err)
	}
	w.report.Unheld = unheld
	for _, f := range made {
		w.differ(f.Code, f.Table, f.Row, f.Field)
	}
	return nil
}

func (w *walk) differAll(found []doors.Finding) {
	for _, f := range found {
		w.differ(f.Code, f.Table, f.Row, f.Field)
	}
}

// readLegs reads the legs of the records of a part.
func (w *walk) readLegs(ctx context.Context, records []walked) error {
	if w.Slices.Legs == nil || w.book == nil || len(records) == 0 {
		return nil
	}
	ids := make([]dossier.ID, len(records))
	for i := range ids {
		ids[i] = records[i].r.ID
	}
	legs, n, err := carried.Read(ctx, w.Slices.Legs, ids)
	if err != nil {
		return w.unreadable(ctx, "leg", err)
	}
	w.legs = legs
	w.report.Legs += n
	return nil
}

// carriedOf holds the legs of a record against it. What committed since the walk
// began is not looked at.
func (w *walk) carriedOf(r *store.Record, late, whole bool) {
	if w.legs == nil || w.since(r) {
		return
	}
	w.differAll(carried.Wrong(w.book, r, w.legs[r.ID], late, whole))
}

// carried does so where the record's episode is known; of a withdrawal it looks
// where the record had gone that it takes back.
func (c *checked) carried(ctx context.Context, episode vault.Keyed) error {
	c.carriedOf(c.r, c.overtaken, true)
	for i := range c.legs[c.r.ID] {
		if l := &c.legs[c.r.ID][i]; l.Episode != episode {
			c.differ("leg.edited", "leg", c.name+" "+l.Destination, "episode")
		}
	}
	if c.legs == nil || c.r.Withdraws.IsZero() || c.since(c.r) {
		return nil
	}
	target, err := c.Slices.Legs.Of(ctx, c.r.Withdraws)
	if err != nil {
		return err
	}
	c.differAll(carried.Untold(c.book, c.r, c.legs[c.r.ID], target))
	return nil
}

// lost looks for legs of no record: where there are more legs than the records
// had, each is asked for its own.
func (w *walk) lost(ctx context.Context) error {
	if w.Slices.Legs == nil || w.book == nil {
		return nil
	}
	found, err := carried.Lost(ctx, w.Slices.Legs, w.report.Legs, func(id dossier.ID) (bool, error) {
		r, err := w.get(ctx, id)
		return r != nil, err
	})
	w.differAll(found)
	return w.unreadable(ctx, "leg", err)
}
