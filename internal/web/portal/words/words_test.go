package words_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/web/portal/words"
)

func load(t *testing.T) *words.Catalogue {
	t.Helper()
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var hole = regexp.MustCompile(`\{\d\}`)

func TestBothLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	c := load(t)
	vi, en := c.Texts("vi"), c.Texts("en")
	for key, text := range vi {
		other, ok := en[key]
		if !ok || strings.TrimSpace(other) == "" || strings.TrimSpace(text) == "" {
			t.Errorf("%s is missing in a language", key)
		}
		for _, h := range hole.FindAllString(text, -1) {
			if !strings.Contains(other, h) {
				t.Errorf("%s: English has no %s", key, h)
			}
		}
		if len(hole.FindAllString(text, -1)) != len(hole.FindAllString(other, -1)) {
			t.Errorf("%s: different holes", key)
		}
		if !norm.NFC.IsNormalString(text) || strings.ContainsRune(text, 'Ð') {
			t.Errorf("%s: %q is not NFC, or has the Icelandic Eth", key, text)
		}
	}
	if len(vi) != len(en) {
		t.Errorf("%d and %d keys", len(vi), len(en))
	}
}

func TestNoBannedWord(t *testing.T) {
	t.Parallel()
	c := load(t)
	banned := []string{"tuân thủ", "compliant", "compliance", "chứng nhận", "certified", "có giá trị pháp lý", "legally valid",
		"vui lòng", "thành công", "lỗi hệ thống", "xử lý dữ liệu", "please", "successful", "!"}
	for _, lang := range []string{"vi", "en"} {
		for key, text := range c.Texts(lang) {
			for _, b := range banned {
				if strings.Contains(strings.ToLower(text), b) {
					t.Errorf("%s %s says %q", lang, key, b)
				}
			}
		}
	}
}

// Vietnamese written without its marks is a mistake of typing: a sentence of
// four words or more has at least one.
func TestVietnameseHasItsMarks(t *testing.T) {
	t.Parallel()
	for key, text := range load(t).Texts("vi") {
		plain := !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f && unicode.IsLetter(r) })
		if plain && len(strings.Fields(hole.ReplaceAllString(text, ""))) >= 3 {
			t.Errorf("%s: %q", key, text)
		}
	}
}

// Every key that a page names in full is there.
func TestEveryKeyInUseIsThere(t *testing.T) {
	t.Parallel()
	vi := load(t).Texts("vi")
	call := regexp.MustCompile(`(?:\.T\(|@dayTile\(p, |@kpi\(p, "SL\.\d\d", |p\.page\(r, "[a-z]*", |frame\.Page\(r, "[a-z]*", |@download\(p, d, "[a-z]+", )"([a-zA-Z0-9_.]+)"`)
	found := 0
	for _, dir := range []string{"..", "../view", "../delivery"} {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || strings.HasSuffix(f, "_templ.go") || (filepath.Ext(f) != ".go" && filepath.Ext(f) != ".templ") {
				continue
			}
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range call.FindAllStringSubmatch(string(src), -1) {
				if strings.HasSuffix(m[1], ".") {
					continue // the rest is chosen when it is shown; the portal's tests look for holes
				}
				found++
				if vi[m[1]] == "" {
					t.Errorf("%s names %q", f, m[1])
				}
			}
		}
	}
	if found < 150 {
		t.Errorf("only %d keys were found in the sources: the pattern looks past them", found)
	}
}

func TestNumbersAndTimes(t *testing.T) {
	t.Parallel()
	c := load(t)
	vi, en := c.In("vi"), c.In("en")
	at := time.Date(2026, 7, 1, 17, 30, 5, 204e6, time.UTC)
	for _, x := range []struct{ got, want string }{
		{vi.Num(1234567), "1.234.567"}, {en.Num(1234567), "1,234,567"}, {vi.Num(-1200), "\u22121.200"}, {vi.Num(999), "999"},
		{vi.Plus(12), "+12"}, {vi.Percent(27, 1000), "2,7\u202f%"}, {vi.Percent(9_999, 10_000), "99,9\u202f%"}, {en.Percent(7, 7), "100.0\u202f%"}, {en.Percent(27, 1000), "2.7\u202f%"}, {vi.Percent(1, 0), "–"},
		{vi.Time(at), "02/07/2026 00:30"}, {vi.Date(at), "02/07/2026"}, {vi.Milli(at), "00:30:05,204"}, {vi.Time(time.Time{}), ""},
		{vi.Day(20260702), "02/07/2026"}, {vi.Age(119 * time.Second), "1 phút"}, {vi.Age(-time.Second), "0 giây"}, {vi.Age(72 * time.Hour), "3 ngày"},
		{vi.Size(46*1024 - 3), "46 KB"}, {vi.Size(3 << 20), "3,0 MB"}, {vi.Size(43770 << 20), "42,7 GB"}, {c.In("en").Size(3 << 41), "6.0 TB"}, {vi.T("no.such"), "«no.such»"}, {c.In("fr").Lang, "vi"},
	} {
		if x.got != x.want {
			t.Errorf("%q, not %q", x.got, x.want)
		}
	}
}
