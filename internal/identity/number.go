package identity

import (
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// ErrNumber is the answer to a text that is no temporary number. It is told
// before anything is looked up: a number read out wrongly finds nobody else.
var ErrNumber = fault.New(fault.Invalid, "temporary.number",
	"Mã tạm không đúng. Mã có dạng TT-yyMMdd-CƠ SỞ-NNNN-C; so lại từng ký tự với vòng tay.",
	"This is no temporary number. It reads TT-yyMMdd-FACILITY-NNNN-C; compare each character with the wristband.")

// alphabet holds the values of characters for the check: a digit is itself, A
// is 10 ... Z is 35.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// modulus and base are those of ISO/IEC 7064 MOD 37-2. 37 is prime and 2 a
// primitive root of it, so that within 36 characters every wrong character and
// every two characters that changed places give another check character. The
// 37th value, which the standard writes "*", is not used: such a serial is
// passed over.
const modulus, base = 37, 2

// NumberOf writes the temporary number of a patient without a name:
// TT-yyMMdd-FFFFF-NNNN-C, the Hanoi day it was given, the facility, a serial and
// the check character, as "TT-251114-24917-0713-K". With its two letters and 18
// characters it is neither a citizen's number (12 digits), nor an old one (9),
// nor that of an insurance card (15 characters) or of social insurance (10
// digits), with its hyphens or without. ok is false for a serial that is
// passed over, out of 0..9999, or a facility that is no code.
func NumberOf(day time.Time, facility care.FacilityCode, serial int) (number string, ok bool) {
	if _, err := care.ParseFacilityCode(string(facility)); err != nil || serial < 0 || serial > 9999 {
		return "", false
	}
	date := fmt.Sprintf("%06d", clock.Day(day)%1_000_000)
	four := fmt.Sprintf("%04d", serial)
	c, ok := check("TT" + date + string(facility) + four)
	if !ok {
		return "", false
	}
	return "TT-" + date + "-" + string(facility) + "-" + four + "-" + string(c), true
}

// DrawNumber draws a serial and writes the number. The error is random's.
func DrawNumber(day time.Time, facility care.FacilityCode, random io.Reader) (string, error) {
	for {
		n, err := draw(random, 10_000)
		if err != nil {
			return "", fmt.Errorf("identity: drawing a number: %w", err)
		}
		if number, ok := NumberOf(day, facility, n); ok {
			return number, nil
		}
		if _, err := care.ParseFacilityCode(string(facility)); err != nil {
			return "", err
		}
	}
}

// draw returns an even number below n.
func draw(random io.Reader, n int64) (int, error) {
	// 64 bits below 10,000: the unevenness is below 2^-50.
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, err
	}
	return int(new(big.Int).Mod(new(big.Int).SetBytes(b[:]), big.NewInt(n)).Int64()), nil
}

// ParseNumber reads a temporary number as scanned or typed: letters of either
// case, with or without hyphens and blanks. Fault: temporary.number.
func ParseNumber(s string) (string, error) {
	if len(s) > 60 {
		return "", ErrNumber
	}
	s = strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\t", "", "\r", "", "\n", "").Replace(s))
	if len(s) != 18 || !strings.HasPrefix(s, "TT") || strings.Trim(s, alphabet) != "" {
		return "", ErrNumber
	}
	for _, digits := range []string{s[2:8], s[13:17]} {
		if strings.Trim(digits, "0123456789") != "" {
			return "", ErrNumber
		}
	}
	if _, err := time.Parse("060102", s[2:8]); err != nil {
		return "", ErrNumber
	}
	if c, ok := check(s[:17]); !ok || c != s[17] {
		return "", ErrNumber
	}
	return strings.Join([]string{s[:2], s[2:8], s[8:13], s[13:17], s[17:]}, "-"), nil
}

// QRText is what the code on a wristband says: the number and nothing else. A
// scanner types it into whatever field it stands before, MA_BN among them; it
// tells nothing about the patient and leads nowhere.
func QRText(number string) string { return number }

// check returns the check character: with it as its last digit the text is 1
// modulo 37. ok is false where that would be the 37th.
func check(s string) (c byte, ok bool) {
	p := 0
	for i := range len(s) {
		p = (p + strings.IndexByte(alphabet, s[i])) * base % modulus
	}
	v := (1 - p + modulus) % modulus
	if v >= len(alphabet) {
		return 0, false
	}
	return alphabet[v], true
}
