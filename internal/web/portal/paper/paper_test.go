package paper_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"lienthong/internal/web/portal/paper"
)

func sheet() *paper.Sheet {
	return &paper.Sheet{Lang: "vi", Title: "Biên nhận hồ sơ", Intro: "Nguyễn Thị Ước Đặng: ẰẴẲẮẶ ỪỮỬỨỰ ợỡởớờ ỷỹỵ đ₫",
		Lines: [][2]string{{"Hồ sơ", "79901-ABC"}, {"Mã đối chiếu", strings.Repeat("0123456789abcdef", 4)}},
		Check: "Quét mã để kiểm tra.", URL: "https://hub.example/check?record=79901-ABC", Modules: [][]bool{{true, false}, {false, true}},
		Foot: "In lúc 10:00", At: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
}

func TestThePageSaysWhatItShouldInVietnamese(t *testing.T) {
	t.Parallel()
	data, err := paper.PDF(sheet())
	if err != nil {
		t.Fatal(err)
	}
	again, err := paper.PDF(sheet())
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same sheet gave other bytes: %v", err)
	}
	if !bytes.HasPrefix(data, []byte("%PDF-")) || len(data) > 200<<10 {
		t.Errorf("%d bytes that begin %q", len(data), data[:8])
	}
	text, has := readBack(t, data)
	for _, want := range []string{"Biên nhận hồ sơ", "Nguyễn Thị Ước Đặng: ẰẴẲẮẶ ỪỮỬỨỰ ợỡởớờ ỷỹỵ đ₫", "79901-ABC", "Quét mã để kiểm tra", "In lúc 10:00"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page:\n%s", want, text)
		}
		for _, r := range want {
			if r != ' ' && !has(r) {
				t.Errorf("%q has no glyph", r)
			}
		}
	}
	if has('\u4e2d') { // the control: DejaVu has no Han, and none was asked for
		t.Error("a letter that is not on the page has a glyph")
	}
}

// readBack gives the text of the page's content stream, strings in order, and
// for each embedded font whether a character has a glyph in it: the content is
// UTF-16BE character codes (Identity-H), which CIDToGIDMap leads to glyphs.
func readBack(t *testing.T, data []byte) (string, func(rune) bool) {
	t.Helper()
	var text strings.Builder
	var fonts []func(rune) bool
	for _, m := range regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`).FindAllSubmatch(data, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			continue
		}
		if len(plain) == 2<<16 {
			fonts = append(fonts, func(r rune) bool { return plain[2*r] != 0 || plain[2*r+1] != 0 })
			continue
		}
		for _, s := range regexp.MustCompile(`(?s)\(((?:[^()\\]|\\.)*)\)\s*Tj`).FindAllSubmatch(plain, -1) {
			raw := regexp.MustCompile(`(?s)\\(.)`).ReplaceAllFunc(s[1], func(b []byte) []byte {
				if b[1] == 'r' {
					return []byte{'\r'}
				}
				return b[1:]
			})
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = binary.BigEndian.Uint16(raw[2*i:])
			}
			text.WriteString(string(utf16.Decode(units)) + "\n")
		}
	}
	if len(fonts) != 2 {
		t.Fatalf("%d fonts are embedded", len(fonts))
	}
	return text.String(), func(r rune) bool { return fonts[0](r) || fonts[1](r) }
}

func TestHostileTextsMakeAPage(t *testing.T) {
	t.Parallel()
	s := sheet()
	s.Intro, s.Title = "a\x00b\x7f😀\n"+strings.Repeat("x", 5000), "(\\)"
	if _, err := paper.PDF(s); err != nil {
		t.Error(err)
	}
}
