package qd4750

import (
	"lienthong/internal/body"
	"lienthong/internal/care"
)

// shape is what envelopes like GIAMDINHHS differ in.
type shape struct {
	root string
	// unnamed: the facility may be left to the certificate, or be called MA_CSKCB;
	// what else is said of it is kept.
	unnamed bool
}

// maxUnit is the most further statements about a facility that are kept.
const maxUnit = 16

// Alike is an envelope under another root: the parts of a file that a kind of the same shape
// builds on. Nothing in it changes after OpenAlike.
type Alike struct{ file *file }

// Stated is one more element of THONGTINDONVI.
type Stated struct{ Name, Text string }

// Document is one inner document with its base64 undone; as sent where Err says
// that it cannot be.
type Document struct {
	Name  string // LOAIHOSO, trimmed
	Bytes []byte
	Err   error
}

// OpenAlike opens an envelope of GIAMDINHHS's shape under another root, as the
// health-check files have it. The facility may also be called MA_CSKCB, or not be
// named at all. Faults are those of Reader.Open.
func OpenAlike(raw []byte, root string) (*Alike, error) {
	f, err := open(raw, shape{root: root, unnamed: true})
	if err != nil {
		return nil, err
	}
	return &Alike{f}, nil
}

// Facility is the code the envelope names, "" where it names none.
func (a *Alike) Facility() care.FacilityCode { return a.file.facility }

// Unit is what else the envelope says of the facility, in order.
func (a *Alike) Unit() []Stated { return a.file.unit }

// Created is NGAYLAP, zero where there is none.
func (a *Alike) Created() care.Moment { return a.file.created }

// Len is the number of dossiers.
func (a *Alike) Len() int { return len(a.file.dossiers) }

// Spans and Extracts are those of a kind.File.
func (a *Alike) Spans() []body.Span { return a.file.Spans() }

// Extracts are the certificates in the envelope.
func (a *Alike) Extracts() []body.Extract { return a.file.extracts }

// Documents are the inner documents of dossier i, and their size in all.
func (a *Alike) Documents(i int) (docs []Document, size int) {
	decoded, all := a.file.decode(i)
	docs = make([]Document, len(decoded))
	for j := range decoded {
		docs[j] = Document{Name: a.file.dossiers[i][j].name, Bytes: decoded[j].bytes, Err: decoded[j].err}
	}
	return docs, len(all)
}
