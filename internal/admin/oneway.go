package admin

import (
	"cmp"
	"context"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
)

// ErrTwoWays: a facility's visits would reach health books by two ways.
var ErrTwoWays = fault.New(fault.Conflict, "route.two_ways",
	"Mỗi cơ sở chỉ có một đường vào sổ sức khỏe điện tử: direct hoặc via_insurer. Tắt đường kia trước (off).",
	"A facility has one way into the health book: direct or via_insurer. Turn the other off first.")

// healthBook is the bridge to citizens' health books.
const healthBook = "vneid"

// oneWay refuses a route into a health book where another one leads the same
// facility there. Within one destination the newest route holds alone.
func (o *Office) oneWay(ctx context.Context, d exchange.Destination, r exchange.Route) error {
	into := func(m exchange.Mode) bool { return m.Sends() || m == exchange.ViaInsurer }
	if d.Adapter != healthBook || !into(r.Mode) {
		return nil
	}
	all, routes, err := o.Destinations.Destinations(ctx)
	if err != nil {
		return err
	}
	plan := exchange.NewPlan(all, append(routes, r))
	kind := cmp.Or(r.Kind, "qd4750")
	for _, other := range all {
		if other.ID == d.ID || other.Adapter != healthBook || !other.Ended.IsZero() {
			continue
		}
		codes := []care.FacilityCode{r.Facility}
		for _, x := range routes {
			if r.Facility == "" && x.Destination == other.ID {
				codes = append(codes, x.Facility)
			}
		}
		for _, code := range codes {
			if into(plan.Mode(other.ID, code, kind)) && into(plan.Mode(d.ID, code, kind)) {
				return ErrTwoWays
			}
		}
	}
	return nil
}
