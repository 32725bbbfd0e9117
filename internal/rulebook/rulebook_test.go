package rulebook_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/rulebook"
	"lienthong/internal/schema"
)

func compiler() *rulebook.Compiler {
	return rulebook.NewCompiler(map[string]rulebook.Tables{"qd4750": rulebook.TablesOf(schema.Versions()...)},
		func(code string) bool { _, taken := quality.V1().Rule(code); return taken })
}

func good(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func book(t testing.TB, text string) *rulebook.Book {
	t.Helper()
	b, problems := compiler().Read([]byte(text))
	for _, p := range problems {
		t.Error(p)
	}
	return b
}

// content is a dossier of rows of XML2 by their quantity.
func content(quantities ...string) *dossier.Content {
	columns := dossier.NewColumns("XML2", "MA_THUOC", "SO_LUONG")
	t := &dossier.Table{Columns: columns}
	for i, q := range quantities {
		t.Rows = append(t.Rows, dossier.Row{Line: i + 10, Cells: []dossier.Cell{{Text: "40.1"}, {Text: q, Line: i + 11}}})
	}
	return &dossier.Content{All: []*dossier.Table{t}}
}

func TestABookJudgesRowsAndWholes(t *testing.T) {
	t.Parallel()
	b := book(t, good(t))
	var got []string
	look := func(fields dossier.Fields) []string {
		got = nil
		b.Judge("qd4750", fields, false, func(at rulebook.At) {
			got = append(got, fmt.Sprint(at.Rule.Code, " ", at.Outcome, " ", at.Table, " ", at.Row, " ", at.Field, " ", at.Line))
		})
		return got
	}
	want := []string{"XML2.SO_LUONG.high 2 XML2 1 SO_LUONG 12", "XML2.SO_LUONG.high 3 XML2 2 SO_LUONG 13"}
	if diff := cmp.Diff(want, look(content("30", "501", "nhiều", ""))); diff != "" {
		t.Error(diff)
	}
	stay := &dossier.Content{All: []*dossier.Table{{Columns: dossier.NewColumns("XML1", "MA_LOAI_KCB", "NGAY_RA"),
		Rows: []dossier.Row{{Line: 3, Cells: []dossier.Cell{{Text: "03"}, {Text: "202601011200", Line: 7}}}}}}}
	if diff := cmp.Diff([]string{"XML1.NGAY_RA.no_orders 2 XML1 0 NGAY_RA 7"}, look(stay)); diff != "" {
		t.Error(diff)
	}
	if look(&dossier.Content{}); len(got) != 0 {
		t.Errorf("of an empty dossier: %v", got)
	}
	b.Judge("checkin", content("9999"), true, func(at rulebook.At) { t.Errorf("of another kind: %v", at) })
}

func TestCasesAreTried(t *testing.T) {
	t.Parallel()
	tried := book(t, good(t)).Cases("XML2.SO_LUONG.high")
	if len(tried) != 2 || tried[0].Found != 0 || tried[0].Applied != 1 || tried[1].Found != 1 || tried[1].At[0].Field != "SO_LUONG" {
		t.Errorf("%+v", tried)
	}
}

// replaced changes one piece of the good book.
func replaced(t testing.TB, old, fresh string) string {
	t.Helper()
	text := good(t)
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in the book", old)
	}
	return strings.Replace(text, old, fresh, 1)
}

func TestWhatIsWrongIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	must := "number(row.SO_LUONG) <= 500.0"
	for name, c := range map[string]struct {
		text   string
		fault  *fault.Error
		member string
		line   int
		column int
	}{
		"no such field":           {replaced(t, must, "number(row.SOLUONG) <= 500.0"), rulebook.ErrExpression, "must", 8, 11},
		"no such table":           {replaced(t, "table: XML2", "table: XML99"), rulebook.ErrField, "table", 5, 0},
		"no such field to point":  {replaced(t, "field: SO_LUONG", "field: SO_LUONGG"), rulebook.ErrField, "field", 6, 0},
		"no such kind":            {replaced(t, "kind: qd4750", "kind: lab"), rulebook.ErrField, "kind", 4, 0},
		"of another type":         {replaced(t, must, "row.SO_LUONG <= 500.0"), rulebook.ErrExpression, "must", 8, 14},
		"no condition":            {replaced(t, must, "number(row.SO_LUONG)"), rulebook.ErrExpression, "must", 8, 0},
		"half a condition":        {replaced(t, must, "number(row.SO_LUONG) <="), rulebook.ErrExpression, "must", 8, 0},
		"second line of a block":  {replaced(t, "r.MA_DICH_VU != \"\"", "r.MA_DV != \"\""), rulebook.ErrExpression, "must", 30, 25},
		"the same of all":         {replaced(t, must, "1 < 2"), rulebook.ErrExpression, "must", 8, 0},
		"never ends":              {replaced(t, must, nested), rulebook.ErrCostly, "must", 8, 0},
		"too long":                {replaced(t, must, `row.SO_LUONG != "`+strings.Repeat("x", 4100)+`"`), rulebook.ErrLimits, "must", 8, 0},
		"no case that fails":      {replaced(t, "passes: false", "passes: true"), rulebook.ErrCase, "cases", 0, 0},
		"an unknown field":        {replaced(t, `{SO_LUONG: "30"}`, `{SO_LUONGG: "30"}`), rulebook.ErrCase, "cases", 18, 0},
		"a case that is unclear":  {replaced(t, `{SO_LUONG: "30"}`, `{SO_LUONG: "ba"}`), rulebook.ErrCase, "cases", 18, 0},
		"a case not applicable":   {replaced(t, `{SO_LUONG: "30"}`, `{MA_THUOC: "30"}`), rulebook.ErrCase, "cases", 0, 0},
		"a code of the pack":      {replaced(t, "XML2.SO_LUONG.high", "XML2.SO_LUONG.missing"), rulebook.ErrTaken, "code", 3, 0},
		"a code twice":            {replaced(t, "XML1.NGAY_RA.no_orders", "XML2.SO_LUONG.high"), rulebook.ErrTaken, "code", 0, 0},
		"a code of another place": {replaced(t, "XML2.SO_LUONG.high", "XML3.SO_LUONG.high"), rulebook.ErrRule, "code", 3, 0},
		"a code with an ending":   {replaced(t, "XML2.SO_LUONG.high", "XML2.SO_LUONG.soon"), rulebook.ErrRule, "code", 3, 0},
		"rejecting":               {replaced(t, "severity: warning", "severity: error"), rulebook.ErrRule, "severity", 9, 0},
		"blocks clinicians":       {replaced(t, "[payment]", "[reading]"), rulebook.ErrRule, "blocks", 10, 0},
		"no sentence":             {replaced(t, "    en: The quantity is unusually large.\n", ""), rulebook.ErrRule, "en", 3, 0},
		"no source":               {replaced(t, "    source: Thông tư 26/2025/TT-BYT\n", ""), rulebook.ErrRule, "source", 3, 0},
		"no word":                 {replaced(t, "word: correct", "word: right"), rulebook.ErrRule, "word", 3, 0},
		"an unknown member":       {replaced(t, "severity: warning", "weight: 3"), rulebook.ErrText, "", 9, 0},
		"a member twice":          {replaced(t, "severity: warning", "word: correct"), rulebook.ErrText, "", 0, 0},
		"no YAML":                 {"rules:\n  - code: \"a\n", rulebook.ErrText, "", 0, 0},
		"an alias":                {"rules: &a\n  - *a\n", rulebook.ErrText, "", 0, 0},
		"no list":                 {"rules: yes", rulebook.ErrText, "rules", 1, 0},
		"no UTF-8":                {"rules: \xff", rulebook.ErrText, "", 0, 0},
		"too much text":           {strings.Repeat("# nothing\n", 200_000), rulebook.ErrLimits, "", 0, 0},
		"ten thousand rules":      {"rules:\n" + strings.Repeat("  - code: A.b\n", 10_000), rulebook.ErrLimits, "rules", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := compiler().Read([]byte(c.text))
			for _, p := range problems {
				if errors.Is(p.Fault, c.fault) && p.Member == c.member && (c.line == 0 || p.Line == c.line) && (c.column == 0 || p.Column == c.column) &&
					p.Said.VI != "" && p.Said.EN != "" {
					return
				}
			}
			t.Errorf("not told: %v", problems)
		})
	}
}

