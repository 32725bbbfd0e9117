package errand

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Open opens tasks for people. form is the mark of the form they were sent with:
// the same form opens nothing twice (ErrTwice); "" where there is none. The ministry
// and the focal unit open for anybody, a province for itself and facilities of its
// own, a unit for itself and facilities it manages, a facility for itself. All are
// looked at before the first is kept; they are kept 500 at a time, so that where the
// store fails between, the first stand.
func (d *Desk) Open(ctx context.Context, who Who, form string, tasks ...duty.Task) ([]string, error) {
	if len(tasks) == 0 || len(tasks) > most {
		return nil, ErrMany
	}
	u, err := d.AllUnits(ctx)
	if err != nil {
		return nil, err
	}
	programmes, err := d.Programmes(ctx)
	if err != nil {
		return nil, err
	}
	changes := make([]duty.Change, len(tasks))
	for i := range tasks {
		t := tasks[i]
		t.Debt = ""
		if !slices.Contains(duty.Sources(), t.Source.Kind) {
			return nil, duty.ErrSource
		}
		made, step, err := duty.New(t, d.Clock.Now(), who.Name)
		if err != nil {
			return nil, err
		}
		if err := d.known(u, programmes, &made); err != nil {
			return nil, err
		}
		if !d.mayOpen(u, who.Role, &made) {
			return nil, ErrMay
		}
		changes[i] = duty.Change{Task: made, Step: step}
	}
	return d.keepNew(ctx, who, "task.open", form, changes)
}

func (d *Desk) mayOpen(u *duty.Units, r role.Role, t *duty.Task) bool {
	if d.assigns(u, r) {
		return true
	}
	if !r.May(role.Duty) {
		return false
	}
	units, code := d.parties(u, r)
	province, unit := d.place(t)
	return t.Unit != "" && slices.Contains(units, t.Unit) || code != "" && t.Facility == code ||
		r.Kind == role.Province && province == r.ID || r.Kind == role.Unit && unit == r.ID
}

// known refuses owners, programmes and databases nobody knows.
func (d *Desk) known(u *duty.Units, programmes []duty.Programme, t *duty.Task) error {
	if err := d.there(u, t.Owner()); err != nil {
		return err
	}
	if t.Source.Kind == duty.FromProgramme && !slices.ContainsFunc(programmes, func(p duty.Programme) bool { return p.ID == t.Source.Ref }) {
		return duty.ErrSource
	}
	if t.Database != "" && !slices.ContainsFunc(d.databases(), func(b Database) bool { return b.ID == t.Database }) {
		return duty.ErrDatabase
	}
	return nil
}

// keepNew numbers new tasks and keeps them, some at a time; each part has its act, the
// first the form they came by: ErrTwice.
func (d *Desk) keepNew(ctx context.Context, who Who, action, form string, changes []duty.Change) ([]string, error) {
	ids := make([]string, 0, len(changes))
	for part := range slices.Chunk(changes, each) {
		at := part[0].Task.Opened
		first, err := d.Tasks.Numbers(ctx, at, len(part))
		if err != nil {
			return ids, err
		}
		for i := range part {
			part[i].Task.ID = duty.Number(at.In(clock.Hanoi).Year(), first+int64(i))
		}
		if err := d.keep(ctx, who, action, form, part); form != "" && errors.Is(err, store.ErrTaken) {
			return ids, ErrTwice
		} else if err != nil {
			return ids, err
		}
		form = ""
		for i := range part {
			ids = append(ids, part[i].Task.ID)
		}
	}
	return ids, nil
}

// told is what an act says of the tasks it moved.
type told struct {
	Tasks []string `json:"tasks"` // the first hundred of them
	N     int      `json:"n"`
	Owner string   `json:"owner,omitempty"` // of one
	Due   int      `json:"due,omitempty"`
	By    string   `json:"by,omitempty"`
	Step  int      `json:"step,omitempty"`
	Rows  []string `json:"rows"` // marks of all of them and of their steps
}

// keep commits changes with one act that names them, and with the form that new ones
// came by ("" none).
func (d *Desk) keep(ctx context.Context, who Who, action, form string, changes []duty.Change) error {
	say := told{N: len(changes)}
	if len(changes) == 1 {
		t := &changes[0].Task
		say.Owner, say.Due, say.By, say.Step = string(t.Owner()), t.Due, string(changes[0].Step.By), t.Version
	}
	for i := range changes {
		say.Rows = append(say.Rows, house.TaskMark(&changes[i].Task), house.TaskStepMark(changes[i].Task.ID, &changes[i].Step))
	}
	for i := range changes[:min(len(changes), 100)] {
		say.Tasks = append(say.Tasks, changes[i].Task.ID)
	}
	act, err := d.act(who, action, changes[0].Task.ID, say)
	if err != nil {
		return err
	}
	if form == "" {
		return d.Tasks.Put(ctx, changes, act)
	}
	return d.Tasks.Open(ctx, house.Form{By: "task/" + who.Role.String(), Mark: form, Until: d.Clock.Now().Add(48 * time.Hour)}, changes, act)
}

// Take takes a step of one task, seen at a version (0: whichever). Faults: ErrMay,
// duty.ErrStep and what duty.Take says, store.ErrChanged; a task out of sight is
// store.ErrAbsent.
func (d *Desk) Take(ctx context.Context, who Who, id string, seen int, s duty.Step) (*duty.Task, error) {
	view, err := d.Look(ctx, who.Role, id)
	if err != nil {
		return nil, err
	}
	if seen != 0 && seen != view.Task.Version {
		return nil, store.ErrChanged
	}
	if !view.Rights.Allows(s.What) {
		return nil, ErrMay
	}
	u, err := d.AllUnits(ctx)
	if err != nil {
		return nil, err
	}
	s.At, s.Actor = d.Clock.Now(), who.Name
	next, step, err := duty.Take(view.Task, s)
	if err != nil {
		return nil, err
	}
	switch s.What {
	case duty.StepBlocked:
		err = d.there(u, s.By)
	case duty.StepMoved:
		if err = d.there(u, s.Owner); err == nil {
			err = d.closed(&view.Task, s.Owner)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := d.keep(ctx, who, "task."+s.What, "", []duty.Change{{Task: next, Step: step}}); err != nil {
		return nil, err
	}
	return &next, nil
}

// View is a task as one reader may have it.
type View struct {
	Task     duty.Task
	Steps    []duty.Step
	Rights   Rights
	Province string    // of its facility now
	Answers  duty.Unit // who answers for its unit now; zero: nobody, or it is a facility's
	Orphan   bool      // its unit is no more and has no successor
}

// Look returns one with its history; store.ErrAbsent where it is out of sight.
func (d *Desk) Look(ctx context.Context, r role.Role, id string) (*View, error) {
	sight, err := d.Sight(ctx, r)
	if err != nil {
		return nil, err
	}
	u, err := d.AllUnits(ctx)
	if err != nil {
		return nil, err
	}
	t, err := d.Tasks.Task(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &View{Task: *t, Rights: d.rights(u, r, t)}
	var managed string
	v.Province, managed = d.place(t)
	if !sight.Sees(t, v.Province, managed) && (sight.None() || sight.Hides(t) || !v.Rights.Step) {
		return nil, store.ErrAbsent
	}
	if t.Unit != "" {
		var ok bool
		v.Answers, ok = u.Follow(t.Unit, d.Today())
		v.Orphan = !ok
	}
	v.Steps, err = d.Tasks.Steps(ctx, t.ID)
	return v, err
}

// List returns a page of tasks in a reader's sight; more: others follow.
func (d *Desk) List(ctx context.Context, r role.Role, f duty.Filter) (all []duty.Task, more bool, err error) {
	if f.Sight, err = d.Sight(ctx, r); err != nil {
		return nil, false, err
	}
	limit := 50
	if f.Limit > 0 {
		limit = min(f.Limit, 999)
	}
	f.Limit = limit + 1
	all, err = d.Tasks.Tasks(ctx, f)
	if len(all) > limit {
		return all[:limit], true, err
	}
	return all, false, err
}

// Count counts tasks in a reader's sight.
func (d *Desk) Count(ctx context.Context, r role.Role, f duty.Filter, by duty.Dimension) (_ []duty.Count, err error) {
	if f.Sight, err = d.Sight(ctx, r); err != nil {
		return nil, err
	}
	return d.Tasks.Count(ctx, f, by, d.Today())
}

// Late counts the tasks that a role sees and that are not ended, and those of them
// that are due before today. Where there are very many it may be some seconds old.
func (d *Desk) Late(ctx context.Context, r role.Role) (late, open int64, err error) {
	sight, err := d.Sight(ctx, r)
	if err != nil {
		return 0, 0, err
	}
	today := d.Today()
	n, err := d.late.Get(d.Clock.Now(), 0, fmt.Sprint(today, sight), func() (n [2]int64, err error) {
		n[0], n[1], err = d.Tasks.Late(ctx, sight, today)
		return n, err
	})
	return n[0], n[1], err
}

// Mine is the party a role owns tasks as, "" where it owns none.
func (d *Desk) Mine(ctx context.Context, r role.Role) (duty.Party, error) {
	u, err := d.AllUnits(ctx)
	if err != nil {
		return "", err
	}
	units, code := d.parties(u, r)
	switch {
	case code != "":
		return duty.FacilityParty(code), nil
	case len(units) > 0:
		return duty.UnitParty(units[0]), nil
	}
	return "", nil
}

// every calls do with the tasks of a filter, page by page; do may change them so
// that they leave it.
func (d *Desk) every(ctx context.Context, f duty.Filter, do func([]duty.Task) error) error {
	f.Limit = 1000
	for {
		page, err := d.Tasks.Tasks(ctx, f)
		if err != nil || len(page) == 0 {
			return err
		}
		f.After = f.Next(&page[len(page)-1])
		if err := do(page); err != nil {
			return err
		}
	}
}

// takeAll takes a step of many tasks, some at a time. What does not follow, or was
// changed meanwhile, is left; it returns how many were moved.
func (d *Desk) takeAll(ctx context.Context, who Who, action string, tasks []duty.Task, step func(*duty.Task) duty.Step) (int, error) {
	done := 0
	for part := range slices.Chunk(tasks, each) {
		var changes []duty.Change
		for i := range part {
			s := step(&part[i])
			s.At, s.Actor = d.Clock.Now(), who.Name
			if next, taken, err := duty.Take(part[i], s); err == nil {
				changes = append(changes, duty.Change{Task: next, Step: taken})
			}
		}
		n, err := d.keepMost(ctx, who, action, changes)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// keepMost keeps changes together, and where somebody changed one of them meanwhile,
// the others without it.
func (d *Desk) keepMost(ctx context.Context, who Who, action string, changes []duty.Change) (int, error) {
	if len(changes) == 0 {
		return 0, nil
	}
	err := d.keep(ctx, who, action, "", changes)
	switch raced := errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrTaken); {
	case err == nil:
		return len(changes), nil
	case !raced:
		return 0, err
	case len(changes) == 1:
		return 0, nil
	}
	half := len(changes) / 2
	a, err := d.keepMost(ctx, who, action, changes[:half])
	if err != nil {
		return a, err
	}
	b, err := d.keepMost(ctx, who, action, changes[half:])
	return a + b, err
}
