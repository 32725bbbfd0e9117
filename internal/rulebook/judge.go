package rulebook

import (
	"errors"
	"maps"
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/expression"
)

// Book is compiled rules. It is safe for use by many.
type Book struct {
	Cost     uint64 // of all rules for one dossier, at worst, in steps
	all      []*compiled
	kinds    map[string]*judged
	compiler *Compiler
}

// compiled is one rule ready to judge.
type compiled struct {
	rule         *Rule
	code         string
	table, field string // where it points
	when, must   *expression.Program
}

// cost is what it costs for one dossier at worst.
func (c *compiled) cost() uint64 {
	n := c.must.Cost()
	if c.when != nil {
		n += c.when.Cost()
	}
	if c.rule.Table != "" {
		n *= reckonedRows
	}
	return n
}

// judged is the rules of one kind.
type judged struct {
	rows  map[string][]*compiled // by table
	whole []*compiled
}

func (b *Book) add(c *compiled) {
	b.all = append(b.all, c)
	k := b.kinds[c.rule.Kind]
	if k == nil {
		k = &judged{rows: map[string][]*compiled{}}
		b.kinds[c.rule.Kind] = k
	}
	if c.rule.Table == "" {
		k.whole = append(k.whole, c)
		return
	}
	k.rows[c.rule.Table] = append(k.rows[c.rule.Table], c)
}

// Rules lists the rules in order; callers must not change them.
func (b *Book) Rules() []*Rule {
	out := make([]*Rule, len(b.all))
	for i, c := range b.all {
		out[i] = c.rule
	}
	return out
}

// Costs returns what each rule costs for one dossier at worst, by code.
func (b *Book) Costs() map[string]uint64 {
	out := map[string]uint64{}
	for _, c := range b.all {
		out[c.rule.Code] = c.cost()
	}
	return out
}

// Kinds lists the kinds that the book has rules for.
func (b *Book) Kinds() []string { return slices.Sorted(maps.Keys(b.kinds)) }

// Outcome is what a rule says at one place.
type Outcome int

// The outcomes.
const (
	NotApplicable Outcome = iota // its condition When does not hold
	Holds
	Broken
	Unclear // it cannot be worked out: a field is no number, or it was stopped for its cost
	Stopped // Unclear, for its cost
)

// At is one place a rule was worked out for. Row counts from 0, -1 for none.
type At struct {
	Rule    *Rule
	Outcome Outcome
	Table   string
	Row     int
	Field   string
	Line    int
}

// mostRows of one table are judged: what a file may hold beyond is no visit.
const mostRows = 5_000

// Judge works out every rule of the kind, in order of the dossier's tables and
// rows, then those of the whole. each gets all outcomes but NotApplicable and
// Holds, unless all is asked for.
func (b *Book) Judge(kind string, fields dossier.Fields, all bool, each func(At)) {
	k := b.kinds[kind]
	if k == nil {
		return
	}
	given := expression.Given{"dossier": expression.DossierOf(fields)}
	for _, t := range fields.Tables() {
		rules := k.rows[t.Columns.Table]
		if len(rules) == 0 {
			continue
		}
		for row := range min(len(t.Rows), mostRows) {
			given["row"] = expression.RowOfTable(t, row)
			for _, c := range rules {
				o := c.judge(given)
				if o > Holds || all {
					each(At{Rule: c.rule, Outcome: o, Table: c.table, Row: row, Field: c.field, Line: c.line(t, row)})
				}
			}
		}
	}
	for _, c := range k.whole {
		if o := c.judge(given); o > Holds || all {
			at := At{Rule: c.rule, Outcome: o, Table: c.table, Row: -1, Field: c.field}
			if t := fields.Table(c.table); t != nil && len(t.Rows) > 0 {
				at.Row, at.Line = 0, c.line(t, 0)
			}
			each(at)
		}
	}
}

func (c *compiled) line(t *dossier.Table, row int) int {
	if c.field != "" {
		if n := t.Cell(row, c.field).Line; n > 0 {
			return n
		}
	}
	return t.Rows[row].Line
}

func (c *compiled) judge(given expression.Given) Outcome {
	if c.when != nil {
		applies, err := c.when.Holds(given)
		if err != nil {
			return unclear(err)
		}
		if !applies {
			return NotApplicable
		}
	}
	holds, err := c.must.Holds(given)
	switch {
	case err != nil:
		return unclear(err)
	case holds:
		return Holds
	}
	return Broken
}

func unclear(err error) Outcome {
	if errors.Is(err, expression.ErrCostly) {
		return Stopped
	}
	return Unclear
}

// Tried is what came of a case.
type Tried struct {
	Case                    Case
	Applied, Found, Unclear int    // places
	Unknown                 string // a table or field that is none
	At                      []At   // what was found
}

// Cases works out the cases of the rule of that code.
func (b *Book) Cases(code string) []Tried {
	for _, c := range b.all {
		if c.rule.Code == code {
			return b.cases(c)
		}
	}
	return nil
}

func (b *Book) cases(c *compiled) []Tried {
	one := &Book{kinds: map[string]*judged{}}
	one.add(c)
	out := make([]Tried, len(c.rule.Cases))
	for i, x := range c.rule.Cases {
		t := Tried{Case: x}
		var content *dossier.Content
		if content, t.Unknown = b.compiler.content(c.rule, x); t.Unknown == "" {
			one.Judge(c.rule.Kind, content, true, func(at At) {
				switch {
				case at.Outcome >= Unclear:
					t.Unclear++
				case at.Outcome == Broken:
					t.Found++
					t.At = append(t.At, at)
				}
				if at.Outcome == Holds || at.Outcome == Broken {
					t.Applied++
				}
			})
		}
		out[i] = t
	}
	return out
}

// content makes the dossier of a case.
func (c *Compiler) content(r *Rule, x Case) (content *dossier.Content, unknown string) {
	content = &dossier.Content{}
	put := func(table string, rows []map[string]string) {
		columns, ok := c.kinds[r.Kind][table]
		if !ok {
			unknown = table
			return
		}
		t := &dossier.Table{Columns: columns}
		for _, row := range rows {
			cells := make([]dossier.Cell, len(columns.Names()))
			for name, text := range row {
				i := columns.Index(name)
				if i < 0 {
					unknown = table + "." + name
					return
				}
				cells[i].Text = text
			}
			t.Rows = append(t.Rows, dossier.Row{Cells: cells})
		}
		content.All = append(content.All, t)
	}
	if r.Table != "" {
		put(r.Table, []map[string]string{x.Row})
	}
	for _, table := range slices.Sorted(maps.Keys(x.Tables)) {
		if table == r.Table { // rows beside the one
			unknown = table
			break
		}
		put(table, x.Tables[table])
	}
	return content, unknown
}
