package body

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// tokener takes a frame into its token form. It keeps its memory; which name
// followed which is remembered from frame to frame, only to be found faster.
type tokener struct {
	layer
	known     map[string]int // numbers of the vocabulary's names
	own       map[string]int // numbers of names the vocabulary does not have
	follows   []int          // by name and whether it stood open: the name after it
	previous  int            // index into follows
	frame     []byte
	structure []byte
	values    []byte
	tokened   int  // parts in tokens
	zeros     bool // the part has zeros somewhere

	proof untokener
	check []byte
}

func newTokener() *tokener {
	return &tokener{known: vocabulary1().numbers, own: map[string]int{}}
}

// take makes structure and values of a frame. It is false where the form has
// nothing to give or does not bring back every byte.
func (t *tokener) take(frame []byte) bool {
	if !t.tokens(frame) || len(t.structure)+len(t.values) >= len(frame) {
		return false
	}
	var err error
	t.check = growTo(t.check, len(frame))
	t.check, err = t.proof.restore(t.check[:0], t.structure, t.values, len(frame))
	return err == nil && bytes.Equal(t.check, frame)
}

func growTo(b []byte, size int) []byte {
	if cap(b) < size {
		return make([]byte, 0, size)
	}
	return b
}

// tokens makes structure and values, without proof.
func (t *tokener) tokens(frame []byte) bool {
	t.layer.reset()
	clear(t.own)
	if t.follows == nil {
		t.follows = make([]int, 2*len(t.names))
	}
	t.structure, t.values, t.tokened = t.structure[:0], t.values[:0], 0
	if len(frame) == 0 || frame[0] != formatV1 || len(frame) > maxFile {
		return false
	}
	t.frame = frame
	defer func() { t.frame = nil }()
	for at := 1; at < len(frame); {
		if len(frame)-at < frameHead || frame[at] > 1 {
			return false
		}
		form, n := frame[at], int64(binary.LittleEndian.Uint32(frame[at+1:]))
		at += frameHead
		if n > int64(len(frame)-at) {
			return false
		}
		t.part(form, at, at+int(n))
		at += int(n)
	}
	return t.tokened > 0
}

// part takes one part of the frame, in tokens where it looks like XML.
func (t *tokener) part(form byte, at, end int) {
	body := t.frame[at:end]
	lead := bytes.TrimLeft(body[:min(len(body), 64)], "\xef\xbb\xbf \t\r\n")
	if len(lead) == 0 || lead[0] != '<' {
		t.structure = binary.AppendUvarint(append(t.structure, tokRaw+form), uint64(len(body)))
		t.values = append(t.values, body...)
		return
	}
	t.tokened++
	t.structure = append(t.structure, tokText+form)
	t.open, t.bare, t.previous = t.open[:0], true, 0
	t.zeros = bytes.IndexByte(body, 0) >= 0
	for search := at; ; { // [at, search) is said as it is
		if search == at && !t.bare {
			at = t.expected(at, end)
			search = at
		}
		i := bytes.IndexByte(t.frame[search:end], '<')
		if i < 0 {
			t.literal(at, end)
			return
		}
		tag := search + i
		next := t.tag(at, tag, end, search > at)
		if next < 0 {
			search = tag + 1
			continue
		}
		at, search = next, next
	}
}

// expected takes elements with text as long as they come as expected, which
// those of a row do, and returns where they end.
func (t *tokener) expected(at, end int) int {
	blank := t.blanks[0][len(t.open)]
	frame := t.frame[:end]
	for {
		b := frame[at:]
		n := t.follows[t.previous]
		if n >= len(t.names) {
			return at
		}
		tags := &t.names[n]
		head := len(blank) + len(tags.open)
		if len(b) < head || string(b[:len(blank)]) != string(blank) || string(b[len(blank):head]) != string(tags.open) {
			return at
		}
		size := tagAhead(b[head:])
		tail := head + size
		text := b[head:tail]
		if len(b)-tail < len(tags.close) || string(b[tail:tail+len(tags.close)]) != string(tags.close) || !t.sayable(text) {
			return at
		}
		if n < shortNames {
			t.structure = append(t.structure, tokElement+byte(n))
		} else {
			t.structure = appendNumber(t.structure, n)
		}
		if size == 0 {
			t.values = append(t.values, valEmpty)
		} else {
			t.value(n, at+head, at+tail)
		}
		t.previous = 2*n + 1
		at += tail + len(tags.close)
	}
}

// tagAhead returns where the first '<' of b is; 0 where there is none.
func tagAhead(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
		less  = '<' * ones
	)
	if len(b) >= 16 { // most texts are shorter than a call to find it takes
		for at := 0; at < 16; at += 8 {
			x := binary.LittleEndian.Uint64(b[at:]) ^ less
			if found := (x - ones) &^ x & highs; found != 0 {
				return at + bits.TrailingZeros64(found)/8
			}
		}
	}
	return max(bytes.IndexByte(b, '<'), 0)
}

