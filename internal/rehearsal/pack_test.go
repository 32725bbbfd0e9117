package rehearsal_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/quality"
	"lienthong/internal/rehearsal"
	"lienthong/internal/rulebook"
	"lienthong/internal/schema"
)

func compiler() *rulebook.Compiler {
	return rulebook.NewCompiler(map[string]rulebook.Tables{"qd4750": rulebook.TablesOf(schema.Versions()...)},
		func(code string) bool { _, taken := quality.V1().Rule(code); return taken })
}

func book(t testing.TB) *rulebook.Book {
	t.Helper()
	text, err := os.ReadFile("../rulebook/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, problems := compiler().Read(text)
	for _, p := range problems {
		t.Error(p)
	}
	return b
}

// content is a dossier of one row of XML2.
func content(quantity string) *dossier.Content {
	return &dossier.Content{All: []*dossier.Table{{Columns: dossier.NewColumns("XML2", "MA_THUOC", "SO_LUONG"),
		Rows: []dossier.Row{{Line: 10, Cells: []dossier.Cell{{Text: "40.1"}, {Text: quantity, Line: 11}}}}}}}
}

func TestAPackIsJoinedWithBooks(t *testing.T) {
	t.Parallel()
	b := book(t)
	base := quality.V1()
	in := quality.Input{Kind: "qd4750", Day: 20260801}
	only := func(p *quality.Pack) []dossier.Finding {
		var out []dossier.Finding
		for _, f := range p.Judge(content("9999"), in) {
			if strings.HasPrefix(f.Code, "XML2.SO_LUONG.high") {
				out = append(out, f)
			}
		}
		return out
	}
	if p := rehearsal.JoinBooks(base, nil, nil); p != base {
		t.Error("without a book it is another pack")
	}
	active := rehearsal.JoinBooks(base, &rehearsal.Standing{ID: 7, Book: b}, nil)
	at := dossier.Finding{Code: "XML2.SO_LUONG.high", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment}, Table: "XML2", Row: 1, Field: "SO_LUONG", Line: 11}
	if diff := cmp.Diff([]dossier.Finding{at}, only(active)); diff != "" || active.String() != "v1/2026.2+r7" {
		t.Error(active, diff)
	}
	soon := rehearsal.JoinBooks(base, nil, &rehearsal.Standing{ID: 8, Book: b, Day: 20261201})
	at.Code, at.Severity, at.Blocks = "XML2.SO_LUONG.high.soon", dossier.Info, nil
	if diff := cmp.Diff([]dossier.Finding{at}, only(soon)); diff != "" || soon.String() != "v1/2026.2~r8" {
		t.Error(soon, diff)
	}
	if v := quality.Verdict(only(soon), soon, 0); v.State != dossier.Accepted || v.Pack != "v1/2026.2~r8" {
		t.Errorf("what is announced holds back: %+v", v)
	}
	if r, _ := soon.Rule(at.Code); !strings.HasPrefix(r.Text.VI, "Sẽ áp dụng từ ngày 01/12/2026: ") {
		t.Error(r.Text)
	}
	both := rehearsal.JoinBooks(base, &rehearsal.Standing{ID: 7, Book: b}, &rehearsal.Standing{ID: 8, Book: b}, b.Rules()...)
	if got := only(both); len(got) != 2 || both.String() != "v1/2026.2+r7~r8" {
		t.Error(both, got)
	}
	past := rehearsal.JoinBooks(base, nil, nil, b.Rules()...)
	if r, ok := past.Rule("XML2.SO_LUONG.high"); !ok || r.Text.EN == "" || len(only(past)) != 0 {
		t.Error("what is past judges, or says nothing")
	}
	for _, r := range both.Rules() {
		if r.Rejects && strings.Contains(r.Code, ".high") {
			t.Error(r.Code, "rejects")
		}
	}
}
