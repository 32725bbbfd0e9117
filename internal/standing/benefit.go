package standing

import (
	"context"
	"fmt"
	"time"

	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
)

// TestsHold is for how long a result is taken to hold for the count of SL.31. It is
// a question of the count, not a rule of medicine.
const TestsHold = 14 * 24 * time.Hour

// Benefit is what having data once saved in a month, as far as can be counted.
type Benefit struct {
	Month     Month
	Delivered house.Delivered
	Avoided   int64 // SL.28: deliveries beyond the first of each record
	Looks     int64 // all
	Replaced  int64 // SL.29: looks by other facilities
	Elsewhere int64 // SL.30: records they opened
	Tested    house.Tested
	At        time.Time
	Marks     []Mark
}

// Benefit computes a month. The answer must not be changed.
func (d *Desk) Benefit(ctx context.Context, m Month) (*Benefit, error) {
	now := d.Clock.Now()
	return d.gains.Get(now, keep(m, now), fmt.Sprint(m), func() (*Benefit, error) {
		b := &Benefit{Month: m, At: now}
		first, last := m.Days()
		sums, err := d.sums(ctx, role.Scope{All: true}, first, last, []string{insight.MeasureLookUp, measureElsewhere})
		if err != nil {
			return nil, err
		}
		b.Looks, b.Replaced = sumOf(sums, insight.MeasureLookUp), sumOf(sums, measureElsewhere)
		if b.Delivered, err = d.Benefits.Delivered(ctx, m.Span()); err != nil {
			return nil, err
		}
		b.Avoided = b.Delivered.Legs - b.Delivered.Records
		if b.Elsewhere, err = d.Looks.Elsewhere(ctx, m.Span(), d.Bases); err != nil {
			return nil, err
		}
		if b.Tested, err = d.Benefits.Tested(ctx, m.Span(), TestsHold); err != nil {
			return nil, err
		}
		b.Marks, err = d.Marks(ctx)
		return b, err
	})
}
