// Package checkup reads, writes and judges health-check files: the envelope
// KHAMSUCKHOE (QĐ 1551/2026, annex 2; QĐ 2062/2026), of GIAMDINHHS's shape, whose
// inner documents are named by their own roots (THONG_TIN_HANH_CHINH .. KET_LUAN;
// XML1 to XML15 mean other tables here). CHUKYDONVI holds two signatures: of the
// person who concludes (CKS_NGUOI_KET_LUAN), then of the facility (CKS_BENH_VIEN),
// which countersigns.
package checkup

import (
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/kind/table"
	"lienthong/internal/seal"
)

// Name is the kind's name.
const Name = "checkup"

// Elements of the envelope.
const (
	rootName  = "KHAMSUCKHOE"
	Container = "CHUKYDONVI"
	ByPerson  = "CKS_NGUOI_KET_LUAN"
	ByUnit    = "CKS_BENH_VIEN"
)

// Reader is the kind.Reader of health-check files.
type Reader struct{}

var _ kind.Reader = (*Reader)(nil)

// New returns the reader.
func New() *Reader { return &Reader{} }

// Name is "checkup".
func (*Reader) Name() string { return Name }

// Takes reports whether the document element is the kind's.
func (*Reader) Takes(lead kind.Lead) bool { return lead.Root == rootName }

// View says how pages show the kind.
func (*Reader) View() kind.View {
	return kind.View{Title: fault.Text{VI: "Khám sức khỏe", EN: "Health check"}}
}

// inside is the two signatures: the facility's covers the person's.
var inside = seal.Expect{Container: Container, Countersigned: true, Holders: []string{ByPerson, ByUnit}}

// file is an opened file.
type file struct{ *qd4750.Alike }

// Sealing is the person's signature, then the facility's.
func (f *file) Sealing() kind.Sealing {
	return kind.Sealing{Inside: &inside, Signers: []kind.Signer{kind.ByPerson, kind.ByFacility}}
}

// Open reads the envelope once, to the end. Faults are those of a GIAMDINHHS
// file, but that the facility may be called MA_CSKCB, or left to the certificate.
func (*Reader) Open(raw []byte) (kind.File, error) {
	a, err := qd4750.OpenAlike(raw, rootName)
	if err != nil {
		return nil, err
	}
	return &file{a}, nil
}

// Dossier reads dossier i: each inner document by the table its root names. What
// no table is called like is kept and not read.
func (f *file) Dossier(i int) kind.Dossier {
	docs, size := f.Documents(i)
	r := table.NewReader(size)
	d := kind.Dossier{Content: &dossier.Content{}, Spec: Spec(), Inner: make([][]byte, len(docs)), InnerNames: make([]string, len(docs))}
	for j := range docs {
		doc := &docs[j]
		d.Inner[j], d.InnerNames[j] = doc.Bytes, doc.Name
		f.read(&d, r, doc, j)
	}
	if unit := f.unit(); unit != nil {
		d.Content.All = append(d.Content.All, unit)
	}
	d.Episode = episode(d.Content).text
	d.Patient = kind.Patient{
		LocalID: stated(d.Content, "MA_BN"), Name: stated(d.Content, "HO_TEN"), CitizenID: stated(d.Content, "SO_CCCD"),
		Card:  strings.TrimSpace(before(stated(d.Content, "MA_THE_BHYT"), ";")),
		Birth: stated(d.Content, "NGAY_SINH"), Sex: stated(d.Content, "GIOI_TINH"), Ward: stated(d.Content, "MAXA_CU_TRU"), Phone: stated(d.Content, "DIEN_THOAI"),
	}
	return d
}

// read reads one inner document into the dossier.
func (f *file) read(d *kind.Dossier, r *table.Reader, doc *qd4750.Document, j int) {
	unreadable := func(line int) {
		d.Unreadable = append(d.Unreadable, dossier.Finding{Code: qd4750.CodeUnreadable, Severity: dossier.Error, Table: d.InnerNames[j], Line: line})
	}
	if doc.Err != nil {
		unreadable(0)
		return
	}
	text := strings.Trim(string(doc.Bytes), " \t\r\n")
	raw := []byte(text)
	lead, err := kind.LeadOf(raw)
	if err != nil || lead.Root == "" {
		unreadable(0)
		return
	}
	t := Spec().Table(lead.Root)
	if t == nil {
		d.Unknown = append(d.Unknown, doc.Name)
		return
	}
	d.InnerNames[j] = t.Name
	read, line, err := r.Read(raw, text, t)
	if err != nil {
		unreadable(line)
		return
	}
	d.Content.All = append(d.Content.All, read)
}

// unit is what the envelope says of the facility, as a table that rules can ask;
// nil when it says nothing more.
func (f *file) unit() *dossier.Table {
	columns := Spec().Table(Unit).Columns
	row := dossier.Row{Cells: make([]dossier.Cell, len(columns.Names()))}
	used := false
	for _, s := range f.Unit() {
		if s.Text == "" {
			continue
		}
		used = true
		if i := columns.Index(s.Name); i >= 0 {
			row.Cells[i] = dossier.Cell{Text: s.Text}
		} else {
			row.Extra = append(row.Extra, dossier.Extra{Name: s.Name, Cell: dossier.Cell{Text: s.Text}})
		}
	}
	if !used {
		return nil
	}
	return &dossier.Table{Columns: columns, Rows: []dossier.Row{row}}
}

// found is where a field stands.
type found struct {
	text  string
	table string
	line  int
}

// find returns the first filled field of that name: of the person's table, else
// of any, also where the specification does not have it there.
func find(c dossier.Fields, field string) found {
	best := found{table: Person}
	for _, t := range c.Tables() {
		at := t.Columns.Index(field)
		for i := range t.Rows {
			cell := dossier.Cell{}
			if r := &t.Rows[i]; at >= 0 && at < len(r.Cells) {
				cell = r.Cells[at]
			} else if at < 0 {
				for _, x := range r.Extra {
					if x.Name == field {
						cell = x.Cell
						break
					}
				}
			}
			text := strings.TrimSpace(cell.Text)
			if text == "" {
				continue
			}
			if f := (found{text, t.Columns.Table, cell.Line}); best.text == "" || t.Columns.Table == Person && best.table != Person {
				best = f
			}
			break
		}
	}
	return best
}

// episode is the key of a check: MA_LK, else the number of its certificate.
func episode(c dossier.Fields) found {
	if f := find(c, "MA_LK"); f.text != "" {
		return f
	}
	return find(c, "SO_GIAY_KSK")
}

func stated(c dossier.Fields, field string) string { return find(c, field).text }

func before(s, mark string) string {
	head, _, _ := strings.Cut(s, mark)
	return head
}

// Facility is the code the envelope names, "" for that of the certificate.
func (f *file) Facility() care.FacilityCode { return f.Alike.Facility() }
