package identity

import "time"

// Verified is what the population register said when it was last asked whether a
// person's number is theirs. It holds no value of the person's own.
type Verified struct {
	Person  Person
	At      time.Time
	By      string   // the register's approved entry
	Answer  string   // "match", "differs", "unknown", "cancelled", "replaced"
	Differs []string // of differs: "name", "birth", "sex"
}

// Holds reports whether the register said that number, name and birth are one person's.
func (v *Verified) Holds() bool { return v != nil && v.Answer == "match" }
