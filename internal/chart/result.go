package chart

import (
	"cmp"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/insight"
)

// Place says where a value lies against its range.
type Place string

// The places; Undecided wherever it cannot be told for certain.
const (
	Undecided Place = ""
	Low       Place = "low"
	Normal    Place = "normal"
	High      Place = "high"
)

// Range is a reference interval; nil bounds are open. Usual: not the
// laboratory's own but a common one of adults.
type Range struct {
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	Usual bool     `json:"usual"`
}

// Result is one value of a test.
type Result struct {
	Name    string   `json:"name"`
	Code    string   `json:"code,omitempty"` // index code of QĐ 1227/2025
	Value   string   `json:"value"`          // as sent
	Number  *float64 `json:"number,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	NoUnit  bool     `json:"no_unit"` // a number without a unit: it cannot be compared
	Range   *Range   `json:"range,omitempty"`
	Place   Place    `json:"place,omitempty"`
	Note    string   `json:"note,omitempty"` // description and conclusion
	Service string   `json:"service,omitempty"`
	Source  Source   `json:"source"`
}

// Series is one test in one unit over time, newest first. Values in another unit
// are another series: nothing is converted.
type Series struct {
	Name   string   `json:"name"`
	Code   string   `json:"code,omitempty"`
	Unit   string   `json:"unit,omitempty"`
	Points []Result `json:"points"`
}

// Latest is the newest value.
func (s *Series) Latest() *Result { return &s.Points[0] }

// seriesOf lists the tests, the last done first.
func seriesOf(entries []reading, folded folds) []Series {
	var list []Series
	at := map[string]int{}
	for i := range entries {
		r := &entries[i]
		for _, t := range r.tables() {
			if !tests(t.Columns.Table) {
				continue
			}
			for row := range t.Rows {
				x, ok := resultOf(r, t, row, folded)
				if !ok {
					continue
				}
				name := x.Code
				if name == "" {
					name = folded.of(x.Name)
				}
				key := name + "|" + strings.ToLower(x.Unit)
				k, met := at[key]
				if !met {
					if len(list) >= 4*maxItems {
						continue
					}
					k = len(list)
					at[key] = k
					list = append(list, Series{Name: x.Name, Code: x.Code, Unit: x.Unit})
				}
				list[k].add(x)
			}
		}
	}
	for i := range list {
		slices.SortStableFunc(list[i].Points, func(a, b Result) int { return b.Source.moment().Compare(a.Source.moment()) })
	}
	slices.SortStableFunc(list, func(a, b Series) int {
		return cmp.Or(b.Latest().Source.moment().Compare(a.Latest().Source.moment()), strings.Compare(a.Name, b.Name))
	})
	return list
}

// maxPoints is how many values of a test a series has.
const maxPoints = 500

// add takes a value; the same value of the same minute and facility, told in
// another document, is no second one.
func (s *Series) add(x Result) {
	for i := range s.Points {
		p := &s.Points[i]
		if p.Value == x.Value && p.Source.At == x.Source.At && p.Source.Facility == x.Source.Facility && p.Source.Record != x.Source.Record {
			return
		}
	}
	if len(s.Points) < maxPoints {
		s.Points = append(s.Points, x)
	}
}

func tests(table string) bool {
	switch table {
	case "XML4", "KET_QUA_XET_NGHIEM", "KET_QUA_CHAN_DOAN_HINH_ANH", "KHAM_CAN_LAM_SANG":
		return true
	}
	return false
}

func resultOf(r *reading, t *dossier.Table, row int, folded folds) (Result, bool) {
	x := Result{Name: clip(text(t, row, "TEN_CHI_SO", "TEN_DICH_VU")), Code: clip(text(t, row, "MA_CHI_SO")), Value: clip(text(t, row, "GIA_TRI")),
		Unit: clip(text(t, row, "DON_VI_DO")), Service: clip(text(t, row, "MA_DICH_VU")), Source: r.source(t, row, "", "NGAY_KQ")}
	description, conclusion := text(t, row, "MO_TA"), text(t, row, "KET_LUAN", "KET_QUA")
	if x.Name == "" {
		x.Name = x.Code
	}
	if x.Name == "" || x.Value == "" && description == "" && conclusion == "" {
		return x, false
	}
	notes := []string{text(t, row, "KHOANG_THAM_CHIEU"), description, conclusion}
	if sign, n, ok := number(x.Value); ok {
		if sign == 0 {
			x.Number = &n
		}
		x.NoUnit = x.Unit == ""
		x.judge(sign, n, notes, r.adult, folded.of)
	}
	for _, note := range notes[1:] {
		if x.Range != nil && !x.Range.Usual && rangeOnly(note) {
			continue // it is in the range already
		}
		x.Note = strings.TrimSpace(x.Note + " " + note)
	}
	x.Note = clip(x.Note)
	return x, true
}

func rangeOnly(note string) bool {
	_, ok := insight.RangeOf("", "", []string{note}, care.Fold)
	return ok
}

// number reads "5,4", "<0,5" (sign -1) and ">100" (sign 1).
func number(s string) (sign int, n float64, ok bool) {
	switch {
	case strings.HasPrefix(s, "<"):
		sign, s = -1, strings.TrimPrefix(s[1:], "=")
	case strings.HasPrefix(s, ">"):
		sign, s = 1, strings.TrimPrefix(s[1:], "=")
	}
	n, ok = insight.Number(s)
	return sign, n, ok
}

// judge finds the range and says where the value lies. A usual interval is held
// only against values of adults that have a unit; a value that is itself a bound
// is placed only where every value it may stand for lies there.
func (x *Result) judge(sign int, n float64, notes []string, adult bool, fold func(string) string) {
	given, ok := insight.RangeOf(x.Name, x.Unit, notes, fold)
	if !ok || !given.Sent && (!adult || x.Unit == "") {
		return
	}
	x.Range = &Range{Usual: !given.Sent}
	if given.Low > 0 || given.Sent && given.High == 0 {
		x.Range.Low = &given.Low
	}
	if given.High > 0 {
		x.Range.High = &given.High
	}
	low, high := x.Range.Low, x.Range.High
	switch {
	case sign < 0 && low != nil && n <= *low:
		x.Place = Low
	case sign < 0 && low == nil && high != nil && n <= *high:
		x.Place = Normal
	case sign > 0 && high != nil && n >= *high:
		x.Place = High
	case sign > 0 && high == nil && low != nil && n >= *low:
		x.Place = Normal
	case sign != 0:
	case low != nil && n < *low:
		x.Place = Low
	case high != nil && n > *high:
		x.Place = High
	default:
		x.Place = Normal
	}
}
