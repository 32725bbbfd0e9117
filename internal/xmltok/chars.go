package xmltok

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

const (
	isStart = 1 << iota // may begin a name (colon left out: it is counted apart)
	isName              // may be in a name
	isSpace
	isPlain // text byte that ends no run and needs no decoding
)

var class = classes()

func classes() (c [256]uint8) {
	for b := range c {
		switch {
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_':
			c[b] = isStart | isName
		case b >= '0' && b <= '9' || b == '-' || b == '.':
			c[b] = isName
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			c[b] = isSpace
		}
		switch b {
		case '<', '&', '\r', ']':
		default:
			c[b] |= isPlain
		}
	}
	return c
}

// Eight bytes at a time: the same byte in each place of a word.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
	mores = 0x7F * ones
)

// validBytes reports whether doc is UTF-8 of characters XML 1.0 allows (§2.2).
func validBytes(doc []byte) bool {
	i := 0
	for i+8 <= len(doc) {
		if i+32 <= len(doc) {
			a, b := binary.LittleEndian.Uint64(doc[i:]), binary.LittleEndian.Uint64(doc[i+8:])
			c, d := binary.LittleEndian.Uint64(doc[i+16:]), binary.LittleEndian.Uint64(doc[i+24:])
			if (a|b|c|d)&highs == 0 {
				if (a+0x60*ones)&(b+0x60*ones)&(c+0x60*ones)&(d+0x60*ones)&highs != highs &&
					!(validWord(a) && validWord(b) && validWord(c) && validWord(d)) {
					return false
				}
				i += 32
				continue
			}
		}
		x := binary.LittleEndian.Uint64(doc[i:])
		if x&highs != 0 {
			var ok bool
			if i, ok = validBeyond(doc, i); !ok {
				return false
			}
			continue
		}
		if !validWord(x) {
			return false
		}
		i += 8
	}
	for i < len(doc) {
		if doc[i] >= utf8.RuneSelf {
			var ok bool
			if i, ok = validBeyond(doc, i); !ok {
				return false
			}
			continue
		}
		if !validControl(doc[i]) {
			return false
		}
		i++
	}
	return true
}

// validWord reports whether of eight bytes below 0x80 those below 0x20 are TAB,
// LF or CR. No sum is carried into the next byte: what is below 0x20 does not
// reach 0x80.
func validWord(x uint64) bool {
	low := ^(x + 0x60*ones) & highs
	return low == 0 || low&^(isByte(x, '\t')|isByte(x, '\n')|isByte(x, '\r')) == 0
}

// isByte marks the bytes of x that are c with their highest bit; all are below 0x80.
func isByte(x, c uint64) uint64 { return ^((x ^ c*ones) + mores) & highs }

// validBeyond reads from i up to the first ASCII byte behind characters beyond
// ASCII, and returns where that is.
func validBeyond(doc []byte, i int) (int, bool) {
	for i < len(doc) && doc[i] < utf8.RuneSelf {
		if !validControl(doc[i]) {
			return i, false
		}
		i++
	}
	for i < len(doc) && doc[i] >= utf8.RuneSelf {
		switch b := doc[i]; { // what Vietnamese has, first
		case b >= 0xC2 && b <= 0xDF && i+1 < len(doc) && doc[i+1]&0xC0 == 0x80:
			i += 2
		case b >= 0xE1 && b <= 0xEC && i+2 < len(doc) && doc[i+1]&0xC0 == 0x80 && doc[i+2]&0xC0 == 0x80:
			i += 3
		default:
			r, n := utf8.DecodeRune(doc[i:])
			if n == 1 || !validRune(r) {
				return i, false
			}
			i += n
		}
	}
	return i, true
}

func validControl(b byte) bool { return b >= 0x20 || b == '\t' || b == '\n' || b == '\r' }

// validRune reports whether a character reference may stand for r (XML 1.0 §2.2).
func validRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// startRune is NameStartChar of XML 1.0, fifth edition, above ASCII.
func startRune(r rune) bool {
	return r >= 0xC0 && r <= 0x2FF && r != 0xD7 && r != 0xF7 ||
		r >= 0x370 && r <= 0x1FFF && r != 0x37E ||
		r == 0x200C || r == 0x200D || r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF ||
		r >= 0x3001 && r <= 0xD7FF || r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

func nameRune(r rune) bool {
	return startRune(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// scanName reads a qualified name at p: end is behind it, colon the place of its
// colon or -1. ok is false when there is no name or it is not a QName.
func scanName(doc []byte, p int) (end, colon int, ok bool) {
	colon = -1
	begin := p // of the present part
	for p < len(doc) {
		b := doc[p]
		switch {
		case class[b]&isName != 0:
			if p == begin && class[b]&isStart == 0 {
				return p, colon, false
			}
			p++
		case b == ':':
			if colon >= 0 || p == begin {
				return p, colon, false
			}
			colon = p
			p++
			begin = p
		case b >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(doc[p:])
			if p == begin && !startRune(r) || !nameRune(r) {
				return p, colon, false
			}
			p += n
		default:
			return p, colon, p > begin
		}
	}
	return p, colon, p > begin
}

func skipSpace(doc []byte, p int) int {
	for p < len(doc) && class[doc[p]]&isSpace != 0 {
		p++
	}
	return p
}

func prefixOf(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		return name[:i]
	}
	return nil
}

func localOf(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }
