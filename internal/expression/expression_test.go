package expression_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/expression"
)

// setup declares one row and the tables of a small dossier.
func setup(t *testing.T) *expression.Env {
	t.Helper()
	env, err := expression.New(expression.Config{}, expression.Row("row", "A", "B", "NGAY"),
		expression.Tables("dossier", map[string][]string{"XML1": {"MA_LK", "NGAY_VAO", "T_THUOC"}, "XML2": {"MA_LK", "THANH_TIEN"}}))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func given(t *testing.T) expression.Given {
	t.Helper()
	one := dossier.NewColumns("XML1", "MA_LK", "NGAY_VAO", "T_THUOC")
	two := dossier.NewColumns("XML2", "MA_LK", "THANH_TIEN")
	cells := func(texts ...string) dossier.Row {
		var r dossier.Row
		for _, s := range texts {
			r.Cells = append(r.Cells, dossier.Cell{Text: s})
		}
		return r
	}
	return expression.Given{
		"row": expression.RowOfMap(map[string]string{"A": "12.50", "NGAY": "202603010830"}),
		"dossier": expression.DossierOf(&dossier.Content{All: []*dossier.Table{
			{Columns: one, Rows: []dossier.Row{cells("LK1", "202602280000", "30")}},
			{Columns: two, Rows: []dossier.Row{cells("LK1", "10"), cells("LK1", "20")}},
		}}),
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	env, g := setup(t), given(t)
	for text, want := range map[string]bool{
		`row.A == "12.50"`:   true,
		`row.B == ""`:        true,
		`has(row.B)`:         false,
		`has(row.A)`:         true,
		`number(row.A) < 13`: true,
		`number(row.A) == 12.5 && number(row.A) != 12`:                                       true,
		`number(row.A) * 2 == 25`:                                                            true,
		`number(row.A) in [1, -2, 3]`:                                                        false,
		`-25 == number(row.A) * -2 && days(row.NGAY, "20260303") == 2`:                       true,
		`number(row.A) < 9.5`:                                                                false,
		`row.A.matches("^[0-9]+(\\.[0-9]+)?$")`:                                              true,
		`date(row.NGAY) > date("01/03/2026")`:                                                true,
		`days(row.NGAY, "20260303") == 2`:                                                    true,
		`days(row.NGAY, dossier.XML1[0].NGAY_VAO) == -1`:                                     true,
		`dossier.XML2.all(t, t.MA_LK == dossier.XML1[0].MA_LK)`:                              true,
		`dossier.XML2.exists(t, number(t.THANH_TIEN) > 15)`:                                  true,
		`dossier.XML2.map(t, number(t.THANH_TIEN)).exists(x, x == 10.0)`:                     true,
		`size(dossier.XML2) == 2 && has(dossier.XML2)`:                                       true,
		`row.B == "" || number(row.B) > 3`:                                                   true, // what fails behind || does not matter
		`in_list("3", "GIOI_TINH") || !in_list("9", "GIOI_TINH")`:                            true,
		`in_codes("o80.1", "A00-A09, O80-O84") && !in_codes("A10", "A00-A09")`:               true,
		`in_codes("A09.9", "A00-A09") && !in_codes("", "A00") && !in_codes("A0", "A00-A09")`: true,
	} {
		p, err := env.Compile(text, expression.Condition)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := p.Holds(g); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", text, got, err, want)
		}
	}
}

func TestValuesAreCanonicalText(t *testing.T) {
	t.Parallel()
	env, g := setup(t), given(t)
	for text, want := range map[string]string{
		`row.A`:                         "12.50",
		`number(row.A)`:                 "12.5",
		`number(row.A) * 2`:             "25",
		`number(row.A) * 2.0`:           "25",
		`12345678901234567890.0`:        "12345678901234567168",
		`day(row.NGAY)`:                 "2026-03-01",
		`moment(row.NGAY)`:              "2026-03-01T08:30:00+07:00",
		`date(row.NGAY)`:                "2026-03-01T08:30:00+07:00",
		`day(row.B)`:                    "",
		`year(row.NGAY)`:                "2026",
		`has(row.A)`:                    "true",
		`size(dossier.XML2)`:            "2",
		`fold("  Nguyễn  Ánh ")`:        "nguyen anh",
		`part("a; b;c", 2)`:             "b",
		`part("a", 3)`:                  "",
		`row.B == "" ? "x" : row.B`:     "x",
		`"a-b".replace("-", "")`:        "ab",
		`round(2.675, 1)`:               "2.7",
		`"nam " + shown(round(1.0, 2))`: "nam 1",
	} {
		p, err := env.Compile(text, expression.Value)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := p.Text(g); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", text, got, err, want)
		}
	}
}

