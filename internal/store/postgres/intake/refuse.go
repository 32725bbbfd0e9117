package intake

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/clock"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/counters"
	"lienthong/internal/store/postgres/handle"
)

// Refuse keeps refusals. A refusal that is there already (its caller did not
// learn that it was kept) is neither kept nor counted again.
func (i *Intake) Refuse(ctx context.Context, refusals []store.Refusal) error {
	if len(refusals) == 0 {
		return nil
	}
	for _, r := range refusals {
		texts := []string{string(r.ID.Facility), r.Sender, r.Code}
		for _, d := range r.Deltas {
			texts = append(texts, d.Kind, d.Measure, d.Purpose)
		}
		if err := store.CheckText(texts...); err != nil {
			return err
		}
	}
	tx, err := i.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	fresh := make([]bool, len(refusals))
	b := tx.Batch()
	for n, r := range refusals {
		b.Queue(`INSERT INTO refusal (facility, serial, facility_version, at, day, sender, size, digest, code, lane)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (facility, serial) DO NOTHING`,
			string(r.ID.Facility), handle.UUID(r.ID.Serial), r.FacilityVersion, handle.Micros(r.At), clock.Day(r.At),
			r.Sender, r.Size, r.Digest[:], r.Code, int16(r.Lane)).Exec(func(tag pgconn.CommandTag) error {
			fresh[n] = tag.RowsAffected() > 0
			return nil
		})
	}
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	var sums counters.Sums
	for n, r := range refusals {
		if fresh[n] {
			for _, d := range r.Deltas {
				sums.Add(d, time.Time{})
			}
		}
	}
	last := tx.Batch()
	sums.Queue(last)
	return handle.Fault(tx.Commit(ctx, last))
}
