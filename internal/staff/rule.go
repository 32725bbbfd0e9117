package staff

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"lienthong/internal/fault"
)

// IdleTerm is how long an account may lie unused before it is disabled: 45 days
// (HIPAA practice and SCREENS §5; Circular 13/2025 names no term).
const IdleTerm = 45 * 24 * time.Hour

// MostRoles bounds the roles of one person.
const MostRoles = 10

var (
	// ErrRoles (staff.roles): a role that is none, that staff do not have, or of another facility.
	ErrRoles = fault.New(fault.Invalid, "staff.roles",
		"Vai trò của nhân viên phải đúng mẫu (clinician, privacy, counter, facility:MÃ của cơ sở; hoặc operator, ministry, auditor...) và đúng cơ sở của họ.",
		"Roles of staff must be well-formed (clinician, privacy, counter, facility:CODE of their facility; or operator, ministry, auditor...) and of their own facility.")
	// ErrLicence (staff.licence): no licence number, though the role needs one.
	ErrLicence = fault.New(fault.Invalid, "staff.licence",
		"Số giấy phép hành nghề phải có từ 3 đến 40 ký tự; người khám chữa bệnh phải có số này.",
		"A licence number has 3 to 40 characters; a clinician must have one.")
)

// ParseLicence returns a licence number as it is compared: upper case, without blanks.
func ParseLicence(s string) (string, error) {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
	if n := len([]rune(s)); n < 3 || n > 40 || strings.ContainsFunc(s, unicode.IsControl) {
		return "", ErrLicence
	}
	return s, nil
}

// May reports whether the person may sit in a role (as package role writes it) now. Who was only asserted by
// a facility's system has no roles and never logs in: they sit as a clinician of
// that facility, by the link that its system was given for them.
func (s *Staff) May(r string) bool {
	asserted := len(s.Roles) == 0 && s.Login == [17]byte{} && s.Licence != [17]byte{}
	return s.Suspended.IsZero() && (slices.Contains(s.Roles, r) ||
		asserted && s.Facility != "" && r == "clinician:"+string(s.Facility))
}

// Idle reports whether an account was unused for too long; last is the login
// before this one, zero where there was none.
func (s *Staff) Idle(last, now time.Time) bool {
	if last.Before(s.Since) { // resumed since: that counts as use
		last = s.Since
	}
	return now.Sub(last) > IdleTerm
}
