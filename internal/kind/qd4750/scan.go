package qd4750

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/xmltok"
)

// part is a part of the envelope that may stand once.
type part int

const (
	partUnit     part = iota // THONGTINDONVI
	partFacility             // MACSKCB
	partInfo                 // THONGTINHOSO
	partCreated              // NGAYLAP
	partCount                // SOLUONGHOSO
	partList                 // DANHSACHHOSO
	parts
)

// scan walks the envelope. Faults of structure are noted and the walk goes on,
// because a file that is not well-formed further down is file.unreadable.
type scan struct {
	tok       *xmltok.Tokenizer
	shape     shape
	file      *file
	parts     [parts]int
	announced int  // SOLUONGHOSO
	inside    bool // in a HOSO
	invalid   bool
	over      bool
}

func (s *scan) document() error {
	for {
		k, err := s.tok.Next()
		if err != nil || k == xmltok.EOF {
			return err
		}
		if k != xmltok.StartElement {
			continue
		}
		if string(s.tok.Name()) != s.shape.root {
			s.invalid = true
			err = s.tok.Skip()
		} else {
			err = s.children(s.inRoot)
		}
		if err != nil {
			return err
		}
	}
}

// children calls visit at the start of every child element of the present one,
// to its end. visit must read its element to the end.
func (s *scan) children(visit func(name []byte) error) error {
	for {
		k, err := s.tok.Next()
		if err != nil {
			return err
		}
		switch k {
		case xmltok.EndElement:
			return nil
		case xmltok.StartElement:
			if err := visit(s.tok.Name()); err != nil {
				return err
			}
		default:
			s.stray()
		}
	}
}

// once notes a part of the envelope; a second one makes it invalid.
func (s *scan) once(p part) {
	if s.parts[p]++; s.parts[p] > 1 {
		s.invalid = true
	}
}

func (s *scan) inRoot(name []byte) error {
	switch string(name) {
	case "THONGTINDONVI":
		s.once(partUnit)
		return s.children(s.inUnit)
	case "THONGTINHOSO":
		s.once(partInfo)
		return s.children(s.inInfo)
	case container:
		return s.certificates()
	}
	return s.tok.Skip()
}

func (s *scan) inUnit(name []byte) error {
	switch {
	case string(name) == "MACSKCB", s.shape.unnamed && string(name) == "MA_CSKCB":
	case s.shape.unnamed:
		unit := string(name)
		text, nested, err := s.tok.ElementText()
		if !nested && len(s.file.unit) < maxUnit {
			s.file.unit = append(s.file.unit, Stated{unit, strings.TrimSpace(string(text))})
		}
		return err
	default:
		return s.tok.Skip()
	}
	s.once(partFacility)
	text, err := s.text()
	if text == "" {
		s.invalid = true
	}
	s.file.facility = care.FacilityCode(text)
	return err
}

func (s *scan) inInfo(name []byte) error {
	switch string(name) {
	case "NGAYLAP":
		s.once(partCreated)
		text, err := s.text()
		if m, bad := care.ParseMoment(text); bad == nil {
			s.file.created = m
		}
		return err
	case "SOLUONGHOSO":
		s.once(partCount)
		text, err := s.text()
		var ok bool
		if s.announced, ok = count(text); !ok {
			s.invalid = true
		}
		return err
	case "DANHSACHHOSO":
		s.once(partList)
		return s.children(s.inList)
	}
	return s.tok.Skip()
}

// count reads a number of digits; one too great for an int is still more than
// any file holds.
func count(text string) (int, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return math.MaxInt, true
	}
	return n, true
}

// text returns the text of the present element, which may not hold elements.
func (s *scan) text() (string, error) {
	text, nested, err := s.tok.ElementText()
	if nested {
		s.invalid = true
	}
	return strings.TrimSpace(string(text)), err
}

func (s *scan) inList(name []byte) error {
	if string(name) != "HOSO" {
		return s.tok.Skip()
	}
	if len(s.file.dossiers) == MaxDossiers {
		s.over = true
		return s.tok.Skip()
	}
	s.file.dossiers = append(s.file.dossiers, nil)
	s.inside = true
	err := s.children(s.inDossier)
	s.inside = false
	return err
}

func (s *scan) inDossier(name []byte) error {
	if string(name) != "FILEHOSO" {
		return s.aside()
	}
	at := len(s.file.dossiers) - 1
	if len(s.file.dossiers[at]) == MaxDocuments {
		s.over = true
		return s.tok.Skip()
	}
	var d document
	var types, contents int
	err := s.children(func(name []byte) error {
		switch string(name) {
		case "LOAIHOSO":
			types++
			text, nested, err := s.tok.ElementText()
			d.name = strings.TrimSpace(string(text))
			d.misshapen = d.misshapen || nested
			return err
		case "NOIDUNGFILE":
			contents++
			return s.content(&d)
		}
		return s.aside()
	})
	d.misshapen = d.misshapen || types != 1 || contents != 1 || d.name == ""
	s.file.dossiers[at] = append(s.file.dossiers[at], d)
	return err
}

// content notes where the content of NOIDUNGFILE stands.
func (s *scan) content(d *document) error {
	start := s.tok.End()
	text, literal, nested, err := s.tok.ElementBytes()
	if err != nil {
		return err
	}
	end := s.tok.Offset()
	d.start, d.end, d.inline, d.text = start, end, nested, nil
	if !nested && !literal {
		d.text = bytes.Clone(text)
	}
	d.span = -1
	if end > start {
		d.span = len(s.file.spans)
	}
	s.span(start, end)
	return nil
}

// aside passes over an element of a dossier that is not known; what it holds
// still belongs to the dossier.
func (s *scan) aside() error {
	start := s.tok.End()
	if err := s.tok.Skip(); err != nil {
		return err
	}
	s.span(start, s.tok.Offset())
	return nil
}

// stray gives text and comments between the elements of a dossier to it: people
// write names there, and what is about a patient must go when the record goes.
func (s *scan) stray() {
	if start, end := s.tok.Offset(), s.tok.End(); s.inside && len(trim(s.file.raw[start:end])) > 0 {
		s.span(start, end)
	}
}

func (s *scan) span(start, end int) {
	if end > start {
		s.file.spans = append(s.file.spans, body.Span{Start: start, End: end, Dossier: len(s.file.dossiers) - 1})
	}
}

// certificates notes where certificates stand inside the present element.
func (s *scan) certificates() error {
	depth := s.tok.Depth()
	for {
		k, err := s.tok.Next()
		if err != nil {
			return err
		}
		switch {
		case k == xmltok.EndElement && s.tok.Depth() == depth:
			return nil
		case k == xmltok.StartElement && string(s.tok.Local()) == "X509Certificate":
			start := s.tok.End()
			if err := s.tok.Skip(); err != nil {
				return err
			}
			if end := s.tok.Offset(); end > start {
				s.file.extracts = append(s.file.extracts, body.Extract{Start: start, End: end})
			}
		}
	}
}
