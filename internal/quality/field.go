package quality

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/fault"
)

// fieldCheck judges the text of one field by itself.
type fieldCheck func(j *judge, text string, at place)

// fieldCheckOf returns what only this field asks, nil without.
func fieldCheckOf(table, field string) fieldCheck {
	switch table + "." + field {
	case "XML1.MA_KHOA", "XML2.MA_KHOA", "XML3.MA_KHOA", "XML7.MA_KHOA_RV":
		return eachMatches(isDepartment)
	case "XML3.MA_GIUONG":
		return eachMatches(isBed)
	case "XML2.TT_THAU", "XML3.TT_THAU":
		return matches(isTender)
	case "XML1.DIEN_THOAI":
		return matches(isPhone)
	case "XML1.MAXA_CU_TRU":
		return matches(func(s string) bool { return len(s) == 5 && digits(s) })
	case "XML1.MA_NOI_DEN", "XML1.MA_NOI_DI":
		return referred
	case "XML13.MA_CSKCB_DEN", "XML13.MA_NOI_DEN":
		return receiver
	case "XML13.MA_CSKCB_DI", "XML13.MA_NOI_DI":
		return func(j *judge, text string, at place) {
			if j.in.Facility != "" && text != string(j.in.Facility) {
				j.problem(at, "differs", suggest(string(j.in.Facility)))
			}
		}
	case "XML7.MA_THE_TAM", "XML8.MA_THE_TAM", "XML9.MA_THE_TAM", "XML11.MA_THE_TAM":
		return matches(func(s string) bool {
			n, err := care.ParseInsuranceNo(s)
			return err == nil && n.Child()
		})
	case "XML3.MA_BENH", "XML13.MA_BENH_CHINH", "XML13.MA_BENH_KT", "XML14.MA_BENH_CHINH", "XML14.MA_BENH_KT":
		return diagnoses
	case "XML2.MUC_HUONG", "XML3.MUC_HUONG", "XML2.TYLE_TT_BH", "XML3.TYLE_TT_BH", "XML3.TYLE_TT_DV", "XML12.TYLE_TTCT_MOI":
		return ranged(0, 100_000)
	case "XML2.SO_LUONG", "XML3.SO_LUONG":
		return ranged(1, 1e15)
	case "XML1.CAN_NANG":
		return ranged(200, 400_000)
	case "XML1.CAN_NANG_CON", "XML9.CAN_NANG_CON":
		return ranged(200_000, 8_000_000)
	case "XML9.SO_CON":
		return ranged(1_000, 8_000)
	case "XML1.NAM_QT":
		return ranged(2017_000, 2100_000)
	case "XML1.THANG_QT":
		return ranged(1_000, 12_000)
	}
	return nil
}

// problem reports what is wrong with the field at hand.
func (j *judge) problem(at place, problem string, hint fault.Text) {
	j.report(at.table+"."+at.field+"."+problem, at, hint)
}

// cut takes the first of several values separated by ";" off a text. Parts may
// be empty; both are when nothing is left.
func cut(text string) (part, rest string) {
	if i := strings.IndexByte(text, ';'); i >= 0 {
		return trim(text[:i]), text[i+1:]
	}
	return trim(text), ""
}

func matches(ok func(string) bool) fieldCheck {
	return func(j *judge, text string, at place) {
		if !ok(text) {
			j.problem(at, "pattern", none)
		}
	}
}

func eachMatches(ok func(string) bool) fieldCheck {
	return func(j *judge, text string, at place) {
		for part, rest := cut(text); part != "" || rest != ""; part, rest = cut(rest) {
			if part != "" && !ok(part) {
				j.problem(at, "pattern", none)
				return
			}
		}
	}
}

// ranged holds each number, in thousandths, between two bounds included. What
// is no number or negative is found as such.
func ranged(low, high int64) fieldCheck {
	return func(j *judge, text string, at place) {
		for part, rest := cut(text); part != "" || rest != ""; part, rest = cut(rest) {
			n, ok := parseNumber(part)
			if ok && n.milli >= 0 && (n.milli < low || n.milli > high) {
				j.problem(at, "range", none)
				return
			}
		}
	}
}

