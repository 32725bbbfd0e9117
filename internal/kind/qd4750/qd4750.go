// Package qd4750 reads and writes files of the QĐ 4750 family: the envelope
// GIAMDINHHS with inner documents XML0 to XML15 in base64 (or inline), as
// hospital systems send them to social insurance. Which fields a table has is
// package schema's matter, whether values are right package quality's, whether
// the signature holds package seal's.
package qd4750

import (
	"sync"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/seal"
	"lienthong/internal/xmltok"
)

// Limits of one file (DESIGN §6).
const (
	MaxDossiers  = 1000 // HOSO in a file
	MaxDocuments = 256  // FILEHOSO in a HOSO; the decisions know 16 types
)

const (
	rootName  = "GIAMDINHHS"
	container = "CHUKYDONVI"
)

// Reader is the kind.Reader of GIAMDINHHS files.
type Reader struct{}

var _ kind.Reader = (*Reader)(nil)

// New returns the reader.
func New() *Reader { return &Reader{} }

// Name is "qd4750".
func (*Reader) Name() string { return "qd4750" }

// Takes reports whether the document element is the kind's.
func (*Reader) Takes(lead kind.Lead) bool { return lead.Root == rootName }

// View says how pages show the kind.
func (*Reader) View() kind.View {
	return kind.View{
		Title: fault.Text{VI: "Hồ sơ khám bệnh, chữa bệnh", EN: "Dossier of an episode of care"},
		Documents: []string{"XML8", "XML7", "XML2", "XML4", "XML13", "XML14", "XML11", "XML10", "XML9",
			"XML12", "XML6", "XML15"},
	}
}

// inside is the one signature a file carries.
var inside = seal.Expect{Container: container, Count: 1}

// file is an opened file. Nothing in it changes after Open, but that base64 is
// undone when it is first asked for.
type file struct {
	raw      []byte
	facility care.FacilityCode
	created  care.Moment
	dossiers [][]document
	unit     []Stated // what else THONGTINDONVI states, of envelopes of another root
	spans    []body.Span
	extracts []body.Extract

	undone  sync.Once // the base64 of all dossiers, in spans
	decoded []decodedOnce
}

// decodedOnce is the inner documents of one dossier, once they were asked for.
type decodedOnce struct {
	once  sync.Once
	docs  []decoded
	bytes []byte // of all of them
}

// document is one FILEHOSO, not yet decoded.
type document struct {
	name       string // LOAIHOSO
	start, end int    // the content of NOIDUNGFILE
	span       int    // its place in spans, -1 when it is empty
	text       []byte // its text where that is not those bytes: CDATA, entities, comments
	inline     bool   // an element stands in it instead of text
	misshapen  bool   // LOAIHOSO or NOIDUNGFILE is missing, there twice, or holds what it cannot
}

func (f *file) Facility() care.FacilityCode { return f.facility }
func (f *file) Sealing() kind.Sealing       { return kind.Sealing{Inside: &inside} }
func (f *file) Created() care.Moment        { return f.created }
func (f *file) Len() int                    { return len(f.dossiers) }
func (f *file) Extracts() []body.Extract    { return f.extracts }

// Open reads the envelope once, to the end. Faults, first of these: those of
// package xmltok, file.limits (over MaxDossiers or MaxDocuments),
// envelope.invalid (another root; MACSKCB or SOLUONGHOSO missing, empty or not
// what they should be; a part of the envelope twice; no HOSO, or more than
// SOLUONGHOSO says), envelope.truncated. Elements it does not know are passed over.
func (*Reader) Open(raw []byte) (kind.File, error) {
	f, err := open(raw, shape{root: rootName})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func open(raw []byte, as shape) (*file, error) {
	s := &scan{tok: xmltok.New(raw, xmltok.Limits{}), file: &file{raw: raw}, shape: as}
	if err := s.document(); err != nil {
		return nil, err
	}
	switch n := len(s.file.dossiers); {
	case s.over:
		return nil, xmltok.ErrLimits
	case s.invalid, s.parts[partFacility] == 0 && !as.unnamed, s.parts[partCount] == 0, n == 0, s.announced < n:
		return nil, kind.ErrEnvelope
	case s.announced > n:
		return nil, kind.ErrTruncated
	}
	s.file.decoded = make([]decodedOnce, len(s.file.dossiers))
	return s.file, nil
}
