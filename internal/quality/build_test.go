package quality_test

import (
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

// draft is a dossier under construction: rows of fields by name.
type draft struct {
	day    int
	order  []string
	tables map[string][]map[string]string
	in     quality.Input
	extra  map[string]map[string]string // fields out of the specification, first row of a table
	double string                       // a table to send twice
}

const (
	facility = "79901"
	episode  = "79901.26.0000001"
)

// received is the day after the visit of clean.
var received = time.Date(2026, 10, 8, 2, 0, 0, 0, time.UTC)

func (d *draft) add(table string, fields ...string) *draft {
	row := map[string]string{}
	for i := 0; i+1 < len(fields); i += 2 {
		row[fields[i]] = fields[i+1]
	}
	if v := schema.For(d.day).Table(table); v.Field("MA_LK") != nil {
		row["MA_LK"] = episode
	}
	if d.tables[table] == nil {
		d.order = append(d.order, table)
	}
	d.tables[table] = append(d.tables[table], row)
	return d
}

// set changes a field of the first row of a table.
func (d *draft) set(table, field, text string) *draft {
	d.tables[table][0][field] = text
	return d
}

// drop takes tables out.
func (d *draft) drop(tables ...string) *draft {
	for _, t := range tables {
		delete(d.tables, t)
	}
	return d
}

func (d *draft) content() *dossier.Content {
	v := schema.For(d.day)
	c := &dossier.Content{}
	for _, name := range d.order {
		rows, ok := d.tables[name]
		if !ok {
			continue
		}
		t := &dossier.Table{Columns: v.Table(name).Columns}
		line := 3
		for i, fields := range rows {
			row := dossier.Row{Line: line}
			for _, f := range t.Columns.Names() {
				line++
				row.Cells = append(row.Cells, dossier.Cell{Text: fields[f], Line: line})
			}
			if i == 0 {
				for f, text := range d.extra[name] {
					row.Extra = append(row.Extra, dossier.Extra{Name: f, Cell: dossier.Cell{Text: text, Line: line}})
				}
			}
			t.Rows = append(t.Rows, row)
		}
		c.All = append(c.All, t)
		if d.double == name {
			c.All = append(c.All, t)
		}
	}
	return c
}

func (d *draft) judge() []dossier.Finding {
	d.in.Day = d.day
	return quality.V1().Judge(d.content(), d.in)
}

// codes lists the codes found, each once, in order.
func codes(findings []dossier.Finding) []string {
	var out []string
	seen := map[string]bool{}
	for _, f := range findings {
		if !seen[f.Code] {
			seen[f.Code] = true
			out = append(out, f.Code)
		}
	}
	return out
}

// clean is an insured woman's stay of three days with every table a stay can
// have. All amounts add up; nothing in it is a finding.
func clean() *draft {
	d := &draft{day: 20261007, tables: map[string][]map[string]string{}, in: quality.Input{
		Kind: quality.KindDossier, Facility: facility, Received: received, Created: care.MomentOf(received)}}
	d.add("XML1", "STT", "1", "MA_BN", "P1", "HO_TEN", "NGUYỄN THỊ ĐÀO", "SO_CCCD", "079990000001", "NGAY_SINH", "199002030000",
		"GIOI_TINH", "2", "NHOM_MAU", "O", "MA_QUOCTICH", "000", "MA_DANTOC", "01", "MA_NGHE_NGHIEP", "00000",
		"DIA_CHI", "Số 1 đường Hoa Giấy, Phường Sài Gòn, Thành phố Hồ Chí Minh", "MATINH_CU_TRU", "79", "MAXA_CU_TRU", "26740",
		"DIEN_THOAI", "0900000000", "MA_THE_BHYT", "DN4799900000001", "MA_DKBD", facility, "GT_THE_TU", "20260101", "GT_THE_DEN", "20261231",
		"LY_DO_VV", "Sốt", "LY_DO_VNT", "Theo dõi", "CHAN_DOAN_VAO", "Viêm phổi", "CHAN_DOAN_RV", "Viêm phổi", "MA_BENH_CHINH", "J18.9",
		"MA_BENH_KT", "I10;E11.9", "MA_DOITUONG_KCB", "1.1", "MA_NOI_DEN", "79902", "NGAY_VAO", "202610050800",
		"NGAY_VAO_NOI_TRU", "202610050900", "NGAY_RA", "202610071000", "SO_NGAY_DTRI", "3", "PP_DIEU_TRI", "Kháng sinh",
		"KET_QUA_DTRI", "2", "MA_LOAI_RV", "1", "NGAY_TTOAN", "202610071100", "T_THUOC", "100000.00", "T_VTYT", "20000.00",
		"T_TONGCHI_BV", "320000.00", "T_TONGCHI_BH", "320000.00", "T_BNTT", "0.00", "T_BNCCT", "64000.00", "T_BHTT", "256000.00",
		"T_NGUONKHAC", "0.00", "T_BHTT_GDV", "256000.00", "NAM_QT", "2026", "THANG_QT", "10", "MA_LOAI_KCB", "03", "MA_KHOA", "K03",
		"MA_CSKCB", facility, "CAN_NANG", "52.5", "MA_HSBA", "26.1", "MA_TTDV", "9900000001", "NGAY_TAI_KHAM", "20261020")
	d.add("XML2", "STT", "1", "MA_THUOC", "40.17", "MA_NHOM", "4", "TEN_THUOC", "Thuốc A", "DON_VI_TINH", "Viên", "DUONG_DUNG", "1.01",
		"TT_THAU", "12/QĐ-TN;G1;N4;2026", "PHAM_VI", "1", "TYLE_TT_BH", "100", "SO_LUONG", "10", "DON_GIA", "10000.000",
		"THANH_TIEN_BV", "100000.00", "THANH_TIEN_BH", "100000.00", "T_NGUONKHAC", "0.00", "MUC_HUONG", "80", "T_BNTT", "0.00",
		"T_BNCCT", "20000.00", "T_BHTT", "80000.00", "MA_KHOA", "K03", "MA_BAC_SI", "9900000002", "NGAY_YL", "202610050930",
		"NGAY_TH_YL", "202610051000", "MA_PTTT", "1", "NGUON_CTRA", "1")
	d.add("XML3", "STT", "1", "MA_DICH_VU", "23.0075.1494", "MA_NHOM", "1", "TEN_DICH_VU", "Định lượng Glucose", "DON_VI_TINH", "Lần",
		"PHAM_VI", "1", "SO_LUONG", "2", "DON_GIA_BV", "100000.000", "DON_GIA_BH", "100000.000", "TYLE_TT_DV", "100", "TYLE_TT_BH", "100",
		"THANH_TIEN_BV", "200000.00", "THANH_TIEN_BH", "200000.00", "MUC_HUONG", "80", "T_NGUONKHAC", "0.00", "T_BNTT", "0.00",
		"T_BNCCT", "40000.00", "T_BHTT", "160000.00", "MA_KHOA", "K03", "MA_GIUONG", "H001", "MA_BAC_SI", "9900000002",
		"MA_BENH", "J18.9", "NGAY_YL", "202610050930", "NGAY_TH_YL", "202610051000", "NGAY_KQ", "202610051100", "MA_PTTT", "1")
	d.add("XML3", "STT", "2", "MA_VAT_TU", "N02.03.020.0005", "MA_NHOM", "10", "TEN_VAT_TU", "Gạc", "DON_VI_TINH", "Miếng",
		"PHAM_VI", "1", "SO_LUONG", "10", "DON_GIA_BV", "2000.000", "DON_GIA_BH", "2000.000", "TT_THAU", "13/QĐ-TN;G1;N1;2026",
		"TYLE_TT_BH", "100", "THANH_TIEN_BV", "20000.00", "THANH_TIEN_BH", "20000.00", "MUC_HUONG", "80", "T_NGUONKHAC", "0.00",
		"T_BNTT", "0.00", "T_BNCCT", "4000.00", "T_BHTT", "16000.00", "MA_KHOA", "K03", "NGAY_YL", "202610050930",
		"NGAY_TH_YL", "202610051000", "MA_PTTT", "1")
	d.add("XML4", "STT", "1", "MA_DICH_VU", "23.0075.1494", "MA_CHI_SO", "2300751", "TEN_CHI_SO", "Glucose", "GIA_TRI", "6.1",
		"DON_VI_DO", "mmol/L", "NGAY_KQ", "202610051100", "MA_BS_DOC_KQ", "9900000003")
	d.add("XML5", "STT", "1", "DIEN_BIEN_LS", "Bệnh tỉnh", "THOI_DIEM_DBLS", "202610060800", "NGUOI_THUC_HIEN", "9900000002")
	d.add("XML7", "SO_LUU_TRU", "LT1", "MA_YTE", "1", "MA_KHOA_RV", "K03", "NGAY_VAO", "202610050800", "NGAY_RA", "202610071000",
		"MA_DINH_CHI_THAI", "0", "CHAN_DOAN_RV", "Viêm phổi", "PP_DIEUTRI", "Kháng sinh", "MA_TTDV", "9900000001", "MA_BS", "9900000002",
		"TEN_BS", "Trần Văn Bình", "NGAY_CT", "20261007", "SO_NGAY_NGHI", "2", "NGOAITRU_TUNGAY", "20261008", "NGOAITRU_DENNGAY", "20261009")
	d.add("XML8", "MA_LOAI_KCB", "03", "NGAY_VAO", "202610050800", "NGAY_RA", "202610071000", "CHAN_DOAN_VAO", "Viêm phổi",
		"CHAN_DOAN_RV", "Viêm phổi", "QT_BENHLY", "Sốt ba ngày", "TOMTAT_KQ", "Bình thường", "PP_DIEUTRI", "Kháng sinh",
		"KET_QUA_DTRI", "2", "MA_TTDV", "9900000001", "NGAY_CT", "20261007")
	return d
}

// everything adds the tables that only some visits have, all without a finding.
func everything() *draft {
	d := clean()
	d.add("XML0", "STT", "1", "MA_BN", "P1", "HO_TEN", "Nguyễn Thị Đào", "SO_CCCD", "079990000001", "NGAY_SINH", "199002030000",
		"GIOI_TINH", "2", "MA_THE_BHYT", "DN4799900000001", "MA_DKBD", facility, "GT_THE_TU", "20260101", "GT_THE_DEN", "20261231",
		"MA_DOITUONG_KCB", "1.1", "NGAY_VAO", "202610050800", "MA_LOAI_KCB", "03", "MA_CSKCB", facility, "NGAY_YL", "202610050930")
	d.add("XML6", "SO_CCCD", "079990000001", "NGAY_SINH", "199002030000", "GIOI_TINH", "2", "MA_LYDO_DTRI", "1", "LOAI_DTRI_LAO", "0",
		"MA_LOAI_BN", "1", "MA_XU_TRI", "1", "NGAY_BAT_DAU_XU_TRI", "20261005", "NGAY_KET_THUC_XU_TRI", "20261104",
		"MA_PHAC_DO_DIEU_TRI", "1", "SO_NGAY_CAP_THUOC_ARV", "30", "MA_CSKCB", facility)
	d.add("XML9", "MA_BHXH_NND", "9900000001", "MA_THE_NND", "DN4799900000001", "HO_TEN_NND", "Nguyễn Thị Đào", "NGAYSINH_NND", "19900203",
		"MA_DANTOC_NND", "01", "SO_CCCD_NND", "079990000001", "MATINH_CU_TRU", "79", "MAXA_CU_TRU", "26740", "HO_TEN_CHA", "Lê Văn Mạnh",
		"HO_TEN_CON", "Lê Thị Mai", "GIOI_TINH_CON", "2", "SO_CON", "1", "CAN_NANG_CON", "3200", "NGAY_SINH_CON", "202610060300",
		"NOI_SINH_CON", "Bệnh viện", "TINH_TRANG_CON", "Khoẻ", "SINHCON_PHAUTHUAT", "0", "SINHCON_DUOI32TUAN", "0", "NGAY_CT", "20261007",
		"SO", "1", "MA_TTDV", "9900000001")
	d.add("XML10", "SO_SERI", "A1", "SO_NGAY", "3", "CHAN_DOAN_RV", "Doạ sảy", "TU_NGAY", "20261007", "DEN_NGAY", "20261009",
		"MA_TTDV", "9900000001", "TEN_BS", "Trần Văn Bình", "MA_BS", "9900000002", "NGAY_CT", "20261007")
	d.add("XML11", "MA_BHXH", "9900000001", "CHAN_DOAN_RV", "Viêm phổi", "SO_NGAY_NGHI", "3", "TU_NGAY", "20261007", "DEN_NGAY", "20261009",
		"MA_TTDV", "9900000001", "MA_BS", "9900000002", "NGAY_CT", "20261007", "MAU_SO", "CT07")
	d.add("XML12", "NGUOI_CHU_TRI", "Lê Văn Hùng", "CHUC_VU", "1", "NGAY_HOP", "20261007", "HO_TEN", "Nguyễn Thị Đào", "NGAY_SINH", "19900203",
		"SO_CCCD", "079990000001", "MA_BHXH", "9900000001", "MA_DOI_TUONG", "1", "KHAM_GIAM_DINH", "1", "SO_BIEN_BAN", "1",
		"NGAY_CHUNG_TU", "20261007", "KET_QUA_KHAM", "Ổn định", "SO_VAN_BAN_CAN_CU", "1", "TYLE_TTCT_MOI", "10", "DE_NGHI", "Không")
	d.add("XML13", "SO_HOSO", "1", "SO_CHUYENTUYEN", "1", "GIAY_CHUYEN_TUYEN", "1", "MA_CSKCB", facility, "MA_CSKCB_DI", facility,
		"MA_CSKCB_DEN", "79902", "HO_TEN", "Nguyễn Thị Đào", "NGAY_SINH", "199002030000", "GIOI_TINH", "2", "MA_DANTOC", "01",
		"NGAY_VAO", "202610050800", "NGAY_RA", "202610071000", "DAU_HIEU_LS", "Sốt", "QT_BENHLY", "Sốt", "MA_BENH_CHINH", "J18.9",
		"MA_BENH_KT", "I10;E11.9", "MA_LOAI_RV", "1", "MA_LYDO_CT", "1", "HUONG_DIEU_TRI", "Chuyển khoa", "PHUONGTIEN_VC", "Xe cứu thương",
		"MA_BAC_SI", "9900000002", "MA_TTDV", "9900000001")
	d.add("XML14", "SO_GIAYHEN_KL", "1", "MA_CSKCB", facility, "HO_TEN", "Nguyễn Thị Đào", "NGAY_SINH", "199002030000", "GIOI_TINH", "2",
		"NGAY_VAO", "202610050800", "NGAY_RA", "202610071000", "NGAY_HEN_KL", "20261020", "MA_BENH_CHINH", "J18.9", "MA_DOITUONG_KCB", "1.1",
		"MA_BAC_SI", "9900000002", "MA_TTDV", "9900000001", "NGAY_CT", "20261007")
	d.add("XML15", "STT", "1", "MA_BN", "P1", "HO_TEN", "Nguyễn Thị Đào", "SO_CCCD", "079990000001", "PHANLOAI_LAO_VITRI", "1",
		"PHANLOAI_LAO_TS", "1", "PHANLOAI_LAO_HIV", "1", "PHANLOAI_LAO_VK", "1", "PHANLOAI_LAO_KT", "1", "LOAI_DTRI_LAO", "1",
		"NGAYBD_DTRI_LAO", "20261005", "PHACDO_DTRI_LAO", "1", "KET_QUA_DTRI_LAO", "1", "MA_CSKCB", facility)
	return d
}

// checkIn is a patient's arrival alone.
func checkIn() *draft {
	d := everything()
	d.drop("XML1", "XML2", "XML3", "XML4", "XML5", "XML6", "XML7", "XML8", "XML9", "XML10", "XML11", "XML12", "XML13", "XML14", "XML15")
	d.in.Kind = quality.KindCheckIn
	return d
}

func TestCleanDossiersHaveNoFinding(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*draft{"stay": clean(), "everything": everything(), "check-in": checkIn()} {
		for _, f := range d.judge() {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
