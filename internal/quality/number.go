package quality

import (
	"strconv"
	"strings"

	"lienthong/internal/fault"
)

// number is a decimal of a dossier in thousandths: prices have three decimals,
// amounts two. stated is false where the field is empty or no number.
type number struct {
	milli  int64
	stated bool
	finer  bool // had more than three decimals; products of it are not judged
}

// maxWhole is the longest whole part: 15 digits in thousandths fit an int64.
const maxWhole = 15

// parseNumber reads an optional minus, digits, and an optional point with
// digits. Anything else, also a comma or an exponent, is no number.
func parseNumber(s string) (number, bool) {
	n := number{stated: true}
	i, negative := 0, false
	if s != "" && s[0] == '-' {
		negative, i = true, 1
	}
	start := i
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		n.milli = n.milli*10 + int64(s[i]-'0')
		if i-start >= maxWhole && n.milli != 0 {
			return number{}, false
		}
	}
	if i == start {
		return number{}, false
	}
	n.milli *= 1000
	if i < len(s) {
		if s[i] != '.' || i+1 == len(s) {
			return number{}, false
		}
		unit := int64(100)
		for i++; i < len(s); i++ {
			if s[i] < '0' || s[i] > '9' {
				return number{}, false
			}
			d := int64(s[i] - '0')
			n.milli += d * unit
			n.finer = n.finer || unit == 0 && d != 0
			unit /= 10
		}
	}
	if negative {
		n.milli = -n.milli
	}
	return n, true
}

// money writes an amount as dossiers do: decimal point, two decimals.
func money(milli int64) string {
	sign := ""
	if milli < 0 {
		sign, milli = "-", -milli
	}
	cents := (milli + 5) / 10
	frac := strconv.FormatInt(cents%100+100, 10)[1:]
	return sign + strconv.FormatInt(cents/100, 10) + "." + frac
}

// wanted is the hint that names the computed value.
func wanted(value string) fault.Text {
	return fault.Text{VI: "Giá trị tính được: " + value + ".", EN: "Computed value: " + value + "."}
}

// numberHint offers the same text with a decimal point where a comma stands.
func numberHint(s string) fault.Text {
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		if dotted := strings.Replace(s, ",", ".", 1); validNumber(dotted) {
			return fault.Text{VI: "Dùng dấu chấm thập phân: " + dotted + ".", EN: "Use a decimal point: " + dotted + "."}
		}
	}
	return none
}

func validNumber(s string) bool {
	_, ok := parseNumber(s)
	return ok
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
