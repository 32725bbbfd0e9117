package errand

import (
	"context"
	"slices"

	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/night"
	"lienthong/internal/store"
)

// Telling is what is told outside once a day: numbers, nobody's words.
type Telling struct {
	Day   int
	Open  int64
	Late  int64
	Worst []duty.Count // by owner, the most late first, at most ten
}

// Remind reminds of tasks whose day is near or over, as the limits say; a task is
// reminded of at most once a day, unless its day is moved. It returns how many it looked at and reminded of,
// and tells outside where somebody is late.
func (d *Desk) Remind(ctx context.Context) (night.Report, error) {
	var r night.Report
	l, err := d.Limits(ctx)
	if err != nil {
		return r, err
	}
	today := d.Today()
	err = d.every(ctx, duty.Filter{Sight: duty.Sight{All: true}, Late: duty.AddDays(today, l.Before+1)}, func(page []duty.Task) error {
		r.Seen += int64(len(page))
		due := slices.DeleteFunc(page, func(t duty.Task) bool { return !remindNow(&t, l, today) })
		n, err := d.takeAll(ctx, hub(), "task.reminded", due, func(*duty.Task) duty.Step { return duty.Step{What: duty.StepReminded} })
		r.Changed += int64(n)
		return err
	})
	if err != nil || d.Tell == nil {
		return r, err
	}
	return r, d.tell(ctx, today)
}

// remindNow reports whether a task is reminded of on a day: once before its day,
// once when it has become late, and again every so often.
func remindNow(t *duty.Task, l Limits, today int) bool {
	last := 0
	if !t.Reminded.IsZero() {
		last = clock.Day(t.Reminded)
	}
	switch {
	case last == today:
		return false
	case !t.Late(today):
		return last == 0
	case last <= t.Due:
		return true
	}
	return duty.DaysBetween(last, today) >= l.Again
}

func (d *Desk) tell(ctx context.Context, today int) error {
	all, err := d.Tasks.Count(ctx, duty.Filter{Sight: duty.Sight{All: true}}, duty.ByOwner, today)
	if err != nil {
		return err
	}
	t := Telling{Day: today}
	for _, c := range all {
		t.Open += c.Open
		t.Late += c.Late
	}
	if t.Late == 0 {
		return nil
	}
	all = slices.DeleteFunc(all, func(c duty.Count) bool { return c.Late == 0 })
	byLate(all)
	t.Worst = all[:min(10, len(all))]
	return d.Tell(ctx, t)
}

// RemindAll reminds by hand of the tasks that are named: those a reader who assigns
// sees and that were not reminded of today. It returns of how many.
func (d *Desk) RemindAll(ctx context.Context, who Who, ids []string) (int, error) {
	if len(ids) == 0 || len(ids) > most {
		return 0, ErrMany
	}
	if may, err := d.Assigns(ctx, who.Role); err != nil || !may {
		if err == nil {
			err = ErrMay
		}
		return 0, err
	}
	today := d.Today()
	tasks, err := d.named(ctx, who, ids)
	if err != nil {
		return 0, err
	}
	tasks = slices.DeleteFunc(tasks, func(t duty.Task) bool { return !t.Reminded.IsZero() && clock.Day(t.Reminded) == today })
	return d.takeAll(ctx, who, "task.reminded", tasks, func(*duty.Task) duty.Step { return duty.Step{What: duty.StepReminded} })
}

// named reads the tasks of ids, each once; store.ErrAbsent where one is not there or
// out of the sight of one who assigns.
func (d *Desk) named(ctx context.Context, who Who, ids []string) ([]duty.Task, error) {
	sight, err := d.Sight(ctx, who.Role)
	if err != nil {
		return nil, err
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var tasks []duty.Task
	for _, id := range slices.Compact(ids) {
		t, err := d.Tasks.Task(ctx, id)
		if err == nil && sight.Hides(t) {
			err = store.ErrAbsent
		}
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, *t)
	}
	return tasks, nil
}

// TakeAll takes one step of many tasks, for who assigns: ErrMay; store.ErrAbsent
// where one is not there. It returns how many were moved; what does not follow is
// left as it is.
func (d *Desk) TakeAll(ctx context.Context, who Who, ids []string, s duty.Step) (int, error) {
	if s.What == duty.StepReminded {
		return d.RemindAll(ctx, who, ids)
	}
	if len(ids) == 0 || len(ids) > most {
		return 0, ErrMany
	}
	if may, err := d.Assigns(ctx, who.Role); err != nil || !may {
		if err == nil {
			err = ErrMay
		}
		return 0, err
	}
	u, err := d.AllUnits(ctx)
	if err != nil {
		return 0, err
	}
	for what, p := range map[string]duty.Party{duty.StepBlocked: s.By, duty.StepMoved: s.Owner} {
		if s.What == what {
			if _, err := duty.ParseParty(string(p)); err != nil {
				return 0, err
			}
			if err := d.there(u, p); err != nil {
				return 0, err
			}
		}
	}
	named, err := d.named(ctx, who, ids)
	if err != nil {
		return 0, err
	}
	var tasks []duty.Task
	var refused error
	for _, t := range named {
		probe := s
		probe.At = d.Clock.Now()
		_, _, err := duty.Take(t, probe)
		if err == nil && s.What == duty.StepMoved {
			err = d.closed(&t, s.Owner)
		}
		if err != nil {
			refused = err
			continue
		}
		tasks = append(tasks, t)
	}
	if len(tasks) == 0 && refused != nil {
		return 0, refused
	}
	return d.takeAll(ctx, who, "task."+s.What, tasks, func(*duty.Task) duty.Step { return s })
}
