package xmltok

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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

// validBytes reports whether doc is UTF-8 of characters XML 1.0 allows (§2.2).
func validBytes(doc []byte) bool {
	const lows, highs = 0x2020202020202020, 0x8080808080808080
	var seen uint64
	i := 0
	for ; i+8 <= len(doc); i += 8 {
		x := binary.LittleEndian.Uint64(doc[i:])
		seen |= x
		for m := (x - lows) &^ x & highs; m != 0; m &= m - 1 { // bytes below 0x20, perhaps others
			if !validControl(byte(x >> (bits.TrailingZeros64(m) - 7))) {
				return false
			}
		}
	}
	for _, b := range doc[i:] {
		if seen |= uint64(b); !validControl(b) {
			return false
		}
	}
	if seen&highs == 0 {
		return true
	}
	if !utf8.Valid(doc) {
		return false
	}
	for rest := doc; ; { // U+FFFE and U+FFFF are EF BF BE and EF BF BF
		at := bytes.Index(rest, []byte{0xEF, 0xBF})
		if at < 0 {
			return true
		}
		if rest[at+2] >= 0xBE {
			return false
		}
		rest = rest[at+3:]
	}
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
