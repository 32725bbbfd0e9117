// Package envelope opens the files facilities send, the way a far side reads
// them: GIAMDINHHS with its dossiers, the check-in list, KHAMSUCKHOE. Simulators
// use it so that they count with eyes of their own and not with the hub's
// readers (kind/). It judges nothing and is not for the hub.
package envelope

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// ErrEnvelope (simulator.envelope): well-formed XML that is no file of one of
// these shapes, or contradicts itself; the cause says where.
var ErrEnvelope = fault.New(fault.Invalid, "simulator.envelope",
	"Tệp không đúng cấu trúc GIAMDINHHS, KHAMSUCKHOE hoặc danh sách tiếp đón.",
	"The file is not built as GIAMDINHHS, KHAMSUCKHOE or a check-in list.")

// Roots of the files that are opened.
const (
	Dossiers = "GIAMDINHHS"              // QĐ 4750/3176
	Checkins = "CHI_TIEU_TRANG_THAI_KCB" // XML0
	Checkup  = "KHAMSUCKHOE"             // QĐ 1551/2026, 2062/2026
)

// Seal is the element that holds the facility's signature.
const Seal = "CHUKYDONVI"

// Row is one record of a table: its leaf elements by name. Absent and empty are alike.
type Row map[string]string

// Table is one inner document, flattened: each element with leaf children is a row.
type Table struct {
	Name string // XML1, XML2, ...
	Rows []Row
}

// Dossier is one HOSO, or one row of a check-in list.
type Dossier struct {
	Episode string // MA_LK, the same in all tables that have it
	Tables  []Table
}

// Table returns the rows of a table.
func (d Dossier) Table(name string) []Row {
	for _, t := range d.Tables {
		if t.Name == name {
			return t.Rows
		}
	}
	return nil
}

// Summary returns the row of XML1, nil without one.
func (d Dossier) Summary() Row {
	if rows := d.Table("XML1"); len(rows) > 0 {
		return rows[0]
	}
	return nil
}

// File is an opened file.
type File struct {
	Root     string
	Facility string // MACSKCB, or MA_CSKCB of a health check's envelope and of a check-in list's rows
	Dossiers []Dossier
}

