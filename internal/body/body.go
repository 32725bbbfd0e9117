// Package body turns the bytes of a file into what is stored and back.
//
// A file is kept as its inner documents, one frame per dossier, and a skeleton:
// the envelope with holes where the inner documents were. Base64 is undone
// where it can be redone exactly. Split proves, before it returns, that Join
// gives back every byte; signatures over the file therefore stay valid.
//
// The skeleton holds no content of a dossier, so it may be sealed under the
// file's key while each frame is sealed under its record's key: erasing one
// record of a file leaves the others whole.
//
// It is not for reading dossiers (kind), sealing (vault) or keeping (store).
package body

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"lienthong/internal/fault"
)

// Faults of this package.
var (
	// ErrSpans: the reader of a kind described a file wrongly: a defect.
	ErrSpans = fault.New(fault.Broken, "body.spans",
		"Không tách được tệp thành các hồ sơ. Báo cho trực vận hành.",
		"The file could not be taken apart into dossiers. Tell the operator on duty.")
	// ErrDamaged: stored bytes are not what this package made.
	ErrDamaged = fault.New(fault.Broken, "body.damaged",
		"Bản lưu của tệp bị hỏng. Báo cho trực vận hành.",
		"The stored form of the file is damaged. Tell the operator on duty.")
	// ErrDictionaryMissing: the body was compressed with a dictionary this hub does not have.
	ErrDictionaryMissing = fault.New(fault.Broken, "body.dictionary_missing",
		"Thiếu từ điển nén để đọc bản lưu. Báo cho trực vận hành.",
		"A compression dictionary needed to read the stored form is missing. Tell the operator on duty.")
	// ErrDictionary: a dictionary is not one, or not the one it was.
	ErrDictionary = fault.New(fault.Broken, "body.dictionary",
		"Từ điển nén không dùng được. Báo cho trực vận hành.",
		"A compression dictionary is not usable. Tell the operator on duty.")
	// ErrTooLarge: the body is larger than the reader allows.
	ErrTooLarge = fault.New(fault.TooLarge, "body.too_large",
		"Bản lưu lớn hơn giới hạn đọc.", "The stored form is larger than may be read.")
)

// Span is the byte range [Start, End) of dossier content in a file: the text of
// one NOIDUNGFILE, or one check-in row. Dossier is the position of the dossier
// in the file; -1 says the range belongs to the file and stays in the skeleton.
type Span struct {
	Start, End, Dossier int
	// Undone is the base64 of the range, undone already by who reads it: Undo
	// over this very text, else Split does it itself. May be nil.
	Undone *Undone
}

// String says where the span is, and nothing of its text.
func (s Span) String() string { return fmt.Sprintf("[%d,%d) of dossier %d", s.Start, s.End, s.Dossier) }

// Extract is the byte range [Start, End) of a text that repeats from file to
// file and is kept once: the base64 of a certificate.
type Extract struct{ Start, End int }

// Certificate is an extracted text with its SHA-256, by which the skeleton
// names it. The text is public.
type Certificate struct {
	Hash [32]byte
	Data []byte
}

// File is a file taken apart.
type File struct {
	// Skeleton, format 1: version byte, uvarint size of the file, uvarint number
	// of holes, per hole its description, then the bytes between the holes.
	Skeleton []byte
	// Certificates are the extracted texts, each once, in order of appearance.
	Certificates []Certificate

	dossiers [][]held
}

// held is a part of a dossier; proof is the text it was where base64 was undone.
type held struct {
	bytes []byte
	proof *Undone
}

// Dossiers returns how many dossiers have content.
func (f File) Dossiers() int { return len(f.dossiers) }

// Dossier returns the frame of dossier i: format byte 1, then per part one byte
// form, four bytes length (little endian) and the bytes. A dossier without
// content has a frame without parts.
func (f File) Dossier(i int) []byte {
	size := 1
	for _, p := range f.parts(i) {
		size += frameHead + len(p.bytes)
	}
	return f.AppendDossier(make([]byte, 0, size), i)
}

