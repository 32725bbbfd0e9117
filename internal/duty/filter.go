package duty

import (
	"slices"

	"lienthong/internal/care"
)

// Filter selects tasks. Zero fields select all.
type Filter struct {
	Sight     Sight
	Owner     Party
	Province  string // facilities of the province, and its health department (Health)
	Health    string // unit of Province
	Database  string
	Source    string
	Ref       string // with Source
	State     State
	Open      bool // Count: those that are not ended
	Ended     bool // done and cancelled; else, without State, those that are not
	All       bool // both
	Late      int  // yyyyMMdd: not ended, and due before that day
	BlockedBy Party
	Orphans   []string // units that are no more and have no successor: tasks of theirs
	From, To  int      // yyyyMMdd: ended from the first day to before the second; with Ended
	After     Cursor
	Limit     int // 0: 50; at most 1,000
}

// Cursor is where a page begins: after the task with that number, due on that day
// (yyyyMMdd), or, in lists of ended ones, ended at that microsecond.
type Cursor struct {
	At int64
	ID string
}

// Next is the cursor that follows a task in a list of the filter.
func (f Filter) Next(t *Task) Cursor {
	if f.EndedOnly() {
		return Cursor{t.Closed.UnixMicro(), t.ID}
	}
	return Cursor{int64(t.Due), t.ID}
}

// EndedOnly reports whether the filter lists ended tasks, by when they ended.
func (f Filter) EndedOnly() bool { return f.Ended || f.State.Ended() }

// Sight is what a reader may see of tasks. The zero Sight sees none.
type Sight struct {
	All       bool
	Units     []string          // tasks these own or hold up
	Facility  care.FacilityCode // tasks it owns or holds up
	Province  string            // and of facilities of the province
	ManagedBy string            // and of facilities that the unit manages
	Databases []string          // and about these
	Closed    []string          // but no debts of these databases: their numbers tell what records say
}

// None reports whether nothing is seen.
func (s Sight) None() bool {
	return !s.All && len(s.Units) == 0 && s.Facility == "" && s.Province == "" && s.ManagedBy == "" && len(s.Databases) == 0
}

// Hides reports whether a task is out of sight whoever owns it: what numbers of a
// closed database made.
func (s Sight) Hides(t *Task) bool {
	return t.Source.Kind == FromDebt && t.Database != "" && slices.Contains(s.Closed, t.Database)
}

// Sees reports whether a task is in sight. province and unit are those of the
// task's facility now, "" for a unit's.
func (s Sight) Sees(t *Task, province, unit string) bool {
	own := func(p Party) bool {
		return p != "" && (slices.Contains(s.Units, p.Unit()) && p.Unit() != "" || s.Facility != "" && p.Facility() == s.Facility)
	}
	switch {
	case s.Hides(t):
		return false
	case s.All, own(t.Owner()), own(t.BlockedBy), t.Database != "" && slices.Contains(s.Databases, t.Database):
		return true
	}
	return t.Facility != "" && (s.Province != "" && province == s.Province || s.ManagedBy != "" && unit == s.ManagedBy)
}

// Dimension is what tasks are counted by.
type Dimension string

// The dimensions.
const (
	ByAll      Dimension = ""
	ByOwner    Dimension = "owner"
	ByDatabase Dimension = "database"
	ByBlocker  Dimension = "blocker"
	BySource   Dimension = "source"
)

// Count is how many tasks there are of one value of a dimension.
type Count struct {
	Key       string `json:"key"`
	Open      int64  `json:"open"` // not ended; of them:
	Late      int64  `json:"late"`
	Blocked   int64  `json:"blocked"`
	Done      int64  `json:"done"`
	Cancelled int64  `json:"cancelled"`
	Oldest    int    `json:"oldest,omitempty"` // the earliest day due of those not ended
}

// Tally adds n tasks of a key and state to counts that are in order of their keys.
func Tally(all []Count, key string, state State, late bool, n int64, due int) []Count {
	if len(all) == 0 || all[len(all)-1].Key != key {
		all = append(all, Count{Key: key})
	}
	c := &all[len(all)-1]
	switch state {
	case Done:
		c.Done += n
		return all
	case Cancelled:
		c.Cancelled += n
		return all
	case Blocked:
		c.Blocked += n
	}
	c.Open += n
	if late {
		c.Late += n
	}
	if c.Oldest == 0 || due < c.Oldest {
		c.Oldest = due
	}
	return all
}
