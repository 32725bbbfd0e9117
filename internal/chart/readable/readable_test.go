package readable_test

import (
	"slices"
	"strings"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/chart/readable"
	"lienthong/internal/dossier"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/schema"
)

type cells = map[string]string

var reader = readable.Reader{Date: care.ParseDate}

func content(t *testing.T, spec *schema.Version, name string, rows ...cells) *dossier.Content {
	t.Helper()
	st := spec.Table(name)
	if st == nil {
		t.Fatalf("no table %s", name)
	}
	table := &dossier.Table{Columns: st.Columns}
	for _, fields := range rows {
		row := dossier.Row{Cells: make([]dossier.Cell, len(st.Columns.Names()))}
		for field, text := range fields {
			if i := st.Columns.Index(field); i >= 0 {
				row.Cells[i].Text = text
			} else {
				row.Extra = append(row.Extra, dossier.Extra{Name: field, Cell: dossier.Cell{Text: text}})
			}
		}
		table.Rows = append(table.Rows, row)
	}
	return &dossier.Content{All: []*dossier.Table{table}}
}

// lines are "label: text [code] / text in English" of a section of one row.
func lines(s readable.Section) (out []string) {
	for i, c := range s.Columns {
		v := s.Rows[0].Values[i]
		line := c.Label.VI + ": " + v.Text.VI
		if v.Code != "" {
			line += " [" + v.Code + "]"
		}
		if v.Text.EN != v.Text.VI {
			line += " / " + v.Text.EN
		}
		out = append(out, line)
	}
	for _, x := range s.Rows[0].Extra {
		out = append(out, x.Name+": "+x.Text)
	}
	return out
}

