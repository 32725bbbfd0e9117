// Package role names who may sit before the hub and what part of it lies
// before them. It knows no person and no session; it says which rows a role
// may count and list (Scope) and which rooms it may enter (May).
package role

import (
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// Kind is the sort of organisation that reads.
type Kind string

// The roles of the hub.
const (
	Operator Kind = "operator" // runs the hub; content only with a reason
	Ministry Kind = "ministry" // counts and metadata of all, names masked
	Unit     Kind = "unit"     // a department: those it manages
	Province Kind = "province" // a provincial health department
	Facility Kind = "facility" // its own records
	Insurer  Kind = "insurer"
	Partner  Kind = "partner"
	Auditor  Kind = "auditor" // who did and who looked, no content

	Clinician Kind = "clinician" // a named person at a facility: its records, and others' on a basis
	Privacy   Kind = "privacy"   // the privacy officer of a facility: who of it looked, and why
	Counter   Kind = "counter"   // serves people without VNeID or phone, in their presence
	Citizen   Kind = "citizen"   // their own records; which person it is the session knows
)

// Destination is where legs lead ("destination:bhxh"): a reader that package
// courier hands content to. Nobody logs in as one: Parse does not read it, it
// has no rows and enters no room.
const Destination Kind = "destination"

// Carrier is an organisation that brings other facilities' files ("carrier:bhxh")
// and gets the answers to them. Its systems come by credential only: Parse does
// not read it, it has no rows and enters no room but the one to send in.
const Carrier Kind = "carrier"

// Kinds lists all roles that somebody may sit in.
func Kinds() []Kind {
	return []Kind{Operator, Ministry, Unit, Province, Facility, Insurer, Partner, Auditor, Clinician, Privacy, Counter, Citizen}
}

// Role is a kind and, for some, which one: "province:79", "facility:79901".
type Role struct {
	Kind Kind
	ID   string // "" for operator, ministry, insurer, auditor, citizen
}

// ErrRole is the answer to a text that names no role.
var ErrRole = fault.New(fault.Invalid, "role.invalid",
	"Vai trò không có. Dùng operator, ministry, unit:MÃ, province:NN, facility:MÃ, insurer, partner:MÃ hoặc auditor.",
	"No such role. Use operator, ministry, unit:ID, province:NN, facility:CODE, insurer, partner:ID or auditor.")

// Parse reads "operator", "province:79", "facility:79901" and so on.
func Parse(s string) (Role, error) {
	kind, id, has := strings.Cut(s, ":")
	r := Role{Kind: Kind(kind), ID: id}
	switch r.Kind {
	case Operator, Ministry, Insurer, Auditor, Citizen:
		if has {
			return Role{}, ErrRole
		}
	case Unit, Partner:
		if id == "" || len(id) > 40 || strings.ContainsAny(id, ": \t\n") {
			return Role{}, ErrRole
		}
	case Province:
		if len(id) != 2 || strings.Trim(id, "0123456789") != "" {
			return Role{}, ErrRole
		}
	case Facility, Clinician, Privacy, Counter:
		if _, err := care.ParseFacilityCode(id); err != nil {
			return Role{}, ErrRole
		}
	default:
		return Role{}, ErrRole
	}
	return r, nil
}

// String returns the text that Parse reads.
func (r Role) String() string {
	if r.ID == "" {
		return string(r.Kind)
	}
	return string(r.Kind) + ":" + r.ID
}

// Scope is the set of rows a reader may count and list. The zero Scope is
// empty: it matches nothing. Stores put it into every query.
type Scope struct {
	All      bool
	Facility care.FacilityCode
	Province string
	Unit     string
}

// Scope returns the rows of r.
func (r Role) Scope() Scope {
	switch r.Kind {
	case Operator, Ministry:
		return Scope{All: true}
	case Facility, Clinician:
		return Scope{Facility: care.FacilityCode(r.ID)}
	case Province:
		return Scope{Province: r.ID}
	case Unit:
		return Scope{Unit: r.ID}
	}
	return Scope{}
}

// IsEmpty reports whether the scope matches nothing.
func (s Scope) IsEmpty() bool { return s == Scope{} }

// At returns the facility a role sits at, "" elsewhere.
func (r Role) At() care.FacilityCode {
	switch r.Kind {
	case Facility, Clinician, Privacy, Counter:
		return care.FacilityCode(r.ID)
	}
	return ""
}

// Room is a part of the hub that roles enter or not.
type Room string

// The rooms. A route names its room; the matrix in May is the only place that
// says who enters.
const (
	Counts     Room = "counts"     // numbers and boards
	Messages   Room = "messages"   // metadata of records, findings by position and code
	Content    Room = "content"    // clinical content, through package disclose
	Send       Room = "send"       // submit and withdraw
	Administer Room = "administer" // facilities, trust, links
	Alarms     Room = "alarms"     // what the hub is alarmed of: whose it is, and how it ended
	Audit      Room = "audit"      // who did and who looked
	Software   Room = "software"   // rejects by the software that sent them; a partner sees its own
	Clinic     Room = "clinic"     // others' records on a basis, and emergencies
	Reviews    Room = "reviews"    // what a privacy officer answers for
	Assist     Room = "assist"     // the counter for people without VNeID
	Book       Room = "book"       // a citizen's own

	Databases Room = "databases" // specialised databases: which rows and fields, their declarations say
	Rulebook  Room = "rulebook"  // rules in the making, and what they would do
	Duty      Room = "duty"      // units, their tasks and deadlines; a facility sees its own
	Statement Room = "statement" // what a partner did for whom, in numbers
)

// Rooms lists all rooms.
func Rooms() []Room {
	return []Room{Counts, Messages, Content, Send, Administer, Audit, Software, Clinic, Reviews, Assist, Book, Databases, Rulebook, Duty, Statement, Alarms}
}

// May reports whether a role enters a room at all; which rows it finds there
// is its Scope, and content is decided record by record by package disclose.
func (r Role) May(room Room) bool {
	switch r.Kind {
	case Operator:
		return room != Send && room != Clinic && room != Reviews && room != Assist && room != Book && room != Statement
	case Ministry:
		return room == Counts || room == Messages || room == Software || room == Databases || room == Rulebook || room == Duty || room == Alarms
	case Unit:
		return room == Counts || room == Messages || room == Databases || room == Rulebook || room == Duty
	case Province:
		return room == Counts || room == Messages || room == Databases || room == Duty
	case Partner:
		return room == Software || room == Statement || room == Databases || room == Duty
	case Insurer:
		return room == Databases || room == Duty
	case Facility:
		return room == Counts || room == Messages || room == Content || room == Send || room == Databases || room == Duty
	case Clinician:
		return room == Counts || room == Messages || room == Content || room == Clinic
	case Privacy:
		return room == Reviews
	case Counter:
		return room == Assist
	case Citizen:
		return room == Book
	case Auditor:
		return room == Audit
	case Carrier:
		return room == Send
	}
	return false
}
