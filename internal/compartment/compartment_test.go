package compartment_test

import (
	"strings"
	"testing"

	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/schema"
)

// table makes a table of the schema of one row with these fields filled.
func table(name string, fields map[string]string) *dossier.Table {
	t := &dossier.Table{Columns: schema.ByDecision("3176").Table(name).Columns}
	cells := make([]dossier.Cell, len(t.Columns.Names()))
	row := dossier.Row{Cells: cells}
	for f, text := range fields {
		if i := t.Columns.Index(f); i >= 0 {
			cells[i] = dossier.Cell{Text: text, Line: 1}
		} else {
			row.Extra = append(row.Extra, dossier.Extra{Name: f, Cell: dossier.Cell{Text: text}})
		}
	}
	t.Rows = []dossier.Row{row}
	return t
}

func of(tables ...*dossier.Table) compartment.Set {
	return compartment.Content(&dossier.Content{All: tables})
}

func TestWhatTellsACompartment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		table, field, text string
		want               compartment.Set
	}{
		{"XML1", "MA_BENH_CHINH", "B20", compartment.HIV},
		{"XML1", "MA_BENH_CHINH", " b24.9 ", compartment.HIV},
		{"XML1", "MA_BENH_KT", "I10;Z21", compartment.HIV},
		{"XML1", "MA_BENH_KT", "I10;E11.9;R75;K21", compartment.HIV},
		{"XML1", "MA_BENH_KT", "O98.7", compartment.HIV},
		{"XML1", "MA_BENH_KT", "O987", compartment.HIV},
		{"XML1", "MA_BENH_CHINH", "A15.0", compartment.TB},
		{"XML1", "MA_BENH_KT", "B23;A19", compartment.HIV | compartment.TB},
		{"XML0", "MA_LY_DO_VNT", "A16.2", compartment.TB},
		{"XML13", "MA_BENH_CHINH", "B21", compartment.HIV},
		{"XML14", "CHAN_DOAN_RV", "Bệnh HIV giai đoạn 1 (B20)", compartment.HIV},
		{"XML1", "CHAN_DOAN_VAO", "Hội chứng suy giảm miễn dịch mắc phải", compartment.HIV},
		{"XML1", "CHAN_DOAN_VAO", "Theo dõi LAO PHỔI", compartment.TB},
		{"XML1", "CHAN_DOAN_VAO", "Theo do\u0303i lao pho\u0302\u0309i", compartment.TB}, // decomposed
		{"XML2", "TEN_THUOC", "Tenofovir + LAMIVUDIN + Dolutegravir", compartment.HIV},
		{"XML2", "TEN_THUOC", "Lamivudine 150mg/Zidovudine 300mg", compartment.HIV},
		{"XML0", "TEN_THUOC", "Efavirenz", compartment.HIV},
		{"XML3", "TEN_DICH_VU", "Xét nghiệm HIV Ab test nhanh", compartment.HIV},
		{"XML4", "TEN_CHI_SO", "Đo tải lượng HIV-1", compartment.HIV},
		{"XML4", "TEN_CHI_SO", "CD4", compartment.HIV},
		{"XML4", "KET_LUAN", "hiv (-)", compartment.HIV},
		{"XML5", "DIEN_BIEN_BENH", "Đang điều trị ARV", compartment.HIV},
		{"XML13", "TRUONG_LA_MA_BENH", "Z21", compartment.HIV}, // a field no decision names

		{"XML1", "MA_BENH_CHINH", "F32.1", compartment.MentalHealth},
		{"XML1", "MA_BENH_KT", "I10; f00", compartment.MentalHealth},
		{"XML1", "MA_BENH_KT", "F99", compartment.MentalHealth},
		{"XML1", "MA_BENH_KT", "F02.4", compartment.MentalHealth | compartment.HIV},
		{"XML1", "MA_BENH_KT", "X60;S61", compartment.MentalHealth},
		{"XML1", "CHAN_DOAN_RV", "Giai đoạn trầm cảm vừa", compartment.MentalHealth},
		{"XML1", "CHAN_DOAN_RV", "Tâm thần phân liệt thể paranoid", compartment.MentalHealth},
		{"XML14", "CHAN_DOAN_RV", "Rối loạn lo âu lan tỏa", compartment.MentalHealth},
		{"XML2", "TEN_THUOC", "Olanzapin 10mg", compartment.MentalHealth},
		{"XML2", "TEN_THUOC", "Sertraline 50mg", compartment.MentalHealth},
		{"XML3", "TEN_DICH_VU", "Thang đánh giá trầm cảm Beck (BDI)", compartment.MentalHealth},
		{"XML5", "DIEN_BIEN_BENH", "Người bệnh có ý định tự sát", compartment.MentalHealth},
		{"XML1", "MA_BENH_CHINH", "O04.9", compartment.PregnancyTermination},
		{"XML1", "MA_BENH_KT", "N92;O08", compartment.PregnancyTermination},
		{"XML3", "TEN_DICH_VU", "Phá thai bằng thuốc cho tuổi thai đến hết 7 tuần", compartment.PregnancyTermination},
		{"XML3", "TEN_DICH_VU", "Hút thai dưới siêu âm", compartment.PregnancyTermination},
		{"XML2", "TEN_THUOC", "Mifepristone 200mg", compartment.PregnancyTermination},
		{"XML5", "DIEN_BIEN_BENH", "ĐÌNH CHỈ THAI theo nguyện vọng", compartment.PregnancyTermination},
		{"XML5", "DIEN_BIEN_BENH", "Đình chỉ thai theo nguyện vọng", compartment.PregnancyTermination},
		{"XML7", "MA_DINH_CHI_THAI", "1", compartment.PregnancyTermination},
		{"XML7", "NGUYENNHAN_DINHCHI", "Phá thai theo yêu cầu", compartment.PregnancyTermination},

		{"XML1", "CHAN_DOAN_VAO", "Rối loạn thần kinh thực vật", 0},
		{"XML1", "LY_DO_VV", "Thai 20 tuần tính từ kỳ kinh cuối", 0},
		{"XML3", "TEN_DICH_VU", "Sốc điện phá rung nhĩ, cơn tim đập nhanh", 0},
		{"XML7", "MA_DINH_CHI_THAI", "0", 0},
		{"XML7", "MA_DINH_CHI_THAI", "", 0},
		{"XML1", "MA_BENH_KT", "O03.9;O80;O02", 0},
		{"XML1", "MA_BENH_KT", "E99;G00;X59;X85", 0},
		{"XML1", "CHAN_DOAN_VAO", "Nghiện thuốc lá, theo dõi thai nghén", 0},
		{"XML1", "CHAN_DOAN_VAO", "Tinh thần tỉnh táo, đau thần kinh tọa", 0},
		{"XML3", "TEN_DICH_VU", "Nạo sót thai, sót rau sau sẩy, sau đẻ", 0},
		{"XML2", "TEN_THUOC", "Misoprostol 200mcg", 0},
		{"XML4", "KET_LUAN", "Không mắc bệnh tâm thần", 0},
		{"XML1", "MA_BENH_CHINH", "B19.9", 0},
		{"XML1", "MA_BENH_CHINH", "B25", 0},
		{"XML1", "MA_BENH_KT", "I10;J20;A14;A20", 0},
		{"XML1", "MA_BENH_KT", "AB20", 0},
		{"XML1", "CHAN_DOAN_VAO", "Người lao động nặng, viêm phổi", 0},
		{"XML1", "CHAN_DOAN_VAO", "", 0},
		{"XML2", "TEN_THUOC", "Amoxicilin", 0},
		{"XML4", "TEN_CHI_SO", "CD45", 0},
		{"XML3", "TEN_DICH_VU", "AFB trực tiếp nhuộm Ziehl-Neelsen", 0}, // TB tests are not closed
		{"XML1", "HO_TEN", "HIV", 0},
		{"XML1", "DIA_CHI", "Số 20 đường B20", 0},
		{"XML2", "LIEU_DUNG", "A15", 0},
	} {
		if got := of(table("XML8", nil), table(c.table, map[string]string{c.field: c.text})); got != c.want {
			t.Errorf("%s.%s %q: %b, want %b", c.table, c.field, c.text, got, c.want)
		}
	}
}

