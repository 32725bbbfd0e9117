package catalog

import (
	"strings"

	"lienthong/internal/care"
)

// ICDForm reports whether code has the form of an ICD-10 code as Viet Nam
// writes it: a capital letter, two digits, and after a dot one to three digits
// (J18.9, U57.011); a trailing dagger, plus or asterisk is allowed. It does
// not say that the code exists.
func ICDForm(code string) bool {
	code = strings.TrimRight(code, "*+†")
	if len(code) < 3 || code[0] < 'A' || code[0] > 'Z' || !digit(code[1]) || !digit(code[2]) {
		return false
	}
	rest := code[3:]
	if rest == "" {
		return true
	}
	if rest[0] != '.' || len(rest) < 2 || len(rest) > 4 {
		return false
	}
	for i := 1; i < len(rest); i++ {
		if !digit(rest[i]) {
			return false
		}
	}
	return true
}

// ICDRepair returns code in its usual form when only case, blanks or the dot
// are wrong ("e119" gives "E11.9"), else "".
func ICDRepair(code string) string {
	c := strings.ToUpper(strings.Join(strings.Fields(code), ""))
	c = strings.ReplaceAll(c, ",", ".")
	if ICDForm(c) {
		return c
	}
	if len(c) > 3 && c[3] != '.' {
		if c = c[:3] + "." + c[3:]; ICDForm(c) {
			return c
		}
	}
	return ""
}

// span is a run of codes, both ends included, compared on as many characters
// as the ends have.
type span struct{ from, to string }

// Diagnoses that only one sex can have: after the list of sex-limited codes in
// ICD-10 volume 2, only those without doubt.
var (
	femaleOnly = []span{
		{"A34", "A34"}, {"C51", "C58"}, {"D06", "D06"}, {"D25", "D28"}, {"D39", "D39"}, {"E28", "E28"},
		{"F53", "F53"}, {"N70", "N77"}, {"N80", "N98"}, {"O00", "O99"}, {"Q50", "Q52"}, {"R87", "R87"},
		{"Z32", "Z36"}, {"Z39", "Z39"},
		{"B37.3", "B37.3"}, {"C79.6", "C79.6"}, {"D07.0", "D07.3"}, {"S37.4", "S37.6"}, {"Z01.4", "Z01.4"}, {"Z12.4", "Z12.4"},
	}
	maleOnly = []span{
		{"C60", "C63"}, {"D29", "D29"}, {"D40", "D40"}, {"E29", "E29"}, {"N40", "N51"}, {"Q53", "Q55"}, {"R86", "R86"},
		{"B26.0", "B26.0"}, {"D07.4", "D07.6"}, {"I86.1", "I86.1"}, {"Z12.5", "Z12.5"},
	}
)

// ICDSex returns the only sex that can have the diagnosis, 0 where both can.
func ICDSex(code string) care.Sex {
	if within(code, femaleOnly) {
		return care.Female
	}
	if within(code, maleOnly) {
		return care.Male
	}
	return 0
}

// ICDExternal reports whether the code is an external cause (V01-Y98), which
// is never a main diagnosis.
func ICDExternal(code string) bool {
	return len(code) >= 3 && code[0] >= 'V' && code[0] <= 'Y'
}

func within(code string, spans []span) bool {
	for _, s := range spans {
		n := len(s.from)
		if len(code) >= n && code[:n] >= s.from && code[:n] <= s.to {
			return true
		}
	}
	return false
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