func TestARowReadsAsAPersonWouldSayIt(t *testing.T) {
	t.Parallel()
	qd := schema.ByDecision("3176")
	for _, c := range []struct {
		spec  *schema.Version
		table string
		row   cells
		title string
		want  []string
	}{
		{qd, "XML1", cells{"MA_LK": "L1", "STT": "1", "HO_TEN": "NGUYỄN VĂN AN", "SO_CCCD": "001899000001", "NGAY_SINH": "196000000000", "GIOI_TINH": "2", "MA_THE_BHYT": "DN4010000000001;001899000001",
			"NGAY_VAO": "202611010805", "KET_QUA_DTRI": "1", "MA_LOAI_KCB": "03", "T_TONGCHI_BV": "1234567.50", "T_BNTT": "0.00", "SO_NGAY_DTRI": "5", "NGAY_TAI_KHAM": "20261201;20261215",
			"MA_CSKCB": "79001", "GHI_CHU": " ", "NAM_QT": "2026", "MATINH_CU_TRU": "01", "MaLa": "tự đặt", "Ghi": "079301011205", "Luc": "202611010805"}, "Tổng hợp khám chữa bệnh",
			[]string{"Họ và tên: NGUYỄN VĂN AN", "Số định danh cá nhân, CCCD hoặc hộ chiếu: •••• •••• 0001", "Ngày sinh: 1960", "Giới tính: Nữ [2] / Female", "Tỉnh, thành phố cư trú: Thành phố Hà Nội [01] / Ha Noi City",
				"Mã thẻ bảo hiểm y tế: DN4010000000001;•••• •••• 0001", "Thời điểm đến khám: 01/11/2026 08:05", "Số ngày điều trị: 5", "Kết quả điều trị: Khỏi [1] / Cured",
				"Tổng chi phí theo giá bệnh viện: 1.234.567,5 đồng / 1,234,567.5 VND", "Người bệnh tự trả: 0 đồng / 0 VND", "Năm quyết toán: 2026", "Hình thức khám chữa bệnh: Điều trị nội trú [03] / Inpatient treatment",
				"Mã cơ sở khám chữa bệnh: 79001", "Ngày tái khám: 01/12/2026; 15/12/2026", "MaLa: tự đặt", "Ghi: •••• •••• 1205", "Luc: 202611010805"}},
		{qd, "XML7", cells{"MA_DINH_CHI_THAI": "0", "NGAY_CT": "không rõ"}, "Giấy ra viện", []string{"Đình chỉ thai nghén: Không [0] / No", "Ngày chứng từ: không rõ"}},
		// the national prescription system numbers the sexes in another order
		{prescription.Spec(), "DON_THUOC", cells{"GIOI_TINH": "2", "MA_DINH_DANH_CONG_DAN": "001899000001", "NGAY_GIO_KE_DON": "2026-11-02 09:00:00", "SIGNATURE": strings.Repeat("A", 400)}, "Đơn thuốc",
			[]string{"Số định danh cá nhân: •••• •••• 0001", "Giới tính: Nam [2] / Male", "Ngày giờ kê đơn: 02/11/2026 09:00", "Chữ ký số trong đơn: " + strings.Repeat("A", 24) + "…"}},
		{checkup.Spec(), "KET_LUAN", cells{"PHAN_LOAI_SUC_KHOE": "2", "MA_BENH": "I10"}, "Kết luận", []string{"Phân loại sức khỏe (1 đến 5): Loại II [2] / Class II", "Mã bệnh (ICD-10): I10"}},
		{emr.Spec(), "THONG_TIN_BENH_NHAN", cells{"DI_UNG": "Tôm", "GIOI_TINH": "1"}, "Thông tin người bệnh", []string{"Giới tính: Nam [1] / Male", "Dị ứng: Tôm"}},
	} {
		list := reader.Sections(content(t, c.spec, c.table, c.row), c.spec, nil)
		if len(list) != 1 || list[0].Title.VI != c.title {
			t.Errorf("%s: %d sections, %q", c.table, len(list), list[0].Title.VI)
			continue
		}
		got := lines(list[0])
		slices.Sort(got)
		slices.Sort(c.want)
		for i := range max(len(got), len(c.want)) {
			if i >= len(got) || i >= len(c.want) || got[i] != c.want[i] {
				t.Errorf("%s:\n%s\nwant\n%s", c.table, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				break
			}
		}
	}
}

// Every field of every decision and kind has labels in both languages and is
// shown when it is filled: nothing of a record is lost between file and page.
func TestEveryFieldOfEveryTableIsShown(t *testing.T) {
	t.Parallel()
	specs := append(slices.Clone(schema.Versions()), prescription.Spec(), emr.Spec(), checkup.Spec())
	tables := map[string]bool{}
	for _, spec := range specs {
		for _, st := range spec.Tables() {
			tables[st.Name] = true
			row := cells{}
			for _, f := range st.Fields {
				row[f.Name] = "zz " + f.Name
			}
			list := reader.Sections(content(t, spec, st.Name, row), spec, nil)
			if len(list) != 1 {
				t.Fatalf("%s %s: %d sections", spec.Decision, st.Name, len(list))
			}
			if list[0].Title.VI == "" || list[0].Title.EN == "" {
				t.Errorf("%s %s has no title", spec.Decision, st.Name)
			}
			for _, f := range st.Fields {
				i := slices.IndexFunc(list[0].Columns, func(c readable.Column) bool { return c.Field == f.Name })
				switch {
				case f.Name == "MA_LK" || f.Name == "STT":
					if i >= 0 {
						t.Errorf("%s.%s is shown", st.Name, f.Name)
					}
				case i < 0:
					t.Errorf("%s %s.%s is not shown", spec.Decision, st.Name, f.Name)
				case list[0].Columns[i].Label.VI == f.Name || list[0].Columns[i].Label.EN == f.Name || list[0].Rows[0].Values[i].IsZero():
					t.Errorf("%s %s.%s is shown as %+v", spec.Decision, st.Name, f.Name, list[0].Columns[i])
				}
			}
		}
	}
	for i := range 16 {
		if name := "XML" + string("0123456789"[i%10]); i < 10 && !tables[name] || i >= 10 && !tables["XML1"+string("0123456789"[i-10])] {
			t.Errorf("table %d was not tried", i)
		}
	}
}

func TestTablesComeInTheOrderAskedFor(t *testing.T) {
	t.Parallel()
	qd := schema.ByDecision("3176")
	all := &dossier.Content{}
	for _, name := range []string{"XML1", "XML2", "XML4"} {
		all.All = append(all.All, content(t, qd, name, cells{"MA_LK": "L", "TEN_THUOC": "A", "TEN_CHI_SO": "B"}).All...)
	}
	all.All = append(all.All, nil, &dossier.Table{})
	var got []string
	for _, s := range reader.Sections(all, qd, []string{"XML4", "XML2"}) {
		got = append(got, s.Table)
	}
	if strings.Join(got, " ") != "XML4 XML2 XML1" {
		t.Errorf("%q", got)
	}
	if reader.Sections(nil, nil, nil) != nil {
		t.Error("sections of nothing")
	}
}

func FuzzDatesAndNumbersStayText(f *testing.F) {
	f.Add("XML1", "T_TONGCHI_BV", "00012345678.5000")
	f.Add("XML1", "NGAY_TAI_KHAM", ";;20261301;")
	f.Add("XML1", "MA_THE_BHYT", "001899000001;")
	f.Add("XML1", "CAN_NANG_CON", "3200;.;-1")
	f.Fuzz(func(t *testing.T, table, field, text string) {
		columns := dossier.NewColumns(table, field)
		c := &dossier.Content{All: []*dossier.Table{{Columns: columns, Rows: []dossier.Row{{Cells: []dossier.Cell{{Text: text}}}, {}}}}}
		for _, s := range reader.Sections(c, schema.ByDecision("3176"), nil) {
			for i := range s.Columns {
				if strings.TrimSpace(text) != "" && s.Rows[0].Values[i].Text.VI == "" {
					t.Fatalf("%q is lost", text)
				}
				if field == "SO_CCCD" && len(text) == 12 && strings.Contains(s.Rows[0].Values[i].Text.VI, text) {
					t.Fatalf("%q is not masked", text)
				}
			}
		}
	})
}
