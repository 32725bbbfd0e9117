package rulebook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Parse reads the text of a book: YAML, one mapping with the member rules. What it
// can read it gives, with all that is wrong; a book with problems may be kept as a
// draft and goes no further.
func Parse(text []byte) ([]Rule, []Problem) {
	p := &parser{}
	if len(text) > MaxBytes {
		return nil, []Problem{{Fault: ErrLimits, Said: ErrLimits.Text}}
	}
	if !utf8.Valid(text) || slices.Contains(text, 0) {
		return nil, []Problem{{Fault: ErrText, Said: fault.Text{VI: "Văn bản phải là UTF-8.", EN: "The text must be UTF-8."}}}
	}
	root, err := load(text)
	if err != nil {
		line, column := whereOf(err)
		return nil, []Problem{{Fault: ErrText, Line: line, Column: column, Near: lineOf(text, line), Said: fault.Text{
			VI: "Sai cú pháp YAML: kiểm tra thụt lề, dấu hai chấm và dấu nháy.", EN: "Wrong YAML: check indentation, colons and quotes."}}}
	}
	if root == nil { // an empty book judges nothing
		return nil, nil
	}
	var rules []Rule
	p.mapping(root, "", map[string]func(*yaml.Node){"rules": func(n *yaml.Node) {
		list := p.list(n, "rules", MaxRules)
		for i := range list {
			if len(p.problems) >= mostProblems {
				return
			}
			rules = append(rules, p.rule(list[i]))
		}
	}})
	for i := range p.problems {
		p.problems[i].Near = lineOf(text, p.problems[i].Line)
	}
	return rules, p.problems
}

// lineOf returns a line (from 1) of a text, "" where there is none.
func lineOf(text []byte, line int) string {
	for l := range strings.Lines(string(text)) {
		if line--; line == 0 {
			return strings.TrimRight(l, "\r\n")
		}
	}
	return ""
}

// load reads one document into nodes; nil for an empty one. It takes no aliases:
// a few of them can stand for a gigabyte.
func load(text []byte) (root *yaml.Node, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Kind == 0 || len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil
	}
	return doc.Content[0], nil
}

func whereOf(err error) (line, column int) {
	var le *yaml.LoadError
	if errors.As(err, &le) {
		return le.Mark.Line, le.Mark.Column
	}
	if _, after, ok := strings.Cut(err.Error(), "line "); ok {
		_, _ = fmt.Sscanf(after, "%d", &line) // without a number it is the whole
	}
	return line, 0
}

// parser walks nodes and notes what is wrong.
type parser struct {
	problems []Problem
	code     string // of the rule at hand
}

func (p *parser) wrong(f *fault.Error, n *yaml.Node, member, vi, en string) {
	if len(p.problems) < mostProblems {
		p.problems = append(p.problems, Problem{Fault: f, Rule: p.code, Member: member, Line: n.Line, Column: n.Column, Said: fault.Text{VI: vi, EN: en}})
	}
}

// mapping hands each member of a mapping to its reader.
func (p *parser) mapping(n *yaml.Node, what string, members map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		p.wrong(ErrText, n, what, "Chỗ này phải là các dòng “tên: giá trị”.", "Lines of \"name: value\" are wanted here.")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := members[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !ok:
			p.wrong(ErrText, key, what, "Không có mục “"+cut(key.Value)+"” ở đây.", "There is no member \""+cut(key.Value)+"\" here.")
		case seen[key.Value]:
			p.wrong(ErrText, key, what, "Mục “"+cut(key.Value)+"” viết hai lần.", "The member \""+cut(key.Value)+"\" stands twice.")
		default:
			seen[key.Value] = true
			read(value)
		}
	}
}

func (p *parser) list(n *yaml.Node, what string, most int) []*yaml.Node {
	switch {
	case n.Tag == "!!null":
		return nil
	case n.Kind != yaml.SequenceNode:
		p.wrong(ErrText, n, what, "Chỗ này phải là danh sách, mỗi mục một dấu gạch.", "A list is wanted here, a dash before each item.")
		return nil
	case len(n.Content) > most:
		p.wrong(ErrLimits, n, what, fmt.Sprintf("Có %d mục, nhiều nhất %d.", len(n.Content), most), fmt.Sprintf("There are %d items, at most %d are taken.", len(n.Content), most))
		return nil
	}
	return n.Content
}

// text reads a scalar as it is written: 010 is no eight.
func (p *parser) text(n *yaml.Node, what string, most int) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		p.wrong(ErrText, n, what, "Chỗ này phải là chữ.", "Text is wanted here.")
		return ""
	case n.Tag == "!!null":
		return ""
	case utf8.RuneCountInString(n.Value) > most:
		p.wrong(ErrLimits, n, what, fmt.Sprintf("Dài quá %d ký tự.", most), fmt.Sprintf("Longer than %d characters.", most))
		return ""
	}
	return n.Value
}

