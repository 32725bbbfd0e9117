package house

import (
	"context"
	"time"

	"lienthong/internal/duty"
	"lienthong/internal/store/base"
)

// Duties keeps tasks with every step. There are no rules here: which step may
// follow package duty says.
type Duties interface {
	// Numbers takes n numbers of the year of a moment (in Hanoi) and returns the first.
	Numbers(ctx context.Context, at time.Time, n int) (int64, error)
	// Put keeps tasks and their steps together, with one act (none of the zero act):
	// a first version, or the next of what is there, else ErrChanged. A first version
	// whose Debt another task has is ErrTaken.
	Put(ctx context.Context, changes []duty.Change, act base.Act) error
	// Open keeps first versions as Put does, together with the mark of the form they
	// came by: ErrTaken, and nothing, where one of that mark came before.
	Open(ctx context.Context, form Form, changes []duty.Change, act base.Act) error
	// Task returns one as it stands: ErrAbsent.
	Task(ctx context.Context, id string) (*duty.Task, error)
	// Steps returns every step of a task, oldest first.
	Steps(ctx context.Context, id string) ([]duty.Step, error)
	// Tasks returns those of a filter: by day due, ended ones by when they ended,
	// newest first.
	Tasks(ctx context.Context, f duty.Filter) ([]duty.Task, error)
	// Count counts those of a filter, by a dimension; late are those due before
	// today. Filter.State, All, Late, After and Limit do not count; with Ended or Open
	// those alone are counted.
	Count(ctx context.Context, f duty.Filter, by duty.Dimension, today int) ([]duty.Count, error)
	// Late counts the tasks in sight that are not ended, and those of them that are
	// due before today.
	Late(ctx context.Context, sight duty.Sight, today int) (late, open int64, err error)
	// Debts returns the tasks of debts, those that are there, in any order.
	Debts(ctx context.Context, debts []string) ([]duty.Task, error)
}

// Form is what a form is known by when it is sent again.
type Form struct {
	By    string // whose forms are not another's
	Mark  string
	Until time.Time // it is remembered
}

// Item is one version of something few: a unit, a role, a programme, a setting.
type Item struct {
	Sort    string // "unit", "role", "programme", "setting"
	ID      string
	Version int // from 1
	At      time.Time
	Actor   string
	Said    string // JSON
}

// DutyItems keeps units and what belongs to them, every version.
type DutyItems interface {
	// PutItems keeps next versions together with their act: each is one more than
	// what is there, else ErrChanged.
	PutItems(ctx context.Context, items []Item, act base.Act) error
	// Items returns the newest version of each of a sort, by ID.
	Items(ctx context.Context, sort string) ([]Item, error)
	// ItemVersions returns every version of one, oldest first.
	ItemVersions(ctx context.Context, sort, id string) ([]Item, error)
}
