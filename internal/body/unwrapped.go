package body

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Unwrapped is how bytes with base64 in them travel and are kept where they are
// to be small: the base64 undone, so that a compressor sees what it says. It
// begins with a mark no document begins with, then a format byte, the uvarint
// length of a skeleton, the skeleton and one frame with every part.
const unwrappedMark = "\x00unwrapped"

// unwrappedMost is how many times longer the document may be than its unwrapped
// form: base64 adds a third, line ends of every 64 characters a thirtieth.
const unwrappedMost = 2

// maxUnwrapped is how many parts an unwrapped form may have: 1,000 dossiers of
// sixteen tables are a quarter of it. Each costs more memory than it has bytes.
const maxUnwrapped = 64 << 10

// wrapped elements are those whose text is an inner document in base64.
var (
	wrapOpen  = []byte("<NOIDUNGFILE>")
	wrapClose = []byte("</NOIDUNGFILE>")
)

// Unwrap undoes the base64 of inner documents. ok is false where there is
// nothing to undo. Rewrap gives back every byte: that is proved here.
func Unwrap(raw []byte) (unwrapped []byte, ok bool) {
	var spans []Span
	for at := 0; ; {
		i := bytes.Index(raw[at:], wrapOpen)
		if i < 0 {
			break
		}
		start := at + i + len(wrapOpen)
		n := bytes.Index(raw[start:], wrapClose)
		if n < 0 {
			break
		}
		at = start + n
		spans = append(spans, Span{Start: start, End: at})
	}
	if len(spans) == 0 || len(spans) > maxUnwrapped {
		return nil, false
	}
	f, err := Split(raw, spans)
	if err != nil {
		return nil, false
	}
	out := make([]byte, 0, len(raw))
	out = append(out, unwrappedMark...)
	out = append(out, formatV1)
	out = binary.AppendUvarint(out, uint64(len(f.Skeleton)))
	out = append(out, f.Skeleton...)
	out = f.AppendDossier(out, 0)
	if len(raw) > unwrappedMost*len(out) { // Rewrap would not believe it
		return nil, false
	}
	return out, true
}

// IsUnwrapped reports whether bytes begin as Unwrap's do: no XML, JSON or PDF does.
func IsUnwrapped(b []byte) bool { return bytes.HasPrefix(b, []byte(unwrappedMark)) }

// Rewrap undoes Unwrap, into at most limit bytes and at most twice as many as
// it is given. Faults: body.damaged for bytes that Unwrap did not make,
// body.too_large past the limit.
func Rewrap(unwrapped []byte, limit int) ([]byte, error) {
	rest, ok := bytes.CutPrefix(unwrapped, []byte(unwrappedMark))
	if !ok || len(rest) == 0 || rest[0] != formatV1 {
		return nil, ErrDamaged.Because(fmt.Errorf("an unwrapped form that is none"))
	}
	n, at := binary.Uvarint(rest[1:])
	if at <= 0 || n > uint64(len(rest)-1-at) {
		return nil, ErrDamaged.Because(fmt.Errorf("an unwrapped form that is cut"))
	}
	skeleton, frame := rest[1+at:][:n], rest[1+at:][n:]
	if !fewParts(skeleton, frame) {
		return nil, ErrDamaged.Because(fmt.Errorf("an unwrapped form of too many parts"))
	}
	s, err := parseSkeleton(skeleton)
	if err != nil {
		return nil, err
	}
	if s.size > unwrappedMost*len(unwrapped) {
		return nil, ErrDamaged.Because(fmt.Errorf("%d bytes out of %d", s.size, len(unwrapped)))
	}
	if s.size > limit {
		return nil, ErrTooLarge
	}
	return Join(skeleton, Source{
		Dossier: func(i int) ([]byte, error) {
			if i != 0 {
				return nil, ErrDamaged.Because(fmt.Errorf("an unwrapped form has one frame"))
			}
			return frame, nil
		},
		Certificate: func([32]byte) ([]byte, error) {
			return nil, ErrDamaged.Because(fmt.Errorf("an unwrapped form has no certificates"))
		},
	})
}

// fewParts looks at how many holes and parts there are before memory is taken for them.
func fewParts(skeleton, frame []byte) bool {
	r := reader{rest: skeleton}
	r.byte()
	r.number(maxFile)
	if r.number(maxUnwrapped); r.bad || len(frame) == 0 {
		return false
	}
	n := 0
	for rest := frame[1:]; len(rest) >= frameHead && n <= maxUnwrapped; n++ {
		rest = rest[min(frameHead+int(binary.LittleEndian.Uint32(rest[1:])), len(rest)):]
	}
	return n <= maxUnwrapped
}
