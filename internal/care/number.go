package care

import (
	"fmt"
	"strings"
)

// Numbered makes the numbers that people read to each other of what is counted by
// year: the sign, the year, the count, and one check digit over the digits before
// it (ISO/IEC 7064, MOD 11,10): "VV-2026-000123-7". A digit that is mistyped is
// always noticed, two that are exchanged nearly always.
type Numbered string // the sign: capital letters

// Number writes the number of the seq-th of a year (in Hanoi).
func (n Numbered) Number(year int, seq int64) string {
	return fmt.Sprintf("%s-%04d-%06d-%c", n, year, seq, checkDigit(fmt.Sprintf("%04d%06d", year, seq)))
}

// Parse reads a number as people type it: small letters and spaces do not matter,
// and sign and hyphens may be left out. It returns the form of Number.
func (n Numbered) Parse(s string) (number string, ok bool) {
	if len(s) > 40 {
		return "", false
	}
	s = strings.NewReplacer(" ", "", "-", "", "\u2010", "", "\u2011", "", "\u2013", "").Replace(strings.ToUpper(s))
	s = strings.TrimPrefix(s, string(n))
	if len(s) < 11 || len(s) > 20 || strings.Trim(s, "0123456789") != "" {
		return "", false
	}
	year, seq, digit := s[:4], s[4:len(s)-1], s[len(s)-1]
	if len(seq) > 6 && seq[0] == '0' || checkDigit(year+seq) != digit {
		return "", false
	}
	return string(n) + "-" + year + "-" + seq + "-" + string(digit), true
}

// checkDigit is the check digit of ISO/IEC 7064 MOD 11,10.
func checkDigit(digits string) byte {
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
