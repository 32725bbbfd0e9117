package body

import (
	"bytes"
	"encoding/base64"
)

// Undone is base64 of a file undone once, for the reader of the kind and for
// Split alike. Only Undo makes one, so Split knows without doing it again that
// encoding its bytes gives the text back.
type Undone struct {
	text   []byte // as it stands in the file
	bytes  []byte
	layout layout
}

// Undo appends to dst what a text of base64 says. It takes what Split would
// keep decoded: canonical base64, in one line or in equal lines, with white
// space around it. ok is false for anything else, and dst is as it was. What is
// returned shares memory with text and dst; neither may change while it is in
// use.
func Undo(dst, text []byte) (next []byte, u *Undone, ok bool) {
	from := len(dst)
	l, core := margins(text)
	if len(core) == 0 {
		return dst, nil, false
	}
	// Only canonical base64 of one line is as long as this: the decoder passes
	// over line ends, but then what it gives is shorter.
	if !bytes.ContainsRune(core[:min(len(core), lineHint)], '\n') {
		if out, good := appendDecoded(dst, core); good && len(out)-from == decodedLen(core) {
			return out, &Undone{text: text, bytes: out[from:len(out):len(out)], layout: l}, true
		}
	}
	l, ok = layoutOf(text)
	if !ok {
		return dst, nil, false
	}
	u = &Undone{text: text, layout: l}
	if out, good := l.decodeLines(dst, core); good {
		u.bytes = out[from:len(out):len(out)]
		return out, u, true
	}
	core, _ = l.core(nil, text)
	out, good := appendDecoded(dst, core)
	if u.bytes = out[from:len(out):len(out)]; !good || len(out)-from != decodedLen(core) || !u.comesBack() {
		return dst[:from], nil, false
	}
	return out, u, true
}

// Bytes is what the text says. It must not be changed.
func (u *Undone) Bytes() []byte { return u.bytes }

// decodeLines decodes a text whose lines are of whole groups of four, each by
// itself: canonical lines without padding, but for the last, are the only lines
// of their bytes, so nothing is left to be proved.
func (l layout) decodeLines(dst, core []byte) ([]byte, bool) {
	if l.line == 0 || l.line%4 != 0 {
		return dst, false
	}
	from := len(dst)
	for len(core) > l.line {
		at := len(dst)
		out, ok := appendDecoded(dst, core[:l.line])
		if !ok || len(out)-at != l.line/4*3 {
			return dst[:from], false
		}
		dst, core = out, core[l.line+len(l.sep):]
	}
	at := len(dst)
	out, ok := appendDecoded(dst, core)
	return out, ok && len(out)-at == decodedLen(core)
}

// lineHint is how far to look for a line end before a text is taken for one
// line: longer lines are decoded twice.
const lineHint = 512

// decodedLen is how many bytes canonical base64 of one line says.
func decodedLen(core []byte) int {
	n := base64.StdEncoding.DecodedLen(len(core))
	for i := len(core) - 1; i >= max(0, len(core)-2) && core[i] == '='; i-- {
		n--
	}
	return n
}

// comesBack writes the text again and compares: the proof where the layout is
// more than one line.
func (u *Undone) comesBack() bool {
	rest := u.text
	err := u.layout.encode(u.bytes, func(b []byte) error {
		if !bytes.HasPrefix(rest, b) {
			return ErrDamaged
		}
		rest = rest[len(b):]
		return nil
	})
	return err == nil && len(rest) == 0
}

// of tells whether u was made from this very text.
func (u *Undone) of(text []byte) bool {
	return u != nil && len(text) > 0 && len(u.text) == len(text) && &u.text[0] == &text[0]
}
