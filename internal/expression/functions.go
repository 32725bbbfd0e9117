package expression

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Function is one of the functions that expressions have beside CEL's own.
type Function struct {
	Name    string
	Form    string // "days(from, to)"
	Says    fault.Text
	Example string // over the row "row" with the field A, or constants
}

// Functions lists them for people who write expressions.
func Functions() []Function { return slices.Clone(described) }

var described = []Function{
	{"number", "number(text)", fault.Text{VI: "Số đọc từ chữ; dấu chấm trước phần lẻ. Chữ không phải số: biểu thức không tính được.", EN: "The number a text stands for, with a point before the fraction. A text that is none makes the expression fail."}, `number("12.5") > 12.0`},
	{"is_number", "is_number(text)", fault.Text{VI: "Chữ có phải là số không.", EN: "Whether a text is a number."}, `is_number("12.5")`},
	{"date", "date(text)", fault.Text{VI: "Thời điểm đọc từ chữ: yyyyMMdd, yyyyMMddHHmm, dd/MM/yyyy, yyyy-MM-dd, có giờ hoặc không, giờ Hà Nội.", EN: "The moment a text stands for: yyyyMMdd, yyyyMMddHHmm, dd/MM/yyyy, yyyy-MM-dd, with a time or without, of Hanoi."}, `date("20260301") < date("02/03/2026")`},
	{"is_date", "is_date(text)", fault.Text{VI: "Chữ có phải là ngày có thật không.", EN: "Whether a text is a date that exists."}, `is_date("20260230") == false`},
	{"day", "day(text)", fault.Text{VI: "Ngày của một thời điểm, viết yyyy-MM-dd; chữ trống cho ra trống.", EN: "The day of a moment as yyyy-MM-dd; nothing for nothing."}, `day("202603010830") == "2026-03-01"`},
	{"moment", "moment(text)", fault.Text{VI: "Thời điểm viết theo RFC 3339, giờ Hà Nội; chữ trống cho ra trống.", EN: "A moment as RFC 3339 with the zone of Hanoi; nothing for nothing."}, `moment("202603010830") == "2026-03-01T08:30:00+07:00"`},
	{"year", "year(text)", fault.Text{VI: "Năm của một ngày.", EN: "The year of a date."}, `year("19880324") == 1988`},
	{"days", "days(from, to)", fault.Text{VI: "Số ngày theo lịch từ ngày này đến ngày kia; âm nếu ngược.", EN: "Calendar days from one date to another; negative backwards."}, `days("20260228", "20260301") == 1`},
	{"in_list", "in_list(code, list)", fault.Text{VI: "Mã có trong danh mục không. Tên danh mục sai bị báo ngay khi soạn.", EN: "Whether a list has a code. A list that does not exist is told when the expression is written."}, `in_list("1", "GIOI_TINH")`},
	{"in_codes", "in_codes(code, ranges)", fault.Text{VI: "Mã bệnh có nằm trong các khoảng không: \"A00-A09,B15,O80-O84\".", EN: "Whether a code of disease is within ranges: \"A00-A09,B15,O80-O84\"."}, `in_codes("A08.4", "A00-A09,B15")`},
	{"part", "part(text, n)", fault.Text{VI: "Phần thứ n (từ 1) của chữ có dấu chấm phẩy ngăn; trống nếu không có.", EN: "The n-th part (from 1) of a text separated by semicolons; nothing where there is none."}, `part("A00;B15", 2) == "B15"`},
	{"fold", "fold(text)", fault.Text{VI: "Chữ thường, bỏ dấu, để so sánh tên.", EN: "Lower case without marks, to compare names."}, `fold("Nguyễn Ánh") == "nguyen anh"`},
	{"round", "round(number, n)", fault.Text{VI: "Làm tròn đến n số lẻ (0 đến 9).", EN: "Rounded to n places (0 to 9)."}, `round(2.345, 1) == 2.3`},
	{"shown", "shown(number)", fault.Text{VI: "Số viết thành chữ, không có số không thừa.", EN: "A number as text, without needless zeros."}, `shown(12.50) == "12.5"`},
}

// own reports whether a function is one of ours: those described above. It is asked
// at every call.
func own(function string) bool {
	switch function {
	case "number", "is_number", "date", "is_date", "day", "moment", "year", "days", "in_list", "in_codes", "part", "fold", "round", "shown":
		return true
	}
	return false
}

// catalogued answers in_list from package catalog.
func catalogued(list, code string) (known, has bool) {
	l := catalog.List(list)
	if !slices.Contains(catalog.Lists(), l) {
		return false, false
	}
	_, ever := catalog.Has(l, code, 0)
	return true, ever
}