func TestMistakesNameTheirPlace(t *testing.T) {
	t.Parallel()
	env := setup(t)
	for _, c := range []struct {
		text         string
		kind         expression.Kind
		line, column int
		names        string
	}{
		{"", expression.Condition, 0, 0, ""},
		{"row.A ==", expression.Condition, 1, 9, ""},
		{"row.A == \"1\" &&\n row.C == \"2\"", expression.Condition, 2, 5, "C"},
		{`nobody.A == "1"`, expression.Condition, 1, 1, "nobody"},
		{`row.A < 3`, expression.Condition, 1, 7, "<"},
		{`row.A`, expression.Condition, 0, 0, ""},
		{`dossier.XML2`, expression.Value, 0, 0, ""},
		{`in_list(row.A, "MA_GI_DO")`, expression.Condition, 1, 16, "MA_GI_DO"},
		{`row.A.matches("(")`, expression.Condition, 0, 0, ""},
		{`dossier.XML9.exists(t, true)`, expression.Condition, 1, 8, "XML9"},
		{`timestamp("x") == now()`, expression.Condition, 1, 22, "now"},
	} {
		_, err := env.Compile(c.text, c.kind)
		var m *expression.Mistake
		if !errors.As(err, &m) || !errors.Is(err, expression.ErrInvalid) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if c.line > 0 && (m.Line != c.line || m.Column != c.column) {
			t.Errorf("%q: at %d:%d, want %d:%d", c.text, m.Line, m.Column, c.line, c.column)
		}
		if m.Said.VI == "" || m.Said.VI == m.Said.EN || !strings.Contains(m.Said.VI, c.names) {
			t.Errorf("%q: said %v", c.text, m.Said)
		}
	}
}

// No expression can run for ever: what could is refused before it runs, or stopped.
func TestNoneRunsForEver(t *testing.T) {
	t.Parallel()
	env := setup(t)
	x := "dossier.XML2"
	deep := x + ".all(a, " + x + ".all(b, " + x + ".all(c, " + x + ".all(d, a.MA_LK + b.MA_LK != c.MA_LK + d.MA_LK))))"
	if _, err := env.Compile(deep, expression.Condition); !errors.Is(err, expression.ErrCostly) || !expression.IsCostly(err) {
		t.Errorf("four loops in one another: %v", err)
	}
	if _, err := env.Compile(`"`+strings.Repeat("a", expression.MaxText)+`" == ""`, expression.Condition); !errors.Is(err, expression.ErrCostly) {
		t.Errorf("too long: %v", err)
	}
	if _, err := env.Compile(strings.Repeat("(", 500)+"true"+strings.Repeat(")", 500), expression.Condition); err == nil {
		t.Error("too deep was taken")
	}
	if _, err := env.Compile(`row.A.matches("((a{0,100}){0,100}){0,100}")`, expression.Condition); err == nil {
		t.Error("a regular expression of a million states was taken")
	}
	// What the estimate lets through, since tables are mostly small, the limit stops.
	twice, err := env.Compile(x+".all(a, "+x+".all(b, a.MA_LK != b.MA_LK))", expression.Condition)
	if err != nil {
		t.Fatal(err)
	}
	table := &dossier.Table{Columns: dossier.NewColumns("XML2", "MA_LK", "THANH_TIEN")}
	for range 1_000_000 / 200 {
		table.Rows = append(table.Rows, dossier.Row{Cells: []dossier.Cell{{Text: strings.Repeat("a", 50)}}})
	}
	table.Rows[0].Cells = []dossier.Cell{{Text: "b"}}
	many, err := env.Compile(x+".all(a, "+x+".all(b, a.MA_LK == b.MA_LK || a.MA_LK < \"c\"))", expression.Condition)
	if err != nil {
		t.Fatal(err)
	}
	g := expression.Given{"dossier": expression.DossierOf(&dossier.Content{All: []*dossier.Table{table}})}
	if _, err := many.Holds(g); !errors.Is(err, expression.ErrCostly) {
		t.Errorf("25 million pairs were compared: %v", err)
	}
	if got, err := twice.Holds(g); err != nil || got {
		t.Errorf("what is answered early is not stopped: %v %v", got, err)
	}
}

