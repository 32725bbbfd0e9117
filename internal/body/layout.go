package body

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// layout is how a base64 text is written: white space before and after, and
// line (characters) with sep (white space) between its lines; line 0 is one line.
type layout struct {
	lead, sep, trail []byte
	line             int
}

// strict decodes canonical base64 only: padded, loose bits zero, so that there
// is one text for the bytes.
var strict = base64.StdEncoding.Strict()

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (l layout) plain() bool { return len(l.lead) == 0 && len(l.trail) == 0 && l.line == 0 }

func (l layout) equal(o layout) bool {
	return l.line == o.line && bytes.Equal(l.lead, o.lead) && bytes.Equal(l.sep, o.sep) && bytes.Equal(l.trail, o.trail)
}

// margins takes the white space around a text off.
func margins(text []byte) (l layout, core []byte) {
	from, to := 0, len(text)
	for from < to && isBlank(text[from]) {
		from++
	}
	for to > from && isBlank(text[to-1]) {
		to--
	}
	l.lead, l.trail = text[:from], text[to:]
	return l, text[from:to]
}

// layoutOf finds the layout of a text by its first line; false when it is
// blank, or its lines are uneven. The layout shares the text's memory.
func layoutOf(text []byte) (layout, bool) {
	l, core := margins(text)
	if len(core) == 0 {
		return l, false
	}
	first := firstBlank(core)
	if first < 0 {
		return l, true
	}
	end := first
	for isBlank(core[end]) { // ends, as core ends in no blank
		end++
	}
	l.line, l.sep = first, core[first:end]
	for rest := core; ; {
		if len(rest) <= l.line {
			return l, firstBlank(rest) < 0
		}
		after := rest[l.line:]
		if firstBlank(rest[:l.line]) >= 0 || !bytes.HasPrefix(after, l.sep) {
			return l, false
		}
		rest = after[len(l.sep):]
	}
}

// firstBlank returns where the first white space is, -1 without any. Four
// vector searches are several times quicker than one for a set.
func firstBlank(b []byte) int {
	first := -1
	for _, c := range [...]byte{'\n', '\r', ' ', '\t'} {
		if i := bytes.IndexByte(b, c); i >= 0 {
			first, b = i, b[:i]
		}
	}
	return first
}

// core returns the text without its white space; of several lines they are
// joined in scratch, which is returned for the next time.
func (l layout) core(scratch, text []byte) (core, next []byte) {
	inner := text[len(l.lead) : len(text)-len(l.trail)]
	if l.line == 0 {
		return inner, scratch
	}
	scratch = scratch[:0]
	for len(inner) > l.line {
		scratch = append(scratch, inner[:l.line]...)
		inner = inner[l.line+len(l.sep):]
	}
	scratch = append(scratch, inner...)
	return scratch, scratch
}

// appendDecoded appends what canonical base64 says; false when it is not.
func appendDecoded(dst, core []byte) ([]byte, bool) {
	if len(core)%4 != 0 {
		return dst, false
	}
	out, err := strict.AppendDecode(dst, core)
	return out, err == nil
}

// append writes the layout as a hole holds it: uvarint line, then lead, sep and
// trail, each with its length.
func (l layout) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(l.line))
	for _, blank := range [][]byte{l.lead, l.sep, l.trail} {
		dst = binary.AppendUvarint(dst, uint64(len(blank)))
		dst = append(dst, blank...)
	}
	return dst
}

// encodeStep is how many bytes are encoded at a time: a multiple of 3.
const encodeStep = 3 << 10

// encode writes the base64 of data in this layout, piece by piece.
func (l layout) encode(data []byte, emit func([]byte) error) error {
	if err := emit(l.lead); err != nil {
		return err
	}
	var buf [encodeStep / 3 * 4]byte
	column := 0
	for len(data) > 0 {
		n := min(len(data), encodeStep)
		base64.StdEncoding.Encode(buf[:], data[:n])
		text := buf[:base64.StdEncoding.EncodedLen(n)]
		data = data[n:]
		if l.line == 0 {
			if err := emit(text); err != nil {
				return err
			}
			continue
		}
		for len(text) > 0 {
			if column == l.line {
				if err := emit(l.sep); err != nil {
					return err
				}
				column = 0
			}
			take := min(len(text), l.line-column)
			if err := emit(text[:take]); err != nil {
				return err
			}
			column += take
			text = text[take:]
		}
	}
	return emit(l.trail)
}
