package compartment

import (
	"unicode/utf8"

	"lienthong/internal/care"
)

// matcher finds words in text, whatever its case and diacritics: an automaton
// (Aho and Corasick, 1975) over letters, digits and a blank for all else.
type matcher struct {
	next [][letters]uint16
	out  []Set
}

const (
	letters = 37 // a..z, 0..9, blank
	blank   = 36
	skipped = 37 // a combining mark
)

func newMatcher() *matcher { return &matcher{next: make([][letters]uint16, 1), out: make([]Set, 1)} }

func letterOf(b byte) byte {
	switch {
	case b >= 'a' && b <= 'z':
		return b - 'a'
	case b >= 'A' && b <= 'Z':
		return b - 'A'
	case b >= '0' && b <= '9':
		return 26 + b - '0'
	}
	return blank
}

// add puts in a pattern of lower-case letters, digits and single blanks.
func (m *matcher) add(pattern string, s Set) {
	at := uint16(0)
	for i := range len(pattern) {
		c := letterOf(pattern[i])
		if m.next[at][c] == 0 {
			m.next = append(m.next, [letters]uint16{})
			m.out = append(m.out, 0)
			m.next[at][c] = uint16(len(m.next) - 1)
		}
		at = m.next[at][c]
	}
	m.out[at] |= s
}

// finish turns the tree of patterns into the automaton.
func (m *matcher) finish() {
	fall := make([]uint16, len(m.next))
	var queue []uint16
	for c := range m.next[0] {
		if to := m.next[0][c]; to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		m.out[at] |= m.out[fall[at]]
		for c := range m.next[at] {
			to := m.next[at][c]
			if to == 0 {
				m.next[at][c] = m.next[fall[at]][c]
				continue
			}
			fall[to] = m.next[fall[at]][c]
			queue = append(queue, to)
		}
	}
}

// find returns the compartments of words in text.
func (m *matcher) find(text string) Set {
	at := m.next[0][blank]
	found, last := Set(0), byte(blank)
	for i := 0; i < len(text); {
		c := byte(0)
		if b := text[i]; b < utf8.RuneSelf {
			c = ascii[b]
			i++
		} else {
			r, size := utf8.DecodeRuneInString(text[i:])
			i += size
			if c = folded(r); c == skipped {
				continue
			}
		}
		if c == blank && last == blank {
			continue
		}
		last = c
		at = m.next[at][c]
		found |= m.out[at]
	}
	if last != blank {
		found |= m.out[m.next[at][blank]]
	}
	return found
}

var ascii = func() (t [utf8.RuneSelf]byte) {
	for b := range t {
		t[b] = letterOf(byte(b))
	}
	return t
}()

// Vietnamese letters with marks stand in two blocks of Unicode.
const (
	latin, latinEnd = 0xC0, 0x250
	extra, extraEnd = 0x1E00, 0x1F00
)

var latinFold, extraFold = func() (a [latinEnd - latin]byte, b [extraEnd - extra]byte) {
	fold := func(r rune) byte {
		if f := care.Fold(string(r)); len(f) == 1 {
			return letterOf(f[0])
		}
		return blank
	}
	for i := range a {
		a[i] = fold(rune(latin + i))
	}
	for i := range b {
		b[i] = fold(rune(extra + i))
	}
	return a, b
}()

func folded(r rune) byte {
	switch {
	case r >= latin && r < latinEnd:
		return latinFold[r-latin]
	case r >= extra && r < extraEnd:
		return extraFold[r-extra]
	case r >= 0x0300 && r <= 0x036F:
		return skipped
	case r >= 0xFF10 && r <= 0xFF5A: // full-width forms
		return letterOf(byte(r - 0xFEE0))
	}
	return blank
}
