package care

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Clean returns s as it is shown and compared letter by letter: NFC, the
// look-alikes of Đ made one letter, white space collapsed and trimmed,
// zero-width characters gone.
//
// Old Vietnamese code pages and fonts wrote Đ as U+00D0 (eth) or U+0189, and
// lower-casing those gives U+00F0 and U+0256. No other Vietnamese letter uses
// these four, so they are Đ and đ here; an Icelandic name loses its eth.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	s = norm.NFC.String(s)
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range s {
		switch r {
		case 0x00D0, 0x0189:
			r = 'Đ'
		case 0x00F0, 0x0256:
			r = 'đ'
		case 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD:
			continue
		}
		if unicode.IsSpace(r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	out := b.String()
	if !norm.NFC.IsNormalString(out) { // a dropped zero-width character may have kept two apart
		return Clean(out)
	}
	return out
}

// plain tells that s is Vietnamese or ASCII with single inner blanks only: Clean
// leaves it as it is. Most text is, and to normalise it costs a hundred times as much.
func plain(s string) bool {
	last := rune(' ')
	for i := 0; i < len(s); {
		c, n := rune(s[i]), 1
		switch {
		case c >= utf8.RuneSelf:
			if c, n = utf8.DecodeRuneInString(s[i:]); !composed(c) {
				return false
			}
		case c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r' || c == ' ' && last == ' ':
			return false
		}
		last = c
		i += n
	}
	return len(s) == 0 || last != ' '
}

// composed tells that a rune is a whole letter of Vietnamese or its neighbours in
// Latin-1, the same in NFC whatever stands beside it here. The look-alikes of Đ are not.
func composed(r rune) bool {
	switch {
	case r >= 0x00C0 && r <= 0x00FF:
		return r != 0x00D0 && r != 0x00F0
	case r >= 0x1EA0 && r <= 0x1EF9:
		return true
	}
	switch r {
	case 'Ă', 'ă', 'Đ', 'đ', 'Ĩ', 'ĩ', 'Ũ', 'ũ', 'Ơ', 'ơ', 'Ư', 'ư':
		return true
	}
	return false
}

// tidyASCII tells that s is ASCII with single inner blanks only.
func tidyASCII(s string) bool {
	last := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r' || (c == ' ' && last == ' ') {
			return false
		}
		last = c
	}
	return len(s) == 0 || last != ' '
}

// Fold returns the search key of s: lower case, no diacritics, đ as d, blanks
// collapsed. Where the tone is written (hoà, hòa) therefore makes no
// difference. Letters of other scripts stay, in lower case. Fold is idempotent
// and the same for every Unicode form of one text. Plain lower-case ASCII is
// returned without copying.
func Fold(s string) string {
	if tidyASCII(s) {
		return strings.ToLower(s)
	}
	s = Clean(s)
	table := letters()
	b := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b = append(b, lower(byte(r)))
		case r < tableEnd && table[r].ascii != 0:
			b = append(b, table[r].ascii)
		case isMark(r):
		default:
			b = utf8.AppendRune(b, unicode.ToLower(r))
		}
	}
	out := string(b)
	if !norm.NFC.IsNormalString(out) || !tidy(out) { // marks fell out between letters that compose, or between blanks
		return Fold(out)
	}
	return out
}

// tidy tells that blanks are single and inside.
func tidy(s string) bool {
	return !strings.HasPrefix(s, " ") && !strings.HasSuffix(s, " ") && !strings.Contains(s, "  ")
}

// NameKey returns the key a person's name is compared by: folded, every
// character that is neither letter nor digit taken as a blank.
func NameKey(name string) string {
	return Fold(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || isMark(r) {
			return r
		}
		return ' '
	}, Clean(name)))
}

// MaskName returns the initials of a name, "NGUYỄN VĂN AN" as "N.V.A.", for
// readers who may count people but not know them.
func MaskName(name string) string {
	var b strings.Builder
	for _, word := range strings.Fields(Clean(name)) {
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(unicode.ToUpper(r))
		b.WriteByte('.')
	}
	return b.String()
}

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

// isMark tells a combining diacritical mark.
func isMark(r rune) bool { return r >= 0x0300 && r <= 0x036F }

// tableEnd is the first rune after Latin Extended Additional, the last block
// with Vietnamese letters.
const tableEnd = 0x1F00

// letter is what one rune is made of.
type letter struct {
	ascii byte // base letter in lower-case ASCII, 0 when it has none
	order byte // place in the Vietnamese alphabet as an ASCII byte, see SortKey; 0 when it has none
	tone  byte // '1'..'6': ngang huyền hỏi ngã sắc nặng
}

// letters is built once, at first use.
var letters = sync.OnceValue(func() *[tableEnd]letter {
	t := new([tableEnd]letter)
	for r := rune(0); r < tableEnd; r++ {
		t[r] = analyse(r)
	}
	return t
})

// analyse takes a rune apart by its canonical decomposition.
func analyse(r rune) letter {
	var l letter
	switch r {
	case 'Đ', 'đ', 0x00D0, 0x00F0, 0x0189, 0x0256:
		return letter{ascii: 'd', order: orderOf('đ'), tone: toneNone}
	}
	var base rune
	var modifier rune
	l.tone = toneNone
	for i, d := range []rune(norm.NFD.String(string(r))) {
		switch {
		case i == 0:
			base = unicode.ToLower(d)
		case toneOf(d) != 0:
			l.tone = toneOf(d)
		default:
			modifier = d
		}
	}
	if base < 'a' || base > 'z' {
		if base >= '0' && base <= '9' {
			return letter{ascii: byte(base), order: byte(base), tone: toneNone}
		}
		return letter{}
	}
	l.ascii = byte(base)
	l.order = orderOf(base)
	if modifier != 0 {
		if composed := []rune(norm.NFC.String(string([]rune{base, modifier}))); len(composed) == 1 && orderOf(composed[0]) != 0 {
			l.order = orderOf(composed[0])
		}
	}
	return l
}