func TestOtherKindsNamesOfFields(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"ma_chan_doan": "B20", "ten_chan_doan": "Nhiễm HIV", "MaBenhChinh": "Z21", "ChanDoanVaoVien": "AIDS", "ten_thuoc": "efavirenz",
		"biet_duoc": "Biktarvy", "TenXetNghiem": "HIV Combo Ag/Ab", "ket_luan": "HIV dương tính", "TenHoatChat": "nevirapin",
	} {
		tab := &dossier.Table{Columns: dossier.NewColumns("X", "ma", name), Rows: []dossier.Row{{Cells: []dossier.Cell{{}, {Text: text}}}}}
		if of(tab) != compartment.HIV {
			t.Errorf("%s %q is open", name, text)
		}
	}
	person := &dossier.Table{Columns: dossier.NewColumns("X", "TenBenhNhan", "ten_benh_nhan"), Rows: []dossier.Row{{Cells: []dossier.Cell{{Text: "B20"}, {Text: "HIV"}}}}}
	if of(person) != 0 {
		t.Error("a name tells a compartment")
	}
}

// TestContentIsWhatOpenTablesTell: a record whose only closed part is a table
// may be shown without it.
func TestContentIsWhatOpenTablesTell(t *testing.T) {
	t.Parallel()
	hiv := table("XML6", map[string]string{"MA_LK": "1"})
	plain := table("XML1", map[string]string{"MA_BENH_CHINH": "I10"})
	told := table("XML1", map[string]string{"MA_BENH_CHINH": "B20"})
	if got := compartment.Content(&dossier.Content{All: []*dossier.Table{plain, hiv}}); got != 0 {
		t.Errorf("content %b", got)
	}
	if got := compartment.Content(&dossier.Content{All: []*dossier.Table{told, hiv}}); got != compartment.HIV {
		t.Errorf("content %b", got)
	}
	if (compartment.HIV|compartment.TB|compartment.MentalHealth|compartment.PregnancyTermination).Documents() != compartment.Bits || compartment.HIV.Documents() != compartment.BitHIV {
		t.Error("the bits are not those of the compartments")
	}
	if compartment.Table("XML6") != compartment.HIV || compartment.Table("XML15") != compartment.TB || compartment.Table("XML1") != 0 {
		t.Error("tables")
	}
}

