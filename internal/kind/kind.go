// Package kind is the seam between foreign bytes and dossiers. Each kind of
// dossier (the QĐ 4750 family, a bare check-in, later prescriptions, EMR,
// health checks and slips) has a folder with a Reader; a Registry picks the
// reader by the bytes themselves. Readers are pure: no store, no trust, no clock.
package kind

import (
	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// Reader reads the files of one kind.
type Reader interface {
	// Name is the kind as results and receipts say it: "qd4750", "checkin".
	Name() string
	// Root is the document element that marks the kind: "GIAMDINHHS".
	Root() string
	// Open reads the envelope of a well-formed document with that root; inner
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
}

// File is one opened file. It holds on to raw.
type File interface {
	// Facility is the code the envelope names, trimmed and otherwise as sent: it
	// may be no possible code, which facility.unknown then says. "" only for a
	// kind whose envelope names none: then the sealing certificate says whose
	// file it is.
	Facility() care.FacilityCode
	// Container is the element under the root that must hold exactly
	// Signatures() enveloped signatures.
	Container() string
	Signatures() int
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

// Dossier is one dossier as read, not yet judged.
type Dossier struct {
	Episode    string            // MA_LK trimmed, as sent; may be empty or too long
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

// ForRoot returns the reader of documents with that root, nil without one.
func (r *Registry) ForRoot(root string) Reader {
	for _, k := range r.readers {
		if k.Root() == root {
			return k
		}
	}
	return nil
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
