package care

import (
	"log/slog"

	"lienthong/internal/fault"
)

// ErrCitizenID and ErrOldID are fault.Invalid.
var (
	ErrCitizenID = fault.New(fault.Invalid, "care.citizen_id",
		"Số định danh cá nhân phải gồm đúng 12 chữ số.",
		"A personal identification number is exactly 12 digits.")
	ErrOldID = fault.New(fault.Invalid, "care.old_id",
		"Số chứng minh nhân dân phải gồm đúng 9 chữ số.",
		"An old identity card number is exactly 9 digits.")
)

// CitizenID is the 12-digit personal number (số định danh cá nhân, CCCD):
// 3 digits place of birth registration, 1 century and sex, 2 year of birth,
// 6 serial; no check digit (Circular 59/2021/TT-BCA).
//
// Fourth digit 8 or 9 is read as synthetic, not as 23xx: test people only.
// Such a number is never mistrusted; its sex is by parity, its year has two
// digits and no century.
type CitizenID string

// ParseCitizenID reads 12 digits, white space aside. Fault: care.citizen_id.
func ParseCitizenID(s string) (CitizenID, error) {
	s = compact(s)
	if len(s) != 12 || !allDigits(s) {
		return "", ErrCitizenID
	}
	return CitizenID(s), nil
}

// Synthetic tells whether no living person can own the number.
func (c CitizenID) Synthetic() bool { return len(c) == 12 && c[3] >= '8' }

// Century returns the first year of the number's century (1900, 2000, 2100 or
// 2200); false when synthetic or not stated.
func (c CitizenID) Century() (int, bool) {
	if len(c) != 12 || c.Synthetic() {
		return 0, false
	}
	return 1900 + 100*int((c[3]-'0')/2), true
}

// Sex returns what the fourth digit says: even male, odd female.
func (c CitizenID) Sex() Sex {
	if len(c) != 12 {
		return 0
	}
	if (c[3]-'0')%2 == 0 {
		return Male
	}
	return Female
}

// Year returns the year of birth, four digits when full, else (synthetic) its
// last two digits.
func (c CitizenID) Year() (year int, full bool) {
	if len(c) != 12 {
		return 0, false
	}
	year = int(c[4]-'0')*10 + int(c[5]-'0')
	century, full := c.Century()
	return century + year, full
}

// Agrees tells whether the number's own digits say the same sex and year of
// birth; of a synthetic number the last two digits of the year count. A sex
// undetermined or not stated and a birth not stated agree with nothing: a
// person is linked on agreement, not on silence.
func (c CitizenID) Agrees(sex Sex, birth Moment) bool {
	if len(c) != 12 || birth.IsZero() || sex != c.Sex() {
		return false
	}
	year, full := c.Year()
	if full {
		return birth.Year() == year
	}
	return birth.Year()%100 == year
}

// Mask returns the number with all but the last three digits hidden, for pages.
func (c CitizenID) Mask() string { return mask(string(c)) }

// LogValue keeps the number out of every log.
func (c CitizenID) LogValue() slog.Value { return slog.StringValue("citizen-id") }

// OldID is the 9-digit identity card number (CMND), void since 2025-01-01 but
// still found in older files. It says nothing about its holder.
type OldID string

// ParseOldID reads 9 digits, white space aside. Fault: care.old_id.
func ParseOldID(s string) (OldID, error) {
	s = compact(s)
	if len(s) != 9 || !allDigits(s) {
		return "", ErrOldID
	}
	return OldID(s), nil
}

// Mask returns the number with all but the last three digits hidden, for pages.
func (o OldID) Mask() string { return mask(string(o)) }

// LogValue keeps the number out of every log.
func (o OldID) LogValue() slog.Value { return slog.StringValue("old-id") }

// IDType is what a value of SO_CCCD looks like: the field holds up to 15
// characters of citizen number, CMND, passport or electronic account.
type IDType int

// The types of SO_CCCD, by shape.
const (
	IDAbsent   IDType = iota // empty or blank
	IDCitizen                // 12 digits
	IDOld                    // 9 digits
	IDPassport               // 6 to 9 letters and digits, at least one letter and four digits
	IDAccount                // 10 to 15 letters and digits that are none of the above
	IDOther                  // anything else; kept, never used to link
)

// TypeID sorts a value of SO_CCCD by its shape, white space and case aside.
func TypeID(s string) IDType {
	s = compact(s)
	letters, digits := 0, 0
	for i := range len(s) {
		switch {
		case isDigit(s[i]):
			digits++
		case isUpper(s[i]):
			letters++
		default:
			return IDOther
		}
	}
	switch n := len(s); {
	case n == 0:
		return IDAbsent
	case letters == 0 && n == 12:
		return IDCitizen
	case letters == 0 && n == 9:
		return IDOld
	case letters > 0 && digits >= 4 && n >= 6 && n <= 9:
		return IDPassport
	case n >= 10 && n <= 15:
		return IDAccount
	}
	return IDOther
}

// mask hides all but the last three characters of an ASCII number.
func mask(s string) string {
	const tail = 3
	b := []byte(s)
	for i := 0; i < len(b)-tail; i++ {
		b[i] = '*'
	}
	return string(b)
}
