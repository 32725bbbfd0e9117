package insight

import (
	"strconv"
	"strings"
)

// Range is a reference interval of a laboratory result. High 0 means open
// above, Low 0 open below.
type Range struct {
	Low, High float64
	Sent      bool // written by the laboratory itself; else a usual interval of adults
}

// Where says where a result lies.
type Where int

// The places of a value against its range.
const (
	Unknown Where = iota // no number, or no range
	Low
	Normal
	High
)

// usual are common intervals of adults by index name (folded) and unit
// (folded), for results whose laboratory wrote none; XML4 of QĐ 4750 has no
// field for one. They only help reading: no rule and no leg looks at them, and
// the page says that they are not the laboratory's own.
var usual = map[string]Range{
	"glucose|mmol/l": {Low: 3.9, High: 6.4}, "duong huyet|mmol/l": {Low: 3.9, High: 6.4},
	"ure|mmol/l": {Low: 2.5, High: 7.5}, "urea|mmol/l": {Low: 2.5, High: 7.5},
	"creatinin|umol/l": {Low: 44, High: 110}, "creatinine|umol/l": {Low: 44, High: 110},
	"ast|u/l": {High: 40}, "got|u/l": {High: 40}, "alt|u/l": {High: 40}, "gpt|u/l": {High: 40},
	"natri|mmol/l": {Low: 135, High: 145}, "na|mmol/l": {Low: 135, High: 145},
	"kali|mmol/l": {Low: 3.5, High: 5}, "k|mmol/l": {Low: 3.5, High: 5},
	"clo|mmol/l": {Low: 98, High: 106}, "crp|mg/l": {High: 5},
	"bach cau|g/l": {Low: 4, High: 10}, "wbc|g/l": {Low: 4, High: 10},
	"hong cau|t/l": {Low: 3.8, High: 5.8}, "rbc|t/l": {Low: 3.8, High: 5.8},
	"hemoglobin|g/l": {Low: 120, High: 170}, "huyet sac to|g/l": {Low: 120, High: 170}, "hgb|g/l": {Low: 120, High: 170},
	"tieu cau|g/l": {Low: 150, High: 400}, "plt|g/l": {Low: 150, High: 400},
	"hba1c|%": {Low: 4, High: 6}, "cholesterol|mmol/l": {High: 5.2},
	"triglycerid|mmol/l": {High: 1.7}, "triglyceride|mmol/l": {High: 1.7},
	"acid uric|umol/l": {Low: 150, High: 420}, "procalcitonin|ng/ml": {High: 0.5},
}

// RangeOf finds a result's range: the one its laboratory wrote in a note
// ("3,9 - 6,4", "< 5,0", "Tăng so với tham chiếu 120-165"), else a usual one.
// fold turns Vietnamese to plain lower case (package care).
func RangeOf(name, unit string, notes []string, fold func(string) string) (Range, bool) {
	for _, note := range notes {
		if _, after, ok := strings.Cut(note, "tham chiếu"); ok && len(note) < 120 {
			note = strings.Trim(after, " :.()")
		}
		if r, ok := parseRange(note); ok {
			return r, true
		}
	}
	u := strings.ReplaceAll(strings.ReplaceAll(fold(unit), "µ", "u"), "μ", "u")
	n := fold(name)
	n, _, _ = strings.Cut(n, " (")
	for _, cut := range []string{"dinh luong ", "xet nghiem ", "so luong "} {
		n = strings.TrimPrefix(n, cut)
	}
	n = strings.TrimSuffix(strings.TrimSuffix(n, " mau"), " luc doi")
	r, ok := usual[strings.TrimSpace(n)+"|"+strings.TrimSpace(u)]
	return r, ok
}

// parseRange reads a note that is nothing but a range, short of 40 bytes.
func parseRange(note string) (Range, bool) {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > 40 {
		return Range{}, false
	}
	if rest, ok := strings.CutPrefix(note, "<"); ok {
		high, ok := Number(rest)
		return Range{High: high, Sent: true}, ok && high > 0
	}
	if rest, ok := strings.CutPrefix(note, ">"); ok {
		low, ok := Number(rest)
		return Range{Low: low, Sent: true}, ok && low > 0
	}
	for _, dash := range []string{"–", "-"} {
		if a, b, ok := strings.Cut(note, dash); ok {
			low, okLow := Number(a)
			high, okHigh := Number(b)
			return Range{Low: low, High: high, Sent: true}, okLow && okHigh && high > low
		}
	}
	return Range{}, false
}

// Number reads a decimal with point or comma.
func Number(s string) (float64, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), ",", ".")
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// Place says where a value lies.
func (r Range) Place(v float64) Where {
	switch {
	case r.Low > 0 && v < r.Low:
		return Low
	case r.High > 0 && v > r.High:
		return High
	case r.Low == 0 && r.High == 0:
		return Unknown
	}
	return Normal
}
