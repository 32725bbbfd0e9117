package body

import (
	"bytes"
	_ "embed" // the names of the token form
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// The token form of a frame takes its XML apart into two streams. The structure
// says which elements follow one another, one or two bytes for a whole element
// with text; the values are the texts. Rows of a table have the same structure,
// which a compressor folds to nothing, and values without tags between them are
// a fifth of the bytes.
//
// It is a form of bytes, not of XML: whatever is no plain tag (attributes,
// comments, a declaration, text between elements) stands in the structure as it
// is, so that any bytes can be said in it and come back exactly.
//
// Structure, a row of:
const (
	tokText    = 0x00 // a part in tokens begins, that is kept as text
	tokDecoded = 0x01 // a part in tokens begins, that was base64
	tokRaw     = 0x02 // a part of n (uvarint) values bytes follows, that is kept as text; +1: that was base64
	tokLiteral = 0x04 // n (uvarint), then n bytes as they are
	tokBlank   = 0x05 // n, n bytes: from now on before opening tags at this depth; +1: before closing ones
	tokClose   = 0x07 // </X> of the innermost open element
	tokOpen    = 0x08 // before a name: <X> alone
	tokName    = 0x09 // n, n bytes: a name the vocabulary does not have; it gets the next number
	tokElement = 0x10 // a name: <X>value</X>. 0x10-0xDF are names 0-207, 0xE0-0xFF and a byte those after
)

// Values, one per element, each a text that ends with a zero, or one byte:
const (
	valEmpty   = 0x00
	valSame    = 0x01 // the last text under this name
	valBefore  = 0x02 // the text before this one, under whatever name
	valNext    = 0x03 // the last text under this name, a number, and one more
	valClosed  = 0x04 // <X/> instead
	valClosedS = 0x05 // <X /> instead
	valText    = 0x08 // texts begin with this byte or a higher one
)

const (
	shortNames = 0xE0 - tokElement // names of one byte
	maxNames   = shortNames + 0x20<<8
	maxDepth   = 64 // elements open at once; deeper ones are said as they are
	maxName    = 200
	numberSize = 18 // digits of what valNext counts
)

//go:embed vocabulary/1.txt
var names []byte

// closings end a tag that has no other, in the order of valClosed.
var closings = [][]byte{[]byte("/>"), []byte(" />")}

// name is a name with its tags.
type name struct{ open, close []byte } // "<X>", "</X>"

func nameOf(n []byte) name {
	b := make([]byte, 0, 2*len(n)+5)
	b = append(append(append(b, '<'), n...), '>')
	b = append(append(append(b, "</"...), n...), '>')
	return name{b[: len(n)+2 : len(n)+2], b[len(n)+2:]}
}

// vocabulary is the names every hub knows, by number and by name.
type vocabulary struct {
	names   []name
	numbers map[string]int
}

var vocabulary1 = sync.OnceValue(func() vocabulary {
	v := vocabulary{numbers: map[string]int{}}
	for line := range bytes.Lines(names) {
		n := bytes.TrimSuffix(line, []byte("\n"))
		v.numbers[string(n)] = len(v.names)
		v.names = append(v.names, nameOf(n))
	}
	return v
})

// place is a text's [from, end) in the frame; empty: none yet.
type place struct{ from, end uint32 }

func placeOf(from, end int) place { return place{uint32(from), uint32(end)} } // frames have at most maxFile bytes

func (p place) of(frame []byte) []byte { return frame[p.from:p.end] }

// layer is what both sides of the form know at one moment: names, what is open,
// the white space expected and the last texts.
type layer struct {
	names  []name
	last   []place // by name
	before place
	open   []int
	blanks [2][maxDepth + 1][]byte // before opening, before closing tags
	bare   bool                    // no white space before the next tag: what stands there was said as it is
}

func (l *layer) reset() {
	known := vocabulary1().names
	if len(l.names) < len(known) {
		l.names = append(l.names[:0], known...)
		l.last = make([]place, len(known), len(known)+16)
	}
	l.names, l.last = l.names[:len(known)], l.last[:len(known)]
	clear(l.last)
	clear(l.blanks[0][:])
	clear(l.blanks[1][:])
	l.before, l.open, l.bare = place{}, l.open[:0], true
}

func (l *layer) define(n []byte) {
	l.names = append(l.names, nameOf(n))
	l.last = append(l.last, place{})
}

// blank is what stands before the next tag.
func (l *layer) blank(closing int) []byte {
	if l.bare {
		return nil
	}
	return l.blanks[closing][len(l.open)]
}

// untokener writes a frame again from its token form.
type untokener struct {
	layer
	structure, values []byte
	out               []byte // what is before from is not the frame's
	from, end         int    // of the frame in out
	part              int    // where the bytes of the part begin
}

var errTokens = errors.New("a token form this hub does not write")

// restore appends the frame of size bytes to dst. It never appends more, and
// takes time in proportion to what it reads and writes.
func (u *untokener) restore(dst []byte, structure, values []byte, size int) ([]byte, error) {
	u.reset()
	u.structure, u.values, u.out = structure, values, append(dst, formatV1)
	u.from, u.end, u.part = len(dst), len(dst)+size, 0
	defer func() { u.out, u.structure, u.values = nil, nil, nil }()
	for len(u.structure) > 0 {
		if !u.bare {
			if u.run(); len(u.structure) == 0 {
				break
			}
		}
		if err := u.step(); err != nil {
			return nil, err
		}
	}
	u.finish()
	if len(u.values) > 0 || len(u.out) != u.end {
		return nil, fmt.Errorf("%w: %d bytes of %d, %d values left", errTokens, len(u.out)-u.from, size, len(u.values))
	}
	return u.out, nil
}

// run does elements in a row as long as they are of the common sort; step does
// the others, and says what is wrong.
func (u *untokener) run() {
	blank, s, v, out := u.blank(0), u.structure, u.values, u.out
	for len(s) > 0 && len(v) > 0 {
		n := int(s[0]) - tokElement
		if n < 0 || n >= shortNames {
			break
		}
		var text []byte
		used := 1
		switch {
		case v[0] >= valText:
			end := bytes.IndexByte(v, 0)
			used, text = end+1, v[:max(end, 0)]
		case v[0] == valSame:
			text = u.last[n].of(out[u.from:])
		case v[0] == valBefore:
			text = u.before.of(out[u.from:])
		case v[0] != valEmpty:
			used = 0
		}
		tags := &u.names[n]
		if used == 0 || len(text) == 0 && v[0] != valEmpty || len(blank)+len(tags.open)+len(text)+len(tags.close) > u.end-len(out) {
			break
		}
		out = append(append(out, blank...), tags.open...)
		if len(text) > 0 {
			at := placeOf(len(out)-u.from, len(out)-u.from+len(text))
			u.before, u.last[n] = at, at
			out = append(out, text...)
		}
		out = append(out, tags.close...)
		s, v = s[1:], v[used:]
	}
	u.structure, u.values, u.out = s, v, out
}

// step does one token of the structure.
func (u *untokener) step() error {
	t := u.structure[0]
	if t >= tokElement {
		return u.element(true)
	}
	u.structure = u.structure[1:]
	switch t {
	case tokText, tokDecoded:
		return u.begin(t)
	case tokRaw, tokRaw + 1:
		return u.raw(t - tokRaw)
	case tokOpen:
		return u.element(false)
	case tokClose:
		return u.close()
	}
	said, err := u.said()
	if err != nil {
		return err
	}
	switch t {
	case tokLiteral:
		u.bare = true
		return u.write(said)
	case tokBlank, tokBlank + 1:
		u.blanks[t-tokBlank][len(u.open)] = said
		return nil
	case tokName:
		if len(said) == 0 || len(said) > maxName || len(u.names) == maxNames {
			return errTokens
		}
		u.define(said)
		return nil
	}
	return errTokens
}

// tokenSize returns how long the token at the head of a structure of this
// program's own is.
func tokenSize(s []byte) int {
	switch t := s[0]; {
	case t >= tokElement+shortNames:
		return 2
	case t >= tokElement, t <= tokDecoded, t == tokClose:
		return 1
	case t == tokOpen:
		return 1 + tokenSize(s[1:])
	case t == tokRaw, t == tokRaw+1:
		_, used := binary.Uvarint(s[1:])
		return 1 + used
	}
	n, used := binary.Uvarint(s[1:])
	return 1 + used + int(n)
}

// said takes n and n bytes from the structure.
func (u *untokener) said() ([]byte, error) {
	n, used := binary.Uvarint(u.structure)
	if used <= 0 || n > uint64(len(u.structure)-used) {
		return nil, errTokens
	}
	end := used + int(n)
	said := u.structure[used:end:end]
	u.structure = u.structure[end:]
	return said, nil
}

// write appends bytes of a part.
func (u *untokener) write(b []byte) error {
	if u.part == 0 || len(b) > u.end-len(u.out) {
		return errTokens
	}
	u.out = append(u.out, b...)
	return nil
}

// begin begins a part and finishes the one before.
func (u *untokener) begin(form byte) error {
	u.finish()
	if frameHead > u.end-len(u.out) {
		return errTokens
	}
	u.out = append(u.out, form, 0, 0, 0, 0)
	u.part, u.open, u.bare = len(u.out), u.open[:0], true
	return nil
}

// finish writes how long the part is.
func (u *untokener) finish() {
	if u.part > 0 {
		binary.LittleEndian.PutUint32(u.out[u.part-4:], uint32(len(u.out)-u.part))
	}
}

func (u *untokener) raw(form byte) error {
	n, used := binary.Uvarint(u.structure)
	if used <= 0 || n > uint64(len(u.values)) {
		return errTokens
	}
	u.structure = u.structure[used:]
	if err := u.begin(form); err != nil {
		return err
	}
	text := u.values[:n]
	u.values = u.values[n:]
	return u.write(text)
}

func (u *untokener) close() error {
	if len(u.open) == 0 {
		return errTokens
	}
	n := u.open[len(u.open)-1]
	blank := u.blank(1)
	u.open = u.open[:len(u.open)-1]
	u.bare = false
	if err := u.write(blank); err != nil {
		return err
	}
	return u.write(u.names[n].close)
}

// number takes a name's number from the structure.
func (u *untokener) number() (int, bool) {
	s := u.structure
	if len(s) == 0 || s[0] < tokElement {
		return 0, false
	}
	n := int(s[0]) - tokElement
	if n < shortNames {
		u.structure = s[1:]
		return n, n < len(u.names)
	}
	if len(s) < 2 {
		return 0, false
	}
	n = shortNames + (n-shortNames)<<8 + int(s[1])
	u.structure = s[2:]
	return n, n < len(u.names)
}

// element writes an opening tag, and where it is whole its text and end.
func (u *untokener) element(whole bool) error {
	n, ok := u.number()
	blank := u.blank(0)
	u.bare = false
	if !ok || u.part == 0 {
		return errTokens
	}
	tags := &u.names[n]
	if err := u.write(blank); err != nil {
		return err
	}
	if err := u.write(tags.open); err != nil {
		return err
	}
	if whole {
		return u.value(n, tags)
	}
	if len(u.open) == maxDepth {
		return errTokens
	}
	u.open = append(u.open, n)
	return nil
}

// value writes the text of an element whose opening tag is there.
func (u *untokener) value(n int, tags *name) error {
	if len(u.values) == 0 {
		return errTokens
	}
	v := u.values[0]
	if v >= valText {
		end := bytes.IndexByte(u.values, 0)
		if end < 0 {
			return errTokens
		}
		text := u.values[:end]
		u.values = u.values[end+1:]
		return u.keep(n, text, tags)
	}
	u.values = u.values[1:]
	var buf [numberSize + 1]byte
	text := u.last[n].of(u.out[u.from:])
	switch v {
	case valEmpty:
		return u.write(tags.close)
	case valClosed, valClosedS:
		u.out = u.out[:len(u.out)-1]
		return u.write(closings[v-valClosed])
	case valSame:
	case valBefore:
		text = u.before.of(u.out[u.from:])
	case valNext:
		text = next(buf[:], text)
	default:
		return errTokens
	}
	if len(text) == 0 {
		return errTokens
	}
	return u.keep(n, text, tags)
}

// keep writes a text and the tag after it, and remembers where the text is.
func (u *untokener) keep(n int, text []byte, tags *name) error {
	if len(text)+len(tags.close) > u.end-len(u.out) {
		return errTokens
	}
	at := placeOf(len(u.out)-u.from, len(u.out)-u.from+len(text))
	u.before, u.last[n] = at, at
	u.out = append(append(u.out, text...), tags.close...)
	return nil
}

// next puts the number after digits into buf; nil where digits are none.
func next(buf, digits []byte) []byte {
	if len(digits) > numberSize {
		return nil
	}
	buf = buf[:len(digits)+1]
	buf[0] = '0'
	copy(buf[1:], digits)
	carry := true
	for i := len(buf) - 1; i > 0; i-- {
		if buf[i] < '0' || buf[i] > '9' {
			return nil
		}
		switch {
		case carry && buf[i] == '9':
			buf[i] = '0'
		case carry:
			buf[i]++
			carry = false
		}
	}
	if carry {
		buf[0] = '1'
		return buf
	}
	return buf[1:]
}
