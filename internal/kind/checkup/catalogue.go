package checkup

import (
	"fmt"
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

const (
	sourceFields = "QĐ 1551/2026, annex 2; reading, to be confirmed"
	sourceClass  = "QĐ 1613/BYT-QĐ (1997) and Circular 32/2023: five classes; reading, to be confirmed"
	sourceLate   = "QĐ 2062/2026: send within 24 hours; reading, to be confirmed"
	sourceRange  = "plausible range, own"
)

// Rules are the rules of health checks, to be added to a pack.
func Rules() quality.Set { return quality.Set{Kind: Name, Rules: catalogue(), Judge: judge} }

func catalogue() []quality.Rule {
	all := generated()
	add := func(code string, severity dossier.Severity, source, vi, en, hintVI, hintEN string) {
		table, rest, _ := strings.Cut(code, ".")
		field, _, whole := strings.Cut(rest, ".")
		if !whole {
			field = ""
		}
		all = append(all, quality.Rule{Code: code, Severity: severity, Source: source, Table: table, Field: field,
			Text: fault.Text{VI: vi, EN: en}, Hint: fault.Text{VI: hintVI, EN: hintEN}})
	}
	add(Person+".missing", dossier.Error, sourceFields, "Hồ sơ khám sức khỏe thiếu thông tin hành chính.", "The health check has no data of the person.",
		"Xuất lại hồ sơ có đủ THONG_TIN_HANH_CHINH.", "Export it again with THONG_TIN_HANH_CHINH.")
	add(Conclusion+".missing", dossier.Error, sourceFields, "Hồ sơ khám sức khỏe thiếu phần kết luận.", "The health check has no conclusion.",
		"Gửi sau khi đã kết luận.", "Send it once it is concluded.")
	add(Conclusion+".PHAN_LOAI_SUC_KHOE.not_in_list", dossier.Warning, sourceClass, "Phân loại sức khỏe không phải loại 1 đến 5.", "The health class is not one of 1 to 5.",
		"Ghi từ 1 đến 5 (hoặc I đến V).", "Write 1 to 5 (or I to V).")
	add(Conclusion+".NGAY_KET_LUAN.late", dossier.Info, sourceLate, "Hồ sơ tới sau khi kết luận hơn 24 giờ.", "The file came more than 24 hours after the conclusion.",
		"Gửi trong vòng 24 giờ.", "Send within 24 hours.")
	add(Person+".MAXA_CU_TRU.pattern", dossier.Warning, sourceFields, "Mã xã cư trú không phải 5 chữ số.", "The ward code is not 5 digits.",
		"Tra mã xã theo danh mục hiện hành.", "Look the code up in the present list.")
	add(Person+".MAHUYEN_CU_TRU.outdated", dossier.Info, sourceFields, "Hồ sơ còn ghi mã huyện, cấp đã bỏ từ 2025-07-01.", "The file still has a district code; districts ended on 2025-07-01.",
		"Để trống mã huyện.", "Leave the district empty.")
	add(Person+".SO_CCCD.pattern", dossier.Warning, sourceFields, "Số căn cước không đúng dạng.", "The citizen number has the wrong form.",
		"Ghi đủ 12 chữ số.", "Write all 12 digits.")
	add("KHAMSUCKHOE.MA_GTIN_CSKCB.pattern", dossier.Warning, sourceFields, "Mã GLN/GTIN của cơ sở không phải 13 chữ số.", "The facility's GLN/GTIN is not 13 digits.",
		"Ghi mã 13 chữ số được cấp khi đăng ký.", "Write the 13 digits given at registration.")
	add("KHAMSUCKHOE.MA_GTIN_CSKCB.missing", dossier.Info, sourceFields, "Hồ sơ không ghi mã GLN/GTIN của cơ sở.", "The file does not state the facility's GLN/GTIN.",
		"Ghi mã 13 chữ số được cấp khi đăng ký.", "Write the 13 digits given at registration.")
	add(Vitals+".CHI_SO_BMI.sum", dossier.Warning, sourceRange, "BMI không bằng cân nặng chia bình phương chiều cao.", "The body mass index is not weight over height squared.",
		"Kiểm tra chiều cao (cm), cân nặng (kg) và BMI.", "Check height (cm), weight (kg) and the index.")
	add(Vitals+".HUYET_AP_TAM_TRUONG.order", dossier.Warning, sourceRange, "Huyết áp tâm trương không thấp hơn tâm thu.", "The diastolic pressure is not below the systolic one.",
		"Kiểm tra hai số huyết áp.", "Check the two pressures.")
	for _, v := range vitals {
		add(Vitals+"."+v.field+".range", dossier.Warning, sourceRange,
			fmt.Sprintf("Giá trị ngoài khoảng có thể có (%s đến %s).", decimal(v.low), decimal(v.high)), fmt.Sprintf("A value outside what can be (%s to %s).", decimal(v.low), decimal(v.high)),
			"Kiểm tra giá trị và đơn vị đo.", "Check the value and its unit.")
	}
	return all
}

// generated are the rules that the specification of a field gives.
func generated() []quality.Rule {
	var all []quality.Rule
	for _, t := range Spec().Tables() {
		for i := range t.Fields {
			f := &t.Fields[i]
			for _, p := range problemsOf(f) {
				all = append(all, quality.Rule{Code: t.Name + "." + f.Name + "." + p, Severity: dossier.Warning, Table: t.Name, Field: f.Name, Source: sourceFields,
					Text: fault.Text{VI: f.LabelVI + " (" + f.Name + ") " + said[p].VI, EN: f.LabelEN + " (" + f.Name + ") " + said[p].EN}, Hint: hints[p]})
			}
		}
	}
	return all
}

func problemsOf(f *schema.Field) (out []string) {
	if f.Required == schema.Required {
		out = append(out, "missing")
	}
	if f.MaxLen > 0 {
		out = append(out, "too_long")
	}
	switch f.Type {
	case schema.Date, schema.DateTime:
		out = append(out, "not_date")
	case schema.Number:
		out = append(out, "not_number")
	}
	return out
}

var said = map[string]fault.Text{
	"missing":    {VI: "để trống.", EN: "is empty."},
	"too_long":   {VI: "dài quá quy định.", EN: "is too long."},
	"not_date":   {VI: "không phải ngày theo dạng yyyyMMddHHmm.", EN: "is no date of the form yyyyMMddHHmm."},
	"not_number": {VI: "không phải số.", EN: "is no number."},
}

var hints = map[string]fault.Text{
	"missing":    {VI: "Điền thông tin này.", EN: "Fill it in."},
	"too_long":   {VI: "Rút gọn.", EN: "Shorten it."},
	"not_date":   {VI: "Ghi đủ năm, tháng, ngày, giờ, phút liền nhau.", EN: "Write year, month, day, hour and minute without marks."},
	"not_number": {VI: "Ghi số, dấu thập phân là dấu chấm.", EN: "Write a number with a decimal point."},
}

// vital is a sign with what it can be, in tenths.
type vital struct {
	field     string
	low, high int64
}

// vitals are ranges a living person can have, children included: outside lies a
// slip of the pen or another unit.
var vitals = []vital{
	{"CHIEU_CAO", 400, 2500}, {"CAN_NANG", 20, 4000}, {"CHI_SO_BMI", 80, 900}, {"VONG_BUNG", 250, 2500}, {"MACH", 250, 2500},
	{"NHIET_DO", 300, 440}, {"HUYET_AP_TAM_THU", 500, 3000}, {"HUYET_AP_TAM_TRUONG", 200, 2000}, {"NHIP_THO", 40, 900}, {"SPO2", 400, 1000},
}

func decimal(tenths int64) string {
	if tenths%10 == 0 {
		return fmt.Sprint(tenths / 10)
	}
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}