// AppendDossier appends the frame of dossier i to dst, for who keeps a buffer.
func (f File) AppendDossier(dst []byte, i int) []byte {
	dst = append(dst, formatV1)
	for _, p := range f.parts(i) {
		form := byte(0)
		if p.proof != nil {
			form = 1
		}
		dst = binary.LittleEndian.AppendUint32(append(dst, form), uint32(len(p.bytes)))
		dst = append(dst, p.bytes...)
	}
	return dst
}

func (f File) parts(i int) []held {
	if i < 0 || i >= len(f.dossiers) {
		return nil
	}
	return f.dossiers[i]
}

const (
	formatV1    = 1
	maxDossier  = 1 << 20 // above any file's: limits say 1,000
	maxFile     = 1 << 30
	frameHead   = 1 + 4
	minExtract  = 64 // a reference takes 34 bytes
	certificate = -2 // Dossier of a hole that is an extract
)

// Part is one part of a dossier.
type Part struct {
	Bytes   []byte
	Decoded bool // base64 was undone; else Bytes is the text as it stood in the file
}

// Parts reads the frame of a dossier. The parts share its memory.
// Fault: body.damaged.
func Parts(frame []byte) ([]Part, error) {
	if len(frame) == 0 || frame[0] != formatV1 {
		return nil, ErrDamaged.Because(fmt.Errorf("a frame of unknown form, %d bytes", len(frame)))
	}
	var parts []Part
	for rest := frame[1:]; len(rest) > 0; {
		if len(rest) < frameHead || rest[0] > 1 {
			return nil, ErrDamaged.Because(fmt.Errorf("part %d of a frame has no head", len(parts)))
		}
		n := binary.LittleEndian.Uint32(rest[1:])
		if uint64(n) > uint64(len(rest)-frameHead) {
			return nil, ErrDamaged.Because(fmt.Errorf("part %d of a frame is cut", len(parts)))
		}
		end := frameHead + int(n)
		parts = append(parts, Part{Bytes: rest[frameHead:end:end], Decoded: rest[0] == 1})
		rest = rest[end:]
	}
	return parts, nil
}

// Split takes a file apart. Spans and extracts are each in ascending order and
// overlap nothing. Base64 that is canonical, in one line or in equal lines with
// white space around, is kept decoded; any other text as it is. The result
// shares memory with what was undone, and none with raw. Fault: body.spans.
func Split(raw []byte, spans []Span, extracts ...Extract) (File, error) {
	cuts, err := merge(len(raw), spans, extracts)
	if err != nil {
		return File{}, err
	}
	f := build(raw, cuts, true)
	if f.restores(raw) {
		return f, nil
	}
	// Base64 does not come back as it was: that is a defect here, but no reason
	// to lose the file. Keep the text.
	if f = build(raw, cuts, false); f.restores(raw) {
		return f, nil
	}
	return File{}, ErrSpans.Because(fmt.Errorf("%d bytes in %d spans do not come back", len(raw), len(spans)))
}

// merge checks spans and extracts and brings them into one order; spans of the
// file itself stay in the skeleton and are left out.
func merge(size int, spans []Span, extracts []Extract) ([]Span, error) {
	cuts := make([]Span, 0, len(spans)+len(extracts))
	last := 0
	for i, s := range spans {
		if s.Start < last || s.End < s.Start || s.End > size || s.Dossier < -1 || s.Dossier >= maxDossier {
			return nil, ErrSpans.Because(fmt.Errorf("span %d: %s of %d bytes", i, s, size))
		}
		last = s.End
		cuts = append(cuts, s)
	}
	last = 0
	for i, x := range extracts {
		if x.Start < last || x.End < x.Start || x.End > size {
			return nil, ErrSpans.Because(fmt.Errorf("extract %d: %+v of %d bytes", i, x, size))
		}
		last = x.End
		cuts = append(cuts, Span{Start: x.Start, End: x.End, Dossier: certificate})
	}
	if size > maxFile {
		return nil, ErrSpans.Because(fmt.Errorf("a file of %d bytes", size))
	}
	slices.SortStableFunc(cuts, func(a, b Span) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return a.End - b.End
	})
	for i := 1; i < len(cuts); i++ {
		if cuts[i].Start < cuts[i-1].End {
			return nil, ErrSpans.Because(fmt.Errorf("%s overlaps %s", cuts[i], cuts[i-1]))
		}
	}
	return slices.DeleteFunc(cuts, func(s Span) bool { return s.Dossier == -1 }), nil
}

