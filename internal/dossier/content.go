package dossier

// Columns names the fields of one table in the order of its specification. It
// is shared by every dossier of that specification and never changes.
type Columns struct {
	Table string // "XML1"
	names []string
	index map[string]int
}

// NewColumns fixes a table's fields and their order.
func NewColumns(table string, names ...string) *Columns {
	c := &Columns{Table: table, names: names, index: make(map[string]int, len(names))}
	for i, n := range names {
		c.index[n] = i
	}
	return c
}

// Index returns the position of the field, -1 for one that the specification does not have.
func (c *Columns) Index(field string) int {
	if i, ok := c.index[field]; ok {
		return i
	}
	return -1
}

// Names returns the fields in order; callers must not change it.
func (c *Columns) Names() []string { return c.names }

// Cell is the text of one field, "" where it is absent or empty (QĐ 4750 does
// not tell these apart), and the line of its inner document, from 1.
type Cell struct {
	Text string
	Line int
}

// Extra is a field that the specification does not name: kept and shown, not judged.
type Extra struct {
	Name string
	Cell Cell
}

// Row is one record of a table. Cells stand in the order of the table's columns
// and may be fewer: what is missing at the end is absent. Ask Table.Cell.
type Row struct {
	Line  int
	Cells []Cell
	Extra []Extra
}

// Table is one inner document as read.
type Table struct {
	Columns *Columns
	Rows    []Row
}

// Cell returns a field of a row, the zero Cell where row or field is absent.
func (t *Table) Cell(row int, field string) Cell {
	if t == nil || row < 0 || row >= len(t.Rows) {
		return Cell{}
	}
	i := t.Columns.Index(field)
	if i < 0 || i >= len(t.Rows[row].Cells) {
		return Cell{}
	}
	return t.Rows[row].Cells[i]
}

// Fields is what rules, identity and views see of a dossier of any kind:
// tables, rows and fields by name, each with its place.
type Fields interface {
	// Tables returns the tables in the order they were sent. A table sent twice stands twice.
	Tables() []*Table
	// Table returns the first table of that name, nil without one.
	Table(name string) *Table
	// Field returns the text of a field of a row (from 0) of the first table of that name, "" where absent.
	Field(table string, row int, field string) string
}

// Content is the Fields of a dossier held in memory.
type Content struct {
	All []*Table
}

var _ Fields = (*Content)(nil)

// Tables returns the tables in the order they were sent.
func (c *Content) Tables() []*Table { return c.All }

// Table returns the first table of that name, nil without one.
func (c *Content) Table(name string) *Table {
	for _, t := range c.All {
		if t.Columns.Table == name {
			return t
		}
	}
	return nil
}

// Field returns the text of a field, "" where table, row or field is absent.
func (c *Content) Field(table string, row int, field string) string {
	return c.Table(table).Cell(row, field).Text
}
