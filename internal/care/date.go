package care

import (
	"strings"
)

// ParseDate reads a date of documents outside the QĐ 4750 family: dd/MM/yyyy and
// yyyy-MM-dd, with HH:mm or HH:mm:ss behind or without, "/" and "-" for one
// another, a T or blanks between, a zone behind; and the family's own forms. A
// year (1960), and MM/yyyy, are dates as coarse as they say. Seconds, their
// fractions and zones are dropped: all is Hanoi time. Faults: those of
// ParseMoment.
func ParseDate(s string) (Moment, error) {
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, "/-") {
		if len(s) == 4 {
			s += "0000"
		}
		if len(s) == 14 { // yyyyMMddHHmmss
			s = s[:12]
		}
		return ParseMoment(s)
	}
	day, rest, _ := strings.Cut(strings.Replace(s, "T", " ", 1), " ")
	parts := strings.Split(strings.ReplaceAll(day, "-", "/"), "/")
	var y, m, d string
	switch {
	case len(parts) == 3 && len(parts[0]) == 4:
		y, m, d = parts[0], parts[1], parts[2]
	case len(parts) == 3 && len(parts[2]) == 4:
		y, m, d = parts[2], parts[1], parts[0]
	case len(parts) == 2 && len(parts[1]) == 4:
		y, m, d = parts[1], parts[0], "00"
	default:
		return Moment{}, ErrMomentForm
	}
	clock, ok := timeOfDay(strings.TrimSpace(rest))
	if !ok || len(m) > 2 || len(d) > 2 {
		return Moment{}, ErrMomentForm
	}
	return ParseMoment(y + pad(m) + pad(d) + clock)
}

func pad(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}

// timeOfDay gives HHmm of "HH:mm", "HH:mm:ss", a fraction or zone behind; "" of "".
func timeOfDay(s string) (string, bool) {
	if s == "" {
		return "", true
	}
	h, rest, ok := strings.Cut(s, ":")
	if !ok || len(h) == 0 || len(h) > 2 || len(rest) < 2 {
		return "", false
	}
	if len(rest) > 2 && !strings.ContainsRune(":Z+-.", rune(rest[2])) {
		return "", false
	}
	return pad(h) + rest[:2], true
}
