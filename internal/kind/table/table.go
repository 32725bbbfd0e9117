// Package table reads one inner document of the QĐ 4750 family into rows and
// cells with their lines, and writes one. It knows a table by its schema and
// nothing of envelopes, and it judges no value: package quality does.
package table

import (
	"errors"

	"lienthong/internal/dossier"
	"lienthong/internal/schema"
	"lienthong/internal/xmltok"
)

// What Read can say besides the errors of package xmltok.
var (
	// ErrRoot: the document element is not the one the table has.
	ErrRoot = errors.New("another document element than the table has")
	// ErrTwice: a record states one field twice, differently.
	ErrTwice = errors.New("a field stated twice in one record, differently")
)

const (
	maxElements = 1_000_000 // in the inner documents of one dossier
	maxCells    = 2_000_000 // of one dossier: a short record of a late field costs a whole row
	maxDepth    = 32
	chunk       = 2048 // cells set aside at once
)

// Reader reads the tables of one dossier. It is for one goroutine. Cells of all
// tables share memory, so a table that is kept keeps its neighbours.
type Reader struct {
	tok      *xmltok.Tokenizer
	elements int // still allowed
	room     int // cells still allowed
	known    bool
	cells    []dossier.Cell
	used     int

	doc   []byte
	text  string
	table *schema.Table
	rows  []dossier.Row
}

// NewReader returns a reader for one dossier of about size bytes of inner documents.
func NewReader(size int) *Reader {
	return &Reader{elements: maxElements, room: maxCells, cells: make([]dossier.Cell, min(size/40+128, chunk))}
}

// Again has the reader take it that all it reads was read whole before, when it came:
// which characters stand in it is not looked at again.
func (r *Reader) Again() *Reader {
	r.known = true
	return r
}

// Read reads doc as table t; text is the same bytes as a string, which cells
// alias. Outcomes:
//   - a table and nil: well-formed and of t's shape, possibly with no rows;
//   - a table and ErrRoot: well-formed with another document element; rows are
//     those records of t that stand in it, and the table is nil without any;
//   - nil and an error: not well-formed, with a DOCTYPE, over a limit, or ErrTwice.
//
// Records count wherever they stand, as public sources do not name every
// element around them. Fields the schema does not name go to Row.Extra. A field
// that holds elements is kept as its markup. line is where reading stopped.
func (r *Reader) Read(doc []byte, text string, t *schema.Table) (result *dossier.Table, line int, err error) {
	r.doc, r.text, r.table, r.rows = doc, text, t, nil
	limits := xmltok.Limits{Depth: maxDepth, Elements: max(r.elements, 1), Bytes: max(len(doc), 1), Known: r.known}
	if r.tok == nil {
		r.tok = xmltok.New(doc, limits)
	} else {
		r.tok.Reset(doc, limits)
	}
	root := true
	for {
		k, err := r.tok.NextTag()
		if err != nil {
			return nil, r.tok.Line(), err
		}
		if k == xmltok.EOF {
			break
		}
		if k != xmltok.StartElement {
			continue
		}
		name := r.tok.Name()
		if r.tok.Depth() == 1 {
			root = t.Root == "" || string(name) == t.Root
		}
		r.elements--
		if string(name) == t.Record {
			if err := r.row(); err != nil {
				return nil, r.tok.Line(), err
			}
		}
	}
	if !root && len(r.rows) == 0 {
		return nil, 1, ErrRoot
	}
	result = &dossier.Table{Columns: t.Columns, Rows: r.rows}
	if !root {
		return result, 1, ErrRoot
	}
	return result, 0, nil
}

// row reads one record whose start tag is the present token, to its end tag. A
// record inside a record is one more row.
func (r *Reader) row() error {
	columns := r.table.Columns
	at := len(r.rows)
	if at == cap(r.rows) {
		r.grow()
	}
	r.rows = append(r.rows, dossier.Row{Line: r.tok.Line()})
	cells, mark := r.take(len(columns.Names()))
	last := -1
	names := columns.Names()
	for {
		likely := ""
		if last+1 < len(names) {
			likely = names[last+1]
		}
		k, err := r.tok.NextTagOf(likely)
		if err != nil {
			return err
		}
		if k == xmltok.EndElement {
			break
		}
		r.elements--
		if string(r.tok.Name()) == r.table.Record {
			if err := r.row(); err != nil {
				return err
			}
			continue
		}
		i, extra, err := r.field(cells, last+1)
		if err != nil {
			return err
		}
		if i < 0 {
			r.rows[at].Extra = append(r.rows[at].Extra, extra)
			continue
		}
		last = i
	}
	r.rows[at].Cells = r.trim(cells, mark)
	if r.room -= len(r.rows[at].Cells); r.room < 0 {
		return xmltok.ErrLimits
	}
	return nil
}

// field reads one field into its cell and returns its column, or -1 and the
// field as an extra. Fields are expected in the order of the schema: guess is
// the column that should come now.
func (r *Reader) field(cells []dossier.Cell, guess int) (int, dossier.Extra, error) {
	name := r.tok.Name()
	nameAt := r.tok.Offset() + 1
	cell := dossier.Cell{Line: r.tok.Line()}
	i := guess
	if names := r.table.Columns.Names(); guess >= len(names) || string(name) != names[guess] {
		i = r.table.Columns.Index(r.text[nameAt : nameAt+len(name)])
	}
	length := len(name)
	from := r.tok.End()
	value, nested, err := r.tok.ElementText()
	if err != nil {
		return -1, dossier.Extra{}, err
	}
	switch {
	case nested:
		cell.Text = r.text[from:r.tok.Offset()]
	case len(value) == 0:
	case from < len(r.doc) && &value[0] == &r.doc[from]:
		cell.Text = r.text[from : from+len(value)]
	default:
		cell.Text = string(value)
	}
	if i < 0 {
		return -1, dossier.Extra{Name: r.text[nameAt : nameAt+length], Cell: cell}, nil
	}
	if old := cells[i]; old.Line != 0 && old.Text != "" {
		if cell.Text != "" && cell.Text != old.Text {
			return i, dossier.Extra{}, ErrTwice
		}
		return i, dossier.Extra{}, nil
	}
	cells[i] = cell
	return i, dossier.Extra{}, nil
}

// grow makes room for rows: for as many as the document may still hold when all
// were as long as those so far, at most doubling.
func (r *Reader) grow() {
	n := 4
	if have := len(r.rows); have > 0 {
		n = have + min(have, (len(r.doc)-r.tok.Offset())*have/(r.tok.Offset()+1)+1)
	}
	if r.table.Single {
		n = len(r.rows) + 1
	}
	rows := make([]dossier.Row, len(r.rows), n)
	copy(rows, r.rows)
	r.rows = rows
}

// take sets n cells aside; mark is for trim.
func (r *Reader) take(n int) (cells []dossier.Cell, mark int) {
	if r.used+n > len(r.cells) {
		r.cells, r.used = make([]dossier.Cell, max(n, chunk)), 0
	}
	r.used += n
	return r.cells[r.used-n : r.used : r.used], r.used
}

// trim drops the absent fields at the end of a row and gives their cells back
// where nothing was set aside after them, so that short records stay small.
func (r *Reader) trim(cells []dossier.Cell, mark int) []dossier.Cell {
	n := len(cells)
	for n > 0 && cells[n-1] == (dossier.Cell{}) {
		n--
	}
	if mark == r.used && len(r.cells) >= r.used && len(cells) > 0 && &r.cells[r.used-1] == &cells[len(cells)-1] {
		r.used -= len(cells) - n
	}
	return cells[:n:n]
}
