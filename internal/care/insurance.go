package care

import (
	"log/slog"
	"strings"

	"lienthong/internal/fault"
)

// ErrInsuranceNo is fault.Invalid.
var ErrInsuranceNo = fault.New(fault.Invalid, "care.insurance_no",
	"Mã thẻ bảo hiểm y tế phải là thẻ 15 ký tự, mã số BHXH 10 chữ số hoặc số định danh 12 chữ số.",
	"A health insurance number is a 15-character card, a 10-digit social insurance number or a 12-digit personal number.")

// InsuranceNo is what stands for a health insurance card, in capitals without
// blanks. Three forms, as the insurer's look-up takes them:
//
//	15  2 letters group, 1 benefit digit 1-5, 2 digits province, 10-digit
//	    social insurance number (QĐ 1351/QĐ-BHXH); for a newborn without a
//	    card TE1, province and a 10-character temporary number
//	12  the citizen number, which replaces the card
//	10  the social insurance number alone
type InsuranceNo string

// ParseInsuranceNo reads one number, case and white space aside.
// Fault: care.insurance_no.
func ParseInsuranceNo(s string) (InsuranceNo, error) {
	s = compact(s)
	switch len(s) {
	case 10, 12:
		if !allDigits(s) {
			return "", ErrInsuranceNo
		}
	case 15:
		if !isUpper(s[0]) || !isUpper(s[1]) || s[2] < '1' || s[2] > '5' || !allDigits(s[3:5]) {
			return "", ErrInsuranceNo
		}
		if !allDigits(s[5:]) && !temporary(s) {
			return "", ErrInsuranceNo
		}
	default:
		return "", ErrInsuranceNo
	}
	return InsuranceNo(s), nil
}

// temporary: hospitals number children without a card TE1 + province + KT + 8 digits.
func temporary(s string) bool {
	return strings.HasPrefix(s, "TE1") && s[5:7] == "KT" && allDigits(s[7:])
}

// ParseInsuranceNos reads the ';'-separated list that XML1's MA_THE_BHYT may
// hold. It returns the numbers that are well formed, in order, and how many
// non-blank ones are not.
func ParseInsuranceNos(s string) (numbers []InsuranceNo, bad int) {
	for part := range strings.SplitSeq(s, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		n, err := ParseInsuranceNo(part)
		if err != nil {
			bad++
			continue
		}
		numbers = append(numbers, n)
	}
	return numbers, bad
}

// Social returns the 10-digit social insurance number, which outlives cards;
// "" for a citizen number and for a lettered temporary number.
func (n InsuranceNo) Social() string {
	switch len(n) {
	case 10:
		return string(n)
	case 15:
		if s := string(n[5:]); allDigits(s) {
			return s
		}
	}
	return ""
}

// Citizen returns the citizen number when it stands for the card.
func (n InsuranceNo) Citizen() (CitizenID, bool) {
	if len(n) != 12 {
		return "", false
	}
	return CitizenID(n), true
}

// Group returns the two letters of a card (DN, HT, TE...), else "".
func (n InsuranceNo) Group() string {
	if len(n) != 15 {
		return ""
	}
	return string(n[:2])
}

// Benefit returns the card's benefit digit 1-5, 0 when it is no card.
func (n InsuranceNo) Benefit() int {
	if len(n) != 15 {
		return 0
	}
	return int(n[2] - '0')
}

// Province returns the two digits of the province that issued the card, of the
// list before the mergers of 2025; "" when it is no card.
func (n InsuranceNo) Province() string {
	if len(n) != 15 {
		return ""
	}
	return string(n[3:5])
}

// Child tells a card or temporary number of a child under six (TE1). Such a
// number may be a guardian's doing: it changes when the child is registered.
func (n InsuranceNo) Child() bool { return len(n) == 15 && n[:3] == "TE1" }

// Forces tells a card of the army's, police's or cipher service's own fund,
// whose claims go another way.
func (n InsuranceNo) Forces() bool {
	switch n.Group() {
	case "QN", "CA", "CY", "LS", "XK", "HC", "TQ", "TA", "TY":
		return true
	}
	return false
}

// Mask returns the number with all but the last three characters hidden, for pages.
func (n InsuranceNo) Mask() string { return mask(string(n)) }

// LogValue keeps the number out of every log.
func (n InsuranceNo) LogValue() slog.Value { return slog.StringValue("insurance-no") }
