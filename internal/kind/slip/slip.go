// Package slip reads, writes and judges slips that travel before their dossier:
// a bare referral (XML13, root CHI_TIEU_GIAYCHUYENTUYEN) or appointment (XML14,
// CHI_TIEU_GIAYHEN_KHAMLAI), one to a file, sealed by the facility's signature in
// a CHUKYDONVI inside or by a detached seal beside it. The sealing certificate
// says whose slip it is. Referral and appointment of one visit, and the dossier,
// are versioned apart and belong together by facility and MA_LK.
//
// XML13 and XML14 inside a GIAMDINHHS file are tables like others and package
// qd4750's matter. How long a slip holds is package internal/slip's.
package slip

import (
	"bytes"
	"io"
	"slices"

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

// Name is the kind's name.
const Name = "slip"

const (
	referral    = "XML13"
	appointment = "XML14"
	container   = "CHUKYDONVI"
	newestDay   = 99991231
)

// Reader is the kind.Reader of slips.
type Reader struct{}

var _ kind.Reader = (*Reader)(nil)

// New returns the reader.
func New() *Reader { return &Reader{} }

// Name is "slip".
func (*Reader) Name() string { return Name }

// tableOf names the table whose document element is called so, "" for none.
func tableOf(root string) string {
	spec := schema.For(newestDay)
	for _, name := range []string{referral, appointment} {
		if spec.Table(name).Root == root {
			return name
		}
	}
	return ""
}

// Takes reports whether the document element is that of a slip.
func (*Reader) Takes(lead kind.Lead) bool { return lead.Root != "" && tableOf(lead.Root) != "" }

// View says how pages show the kind.
func (*Reader) View() kind.View {
	return kind.View{
		Title:     fault.Text{VI: "Giấy chuyển tuyến, giấy hẹn khám lại", EN: "Referral or appointment slip"},
		Documents: []string{referral, appointment}, Detached: true, Urgent: true,
	}
}

// inside is the one signature a slip carries, where it carries one.
var inside = seal.Expect{Container: container, Count: 1}

// file is an opened slip. Nothing in it changes after Open.
type file struct {
	raw      []byte
	table    string
	signed   bool // a signature stands somewhere inside
	spans    []body.Span
	extracts []body.Extract
}

func (f *file) Facility() care.FacilityCode { return "" }
func (f *file) Created() care.Moment        { return care.Moment{} }
func (f *file) Len() int                    { return 1 }
func (f *file) Spans() []body.Span          { return f.spans }
func (f *file) Extracts() []body.Extract    { return f.extracts }

// Sealing is the signature inside, else a detached one.
func (f *file) Sealing() kind.Sealing {
	if f.signed {
		return kind.Sealing{Inside: &inside}
	}
	return kind.Sealing{}
}

// Open reads the file once, to the end. Faults, first of these: those of package
// xmltok, envelope.invalid (another root, nothing in it, CHUKYDONVI there twice).
func (*Reader) Open(raw []byte) (kind.File, error) {
	s := &scan{tok: xmltok.New(raw, xmltok.Limits{}), file: &file{raw: raw}}
	if err := s.document(); err != nil {
		return nil, err
	}
	if s.file.table == "" || s.containers > 1 || len(s.file.spans) == 0 {
		return nil, kind.ErrEnvelope
	}
	return s.file, nil
}

// scan walks the file by the depth of its elements.
type scan struct {
	tok        *xmltok.Tokenizer
	file       *file
	from       int // where content not yet given to the slip begins
	containers int
}

func (s *scan) document() error {
	inContainer := false
	for {
		k, err := s.tok.Next()
		if err != nil || k == xmltok.EOF {
			return err
		}
		depth := s.tok.Depth()
		if k == xmltok.EndElement {
			switch {
			case depth == 1:
				s.span(s.tok.Offset())
			case depth == 2 && inContainer:
				inContainer, s.from = false, s.tok.End()
			}
			continue
		}
		if k != xmltok.StartElement {
			continue
		}
		switch local := string(s.tok.Local()); {
		case depth == 1:
			if s.file.table = tableOf(string(s.tok.Name())); s.file.table == "" {
				err = s.tok.Skip()
				break
			}
			s.from = s.tok.End()
		case depth == 2 && string(s.tok.Name()) == container:
			s.span(s.tok.Offset())
			s.containers++
			inContainer = true
		case local == "Signature":
			s.file.signed = true
		case inContainer && local == "X509Certificate":
			err = s.certificate()
		}
		if err != nil {
			return err
		}
	}
}

// span gives what stands before an offset to the slip: its fields, and what
// somebody wrote between them.
func (s *scan) span(to int) {
	if len(bytes.Trim(s.file.raw[s.from:to], " \t\r\n")) > 0 {
		s.file.spans = append(s.file.spans, body.Span{Start: s.from, End: to})
	}
	s.from = to
}

func (s *scan) certificate() error {
	from := s.tok.End()
	err := s.tok.Skip()
	if to := s.tok.Offset(); err == nil && to > from {
		s.file.extracts = append(s.file.extracts, body.Extract{Start: from, End: to})
	}
	return err
}

// Dossier reads the slip, by the schema in force at the end of the visit, else
// on its own date, else the newest. Inner is what stands in the document but for
// CHUKYDONVI, as in Spans.
func (f *file) Dossier(int) kind.Dossier {
	text := string(f.raw)
	spec := schema.For(newestDay)
	read, line, err := f.read(text, spec)
	for _, field := range []string{"NGAY_RA", "NGAY_CT", "NGAY_VAO"} {
		m, bad := care.ParseMoment(read.Cell(0, field).Text)
		if bad != nil || m.Precision() < care.ByDay {
			continue
		}
		if dated := schema.For(m.Day()); dated != spec {
			if dated.Table(f.table).Columns != spec.Table(f.table).Columns {
				read, line, err = f.read(text, dated)
			}
			spec = dated
		}
		break
	}
	d := kind.Dossier{Content: &dossier.Content{}, Spec: spec, Inner: make([][]byte, len(f.spans)), InnerNames: make([]string, len(f.spans))}
	for i, s := range f.spans {
		d.Inner[i], d.InnerNames[i] = f.raw[s.Start:s.End:s.End], f.table
	}
	if f.table == appointment {
		d.Line = appointment
	}
	if read != nil {
		d.Content.All = []*dossier.Table{read}
	}
	if err != nil {
		d.Unreadable = []dossier.Finding{{Code: "dossier.unreadable", Severity: dossier.Error, Table: f.table, Line: line}}
	}
	d.Episode = kind.EpisodeOf(d.Content)
	d.Patient = kind.PatientOf(d.Content)
	return d
}

func (f *file) read(text string, spec *schema.Version) (*dossier.Table, int, error) {
	read, line, err := table.NewReader(len(f.raw)).Read(f.raw, text, spec.Table(f.table))
	if read != nil {
		for i := range read.Rows {
			read.Rows[i].Extra = slices.DeleteFunc(read.Rows[i].Extra, func(x dossier.Extra) bool { return x.Name == container })
		}
	}
	return read, line, err
}

// Write writes an unsigned slip of a table (XML13, XML14) of spec, with an empty
// CHUKYDONVI for the signature where inside is true. row is the texts of its
// fields in the order of the table's columns.
func Write(w io.Writer, t *schema.Table, row []string, inside bool) error {
	out := table.AppendRecord(nil, t, row, "")
	if inside {
		end := len(out) - len("</"+t.Root+">")
		out = append(slices.Clip(out[:end]), "<"+container+"></"+container+">\r\n</"+t.Root+">"...)
	}
	_, err := w.Write(out)
	return err
}
