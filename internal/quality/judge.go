package quality

import (
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// A dossier keeps at most maxFindings findings, and maxPerCode of one code:
// who sees fifty wrong sums looks for the cause, not for the rest. Rejections
// are never dropped.
const (
	maxFindings = 200
	maxPerCode  = 50
)

// Judge returns the findings of a dossier, in a fixed order: what the reader
// could not read, then what rejects, then the rest in the order of tables,
// rows and fields. Several rejecting rules broken are all there.
func (p *Pack) Judge(fields dossier.Fields, in Input) []dossier.Finding {
	j := judge{pack: p, fields: fields, in: in, plan: p.planFor(in.Day)}
	for _, f := range in.Unreadable {
		if !slices.ContainsFunc(j.rejections, func(o dossier.Finding) bool { return same(o, f) }) {
			j.rejections = append(j.rejections, f)
		}
	}
	told := func(code string, at Place, hint fault.Text) {
		j.report(code, place{at.Table, at.Row, at.Field, at.Line}, hint)
	}
	if set, own := p.sets[in.Kind]; own {
		set.Judge(fields, in, told)
	} else {
		j.family()
	}
	if set, beside := p.sets[""]; beside {
		set.Judge(fields, in, told)
	}
	return append(j.rejections, j.findings...)
}

// family judges a dossier of the QĐ 4750 family, or a check-in.
func (j *judge) family() {
	switch j.in.Kind {
	case KindDossier:
		j.subjectTable = "XML1"
	case KindCheckIn:
		j.subjectTable = "XML0"
	}
	j.keys()
	tables := j.fields.Tables()
	j.bounds = make([]bound, 0, len(tables))
	for _, t := range tables {
		j.bounds = append(j.bounds, j.plan.bind(t))
	}
	j.people()
	for i := range j.bounds {
		if b := &j.bounds[i]; b.plan != nil {
			j.rows(b)
		}
	}
	if j.in.Kind == KindDossier && j.summary != nil {
		j.whole()
	}
}

func same(a, b dossier.Finding) bool {
	return a.Code == b.Code && a.Table == b.Table && a.Row == b.Row && a.Field == b.Field && a.Line == b.Line
}

// judge is the work on one dossier.
type judge struct {
	pack       *Pack
	fields     dossier.Fields
	in         Input
	plan       *plan
	bounds     []bound
	rejections []dossier.Finding
	findings   []dossier.Finding
	perCode    map[string]int

	subjectTable string         // XML1 or XML0, whichever this kind is about
	summary      *bound         // first XML1 of a dossier
	main         []dossier.Cell // its first row
	stay         stay

	nums    []number        // numbers of the row at hand, by column
	moments []care.Moment   // dates of the row at hand, by column
	row     row             // the row at hand
	seen    map[string]bool // row numbers of the table at hand, once they do not ascend
	last    int64           // its greatest row number while they ascend
	totals  totals

	mainNums []number // numbers of the summary's first row
}

// place is where a finding points. Row counts from 0, -1 for a whole table.
type place struct {
	table string
	row   int
	field string
	line  int
}

// none is the hint of a finding that has none of its own: the rule's speaks.
var none fault.Text

// report adds a finding. A code out of the catalogue is a defect that the
// tests of this package find; it is reported as a plain warning.
func (j *judge) report(code string, at place, hint fault.Text) {
	f := dossier.Finding{Code: code, Severity: dossier.Warning, Table: at.table, Row: at.row + 1, Field: at.field, Line: at.line, Hint: hint}
	if i, ok := j.pack.byCode[code]; ok {
		r := &j.pack.rules[i]
		f.Severity, f.Blocks = r.Severity, r.Blocks
		if r.Rejects {
			j.rejections = append(j.rejections, f)
			return
		}
	}
	if len(j.findings) >= maxFindings {
		return
	}
	if j.perCode == nil {
		j.perCode = map[string]int{}
	}
	if j.perCode[code]++; j.perCode[code] > maxPerCode {
		return
	}
	j.findings = append(j.findings, f)
}

// people judges the subject's own table: XML1 of a dossier, XML0 of a check-in.
func (j *judge) people() {
	for i := range j.bounds {
		b := &j.bounds[i]
		if b.table.Columns.Table != j.subjectTable {
			continue
		}
		for row := range max(1, len(b.table.Rows)) {
			cells := b.row(row)
			s := j.subject(b, row, cells)
			if j.main == nil {
				j.stay, j.main = s, append([]dossier.Cell{}, cells...)
				if j.in.Kind == KindDossier {
					j.summary = b
				}
			}
		}
	}
}

// trim cuts white space, which few cells have.
func trim(s string) string {
	if s == "" || (s[0] > ' ' && s[0] < 0x80 && s[len(s)-1] > ' ' && s[len(s)-1] < 0x80) {
		return s
	}
	return strings.TrimSpace(s)
}

// planFor returns the plan of the version in force on day.
func (p *Pack) planFor(day int) *plan {
	v := schema.For(day)
	for _, pl := range p.plans {
		if pl.version == v {
			return pl
		}
	}
	return p.plans[len(p.plans)-1]
}
