// Package errand hands out work and follows it: tasks of units and facilities are
// opened, moved on, held up and ended by those who may; what counts as wrong
// becomes a task by itself and ends by itself when it is right; who is late is
// reminded. Which step may follow which package duty says; pages and print are
// elsewhere.
package errand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/shelf"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Directory keeps units as facilities and carriers know them; store.Facilities has it.
type Directory interface {
	Change(ctx context.Context, change store.DirectoryChange, act store.Act) error
}

// Database is what is asked of a specialised database.
type Database struct {
	ID      string
	Name    fault.Text
	Steward string // id of a unit
}

// Deps is what a desk works with.
type Deps struct {
	Tasks     house.Duties
	Items     house.DutyItems
	Units     Directory                            // nil: units are kept here only
	Facility  func() *facility.Directory           // who there is
	Databases func() []Database                    // nil: none
	Closed    func(role.Role, string) bool         // a role may not be told the numbers of a database; nil: all may
	Tell      func(context.Context, Telling) error // tells outside that tasks are late; nil: nobody is told
	Clock     clock.Clock
}

// Desk is where work is handed out.
type Desk struct {
	Deps
	mu     sync.Mutex
	units  *duty.Units
	loaded time.Time
	debts  sync.Mutex // one round at a time
	late   shelf.Shelf[[2]int64]
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Tasks == nil || d.Items == nil || d.Facility == nil || d.Clock == nil {
		return nil, errors.New("errand: tasks, items, facilities and clock are needed")
	}
	return &Desk{Deps: d}, nil
}

// Who acts.
type Who struct {
	Role role.Role
	Name string // as acts name people: role and mark of the session
}

// hub is the hub itself: what it does nobody pressed.
func hub() Who { return Who{Role: role.Role{Kind: role.Operator}, Name: "hub"} }

var (
	// ErrMay: who asks may not do this.
	ErrMay = fault.New(fault.Withheld, "task.may_not",
		"Vai trò này không làm được bước này. Bộ và đầu mối giao việc; chủ trì cập nhật tiến độ.",
		"This role may not take this step. The ministry and its focal unit assign; the owner reports progress.")
	// ErrTwice: the form was sent before.
	ErrTwice = fault.New(fault.Conflict, "task.twice",
		"Biểu mẫu này đã gửi rồi. Xem trong danh sách nhiệm vụ.", "This form was sent before. See the list of tasks.")
	// ErrNobody: no facility has the code.
	ErrNobody = fault.New(fault.Invalid, "task.facility",
		"Không có cơ sở khám chữa bệnh mang mã này.", "No facility has this code.")
	// ErrClosed: the task tells numbers of a closed database.
	ErrClosed = fault.New(fault.Conflict, "task.closed",
		"Nhiệm vụ này nêu số liệu của một cơ sở dữ liệu từ hồ sơ khép kín; chỉ đơn vị quản lý cơ sở dữ liệu đó chủ trì được.",
		"This task tells numbers of a database made from closed records; only the unit that manages the database can own it.")
	// ErrMany: none, or more tasks than one act moves.
	ErrMany = fault.New(fault.TooLarge, "task.many",
		"Mỗi lần từ 1 đến 10.000 nhiệm vụ.", "From 1 to 10,000 tasks at once.")
)

// most is how many tasks one call moves, each how many one transaction keeps.
const (
	most = 10_000
	each = 500
)

// AllUnits returns all units. What another process changed is seen within seconds.
func (d *Desk) AllUnits(ctx context.Context) (*duty.Units, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.Clock.Now(); d.units == nil || now.Sub(d.loaded) > 5*time.Second || now.Before(d.loaded) {
		changed, err := newest[duty.Unit](ctx, d.Items, sortUnit)
		if err != nil {
			return nil, err
		}
		d.units, d.loaded = duty.NewUnits(changed), now
	}
	return d.units, nil
}

func (d *Desk) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.units = nil
}

// Today is the day in Hanoi.
func (d *Desk) Today() int { return clock.Day(d.Clock.Now()) }

// parties is who a role owns tasks as: units, or a facility.
func (d *Desk) parties(u *duty.Units, r role.Role) (units []string, code care.FacilityCode) {
	switch r.Kind {
	case role.Unit, role.Partner:
		return []string{r.ID}, ""
	case role.Province:
		for _, x := range u.All() { // those that are no more too, as their tasks may be there still
			switch {
			case x.Kind != duty.Province || x.Province != r.ID:
			case x.Stands(d.Today()):
				units = slices.Insert(units, 0, x.ID)
			default:
				units = append(units, x.ID)
			}
		}
		return units, ""
	case role.Insurer:
		return u.OfKind(duty.Insurer), ""
	case role.Facility:
		return nil, care.FacilityCode(r.ID)
	}
	return nil, ""
}