// What its own length bounds is not counted when it runs; everything else is, and a
// limit of one step stops it.
func TestWhatIsNotBoundedByItsLengthIsCounted(t *testing.T) {
	t.Parallel()
	env, err := expression.New(expression.Config{Limit: 1}, expression.Row("row", "A", "B", "NGAY"),
		expression.Tables("dossier", map[string][]string{"XML1": {"MA_LK", "NGAY_VAO", "T_THUOC"}, "XML2": {"MA_LK", "THANH_TIEN"}}))
	if err != nil {
		t.Fatal(err)
	}
	g := given(t)
	for text, counted := range map[string]bool{
		`row.B == "" || number(row.A) <= 500.0 && is_number(row.A)`:                     false,
		`days(row.NGAY, dossier.XML1[0].NGAY_VAO) == -1 && row.A in ["12.50", "13"]`:    false,
		`(has(row.A) ? row.A : row.B).startsWith("12") && size(dossier.XML2) == 2`:      false,
		`in_codes("A08.4", "A00-A09") && fold(row.A + row.A) == "12.5012.50"`:           false,
		`dossier.XML2.exists(t, t.THANH_TIEN == "10") && number(row.A) > 1.0`:           true,
		`row.A.matches("^[0-9.]+$") && row.B == ""`:                                     true,
		`row.A.replace("2", "00") != row.B`:                                             true,
		`row.A.split(".").size() == 2 && has(row.A)`:                                    true,
		`"%s".format([row.A]) == row.A && has(row.A)`:                                   true,
		strings.Repeat(`in_codes(row.B, row.B) || `, 150) + `has(row.A)`:                true, // by its length alone
		`dossier.XML2.map(t, t.MA_LK).size() == 2 && has(row.A) && number(row.A) > 1.0`: true,
	} {
		p, err := env.Compile(text, expression.Condition)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		holds, err := p.Holds(g)
		if counted != errors.Is(err, expression.ErrCostly) || !counted && (err != nil || !holds) {
			t.Errorf("%s: %v %v, counted: %v", text, holds, err, counted)
		}
	}
}

// A text that grows with every step is refused before it fills the memory; what it
// does take is counted.
func TestATextThatGrowsIsStopped(t *testing.T) {
	t.Parallel()
	env := setup(t)
	grow := func(times int) string {
		return "row.A" + strings.Repeat(`.replace("a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")`, times) + ` == ""`
	}
	for _, times := range []int{2, 3, 8} {
		if _, err := env.Compile(grow(times), expression.Condition); !errors.Is(err, expression.ErrCostly) {
			t.Errorf("%d times longer and longer: %v", times, err)
		}
	}
	if _, err := env.Compile(`row.A.replace(row.B, row.A) == ""`, expression.Condition); !errors.Is(err, expression.ErrCostly) {
		t.Errorf("a text between all its characters: %v", err)
	}
	p, err := env.Compile(grow(1), expression.Condition)
	if err != nil {
		t.Fatal(err)
	}
	long := expression.Given{"row": expression.RowOfMap(map[string]string{"A": strings.Repeat("a", 1_000_000)})}
	if _, err := p.Holds(long); !errors.Is(err, expression.ErrCostly) {
		t.Errorf("32 million characters were not counted: %v", err)
	}
	for _, usual := range []string{`row.A.replace(".", "").replace("-", "").replace(" ", "").replace("1", "2").replace("2", "3") == "3350"`, `row.A.replace(".", ",") == "12,50"`} {
		p, err := env.Compile(usual, expression.Condition)
		if err != nil {
			t.Fatal(usual, err)
		}
		if ok, err := p.Holds(given(t)); !ok || err != nil {
			t.Errorf("%s: %v %v", usual, ok, err)
		}
	}
}

