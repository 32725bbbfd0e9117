package identity

import (
	"time"

	"lienthong/internal/care"
)

// Temporary is a patient without a name: a person made for one emergency, under
// a number that never looks like a citizen's (number.go).
type Temporary struct {
	Number   string // "TT-..." with check digit
	Person   Person // made for it
	Facility care.FacilityCode
	Staff    care.Staff
	Made     time.Time
	State    string // "open", "resolved", "released", "undone"
	To       Person // of resolved: who it is
	How      string // "id_scan", "second_person", ...
	By       care.Staff
	Ended    time.Time
	Version  int
	Sealed   []byte // what is known of them, as JSON: sex, about how old, marks, phone
	Wrapped  []byte
}

// Feature is something a person can be looked for by where there is no number:
// a keyed hash of phone, of name and year, of commune and given name and year.
type Feature struct {
	Kind string // "phone", "name_year", "commune_given_year", "birth_given"
	Hash [17]byte
}

// NoFeature says that no record of a person says enough to look for them by: nobody
// is found by it, and their records are not opened again for it.
func NoFeature(p Person) Feature {
	f := Feature{Kind: "none"}
	copy(f.Hash[1:], p[:]) // of no pepper: those begin with 1
	return f
}

// Candidate is a person who fits.
type Candidate struct {
	Person Person
	Kinds  []string
}
