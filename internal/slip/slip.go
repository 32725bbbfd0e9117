// Package slip says how long a referral or appointment slip holds and in which
// state it is: issued, received, used, expired or revoked (Circular 01/2025,
// domain notes §2.6). It is rules over facts: days, diagnoses and what became
// known of the slip. Numbers of days, diseases and public holidays are data with
// their source.
//
// It reads no documents (package kind/slip does), keeps nothing and has no clock.
package slip

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
)

// Form is what a slip is for.
type Form int

// The forms.
const (
	Referral    Form = iota // XML13: to another facility
	Appointment             // XML14: back to the same one
)

// Terms of a slip. Circular 01/2025, Article 6 and annex III as read; to be
// confirmed against the signed text.
const (
	ReferralDays = 10 // working days
	LongYears    = 1  // for the diseases of annex III
)

// Validity is how long a slip holds.
type Validity struct {
	Issued care.Moment // a day
	Until  care.Moment // the last day on which it holds; zero where nothing says
	Long   bool        // by the list of diseases
}

// Of returns how long a slip issued on a day for diagnoses holds (ICD-10). A referral
// holds ReferralDays working days after that day, or LongYears for a listed
// disease; an appointment until the day it names. A day that is not known to the
// day says nothing.
func Of(form Form, issued, appointed care.Moment, icd ...string) Validity {
	v := Validity{Issued: issued}
	switch {
	case form == Appointment:
		if known(appointed) {
			v.Until = day(appointed)
		}
	case !known(issued):
	case long(icd):
		v.Until, v.Long = day(care.MomentOf(day(issued).Time().AddDate(LongYears, 0, 0))), true
	default:
		v.Until = WorkingDays(issued, ReferralDays)
	}
	return v
}

// Over reports whether the last day is past at a time.
func (v Validity) Over(at time.Time) bool {
	return !v.Until.IsZero() && clock.Day(at) > v.Until.Day()
}

// ExpiredAtBirth reports whether the slip held on no day: its last day lies
// before it was issued.
func (v Validity) ExpiredAtBirth() bool {
	return known(v.Issued) && !v.Until.IsZero() && v.Until.Day() < v.Issued.Day()
}

func known(m care.Moment) bool { return m.Precision() >= care.ByDay }

func day(m care.Moment) care.Moment {
	t := m.Time().In(clock.Hanoi)
	return care.MomentOf(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, clock.Hanoi))
}

// State is what became of a slip.
type State string

// The states. A slip is issued when its record is accepted, received when the
// named receiver looked it up, used when the patient came; each of these but
// used can end in expired or revoked.
const (
	Issued   State = "issued"
	Received State = "received"
	Used     State = "used"
	Expired  State = "expired"
	Revoked  State = "revoked"
)

// Facts is what is known of a slip; zero times have not happened.
type Facts struct {
	Validity Validity
	Received time.Time // the receiver took note
	Used     time.Time // the patient was taken in on it
	Revoked  time.Time // withdrawn, or replaced by a newer one
}

// At returns the state at a time. What happened first counts: a slip used cannot
// be revoked or expire, one revoked cannot be used; a use after its last day
// does not make it valid.
func (f Facts) At(now time.Time) State {
	happened := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	used := happened(f.Used) && !f.Validity.Over(f.Used)
	revoked := happened(f.Revoked)
	switch {
	case used && (!revoked || !f.Revoked.Before(f.Used)):
		return Used
	case revoked:
		return Revoked
	case f.Validity.Over(now):
		return Expired
	case happened(f.Received):
		return Received
	}
	return Issued
}
