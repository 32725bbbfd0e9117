package night

import (
	"context"

	"lienthong/internal/clock"
	"lienthong/internal/store/house"
)

// Wrong returns the jobs of the last nights that somebody must look at: whose
// self-check found a difference, and those that are not tried again by themselves. Of
// a job that looks at what is now the last night counts, of others each night that is
// caught up.
func (r *Runner) Wrong(ctx context.Context) (unequal, failed []house.Night, err error) {
	first := r.last().AddDate(0, 0, 1-r.c.CatchUp)
	all, err := r.d.Nights.Nights(ctx, clock.Day(first), 0)
	if err != nil {
		return nil, nil, err
	}
	newest := map[string]int{}
	for _, n := range all {
		newest[n.Job] = max(newest[n.Job], n.Day)
	}
	for _, j := range r.d.Jobs {
		for _, n := range all {
			switch {
			case n.Job != j.ID || j.Present && n.Day != newest[n.Job]:
			case n.State == house.NightDone && n.Unequal > 0:
				unequal = append(unequal, n)
			case n.State == house.NightFailed && n.Tries >= r.c.Tries:
				failed = append(failed, n)
			}
		}
	}
	return unequal, failed, nil
}
