package rulebook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/expression"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// What rules may cost, in steps of CEL. At worst a row rule is worked out for 500
// rows of its table, and a book's rules are all worked out for each dossier.
const (
	rowEstimate   = 200_000
	rowLimit      = 20_000
	wholeEstimate = 20_000_000
	wholeLimit    = 1_000_000
	reckonedRows  = 500
	bookEstimate  = 500_000_000
)

// Tables are the tables of a kind of dossier with their fields, of every version of
// its specification.
type Tables map[string]*dossier.Columns

// TablesOf joins versions of a kind's specification.
func TablesOf(versions ...*schema.Version) Tables {
	names := map[string][]string{}
	for _, v := range versions {
		for _, t := range v.Tables() {
			for _, f := range t.Fields {
				if !slices.Contains(names[t.Name], f.Name) {
					names[t.Name] = append(names[t.Name], f.Name)
				}
			}
		}
	}
	out := Tables{}
	for name, fields := range names {
		out[name] = dossier.NewColumns(name, fields...)
	}
	return out
}

// Compiler makes books out of rules. It is safe for use by many.
type Compiler struct {
	kinds map[string]Tables
	taken func(code string) bool
}

// NewCompiler returns a compiler for kinds of dossier; taken tells codes that are
// not a book's own, nil: none is.
func NewCompiler(kinds map[string]Tables, taken func(code string) bool) *Compiler {
	if taken == nil {
		taken = func(string) bool { return false }
	}
	return &Compiler{kinds: kinds, taken: taken}
}

// Kinds lists the kinds that rules may be about, with their tables.
func (c *Compiler) Kinds() map[string]Tables { return maps.Clone(c.kinds) }

// Read parses and compiles a text and tries every case.
func (c *Compiler) Read(text []byte) (*Book, []Problem) {
	rules, problems := Parse(text)
	book, more := c.Compile(rules)
	problems = append(problems, more...)
	if len(problems) == 0 {
		problems = book.try()
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return book, problems[:min(len(problems), mostProblems)]
}

// Compile compiles rules. The book has those without a problem.
func (c *Compiler) Compile(rules []Rule) (*Book, []Problem) {
	w := compilation{Compiler: c, envs: map[string]*expression.Env{}, seen: map[string]bool{}}
	book := &Book{kinds: map[string]*judged{}, compiler: c}
	for i := range rules {
		r := w.rule(&rules[i])
		if r == nil {
			continue
		}
		book.add(r)
		if book.Cost += r.cost(); book.Cost > bookEstimate {
			w.wrong(ErrCostly, &rules[i], "", fault.Text{
				VI: "Cả bộ quy tắc có thể chạy quá lâu cho một hồ sơ. Bỏ bớt từ quy tắc này trở đi.",
				EN: "All rules together could run too long for one dossier. Leave out this one and those after it."})
			break
		}
	}
	return book, w.problems
}

// compilation is the work on one book.
type compilation struct {
	*Compiler
	envs     map[string]*expression.Env // by kind and table
	seen     map[string]bool
	problems []Problem
}

func (w *compilation) wrong(f *fault.Error, r *Rule, member string, said fault.Text) {
	w.problems = append(w.problems, Problem{Fault: f, Rule: r.Code, Member: member, Line: r.at(member), Said: said})
}

// at is the line of a member, or of the rule.
func (r *Rule) at(member string) int {
	if n, ok := r.line[member]; ok {
		return n
	}
	return r.line[""]
}

// rule compiles one; nil with a problem noted, or where Parse noted one already.
func (w *compilation) rule(r *Rule) *compiled {
	if r.Code == "" || r.Kind == "" || r.Must == "" {
		return nil
	}
	switch {
	case w.seen[r.Code]:
		w.wrong(ErrTaken, r, "code", fault.Text{VI: "Mã này đứng hai lần trong bộ.", EN: "This code stands twice in the book."})
		return nil
	case w.taken(r.Code):
		w.wrong(ErrTaken, r, "code", fault.Text{VI: "Mã này là của bộ quy tắc có sẵn.", EN: "This code is of the pack that is built in."})
		return nil
	}
	w.seen[r.Code] = true
	tables, ok := w.kinds[r.Kind]
	if !ok {
		w.wrong(ErrField, r, "kind", fault.Text{VI: "Không có loại hồ sơ này. Có: " + strings.Join(slices.Sorted(maps.Keys(w.kinds)), ", ") + ".",
			EN: "There is no such kind of dossier. There are: " + strings.Join(slices.Sorted(maps.Keys(w.kinds)), ", ") + "."})
		return nil
	}
	c := &compiled{rule: r, code: r.Code}
	if !w.place(c, tables) {
		return nil
	}
	env, err := w.env(r, tables)
	if err != nil {
		w.wrong(ErrExpression, r, "", fault.Text{VI: "Không lập được môi trường cho bảng này.", EN: "No environment can be made for this table."})
		return nil
	}
	if r.When != "" {
		if c.when = w.expression(env, r, "when", r.When); c.when == nil {
			return nil
		}
	}
	if c.must = w.expression(env, r, "must", r.Must); c.must == nil {
		return nil
	}
	if len(c.must.Uses()) == 0 && !strings.Contains(r.Must, "dossier.") {
		w.wrong(ErrExpression, r, "must", fault.Text{VI: "Điều kiện không đọc trường nào nên đúng hoặc sai với mọi hồ sơ như nhau.",
			EN: "The condition reads no field, so it says the same of every dossier."})
		return nil
	}
	return c
}

// place checks where the rule points, and that its code says so.
func (w *compilation) place(c *compiled, tables Tables) bool {
	r := c.rule
	c.table, c.field = r.Table, r.Field
	if r.Table == "" && r.Field != "" {
		c.table, c.field, _ = strings.Cut(r.Field, ".")
	}
	columns, ok := tables[c.table]
	switch {
	case r.Table == "" && r.Field == "":
		c.table = ""
	case !ok:
		w.wrong(ErrField, r, "table", fault.Text{VI: "Loại " + r.Kind + " không có bảng “" + cut(c.table) + "”.", EN: "The kind " + r.Kind + " has no table \"" + cut(c.table) + "\"."})
		return false
	case c.field != "" && columns.Index(c.field) < 0, r.Table == "" && c.field == "":
		w.wrong(ErrField, r, "field", fault.Text{VI: "Bảng " + c.table + " không có trường “" + cut(c.field) + "”.", EN: "The table " + c.table + " has no field \"" + cut(c.field) + "\"."})
		return false
	}
	want := "DOSSIER."
	if c.table != "" {
		want = c.table + "."
		if c.field != "" {
			want += c.field + "."
		}
	}
	if !strings.HasPrefix(r.Code, want) || strings.Contains(r.Code[len(want):], ".") {
		w.wrong(ErrRule, r, "code", fault.Text{VI: "Mã phải bắt đầu bằng “" + want + "” vì quy tắc chỉ vào đó.", EN: "The code must begin with \"" + want + "\", where the rule points."})
		return false
	}
	return true
}

// env is the environment of a row of a table, or of a dossier as a whole.
func (w *compilation) env(r *Rule, tables Tables) (*expression.Env, error) {
	key := r.Kind + "/" + r.Table
	if e, ok := w.envs[key]; ok {
		return e, nil
	}
	fields := map[string][]string{}
	for name, columns := range tables {
		fields[name] = columns.Names()
	}
	vars := []expression.Variable{expression.Tables("dossier", fields)}
	config := expression.Config{Estimate: wholeEstimate, Limit: wholeLimit, Rows: reckonedRows}
	if r.Table != "" {
		vars = append(vars, expression.Row("row", fields[r.Table]...))
		config.Estimate, config.Limit = rowEstimate, rowLimit
	}
	e, err := expression.New(config, vars...)
	w.envs[key] = e
	return e, err
}

func (w *compilation) expression(env *expression.Env, r *Rule, member, text string) *expression.Program {
	p, err := env.Compile(text, expression.Condition)
	if err == nil {
		return p
	}
	problem := Problem{Fault: ErrExpression, Rule: r.Code, Member: member, Line: r.at(member), Said: ErrExpression.Text}
	var m *expression.Mistake
	if errors.As(err, &m) {
		problem.Said = m.Said
		if m.Line > 0 {
			problem.Line += m.Line - 1
			problem.Near, problem.Column = lineOf([]byte(text), m.Line), m.Column
		}
	}
	if expression.IsCostly(err) {
		problem.Fault = ErrCostly
	}
	w.problems = append(w.problems, problem)
	return nil
}

// try works every case out. A rule needs one that passes where it applies, and one
// in which it finds something.
func (b *Book) try() []Problem {
	var problems []Problem
	for _, c := range b.all {
		wrong := func(line int, vi, en string) {
			problems = append(problems, Problem{Fault: ErrCase, Rule: c.rule.Code, Member: "cases", Line: line, Said: fault.Text{VI: vi, EN: en}})
		}
		passes, fails := false, false
		for i, x := range b.cases(c) {
			line, name := c.rule.Cases[i].line, cut(c.rule.Cases[i].Name)
			switch {
			case x.Unknown != "":
				wrong(line, "Ca thử “"+name+"” có bảng hoặc trường không có thật: "+cut(x.Unknown)+".", "The case \""+name+"\" has a table or field that is none: "+cut(x.Unknown)+".")
			case x.Unclear > 0:
				wrong(line, "Ca thử “"+name+"” không tính được: thường vì một trường không phải số hoặc ngày.", "The case \""+name+"\" cannot be worked out: mostly because a field is no number or date.")
			case x.Found == 0 != x.Case.Passes:
				wrong(line, fmt.Sprintf("Ca thử “%s” có %d phát hiện, khác với ghi.", name, x.Found), fmt.Sprintf("The case \"%s\" has %d findings, otherwise than it says.", name, x.Found))
			}
			passes, fails = passes || x.Case.Passes && x.Applied > 0, fails || !x.Case.Passes
		}
		if !passes || !fails {
			wrong(c.rule.at("cases"), "Cần ít nhất một ca đạt mà quy tắc có xét đến, và một ca không đạt.", "At least one case that passes where the rule applies, and one that fails, are needed.")
		}
	}
	return problems
}
