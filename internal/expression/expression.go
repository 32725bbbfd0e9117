// Package expression compiles the short expressions that people write into rules
// and declarations: CEL (cel.dev/cel-go) over named rows and tables of text. A name
// that no row has is found when the expression is compiled, not when it runs; what
// an expression may cost is bounded before it runs and while it does, so none runs
// for ever; the same input always gives the same answer (there is no clock in it).
//
// It decides nothing about health data and knows no rule: package rulebook and
// package registry say what an answer means.
package expression

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"lienthong/internal/fault"
)

// The faults. Compile's come in a Mistake, with the place.
var (
	ErrInvalid = fault.New(fault.Invalid, "expression.invalid",
		"Biểu thức viết chưa đúng: xem dòng, cột và lời giải thích kèm theo.",
		"The expression is not written correctly: see the line, column and explanation with it.")
	ErrCostly = fault.New(fault.TooLarge, "expression.costly",
		"Biểu thức có thể chạy quá lâu. Bớt vòng lặp lồng nhau hoặc viết gọn lại.",
		"The expression could run too long. Use fewer nested loops, or write it shorter.")
	ErrFailed = fault.New(fault.Invalid, "expression.failed",
		"Biểu thức không tính được với dòng này, thường vì một trường không phải số hoặc ngày.",
		"The expression cannot be worked out for this row, mostly because a field is no number or date.")
)

// MaxText is how many bytes an expression may have.
const MaxText = 4000

// Mistake is why an expression was not taken. Unwrap gives ErrInvalid or ErrCostly.
type Mistake struct {
	Fault  *fault.Error
	Line   int // from 1 in the expression's text; 0: the whole
	Column int // from 1, in code points; 0: the whole
	Said   fault.Text
}

// Error is for logs and developers.
func (m *Mistake) Error() string {
	return fmt.Sprintf("%d:%d: %s: %s", m.Line, m.Column, m.Fault.Code, m.Said.EN)
}

// Unwrap returns the fault.
func (m *Mistake) Unwrap() error { return m.Fault }

// Kind is what an expression gives.
type Kind int

// The kinds.
const (
	Condition Kind = iota // true or false
	Value                 // text, a number, a date or true and false, as text
)

// Variable is a name that expressions may use. Make one by Row, Tables or Text.
type Variable struct {
	name   string
	fields []string            // Row
	tables map[string][]string // Tables
}

// Row declares a row of text fields: name.FIELD. A field that a row does not have
// reads "", and has(name.FIELD) says whether it is filled.
func Row(name string, fields ...string) Variable {
	return Variable{name: name, fields: slices.Clone(fields)}
}

// Tables declares tables of rows: name.TABLE is the list of its rows, empty where
// the table is absent.
func Tables(name string, tables map[string][]string) Variable {
	return Variable{name: name, tables: tables}
}

// Text declares a single text.
func Text(name string) Variable { return Variable{name: name} }

// Config bounds an environment. The zero Config is the hub's own.
type Config struct {
	// Lists answers in_list(code, list): whether the list is known, and has the code.
	// nil: the lists of package catalog.
	Lists func(list, code string) (known, has bool)
	// Estimate is how much an expression may cost at worst, by what is known of it
	// before it runs; 0: 50 million steps.
	Estimate uint64
	// Limit is how much it may cost when it runs; 0: 2 million steps, some tenths of a
	// second. What its own length bounds is not counted when it runs.
	Limit uint64
	// Rows is how many rows a table is reckoned with; 0: 500.
	Rows uint64
	// Length is how long a text is reckoned, in code points; 0: 200.
	Length uint64
}

func (c Config) withDefaults() Config {
	if c.Lists == nil {
		c.Lists = catalogued
	}
	for at, usual := range map[*uint64]uint64{&c.Estimate: 50e6, &c.Limit: 2e6, &c.Rows: 500, &c.Length: 200} {
		if *at == 0 {
			*at = usual
		}
	}
	return c
}

// Env compiles expressions over its variables. It is safe for use by many.
type Env struct {
	env  *cel.Env
	conf Config
	size sizes
}

// New makes an environment. The error is a defect of the caller: a name that is
// none, or one given twice.
func New(c Config, vars ...Variable) (*Env, error) {
	c = c.withDefaults()
	p := &provider{Registry: types.NewEmptyRegistry(), types: map[string]map[string]*types.FieldType{}}
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(p), cel.CustomTypeProvider(p), ext.Strings(ext.StringsVersion(3)),
		cel.ParserExpressionSizeLimit(MaxText), cel.ParserRecursionLimit(60), cel.ExpressionNestingDepthLimit(60),
		cel.RegexProgramSizeLimit(2000), cel.EagerlyValidateDeclarations(true), cel.CrossTypeNumericComparisons(true),
	}
	seen := map[string]bool{}
	for _, v := range vars {
		if !name(v.name) || seen[v.name] {
			return nil, fmt.Errorf("expression: variable %q", v.name)
		}
		seen[v.name] = true
		options = append(options, cel.Variable(v.name, p.declare(v)))
	}
	options = append(options, functions(c.Lists)...)
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("expression: %w", err)
	}
	return &Env{env: env, conf: c, size: sizes{rows: c.Rows, length: c.Length}}, nil
}

