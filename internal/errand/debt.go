package errand

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/duty"
	"lienthong/internal/fault"
	"lienthong/internal/night"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Limits is when a number counts as wrong, and how its task goes. They are data:
// whoever assigns changes them.
type Limits struct {
	Percent  int    `json:"percent"`  // of checks that must pass; default 95
	Least    int64  `json:"least"`    // fewer checks than that say nothing; default 20
	Window   int    `json:"window"`   // days that are looked at, today among them; default 30
	Due      [4]int `json:"due"`      // days a task has, by the field's priority: of none, 1, 2, 3; default 30, 7, 14, 30
	Each     int    `json:"each"`     // open debts of one owner at most, the worst first; default 20
	Grace    int    `json:"grace"`    // hours a task ended by hand is left alone while the number is still wrong; default 24
	Before   int    `json:"before"`   // days before its day a task is reminded of; default 3
	Again    int    `json:"again"`    // days between reminders of a late task; default 7
	Disabled bool   `json:"disabled"` // no debts are made
}

// WithDefaults fills what is zero.
func (l Limits) WithDefaults() Limits {
	fill := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	fill(&l.Percent, 95)
	fill(&l.Window, 30)
	fill(&l.Each, 20)
	fill(&l.Grace, 24)
	fill(&l.Before, 3)
	fill(&l.Again, 7)
	if l.Least == 0 {
		l.Least = 20
	}
	for i, to := range [4]int{30, 7, 14, 30} {
		fill(&l.Due[i], to)
	}
	return l
}

// ErrLimits: limits that cannot be.
var ErrLimits = fault.New(fault.Invalid, "task.limits",
	"Ngưỡng từ 1 đến 100 %; các số ngày từ 1 đến 366; số việc mỗi chủ trì từ 1 đến 200.",
	"The threshold is 1 to 100 %, numbers of days 1 to 366, tasks of one owner 1 to 200.")

// Check reports why limits cannot be kept.
func (l Limits) Check() error {
	in := func(n, most int) bool { return n >= 1 && n <= most }
	ok := in(l.Percent, 100) && l.Least >= 1 && in(l.Window, 366) && in(l.Each, 200) && in(l.Grace, 24*30) && in(l.Before, 60) && in(l.Again, 366)
	for _, n := range l.Due {
		ok = ok && in(n, 366)
	}
	if !ok {
		return ErrLimits
	}
	return nil
}

// Limits returns those that hold.
func (d *Desk) Limits(ctx context.Context) (Limits, error) {
	all, err := newest[Limits](ctx, d.Items, sortSetting)
	if err != nil || len(all) == 0 {
		return Limits{}.WithDefaults(), err
	}
	return all[0].WithDefaults(), nil
}

// PutLimits changes them: ErrLimits, ErrMay.
func (d *Desk) PutLimits(ctx context.Context, who Who, l Limits) error {
	u, err := d.AllUnits(ctx)
	if err != nil {
		return err
	}
	if !d.assigns(u, who.Role) {
		return ErrMay
	}
	l = l.WithDefaults()
	if err := l.Check(); err != nil {
		return err
	}
	versions, err := d.Items.ItemVersions(ctx, sortSetting, "debts")
	if err != nil {
		return err
	}
	item, err := d.item(who, sortSetting, "debts", len(versions)+1, l)
	if err != nil {
		return err
	}
	act, err := d.act(who, "task.limits", "debts", map[string]any{"limits": l, "rows": marksOf([]house.Item{item})})
	if err != nil {
		return err
	}
	return d.Items.PutItems(ctx, []house.Item{item}, act)
}

// Number is a number as it was counted.
type Number struct {
	Passed, Of int64
	Figure     string // where it can be seen: id of a figure with its statement, a page of scores
}

// Right reports whether it reaches a percentage.
func (n Number) Right(percent int) bool { return n.Of > 0 && n.Passed*100 >= int64(percent)*n.Of }

func (n Number) evidence(text string) duty.Evidence {
	e := duty.Evidence{Text: text, Passed: n.Passed, Of: n.Of}
	if n.Figure != "" {
		e.Kind, e.Ref = "figure", n.Figure
	}
	return e
}

