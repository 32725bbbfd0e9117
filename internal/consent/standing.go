package consent

import (
	"time"

	"lienthong/internal/care"
)

// Standing is what holds about a person at a moment.
type Standing struct {
	Consents []Consent // that hold now, permissions and denials
	Opening  *Opening  // that was asked for, where it stands; else nil
}

// Delegation says that one person may act for another.
type Delegation struct {
	ID       [16]byte
	Person   care.Person // for whom
	Delegate care.Person
	Kind     string // "guardian_under_7", "guardian_7_to_18", "proxy"
	From     time.Time
	Until    time.Time
	Ended    time.Time
	Proof    [32]byte // of the paper that shows it; zero: none
}
