// Package matter is what the hub and facilities owe citizens an answer to, by a
// day that law names: requests, looks nobody recognises, reviews of emergencies,
// breaches; and what citizens are told. It says which states follow each other
// and when an answer is due; it keeps nothing and has no clock.
package matter

import (
	"time"

	"lienthong/internal/care"
)

// Matter is a piece of work about a person's rights that somebody owes an answer
// to by a day: the review of an emergency, a citizen's request, a look somebody
// does not recognise, a breach.
type Matter struct {
	Number   string            // "VV-2026-000123-7": with a check digit; shown to the citizen
	Kind     string            // "emergency.review", "look.unrecognised", "request.see", "request.correct", "request.restrict", "request.erase", "request.object", "breach"
	Person   care.Person       // zero: of nobody in particular (a breach)
	Facility care.FacilityCode // whose privacy officer answers; "": the hub's
	Opening  [16]byte          // consent.OpeningID
	Records  []string          // dossier.ID as text
	Looks    []int64           // ids of disclosures
	Version  int
	State    string // "open", "acknowledged", "in_work", "answered", "closed"
	Outcome  string // "justified", "unjustified", "corrected", "refused", ...
	Owner    string // mark of who is responsible
	Opened   time.Time
	Acked    time.Time
	Due      time.Time // first answer; by law's source
	Closed   time.Time
	Law      string // source of the deadline in package law
	Sealed   []byte // what was written, sealed by package vault: words of the citizen and of the answer
	Wrapped  []byte // its data key
}

// OwnEntry is the kind of what a citizen states of themself (package own): it is
// nobody's to answer, and goes with the last record of its person.
const OwnEntry = "own.entry"

// Waiting is how many matters a facility has, and the day the first of them is due.
type Waiting struct {
	Facility care.FacilityCode // "": the hub
	N        int
	Due      time.Time
}

// Filter selects matters, by due date. Zero fields select all.
type Filter struct {
	Person   care.Person
	Facility care.FacilityCode // with Hub: of the hub itself ("")
	Hub      bool
	Kind     string
	Open     bool // not closed
	Limit    int
}
