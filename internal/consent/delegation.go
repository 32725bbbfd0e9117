package consent

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// The kinds of delegation (Law 91/2025: under 7 the representative acts, from 7 to
// under 18 the child agrees too; proxies by authorisation, Civil Code).
const (
	GuardianUnder7  = "guardian_under_7"
	Guardian7To18   = "guardian_7_to_18"
	ProxyDelegation = "proxy"
)

var (
	// ErrDelegation: nobody may act for the person in this way now.
	ErrDelegation = fault.New(fault.Withheld, "consent.delegation",
		"Bạn không có quyền thay mặt người này, hoặc quyền đó đã kết thúc.",
		"You may not act for this person, or may no longer.")
	// ErrDelegationForm: what was entered is no delegation.
	ErrDelegationForm = fault.New(fault.Invalid, "consent.delegation_form",
		"Thông tin đại diện chưa đúng: cần hai người khác nhau, loại đại diện, thời hạn hợp lệ và giấy tờ chứng minh.",
		"This is no delegation: it needs two different people, a kind, a possible time, and the paper that shows it.")
	// ErrMinor: a child of this age does not decide this alone.
	ErrMinor = fault.New(fault.Invalid, "consent.minor",
		"Người dưới 7 tuổi do người đại diện quyết định; từ 7 đến dưới 18 tuổi cần cả hai cùng đồng ý.",
		"For a child under 7 the representative decides; from 7 to under 18 both agree.")
)

// Holds reports whether a delegation lets somebody act at a moment. What was
// ended stays so, whatever the clock shows.
func (d *Delegation) Holds(at time.Time) bool {
	return d.Ended.IsZero() && !at.Before(d.From) && (d.Until.IsZero() || at.Before(d.Until))
}

// MayAct returns the delegation by which one person may act for another at a
// moment; nil for none. What a delegate said before theirs ended stays said.
func MayAct(all []Delegation, person, delegate care.Person, at time.Time) *Delegation {
	for i := range all {
		d := &all[i]
		if d.Person == person && d.Delegate == delegate && person != delegate && d.Holds(at) {
			return d
		}
	}
	return nil
}

// EndOf is when a guardian's delegation ends by itself: on the child's seventh or
// eighteenth birthday. Zero for a proxy.
func EndOf(kind string, birth time.Time) time.Time {
	switch kind {
	case GuardianUnder7:
		return birth.AddDate(7, 0, 0)
	case Guardian7To18:
		return birth.AddDate(18, 0, 0)
	}
	return time.Time{}
}

// CheckDelegation refuses what is no delegation. Fault: consent.delegation_form.
func CheckDelegation(d *Delegation) error {
	guardian := d.Kind == GuardianUnder7 || d.Kind == Guardian7To18
	none := care.Person{}
	switch {
	case d.Person == none, d.Delegate == none, d.Person == d.Delegate,
		!guardian && d.Kind != ProxyDelegation,
		d.From.IsZero(), !d.Until.IsZero() && !d.Until.After(d.From),
		guardian && (d.Until.IsZero() || d.Proof == [32]byte{}):
		return ErrDelegationForm
	}
	return nil
}

// Signed checks who says something for a person of an age in full years (negative:
// not known, taken as of age). by is who said it, the zero Person the person
// themself; all are the delegations of the person. A child from 7 may deny alone,
// and take back what opens: that opens nothing. Faults: consent.other_person,
// consent.minor, consent.delegation.
func Signed(c *Consent, opens bool, age int, all []Delegation, at time.Time) error {
	self := c.By == (care.Person{}) || c.By == c.Person
	if self && c.Signer != Self || !self && c.Signer == Self {
		return ErrOtherPerson
	}
	minor, small := age >= 0 && age < 18, age >= 0 && age < 7
	if self {
		if small || minor && opens {
			return ErrMinor
		}
		return nil
	}
	d := MayAct(all, c.Person, c.By, at)
	if d == nil {
		return ErrDelegation
	}
	want := Proxy
	switch {
	case d.Kind == GuardianUnder7:
		want = Guardian
		if age >= 7 {
			return ErrDelegation // the child grew
		}
	case d.Kind == Guardian7To18:
		want = Both
		if age >= 18 || small {
			return ErrDelegation
		}
		if !opens && c.Signer == Guardian {
			return nil
		}
	case minor:
		return ErrDelegation // a child gives no proxy
	}
	if c.Signer != want {
		return ErrMinor
	}
	return nil
}
