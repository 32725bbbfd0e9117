package care_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"lienthong/internal/care"
	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"NGUYEN VAN AN":                  "NGUYEN VAN AN",
		"  Nguyễn\u00a0 Văn\tAn ":        "Nguyễn Văn An",
		norm.NFD.String("Đặng Thị Thuý"): "Đặng Thị Thuý",
		"\u00d0\u1eb7ng \u0189\u1ee9c":   "Đặng Đức",
		"\u00f0\u1ed7 \u0256\u1ee9c":     "đỗ đức",
		"An\u200b Bình\ufeff":            "An Bình",
		"":                               "",
		" \u2003 ":                       "",
		"a\u200d\u0301":                  "á",
		"hai  ba":                        "hai ba",
	} {
		if got := care.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"NGUYỄN VĂN AN": "nguyen van an", "hoà": "hoa", "hòa": "hoa", "thuý": "thuy", "thúy": "thuy",
		"Đặng Đình Đức": "dang dinh duc", "\u00d0\u1ed7": "do", "ƠƯ ơư": "ou ou", "Y Ý ỵ": "y y y",
		"H'Hen Niê": "h'hen nie", "Müller": "muller", "İ": "i", "plain": "plain", "Plain": "plain",
		"Иван": "иван", "王": "王", "": "", " a  b ": "a b", "K\u0306\u0306 z": "k z",
	} {
		if got := care.Fold(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestFoldOfPlainTextCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { care.Fold("nguyen van an") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNameKeyAndMask(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"H'Hen  Niê": "h hen nie", "Trần B. (Minh)": "tran b minh", "...": "", "NGUYỄN VĂN AN": "nguyen van an"} {
		if got := care.NameKey(in); got != want {
			t.Errorf("key of %q: %q", in, got)
		}
	}
	for in, want := range map[string]string{"NGUYỄN VĂN AN": "N.V.A.", norm.NFD.String("đặng ánh"): "Đ.Á.", "": "", " ": ""} {
		if got := care.MaskName(in); got != want {
			t.Errorf("mask of %q: %q", in, got)
		}
	}
}

// inOrder is a hand-made list in the order of a Vietnamese dictionary.
var inOrder = []string{
	"", "1", "9", "A", "An", "An Bình", "àn", "ản", "ãn", "án", "ạn", "Anh", "Ảnh", "Ánh", "ăn", "Ân", "Ấn", "Ba", "ba ba", "ba bà", "bà ba", "bả", "bã", "bá", "bạ",
	"ban", "băn", "bân", "Cao", "Chu", "Cung", "Dung", "Dũng", "Dương", "Đào", "Đặng", "Đỗ", "em", "ếch", "Giang", "hoa", "hòa", "hỏa", "Hoàng", "Huỳnh", "ích", "la", "Lê", "Lý", "ma", "Nguyễn",
	"Nguyễn An", "Nguyễn Ánh", "oan", "ôn", "ơn", "Phạm", "quân", "Tạ", "thúy", "thụy", "Trần", "ung", "ưng", "Vũ", "yên", "王",
}

func TestSortKeyIsDictionaryOrder(t *testing.T) {
	t.Parallel()
	for i, a := range inOrder {
		for _, b := range inOrder[i+1:] {
			if care.SortKey(a) >= care.SortKey(b) {
				t.Errorf("%q (%s) does not sort before %q (%s)", a, care.SortKey(a), b, care.SortKey(b))
			}
		}
	}
	for _, same := range [][2]string{{"hoà", "hòa"}, {"thuý", "thúy"}, {"ĐỖ", "đỗ"}, {"\u00d0ỗ", "đỗ"}, {norm.NFD.String("Nguyễn"), "nguyễn"}, {"An, Bình", "an bình"}} {
		if care.SortKey(same[0]) != care.SortKey(same[1]) {
			t.Errorf("%q and %q sort apart", same[0], same[1])
		}
	}
}

func TestTextProperties(t *testing.T) {
	t.Parallel()
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"Nguyễn", "hoà", "Đ", "ð", " ", "\u0301", "\u0323", "\u200b", "ư", "ờ", "é", "я", "e\u0302\u0301"}),
		rapid.String())
	text := rapid.Map(rapid.SliceOfN(piece, 0, 6), func(p []string) string { return strings.Join(p, "") })
	rapid.Check(t, func(t *rapid.T) { checkText(t, text.Draw(t, "text")) })
}

// checkText holds what must be true of any text at all.
func checkText(t interface{ Fatalf(string, ...any) }, s string) {
	for name, f := range map[string]func(string) string{"Clean": care.Clean, "Fold": care.Fold, "NameKey": care.NameKey} {
		once := f(s)
		if twice := f(once); twice != once {
			t.Fatalf("%s is not idempotent: %+q, %+q, %+q", name, s, once, twice)
		}
	}
	for name, f := range map[string]func(string) string{"Clean": care.Clean, "Fold": care.Fold, "NameKey": care.NameKey,
		"SortKey": care.SortKey, "MaskName": care.MaskName} {
		if utf8.ValidString(s) && (f(norm.NFC.String(s)) != f(s) || f(norm.NFD.String(s)) != f(s)) {
			t.Fatalf("%s differs between Unicode forms of %+q: %+q, %+q, %+q", name, s, f(s), f(norm.NFC.String(s)), f(norm.NFD.String(s)))
		}
	}
	if k := care.SortKey(s); strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		t.Fatalf("the sort key of %+q has control characters: %+q", s, k)
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range append([]string{"\u00d0\u1eb7ng", "e\u0302\u0323\u0301", "\xff\xfe", "a \u0301 b", "\u1100\u0323\u1161"}, inOrder...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkText(t, s) })
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"062892177625", "DN4790000000001", "TE179KT00000012", "012345678", "79901", "ı1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := care.ParseCitizenID(s); err == nil {
			if again, err := care.ParseCitizenID(string(id)); err != nil || again != id || care.TypeID(s) != care.IDCitizen {
				t.Fatalf("%q: %q, %v, type %v", s, again, err, care.TypeID(s))
			}
		}
		if n, err := care.ParseInsuranceNo(s); err == nil {
			if again, err := care.ParseInsuranceNo(string(n)); err != nil || again != n {
				t.Fatalf("%q: %q, %v", s, again, err)
			}
		}
		if e, err := care.ParseEpisodeID(s); err == nil {
			if again, err := care.ParseEpisodeID(string(e)); err != nil || again != e {
				t.Fatalf("%q: %q, %v", s, again, err)
			}
		}
		_ = care.TypeID(s)
	})
}

// TestCleanTextIsLeftAlone: what is not looked at twice is what looking would give. A
// zero-width character, which Clean drops, has every letter looked at.
func TestCleanTextIsLeftAlone(t *testing.T) {
	for r := rune(0); r < 0x2100; r++ {
		for _, s := range []string{string(r), "a" + string(r), string(r) + "b", "Ế" + string(r) + "ọ", "o" + string(r) + " " + string(r)} {
			if got, want := care.Clean(s), care.Clean("\u200b"+s); got != want {
				t.Fatalf("%q: %q, and %q when each letter is looked at", s, got, want)
			}
		}
	}
	text := "Tăng huyết áp vô căn (nguyên phát); Đái tháo đường típ 2"
	if n := testing.AllocsPerRun(100, func() { care.Clean(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
