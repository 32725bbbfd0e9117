package consent

import (
	"time"

	"lienthong/internal/care"
)

// Share is a citizen's own link to a part of their records (SMART Health Links):
// a PIN, an end, a number of tries. The hub keeps the manifest's hash and what was
// chosen, never the key: that is in the link.
type Share struct {
	ID      [32]byte // hash of the link's path
	Person  care.Person
	Made    time.Time
	Until   time.Time
	Label   string // at most 80 characters, the citizen's own
	PIN     []byte // slow hash; nil: none
	Tries   int    // left
	Opened  int    // how often
	Ended   time.Time
	Payload []byte // encrypted under the link's key
}