func cut(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// rule reads one rule.
func (p *parser) rule(n *yaml.Node) Rule {
	r := Rule{line: map[string]int{"": n.Line}, Severity: dossier.Warning}
	p.code = ""
	if i := slices.IndexFunc(n.Content, func(c *yaml.Node) bool { return c.Value == "code" }); n.Kind == yaml.MappingNode && i >= 0 && i+1 < len(n.Content) {
		p.code = cut(n.Content[i+1].Value)
	}
	members := map[string]func(*yaml.Node){}
	for name, to := range map[string]*string{"code": &r.Code, "kind": &r.Kind, "table": &r.Table, "field": &r.Field, "when": &r.When, "must": &r.Must,
		"word": &r.Word, "vi": &r.Text.VI, "en": &r.Text.EN, "hint_vi": &r.Hint.VI, "hint_en": &r.Hint.EN, "source": &r.Source, "confirmed_by": &r.ConfirmedBy} {
		most := 400
		if name == "when" || name == "must" {
			most = 4000
		}
		members[name] = func(v *yaml.Node) { *to, r.line[name] = strings.TrimSpace(p.text(v, name, most)), expressionLine(v) }
	}
	members["severity"] = func(v *yaml.Node) {
		r.Severity = dossier.Severity(p.text(v, "severity", 20))
		if r.Severity != dossier.Warning && r.Severity != dossier.Info {
			p.wrong(ErrRule, v, "severity", "Mức phải là warning hoặc info; quy tắc do người viết không trả hồ sơ lại.", "The severity is warning or info; a rule that people write never rejects.")
		}
	}
	members["blocks"] = func(v *yaml.Node) {
		for _, x := range p.list(v, "blocks", 2) {
			b := dossier.Purpose(p.text(x, "blocks", 20))
			if b != dossier.Payment && b != dossier.Statistics {
				p.wrong(ErrRule, x, "blocks", "Chỉ giữ được payment hoặc statistics.", "Only payment or statistics can be held back.")
				continue
			}
			r.Blocks = append(r.Blocks, b)
		}
		slices.Sort(r.Blocks)
		r.Blocks = slices.Compact(r.Blocks)
	}
	members["cases"] = func(v *yaml.Node) {
		r.line["cases"] = v.Line
		for _, c := range p.list(v, "cases", MaxCases) {
			r.Cases = append(r.Cases, p.oneCase(c))
		}
	}
	p.mapping(n, "", members)
	p.complete(&r, n)
	return r
}

// expressionLine is where the first line of a text is: a block begins below its mark.
func expressionLine(n *yaml.Node) int {
	if n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle {
		return n.Line + 1
	}
	return n.Line
}

// complete notes what every rule needs and this one does not have.
func (p *parser) complete(r *Rule, n *yaml.Node) {
	for _, x := range []struct{ name, value, vi, en string }{
		{"code", r.Code, "mã", "a code"}, {"kind", r.Kind, "loại hồ sơ", "a kind of dossier"}, {"must", r.Must, "điều kiện phải đúng", "what must hold"},
		{"vi", r.Text.VI, "câu tiếng Việt", "its sentence in Vietnamese"}, {"en", r.Text.EN, "câu tiếng Anh", "its sentence in English"},
		{"source", r.Source, "căn cứ", "its legal source"}, {"word", r.Word, "một trong tám chữ", "one of the eight words"},
	} {
		if x.value == "" {
			p.wrong(ErrRule, n, x.name, "Thiếu "+x.vi+" ("+x.name+").", "It lacks "+x.en+" ("+x.name+").")
		}
	}
	if r.Code != "" && (!goodCode.MatchString(r.Code) || strings.HasSuffix(r.Code, Soon)) {
		p.wrong(ErrRule, n, "code", "Mã viết BẢNG.TRƯỜNG.lỗi, lỗi bằng chữ thường: XML2.SO_LUONG.high.", "A code is TABLE.FIELD.problem, the problem in lower case: XML2.SO_LUONG.high.")
	}
	if r.Word != "" && !slices.Contains(words, r.Word) {
		p.wrong(ErrRule, n, "word", "Chữ phải là một trong: "+strings.Join(words, ", ")+".", "The word is one of: "+strings.Join(words, ", ")+".")
	}
	if (r.Hint.VI == "") != (r.Hint.EN == "") {
		p.wrong(ErrRule, n, "hint_vi", "Gợi ý cần cả tiếng Việt và tiếng Anh.", "A hint needs both languages.")
	}
}

func (p *parser) oneCase(n *yaml.Node) Case {
	c := Case{line: n.Line}
	said := false
	p.mapping(n, "cases", map[string]func(*yaml.Node){
		"name": func(v *yaml.Node) { c.Name = p.text(v, "cases", 200) },
		"passes": func(v *yaml.Node) {
			said = true
			switch v.Value {
			case "true":
				c.Passes = true
			case "false":
			default:
				p.wrong(ErrText, v, "cases", "passes là true hoặc false.", "passes is true or false.")
			}
		},
		"row": func(v *yaml.Node) { c.Row = p.row(v) },
		"tables": func(v *yaml.Node) {
			if v.Kind != yaml.MappingNode {
				p.wrong(ErrText, v, "cases", "tables là các bảng, mỗi bảng một danh sách dòng.", "tables are tables, each a list of rows.")
				return
			}
			c.Tables = map[string][]map[string]string{}
			for i := 0; i+1 < len(v.Content); i += 2 {
				for _, row := range p.list(v.Content[i+1], "cases", MaxRows) {
					c.Tables[v.Content[i].Value] = append(c.Tables[v.Content[i].Value], p.row(row))
				}
			}
		},
	})
	if !said {
		p.wrong(ErrCase, n, "cases", "Ca thử thiếu passes: true hoặc false.", "A case lacks passes: true or false.")
	}
	return c
}

func (p *parser) row(n *yaml.Node) map[string]string {
	if n.Kind != yaml.MappingNode {
		p.wrong(ErrText, n, "cases", "Một dòng là các cặp TRƯỜNG: giá trị.", "A row is pairs of FIELD: value.")
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		out[n.Content[i].Value] = p.text(n.Content[i+1], "cases", 4000)
	}
	return out
}
