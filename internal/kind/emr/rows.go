package emr

import (
	"strings"

	"lienthong/internal/dossier"
)

// builder makes tables of a tree.
type builder struct {
	rows    map[string][]dossier.Row
	order   []string // tables as met
	head    *row     // what stands outside the groups
	grouped bool
}

func newBuilder() *builder {
	return &builder{rows: map[string][]dossier.Row{}, head: newRow(tableHead, 1)}
}

// walk looks for groups below n; what is in none belongs to the head.
func (b *builder) walk(n *node, path string) {
	for i := range n.kids {
		kid := &n.kids[i]
		if table, ok := groups[plain(kid.name)]; ok {
			b.grouped = true
			b.group(table, kid)
			continue
		}
		if kid.leaf() {
			b.head.put(path+kid.name, kid, path == "")
			continue
		}
		b.walk(kid, path+kid.name+".")
	}
}

func (b *builder) keep(table string, r *row) {
	if r.empty() {
		return
	}
	if _, met := b.rows[table]; !met {
		b.order = append(b.order, table)
	}
	b.rows[table] = append(b.rows[table], r.Row)
}

// group reads one group. The patient's is one row, however it is divided; in
// others whatever has fields of its own is a row.
func (b *builder) group(table string, n *node) {
	if table != tablePatient {
		b.under(table, n, true)
		return
	}
	if n.wraps() && n.repeats() { // several patients: each is a row
		for i := range n.kids {
			r := newRow(table, n.kids[i].line)
			r.patient(&n.kids[i], "")
			b.keep(table, r)
		}
		return
	}
	r := newRow(table, n.line)
	r.patient(n, "")
	b.keep(table, r)
}

// under reads n as a row and what is below it as more rows. Keys of episode and
// patient are taken from the outermost rows only: further in they may be those of
// a doctor or a relative.
func (b *builder) under(table string, n *node, keys bool) {
	if n.leaf() { // a group that is a text
		r := newRow(table, n.line)
		r.put(n.name, n, false)
		b.keep(table, r)
		return
	}
	own := newRow(table, n.line)
	leaves := false
	for i := range n.kids {
		if n.kids[i].leaf() {
			leaves = true
			own.put(n.kids[i].name, &n.kids[i], keys || !isKey(n.kids[i].name))
		}
	}
	b.keep(table, own)
	for i := range n.kids {
		if !n.kids[i].leaf() {
			b.under(table, &n.kids[i], keys && !leaves)
		}
	}
}

// wraps reports a node of nodes that have fields, without one of its own.
func (n *node) wraps() bool {
	for i := range n.kids {
		if n.kids[i].leaf() {
			return false
		}
	}
	return len(n.kids) > 0
}

// repeats reports whether all nodes below have one name.
func (n *node) repeats() bool {
	for i := range n.kids {
		if n.kids[i].name != n.kids[0].name {
			return false
		}
	}
	return len(n.kids) > 1
}

// tables are the rows by table: the head first, then as met.
func (b *builder) tables() []*dossier.Table {
	var all []*dossier.Table
	if !b.head.empty() {
		all = append(all, &dossier.Table{Columns: b.head.columns, Rows: []dossier.Row{b.head.Row}})
	}
	for _, name := range b.order {
		all = append(all, &dossier.Table{Columns: spec.Table(name).Columns, Rows: b.rows[name]})
	}
	return all
}

// row is one row while it is filled.
type row struct {
	dossier.Row
	columns *dossier.Columns
	filled  bool
}

func newRow(table string, line int) *row {
	c := spec.Table(table).Columns
	return &row{Row: dossier.Row{Line: line, Cells: make([]dossier.Cell, len(c.Names()))}, columns: c}
}

func (r *row) empty() bool { return !r.filled }

// put takes a leaf into its column, where it may have one and the column is
// free; else it is kept as an extra field under its path. An empty field says
// nothing and leaves the row empty.
func (r *row) put(path string, n *node, known bool) {
	cell := dossier.Cell{Text: n.text, Line: n.line}
	r.filled = r.filled || n.text != ""
	if known {
		if i := columnOf(r.columns, n.name); i >= 0 && (r.Cells[i] == (dossier.Cell{}) || r.Cells[i].Text == "") {
			r.Cells[i] = cell
			return
		}
	}
	if n.text != "" {
		r.Extra = append(r.Extra, dossier.Extra{Name: path, Cell: cell})
	}
}

// patient reads all fields below n into one row; those of relatives are extra
// fields.
func (r *row) patient(n *node, path string) {
	own := !isRelative(path)
	for i := range n.kids {
		if kid := &n.kids[i]; kid.leaf() {
			r.put(path+kid.name, kid, own)
		}
	}
	for i := range n.kids {
		if kid := &n.kids[i]; !kid.leaf() {
			r.patient(kid, path+kid.name+".")
		}
	}
}

// isRelative reports whether a path leads through somebody who is not the patient.
func isRelative(path string) bool {
	for _, part := range strings.Split(path, ".") {
		p := plain(part)
		if p == "" || p == "nguoibenh" || p == "benhnhan" {
			continue
		}
		for _, w := range relatives {
			if p == w || len(w) > 3 && strings.Contains(p, w) {
				return true
			}
		}
	}
	return false
}