func functions(lists func(list, code string) (known, has bool)) []cel.EnvOption {
	str, integer, double, boolean := cel.StringType, cel.IntType, cel.DoubleType, cel.BoolType
	one := func(name string, result *cel.Type, do func(s string) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{str}, result,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return do(string(v.(types.String))) })))
	}
	two := func(name string, b, result *cel.Type, do func(a, b ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_two", []*cel.Type{str, b}, result, cel.BinaryBinding(do)))
	}
	text := func(v ref.Val) string { return string(v.(types.String)) }
	return []cel.EnvOption{
		cel.Function("number",
			cel.Overload("number_string", []*cel.Type{str}, double, cel.UnaryBinding(func(v ref.Val) ref.Val { return number(text(v)) })),
			cel.Overload("number_int", []*cel.Type{integer}, double, cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Double(v.(types.Int)) })),
			cel.Overload("number_double", []*cel.Type{double}, double, cel.UnaryBinding(func(v ref.Val) ref.Val { return v }))),
		one("is_number", boolean, func(s string) ref.Val { return types.Bool(!types.IsError(number(s))) }),
		one("date", cel.TimestampType, func(s string) ref.Val {
			return of(s, func(t time.Time) ref.Val { return types.Timestamp{Time: t} })
		}),
		one("is_date", boolean, func(s string) ref.Val { _, err := care.ParseDate(s); return types.Bool(err == nil) }),
		one("day", str, func(s string) ref.Val { return written(s, time.DateOnly) }),
		one("moment", str, func(s string) ref.Val { return written(s, time.RFC3339) }),
		one("year", integer, func(s string) ref.Val { return of(s, func(t time.Time) ref.Val { return types.Int(t.Year()) }) }),
		two("days", str, integer, func(a, b ref.Val) ref.Val { return days(text(a), text(b)) }),
		two("in_list", str, boolean, func(a, b ref.Val) ref.Val { _, has := lists(text(b), text(a)); return types.Bool(has) }),
		two("in_codes", str, boolean, func(a, b ref.Val) ref.Val { return types.Bool(inCodes(text(a), text(b))) }),
		two("part", integer, str, func(a, b ref.Val) ref.Val { return part(text(a), int64(b.(types.Int))) }),
		one("fold", str, func(s string) ref.Val { return types.String(care.Fold(s)) }),
		cel.Function("round", cel.Overload("round_double_int", []*cel.Type{double, integer}, double,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val { return round(float64(a.(types.Double)), int64(b.(types.Int))) }))),
		cel.Function("shown", cel.Overload("shown_double", []*cel.Type{double}, str,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(decimal(float64(v.(types.Double)))) }))),
	}
}

// number reads digits with a sign and a point at most; nothing else is a number.
func number(s string) ref.Val {
	s = strings.TrimSpace(s)
	digits := strings.Trim(strings.Replace(strings.TrimLeft(s, "+-"), ".", "", 1), "0123456789")
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || digits != "" {
		return types.NewErr("no number")
	}
	return types.Double(f)
}

func of(s string, do func(time.Time) ref.Val) ref.Val {
	m, err := care.ParseDate(s)
	if err != nil {
		return types.NewErr("no date")
	}
	return do(m.Time())
}

func written(s, layout string) ref.Val {
	if strings.TrimSpace(s) == "" {
		return types.String("")
	}
	return of(s, func(t time.Time) ref.Val { return types.String(t.In(clock.Hanoi).Format(layout)) })
}

// days counts midnights of Hanoi between two dates; that zone has no summer time.
func days(from, to string) ref.Val {
	return of(from, func(a time.Time) ref.Val {
		return of(to, func(b time.Time) ref.Val { return types.Int(dayNumber(b) - dayNumber(a)) })
	})
}

func dayNumber(t time.Time) int64 {
	y, m, d := t.In(clock.Hanoi).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// inCodes compares without the point and as many characters as a bound has.
func inCodes(code, ranges string) bool {
	code = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(code), ".", ""))
	if code == "" {
		return false
	}
	for r := range strings.SplitSeq(ranges, ",") {
		from, to, isRange := strings.Cut(strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(r), ".", "")), "-")
		if !isRange {
			to = from
		}
		if from != "" && to != "" && cut(code, len(from)) >= from && cut(code, len(to)) <= to {
			return true
		}
	}
	return false
}

func cut(s string, n int) string { return s[:min(n, len(s))] }

func part(s string, n int64) ref.Val {
	for p := range strings.SplitSeq(s, ";") {
		if n--; n == 0 {
			return types.String(strings.TrimSpace(p))
		}
	}
	return types.String("")
}

func round(f float64, places int64) ref.Val {
	if places < 0 || places > 9 || math.IsNaN(f) || math.IsInf(f, 0) {
		return types.NewErr("cannot be rounded")
	}
	r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(places), 64), 64)
	return types.Double(r)
}

// decimal writes a number without exponent and needless zeros.
func decimal(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	if f == math.Trunc(f) && math.Abs(f) >= 1e15 {
		n, _ := big.NewFloat(f).Int(nil)
		return n.String()
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
