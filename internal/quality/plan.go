package quality

import (
	"errors"
	"slices"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/schema"
)

// plan is what one version of the schema asks of each table, as an array of
// checks by column: no map, no pattern engine and no text is made per cell.
type plan struct {
	version *schema.Version
	tables  map[string]*tablePlan
}

// tablePlan is the checks of one table, in the order of its columns.
type tablePlan struct {
	name    string
	columns *dossier.Columns
	cols    []column

	costs     *costColumns // XML2 and XML3 only
	across    rowCheck     // nil without one
	differing []differing
}

// column is what one field asks.
type column struct {
	name     string
	form     schema.Type
	max      int          // greatest length in characters; 0 unbounded
	required bool         // empty is a finding
	list     catalog.List // code list; "" without one
	subject  bool         // judged by the rejecting rules in the subject's own table
	multi    bool         // several values separated by ";"
	extra    fieldCheck   // what only this field asks
}

func compile() []*plan {
	var plans []*plan
	for _, v := range schema.Versions() {
		p := &plan{version: v, tables: map[string]*tablePlan{}}
		for _, t := range v.Tables() {
			tp := &tablePlan{name: t.Name, columns: t.Columns, cols: make([]column, len(t.Fields))}
			for i := range t.Fields {
				tp.cols[i] = columnOf(t.Name, &t.Fields[i])
			}
			tp.costs, tp.across = costsOf(tp), rowCheckOf(t.Name)
			for _, d := range differences() {
				if i := tp.at(d.field); d.table == t.Name && i >= 0 {
					tp.differing = append(tp.differing, differing{i, d.field, d.how})
				}
			}
			p.tables[t.Name] = tp
		}
		plans = append(plans, p)
	}
	return plans
}

func columnOf(table string, f *schema.Field) column {
	return column{
		name: f.Name, form: f.Type, multi: f.Multi, max: maxOf(f), required: f.Required == schema.Required,
		list: listOf(f.Name), subject: isSubject(table, f.Name), extra: fieldCheckOf(table, f.Name),
	}
}

// at returns the column of a field, -1 without one.
func (p *tablePlan) at(field string) int { return p.columns.Index(field) }

// bound is a table of the dossier with its plan. order is nil where the
// table's columns are the plan's own; else it gives each plan column's place.
type bound struct {
	table   *dossier.Table
	plan    *tablePlan // nil for a table this version does not have
	order   []int
	scratch []dossier.Cell
}

// bind fits a table, perhaps read by another version of the schema, to the plan.
func (p *plan) bind(t *dossier.Table) bound {
	b := bound{table: t, plan: p.tables[t.Columns.Table]}
	if b.plan == nil || t.Columns == b.plan.columns || slices.Equal(t.Columns.Names(), b.plan.columns.Names()) {
		return b
	}
	b.order = make([]int, len(b.plan.cols))
	b.scratch = make([]dossier.Cell, len(b.plan.cols))
	for i := range b.plan.cols {
		b.order[i] = t.Columns.Index(b.plan.cols[i].name)
	}
	return b
}

// row returns the cells of a row in the plan's order, valid until the next
// call; nil for a row that is not there. It may be shorter than the plan.
func (b *bound) row(i int) []dossier.Cell {
	if i >= len(b.table.Rows) {
		return nil
	}
	cells := b.table.Rows[i].Cells
	if b.order == nil {
		return cells
	}
	for k, at := range b.order {
		b.scratch[k] = dossier.Cell{}
		if at >= 0 && at < len(cells) {
			b.scratch[k] = cells[at]
		}
	}
	return b.scratch
}

// cell returns a field of a row as row gave it.
func (b *bound) cell(cells []dossier.Cell, field string) dossier.Cell {
	columns := b.table.Columns
	if b.plan != nil {
		columns = b.plan.columns
	}
	if i := columns.Index(field); i >= 0 && i < len(cells) {
		return cells[i]
	}
	return dossier.Cell{}
}

// rows judges each field of each row by itself, then what the row's fields say
// of each other.
func (j *judge) rows(b *bound) {
	n := len(b.plan.cols)
	j.nums = slices.Grow(j.nums[:0], n)[:n]
	j.moments = slices.Grow(j.moments[:0], n)[:n]
	own := b.plan.name == j.subjectTable || b.plan.name == "XML1" // no kind has XML1 as a table like others
	for i := range max(len(b.table.Rows), boolInt(b.plan.name == j.subjectTable)) {
		cells := b.row(i)
		j.cells(b.plan, i, cells, own)
		j.row = row{b: b, at: i, cells: cells}
		if b.plan.across != nil {
			b.plan.across(j, &j.row)
		}
		if b.plan.differing != nil {
			j.differs(&j.row)
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cells judges a row field by field and leaves its numbers and dates in j.
func (j *judge) cells(p *tablePlan, at int, cells []dossier.Cell, own bool) {
	clear(j.nums)
	clear(j.moments)
	for i := range p.cols {
		col := &p.cols[i]
		var cell dossier.Cell
		if i < len(cells) {
			cell = cells[i]
		}
		text := trim(cell.Text)
		if text == "" {
			if col.required && !(own && col.name == "MA_LK") {
				j.report(p.name+"."+col.name+".missing", place{p.name, at, col.name, cell.Line}, none)
			}
			continue
		}
		pl := place{p.name, at, col.name, cell.Line}
		if col.max > 0 && len(text) > col.max && utf8.RuneCountInString(text) > col.max && !(own && col.subject) {
			j.report(p.name+"."+col.name+".too_long", pl, none)
			continue // one finding a field
		}
		j.value(p, i, text, pl, own && col.subject)
		if col.extra != nil {
			col.extra(j, text, pl)
		}
	}
}

// value judges one text by its column's type or list. Where a column holds
// several values each is judged, and none is kept as the row's number or date.
func (j *judge) value(p *tablePlan, i int, text string, pl place, judged bool) {
	col := &p.cols[i]
	switch {
	case judged || col.form == schema.Text:
	case col.list != "":
		j.listed(p, col, text, pl)
	case col.form == schema.Code:
	case col.multi:
		for part, rest := cut(text); part != "" || rest != ""; part, rest = cut(rest) {
			if part != "" && !j.scalar(p, i, part, pl) {
				break
			}
		}
		j.nums[i], j.moments[i] = number{}, care.Moment{}
	default:
		j.scalar(p, i, text, pl)
	}
}

// scalar reads one number or date; false after a finding.
func (j *judge) scalar(p *tablePlan, i int, text string, pl place) bool {
	col := &p.cols[i]
	problem, hint := "", none
	if col.form == schema.Number {
		n, ok := parseNumber(text)
		j.nums[i] = n
		switch {
		case !ok:
			problem, hint = ".not_number", numberHint(text)
		case n.milli < 0: // says nothing about sums
			problem = ".negative"
			j.nums[i] = number{}
		}
	} else {
		m, err := care.ParseMoment(text)
		j.moments[i] = m
		if err != nil && !errors.Is(err, care.ErrMomentEmpty) {
			problem = ".not_date"
		}
	}
	if problem != "" {
		j.report(p.name+"."+col.name+problem, pl, hint)
	}
	return problem == ""
}

// numeric reports whether this version has the field as a number.
func (p *tablePlan) numeric(col *column) bool { return col.form == schema.Number }
