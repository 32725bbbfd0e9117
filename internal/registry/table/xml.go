package table

import (
	"io"
	"slices"
	"strings"

	"lienthong/internal/xmltok"
)

// openXML reads repeated elements as rows: the element around the first leaf is a
// row, and every element of its name at its depth is one; its leaves are the cells.
func openXML(s Source) (*Reader, error) {
	if s.Size() > MaxXML {
		return nil, ErrTooLarge
	}
	doc := make([]byte, s.Size())
	if _, err := s.ReadAt(doc, 0); err != nil && err != io.EOF {
		return nil, err
	}
	limits := xmltok.Limits{Bytes: MaxXML, Depth: 16}
	x := &elements{t: xmltok.New(doc, limits)}
	if err := x.learn(); err != nil {
		return nil, ErrFormat
	}
	x.t.Reset(doc, limits)
	r := &Reader{Format: XML, Encoding: "utf-8", Header: x.header}
	r.next = x.next
	return r, nil
}

type elements struct {
	t      *xmltok.Tokenizer
	row    string // name of a row's element
	depth  int
	header []string
}

// learn finds what a row is and which names its cells have, and that the whole
// document can be read.
func (x *elements) learn() error {
	var open []string
	for {
		k, err := x.t.NextTag()
		switch {
		case err != nil:
			return err
		case k == xmltok.EOF:
			if x.row == "" {
				return ErrFormat
			}
			return nil
		case k == xmltok.StartElement:
			open = append(open, string(x.t.Local()))
			at := len(open)
			if x.row != "" && at == x.depth+1 && open[at-2] == x.row && !slices.Contains(x.header, open[at-1]) {
				if len(x.header) >= MaxColumns {
					return ErrHeader
				}
				x.header = append(x.header, open[at-1])
			}
		case k == xmltok.EndElement:
			if at := len(open); x.row == "" && at >= 3 { // the first that ends is a leaf
				x.row, x.depth, x.header = open[at-2], at-1, []string{open[at-1]}
			}
			open = open[:len(open)-1]
		}
	}
}

func (x *elements) next() (Row, error) {
	for {
		k, err := x.t.NextTag()
		switch {
		case err != nil:
			return Row{}, err
		case k == xmltok.EOF:
			return Row{}, io.EOF
		case k == xmltok.StartElement && x.t.Depth() == x.depth && string(x.t.Local()) == x.row:
			return x.cells()
		}
	}
}

func (x *elements) cells() (Row, error) {
	row := Row{Line: int64(x.t.Line()), Cells: make([]string, len(x.header))}
	for {
		k, err := x.t.NextTag()
		if err != nil {
			return row, err
		}
		if k != xmltok.StartElement {
			return row, nil
		}
		i := slices.Index(x.header, string(x.t.Local()))
		text, nested, err := x.t.ElementText()
		switch {
		case err != nil:
			return row, err
		case len(text) > MaxCell:
			row.Codes = append(row.Codes, TooLong)
		case nested || i < 0:
			row.Codes = append(row.Codes, Cells)
		default:
			row.Cells[i] = strings.Map(printable, strings.TrimSpace(string(text)))
		}
	}
}
