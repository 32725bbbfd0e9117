package duty

import (
	"fmt"
	"strings"

	"lienthong/internal/fault"
)

// ErrNumber: what was typed is no number of a task.
var ErrNumber = fault.New(fault.Invalid, "task.number",
	"Số nhiệm vụ không đúng. Xem lại từng chữ số, dạng NV-2026-000123-7.",
	"This is no number of a task. Check each digit; its form is NV-2026-000123-7.")

// Number writes the number of the seq-th task of a year (in Hanoi), with one
// check digit over the digits before it (ISO 7064, MOD 11,10), as package matter
// makes them.
func Number(year int, seq int64) string {
	return fmt.Sprintf("NV-%04d-%06d-%c", year, seq, check(fmt.Sprintf("%04d%06d", year, seq)))
}

// ParseNumber reads a number as people type it: small letters and spaces do not
// matter, and hyphens may be left out. It returns the form of Number; ErrNumber.
func ParseNumber(s string) (string, error) {
	if len(s) > 40 {
		return "", ErrNumber
	}
	s = strings.NewReplacer(" ", "", "-", "", "\u2010", "", "\u2011", "", "\u2013", "").Replace(strings.ToUpper(s))
	s = strings.TrimPrefix(s, "NV")
	if len(s) < 11 || len(s) > 20 || strings.Trim(s, "0123456789") != "" {
		return "", ErrNumber
	}
	year, seq, digit := s[:4], s[4:len(s)-1], s[len(s)-1]
	if len(seq) > 6 && seq[0] == '0' || check(year+seq) != digit {
		return "", ErrNumber
	}
	return "NV-" + year + "-" + seq + "-" + string(digit), nil
}

// check is the check digit of ISO/IEC 7064 MOD 11,10.
func check(digits string) byte {
	p := 10
	for i := range len(digits) {
		s := (p + int(digits[i]-'0')) % 10
		if s == 0 {
			s = 10
		}
		p = 2 * s % 11
	}
	return byte('0' + (11-p)%10)
}
