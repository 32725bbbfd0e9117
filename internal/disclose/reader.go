package disclose

import (
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Reader is who asks, and how.
type Reader struct {
	Role   role.Role
	Name   string // session or client, never a person's number
	Route  string
	Reason string // an operator's own words

	Staff     care.Staff        // who, at a facility; zero: a system, or a login link
	Person    care.Person       // a citizen
	For       care.Person       // whom the citizen acts for; zero: for themself
	Opening   consent.OpeningID // on which basis others' records are asked for; zero: none is claimed
	Purpose   consent.Purpose   // "": the opening's
	SteppedUp time.Time         // when they last proved again who they are
}

// Lately is how long a second factor counts as given.
const Lately = 15 * time.Minute

// owns reports whether the record is the reader's own.
func (r Reader) owns(id dossier.ID) bool {
	return (r.Role.Kind == role.Facility || r.Role.Kind == role.Clinician) && r.Role.ID == string(id.Facility)
}

// beyond reports whether the reader claims a basis for records outside the rows
// of their role.
func (r Reader) beyond() bool {
	return r.Opening != consent.OpeningID{} || r.Role.Kind == role.Citizen && r.Person != care.Person{}
}

// scope is where the reader's records are looked for; beyond it nothing is told
// before it is decided.
func (r Reader) scope() role.Scope {
	if r.beyond() {
		return role.Scope{All: true}
	}
	return r.Role.Scope()
}

// subject is the person a citizen asks for.
func (r Reader) subject() store.PersonID {
	if r.For != (care.Person{}) {
		return store.PersonID(r.For)
	}
	return store.PersonID(r.Person)
}

func (r Reader) reason() string { return strings.TrimSpace(r.Reason) }

func (r Reader) steppedUp(at time.Time) bool {
	proved := r.SteppedUp.Truncate(time.Microsecond) // as at is: stores keep no more
	return !r.SteppedUp.IsZero() && !proved.After(at) && at.Sub(proved) <= Lately
}