// Wrong is one number that is not right, of one who can mend it.
type Wrong struct {
	Debt     string // names it, always the same: "score/qd4750/sufficient.XML1.SO_CCCD/facility:79901"
	Owner    duty.Party
	Database string
	Check    string
	Title    fault.Text
	Priority int // 1 to 3, 0 none
	Number   Number
}

// Counter says what is wrong.
type Counter interface {
	// Wrong returns all that is wrong by the limits, and of the debts that are open
	// those that are right, with their numbers. What cannot be counted now is in neither.
	Wrong(ctx context.Context, l Limits, open []string) (wrong []Wrong, right map[string]Number, err error)
}

// Raise opens the task of a debt for the hub, or opens it again where it had ended
// by itself; it returns its number. A debt that has an open task, or one that
// somebody cancelled, keeps it. t.Debt names it.
func (d *Desk) Raise(ctx context.Context, t duty.Task) (string, error) {
	held, err := d.Tasks.Debts(ctx, []string{t.Debt})
	if err != nil {
		return "", err
	}
	if len(held) > 0 {
		h := &held[0]
		if h.State == duty.Done {
			_, err = d.takeAll(ctx, hub(), "task.reopened", held, func(*duty.Task) duty.Step { return again(t.Due, t.Evidence) })
		}
		return h.ID, err
	}
	if t.Source.Kind == "" {
		t.Source.Kind = duty.FromDebt
	}
	made, step, err := duty.New(t, d.Clock.Now(), hub().Name)
	if err != nil {
		return "", err
	}
	ids, err := d.keepNew(ctx, hub(), "task.raised", "", []duty.Change{{Task: made, Step: step}})
	if errors.Is(err, store.ErrTaken) { // somebody raised it this moment
		if held, err = d.Tasks.Debts(ctx, []string{t.Debt}); err == nil && len(held) > 0 {
			return held[0].ID, nil
		}
	}
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func again(due int, e duty.Evidence) duty.Step {
	return duty.Step{What: duty.StepReopened, Due: due, Why: "Số liệu lại chưa đạt / the number is wrong again", Evidence: e}
}

// Settle ends the task of a debt with what shows that it is right. One that is not
// there, or has ended, is left: done is false.
func (d *Desk) Settle(ctx context.Context, debt string, e duty.Evidence) (done bool, err error) {
	held, err := d.Tasks.Debts(ctx, []string{debt})
	if err != nil {
		return false, err
	}
	n, err := d.takeAll(ctx, hub(), "task.settled", held, func(*duty.Task) duty.Step {
		return duty.Step{What: duty.StepDone, Evidence: e}
	})
	return n > 0, err
}

// Round looks at what is wrong once: new debts become tasks, those that are right
// end, those that are wrong again are opened again. It can be called at any time
// and by several hubs at once.
func (d *Desk) Round(ctx context.Context, c Counter) (night.Report, error) {
	d.debts.Lock()
	defer d.debts.Unlock()
	var r night.Report
	l, err := d.Limits(ctx)
	if err != nil || l.Disabled || c == nil {
		return r, err
	}
	open := map[string]duty.Task{}
	load := map[duty.Party]int{}
	var wrongly []duty.Task // their database has been closed since
	if err := d.every(ctx, duty.Filter{Sight: duty.Sight{All: true}, Source: duty.FromDebt}, func(page []duty.Task) error {
		for _, t := range page {
			if t.Facility != "" && d.closed(&t, t.Owner()) != nil {
				wrongly = append(wrongly, t)
				continue
			}
			open[t.Debt] = t
			load[t.Owner()]++
		}
		return nil
	}); err != nil {
		return r, err
	}
	keys := make([]string, 0, len(open))
	for k := range open {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	n, err := d.takeAll(ctx, hub(), "task.cancelled", wrongly, func(*duty.Task) duty.Step {
		return duty.Step{What: duty.StepCancelled, Why: "Cơ sở dữ liệu đã khép kín / the database has been closed"}
	})
	r.Changed = int64(n)
	if err != nil {
		return r, err
	}
	wrong, right, err := c.Wrong(ctx, l, keys)
	if err != nil {
		return r, err
	}
	r.Seen = int64(len(wrong) + len(right))
	n, err = d.settle(ctx, l, open, right)
	r.Changed += int64(n)
	if err != nil {
		return r, err
	}
	n, err = d.raise(ctx, l, open, load, wrong)
	r.Changed += int64(n)
	return r, err
}

// settle ends the open tasks of what is right.
func (d *Desk) settle(ctx context.Context, l Limits, open map[string]duty.Task, right map[string]Number) (int, error) {
	var tasks []duty.Task
	for debt, n := range right {
		if t, ok := open[debt]; ok && n.Right(l.Percent) {
			tasks = append(tasks, t)
		}
	}
	slices.SortFunc(tasks, func(a, b duty.Task) int { return cmpID(a.ID, b.ID) })
	return d.takeAll(ctx, hub(), "task.settled", tasks, func(t *duty.Task) duty.Step {
		return duty.Step{What: duty.StepDone, Evidence: right[t.Debt].evidence("")}
	})
}

func cmpID(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// raise opens what is wrong and has no open task, the worst first.
func (d *Desk) raise(ctx context.Context, l Limits, open map[string]duty.Task, load map[duty.Party]int, wrong []Wrong) (int, error) {
	fresh := slices.DeleteFunc(slices.Clone(wrong), func(w Wrong) bool { _, ok := open[w.Debt]; return ok })
	slices.SortStableFunc(fresh, worse)
	debts := make([]string, len(fresh))
	for i := range fresh {
		debts[i] = fresh[i].Debt
	}
	held, err := d.Tasks.Debts(ctx, debts)
	if err != nil {
		return 0, err
	}
	ended := map[string]duty.Task{}
	for _, t := range held {
		ended[t.Debt] = t
	}
	now, today := d.Clock.Now(), d.Today()
	var changes []duty.Change
	var reopen []duty.Task
	steps := map[string]duty.Step{}
	for _, w := range fresh {
		t, was := ended[w.Debt]
		if was && t.State != duty.Done && t.State != duty.Cancelled { // another hub raised it this moment
			load[w.Owner]++
			continue
		}
		if was && (t.State != duty.Done || d.byHand(&t) && now.Sub(t.Closed) < time.Duration(l.Grace)*time.Hour) || load[w.Owner] >= l.Each {
			continue
		}
		load[w.Owner]++
		due := duty.AddDays(today, l.Due[min(max(w.Priority, 0), 3)])
		if was {
			reopen = append(reopen, t)
			steps[t.ID] = again(due, w.Number.evidence(""))
			continue
		}
		x := duty.Task{Title: w.Title, Source: duty.Source{Kind: duty.FromDebt}, Database: w.Database, Check: w.Check, Debt: w.Debt, Due: due, Evidence: w.Number.evidence("")}
		x.Own(w.Owner)
		made, step, err := duty.New(x, now, hub().Name)
		if err != nil {
			return 0, fmt.Errorf("errand: debt %s: %w", w.Check, err)
		}
		changes = append(changes, duty.Change{Task: made, Step: step})
	}
	n, err := d.takeAll(ctx, hub(), "task.reopened", reopen, func(t *duty.Task) duty.Step { return steps[t.ID] })
	if err != nil {
		return n, err
	}
	m, err := d.raiseNew(ctx, changes)
	return n + m, err
}

// byHand reports whether somebody ended the task, not the number.
func (d *Desk) byHand(t *duty.Task) bool { return t.Evidence.Of == 0 }

// worse orders by priority (1 first, none last), then by how far from right.
func worse(a, b Wrong) int {
	rank := func(w Wrong) int {
		if w.Priority == 0 {
			return 4
		}
		return w.Priority
	}
	if x := rank(a) - rank(b); x != 0 {
		return x
	}
	// a.Passed/a.Of < b.Passed/b.Of without fractions
	if x, y := a.Number.Passed*b.Number.Of, b.Number.Passed*a.Number.Of; x != y {
		if x < y {
			return -1
		}
		return 1
	}
	return cmpID(a.Debt, b.Debt)
}

// raiseNew numbers and keeps new debts; what another hub raised meanwhile is left.
func (d *Desk) raiseNew(ctx context.Context, changes []duty.Change) (int, error) {
	done := 0
	for part := range slices.Chunk(changes, each) {
		ids, err := d.keepNew(ctx, hub(), "task.raised", "", part)
		if errors.Is(err, store.ErrTaken) {
			var n int
			n, err = d.keepMost(ctx, hub(), "task.raised", part)
			done += n
		} else {
			done += len(ids)
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
