package declaration

import (
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// usualLength is how many code points a text has at most where the declaration
// does not say.
const usualLength = 1000

// column is a field, compiled.
type column struct {
	*registry.Field
	format *regexp.Regexp
	codes  map[string]bool // its own list; nil without one
	list   string          // what values are held against, "" nothing
}

// canonical brings a text into the form of the field's type; false where it is not
// of the type, and then it comes back cleaned only.
func (c *column) canonical(text string) (string, bool) {
	text = care.Clean(text)
	switch c.Type {
	case registry.Integer:
		return integer(text)
	case registry.Decimal:
		return decimal(text)
	case registry.Boolean:
		return truthOf(text)
	case registry.Date, registry.Moment:
		m, err := care.ParseDate(text)
		if err != nil || m.Precision() < care.ByDay {
			return text, false
		}
		if c.Type == registry.Date {
			return m.Time().In(clock.Hanoi).Format(time.DateOnly), true
		}
		return m.Time().In(clock.Hanoi).Format(time.RFC3339), true
	}
	return text, true
}

var (
	integerForm = regexp.MustCompile(`^[+-]?[0-9]{1,18}$`)
	decimalForm = regexp.MustCompile(`^[+-]?[0-9]{1,18}([.,][0-9]{1,18})?$`)
)

func integer(text string) (string, bool) {
	if !integerForm.MatchString(text) {
		return text, false
	}
	n, _ := new(big.Int).SetString(text, 10)
	return n.String(), true
}

// decimal takes a comma for the point, as people here write it; grouping is not taken.
func decimal(text string) (string, bool) {
	if !decimalForm.MatchString(text) {
		return text, false
	}
	whole, fraction, _ := strings.Cut(strings.Replace(text, ",", ".", 1), ".")
	n, _ := integer(whole)
	fraction = strings.TrimRight(fraction, "0")
	if len(strings.TrimLeft(n, "-"))+len(fraction) > 18 {
		return text, false
	}
	if fraction == "" {
		return n, true
	}
	if n == "0" && strings.HasPrefix(whole, "-") {
		n = "-0"
	}
	return n + "." + fraction, true
}

func truthOf(text string) (string, bool) {
	switch strings.ToLower(text) {
	case "true", "1", "có", "yes", "x", "đúng":
		return "true", true
	case "false", "0", "không", "no", "sai":
		return "false", true
	}
	return text, false
}

func ordered(t registry.Type) bool {
	return t == registry.Integer || t == registry.Decimal || t == registry.Date || t == registry.Moment
}

// compare orders two canonical texts of a type.
func compare(t registry.Type, a, b string) int {
	if t == registry.Integer || t == registry.Decimal {
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if okX && okY {
			return x.Cmp(y)
		}
	}
	return strings.Compare(a, b) // days and moments of one zone sort as text
}

// look says what is wrong with a canonical text that is there.
func (c *column) look(text string, typed bool, lists func(list, code string) (known, has bool)) *registry.Finding {
	longest := c.MaxLength
	if longest == 0 {
		longest = usualLength
	}
	switch {
	case !typed:
		return c.finding("format", "correct")
	case utf8.RuneCountInString(text) > longest:
		return c.finding("length", "correct")
	case c.format != nil && !c.format.MatchString(text):
		return c.finding("format", "correct")
	case c.Min != "" && compare(c.Type, text, c.Min) < 0, c.Max != "" && compare(c.Type, text, c.Max) > 0:
		return c.finding("range", "correct")
	case c.codes != nil && !c.codes[text]:
		return c.finding("not_in_list", "unified")
	case c.codes == nil && c.list != "" && lists != nil:
		if known, has := lists(c.list, text); known && !has {
			f := c.finding("not_in_list", "unified")
			if c.List == "" { // the list of facilities may be behind: what is of one that it lacks is taken, and told
				f.Severity = "warning"
			}
			return f
		}
	}
	return nil
}

var typeTexts = map[registry.Type]fault.Text{
	registry.Integer: {VI: "không phải số nguyên", EN: "is no integer"},
	registry.Decimal: {VI: "không phải số", EN: "is no number"},
	registry.Boolean: {VI: "không phải có/không", EN: "is neither true nor false"},
	registry.Date:    {VI: "không phải ngày có thật", EN: "is no day that exists"},
	registry.Moment:  {VI: "không phải ngày giờ có thật", EN: "is no moment that exists"},
}

// whats are what can be wrong with a field, by the last part of a finding's code.
var whats = map[string]fault.Text{
	"missing":     {VI: "còn thiếu", EN: "is missing"},
	"length":      {VI: "dài quá giới hạn", EN: "is longer than it may be"},
	"format":      {VI: "không đúng dạng đã khai báo", EN: "is not in the form declared"},
	"range":       {VI: "nằm ngoài khoảng cho phép", EN: "is out of its bounds"},
	"not_in_list": {VI: "không có trong danh mục", EN: "is not of its list"},
}

func said(f *registry.Field, what string) fault.Text {
	about := whats[what]
	if typed, ok := typeTexts[f.Type]; ok && what == "format" {
		about = typed
	}
	return fault.Text{VI: f.Label.VI + " " + about.VI + ".", EN: f.Label.EN + " " + about.EN + "."}
}

func (c *column) finding(what, word string) *registry.Finding {
	return &registry.Finding{Code: "entry." + c.Name + "." + what, Word: word, Field: c.Name, Severity: "error", Text: said(c.Field, what)}
}

var (
	unknownField = fault.Text{VI: "Có trường không được khai báo.", EN: "There is a field that is not declared."}
	endsBefore   = fault.Text{VI: "Ngày kết thúc trước ngày bắt đầu.", EN: "It ends before it begins."}
)

// Finding says again what a code of Check said, as far as the declaration still
// has it: the field "" where it is about no one field, the text zero where it is not known.
func (db *Database) Finding(code string) (field string, text fault.Text) {
	if rule, ok := strings.CutPrefix(code, "rule."); ok {
		for i := range db.Declaration.Rules {
			if r := &db.Declaration.Rules[i]; r.Code == rule {
				return r.Field, r.Text
			}
		}
		return "", fault.Text{}
	}
	name, what, _ := strings.Cut(strings.TrimPrefix(code, "entry."), ".")
	f := fieldIn(db.Declaration, name)
	switch _, known := whats[what]; {
	case code == "entry.unknown_field":
		return "", unknownField
	case f == nil:
		return "", fault.Text{}
	case what == "before":
		return name, endsBefore
	case known:
		return name, said(f, what)
	}
	return name, fault.Text{}
}
