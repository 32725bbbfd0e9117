package prescription

import (
	"strconv"
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/jsondoc"
)

// codeUnreadable marks a part that is not of the shape.
const codeUnreadable = "dossier.unreadable"

// reading collects what could not be read.
type reading struct {
	unreadable []dossier.Finding
}

func (r *reading) bad(table string, line int) {
	r.unreadable = append(r.unreadable, dossier.Finding{Code: codeUnreadable, Severity: dossier.Error, Table: table, Line: line})
}

// head reads the prescription itself: all members but the lists of rows. The
// facility in the code is a column of its own.
func (r *reading) head(doc *jsondoc.Value) *dossier.Table {
	row := newRow(tableHead, doc.Line)
	for i := range doc.Members {
		m := &doc.Members[i]
		if m.Name != listDiagnoses && m.Name != listDrugs {
			row.put(m.Name, &m.Value)
		}
	}
	t := &dossier.Table{Columns: row.columns, Rows: []dossier.Row{row.Row}}
	code := t.Cell(0, "MA_DON_THUOC")
	if facility, _, ok := ParseCode(strings.TrimSpace(code.Text)); ok {
		row.Cells[row.columns.Index("MA_CSKCB")] = dossier.Cell{Text: string(facility), Line: code.Line}
	}
	return t
}

// list reads an array of objects as rows; one object is a list of one. nil
// without rows.
func (r *reading) list(v *jsondoc.Value, table string) *dossier.Table {
	if v == nil || v.Type == jsondoc.Null {
		return nil
	}
	items := v.Items
	switch v.Type {
	case jsondoc.Object:
		items = []jsondoc.Value{*v}
	case jsondoc.Array:
	default:
		r.bad(table, v.Line)
		return nil
	}
	t := &dossier.Table{Columns: spec.Table(table).Columns}
	for i := range items {
		if items[i].Type != jsondoc.Object {
			r.bad(table, items[i].Line)
			continue
		}
		row := newRow(table, items[i].Line)
		for k := range items[i].Members {
			m := &items[i].Members[k]
			row.put(m.Name, &m.Value)
		}
		t.Rows = append(t.Rows, row.Row)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// row is one row while it is filled.
type row struct {
	dossier.Row
	columns *dossier.Columns
}

func newRow(table string, line int) *row {
	c := spec.Table(table).Columns
	return &row{Row: dossier.Row{Line: line, Cells: make([]dossier.Cell, len(c.Names()))}, columns: c}
}

// put takes a member into its column, those of an inner object behind its name.
// What has no column, or has it already, is kept as an extra field under its path.
func (r *row) put(path string, v *jsondoc.Value) {
	switch v.Type {
	case jsondoc.Object:
		for i := range v.Members {
			r.put(path+"."+v.Members[i].Name, &v.Members[i].Value)
		}
		return
	case jsondoc.Array:
		for i := range v.Items {
			r.put(path+"."+strconv.Itoa(i+1), &v.Items[i])
		}
		return
	case jsondoc.Null:
		return
	}
	cell := dossier.Cell{Text: v.Text, Line: v.Line}
	at := -1
	if path == strings.ToLower(path) {
		name := strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
		if at = r.columns.Index(name); name == "MA_CSKCB" && r.columns.Table == tableHead {
			at = -1 // made from the code
		}
	}
	if at < 0 || r.Cells[at] != (dossier.Cell{}) {
		r.Extra = append(r.Extra, dossier.Extra{Name: path, Cell: cell})
		return
	}
	r.Cells[at] = cell
}
