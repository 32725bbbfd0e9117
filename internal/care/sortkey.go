package care

import (
	"unicode"
	"unicode/utf8"
)

// alphabet is the order of Vietnamese dictionaries (TCVN 6909's 29 letters),
// with the four letters of foreign words where dictionaries put them.
const alphabet = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"

// Tones in dictionary order.
const (
	toneNone  = '1' // ngang
	toneGrave = '2' // huyền
	toneHook  = '3' // hỏi
	toneTilde = '4' // ngã
	toneAcute = '5' // sắc
	toneDot   = '6' // nặng
)

// toneOf returns the tone a combining mark writes, 0 for other marks.
func toneOf(mark rune) byte {
	switch mark {
	case 0x0300, 0x0340:
		return toneGrave
	case 0x0309:
		return toneHook
	case 0x0303:
		return toneTilde
	case 0x0301, 0x0341:
		return toneAcute
	case 0x0323:
		return toneDot
	}
	return 0
}

// orderOf returns a letter's place as an ASCII byte from 'A' up, 0 for none.
func orderOf(r rune) byte {
	place := byte('A')
	for _, a := range alphabet {
		if a == r {
			return place
		}
		place++
	}
	return 0
}

// SortKey returns a string whose plain byte order (COLLATE "C", BINARY) is the
// order of Vietnamese dictionaries: word by word, in each word the letters
// first and its tone after. Case, punctuation and where in the word the tone
// is written make no difference. Digits sort before letters, other scripts
// after them. The key holds no control characters; it is for sorting, not for
// showing, and gives a name away as the name itself does.
func SortKey(s string) string {
	s = Clean(s)
	table := letters()
	b := make([]byte, 0, len(s)+8)
	word, tone := false, byte(toneNone)
	end := func() {
		if word {
			b = append(b, '!', tone)
		}
		word, tone = false, toneNone
	}
	for _, r := range s {
		var l letter
		if r < tableEnd {
			l = table[r]
		}
		switch {
		case l.order != 0:
			b = append(b, l.order)
			word = true
			if l.tone != toneNone {
				tone = l.tone
			}
		case toneOf(r) != 0:
			tone = toneOf(r)
		case isMark(r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b = append(b, '~')
			b = utf8.AppendRune(b, unicode.ToLower(r))
			word = true
		default:
			end()
		}
	}
	end()
	return string(b)
}
