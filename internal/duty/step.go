package duty

import (
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// What happened to a task.
const (
	StepOpened    = "opened"
	StepStarted   = "started"
	StepBlocked   = "blocked"
	StepUnblocked = "unblocked"
	StepDone      = "done"
	StepCancelled = "cancelled"
	StepReopened  = "reopened"
	StepDue       = "due"      // the day was moved
	StepMoved     = "moved"    // another owner
	StepNoted     = "noted"    // a remark
	StepReminded  = "reminded" // the owner was told again
)

// Steps lists what may follow the opening.
func Steps() []string {
	return []string{StepStarted, StepBlocked, StepUnblocked, StepDone, StepCancelled, StepReopened, StepDue, StepMoved, StepNoted, StepReminded}
}

// Step is one step of a task, with who took it.
type Step struct {
	N        int       `json:"n"` // version of the task it made; given by Take
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	What     string    `json:"what"`
	Why      string    `json:"why,omitempty"`     // words: required when blocked, cancelled, reopened, moved, with another day
	By       Party     `json:"by,omitempty"`      // blocked: who holds it up
	Owner    Party     `json:"owner,omitempty"`   // moved: who has it now; opened: who had it first
	Due      int       `json:"due,omitempty"`     // due, reopened, opened: the day
	Evidence Evidence  `json:"evidence,omitzero"` // done, noted
}

var (
	// ErrStep: the step does not follow the state.
	ErrStep = fault.New(fault.Conflict, "task.step",
		"Nhiệm vụ đã sang bước khác. Tải lại trang rồi xem lại.", "The task has moved on. Load the page again and look.")
	// ErrSelf: somebody cannot hold up their own task.
	ErrSelf = fault.New(fault.Invalid, "task.blocked_by_itself",
		"Nhiệm vụ không thể bị chính đơn vị chủ trì làm vướng. Chọn đơn vị khác.",
		"A task cannot be blocked by its own owner. Choose another unit.")
	// ErrWhy: a step that needs a reason.
	ErrWhy = fault.New(fault.Invalid, "task.why", "Cần ghi lý do.", "A reason is needed.")
	// ErrOwner: a task has one owner.
	ErrOwner = fault.New(fault.Invalid, "task.owner",
		"Nhiệm vụ có đúng một chủ trì: một đơn vị hoặc một cơ sở.", "A task has one owner: a unit or a facility.")
)

// New checks a task that is to be opened and gives its first version and step.
// today is the day in Hanoi; ID is not looked at.
func New(t Task, at time.Time, actor string) (Task, Step, error) {
	today := clock.Day(at)
	if (t.Unit == "") == (t.Facility == "") {
		return t, Step{}, ErrOwner
	}
	if _, err := ParseParty(string(t.Owner())); err != nil {
		return t, Step{}, ErrOwner
	}
	t.Title = fault.Text{VI: strings.TrimSpace(t.Title.VI), EN: strings.TrimSpace(t.Title.EN)}
	if t.Title.EN == "" { // people write in one language
		t.Title.EN = t.Title.VI
	}
	for _, s := range []string{t.Title.VI, t.Title.EN} {
		if err := CheckLine(s); err != nil {
			return t, Step{}, err
		}
	}
	if err := t.checkSource(); err != nil {
		return t, Step{}, err
	}
	if err := checkDue(t.Due, today); err != nil {
		return t, Step{}, err
	}
	if err := t.Evidence.Check(); err != nil {
		return t, Step{}, err
	}
	t.Version, t.State, t.Opened, t.Since, t.By = 1, Open, at, at, actor
	t.BlockedBy, t.Why, t.Closed, t.Reopened, t.Reminded = "", "", time.Time{}, 0, time.Time{}
	s := Step{N: 1, At: at, Actor: actor, What: StepOpened, Owner: t.Owner(), Due: t.Due, Evidence: t.Evidence}
	t.Evidence = Evidence{}
	return t, s, nil
}

func (t *Task) checkSource() error {
	switch t.Source.Kind {
	case FromProgramme:
		if !programmeID.MatchString(t.Source.Ref) {
			return ErrSource
		}
	case FromMeeting, FromOther, FromDebt, FromAlarm:
		if len(t.Source.Ref) > 200 || CheckText(t.Source.Ref) != nil {
			return ErrSource
		}
	default:
		return ErrSource
	}
	if (t.Source.Kind == FromDebt) != (t.Debt != "") || len(t.Debt) > 200 || CheckText(t.Debt) == ErrText || len(t.Check) > 200 || CheckText(t.Check) == ErrText {
		return ErrSource
	}
	if t.Database != "" && !databaseID.MatchString(t.Database) {
		return ErrDatabase
	}
	return nil
}

// from says which states a step may follow.
func from(what string, s State) bool {
	switch what {
	case StepStarted:
		return s == Open
	case StepBlocked:
		return s == Open || s == InProgress
	case StepUnblocked:
		return s == Blocked
	case StepDone, StepCancelled, StepDue, StepMoved, StepReminded:
		return !s.Ended()
	case StepReopened:
		return s.Ended()
	case StepNoted:
		return true
	}
	return false
}

// May reports whether a step may follow now.
func (t *Task) May(what string) bool { return from(what, t.State) }

// Take returns the task after a step, and the step with its number. What does not
// follow is ErrStep; of a step that is not whole the fault says what is missing.
func Take(t Task, s Step) (Task, Step, error) {
	if !from(s.What, t.State) {
		return t, s, ErrStep
	}
	s.Why = strings.TrimSpace(s.Why)
	if err := CheckText(s.Why); err != nil {
		return t, s, err
	}
	if err := s.Evidence.Check(); err != nil {
		return t, s, err
	}
	next, err := apply(t, s)
	if err != nil {
		return t, s, err
	}
	next.Version++
	s.N = next.Version
	return next, s, nil
}

func apply(t Task, s Step) (Task, error) {
	why := func() error {
		if s.Why == "" {
			return ErrWhy
		}
		return nil
	}
	to := func(state State) {
		t.State, t.Since, t.BlockedBy, t.Why, t.Closed = state, s.At, "", "", time.Time{}
		if state.Ended() {
			t.Closed = s.At
		}
	}
	switch s.What {
	case StepStarted, StepUnblocked:
		to(InProgress)
	case StepBlocked:
		if _, err := ParseParty(string(s.By)); err != nil {
			return t, err
		}
		if s.By == t.Owner() {
			return t, ErrSelf
		}
		if err := why(); err != nil {
			return t, err
		}
		to(Blocked)
		t.BlockedBy, t.Why = s.By, s.Why
	case StepDone:
		if s.Evidence.None() {
			return t, ErrEvidence
		}
		to(Done)
		t.Evidence = s.Evidence
	case StepCancelled:
		if err := why(); err != nil {
			return t, err
		}
		to(Cancelled)
		t.Why = s.Why
	case StepReopened:
		if err := checkDue(s.Due, clock.Day(s.At)); err != nil {
			return t, err
		}
		if err := why(); err != nil {
			return t, err
		}
		to(Open)
		t.Due, t.Evidence, t.Reopened, t.Reminded = s.Due, Evidence{}, t.Reopened+1, time.Time{}
	case StepDue:
		if err := checkDue(s.Due, clock.Day(s.At)); err != nil {
			return t, err
		}
		t.Due, t.Reminded = s.Due, time.Time{} // of the new day nobody was reminded
		return t, why()
	case StepMoved:
		return moved(t, s)
	case StepNoted:
		if s.Why == "" && s.Evidence.None() {
			return t, ErrText
		}
	case StepReminded:
		t.Reminded = s.At
	}
	return t, nil
}

// moved gives a task to another owner. One that the new owner held up is held up no more.
func moved(t Task, s Step) (Task, error) {
	if _, err := ParseParty(string(s.Owner)); err != nil {
		return t, err
	}
	if s.Owner == t.Owner() {
		return t, ErrStep
	}
	if s.Why == "" {
		return t, ErrWhy
	}
	t.Own(s.Owner)
	if t.State == Blocked && t.BlockedBy == s.Owner {
		t.State, t.Since, t.BlockedBy, t.Why = InProgress, s.At, "", ""
	}
	t.Reminded = time.Time{}
	return t, nil
}

// Change is a task after a step, as it is to be kept.
type Change struct {
	Task Task
	Step Step
}
