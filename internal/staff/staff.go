// Package staff is who works at facilities and at the hub: what is known of
// them, and what they may still do. It keeps nothing and logs nobody in.
package staff

import (
	"time"

	"lienthong/internal/care"
)

// Staff is a person who works at a facility or at the hub, as known by their
// login or as asserted by their facility's system. Name and licence are sealed.
type Staff struct {
	ID        care.Staff
	Facility  care.FacilityCode // "" works at the hub, the ministry, ...
	Roles     []string          // "clinician:79901", "privacy:79901", "auditor": see package role
	Login     [17]byte          // keyed hash of issuer and subject; zero: never logs in here
	Licence   [17]byte          // keyed hash of the licence number; zero: none
	Sealed    []byte            // {name, licence, totp, ...}
	Wrapped   []byte
	Since     time.Time
	Suspended time.Time // nothing is allowed any more; zero: not
	// NoEmergency: only the right to break glass is suspended until then.
	NoEmergency time.Time
	Factor      bool // has a second factor
	Version     int
}