// tag takes the tag at frame[tag:end], and its element where that has only
// text; before it stand [at, tag). It returns where it ends, or -1 where it is
// to be said as it is.
func (t *tokener) tag(at, tag, end int, odd bool) int {
	b := t.frame[tag:end]
	if len(b) > 1 && b[1] == '/' {
		if len(t.open) == 0 {
			return -1
		}
		top := t.open[len(t.open)-1]
		closing := t.names[top].close
		if !bytes.HasPrefix(b, closing) {
			return -1
		}
		t.blankBefore(1, at, tag, odd)
		t.open = t.open[:len(t.open)-1]
		t.structure = append(t.structure, tokClose)
		t.previous = 2 * top
		return tag + len(closing)
	}
	n, head, closed := t.name(b)
	if n < 0 {
		return -1
	}
	if closed > 0 {
		t.blankBefore(0, at, tag, odd)
		t.structure = appendNumber(t.structure, n)
		t.values = append(t.values, closed)
		return tag + head
	}
	from := tag + head
	size := bytes.IndexByte(t.frame[from:end], '<')
	if size >= 0 && bytes.HasPrefix(t.frame[from+size:end], t.names[n].close) && t.sayable(t.frame[from:from+size]) {
		t.blankBefore(0, at, tag, odd)
		t.structure = appendNumber(t.structure, n)
		t.value(n, from, from+size)
		return from + size + len(t.names[n].close)
	}
	if len(t.open) == maxDepth {
		return -1
	}
	t.blankBefore(0, at, tag, odd)
	t.structure = appendNumber(append(t.structure, tokOpen), n)
	t.open = append(t.open, n)
	return from
}

// blankBefore says what stands before a tag where it is not what is expected.
func (t *tokener) blankBefore(closing, at, tag int, odd bool) {
	blank := t.frame[at:tag]
	depth := len(t.open)
	switch {
	case odd || t.bare && len(blank) > 0 || !allBlank(blank):
		t.literal(at, tag)
	case !t.bare && !bytes.Equal(blank, t.blanks[closing][depth]):
		t.blanks[closing][depth] = blank
		t.structure = binary.AppendUvarint(append(t.structure, tokBlank+byte(closing)), uint64(len(blank)))
		t.structure = append(t.structure, blank...)
	}
	t.bare = false
}

func allBlank(b []byte) bool {
	for _, c := range b {
		if !isBlank(c) {
			return false
		}
	}
	return true
}

// literal says bytes as they are.
func (t *tokener) literal(at, end int) {
	if at < end {
		t.structure = binary.AppendUvarint(append(t.structure, tokLiteral), uint64(end-at))
		t.structure = append(t.structure, t.frame[at:end]...)
	}
}

// name reads the opening tag at the head of b: the number of its name, where it
// ends, and valClosed or valClosedS where it is closed at once. -1: no plain tag.
func (t *tokener) name(b []byte) (n, head int, closed byte) {
	n = t.follows[t.previous]
	if n < len(t.names) && bytes.HasPrefix(b, t.names[n].open) {
		t.previous = 2*n + 1
		return n, len(t.names[n].open), 0
	}
	end := bytes.IndexByte(b[:min(len(b), maxName+5)], '>')
	if end < 2 {
		return -1, 0, 0
	}
	text := b[1:end]
	switch {
	case bytes.HasSuffix(text, []byte(" /")):
		text, closed = text[:len(text)-2], valClosedS
	case text[len(text)-1] == '/':
		text, closed = text[:len(text)-1], valClosed
	}
	n, there := t.known[string(text)]
	if !there {
		if n, there = t.own[string(text)]; !there {
			if n = t.define(text); n < 0 {
				return -1, 0, 0
			}
		}
	}
	t.follows[t.previous] = n
	t.previous = 2*n + 1
	return n, end + 1, closed
}

// define gives a name a number, or -1 where it is none.
func (t *tokener) define(text []byte) int {
	if len(text) == 0 || len(text) > maxName || len(t.names) == maxNames {
		return -1
	}
	for _, c := range text {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':' || c >= 0x80
		if !plain {
			return -1
		}
	}
	n := len(t.names)
	t.layer.define(text)
	t.own[string(text)] = n
	if len(t.follows) < 2*len(t.names) {
		t.follows = append(t.follows, 0, 0)
	}
	t.structure = binary.AppendUvarint(append(t.structure, tokName), uint64(len(text)))
	t.structure = append(t.structure, text...)
	return n
}

func appendNumber(dst []byte, n int) []byte {
	if n < shortNames {
		return append(dst, tokElement+byte(n))
	}
	n -= shortNames
	return append(dst, 0xE0+byte(n>>8), byte(n))
}

// sayable tells whether a text can stand among the values.
func (t *tokener) sayable(text []byte) bool {
	return len(text) == 0 || text[0] >= valText && (!t.zeros || bytes.IndexByte(text, 0) < 0)
}

// value says the text frame[from:end] of an element.
func (t *tokener) value(n, from, end int) {
	text := t.frame[from:end]
	if len(text) == 0 {
		t.values = append(t.values, valEmpty)
		return
	}
	was, before, at := t.last[n].of(t.frame), t.before.of(t.frame), placeOf(from, end)
	t.last[n], t.before = at, at
	switch {
	case string(text) == string(was):
		t.values = append(t.values, valSame)
	case string(text) == string(before):
		t.values = append(t.values, valBefore)
	case isNext(was, text):
		t.values = append(t.values, valNext)
	default:
		t.values = append(append(t.values, text...), 0)
	}
}

// isNext tells whether text is the number after was.
func isNext(was, text []byte) bool {
	if len(was) == 0 || len(text) == 0 || len(text)-len(was) > 1 {
		return false
	}
	from, to := was[len(was)-1], text[len(text)-1]
	return (to == from+1 || to == '0' && from == '9') && equalNext(was, text)
}

func equalNext(was, text []byte) bool {
	var buf [numberSize + 1]byte
	return bytes.Equal(next(buf[:], was), text)
}
