// Package checkin reads and writes check-in files: a bare XML0 with the root
// CHI_TIEU_TRANG_THAI_KCB, in which every TRANG_THAI_KCB row is a dossier of its
// own. The file names no facility: the sealing certificate does, and each row's
// MA_CSKCB is judged against it by others. XML0 inside a GIAMDINHHS file is a
// table like others and package qd4750's matter.
package checkin

import (
	"bytes"
	"io"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/table"
	"lienthong/internal/schema"
	"lienthong/internal/seal"
	"lienthong/internal/xmltok"
)

// MaxDossiers is the most rows a file may have, as HOSO in other files (DESIGN §6).
const MaxDossiers = 1000

const (
	tableName = "XML0"
	rootName  = "CHI_TIEU_TRANG_THAI_KCB"
	listName  = "DSACH_TRANG_THAI_KCB"
	rowName   = "TRANG_THAI_KCB"
	container = "CHUKYDONVI"
	newestDay = 99991231
)

// Reader is the kind.Reader of check-in files.
type Reader struct{}

var _ kind.Reader = (*Reader)(nil)

// New returns the reader.
func New() *Reader { return &Reader{} }

// Name is "checkin".
func (*Reader) Name() string { return "checkin" }

// Takes reports whether the document element is the kind's.
func (*Reader) Takes(lead kind.Lead) bool { return lead.Root == rootName }

// View says how pages show the kind.
func (*Reader) View() kind.View {
	return kind.View{Title: fault.Text{VI: "Người bệnh đến khám", EN: "Check-in"}}
}

// row is where one row element stands: [start, end) with its tags, [from, to)
// what is between them.
type row struct{ start, from, to, end int }

// inside is the one signature a file carries.
var inside = seal.Expect{Container: container, Count: 1}

// file is an opened file. Nothing in it changes after Open.
type file struct {
	raw      []byte
	rows     []row
	spans    []body.Span
	extracts []body.Extract
}

func (f *file) Facility() care.FacilityCode { return "" }
func (f *file) Sealing() kind.Sealing       { return kind.Sealing{Inside: &inside} }
func (f *file) Created() care.Moment        { return care.Moment{} }
func (f *file) Len() int                    { return len(f.rows) }
func (f *file) Spans() []body.Span          { return f.spans }
func (f *file) Extracts() []body.Extract    { return f.extracts }

// Open reads the file once, to the end. Faults, first of these: those of package
// xmltok, file.limits (over MaxDossiers), envelope.invalid (another root, the
// list of rows missing or there twice, no row). Rows count only in the list;
// elements it does not know are passed over.
func (*Reader) Open(raw []byte) (kind.File, error) {
	s := &scan{tok: xmltok.New(raw, xmltok.Limits{}), file: &file{raw: raw}}
	if err := s.document(); err != nil {
		return nil, err
	}
	switch {
	case s.over:
		return nil, xmltok.ErrLimits
	case s.lists != 1 || len(s.file.rows) == 0:
		return nil, kind.ErrEnvelope
	}
	return s.file, nil
}

// scan walks the file by the depth of its elements.
type scan struct {
	tok   *xmltok.Tokenizer
	file  *file
	lists int
	over  bool
}

func (s *scan) document() error {
	inList, inContainer := false, false
	for {
		k, err := s.tok.Next()
		if err != nil || k == xmltok.EOF {
			return err
		}
		if k != xmltok.StartElement {
			if stray := k != xmltok.EndElement; stray && inList && s.tok.Depth() == 2 {
				s.span(s.tok.Offset(), s.tok.End())
			}
			continue
		}
		name := string(s.tok.Name())
		switch depth := s.tok.Depth(); {
		case depth == 1:
			if name != rootName {
				err = s.tok.Skip()
			}
		case depth == 2:
			inList, inContainer = name == listName, name == container
			if inList {
				s.lists++
			}
		case inList && depth == 3:
			err = s.row(name)
		case inContainer && string(s.tok.Local()) == "X509Certificate":
			err = s.certificate()
		}
		if err != nil {
			return err
		}
	}
}

// row notes one row, or what else stands in the list.
func (s *scan) row(name string) error {
	r := row{start: s.tok.Offset(), from: s.tok.End()}
	if err := s.tok.Skip(); err != nil {
		return err
	}
	r.to, r.end = s.tok.Offset(), s.tok.End()
	if name == rowName {
		if len(s.file.rows) == MaxDossiers {
			s.over = true
			return nil
		}
		s.file.rows = append(s.file.rows, r)
	}
	s.span(r.from, r.to)
	return nil
}

// span gives bytes to the last row so far, or to the first.
func (s *scan) span(start, end int) {
	if len(bytes.Trim(s.file.raw[start:end], " \t\r\n")) > 0 {
		s.file.spans = append(s.file.spans, body.Span{Start: start, End: end, Dossier: max(len(s.file.rows)-1, 0)})
	}
}

func (s *scan) certificate() error {
	from := s.tok.End()
	err := s.tok.Skip()
	if to := s.tok.Offset(); err == nil && to > from {
		s.file.extracts = append(s.file.extracts, body.Extract{Start: from, End: to})
	}
	return err
}

// Dossier reads row i. The schema is the one in force on NGAY_VAO, else the
// newest. Inner is what stands between the row's tags, as in Spans: so the
// digest that a redacted file shows is the one in the receipt.
func (f *file) Dossier(i int) kind.Dossier {
	at := f.rows[i]
	raw := f.raw[at.start:at.end]
	text := string(raw)
	spec := schema.For(newestDay)
	rows, line, err := read(raw, text, spec)
	if came, bad := care.ParseMoment(rows.Cell(0, "NGAY_VAO").Text); bad == nil && came.Precision() >= care.ByDay {
		if dated := schema.For(came.Day()); dated != spec {
			if dated.Table(tableName).Columns != spec.Table(tableName).Columns {
				rows, line, err = read(raw, text, dated)
			}
			spec = dated
		}
	}
	d := kind.Dossier{Content: &dossier.Content{}, Spec: spec, Inner: [][]byte{f.raw[at.from:at.to:at.to]}, InnerNames: []string{tableName}}
	if rows != nil {
		d.Content.All = []*dossier.Table{rows}
	}
	if err != nil {
		d.Unreadable = []dossier.Finding{{Code: "dossier.unreadable", Severity: dossier.Error, Table: tableName, Line: line}}
	}
	d.Episode = kind.EpisodeOf(d.Content)
	d.Patient = kind.PatientOf(d.Content)
	return d
}

// read reads one row element as a document: XML0 with the row for its root.
func read(raw []byte, text string, spec *schema.Version) (*dossier.Table, int, error) {
	row := *spec.Table(tableName)
	row.Root, row.List, row.Single = row.Record, "", true
	return table.NewReader(len(raw)).Read(raw, text, &row)
}

// Write writes an unsigned file with an empty CHUKYDONVI for the signature. A
// row is the texts of its fields in the order of XML0's columns in spec.
func Write(w io.Writer, spec *schema.Version, rows [][]string) error {
	t := spec.Table(tableName)
	out := []byte("<" + rootName + ">\r\n<" + listName + ">\r\n")
	for _, row := range rows {
		out = append(table.AppendRecord(out, t, row, ""), "\r\n"...)
	}
	out = append(out, "</"+listName+">\r\n<"+container+"></"+container+">\r\n</"+rootName+">"...)
	_, err := w.Write(out)
	return err
}