// build makes skeleton and frames; decode says whether base64 is undone.
func build(raw []byte, cuts []Span, decode bool) File {
	var f File
	f.room(cuts)
	holes := make([]byte, 0, 8*len(cuts))
	count, content := 0, 0
	literals := make([]Span, 0, len(cuts)+1)
	at := 0
	for i := range cuts {
		c := &cuts[i]
		text := raw[c.Start:c.End]
		if c.Dossier == certificate && !isCertificate(text) {
			continue
		}
		holes = binary.AppendUvarint(holes, uint64(c.Start-at))
		literals = append(literals, Span{Start: at, End: c.Start})
		at = c.End
		count++
		content += len(text)
		if c.Dossier == certificate {
			holes = f.extract(holes, text)
			continue
		}
		holes = f.add(holes, c, text, decode)
	}
	literals = append(literals, Span{Start: at, End: len(raw)})

	s := make([]byte, 0, 2*binary.MaxVarintLen64+1+len(holes)+len(raw)-content)
	s = append(s, formatV1)
	s = binary.AppendUvarint(s, uint64(len(raw)))
	s = binary.AppendUvarint(s, uint64(count))
	s = append(s, holes...)
	for _, l := range literals {
		s = append(s, raw[l.Start:l.End]...)
	}
	f.Skeleton = s
	return f
}

// room gives every dossier room for its parts.
func (f *File) room(cuts []Span) {
	var counts []int
	total := 0
	for i := range cuts {
		if d := cuts[i].Dossier; d >= 0 {
			if d >= len(counts) {
				counts = append(counts, make([]int, d+1-len(counts))...)
			}
			counts[d]++
			total++
		}
	}
	f.dossiers = make([][]held, len(counts))
	all := make([]held, total)
	for d, n := range counts {
		f.dossiers[d], all = all[:0:n], all[n:]
	}
}

// add puts one text into its dossier's parts and describes its hole.
func (f *File) add(holes []byte, c *Span, text []byte, decode bool) []byte {
	u := c.Undone
	switch {
	case !decode:
		u = nil
	case !u.of(text):
		_, u, _ = Undo(nil, text)
	}
	p := held{proof: u}
	form := formText
	switch {
	case u == nil:
		p.bytes = slices.Clone(text)
	case u.layout.plain():
		p.bytes, form = u.bytes, formBase64
	default:
		p.bytes, form = u.bytes, formLaidOut
	}
	f.dossiers[c.Dossier] = append(f.dossiers[c.Dossier], p)
	holes = binary.AppendUvarint(append(holes, form), uint64(c.Dossier))
	if form == formLaidOut {
		holes = u.layout.append(holes)
	}
	return holes
}

// extract keeps a certificate's text once and describes its hole.
func (f *File) extract(holes, text []byte) []byte {
	hash := sha256.Sum256(text)
	if !slices.ContainsFunc(f.Certificates, func(c Certificate) bool { return c.Hash == hash }) {
		f.Certificates = append(f.Certificates, Certificate{Hash: hash, Data: slices.Clone(text)})
	}
	return append(append(holes, formCertificate), hash[:]...)
}

// isCertificate tells base64 of one DER SEQUENCE (X.690 §8.9): only that is
// public and kept once. Anything else a sender puts there stays sealed.
func isCertificate(text []byte) bool {
	l, ok := layoutOf(text)
	if !ok || len(text) < minExtract {
		return false
	}
	core, _ := l.core(nil, text)
	der, ok := appendDecoded(nil, core)
	if !ok || len(der) < 4 || der[0] != 0x30 {
		return false
	}
	switch head := der[1]; {
	case head < 0x80:
		return len(der) == 2+int(head)
	case head == 0x81:
		return len(der) == 3+int(der[2])
	case head == 0x82:
		return len(der) == 4+int(der[2])<<8+int(der[3])
	}
	return false
}