// Compile takes an expression of a kind. The error is a *Mistake.
func (e *Env) Compile(text string, kind Kind) (*Program, error) {
	if strings.TrimSpace(text) == "" {
		return nil, &Mistake{Fault: ErrInvalid, Said: fault.Text{VI: "Biểu thức trống.", EN: "The expression is empty."}}
	}
	if len(text) > MaxText {
		return nil, &Mistake{Fault: ErrCostly, Said: fault.Text{VI: "Biểu thức dài quá 4.000 byte.", EN: "The expression is longer than 4,000 bytes."}}
	}
	tree, issues := e.check(text)
	if issues.Err() != nil {
		return nil, mistake(issues)
	}
	if m := wrongKind(kind, tree.OutputType()); m != nil {
		return nil, m
	}
	if m := e.knownLists(tree.NativeRep()); m != nil {
		return nil, m
	}
	cost, err := e.env.EstimateCost(tree, e.size)
	if err != nil {
		return nil, &Mistake{Fault: ErrInvalid, Said: fault.Text{VI: "Không ước lượng được chi phí.", EN: "Its cost cannot be estimated."}}
	}
	if cost.Max > e.conf.Estimate {
		return nil, &Mistake{Fault: ErrCostly, Said: fault.Text{
			VI: fmt.Sprintf("Có thể cần %d bước, nhiều nhất được %d.", cost.Max, e.conf.Estimate),
			EN: fmt.Sprintf("It could need %d steps, at most %d are given.", cost.Max, e.conf.Estimate)}}
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if cost.Max > mostUncounted || !bounded(tree.NativeRep()) {
		options = append(options, cel.CostLimit(e.conf.Limit), cel.CostTracking(e.size))
	}
	program, err := e.env.Program(tree, options...)
	if err != nil { // a constant regular expression that is none, mostly
		return nil, &Mistake{Fault: ErrInvalid, Said: said(err.Error())}
	}
	return &Program{program: program, text: text, kind: kind, cost: cost.Max, uses: uses(tree.NativeRep())}, nil
}

func wrongKind(kind Kind, t *cel.Type) *Mistake {
	ok := t.IsExactType(cel.BoolType)
	if kind == Value {
		ok = slices.ContainsFunc([]*cel.Type{cel.StringType, cel.IntType, cel.UintType, cel.DoubleType, cel.BoolType, cel.TimestampType}, t.IsExactType)
	}
	if ok {
		return nil
	}
	if kind == Value {
		return &Mistake{Fault: ErrInvalid, Said: fault.Text{VI: "Biểu thức phải cho ra chữ, số, ngày hoặc đúng/sai.", EN: "The expression must give text, a number, a date, or true or false."}}
	}
	return &Mistake{Fault: ErrInvalid, Said: fault.Text{VI: "Biểu thức phải cho ra đúng hoặc sai.", EN: "The expression must give true or false."}}
}

// Ref is a field that an expression reads.
type Ref struct {
	Of    string // name of the row's variable, or of the table
	Field string
}

// uses lists the fields of rows that a checked tree reads, sorted.
func uses(tree *ast.AST) []Ref {
	var refs []Ref
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind {
			return
		}
		s := e.AsSelect()
		if of, ok := rowType(tree.GetType(s.Operand().ID()).TypeName()); ok {
			refs = append(refs, Ref{Of: of, Field: s.FieldName()})
		}
	}))
	slices.SortFunc(refs, func(a, b Ref) int {
		if c := strings.Compare(a.Of, b.Of); c != 0 {
			return c
		}
		return strings.Compare(a.Field, b.Field)
	})
	return slices.Compact(refs)
}

// knownLists refuses in_list with a list, written out, that nobody has.
func (e *Env) knownLists(tree *ast.AST) *Mistake {
	var found *Mistake
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if found != nil || x.Kind() != ast.CallKind || x.AsCall().FunctionName() != "in_list" {
			return
		}
		arg := x.AsCall().Args()[1]
		if arg.Kind() != ast.LiteralKind {
			return
		}
		list, _ := arg.AsLiteral().Value().(string)
		if known, _ := e.conf.Lists(list, ""); !known {
			at := tree.SourceInfo().GetStartLocation(arg.ID())
			found = &Mistake{Fault: ErrInvalid, Line: at.Line(), Column: at.Column() + 1, Said: fault.Text{
				VI: "Không có danh mục " + shown(list) + ".", EN: "There is no list " + shown(list) + "."}}
		}
	}))
	return found
}

// IsCostly reports whether err says that an expression costs too much.
func IsCostly(err error) bool { return errors.Is(err, ErrCostly) }
