package speech

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"lienthong/internal/fault"
)

// What can be wrong with a command as it was typed. What it is about (the flag,
// the command) is the cause, which is shown under the sentence.
var (
	errCommandUnknown  = fault.New(fault.Invalid, "usage.command_unknown", "Không có lệnh này.", "There is no such command.")
	errCommandMissing  = fault.New(fault.Invalid, "usage.command_missing", "Thiếu lệnh con.", "A command of these is missing.")
	errFlagUnknown     = fault.New(fault.Invalid, "usage.flag_unknown", "Lệnh này không có cờ đó.", "This command has no such flag.")
	errFlagMissing     = fault.New(fault.Invalid, "usage.flag_missing", "Thiếu cờ bắt buộc.", "A flag that is required is missing.")
	errFlagsTogether   = fault.New(fault.Invalid, "usage.flags_together", "Các cờ này không dùng cùng nhau được.", "These flags cannot be used together.")
	errArgumentMissing = fault.New(fault.Invalid, "usage.argument_missing", "Thiếu đối số.", "An argument is missing.")
	errArgumentExtra   = fault.New(fault.Invalid, "usage.argument_unexpected", "Thừa đối số.", "There is an argument too many.")
	errValueMissing    = fault.New(fault.Invalid, "usage.value_missing", "Cờ này cần một giá trị.", "This flag needs a value.")
	errValueForm       = fault.New(fault.Invalid, "usage.value_form", "Giá trị không đúng dạng.", "The value is not in its form.")
	errValueUnlisted   = fault.New(fault.Invalid, "usage.value_unlisted", "Giá trị không có trong danh sách cho phép.", "The value is none of those allowed.")
	errFileAbsent      = fault.New(fault.Invalid, "usage.file_absent", "Không có tệp hoặc thư mục này.", "There is no such file or directory.")
	errFileKind        = fault.New(fault.Invalid, "usage.file_kind", "Cần một tệp, đây là thư mục, hoặc ngược lại.", "A file is needed where this is a directory, or the other way round.")
	errUsage           = fault.New(fault.Invalid, "usage.invalid", "Chưa hiểu lệnh này.", "This command could not be understood.")
)

// said is a form of the parser's sentences: which fault it is, and what of it
// is told as the cause, in Vietnamese and English.
type said struct {
	form   *regexp.Regexp
	is     *fault.Error
	vi, en string
}

// sayings are the sentences of kong 1.17, the more particular first. A test
// provokes each: another version that words one otherwise fails it.
var sayings = []said{
	{regexp.MustCompile(`^unknown flag (\S+), did you mean (?:one of )?(.+)\?$`), errFlagUnknown, "$1; có phải là $2?", "$1; did you mean $2?"},
	{regexp.MustCompile(`^unknown flag (.+)$`), errFlagUnknown, "$1", "$1"},
	{regexp.MustCompile(`^missing flags: (.+)$`), errFlagMissing, "$1", "$1"},
	{regexp.MustCompile(`^(--\S+) and (--\S+) can't be used together$`), errFlagsTogether, "$1, $2", "$1, $2"},
	{regexp.MustCompile(`^missing positional arguments (.+)$`), errArgumentMissing, "$1", "$1"},
	{regexp.MustCompile(`^expected "(<.+>.*)"$`), errArgumentMissing, "$1", "$1"},
	{regexp.MustCompile(`^expected (?:one of )?".+$`), errCommandMissing, "", ""},
	{regexp.MustCompile(`^unexpected argument (.+), did you mean (?:one of )?(.+)\?$`), errArgumentExtra, "$1; có phải là $2?", "$1; did you mean $2?"},
	{regexp.MustCompile(`^unexpected argument (.+)$`), errArgumentExtra, "$1", "$1"},
	{regexp.MustCompile(`^unexpected flag argument "?(.+?)"?$`), errArgumentExtra, "$1", "$1"},
	{regexp.MustCompile(`^(\S+) must be one of (.+) but got (.+)$`), errValueUnlisted, "$1: $3; cho phép: $2", "$1: $3; allowed: $2"},
	{regexp.MustCompile(`^(\S+): missing value.*$`), errValueMissing, "$1", "$1"},
	{regexp.MustCompile(`^(\S+): expected \S+ value but got "EOL".*$`), errValueMissing, "$1", "$1"},
	{regexp.MustCompile(`^(\S+): expected (.+?) value but got (".*?") \(.*$`), errValueMissing, "$1: sau đó là $3", "$1: $3 follows it"},
	{regexp.MustCompile(`^(\S+): .*but got (".*?")[:,]?.*$`), errValueForm, "$1: $2", "$1: $2"},
	{regexp.MustCompile(`^(\S+): (?:stat|open) (.+): no such file or directory$`), errFileAbsent, "$1: $2", "$1: $2"},
	{regexp.MustCompile(`^(\S+): (".+") exists but is (?:not )?a directory$`), errFileKind, "$1: $2", "$1: $2"},
}

// Wrong tells what is wrong with a command as it was typed, as a fault with a
// code usage.*; its cause is in the language of the pages.
func (p *Pages) Wrong(err error) error {
	node := selected(err)
	var path *os.PathError
	if errors.As(err, &path) && errors.Is(err, os.ErrNotExist) { // systems word it in their own way
		return errFileAbsent.Because(errors.New(path.Path))
	}
	for _, s := range sayings {
		found := s.form.FindStringSubmatchIndex(err.Error())
		if found == nil {
			continue
		}
		is, form := s.is, s.en
		if p.Lang == "vi" {
			form = s.vi
		}
		if is == errArgumentExtra && node != nil && len(node.Children) > 0 {
			is = errCommandUnknown
		}
		about := string(s.form.ExpandString(nil, form, err.Error(), found))
		switch {
		case is == errFlagMissing:
			about = p.required(node, about)
		case about == "":
			return is
		}
		return is.Because(errors.New(about))
	}
	return errUsage.Because(err)
}

// required names the missing flags as the pages of help do.
func (p *Pages) required(n *kong.Node, said string) string {
	var all []string
	for at := n; at != nil; at = at.Parent {
		for _, f := range at.Flags {
			if f.Required && !f.Set {
				all = append(all, p.flag(f))
			}
		}
	}
	if len(all) == 0 {
		return said
	}
	return strings.Join(all, ", ")
}

// selected is how far a command was understood; nil of none.
func selected(err error) *kong.Node {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil {
		return nil
	}
	if n := parse.Context.Selected(); n != nil {
		return n
	}
	return parse.Context.Model.Node
}

// Hint prints, under what is wrong, what there is: the commands under the one
// that was typed, or where its page is.
func (p *Pages) Hint(w io.Writer, err error) {
	n := selected(err)
	if n == nil {
		return
	}
	if n.Parent != nil && len(n.Children) > 0 {
		var b strings.Builder
		p.children(&b, n)
		fmt.Fprintln(w, strings.Trim(b.String(), "\n"))
	}
	fmt.Fprintf(w, "%s %s\n", p.say("See:"), strings.TrimSpace("lienthong help "+path(n)))
}

// Unknown is the fault of a command that help is asked about and that is none.
func Unknown(name string) error { return errCommandUnknown.Because(errors.New(name)) }
