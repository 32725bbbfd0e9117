package emr

import (
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// Tables of an EMR: what stands outside the groups, and the patient's group.
const (
	tableHead    = "HO_SO_BENH_AN"
	tablePatient = "THONG_TIN_BENH_NHAN"
	groupPatient = "ThongTinBenhNhan"
)

// source of the groups; their fields are this hub's reading, no list is public.
const source = "13/2025"

// Spec is the tables with their labels; it is not one of the QĐ 4750 family's
// versions. The day is that of letter 365/TTYQG.
func Spec() *schema.Version { return spec }

// spec, groups and spellings never change. Spellings are the columns of each
// table by the names they come under, written plain.
var (
	spec      = schema.NewVersion("hosobenhan", "Hồ sơ bệnh án trao đổi (Thông tư 13/2025/TT-BYT)", 20250606, tables()...)
	groups    = groupNames()
	spellings = spelled(spec)
)

// group is one of the eleven, with the fields that are known for it: keys are
// those of every group.
type group struct {
	element, table, vi, en string
	fields                 []schema.Field
}

func text(name, vi, en string) schema.Field { return field(name, schema.Text, vi, en) }
func code(name, vi, en string) schema.Field { return field(name, schema.Code, vi, en) }
func when(name, vi, en string) schema.Field { return field(name, schema.Moment, vi, en) }

func field(name string, t schema.Type, vi, en string) schema.Field {
	return schema.Field{Name: name, Type: t, Required: schema.Optional, Source: source, LabelVI: vi, LabelEN: en}
}

// keys are the fields by which a row says whose it is.
func keys() []schema.Field {
	return []schema.Field{
		code("MA_LK", "Mã liên kết đợt khám", "Episode key"), code("MA_BN", "Mã người bệnh", "Patient number"),
		code("MA_CSKCB", "Mã cơ sở khám chữa bệnh", "Facility"),
	}
}

func person() []schema.Field {
	sex := code("GIOI_TINH", "Giới tính", "Sex")
	sex.Values = []schema.Value{
		{Code: "1", Text: fault.Text{VI: "Nam", EN: "Male"}}, {Code: "2", Text: fault.Text{VI: "Nữ", EN: "Female"}},
		{Code: "3", Text: fault.Text{VI: "Chưa xác định", EN: "Undetermined"}},
	}
	return []schema.Field{
		text("HO_TEN", "Họ và tên", "Full name"), when("NGAY_SINH", "Ngày sinh", "Date of birth"), sex,
		code("SO_CCCD", "Số định danh cá nhân", "Citizen number"), code("MA_THE_BHYT", "Mã thẻ bảo hiểm y tế", "Insurance card"),
		text("DIA_CHI", "Địa chỉ", "Address"), code("MAXA_CU_TRU", "Mã xã cư trú", "Ward of residence"), code("DIEN_THOAI", "Điện thoại", "Phone"),
		code("MA_DANTOC", "Dân tộc", "Ethnic group"), text("NGHE_NGHIEP", "Nghề nghiệp", "Occupation"),
		text("NHOM_MAU", "Nhóm máu", "Blood group"), text("DI_UNG", "Dị ứng", "Allergies"), text("TIEN_SU", "Tiền sử bệnh", "History"),
	}
}

func eleven() []group {
	icd := func() []schema.Field {
		return []schema.Field{code("MA_BENH_CHINH", "Mã bệnh chính", "Main diagnosis code"), text("CHAN_DOAN", "Chẩn đoán", "Diagnosis")}
	}
	doctor := func() schema.Field { return text("BAC_SI", "Bác sĩ", "Doctor") }
	return []group{
		{groupPatient, tablePatient, "Thông tin người bệnh", "Patient", person()},
		{"ThongTinVaoVien", "THONG_TIN_VAO_VIEN", "Thông tin vào viện", "Admission", append([]schema.Field{
			when("NGAY_VAO", "Ngày vào viện", "Admitted"), text("LY_DO_VV", "Lý do vào viện", "Reason"), text("KHOA", "Khoa", "Department"),
			text("NOI_GIOI_THIEU", "Nơi giới thiệu", "Referred by"), text("BENH_SU", "Quá trình bệnh lý", "Present illness"),
			text("KHAM_TOAN_THAN", "Khám toàn thân", "Examination")}, icd()...)},
		{"ThongTinDieuTri", "THONG_TIN_DIEU_TRI", "Thông tin điều trị", "Treatment", append([]schema.Field{
			when("NGAY_RA", "Ngày ra viện", "Discharged"), text("NGAY_DTRI", "Số ngày điều trị", "Days of treatment"), text("PP_DIEU_TRI", "Phương pháp điều trị", "Treatment"),
			text("DIEN_BIEN", "Diễn biến", "Course"), when("NGAY_YL", "Ngày y lệnh", "Ordered at"), text("KET_QUA_DTRI", "Kết quả điều trị", "Result"),
			text("MA_BENH_KT", "Mã bệnh kèm theo", "Other diagnosis codes"), text("HUONG_DIEU_TRI", "Hướng điều trị tiếp", "Further treatment"), doctor()}, icd()...)},
		{"YLenhThuocVatTu", "Y_LENH_THUOC_VAT_TU", "Y lệnh thuốc, vật tư", "Drug and supply orders", []schema.Field{
			when("NGAY_YL", "Ngày y lệnh", "Ordered at"), code("MA_THUOC", "Mã thuốc, vật tư", "Code"), text("TEN_THUOC", "Tên thuốc, vật tư", "Name"),
			text("HAM_LUONG", "Hàm lượng", "Strength"), text("LIEU_DUNG", "Liều dùng", "Dose"), text("DUONG_DUNG", "Đường dùng", "Route"),
			text("CACH_DUNG", "Cách dùng", "Use"), field("SO_LUONG", schema.Number, "Số lượng", "Quantity"), text("DON_VI_TINH", "Đơn vị tính", "Unit"), doctor()}},
		{"PhieuChiDinh", "PHIEU_CHI_DINH", "Phiếu chỉ định", "Service orders", []schema.Field{
			when("NGAY_YL", "Ngày chỉ định", "Ordered at"), code("MA_DICH_VU", "Mã dịch vụ", "Service code"), text("TEN_DICH_VU", "Tên dịch vụ", "Service"),
			field("SO_LUONG", schema.Number, "Số lượng", "Quantity"), text("CHAN_DOAN", "Chẩn đoán", "Diagnosis"), doctor()}},
		{"KetQuaChanDoanHinhAnh", "KET_QUA_CHAN_DOAN_HINH_ANH", "Kết quả chẩn đoán hình ảnh", "Imaging results", []schema.Field{
			when("NGAY_KQ", "Ngày kết quả", "Result at"), code("MA_DICH_VU", "Mã dịch vụ", "Service code"), text("TEN_DICH_VU", "Tên dịch vụ", "Service"),
			text("MO_TA", "Mô tả", "Description"), text("KET_LUAN", "Kết luận", "Conclusion"), doctor()}},
		{"KetQuaXetNghiem", "KET_QUA_XET_NGHIEM", "Kết quả xét nghiệm", "Laboratory results", []schema.Field{
			when("NGAY_KQ", "Ngày kết quả", "Result at"), code("MA_DICH_VU", "Mã dịch vụ", "Service code"), text("TEN_DICH_VU", "Tên dịch vụ", "Service"),
			code("MA_CHI_SO", "Mã chỉ số", "Index code"), text("TEN_CHI_SO", "Chỉ số", "Index"), text("GIA_TRI", "Giá trị", "Value"),
			text("DON_VI_DO", "Đơn vị", "Unit"), text("KHOANG_THAM_CHIEU", "Khoảng tham chiếu", "Reference range"), text("KET_LUAN", "Kết luận", "Conclusion"), doctor()}},
		{"GiayChuyenVien", "GIAY_CHUYEN_VIEN", "Giấy chuyển viện", "Referral", append([]schema.Field{
			code("SO_CHUYENTUYEN", "Số giấy chuyển", "Number"), when("NGAY_CHUYEN", "Ngày chuyển", "Referred at"), code("MA_NOI_DEN", "Mã nơi đến", "Receiver"),
			text("TEN_NOI_DEN", "Nơi đến", "Receiver's name"), text("LY_DO_CHUYEN", "Lý do chuyển", "Reason"), text("TINH_TRANG_CT", "Tình trạng lúc chuyển", "State"), doctor()}, icd()...)},
		{"HoSoCapCuu", "HO_SO_CAP_CUU", "Hồ sơ cấp cứu", "Emergency record", append([]schema.Field{
			when("NGAY_VAO", "Vào cấp cứu lúc", "Came at"), text("TINH_TRANG", "Tình trạng", "State"), text("XU_TRI", "Xử trí", "Measures"), doctor()}, icd()...)},
		{"PhieuThuThuat", "PHIEU_THU_THUAT", "Phiếu thủ thuật", "Procedures", operation("thủ thuật", "procedure")},
		{"PhieuPhauThuat", "PHIEU_PHAU_THUAT", "Phiếu phẫu thuật", "Operations", operation("phẫu thuật", "operation")},
	}
}

func operation(vi, en string) []schema.Field {
	return []schema.Field{
		when("NGAY_TH", "Ngày "+vi, "Day of the "+en), code("MA_DICH_VU", "Mã dịch vụ", "Service code"), text("TEN_DICH_VU", "Tên "+vi, "Name of the "+en),
		text("CHAN_DOAN", "Chẩn đoán", "Diagnosis"), text("PP_VO_CAM", "Phương pháp vô cảm", "Anaesthesia"), text("MO_TA", "Tường trình", "Report"),
		text("KET_LUAN", "Kết luận", "Conclusion"), doctorOf(vi, en),
	}
}

func doctorOf(vi, en string) schema.Field { return text("BAC_SI", "Bác sĩ "+vi, "Doctor of the "+en) }

func tables() []*schema.Table {
	head := append(append(keys(), code("SO_HO_SO", "Số hồ sơ bệnh án", "Record number"), code("SO_LUU_TRU", "Số lưu trữ", "Archive number"),
		when("NGAY_LAP", "Ngày lập", "Made at")), person()...)
	all := []*schema.Table{{Name: tableHead, Title: fault.Text{VI: "Hồ sơ bệnh án", EN: "Medical record"}, Single: true, Fields: head}}
	for _, g := range eleven() {
		all = append(all, &schema.Table{Name: g.table, Title: fault.Text{VI: g.vi, EN: g.en}, Single: g.table == tablePatient,
			Fields: append(keys(), g.fields...)})
	}
	return all
}

func groupNames() map[string]string {
	m := map[string]string{}
	for _, g := range eleven() {
		m[plain(g.element)] = g.table
	}
	return m
}

// aliases are other spellings of columns, besides those that differ in capitals
// and in what separates words only.
func aliases() map[string][]string {
	return map[string][]string{
		"MA_LK":             {"MaLienKet", "MaDotDieuTri", "MaDotKham", "MaLuotKham"},
		"MA_BN":             {"MaBenhNhan", "MaNguoiBenh", "PID"},
		"MA_CSKCB":          {"MaCoSo", "MaCoSoKCB", "MaBenhVien", "MaCoSoKhamChuaBenh"},
		"HO_TEN":            {"HoVaTen", "TenBenhNhan", "HoTenBenhNhan", "HoTenNguoiBenh"},
		"SO_CCCD":           {"CCCD", "SoDinhDanh", "SoDinhDanhCaNhan", "MaDinhDanh", "SoDDCN"},
		"NGAY_SINH":         {"NgayThangNamSinh", "NamSinh"},
		"GIOI_TINH":         {"Phai", "GioiTinhBenhNhan"},
		"MA_THE_BHYT":       {"SoTheBHYT", "TheBHYT", "MaTheBaoHiem", "SoBHYT"},
		"DIEN_THOAI":        {"SoDienThoai", "SDT"},
		"MA_DANTOC":         {"DanToc", "MaDanToc"},
		"DIA_CHI":           {"DiaChiThuongTru", "DiaChiLienHe"},
		"NGAY_VAO":          {"NgayVaoVien", "NgayNhapVien", "ThoiGianVaoVien", "NgayGioVaoVien", "ThoiGianVao"},
		"NGAY_RA":           {"NgayRaVien", "ThoiGianRaVien", "NgayXuatVien", "NgayGioRaVien"},
		"LY_DO_VV":          {"LyDoVaoVien", "LyDoNhapVien", "LyDo"},
		"KHOA":              {"TenKhoa", "MaKhoa", "KhoaDieuTri"},
		"CHAN_DOAN":         {"ChanDoanChinh", "ChanDoanVaoVien", "ChanDoanRaVien", "TenBenh"},
		"MA_BENH_CHINH":     {"MaBenh", "MaICD", "ICD10", "MaICD10", "MaBenhICD"},
		"MA_BENH_KT":        {"MaBenhKemTheo", "BenhKemTheo"},
		"PP_DIEU_TRI":       {"PhuongPhapDieuTri"},
		"KET_QUA_DTRI":      {"KetQuaDieuTri"},
		"NGAY_DTRI":         {"SoNgayDieuTri"},
		"NGAY_YL":           {"NgayYLenh", "ThoiGianYLenh", "NgayChiDinh", "ThoiGianChiDinh"},
		"NGAY_KQ":           {"NgayKetQua", "ThoiGianKetQua", "NgayTraKetQua"},
		"NGAY_TH":           {"NgayThucHien", "ThoiGianThucHien", "NgayThuThuat", "NgayPhauThuat"},
		"NGAY_CHUYEN":       {"NgayChuyenVien"},
		"MA_THUOC":          {"MaVatTu", "MaThuocVatTu"},
		"TEN_THUOC":         {"TenVatTu", "TenThuocVatTu"},
		"DON_VI_TINH":       {"DVT", "DonVi"},
		"MA_DICH_VU":        {"MaDV"},
		"TEN_DICH_VU":       {"TenDV", "TenThuThuat", "TenPhauThuat"},
		"GIA_TRI":           {"KetQua", "GiaTriKetQua"},
		"DON_VI_DO":         {"DonViDo", "DonVi"},
		"KHOANG_THAM_CHIEU": {"GiaTriThamChieu", "BinhThuong", "ChiSoBinhThuong", "CSBT"},
		"TEN_CHI_SO":        {"ChiSo", "TenXetNghiem"},
		"BAC_SI":            {"BacSiChiDinh", "BacSiDieuTri", "TenBacSi", "NguoiThucHien", "BacSiThucHien", "PhauThuatVien"},
		"MA_NOI_DEN":        {"MaCSKCBDen", "MaCoSoDen"},
		"TEN_NOI_DEN":       {"NoiChuyenDen", "TenCoSoDen", "NoiDen"},
		"LY_DO_CHUYEN":      {"LyDoChuyenVien", "LyDoCT", "LyDoChuyenTuyen"},
		"TINH_TRANG_CT":     {"TinhTrangNguoiBenh"},
		"SO_CHUYENTUYEN":    {"SoChuyenVien", "SoGiayChuyen", "SoChuyenTuyen"},
		"SO_HO_SO":          {"SoBenhAn", "MaBenhAn", "MaHoSo", "MaHSBA"},
		"NGAY_LAP":          {"NgayLapHoSo", "NgayTao"},
	}
}

func spelled(v *schema.Version) map[string]map[string]int {
	others := aliases()
	all := map[string]map[string]int{}
	for _, t := range v.Tables() {
		m := map[string]int{}
		for i, column := range t.Columns.Names() {
			m[plain(column)] = i
		}
		for i, column := range t.Columns.Names() {
			for _, name := range others[column] {
				if _, taken := m[plain(name)]; !taken {
					m[plain(name)] = i
				}
			}
		}
		all[t.Name] = m
	}
	return all
}

// relatives are words in the names of parts that speak of somebody else.
var relatives = []string{"bo", "me", "cha", "nguoi", "giamho", "thannhan", "lienhe", "giadinh", "bacsi"}

// columnOf finds the column a name is a spelling of, -1 for none.
func columnOf(c *dossier.Columns, name string) int {
	if i, ok := spellings[c.Table][plain(name)]; ok {
		return i
	}
	return -1
}

// isKey reports whether a name says whose a row is: that of a column of the head.
func isKey(name string) bool {
	_, ok := spellings[tableHead][plain(name)]
	return ok
}
