package prescription

import "lienthong/internal/care"

// codeLen is the length of a prescription code.
const codeLen = 14

// ParseCode reads a prescription code, xxxxxyyyyyyy-z: five characters of the
// facility, seven of 0-9 a-z, a hyphen, and the kind as a letter: C basic, N
// narcotic, H psychotropic, T or Y traditional. It is compared as it is, capitals
// and small letters apart. ok is false for anything else.
func ParseCode(s string) (facility care.FacilityCode, letter byte, ok bool) {
	if len(s) != codeLen || s[12] != '-' {
		return "", 0, false
	}
	facility, err := care.ParseFacilityCode(s[:5])
	if err != nil || string(facility) != s[:5] {
		return "", 0, false
	}
	for _, c := range []byte(s[5:12]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "", 0, false
		}
	}
	switch letter = s[13]; letter {
	case 'C', 'N', 'H', 'T', 'Y':
		return facility, letter, true
	}
	return "", 0, false
}

// letterOf is the letter that codes of a kind of prescription end in; a
// traditional one's may be Y too.
func letterOf(loai string) byte {
	switch loai {
	case "c":
		return 'C'
	case "n":
		return 'N'
	case "h":
		return 'H'
	case "y":
		return 'T'
	}
	return 0
}