// Sight is what a role sees of tasks.
func (d *Desk) Sight(ctx context.Context, r role.Role) (duty.Sight, error) {
	if !r.May(role.Duty) {
		return duty.Sight{}, nil
	}
	u, err := d.AllUnits(ctx)
	if err != nil {
		return duty.Sight{}, err
	}
	var s duty.Sight
	for _, b := range d.databases() {
		if d.Closed != nil && d.Closed(r, b.ID) {
			s.Closed = append(s.Closed, b.ID)
		}
	}
	if d.assigns(u, r) {
		s.All = true
		return s, nil
	}
	s.Units, s.Facility = d.parties(u, r)
	switch r.Kind {
	case role.Province:
		s.Province = r.ID
	case role.Unit:
		s.ManagedBy = r.ID
		if s.Databases, err = d.databasesOf(ctx, r.ID); err != nil {
			return duty.Sight{}, err
		}
	}
	return s, nil
}

// assigns reports whether a role hands out work to anybody: the operator, the
// ministry, and the focal unit while it stands.
func (d *Desk) assigns(u *duty.Units, r role.Role) bool {
	switch r.Kind {
	case role.Operator, role.Ministry:
		return true
	case role.Unit:
		unit, ok := u.Get(r.ID)
		return ok && unit.Focal && unit.Stands(d.Today())
	}
	return false
}

// Assigns reports whether a role hands out work to anybody.
func (d *Desk) Assigns(ctx context.Context, r role.Role) (bool, error) {
	u, err := d.AllUnits(ctx)
	return err == nil && d.assigns(u, r), err
}

// Rights is what a reader may do with a task.
type Rights struct {
	Assign bool // day due, owner, cancel, reopen, remind
	Step   bool // start, block, unblock, finish
	Note   bool
}

// Allows reports whether the rights have a step.
func (r Rights) Allows(what string) bool {
	switch what {
	case duty.StepDue, duty.StepMoved, duty.StepCancelled, duty.StepReopened, duty.StepReminded:
		return r.Assign
	case duty.StepStarted, duty.StepBlocked, duty.StepUnblocked, duty.StepDone:
		return r.Step
	case duty.StepNoted:
		return r.Note
	}
	return false
}

// rights says what a role may do with a task: who assigns may all, the owner steps,
// a successor has the tasks of who is no more, others in sight may say something
// when they are a unit.
func (d *Desk) rights(u *duty.Units, r role.Role, t *duty.Task) Rights {
	if d.assigns(u, r) {
		return Rights{Assign: true, Step: true, Note: true}
	}
	units, code := d.parties(u, r)
	is := func(p duty.Party) bool {
		return p.Unit() != "" && slices.Contains(units, p.Unit()) || code != "" && p.Facility() == code
	}
	owner := is(t.Owner())
	if !owner && t.Unit != "" {
		s, ok := u.Follow(t.Unit, d.Today())
		owner = ok && slices.Contains(units, s.ID)
	}
	return Rights{Step: owner, Note: owner || is(t.BlockedBy) || r.Kind == role.Province || r.Kind == role.Unit}
}

// act is the statement of what was done.
func (d *Desk) act(who Who, action, object string, detail any) (store.Act, error) {
	b, err := json.Marshal(detail)
	if err != nil {
		return store.Act{}, fmt.Errorf("errand: %w", err)
	}
	a := store.Act{At: d.Clock.Now(), Actor: who.Name, Action: action, Object: object, Detail: string(b)}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	return a, nil
}

// there checks that a party is there to own a task or to hold one up:
// duty.ErrUnit, duty.ErrDissolved, ErrNobody.
func (d *Desk) there(u *duty.Units, p duty.Party) error {
	if id := p.Unit(); id != "" {
		_, err := u.Standing(id, d.Today())
		return err
	}
	if _, ok := d.Facility().Current(p.Facility()); !ok {
		return ErrNobody
	}
	return nil
}

// closed refuses to hand a task to somebody who may not see it: ErrClosed.
func (d *Desk) closed(t *duty.Task, to duty.Party) error {
	r := role.Role{Kind: role.Unit, ID: to.Unit()}
	if r.ID == "" {
		r = role.Role{Kind: role.Facility, ID: string(to.Facility())}
	}
	if d.Closed != nil && t.Source.Kind == duty.FromDebt && t.Database != "" && d.Closed(r, t.Database) {
		return ErrClosed
	}
	return nil
}

// place is where a task's facility is now, and which unit manages it.
func (d *Desk) place(t *duty.Task) (province, unit string) {
	if v, ok := d.Facility().Current(t.Facility); ok {
		return v.Province, v.Unit
	}
	return "", ""
}