func diagnoses(j *judge, text string, at place) {
	for part, rest := cut(text); part != "" || rest != ""; part, rest = cut(rest) {
		if part != "" && !catalog.ICDForm(part) {
			j.problem(at, "pattern", suggest(catalog.ICDRepair(part)))
			return
		}
	}
}

func referred(j *judge, text string, at place) {
	if _, err := care.ParseFacilityCode(text); err != nil {
		j.problem(at, "pattern", none)
		return
	}
	j.known(text, at)
}

func receiver(j *judge, text string, at place) {
	if text == string(j.in.Facility) {
		j.problem(at, "same", none)
		return
	}
	j.known(text, at)
}

func (j *judge) known(code string, at place) {
	if j.in.Directory != nil && !j.in.Directory(code) {
		j.problem(at, "unknown", none)
	}
}

// isDepartment: K and two digits, then further pairs of digits, or a point and
// digits, or .D and two digits (vietnam.md §1.5).
func isDepartment(s string) bool {
	if len(s) < 3 || s[0] != 'K' || !digits(s[1:3]) {
		return false
	}
	rest := s[3:]
	switch {
	case rest == "":
		return true
	case strings.HasPrefix(rest, ".D"):
		return len(rest) == 4 && digits(rest[2:])
	case rest[0] == '.':
		return len(rest) > 1 && digits(rest[1:])
	}
	return len(rest)%2 == 0 && digits(rest)
}

// isBed: H, T, C or K and three digits.
func isBed(s string) bool {
	return len(s) == 4 && strings.IndexByte("HTCK", s[0]) >= 0 && digits(s[1:])
}

// isTender: number;Gx;Ny;year.
func isTender(s string) bool {
	number, rest, _ := strings.Cut(s, ";")
	pack, rest, _ := strings.Cut(rest, ";")
	class, year, _ := strings.Cut(rest, ";")
	return number != "" && len(pack) > 1 && pack[0] == 'G' && len(class) > 1 && class[0] == 'N' && len(year) == 4 && digits(year)
}

// isPhone: 9 to 12 digits, with a leading plus and separators as people write them.
func isPhone(s string) bool {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n++
		case c == '+' && i == 0, c == ' ', c == '.', c == '-':
		default:
			return false
		}
	}
	return n >= 9 && n <= 12
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// name judges a person's name. Someone brought in unknown is often named by a
// number: digits are a finding only beside a number of theirs.
func (j *judge) name(text string, at place, identified bool) {
	if identified && strings.ContainsAny(text, "0123456789") {
		j.problem(at, "pattern", none)
	}
	if strings.IndexFunc(text, func(r rune) bool { return r > 0x7f }) >= 0 && (strings.ContainsAny(text, "\u00d0\u0189\u00f0\u0256") || !norm.NFC.IsNormalString(text)) {
		clean := care.Clean(text)
		j.problem(at, "letters", fault.Text{VI: "Viết lại là " + clean + ".", EN: "Write " + clean + "."})
	}
	switch key := care.NameKey(text); {
	case key == "test", key == "abc", key == "xxx", key == "demo",
		strings.HasPrefix(key, "test "), strings.HasSuffix(key, " test"), strings.Contains(key, " test "):
		j.problem(at, "test_value", none)
	}
}

// citizen judges SO_CCCD; a number of the synthetic range is like any other.
func (j *judge) citizen(text string, at place, s *stay) {
	id, err := care.ParseCitizenID(text)
	switch {
	case filler(text):
		j.problem(at, "test_value", none)
	case err != nil:
		if care.TypeID(text) == care.IDOther {
			j.problem(at, "pattern", none)
		}
	case id[0] != '0' || !catalog.OldProvince(string(id[1:3])):
		j.problem(at, "province", none)
	default:
		year, full := id.Year()
		born := s.birth.Year()
		if !full {
			born %= 100
		}
		if (s.sex == care.Male || s.sex == care.Female) && s.sex != id.Sex() || !s.birth.IsZero() && born != year {
			j.problem(at, "contradicts", none)
		}
	}
}

// filler reports numbers typed to get past a form: one digit throughout, or counting.
func filler(s string) bool {
	if len(s) < 9 || !digits(s) {
		return false
	}
	same, counting := true, true
	for i := 1; i < len(s); i++ {
		same = same && s[i] == s[0]
		counting = counting && (s[i]-'0') == (s[i-1]-'0'+1)%10
	}
	return same || counting
}
