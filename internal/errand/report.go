package errand

import (
	"cmp"
	"context"
	"slices"

	"lienthong/internal/duty"
	"lienthong/internal/role"
)

// listed is how many tasks a list of a report shows; the numbers are of all.
const listed = 200

// mostBlocked is how many blocked tasks the bottlenecks are made from.
const mostBlocked = 50_000

// Report is what a meeting looks at: done from one day to another (both counted),
// and what is late and held up now, in a reader's sight.
func (d *Desk) Report(ctx context.Context, r role.Role, from, to int) (*duty.Report, error) {
	if !duty.ValidDay(from) || !duty.ValidDay(to) || to < from {
		return nil, duty.ErrDay
	}
	sight, err := d.Sight(ctx, r)
	if err != nil {
		return nil, err
	}
	today := d.Today()
	rep := &duty.Report{From: from, To: to, Today: today}
	if rep.ByOwner, err = d.Tasks.Count(ctx, duty.Filter{Sight: sight, Open: true}, duty.ByOwner, today); err != nil {
		return nil, err
	}
	period := duty.Filter{Sight: sight, Ended: true, From: from, To: duty.AddDays(to, 1)}
	ended, err := d.Tasks.Count(ctx, period, duty.ByOwner, today)
	if err != nil {
		return nil, err
	}
	rep.ByOwner = together(rep.ByOwner, ended)
	for _, c := range rep.ByOwner {
		rep.Total.Open += c.Open
		rep.Total.Late += c.Late
		rep.Total.Blocked += c.Blocked
		rep.Total.Done += c.Done
		rep.Total.Cancelled += c.Cancelled
	}
	byLate(rep.ByOwner)
	for _, part := range []struct {
		f  duty.Filter
		to *[]duty.Task
	}{
		{duty.Filter{Sight: sight, State: duty.Done, From: from, To: period.To}, &rep.Done},
		{duty.Filter{Sight: sight, Late: today}, &rep.Late},
		{duty.Filter{Sight: sight, State: duty.Blocked}, &rep.Blocked},
	} {
		part.f.Limit = listed + 1
		if *part.to, err = d.Tasks.Tasks(ctx, part.f); err != nil {
			return nil, err
		}
		if len(*part.to) > listed {
			*part.to, rep.More = (*part.to)[:listed], true
		}
	}
	return rep, d.bottlenecks(ctx, rep, sight)
}

// together puts what is open and what ended in the period into one line of each owner.
func together(open, ended []duty.Count) []duty.Count {
	at := map[string]int{}
	for i := range open {
		at[open[i].Key] = i
	}
	for _, c := range ended {
		if i, ok := at[c.Key]; ok {
			open[i].Done, open[i].Cancelled = c.Done, c.Cancelled
			continue
		}
		open = append(open, duty.Count{Key: c.Key, Done: c.Done, Cancelled: c.Cancelled})
	}
	return open
}

func (d *Desk) bottlenecks(ctx context.Context, rep *duty.Report, sight duty.Sight) error {
	var blocked []duty.Task
	err := d.every(ctx, duty.Filter{Sight: sight, State: duty.Blocked}, func(page []duty.Task) error {
		blocked = append(blocked, page...)
		if len(blocked) > mostBlocked {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		rep.More, err = true, nil
	}
	rep.Bottlenecks = duty.Bottlenecks(blocked, rep.Today)
	return err
}

type enough struct{}

func (enough) Error() string { return "enough" }

var errEnough error = enough{}

// byLate orders counts by owner: the most late first, then the most open.
func byLate(all []duty.Count) {
	slices.SortFunc(all, func(a, b duty.Count) int {
		return cmp.Or(cmp.Compare(b.Late, a.Late), cmp.Compare(b.Blocked, a.Blocked), cmp.Compare(b.Open, a.Open), cmp.Compare(a.Key, b.Key))
	})
}
