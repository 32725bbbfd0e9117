package table

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// encoding is how the text of a file is written. What is UTF-16 comes as UTF-8 out
// of reader already; the others are decoded row by row, so that one row of another
// encoding does not spoil the rest.
type encoding struct {
	name string // as Reader.Encoding has it
	wide string // "le", "be" where UTF-16
	skip int    // bytes of a mark before the text
}

var utf8Mark = []byte{0xEF, 0xBB, 0xBF}

// detect tells the encoding of a file by its beginning; cut: there is more behind.
func detect(sample []byte, cut bool) encoding {
	if w := utf16Of(sample); w != "" {
		return encoding{name: "utf-16", wide: w}
	}
	if bytes.HasPrefix(sample, utf8Mark) {
		return encoding{name: "utf-8", skip: 3}
	}
	if cut { // the last character may be half there
		if i := bytes.LastIndexByte(sample, '\n'); i > 0 {
			sample = sample[:i]
		}
	}
	// By lines: one line of another encoding does not decide for all.
	wellFormed, other := 0, []byte(nil)
	for line := range bytes.SplitSeq(sample, []byte("\n")) {
		switch {
		case ascii(line):
		case utf8.Valid(line):
			wellFormed++
		default:
			other = append(append(other, line...), '\n')
		}
	}
	if len(other) == 0 || wellFormed > bytes.Count(other, []byte("\n")) {
		return encoding{name: "utf-8"}
	}
	return encoding{name: legacy(other)}
}

// utf16Of finds UTF-16 by its mark, or by its zeros; "" for anything else.
func utf16Of(sample []byte) string {
	switch {
	case bytes.HasPrefix(sample, []byte{0xFF, 0xFE}):
		return "le"
	case bytes.HasPrefix(sample, []byte{0xFE, 0xFF}):
		return "be"
	}
	head := sample[:min(len(sample), 4096)&^1]
	if len(head) < 8 {
		return ""
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case zeros[1]*2 > half && zeros[0] == 0:
		return "le"
	case zeros[0]*2 > half && zeros[1] == 0:
		return "be"
	}
	return ""
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// reader gives the bytes behind the mark; those of UTF-16 as UTF-8.
func (e encoding) reader(r io.Reader) io.Reader {
	if e.wide != "" {
		end := utf16.LittleEndian
		if e.wide == "be" {
			end = utf16.BigEndian
		}
		return transform.NewReader(r, utf16.UTF16(end, utf16.UseBOM).NewDecoder())
	}
	if e.skip > 0 {
		if _, err := io.CopyN(io.Discard, r, int64(e.skip)); err != nil {
			return strings.NewReader("")
		}
	}
	return r
}

// text decodes a sample as a whole.
func (e encoding) text(sample []byte) string {
	out, err := io.ReadAll(e.reader(bytes.NewReader(sample)))
	if err != nil {
		return ""
	}
	return string(out)
}

// decode brings the bytes of one row's cells into UTF-8, composed. code says
// when the row is not in the file's encoding.
func (e encoding) decode(cells [][]byte) (out []string, code string) {
	name, whole := e.name, bytes.Join(cells, []byte(" "))
	if name == "utf-16" {
		name = "utf-8"
	}
	switch {
	case ascii(whole):
		name = "utf-8"
	case utf8.Valid(whole):
		if name != "utf-8" && !plausible(decodeAs(name, whole)) {
			name, code = "utf-8", Mixed
		}
	case name == "utf-8":
		name, code = legacy(whole), Mixed
	}
	for _, c := range cells {
		s := decodeAs(name, c)
		if strings.ContainsRune(s, utf8.RuneError) {
			code = Unread
		}
		out = append(out, norm.NFC.String(strings.Map(printable, s)))
	}
	return out, code
}

// printable drops what is no text.
func printable(r rune) rune {
	if r == '\t' || r == '\n' {
		return ' '
	}
	if unicode.IsControl(r) || r == '\ufeff' {
		return -1
	}
	return r
}

func decodeAs(name string, b []byte) string {
	switch name {
	case "windows-1258":
		s, err := charmap.Windows1258.NewDecoder().Bytes(b)
		if err != nil {
			return string(utf8.RuneError)
		}
		return norm.NFC.String(string(s))
	case "tcvn3":
		var s strings.Builder
		for _, c := range b {
			switch {
			case c < utf8.RuneSelf:
				s.WriteByte(c)
			case tcvn3[c-0x80] != 0:
				s.WriteRune(tcvn3[c-0x80])
			default:
				s.WriteRune(utf8.RuneError)
			}
		}
		return s.String()
	}
	return strings.ToValidUTF8(string(b), string(utf8.RuneError))
}

// legacy tells the two old encodings apart by which gives more Vietnamese words.
func legacy(b []byte) string {
	if likeness(decodeAs("tcvn3", b)) > likeness(decodeAs("windows-1258", b)) {
		return "tcvn3"
	}
	return "windows-1258"
}

func plausible(s string) bool { return likeness(s) > 0 }

// likeness counts words that could be Vietnamese less those that could not, of
// those with letters beyond ASCII.
func likeness(s string) int {
	n := 0
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < utf8.RuneSelf && !unicode.IsLetter(r) }) {
		if ascii([]byte(word)) {
			continue
		}
		if syllable(word) {
			n++
		} else {
			n--
		}
	}
	return n
}

// syllable reports whether a word has Vietnamese letters only, a vowel and one tone
// at most.
func syllable(word string) bool {
	tones, vowels, letters := 0, 0, 0
	for _, r := range norm.NFD.String(strings.ToLower(word)) {
		switch {
		case r == 0x300 || r == 0x301 || r == 0x303 || r == 0x309 || r == 0x323:
			tones++
		case r == 0x302 || r == 0x306 || r == 0x31B:
		case strings.ContainsRune("aeiouy", r):
			vowels++
			letters++
		case r == 'đ' || r >= 'b' && r <= 'x' && !strings.ContainsRune("fjw", r):
			letters++
		default:
			return false
		}
	}
	return tones <= 1 && vowels > 0 && vowels <= 3 && letters <= 7
}

// tcvn3 is TCVN 5712:1993, VN3, from 0x80: small letters with marks, and the seven
// capitals it has. 0: no character.
var tcvn3 = func() (t [128]rune) {
	for from, letters := range map[int]string{
		0xA1: "ĂÂÊÔƠƯĐăâêôơưđ", 0xB5: "àảãáạ", 0xBB: "ằẳẵắ", 0xC6: "ặầẩẫấậè", 0xCE: "ẻẽéẹềểễếệìỉ",
		0xDC: "ĩíịò", 0xE1: "ỏõóọồổỗốộờở", 0xEC: "ỡớợù", 0xF1: "ủũúụừửữứựỳỷỹýỵ",
	} {
		for i, r := range slices.Collect(runes(letters)) {
			t[from-0x80+i] = r
		}
	}
	return t
}()

func runes(s string) func(func(rune) bool) {
	return func(yield func(rune) bool) {
		for _, r := range s {
			if !yield(r) {
				return
			}
		}
	}
}
