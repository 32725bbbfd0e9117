package consent

import (
	"time"

	"lienthong/internal/care"
)

// OpeningID names an opening: 128 random bits.
type OpeningID [16]byte

// Opening is a basis on which one facility may read the records that others
// wrote of one person, for a time. Somebody else than the facility made it: the
// person who is there, another facility's referral, a consent, or an emergency
// that is reviewed.
type Opening struct {
	ID       OpeningID
	Person   care.Person
	Facility care.FacilityCode // that may read
	Basis    string            // policy.Presence, ByReferral, ByConsent, BreakGlass
	Purpose  Purpose
	Staff    care.Staff // who opened; of a presence or referral every clinician there may use it
	How      string     // how it was proved: "vneid_qr", "chip", "phone_code", "referral", "consent", "break_glass"
	Consent  ID         // of ByConsent: must hold still
	Referral string     // of ByReferral: the slip's record (dossier.ID as text)
	From     time.Time
	Until    time.Time
	Ended    time.Time  // ended before its time; zero: was not
	EndedBy  string     // "discharge", "citizen", "resolved", "undone", ...
	Renewed  care.Staff // second clinician of an emergency
	Reason   string     // as typed, of an emergency; a code and words, never a name
}

// Live reports whether the opening stands.
func (o *Opening) Live(at time.Time) bool {
	return o.Ended.IsZero() && !at.Before(o.From) && at.Before(o.Until)
}

// OpeningFilter selects openings. Zero fields select all.
type OpeningFilter struct {
	Person   care.Person
	Facility care.FacilityCode
	Staff    care.Staff
	Basis    string
	LiveAt   time.Time
	Since    time.Time
	Before   time.Time // begun before: the next page
	Limit    int
}
