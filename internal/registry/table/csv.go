package table

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// records splits bytes into rows of cells. Separators, quotes and line ends are the
// same byte in every encoding that comes here.
type records struct {
	in        *bufio.Reader
	separator byte
	line      int64
}

// errLong is a row over a bound; the rest of its line was skipped.
var errLong = errors.New("row too long")

// next returns the next row that is not empty, and the line it begins in.
func (r *records) next() (cells [][]byte, line int64, err error) {
	for {
		r.line++
		line = r.line
		cells, err = r.row()
		if err != nil || len(cells) > 1 || len(bytes.TrimSpace(cells[0])) > 0 {
			return cells, line, err
		}
	}
}

func (r *records) row() ([][]byte, error) {
	var cells [][]byte
	var cell []byte
	size, quoted, began := 0, false, false
	done := func() {
		cells = append(cells, cell)
		cell, began = nil, false
	}
	for {
		c, err := r.in.ReadByte()
		if err == io.EOF {
			switch {
			case quoted:
				return nil, ErrQuote
			case size == 0:
				return nil, io.EOF
			}
			done()
			return cells, nil
		}
		if err != nil {
			return nil, err
		}
		if size++; size > MaxLine || len(cell) > MaxCell || len(cells) > MaxColumns {
			if quoted {
				return nil, ErrQuote
			}
			return nil, r.skip()
		}
		switch {
		case quoted && c == '"':
			if after, _ := r.in.Peek(1); len(after) == 1 && after[0] == '"' {
				cell = append(cell, '"')
				if _, err := r.in.Discard(1); err != nil {
					return nil, err
				}
			} else {
				quoted = false
			}
		case quoted:
			if c == '\n' {
				r.line++
			}
			cell = append(cell, c)
		case c == '"' && !began:
			quoted, began = true, true
		case c == r.separator:
			done()
		case c == '\n':
			done()
			return cells, nil
		case c == '\r':
			if after, _ := r.in.Peek(1); len(after) != 1 || after[0] != '\n' {
				done()
				return cells, nil
			}
		default:
			began = began || c != ' '
			cell = append(cell, c)
		}
	}
}

// skip goes to the end of a line.
func (r *records) skip() error {
	for {
		c, err := r.in.ReadByte()
		switch {
		case err == io.EOF || err == nil && c == '\n':
			return errLong
		case err != nil:
			return err
		}
	}
}

// separatorOf finds the separator of a heading: the one it has most of.
func separatorOf(lead string) byte {
	line, _, _ := strings.Cut(lead, "\n")
	best, most := byte(','), 0
	quoted := false
	counts := map[byte]int{}
	for i := range len(line) {
		if line[i] == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[line[i]]++
		}
	}
	for _, s := range []byte{',', ';', '\t', '|'} {
		if counts[s] > most {
			best, most = s, counts[s]
		}
	}
	return best
}

func openCSV(in io.Reader, enc encoding, lead string) (*Reader, error) {
	buffered := bufio.NewReaderSize(in, 128<<10)
	records := &records{in: buffered, separator: separatorOf(lead)}
	if hint, ok := strings.CutPrefix(strings.TrimRight(firstLine(lead), "\r"), "sep="); ok && len(hint) == 1 {
		records.separator = hint[0]
		if _, _, err := records.next(); err != nil {
			return nil, ErrFormat
		}
	}
	cells, _, err := records.next()
	if err != nil {
		return nil, ErrFormat
	}
	header, _ := enc.decode(cells)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	for len(header) > 0 && header[len(header)-1] == "" {
		header = header[:len(header)-1]
	}
	r := &Reader{Format: CSV, Encoding: enc.name, Separator: rune(records.separator), Header: header}
	r.next = func() (Row, error) {
		cells, line, err := records.next()
		switch {
		case errors.Is(err, errLong):
			return Row{Line: line, Codes: []string{TooLong}}, nil
		case err != nil:
			return Row{Line: line}, err
		}
		row := Row{Line: line}
		var code string
		if row.Cells, code = enc.decode(cells); code != "" {
			row.Codes = append(row.Codes, code)
		}
		return fit(row, len(header)), nil
	}
	return r, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
