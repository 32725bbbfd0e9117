// Package kind is the seam between foreign bytes and dossiers. Each kind of
// dossier (the QĐ 4750 family, a bare check-in, prescriptions, EMR, health
// checks and slips) has a folder with a Reader; a Registry picks the reader by
// the bytes themselves. Readers are pure: no store, no trust, no clock.
package kind

import (
	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
	"lienthong/internal/seal"
)

// Reader reads the files of one kind.
type Reader interface {
	// Name is the kind as results and receipts say it: "qd4750", "checkin".
	Name() string
	// Takes reports whether a document that begins so is of the kind.
	Takes(lead Lead) bool
	// Open reads the envelope of a document that Takes spoke for; inner
	// documents are left for Dossier. Faults: envelope.invalid,
	// envelope.truncated, file.limits, file.unreadable, file.doctype.
	Open(raw []byte) (File, error)
	// View says how pages show the kind.
	View() View
}

// View says how pages show a kind.
type View struct {
	Title     fault.Text // "Hồ sơ khám bệnh, chữa bệnh"
	Documents []string   // tables that are documents with a life of their own, in the order a reader wants them
	Detached  bool       // files may be sealed by a detached seal beside them
	Papers    bool       // PDF papers may lie beside a file; its reader is a PaperReader
	Urgent    bool       // goes in the urgent lane whatever its sender says: a slip
}

// PartReader is a Reader that reads the content of a dossier out of what is kept of it
// alone, without the file around it: for who reads many that were taken.
type PartReader interface {
	Reader
	// Tables reads a dossier by the documents it has (Label) and the parts of its frame.
	// What it gives is what Dossier of the file gives; false where that cannot be told
	// from the parts alone, and the file has to be put together.
	Tables(documents uint32, parts []body.Part) (*dossier.Content, bool)
}

// PaperReader is a Reader of a kind whose files may have papers beside them.
type PaperReader interface {
	Reader
	// Paper looks whether bytes are a paper the kind takes. Faults: file.limits,
	// paper.unreadable, paper.active (a PDF that would run something).
	Paper(raw []byte) error
}

// File is one opened file. It holds on to raw.
type File interface {
	// Facility is the code the envelope names, trimmed and otherwise as sent: it
	// may be no possible code, which facility.unknown then says. "" only for a
	// kind whose envelope names none: then the sealing certificate says whose
	// file it is.
	Facility() care.FacilityCode
	// Sealing says which signatures the file must carry.
	Sealing() Sealing
	// Created is the sender's date of the file (NGAYLAP), zero where there is none.
	Created() care.Moment
	// Len is the number of dossiers.
	Len() int
	// Dossier reads dossier i (from 0). It never fails: what cannot be read
	// stands in Dossier.Unreadable.
	Dossier(i int) Dossier
	// Spans are the byte ranges of dossier content, for package body, also of
	// text and elements the kind does not know; Extracts the ranges of
	// certificates in the envelope. A file whose spans hold other text (package
	// body's Redact) opens all the same.
	Spans() []body.Span
	Extracts() []body.Extract
}

// Sealing says which signatures a file must carry: those inside it, or one
// detached seal over its exact bytes.
type Sealing struct {
	// Inside describes the enveloped signatures; nil: the file is sealed by a
	// detached seal, and without one it is seal.missing.
	Inside *seal.Expect
	// Signers says who signs, in document order; the facility where it is shorter.
	Signers []Signer
}

// Signer is who signs for a dossier.
type Signer int

// The signers. A person's signature is verified, named and kept; only the
// facility's seals the file.
const (
	ByFacility Signer = iota
	ByPerson          // the doctor who concludes or prescribes
)

// Of returns who made signature i.
func (s Sealing) Of(i int) Signer {
	if i < len(s.Signers) {
		return s.Signers[i]
	}
	return ByFacility
}

// Dossier is one dossier as read, not yet judged.
type Dossier struct {
	Episode    string            // MA_LK trimmed, as sent; may be empty or too long
	Line       string            // line of versions within episode and kind: two slips of one visit are no versions of one another; "" the only one
	Once       string            // code of the finding that rejects another content once one of this episode was accepted; "": versions follow one another
	Replaces   string            // Episode of the dossier of this kind and facility that this one replaces, "" none
	Replacing  [2]string         // codes of findings when that one is not known, and when it was replaced or withdrawn already
	Sequence   string            // the sender's own order of versions, compared as bytes; "" without one
	Inner      [][]byte          // decoded inner documents in order, each byte as sent: what the content hash covers
	InnerNames []string          // their types: "XML1" as the schema spells it; a type it does not know as sent
	Content    *dossier.Content  // tables that could be read
	Spec       *schema.Version   // by which the tables were read; nil for a kind without
	Unknown    []string          // types of inner documents that are kept and not read
	Unreadable []dossier.Finding // dossier.unreadable and the like, with place
	Patient    Patient           // who it says it is about
}

// Patient is what a dossier says of its subject, as sent.
type Patient struct {
	LocalID   string // MA_BN
	Name      string // HO_TEN
	CitizenID string // SO_CCCD, untyped
	Card      string // MA_THE_BHYT, first of several
	Birth     string // NGAY_SINH
	Sex       string // GIOI_TINH
	Ward      string // MAXA_CU_TRU
	Phone     string // DIEN_THOAI
}

// Registry holds the kinds a hub takes, chosen at start.
type Registry struct {
	readers []Reader
}

// NewRegistry returns a registry of readers; the first whose Root matches reads.
func NewRegistry(readers ...Reader) *Registry { return &Registry{readers: readers} }

// ErrEnvelope is the answer to a document of no known kind or structure.
var ErrEnvelope = fault.New(fault.Invalid, "envelope.invalid",
	"Tệp không đúng cấu trúc hồ sơ: sai thẻ gốc hoặc thiếu phần bắt buộc. Xuất lại tệp từ phần mềm bệnh viện rồi gửi.",
	"The file is not a dossier envelope: wrong root or a required part is missing. Export it again from the hospital system and send it.")

// ErrTruncated: fewer HOSO than SOLUONGHOSO announces.
var ErrTruncated = fault.New(fault.Invalid, "envelope.truncated",
	"Tệp có ít hồ sơ hơn số ghi ở SOLUONGHOSO, có thể đã bị cắt khi xuất hoặc gửi. Xuất lại, ký lại rồi gửi lại cả tệp.",
	"The file holds fewer dossiers than SOLUONGHOSO says; it may have been cut when it was exported or sent. Export, sign and send the whole file again.")

// Pick returns the reader of a document. Faults: file.unreadable and the like
// for bytes that end or break before it can be told, of the whole document where
// nobody takes it, and of JSON that is no known kind; envelope.invalid for XML
// with another root.
func (r *Registry) Pick(doc []byte) (Reader, error) {
	lead, err := LeadOf(doc)
	if err != nil {
		return nil, err
	}
	for _, k := range r.readers {
		if k.Takes(lead) {
			return k, nil
		}
	}
	return nil, lead.unknown(doc)
}

// ByName returns the reader of that kind, nil without one.
func (r *Registry) ByName(name string) Reader {
	for _, k := range r.readers {
		if k.Name() == name {
			return k
		}
	}
	return nil
}

// Names lists the kinds in order.
func (r *Registry) Names() []string {
	names := make([]string, len(r.readers))
	for i, k := range r.readers {
		names[i] = k.Name()
	}
	return names
}