func TestEveryEntryHasItsSourceAndTells(t *testing.T) {
	t.Parallel()
	for _, e := range compartment.Entries() {
		if e.Source == "" || e.Value == "" {
			t.Errorf("%+v has no source", e)
		}
		field := map[string]string{"icd": "MA_BENH_CHINH", "diagnosis": "CHAN_DOAN", "drug": "TEN_THUOC", "service": "TEN_DICH_VU", "note": "GHI_CHU", "flag": "MA_DINH_CHI_THAI"}[e.What]
		if field == "" {
			continue
		}
		text, _, _ := strings.Cut(e.Value, "-")
		tab := &dossier.Table{Columns: dossier.NewColumns("X", field), Rows: []dossier.Row{{Cells: []dossier.Cell{{Text: "x, " + strings.ToUpper(text) + "; y"}}}}}
		if of(tab)&e.Compartment == 0 {
			t.Errorf("%+v tells nothing", e)
		}
	}
}

func outpatient() *dossier.Content {
	c := &dossier.Content{All: []*dossier.Table{table("XML1", map[string]string{"MA_BENH_CHINH": "I10", "MA_BENH_KT": "E11.9;E78.5;K21.0", "CHAN_DOAN_VAO": "Tăng huyết áp vô căn",
		"CHAN_DOAN_RV": "Tăng huyết áp vô căn (nguyên phát); Đái tháo đường típ 2", "LY_DO_VV": "Khám định kỳ theo hẹn", "PP_DIEU_TRI": "Điều trị ngoại trú theo đơn"})}}
	add := func(name string, n int, fields map[string]string) {
		one := table(name, fields)
		for range n - 1 {
			one.Rows = append(one.Rows, one.Rows[0])
		}
		c.All = append(c.All, one)
	}
	add("XML2", 6, map[string]string{"MA_THUOC": "40.491", "TEN_THUOC": "Metformin hydroclorid 850mg viên nén"})
	add("XML3", 9, map[string]string{"MA_DICH_VU": "23.0075.1494", "TEN_DICH_VU": "Định lượng Glucose [Máu]"})
	add("XML4", 11, map[string]string{"MA_CHI_SO": "GLU", "TEN_CHI_SO": "Glucose máu", "GIA_TRI": "7.2", "KET_LUAN": "Tăng nhẹ"})
	return c
}

func TestAnOutpatientDossierCostsNoMemory(t *testing.T) {
	c := outpatient()
	if compartment.Content(c) != 0 {
		t.Fatal("an ordinary visit is closed")
	}
	if n := testing.AllocsPerRun(100, func() { compartment.Content(c) }); n > 0 {
		t.Errorf("%v allocations a dossier", n)
	}
}

func BenchmarkOutpatient(b *testing.B) {
	c := outpatient()
	for b.Loop() {
		compartment.Content(c)
	}
}

func FuzzText(f *testing.F) {
	f.Add("Đo tải lượng HIV-1")
	f.Add("\xff\u0301B20")
	f.Fuzz(func(t *testing.T, text string) {
		tab := table("XML1", map[string]string{"MA_BENH_CHINH": text})
		again := table("XML1", map[string]string{"MA_BENH_CHINH": "; " + text + " ;"})
		if of(tab) != of(again) {
			t.Errorf("%q tells another thing between blanks", text)
		}
	})
}