// Open reads doc. Errors: those of xmltok (file.*) for the outer document,
// ErrEnvelope for all else.
func Open(doc []byte) (*File, error) {
	t := xmltok.New(doc, xmltok.Limits{})
	if _, err := t.NextTag(); err != nil {
		return nil, err
	}
	f := &File{Root: string(t.Local())}
	var err error
	switch f.Root {
	case Dossiers, Checkup:
		err = f.envelope(t, doc)
	case Checkins:
		err = f.checkins(doc)
	default:
		if err = xmltok.Check(doc, xmltok.Limits{}); err == nil {
			err = wrong("another root element")
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func wrong(format string, args ...any) error {
	return ErrEnvelope.Because(fmt.Errorf(format, args...))
}

// envelope reads behind the start of the root.
func (f *File) envelope(t *xmltok.Tokenizer, doc []byte) error {
	declared := -1
	for {
		kind, err := t.NextTag()
		if err != nil {
			return err
		}
		if kind == xmltok.EOF {
			break
		}
		if kind != xmltok.StartElement {
			continue
		}
		switch string(t.Local()) {
		case Seal:
			err = t.Skip()
		case "MACSKCB", "MA_CSKCB":
			if f.Root == Dossiers && string(t.Local()) == "MA_CSKCB" {
				break // of no envelope of that root
			}
			if f.Facility != "" {
				return wrong("the facility twice")
			}
			f.Facility, err = text(t)
		case "SOLUONGHOSO":
			var s string
			if s, err = text(t); err == nil {
				if declared, err = strconv.Atoi(s); err != nil {
					return wrong("SOLUONGHOSO is no number")
				}
			}
		case "HOSO":
			var d Dossier
			if d, err = dossier(t, doc); err == nil {
				f.Dossiers = append(f.Dossiers, d)
			}
		}
		if err != nil {
			return err
		}
	}
	switch {
	case f.Facility == "":
		return wrong("no MACSKCB")
	case len(f.Dossiers) == 0:
		return wrong("no HOSO")
	case declared > len(f.Dossiers):
		return wrong("SOLUONGHOSO says more than there are: the file was cut off")
	}
	return nil
}

func text(t *xmltok.Tokenizer) (string, error) {
	s, _, err := t.ElementText()
	return strings.TrimSpace(string(s)), err
}

// dossier reads from the start of a HOSO to its end.
func dossier(t *xmltok.Tokenizer, doc []byte) (Dossier, error) {
	var d Dossier
	depth, name := t.Depth(), ""
	for {
		kind, err := t.NextTag()
		if err != nil {
			return d, err
		}
		if kind == xmltok.EndElement && t.Depth() == depth {
			break
		}
		if kind != xmltok.StartElement {
			continue
		}
		switch string(t.Local()) {
		case "LOAIHOSO":
			name, err = text(t)
		case "NOIDUNGFILE":
			var inner []byte
			if inner, err = content(t, doc); err != nil {
				return d, err
			}
			var rows []Row
			if rows, err = Rows(inner); err != nil {
				return d, wrong("%s: %w", shown(name), err)
			}
			d.Tables = append(d.Tables, Table{name, rows})
		}
		if err != nil {
			return d, err
		}
	}
	return d, d.episode()
}

// shown is a table's name fit for an error.
func shown(name string) string {
	if len(name) > 5 || !strings.HasPrefix(name, "XML") {
		return "a table"
	}
	return name
}

// episode finds MA_LK and sees that all tables agree.
func (d *Dossier) episode() error {
	for _, t := range d.Tables {
		for _, r := range t.Rows {
			switch e := r["MA_LK"]; {
			case e == "" || e == d.Episode:
			case d.Episode != "":
				return wrong("%s has another MA_LK", shown(t.Name))
			default:
				d.Episode = e
			}
		}
	}
	return nil
}

// content returns the inner document of a NOIDUNGFILE: base64, or XML in place.
func content(t *xmltok.Tokenizer, doc []byte) ([]byte, error) {
	depth := t.Depth()
	var packed strings.Builder
	var inline []byte
	for {
		kind, err := t.Next()
		if err != nil {
			return nil, err
		}
		switch kind {
		case xmltok.Text:
			packed.Write(t.Text())
		case xmltok.StartElement:
			if inline != nil {
				return nil, wrong("two documents in one NOIDUNGFILE")
			}
			from := t.Offset()
			if err := t.Skip(); err != nil {
				return nil, err
			}
			inline = doc[from:t.End()]
		case xmltok.EndElement:
			if t.Depth() != depth {
				continue
			}
			if inline != nil {
				return inline, nil
			}
			inner, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(packed.String()), ""))
			if err != nil {
				return nil, wrong("NOIDUNGFILE is not base64")
			}
			return inner, nil
		case xmltok.EOF:
			return nil, wrong("no end")
		}
	}
}

// Rows flattens one inner document: each element with leaf children is a row,
// in the order the elements end; the seal is left out.
func Rows(doc []byte) ([]Row, error) {
	t := xmltok.New(bytes.TrimPrefix(doc, []byte("\ufeff")), xmltok.Limits{})
	var rows []Row
	type open struct {
		row    Row
		text   strings.Builder
		parent bool
	}
	var stack []*open
	for {
		kind, err := t.Next()
		if err != nil {
			return nil, err
		}
		switch kind {
		case xmltok.EOF:
			if len(rows) == 0 {
				return nil, errors.New("no rows")
			}
			return rows, nil
		case xmltok.StartElement:
			if len(stack) > 0 {
				stack[len(stack)-1].parent = true
			}
			if string(t.Local()) == Seal {
				if err := t.Skip(); err != nil {
					return nil, err
				}
				continue
			}
			stack = append(stack, &open{})
		case xmltok.Text:
			if len(stack) > 0 {
				stack[len(stack)-1].text.Write(t.Text())
			}
		case xmltok.EndElement:
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			switch {
			case last.row != nil:
				rows = append(rows, last.row)
			case !last.parent && len(stack) > 0:
				up := stack[len(stack)-1]
				if up.row == nil {
					up.row = Row{}
				}
				up.row[string(t.Local())] = strings.TrimSpace(last.text.String())
			}
		}
	}
}

// checkins reads a check-in list: each row with MA_LK is a dossier of its own.
func (f *File) checkins(doc []byte) error {
	if err := xmltok.Check(doc, xmltok.Limits{}); err != nil {
		return err
	}
	rows, err := Rows(doc)
	if err != nil {
		return wrong("XML0: %w", err)
	}
	for _, r := range rows {
		switch {
		case r["MA_LK"] == "" || r["MA_CSKCB"] == "":
			return wrong("a row without MA_LK or MA_CSKCB")
		case f.Facility == "":
			f.Facility = r["MA_CSKCB"]
		case f.Facility != r["MA_CSKCB"]:
			return wrong("rows of two facilities")
		}
		f.Dossiers = append(f.Dossiers, Dossier{Episode: r["MA_LK"], Tables: []Table{{"XML0", []Row{r}}}})
	}
	return nil
}
