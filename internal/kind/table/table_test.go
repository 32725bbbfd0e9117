package table_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lienthong/internal/dossier"
	"lienthong/internal/kind/table"
	"lienthong/internal/schema"
	"lienthong/internal/xmltok"
)

func read(doc string, t *schema.Table) (*dossier.Table, int, error) {
	return table.NewReader(len(doc)).Read([]byte(doc), doc, t)
}

func TestAppendThenReadGivesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := rapid.SampledFrom(schema.Versions()).Draw(t, "version")
		tab := rapid.SampledFrom(spec.Tables()).Draw(t, "table")
		cell := rapid.StringOf(rapid.RuneFrom([]rune("aĐệ<>&\"'\r\n\t ]0😀")))
		most := 6
		if tab.Single || tab.Root == "" {
			most = 1
		}
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 0, len(tab.Fields)), 1, most).Draw(t, "rows")
		doc := string(table.Append(nil, tab, rows))
		got, _, err := read(doc, tab)
		if err != nil || len(got.Rows) != len(rows) || got.Columns != tab.Columns {
			t.Fatalf("%v from %s", err, doc)
		}
		lines := strings.Split(doc, "\n")
		for i := range rows {
			if len(got.Rows[i].Extra) != 0 || !strings.Contains(lines[got.Rows[i].Line-1], "<"+tab.Record+">") {
				t.Fatalf("row %d of %s: line %d, %v", i, doc, got.Rows[i].Line, got.Rows[i].Extra)
			}
			for j, f := range tab.Fields {
				want := ""
				if j < len(rows[i]) {
					want = rows[i][j]
				}
				c := got.Cell(i, f.Name)
				if c.Text != want {
					t.Fatalf("%s row %d: %q, want %q", f.Name, i, c.Text, want)
				}
				if c.Line != 0 && !strings.Contains(lines[c.Line-1], "<"+f.Name+">") {
					t.Fatalf("%s row %d is not on line %d", f.Name, i, c.Line)
				}
			}
		}
	})
}

func TestAppendReplacesWhatXMLCannotHold(t *testing.T) {
	t.Parallel()
	tab := schema.ByDecision("4750").Table("XML1")
	got, _, err := read(string(table.Append(nil, tab, [][]string{{"a\x00b\uFFFEc\xFF"}})), tab)
	if err != nil || got.Cell(0, "MA_LK").Text != "a\uFFFDb\uFFFDc\uFFFD" {
		t.Errorf("%v %+v", err, got)
	}
}

func TestFieldsInAnyOrder(t *testing.T) {
	t.Parallel()
	tab := schema.ByDecision("4750").Table("XML4")
	doc := `<CHITIEU_CHITIET_DICHVUCANLAMSANG><DSACH_CHI_TIET_CLS><CHI_TIET_CLS><GIA_TRI>5</GIA_TRI><STT/><MA_LK>L</MA_LK><GIA_TRI>5</GIA_TRI><STT>2</STT></CHI_TIET_CLS></DSACH_CHI_TIET_CLS></CHITIEU_CHITIET_DICHVUCANLAMSANG>`
	got, _, err := read(doc, tab)
	if err != nil || got.Cell(0, "GIA_TRI").Text != "5" || got.Cell(0, "MA_LK").Text != "L" || got.Cell(0, "STT").Text != "2" {
		t.Errorf("%v %+v", err, got)
	}
	if _, line, err := read("\n"+strings.Replace(doc, "<GIA_TRI>5", "\n<GIA_TRI>6", 1), tab); !errors.Is(err, table.ErrTwice) || line != 3 {
		t.Errorf("two values of one field: %v on line %d", err, line)
	}
}

