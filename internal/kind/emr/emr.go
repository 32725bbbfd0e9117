// Package emr reads electronic medical records for exchange between facilities
// (Circular 13/2025/TT-BYT): one record HoSoBenhAn in a file, as XML or as the same
// in JSON, with up to 11 groups. The document has no place for a signature: a
// detached seal lies beside it, and the signed PDF of the record may too.
//
// The groups are public, the fields in them are not. So groups are read as they
// come: what repeats in a group is its rows, names are taken in several
// spellings, and what no column is known for is kept and shown as it was sent.
package emr

import (
	"strings"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
	"lienthong/internal/kind"
)

// Name is the kind as results and receipts say it.
const Name = "emr"

// Reader is the kind.PaperReader of medical records.
type Reader struct{}

var _ kind.PaperReader = (*Reader)(nil)

// New returns the reader.
func New() *Reader { return &Reader{} }

// Name is "emr".
func (*Reader) Name() string { return Name }

// Takes reports whether the document element is HoSoBenhAn, or a JSON object has
// that member, or the group of the patient at the top.
func (*Reader) Takes(lead kind.Lead) bool {
	if lead.Root != "" {
		return lead.Root == rootName
	}
	for _, m := range lead.Members {
		if p := plain(m); p == plain(rootName) || p == plain(groupPatient) {
			return true
		}
	}
	return false
}

// View says how pages show the kind.
func (*Reader) View() kind.View {
	return kind.View{Title: fault.Text{VI: "Hồ sơ bệnh án điện tử", EN: "Electronic medical record"}, Detached: true, Papers: true}
}

// Open reads the file. Faults: those of packages xmltok and jsondoc,
// envelope.invalid (another root, no group at all).
func (*Reader) Open(raw []byte) (kind.File, error) {
	read := fromXML
	if jsondoc.IsJSON(raw) {
		read = fromJSON
	}
	root, err := read(raw)
	if err != nil {
		return nil, err
	}
	b := newBuilder()
	b.walk(root, "")
	if !b.grouped {
		return nil, kind.ErrEnvelope
	}
	return &file{raw: raw, tables: b.tables(), spans: []body.Span{{Start: 0, End: len(raw), Dossier: 0}}}, nil
}

// file is an opened file. Nothing in it changes after Open.
type file struct {
	raw    []byte
	tables []*dossier.Table
	spans  []body.Span
}

func (f *file) Facility() care.FacilityCode { return "" }
func (f *file) Sealing() kind.Sealing       { return kind.Sealing{Signers: []kind.Signer{kind.ByFacility}} }
func (f *file) Created() care.Moment        { return care.Moment{} }
func (f *file) Len() int                    { return 1 }
func (f *file) Spans() []body.Span          { return f.spans }
func (f *file) Extracts() []body.Extract    { return nil }

// Dossier gives the record. Episode and patient are what the patient's group says,
// else the head of the record, else the first group that says it.
func (f *file) Dossier(int) kind.Dossier {
	d := kind.Dossier{Spec: spec, Content: &dossier.Content{All: f.tables},
		Inner: [][]byte{f.raw[:len(f.raw):len(f.raw)]}, InnerNames: []string{rootName}}
	get := func(field string) string { return stated(d.Content, field) }
	d.Episode = get("MA_LK")
	card, _, _ := strings.Cut(get("MA_THE_BHYT"), ";")
	d.Patient = kind.Patient{LocalID: get("MA_BN"), Name: get("HO_TEN"), CitizenID: get("SO_CCCD"), Card: strings.TrimSpace(card),
		Birth: get("NGAY_SINH"), Ward: get("MAXA_CU_TRU"), Phone: get("DIEN_THOAI")}
	if d.Patient.LocalID == "" {
		d.Patient.LocalID = kind.SubjectByNumber(d.Patient.CitizenID)
	}
	if m, err := care.ParseDate(d.Patient.Birth); err == nil {
		d.Patient.Birth = m.String()
	}
	if sex, ok := sexOf(get("GIOI_TINH")); ok {
		d.Patient.Sex = sex
	}
	return d
}

// stated returns a field of the record's subject.
func stated(c dossier.Fields, field string) string {
	for _, name := range [...]string{tablePatient, tableHead} {
		if text := strings.TrimSpace(c.Field(name, 0, field)); text != "" {
			return text
		}
	}
	for _, t := range c.Tables() {
		if text := strings.TrimSpace(t.Cell(0, field).Text); text != "" {
			return text
		}
	}
	return ""
}

// sexOf reads a sex as the number of QĐ 4750 or as a word, and gives the number.
func sexOf(s string) (code string, ok bool) {
	switch care.Fold(s) {
	case "1", "nam", "male", "m":
		return "1", true
	case "2", "nu", "female", "f":
		return "2", true
	case "3", "khong xac dinh", "chua xac dinh", "unknown":
		return "3", true
	}
	return "", false
}
