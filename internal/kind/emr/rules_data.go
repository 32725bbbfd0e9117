package emr

import (
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

// Sources of the rules. Nobody here has compared them with the signed text.
const (
	sourceCircular = "Thông tư 13/2025/TT-BYT"
	sourceICD      = "Thông tư 06/2026/TT-BYT"
)

// Rules are the rules of medical records, with how they are judged.
func Rules() quality.Set { return quality.Set{Kind: Name, Rules: rules(), Judge: judge} }

func rules() []quality.Rule {
	var list []quality.Rule
	add := func(code string, severity dossier.Severity, source, vi, en, hintVI, hintEN string) {
		parts := strings.Split(code, ".")
		r := quality.Rule{Code: code, Severity: severity, Source: source, Table: parts[0], Text: fault.Text{VI: vi, EN: en}, Hint: fault.Text{VI: hintVI, EN: hintEN}}
		if len(parts) == 3 {
			r.Field = parts[1]
		}
		list = append(list, r)
	}
	add("THONG_TIN_BENH_NHAN.missing", dossier.Error, sourceCircular, "Bệnh án không có nhóm thông tin người bệnh.", "The record has no group about the patient.",
		"Xuất lại bệnh án có nhóm ThongTinBenhNhan.", "Export the record again with ThongTinBenhNhan.")
	for _, m := range [...][3]string{{"HO_TEN", "họ tên người bệnh", "patient's name"}, {"NGAY_SINH", "ngày sinh", "date of birth"}, {"GIOI_TINH", "giới tính", "sex"}} {
		add("THONG_TIN_BENH_NHAN."+m[0]+".missing", dossier.Warning, sourceCircular, "Thiếu "+m[1]+".", "The "+m[2]+" is missing.",
			"Bổ sung "+m[1]+" rồi gửi lại.", "Add the "+m[2]+" and send again.")
	}
	add("THONG_TIN_BENH_NHAN.GIOI_TINH.not_in_list", dossier.Warning, sourceCircular, "Giới tính không phải 1, 2, 3 hay Nam, Nữ, Chưa xác định.", "The sex is neither 1, 2, 3 nor one of the words for them.",
		"Ghi 1 (nam), 2 (nữ) hoặc 3 (chưa xác định).", "Write 1 (male), 2 (female) or 3 (undetermined).")
	add("THONG_TIN_BENH_NHAN.SO_CCCD.form", dossier.Warning, sourceCircular, "Số định danh cá nhân không đủ 12 chữ số.", "The citizen number is not 12 digits.",
		"Ghi đủ 12 chữ số, hoặc để trống khi chưa có.", "Write all 12 digits, or leave it empty where there is none.")
	add("THONG_TIN_VAO_VIEN.missing", dossier.Info, sourceCircular, "Bệnh án không có nhóm thông tin vào viện.", "The record has no group about the admission.",
		"Gửi kèm ThongTinVaoVien nếu có.", "Send ThongTinVaoVien where there is one.")
	for _, t := range spec.Tables() {
		for i := range t.Fields {
			f := &t.Fields[i]
			label, en := f.LabelVI, f.LabelEN
			switch {
			case f.Type == schema.Moment && !isStay(f.Name):
				add(t.Name+"."+f.Name+".not_date", dossier.Warning, sourceCircular, label+" không phải một ngày có thật.", "Not a real date: "+en+".",
					"Ghi theo dạng dd/MM/yyyy HH:mm hoặc yyyyMMddHHmm.", "Write it as dd/MM/yyyy HH:mm or yyyyMMddHHmm.")
			case f.Type == schema.Number:
				add(t.Name+"."+f.Name+".not_number", dossier.Warning, sourceCircular, label+" không phải số từ 0.", "Not a number from 0: "+en+".",
					"Ghi số, dùng dấu chấm thập phân.", "Write a number with a decimal point.")
			case f.Name == "MA_BENH_CHINH":
				add(t.Name+"."+f.Name+".form", dossier.Warning, sourceICD, "Mã bệnh không có dạng ICD-10.", "The diagnosis code has not the form of ICD-10.",
					"Ghi mã như J18.9.", "Write a code such as J18.9.")
			}
		}
	}
	return list
}

// isStay reports the dates that reject a record where they cannot be right.
func isStay(name string) bool { return name == "NGAY_SINH" || name == "NGAY_VAO" || name == "NGAY_RA" }