func TestWhatCannotBeWorkedOutFailsWithoutItsValue(t *testing.T) {
	t.Parallel()
	env := setup(t)
	g := expression.Given{"row": expression.RowOfMap(map[string]string{"A": "Nguyễn Văn Bí Mật"})}
	for _, text := range []string{`number(row.A) > 1.0`, `date(row.A) > date(row.B)`, `row.A.matches(row.B + "(")`, `dossier.XML1[0].MA_LK == ""`, `[1, 2][int(size(row.A))] == 1`} {
		p, err := env.Compile(text, expression.Condition)
		if err != nil {
			t.Fatal(text, err)
		}
		if _, err := p.Holds(g); !errors.Is(err, expression.ErrFailed) || strings.Contains(err.Error(), "Bí Mật") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestUsesAreFieldsByRow(t *testing.T) {
	t.Parallel()
	p, err := setup(t).Compile(`row.A == row.B && dossier.XML2.exists(t, t.MA_LK == row.A && has(t.THANH_TIEN))`, expression.Condition)
	if err != nil {
		t.Fatal(err)
	}
	want := []expression.Ref{{Of: "XML2", Field: "MA_LK"}, {Of: "XML2", Field: "THANH_TIEN"}, {Of: "row", Field: "A"}, {Of: "row", Field: "B"}}
	if diff := cmp.Diff(want, p.Uses()); diff != "" {
		t.Error(diff)
	}
	if p, _ = setup(t).Compile(`1 < 2`, expression.Condition); len(p.Uses()) != 0 {
		t.Error("a constant uses fields")
	}
}

func TestEveryFunctionIsDescribedAndItsExampleHolds(t *testing.T) {
	t.Parallel()
	for _, f := range expression.Functions() {
		if f.Says.VI == "" || f.Says.EN == "" || !strings.HasPrefix(f.Form, f.Name+"(") {
			t.Errorf("%s is not described", f.Name)
		}
		p, err := setup(t).Compile(f.Example, expression.Condition)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		if ok, err := p.Holds(nil); err != nil || !ok {
			t.Errorf("%s: its example gives %v, %v", f.Name, ok, err)
		}
	}
}

func TestListsOfTheCaller(t *testing.T) {
	t.Parallel()
	env, err := expression.New(expression.Config{Lists: func(list, code string) (bool, bool) {
		return list == "db:medicines.code", code == "X1"
	}}, expression.Text("code"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := env.Compile(`in_list(code, "db:medicines.code")`, expression.Condition)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Holds(expression.Given{"code": "X1"}); err != nil || !ok {
		t.Error(ok, err)
	}
	if _, err := expression.New(expression.Config{}, expression.Text("a"), expression.Text("a")); err == nil {
		t.Error("a name twice was taken")
	}
	if _, err := expression.New(expression.Config{}, expression.Text("a b")); err == nil {
		t.Error("a name that is none was taken")
	}
}

func BenchmarkHolds(b *testing.B) {
	for name, text := range map[string]string{
		"row":     `is_number(row.A) && number(row.A) <= 500.0`,
		"dates":   `row.NGAY == "" || date(row.NGAY) >= date("20260101")`,
		"pattern": `row.A.matches("^[0-9]+(\\.[0-9]+)?$")`,
	} {
		env, err := expression.New(expression.Config{}, expression.Row("row", "A", "NGAY"))
		if err != nil {
			b.Fatal(err)
		}
		p, err := env.Compile(text, expression.Condition)
		if err != nil {
			b.Fatal(err)
		}
		g := expression.Given{"row": expression.RowOfMap(map[string]string{"A": "12.50", "NGAY": "202603010830"})}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if ok, err := p.Holds(g); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// FuzzCompile asks that no text breaks the compiler or what it compiles, and that
// whatever is taken ends.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`row.A == "1"`, `dossier.XML2.all(a, a.MA_LK != "")`, `[1,2,3].map(x, x*x).exists(y, y == 9)`,
		`{"a": [1]}.a[0] == 1`, `row.A.matches("(a+)+$")`, `"%s".format([row.A]) == row.A`, `dyn(row.A) == 1`, "\xff", "row.`A`", `@row.row{A: "x"} == row`,
		`number("1e309") > 1.0`, `round(1.0, 99) > 0.0`, `date("99999999") > date("0")`, `in_codes(row.A, "-,,A-") || part(row.A, -1) == ""`} {
		f.Add(s)
	}
	env, err := expression.New(expression.Config{Limit: 20_000}, expression.Row("row", "A", "B"), expression.Tables("dossier", map[string][]string{"XML2": {"MA_LK"}}))
	if err != nil {
		f.Fatal(err)
	}
	table := &dossier.Table{Columns: dossier.NewColumns("XML2", "MA_LK"), Rows: make([]dossier.Row, 9)}
	g := expression.Given{"row": expression.RowOfMap(map[string]string{"A": "aaaaaaaaaaaaaaaa1"}),
		"dossier": expression.DossierOf(&dossier.Content{All: []*dossier.Table{table}})}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []expression.Kind{expression.Condition, expression.Value} {
			p, err := env.Compile(text, kind)
			var m *expression.Mistake
			if err != nil {
				if !errors.As(err, &m) || m.Said.VI == "" {
					t.Fatalf("%q: %v", text, err)
				}
				continue
			}
			one, err := p.Text(g)
			two, again := p.Text(g)
			if one != two || !errors.Is(err, again) {
				t.Fatalf("%q: %q %v, then %q %v", text, one, err, two, again)
			}
		}
	})
}
