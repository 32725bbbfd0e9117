// Package prescription reads e-prescriptions in the JSON shape of the national
// prescription system, one in a file: a code of 14 characters that is never used
// again, the patient, diagnoses and drugs. The file carries no seal inside; a
// detached one lies beside it. It names no facility but in the first five
// characters of its code: the sealing certificate says whose it is.
//
// A prescription cannot be changed once it was sent. A new one, under a code of
// its own, replaces it and says so in the member ma_don_thuoc_thay_the; that
// member is this hub's, the national shape has none. Sexes have the national
// system's numbers (1 undetermined, 2 male, 3 female), dates its forms.
package prescription

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
const Name = "prescription"

// Member names that tell the kind.
const (
	memberCode = "ma_don_thuoc"
	memberType = "loai_don_thuoc"
)

// limits are far above any prescription: a few dozen drugs.
var limits = jsondoc.Limits{Depth: 16, Values: 20_000}

// Reader is the kind.Reader of prescriptions.
type Reader struct{}

var _ kind.Reader = (*Reader)(nil)

// New returns the reader.
func New() *Reader { return &Reader{} }

// Name is "prescription".
func (*Reader) Name() string { return Name }

// Takes reports whether a JSON object has a list of drugs and a prescription's
// code or type.
func (*Reader) Takes(lead kind.Lead) bool {
	return lead.Has(listDrugs) && (lead.Has(memberCode) || lead.Has(memberType))
}

// View says how pages show the kind.
func (*Reader) View() kind.View {
	return kind.View{Title: fault.Text{VI: "Đơn thuốc điện tử", EN: "E-prescription"}, Detached: true}
}

// Open reads the file. Faults: file.unreadable, file.limits, envelope.invalid
// where it is no object or has no list of drugs.
func (*Reader) Open(raw []byte) (kind.File, error) {
	doc, err := jsondoc.Parse(raw, limits)
	if err != nil {
		return nil, err
	}
	if doc.Get(listDrugs) == nil || doc.Get(memberCode) == nil && doc.Get(memberType) == nil {
		return nil, kind.ErrEnvelope
	}
	return &file{raw: raw, doc: doc, spans: []body.Span{{Start: 0, End: len(raw), Dossier: 0}}}, nil
}

// file is an opened file. Nothing in it changes after Open.
type file struct {
	raw   []byte
	doc   *jsondoc.Value
	spans []body.Span
}

func (f *file) Facility() care.FacilityCode { return "" }
func (f *file) Sealing() kind.Sealing       { return kind.Sealing{Signers: []kind.Signer{kind.ByFacility}} }
func (f *file) Created() care.Moment        { return care.Moment{} }
func (f *file) Len() int                    { return 1 }
func (f *file) Spans() []body.Span          { return f.spans }
func (f *file) Extracts() []body.Extract    { return nil }

// Codes of findings that depend on the store.
const (
	CodeReused   = "prescription.reused"
	CodeUnknown  = "PRESCRIPTION.MA_DON_THUOC_THAY_THE.unknown"
	CodeReplaced = "PRESCRIPTION.MA_DON_THUOC_THAY_THE.replaced"
)

// Dossier reads the prescription.
func (f *file) Dossier(int) kind.Dossier {
	d := kind.Dossier{Spec: spec, Once: CodeReused, Replacing: [2]string{CodeUnknown, CodeReplaced},
		Inner: [][]byte{f.raw[:len(f.raw):len(f.raw)]}, InnerNames: []string{tableHead}}
	r := reading{}
	head := r.head(f.doc)
	d.Content = &dossier.Content{All: []*dossier.Table{head}}
	for _, l := range [...]struct{ member, table string }{{listDiagnoses, tableDiagnoses}, {listDrugs, tableDrugs}} {
		if t := r.list(f.doc.Get(l.member), l.table); t != nil {
			d.Content.All = append(d.Content.All, t)
		}
	}
	d.Unreadable = r.unreadable
	get := func(column string) string { return strings.TrimSpace(head.Cell(0, column).Text) }
	d.Episode = get("MA_DON_THUOC")
	if old := get("MA_DON_THUOC_THAY_THE"); old != d.Episode {
		if _, _, ok := ParseCode(old); ok {
			d.Replaces = old
		}
	}
	d.Patient = patientOf(get)
	return d
}

// patientOf gives the patient in the words of the QĐ 4750 family, which identity
// reads. A health identifier is the citizen number where it is one.
func patientOf(get func(string) string) kind.Patient {
	p := kind.Patient{LocalID: get("MA_BN"), Name: get("HO_TEN_BENH_NHAN"), CitizenID: get("MA_DINH_DANH_CONG_DAN"),
		Card: get("MA_SO_THE_BAO_HIEM_Y_TE"), Phone: get("SO_DIEN_THOAI_NGUOI_KHAM_BENH"), Birth: get("NGAY_SINH_BENH_NHAN")}
	if p.CitizenID == "" {
		if id, err := care.ParseCitizenID(get("MA_DINH_DANH_Y_TE")); err == nil {
			p.CitizenID = string(id)
		}
	}
	if p.LocalID == "" {
		p.LocalID = kind.SubjectByNumber(p.CitizenID)
	}
	if m, err := care.ParseDate(p.Birth); err == nil {
		p.Birth = m.String()
	}
	switch get("GIOI_TINH") {
	case "1":
		p.Sex = "3"
	case "2":
		p.Sex = "1"
	case "3":
		p.Sex = "2"
	}
	return p
}
