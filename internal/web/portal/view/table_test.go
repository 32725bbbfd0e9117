package view_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/schema"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

// render draws a record with one table of one row.
func render(t *testing.T, lang, table string, cells map[string]string) string {
	t.Helper()
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	cols := schema.For(20260714).Table(table).Columns
	row := dossier.Row{Cells: make([]dossier.Cell, len(cols.Names()))}
	for k, v := range cells {
		if cols.Index(k) < 0 {
			t.Fatalf("%s has no %s", table, k)
		}
		row.Cells[cols.Index(k)].Text = v
	}
	now := time.Date(2026, 7, 14, 3, 0, 0, 0, time.UTC)
	id, err := dossier.NewID("22000", now, strings.NewReader("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	page := view.Page{W: c.In(lang), Title: "x", Theme: "light", Now: now, Asset: func(string) string { return "" },
		Reader: &view.Reader{Role: role.Role{Kind: role.Facility, ID: "22000"}}}
	doc := view.RecordDoc{Record: view.Record{ID: id, Received: now, Facility: view.Named{Code: care.FacilityCode("22000")}, Lane: "routine"}, MayOpen: true,
		Opened: &view.Opened{Content: &dossier.Content{All: []*dossier.Table{{Columns: cols, Rows: []dossier.Row{row}}}},
			Seals: []view.Seal{{Subject: "CN=Giám đốc,O=Bệnh viện Mẫu,C=VN"}}}}
	var b bytes.Buffer
	if err := view.RecordPage(page, doc).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFieldsAreReadableForPeople(t *testing.T) {
	t.Parallel()
	page := render(t, "vi", "XML1", map[string]string{"HO_TEN": "Nguyễn <b>An", "GIOI_TINH": "2", "SO_CCCD": "001861004127", "NGAY_SINH": "199900000000", "MA_THE_BHYT": "DN4010112345678;001861004999",
		"NGAY_VAO": "202607081420", "KET_QUA_DTRI": "1", "NAM_QT": "2026", "T_TONGCHI_BV": "4812000.50", "MA_BENH_CHINH": "J18.9", "MATINH_CU_TRU": "25"})
	for _, want := range []string{"Nguyễn &lt;b&gt;An", "nữ", "•••• •••• 4127", "DN4010112345678;•••• •••• 4999", ">1999", "08/07/2026 14:20", "4.812.000,5", "J18.9", "Phú Thọ", "Bệnh viện Mẫu", "Kết quả điều trị"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, no := range []string{"001861004127", "001861004999", "<b>An", "2.026", "MA_LK"} {
		if strings.Contains(page, no) {
			t.Errorf("%q is shown", no)
		}
	}
	if en := render(t, "en", "XML1", map[string]string{"HO_TEN": "A", "T_TONGCHI_BV": "4812000.50"}); !strings.Contains(en, "4,812,000.5") || !strings.Contains(en, "Full name") {
		t.Error("the English page does not speak English")
	}
}

func TestResultsSayWhereTheyLie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, unit, note string
		want, no          string
	}{
		{"13.8", "G/L", "4,0 - 10,0", "↑ Cao", "4,0 - 10,0"},
		{"3", "G/L", "Giảm so với tham chiếu 4,0-10,0", "↓ Thấp", "Giảm so với"},
		{"7", "", "4-10", "thiếu đơn vị", "Cao"},
		{"âm tính", "", "Không thấy ký sinh trùng", "Không thấy ký sinh trùng", "thiếu đơn vị"},
	} {
		page := render(t, "vi", "XML4", map[string]string{"TEN_CHI_SO": "Chỉ số lạ", "GIA_TRI": c.value, "DON_VI_DO": c.unit, "KET_LUAN": c.note})
		if !strings.Contains(page, c.want) || strings.Contains(page, c.no) {
			t.Errorf("%+v: wanted %q without %q", c, c.want, c.no)
		}
	}
}
