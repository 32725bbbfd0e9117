package schema_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

func TestTheDayChoosesTheDecision(t *testing.T) {
	t.Parallel()
	for day, want := range map[int]string{
		0: "130", 20191231: "130", 20240630: "130", 20240701: "4750", 20241231: "4750",
		20250101: "3176", 20260630: "3176", 20260701: "1931", 20991231: "1931",
	} {
		if got := schema.For(day).Decision; got != want {
			t.Errorf("%d: %s, want %s", day, got, want)
		}
	}
	if schema.ByDecision("3176") != schema.For(20250101) || schema.ByDecision("9") != nil {
		t.Error("ByDecision and For do not agree")
	}
}

func TestEveryFieldIsWhole(t *testing.T) {
	t.Parallel()
	types := map[schema.Type]bool{schema.Text: true, schema.Code: true, schema.Number: true, schema.Date: true, schema.DateTime: true}
	needs := map[schema.Need]bool{schema.Required: true, schema.Conditional: true, schema.Optional: true}
	for _, v := range schema.Versions() {
		if len(v.Tables()) != 16 {
			t.Errorf("%s has %d tables", v.Decision, len(v.Tables()))
		}
		for _, tab := range v.Tables() {
			if tab.Record == "" || tab.Title.VI == "" || tab.Title.EN == "" || v.Table(tab.Name) != tab {
				t.Errorf("%s %s is not whole", v.Decision, tab.Name)
			}
			if tab.Single != (tab.Root == tab.Record) || tab.Single && tab.List != "" {
				t.Errorf("%s %s: root %s, record %s", v.Decision, tab.Name, tab.Root, tab.Record)
			}
			for i, f := range tab.Fields {
				if !types[f.Type] || !needs[f.Required] || f.MaxLen < 0 || schema.ByDecision(f.Source) == nil {
					t.Errorf("%s %s.%s: %+v", v.Decision, tab.Name, f.Name, f)
				}
				if tab.Columns.Index(f.Name) != i || tab.Field(f.Name).Name != f.Name {
					t.Errorf("%s %s.%s: columns and fields differ", v.Decision, tab.Name, f.Name)
				}
				if f.LabelVI == "" || f.LabelEN == "" || strings.Contains(f.LabelVI, "_") || strings.ContainsAny(f.LabelVI, "ÐƉ") {
					t.Errorf("%s.%s: labels %q, %q", tab.Name, f.Name, f.LabelVI, f.LabelEN)
				}
				if r := []rune(f.LabelVI); len(r) > 0 && !unicode.IsUpper(r[0]) {
					t.Errorf("%s.%s: label %q", tab.Name, f.Name, f.LabelVI)
				}
			}
			if tab.Field("NO_SUCH") != nil {
				t.Errorf("%s knows a field nobody has", tab.Name)
			}
		}
	}
}

func TestSizesAndCounts(t *testing.T) {
	t.Parallel()
	counts := map[string]int{"XML0": 26, "XML1": 66, "XML2": 39, "XML3": 47, "XML4": 12, "XML5": 9, "XML6": 47, "XML7": 26,
		"XML8": 22, "XML9": 35, "XML10": 13, "XML11": 23, "XML12": 35, "XML13": 37, "XML14": 22, "XML15": 20}
	v := schema.ByDecision("3176")
	for name, want := range counts {
		if got := len(v.Table(name).Fields); got != want {
			t.Errorf("%s has %d fields, want %d", name, got, want)
		}
	}
	if got := len(schema.ByDecision("4750").Table("XML13").Fields); got != 39 {
		t.Errorf("XML13 of 4750 has %d fields, want 39", got)
	}
	if v.Table("XML16") != nil {
		t.Error("XML16 is not known to any decision here")
	}
}

func TestWhatEachDecisionChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		table, field string
		length       [4]int // in 130, 4750, 3176, 1931; -1 for absent
	}{
		{"XML2", "MUC_HUONG", [4]int{3, 3, 3, 4}},
		{"XML3", "MUC_HUONG", [4]int{3, 3, 3, 4}},
		{"XML1", "MA_DOITUONG_KCB", [4]int{3, 4, 4, 4}},
		{"XML0", "MA_DOITUONG_KCB", [4]int{3, 4, 4, 4}},
		{"XML2", "NGAY_TH_YL", [4]int{-1, 12, 12, 12}},
		{"XML3", "NGAY_TH_YL", [4]int{-1, 12, 12, 12}},
		{"XML13", "MA_NOI_DI", [4]int{5, 5, -1, -1}},
		{"XML13", "MA_CSKCB_DI", [4]int{-1, -1, 5, 5}},
		{"XML13", "TINH_TRANG_CT", [4]int{-1, -1, 0, 0}},
		{"XML13", "TEN_THUOC", [4]int{1024, 1024, -1, -1}},
		{"XML2", "MA_KHOA", [4]int{50, 50, 50, 50}},
		{"XML3", "MA_KHOA", [4]int{50, 50, 50, 50}},
		{"XML1", "MAXA_CU_TRU", [4]int{5, 5, 5, 5}},
	} {
		for i, v := range schema.Versions() {
			got := -1
			if f := v.Table(c.table).Field(c.field); f != nil {
				got = f.MaxLen
			}
			if got != c.length[i] {
				t.Errorf("%s.%s in %s: length %d, want %d", c.table, c.field, v.Decision, got, c.length[i])
			}
		}
	}
	if a, b := schema.ByDecision("130").Table("XML1").Field("MA_LOAI_KCB").Type, schema.ByDecision("4750").Table("XML1").Field("MA_LOAI_KCB").Type; a != schema.Number || b != schema.Code {
		t.Errorf("MA_LOAI_KCB is %s, then %s", a, b)
	}
}

func TestUnchangedTablesShareTheirColumns(t *testing.T) {
	t.Parallel()
	old, recent := schema.ByDecision("3176"), schema.ByDecision("1931")
	if old.Table("XML2").Columns != recent.Table("XML2").Columns {
		t.Error("XML2 kept its fields in 1931, its columns did not")
	}
	if schema.ByDecision("4750").Table("XML13").Columns == old.Table("XML13").Columns {
		t.Error("XML13 changed in 3176, its columns did not")
	}
}

func TestAKindBringsItsOwnTables(t *testing.T) {
	t.Parallel()
	v := schema.NewVersion("own", "Own", 20260101, &schema.Table{Name: "A", Fields: []schema.Field{
		{Name: "X"}, {Name: "SEX", Values: []schema.Value{{Code: "1", Text: fault.Text{VI: "Chưa xác định", EN: "Undetermined"}}}},
	}})
	a := v.Table("A")
	if a == nil || a.Columns.Table != "A" || a.Columns.Index("SEX") != 1 || a.Field("X") == nil || v.Table("B") != nil {
		t.Fatalf("%+v", a)
	}
	if m, ok := a.Field("SEX").Meaning("1"); !ok || m.EN != "Undetermined" {
		t.Errorf("1 means %v", m)
	}
	if _, ok := a.Field("SEX").Meaning("2"); ok {
		t.Error("a code out of the list means something")
	}
	if slices.Contains(schema.Versions(), v) || schema.ByDecision("own") != nil {
		t.Error("it became a version of the family")
	}
}
