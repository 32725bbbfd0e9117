package matter

import (
	"time"

	"lienthong/internal/care"
)

// Notice is something a citizen is told: who opened their records, what became
// of a request, a login from a new device.
type Notice struct {
	ID     int64 // given by the store
	Person care.Person
	At     time.Time
	Kind   string    // "opening.presence", "opening.emergency", "consent.asked", "matter.decided", ...
	About  string    // id of the opening, consent or matter, in hexadecimal
	Detail string    // JSON object for the sentence: facility, basis, times; nothing clinical, no name
	Sent   time.Time // when the channel (VNeID) took it; zero: not yet
	Tries  int
	Seen   time.Time // when the citizen saw it here
}
