// Package policy answers one question: may this reader do this with this record,
// and by which rule? The rules are Cedar policies in /policies, made to be read
// by a lawyer; without one that permits, the answer is no, and one that forbids
// wins. It is handed facts and fetches none.
package policy

import (
	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/role"
)

// Action is what somebody wants to do.
type Action string

// The actions.
const (
	List      Action = "list"      // know that the record is there
	Read      Action = "read"      // its content
	Original  Action = "original"  // the signed bytes, and evidence
	Emergency Action = "emergency" // the emergency set, computed out of it
	Deliver   Action = "deliver"   // pass it on to a destination
	Share     Action = "share"     // by a link of the citizen's own
)

// Basis is what makes reading lawful.
type Basis string

// The bases.
const (
	OwnRecord    Basis = "own_record"
	Operator     Basis = "operator_reason"
	Presence     Basis = "presence" // the citizen is there, and proved it
	ByReferral   Basis = "referral" // another facility sent them here
	ByConsent    Basis = "consent"
	BreakGlass   Basis = "emergency"
	SelfReading  Basis = "self" // the citizen
	Delegate     Basis = "delegate"
	ByLaw        Basis = "law"
	ByAssignment Basis = "assignment" // the facility's own lawful sending
	ByLink       Basis = "share_link"
	AtCounter    Basis = "counter" // the citizen is at a counter; found as Presence
)

// Actions lists all actions.
func Actions() []Action { return []Action{List, Read, Original, Emergency, Deliver, Share} }

// Bases lists all bases.
func Bases() []Basis {
	return []Basis{OwnRecord, Operator, Presence, ByReferral, ByConsent, BreakGlass, SelfReading, Delegate, ByLaw, ByAssignment, ByLink, AtCounter}
}

// Question is everything that decides, and nothing else. It is kept with the
// access as JSON (see MarshalJSON), so it holds no name and no number of a person.
type Question struct {
	Action  Action
	Role    role.Role
	Purpose consent.Purpose
	Staff   bool // a named clinician, or member of staff at a counter, asks
	// Of the record.
	Author care.FacilityCode
	Kind   string
	// Classes are the sensitive ones that this action would show: by the content
	// that is opened; of a list, the signed bytes or a delivery of the whole file
	// those of closed tables (XML6, XML15) too.
	Classes care.Classes
	// Facts.
	Basis     Basis        // that is claimed and was found to stand now; "": none. One's own records need none
	Reason    bool         // a reason was given
	SteppedUp bool         // proved who they are again, lately; in an emergency: when the opening was made or renewed
	Permitted bool         // a consent covers this record
	Opened    care.Classes // classes that a consent names for this reader and this record
	Denied    bool         // a denial covers it
	DeniedToo bool         // a denial covers it that holds in an emergency too
	Closed    bool         // destination or link that may take closed classes
}

// Answer is what the policies say.
type Answer struct {
	Permit  bool
	Policy  string // id of the deciding policy, also of one that forbade; "" where none permitted
	Basis   Basis  // that the permitting policy names; "" where it is no
	Version string // of the set: first 12 hex digits of its SHA-256
}
