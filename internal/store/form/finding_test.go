package form_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"lienthong/internal/dossier"
	"lienthong/internal/store/form"
)

// findings are such as records have, and odd ones.
func findings() [][]dossier.Finding {
	usual := []dossier.Finding{
		{Code: "XML1.T_THUOC.sum", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment}, Table: "XML1", Row: 1, Field: "T_THUOC", Line: 12},
		{Code: "XML2.SO_LUONG.high", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment, dossier.Statistics}, Table: "XML2", Row: 17, Field: "SO_LUONG", Line: 1204},
		{Code: "SEAL.expired", Severity: dossier.Info},
	}
	return [][]dossier.Finding{usual[:1], usual[2:], usual, {{}}, {{Code: `a"b\`, Severity: "<đỏ>", Table: "],[\"", Field: "},{\"", Row: -1, Line: 999999999999999999}, usual[0]}}
}

// listed is the form that SQLite keeps.
func listed(t testing.TB, all []dossier.Finding) string {
	t.Helper()
	rows := make([][7]any, len(all))
	for i, f := range all {
		blocks := f.Blocks
		if blocks == nil {
			blocks = []dossier.Purpose{}
		}
		rows[i] = [7]any{f.Code, f.Severity, blocks, f.Table, f.Row, f.Field, f.Line}
	}
	return text(t, rows)
}

// named is the form that PostgreSQL keeps.
func named(t testing.TB, all []dossier.Finding) string {
	t.Helper()
	rows := make([]form.NamedFinding, len(all))
	for i, f := range all {
		rows[i] = form.NamedFinding{Code: f.Code, Severity: f.Severity, Blocks: f.Blocks, Table: f.Table, Row: f.Row, Field: f.Field, Line: f.Line}
	}
	return text(t, rows)
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFindingsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for i, want := range findings() {
		for _, c := range []struct {
			read    func(string) ([]dossier.Finding, error)
			written string
		}{
			{form.ListedFindings, listed(t, want)}, {form.ListedFindings, " " + listed(t, want)}, // as it is written, and as only package json reads it
			{form.NamedFindings, named(t, want)},
		} {
			got, err := c.read(c.written)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d: read %+v, %v of\n%s", i, got, err, c.written)
			}
		}
		if got, err := form.NamedFindings(" " + named(t, want)); err == nil {
			t.Errorf("%d: read %+v, though it was not written so", i, got)
		}
	}
	later := `[["A.b","info",[],"XML1",1,"X",2,"what a later release adds",{"x":1}]]`
	if got, err := form.ListedFindings(later); err != nil || len(got) != 1 || got[0].Line != 2 || got[0].Blocks != nil {
		t.Errorf("of a later release: %+v %v", got, err)
	}
}

func TestWhatAreNoFindingsIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `[`, `{}`, `[["only","three",[]]]`, `[["a","b",[],"c",1,"d",2]`, `[["a","b",[],"c","1","d",2]]`, `[["a","b",[],"c",1,"d",2]]x`} {
		if got, err := form.ListedFindings(text); err == nil {
			t.Errorf("%q was read: %+v", text, got)
		}
	}
	for _, text := range []string{``, `[{`, `{}`, `[["a"]]`, `[{"code":1}]`, `[{"code":"a","severity":"b"}]]`, `[{"code":"a","severity":"b","row":9223372036854775808}]`} {
		if got, err := form.NamedFindings(text); err == nil {
			t.Errorf("%q was read: %+v", text, got)
		}
	}
}

// Reading is not what a walk over records spends its time with: as many pieces of
// memory as findings, not as characters.
func TestFindingsAreReadInFewPieces(t *testing.T) { //nolint:paralleltest // counts what is allocated
	for name, read := range map[string]func(){
		"listed": func() { _, _ = form.ListedFindings(listedTen) }, "named": func() { _, _ = form.NamedFindings(namedTen) },
	} {
		if n := testing.AllocsPerRun(100, read); n > 11 {
			t.Errorf("%s: ten findings in %v pieces", name, n)
		}
	}
}

const (
	tenth      = `["XML1.T_THUOC.sum","warning",["payment"],"XML1",1,"T_THUOC",12],`
	namedTenth = `{"code":"XML1.T_THUOC.sum","severity":"warning","blocks":["payment"],"table":"XML1","row":1,"field":"T_THUOC","line":12},`
	listedTen  = `[` + tenth + tenth + tenth + tenth + tenth + tenth + tenth + tenth + tenth + `["X.y","info",[],"",0,"",0]]`
	namedTen   = `[` + namedTenth + namedTenth + namedTenth + namedTenth + namedTenth + namedTenth + namedTenth + namedTenth + namedTenth + `{"code":"X.y","severity":"info"}]`
)

// FuzzFindings holds the way findings are read against package json alone. What
// PostgreSQL keeps may be refused where package json is lax, and never read otherwise.
func FuzzFindings(f *testing.F) {
	for _, all := range findings() {
		f.Add(listed(f, all))
		f.Add(named(f, all))
	}
	f.Add(`[["a","b",[,"c",007,"d",-0]]`)
	f.Add(`[{"code":"a","severity":"b","blocks":[],"row":-0}]`)
	f.Fuzz(func(t *testing.T, text string) {
		got, failed := form.ListedFindings(text)
		want, wrong := form.ListedFindings(" " + text) // a leading blank calls for package json
		if (failed == nil) != (wrong == nil) || failed == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("listed %q:\n%+v %v\nand alone\n%+v %v", text, got, failed, want, wrong)
		}
		if got, failed = form.NamedFindings(text); failed != nil {
			return
		}
		var in []form.NamedFinding
		wrong, want = json.Unmarshal([]byte(text), &in), make([]dossier.Finding, len(in))
		for i, x := range in {
			want[i] = dossier.Finding{Code: x.Code, Severity: x.Severity, Blocks: x.Blocks, Table: x.Table, Row: x.Row, Field: x.Field, Line: x.Line}
			if len(x.Blocks) == 0 {
				want[i].Blocks = nil
			}
		}
		if wrong != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("named %q:\n%+v\nand alone\n%+v %v", text, got, want, wrong)
		}
	})
}

func BenchmarkFindings(b *testing.B) {
	for name, read := range map[string]func() error{
		"listed":      func() error { _, err := form.ListedFindings(listedTen); return err },
		"listed-json": func() error { _, err := form.ListedFindings(" " + listedTen); return err },
		"named":       func() error { _, err := form.NamedFindings(namedTen); return err },
		"named-json":  func() error { _, err := form.NamedFindings(" " + namedTen); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
