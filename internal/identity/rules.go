package identity

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// The states of a temporary identity: open -> resolved | released; resolved ->
// undone, which is open again under another word, so that it can be resolved
// to the right person: undone -> resolved | released.
const (
	Open     = "open"
	Resolved = "resolved" // it is known who it is
	Released = "released" // left or died unknown
	Undone   = "undone"   // it was the wrong person
)

// How a temporary identity was resolved or released.
const (
	IDScan       = "id_scan"
	SecondPerson = "second_person"
	Proposed     = "proposed" // by one, waits for a second
	Left         = "left"
	Died         = "died"
)

// Faults of temporary identities.
var (
	// ErrOver: it was resolved or released already.
	ErrOver = fault.New(fault.Conflict, "temporary.over",
		"Mã tạm này đã kết thúc. Xem lịch sử của mã.", "This temporary number is closed already. See its history.")
	// ErrSecond: whoever proposed does not confirm.
	ErrSecond = fault.New(fault.Withheld, "temporary.second_person",
		"Người thứ hai phải khác người đã đề nghị.", "The second person must be another than who proposed.")
	// ErrNotProposed: there is nothing to confirm.
	ErrNotProposed = fault.New(fault.Conflict, "temporary.not_proposed",
		"Chưa ai đề nghị người này cho mã tạm.", "Nobody has proposed this person for the temporary number.")
	// ErrNotResolved: there is nothing to undo.
	ErrNotResolved = fault.New(fault.Conflict, "temporary.not_resolved",
		"Mã tạm này chưa gắn với ai nên không có gì để gỡ.", "This temporary number is linked to nobody, so there is nothing to undo.")
	// ErrStaff: a named member of staff is needed.
	ErrStaff = fault.New(fault.Withheld, "emergency.staff",
		"Việc này cần tài khoản có tên của nhân viên y tế.", "This needs the account of a named member of staff.")
)

// IsOpen reports whether the identity waits to be resolved or released.
func (t *Temporary) IsOpen() bool { return t.State == Open || t.State == Undone }

// Propose says who it may be; a second person confirms. Faults: temporary.over, emergency.staff.
func (t *Temporary) Propose(to Person, by care.Staff) error {
	return t.end(t.State, to, Proposed, by, time.Time{})
}

// Confirm resolves what another proposed. Faults: temporary.over,
// temporary.not_proposed, temporary.second_person, emergency.staff.
func (t *Temporary) Confirm(by care.Staff, at time.Time) error {
	switch {
	case !t.IsOpen():
		return ErrOver
	case t.How != Proposed || t.To == (Person{}):
		return ErrNotProposed
	case t.By == by:
		return ErrSecond
	}
	return t.end(Resolved, t.To, SecondPerson, by, at)
}

// Resolve says who it is by what proves it alone (IDScan). Faults: temporary.over, emergency.staff.
func (t *Temporary) Resolve(to Person, how string, by care.Staff, at time.Time) error {
	return t.end(Resolved, to, how, by, at)
}

// Release closes it without a name: Left or Died. Faults: temporary.over, emergency.staff.
func (t *Temporary) Release(how string, by care.Staff, at time.Time) error {
	return t.end(Released, Person{}, how, by, at)
}

// Undo takes back that it was somebody. To stays until the next resolution, so
// that the history says who it was not. Faults: temporary.not_resolved, emergency.staff.
func (t *Temporary) Undo(by care.Staff, at time.Time) error {
	if t.State != Resolved {
		return ErrNotResolved
	}
	if by == (care.Staff{}) {
		return ErrStaff
	}
	t.State, t.How, t.By, t.Ended = Undone, "", by, at
	t.Version++
	return nil
}

func (t *Temporary) end(state string, to Person, how string, by care.Staff, at time.Time) error {
	switch {
	case by == (care.Staff{}):
		return ErrStaff
	case !t.IsOpen():
		return ErrOver
	}
	t.State, t.To, t.How, t.By, t.Ended = state, to, how, by, at
	t.Version++
	return nil
}
