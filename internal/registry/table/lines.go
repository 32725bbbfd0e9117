package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
)

// ahead is how many rows of NDJSON are read to learn the names of columns.
const ahead = 1000

// lines reads NDJSON: one object of plain values a line.
type lines struct {
	in     *bufio.Reader
	enc    encoding
	line   int64
	header []string
}

// object is one line: names in their order, with values.
type object struct {
	line   int64
	names  []string
	values map[string]string
	code   string
}

func openLines(in io.Reader, enc encoding) (*Reader, error) {
	l := &lines{in: bufio.NewReaderSize(in, 128<<10), enc: enc}
	var first []object
	for len(first) < ahead {
		o, err := l.object()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		first = append(first, o)
		for _, n := range o.names {
			if !slices.Contains(l.header, n) && len(l.header) <= MaxColumns {
				l.header = append(l.header, n)
			}
		}
	}
	r := &Reader{Format: NDJSON, Encoding: enc.name, Header: l.header}
	r.next = func() (Row, error) {
		if len(first) > 0 {
			o := first[0]
			first = first[1:]
			return l.row(o), nil
		}
		o, err := l.object()
		if err != nil {
			return Row{Line: l.line}, err
		}
		return l.row(o), nil
	}
	return r, nil
}

func (l *lines) row(o object) Row {
	row := Row{Line: o.line}
	if o.code != "" {
		row.Codes = []string{o.code}
	}
	if o.values == nil {
		return row
	}
	row.Cells = make([]string, len(l.header))
	found := 0
	for i, h := range l.header {
		v, ok := o.values[h]
		if row.Cells[i] = v; ok {
			found++
		}
	}
	if found < len(o.values) {
		row.Codes = append(row.Codes, NewNames)
	}
	return row
}

// object reads the next line that is not empty.
func (l *lines) object() (object, error) {
	for {
		line, long, err := l.text()
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0 && !long) {
			return object{}, err
		}
		l.line++
		switch {
		case long:
			return object{line: l.line, code: TooLong}, nil
		case len(bytes.TrimSpace(line)) == 0:
			continue
		}
		decoded, code := l.enc.decode([][]byte{line})
		o := plain(decoded[0])
		if o.line = l.line; o.values == nil {
			o.code = Broken
		} else {
			o.code = code
		}
		return o, nil
	}
}

// text reads one line of at most MaxLine.
func (l *lines) text() (line []byte, long bool, err error) {
	for {
		part, err := l.in.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			long, line = true, nil
		}
		if !long {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// plain reads an object of plain values; nil values where it is none.
func plain(text string) object {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return object{}
	}
	o := object{values: map[string]string{}}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return object{}
		}
		v, err := dec.Token()
		name, isText := k.(string)
		_, twice := o.values[name]
		if err != nil || !isText || twice || len(o.names) >= MaxColumns {
			return object{}
		}
		o.names = append(o.names, name)
		switch x := v.(type) {
		case string:
			o.values[name] = x
		case json.Number:
			o.values[name] = x.String()
		case bool:
			o.values[name] = strconv.FormatBool(x)
		case nil:
			o.values[name] = ""
		default:
			return object{}
		}
		if len(o.values[name]) > MaxCell {
			return object{}
		}
	}
	if _, err := dec.Token(); err != nil {
		return object{}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return object{}
	}
	return o
}
