package form

import (
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store"
)

// CheckShare refuses a link no engine keeps. Fault: store.text.
func CheckShare(s *consent.Share) error {
	if s.ID == ([32]byte{}) || s.Person == (care.Person{}) || s.Made.IsZero() || !s.Until.After(s.Made) || s.Tries < 1 {
		return errors.New("store: a link without id, person, time or tries")
	}
	return store.CheckText(s.Label)
}
