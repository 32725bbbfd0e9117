package form

import (
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// CheckNotice refuses a notice no engine keeps. Fault: store.text.
func CheckNotice(n *matter.Notice) error {
	if n.Person == (care.Person{}) || n.At.IsZero() {
		return errors.New("store: a notice to nobody, or of no moment")
	}
	return store.CheckText(n.Kind, n.About, n.Detail)
}

// Again is when a notice that could not be sent is tried again: after two
// minutes, and longer each time, up to six hours.
func Again(at time.Time, tries int) time.Time {
	return at.Add(min(6*time.Hour, time.Minute<<min(max(tries, 1), 12)))
}
