package expression

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"

	"lienthong/internal/fault"
)

// mistake puts the first complaint of CEL into both languages.
func mistake(issues *cel.Issues) *Mistake {
	errs := issues.Errors()
	if len(errs) == 0 {
		return &Mistake{Fault: ErrInvalid, Said: said(issues.Err().Error())}
	}
	first := errs[0]
	m := &Mistake{Fault: ErrInvalid, Said: said(first.Message)}
	if first.Location != nil && first.Location.Line() > 0 {
		m.Line, m.Column = first.Location.Line(), first.Location.Column()+1
	}
	return m
}

// complaints are what CEL says most, in the order they are tried.
var complaints = []struct {
	form   *regexp.Regexp
	vi, en string // with %s for what the form finds
}{
	{regexp.MustCompile(`undeclared reference to '([^']*)'`), "Không có tên “%s”.", "There is no name \"%s\"."},
	{regexp.MustCompile(`undefined field '([^']*)'`), "Không có trường “%s”.", "There is no field \"%s\"."},
	{regexp.MustCompile(`found no matching overload for '([^']*)'`), "“%s” không dùng được với các giá trị này: dùng number() hoặc date() cho chữ, và viết 10.0 thay cho 10 khi tính hay so bằng với số.", "\"%s\" does not work on these values: use number() or date() on text, and write 10.0 for 10 where numbers are added or equal."},
	{regexp.MustCompile(`invalid matches argument|error parsing regexp|regex`), "Biểu thức chính quy chưa đúng hoặc quá dài.", "The regular expression is wrong or too long."},
	{regexp.MustCompile(`(?:exceeds|exceeded|limit)`), "Biểu thức dài hoặc lồng nhau quá sâu.", "The expression is too long or too deeply nested."},
	{regexp.MustCompile(`token recognition error`), "Có ký tự không dùng được; kiểm tra dấu nháy.", "There is a character that cannot be used; check the quotes."},
	{regexp.MustCompile(`^Syntax error`), "Sai cú pháp ở đây: kiểm tra dấu ngoặc, dấu nháy và phép so sánh (==, !=, <, &&, ||).", "Wrong syntax here: check brackets, quotes and comparisons (==, !=, <, &&, ||)."},
}

func said(message string) fault.Text {
	for _, c := range complaints {
		found := c.form.FindStringSubmatch(message)
		switch {
		case found == nil:
		case len(found) == 2:
			what := shown(strings.Trim(found[1], "_@"))
			return fault.Text{VI: fmt.Sprintf(c.vi, what), EN: fmt.Sprintf(c.en, what)}
		default:
			return fault.Text{VI: c.vi, EN: c.en}
		}
	}
	return fault.Text{VI: "Biểu thức chưa đúng ở đây.", EN: "The expression is wrong here."}
}

// shown cuts a name that somebody wrote to what fits into a sentence.
func shown(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