func TestRootsThatPublicSourcesDoNotName(t *testing.T) {
	t.Parallel()
	tab := schema.ByDecision("4750").Table("XML12")
	record := "<GIAM_DINH_Y_KHOA><HO_TEN>A</HO_TEN></GIAM_DINH_Y_KHOA>"
	for _, doc := range []string{record, "<A><B>" + record + "</B></A>"} {
		if got, _, err := read(doc, tab); err != nil || got.Cell(0, "HO_TEN").Text != "A" {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

func TestAnotherRoot(t *testing.T) {
	t.Parallel()
	tab := schema.ByDecision("4750").Table("XML2")
	if got, _, err := read("<TONG_HOP><MA_LK>L</MA_LK></TONG_HOP>", tab); !errors.Is(err, table.ErrRoot) || got != nil {
		t.Errorf("%v %+v", err, got)
	}
	if got, _, err := read("<X><CHI_TIET_THUOC/></X>", tab); !errors.Is(err, table.ErrRoot) || len(got.Rows) != 1 {
		t.Errorf("%v %+v", err, got)
	}
	if got, _, err := read("<CHITIEU_CHITIET_THUOC/>", tab); err != nil || got == nil || len(got.Rows) != 0 {
		t.Errorf("an empty table is a table: %v", err)
	}
}

func TestShortRecordsCannotFillTheMemory(t *testing.T) {
	t.Parallel()
	tab := schema.ByDecision("4750").Table("XML3")
	head, tail := "<CHITIEU_CHITIET_DVKT_VTYT><DSACH_CHI_TIET_DVKT>", "</DSACH_CHI_TIET_DVKT></CHITIEU_CHITIET_DVKT_VTYT>"
	late := strings.Repeat("<CHI_TIET_DVKT><DU_PHONG/></CHI_TIET_DVKT>", 50_000)
	if _, _, err := read(head+late+tail, tab); !errors.Is(err, xmltok.ErrLimits) {
		t.Errorf("50,000 records of one late field: %v", err)
	}
	empty := strings.Repeat("<CHI_TIET_DVKT/>", 50_000)
	got, _, err := read(head+empty+tail, tab)
	if err != nil || len(got.Rows) != 50_000 || len(got.Rows[9].Cells) != 0 {
		t.Errorf("50,000 records of nothing: %v", err)
	}
	r := table.NewReader(100)
	doc := head + strings.Repeat("<X/>", 600_000) + tail
	if _, _, err := r.Read([]byte(doc), doc, tab); err != nil {
		t.Errorf("600,000 elements: %v", err)
	}
	if _, _, err := r.Read([]byte(doc), doc, tab); !errors.Is(err, xmltok.ErrLimits) {
		t.Errorf("1,200,000 elements of one dossier: %v", err)
	}
}

func FuzzInner(f *testing.F) {
	spec := schema.ByDecision("3176")
	for _, tab := range spec.Tables() {
		f.Add(tab.Name, table.Append(nil, tab, [][]string{{"L1", "1"}, {"L1", "2", "&<>"}}))
	}
	f.Add("XML1", []byte("<TONG_HOP><TONG_HOP><MA_LK>a</MA_LK></TONG_HOP><HO_TEN><b>x</b></HO_TEN><Z y='1'/></TONG_HOP>"))
	f.Add("XML2", []byte("<a:CHI_TIET_THUOC xmlns:a='b'><MA_LK><![CDATA[x]]>y<!--z--></MA_LK></a:CHI_TIET_THUOC>"))
	f.Fuzz(func(t *testing.T, name string, doc []byte) {
		tab := spec.Table(name)
		if tab == nil {
			return
		}
		text := string(doc)
		got, line, err := table.NewReader(len(doc)).Read(doc, text, tab)
		if wellFormed := xmltok.Check(doc, xmltok.Limits{Depth: 32, Elements: 1_000_000}); (wellFormed == nil) != (err == nil || errors.Is(err, table.ErrRoot) || errors.Is(err, table.ErrTwice)) {
			t.Fatalf("tokenizer says %v, table %v", wellFormed, err)
		}
		if err == nil && got == nil || line > strings.Count(text, "\n")+1 {
			t.Fatalf("%v, line %d", err, line)
		}
		if got == nil {
			return
		}
		for _, r := range got.Rows {
			if len(r.Cells) > len(tab.Fields) || r.Line < 1 {
				t.Fatalf("%d cells on line %d", len(r.Cells), r.Line)
			}
		}
	})
}