// nested loops over a table in loops over it.
const nested = `dossier.XML2.all(a, dossier.XML2.all(b, dossier.XML2.all(c, dossier.XML2.all(d, a.MA_THUOC + b.MA_THUOC != c.MA_THUOC + d.MA_THUOC))))`

func TestABookIsBoundedAsAWhole(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("rules:\n")
	one, _, _ := strings.Cut(strings.TrimPrefix(replaced(t, "number(row.SO_LUONG) <= 500.0", `dossier.XML3.all(r, r.MA_DICH_VU != row.MA_THUOC)`), "# Two rules on invented samples.\nrules:\n"), "  - code: XML1")
	for i := range 200 {
		b.WriteString(strings.Replace(one, "high", fmt.Sprintf("high%d", i), 1))
	}
	_, problems := compiler().Read([]byte(b.String()))
	if len(problems) != 1 || !errors.Is(problems[0].Fault, rulebook.ErrCostly) || problems[0].Rule == "" {
		t.Errorf("%v", problems)
	}
}

func TestBooksDiffer(t *testing.T) {
	t.Parallel()
	old := book(t, good(t)).Rules()
	changed := replaced(t, "500.0", "400.0")
	changed = strings.Replace(changed, "A stay without", "An admission without", 1)
	d := rulebook.Diff(old, book(t, changed).Rules())
	if len(d) != 2 || !d[0].Judges || d[1].Judges || d[0].Old == nil || d[0].New == nil {
		t.Errorf("%+v", d)
	}
	if d := rulebook.Diff(old, old[:1]); len(d) != 1 || d[0].New != nil || d[0].Code != "XML1.NGAY_RA.no_orders" {
		t.Errorf("%+v", d)
	}
	if d := rulebook.Diff(old, book(t, good(t)).Rules()); len(d) != 0 {
		t.Errorf("of the same: %+v", d)
	}
	want := []rulebook.Line{{Mark: ' ', Text: "a"}, {Mark: '-', Text: "b"}, {Mark: '+', Text: "x"}, {Mark: ' ', Text: "c"}}
	if diff := cmp.Diff(want, rulebook.Lines("0\na\nb\nc\nd\n", "0\na\nx\nc\nd\n")); diff != "" {
		t.Error(diff)
	}
}

// Whatever is read is compiled or told about, and what is compiled judges.
func FuzzRead(f *testing.F) {
	f.Add(good(f))
	f.Add("rules:\n  - {code: XML2.SO_LUONG.x, kind: qd4750, table: XML2, must: 'row.SO_LUONG.matches(\"(a*)*b\")', vi: a, en: b, word: clean, source: c}\n")
	f.Add("rules: [[]]\n---\nrules: 1")
	f.Add("rules:\n  - &a {cases: [*a]}")
	c := compiler()
	fields := content("1", "x", "")
	f.Fuzz(func(t *testing.T, text string) {
		b, problems := c.Read([]byte(text))
		for _, p := range problems {
			if p.Fault == nil || p.Said.VI == "" || p.Said.EN == "" {
				t.Errorf("a problem without words: %+v", p)
			}
		}
		if b != nil {
			b.Judge("qd4750", fields, true, func(rulebook.At) {})
		}
	})
}

// What a dossier costs by the number of rules: half of them over rows.
func BenchmarkJudge(b *testing.B) {
	full := make([]string, 20)
	for i := range full {
		full[i] = "30"
	}
	fields := content(full...)
	for _, n := range []int{0, 10, 50} {
		var text strings.Builder
		text.WriteString("rules:\n")
		one, _, _ := strings.Cut(strings.TrimPrefix(good(b), "# Two rules on invented samples.\nrules:\n"), "  - code: XML1")
		for i := range n {
			text.WriteString(strings.Replace(one, "high", fmt.Sprintf("high%d", i), 1))
		}
		book := book(b, text.String())
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				book.Judge("qd4750", fields, false, func(rulebook.At) {})
			}
		})
	}
}
