package prescription

import (
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
)

// Sources of the rules. Nobody here has compared them with the signed text.
const (
	sourceCircular = "Thông tư 26/2025/TT-BYT"
	sourceShape    = "Cấu trúc đơn thuốc quốc gia (donthuocquocgia.vn)"
	sourceICD      = "Thông tư 06/2026/TT-BYT"
	sourceDesign   = "DESIGN §6"
)

// maxSupply and maxListed are the days a prescription may be for: of any disease,
// and of those on the list (Circular 26/2025/TT-BYT).
const (
	maxSupply = 30
	maxListed = 90
	validDays = 5 // days within which it can be dispensed
)

// guardedMonths is the age, in months, below which a prescription names the
// guardian and the weight (Circular 26/2025/TT-BYT: children under 72 months).
const guardedMonths = 72

// listed begins the ICD-10 codes of diseases for which more than 30 days may be
// prescribed. The annex names 252 diseases; these are some without doubt, and
// none of them was confirmed against the signed text.
var listed = []string{
	"B18", "B20", "B21", "B22", "B23", "B24", "D56", "D57", "D66", "D67", "D86", "E03", "E05", "E10", "E11", "E12", "E13", "E14",
	"E22", "E23", "E24", "E25", "E27", "E78", "F00", "F01", "F02", "F03", "F20", "F31", "F32", "F33", "G20", "G30", "G35", "G40", "G70",
	"H40", "I10", "I11", "I12", "I13", "I15", "I20", "I25", "I42", "I48", "I50", "I69", "J44", "J45", "J84", "K50", "K51", "K74",
	"L40", "M05", "M06", "M10", "M32", "M33", "M34", "M45", "M80", "M81", "N03", "N04", "N18", "Z94",
}

// isListed reports whether a diagnosis is on the list.
func isListed(code string) bool {
	for _, p := range listed {
		if strings.HasPrefix(code, p) {
			return true
		}
	}
	return false
}

type written struct {
	code           string
	severity       dossier.Severity
	source         string
	vi, en         string
	hintVI, hintEN string
}

// Rules are the rules of prescriptions, with how they are judged.
func Rules() quality.Set {
	set := quality.Set{Kind: Name, Judge: judge}
	for _, w := range append(rejecting(), findings()...) {
		r := quality.Rule{Code: w.code, Severity: w.severity, Rejects: strings.HasPrefix(w.code, "prescription."), Source: w.source,
			Text: fault.Text{VI: w.vi, EN: w.en}, Hint: fault.Text{VI: w.hintVI, EN: w.hintEN}}
		if parts := strings.Split(w.code, "."); !r.Rejects {
			if r.Table = parts[0]; r.Table == "PRESCRIPTION" {
				r.Table = tableHead
			}
			if len(parts) == 3 {
				r.Field = parts[1]
			}
		}
		set.Rules = append(set.Rules, r)
	}
	return set
}

func rejecting() []written {
	return []written{
		{"prescription.code", dossier.Error, sourceShape,
			"Mã đơn thuốc trống hoặc sai dạng: phải gồm 5 ký tự mã cơ sở, 7 ký tự 0-9 a-z, dấu gạch nối và một chữ C, N, H hoặc T.",
			"The prescription code is empty or malformed: five characters of the facility, seven of 0-9 a-z, a hyphen and one of C, N, H, T.",
			"Sinh lại mã đơn đủ 14 ký tự rồi ký và gửi lại.", "Make a code of 14 characters, then sign and send again."},
		{CodeReused, dossier.Error, sourceDesign,
			"Mã đơn thuốc này đã dùng cho một đơn có nội dung khác. Đơn đã gửi không sửa được; đơn trước vẫn được giữ.",
			"This prescription code was used for other content. A prescription that was sent cannot be changed; the first one is kept.",
			"Lập đơn mới với mã mới và ghi mã đơn cũ ở ma_don_thuoc_thay_the.", "Write a new one under a new code and name the old code in ma_don_thuoc_thay_the."},
	}
}

func findings() []written {
	rules := []written{
		{CodeUnknown, dossier.Warning, sourceDesign,
			"Đơn được thay thế chưa có trên hub.", "The prescription that this one replaces is not known here.",
			"Kiểm tra mã ở ma_don_thuoc_thay_the; gửi đơn cũ nếu chưa gửi.", "Check the code in ma_don_thuoc_thay_the; send the old one if it was not sent."},
		{CodeReplaced, dossier.Warning, sourceDesign,
			"Đơn này thay thế một đơn đã bị đơn khác thay thế hoặc đã rút lại.", "The prescription that this one replaces was replaced or withdrawn already.",
			"Tìm đơn đang có hiệu lực của người bệnh và thay thế đơn đó.", "Find the patient's current prescription and replace that one."},
		{"DON_THUOC.MA_DON_THUOC_THAY_THE.form", dossier.Warning, sourceDesign,
			"Mã đơn được thay thế sai dạng hoặc trùng mã của chính đơn này.", "The code of the prescription replaced is malformed, or is this one's own.",
			"Ghi đủ 14 ký tự mã của đơn cũ.", "Write all 14 characters of the old prescription's code."},
		{"DON_THUOC.LOAI_DON_THUOC.differs", dossier.Warning, sourceShape,
			"Loại đơn thuốc khác chữ cuối của mã đơn.", "The kind of prescription differs from the last letter of its code.",
			"Sửa loại đơn cho khớp mã: C cơ bản, N gây nghiện, H hướng thần, T cổ truyền.", "Make both agree: C basic, N narcotic, H psychotropic, T traditional."},
		{"DON_THUOC.MA_DINH_DANH_CONG_DAN.form", dossier.Warning, sourceShape,
			"Số định danh cá nhân không đủ 12 chữ số.", "The citizen number is not 12 digits.",
			"Ghi đủ 12 chữ số, hoặc để trống khi chưa có.", "Write all 12 digits, or leave it empty where there is none."},
		{"DON_THUOC.MA_DINH_DANH_CONG_DAN.missing", dossier.Error, sourceCircular,
			"Đơn thuốc gây nghiện hoặc hướng thần thiếu số định danh của người bệnh và thiếu người giám hộ.",
			"A narcotic or psychotropic prescription names neither the patient's citizen number nor a guardian.",
			"Ghi số định danh của người bệnh hoặc thông tin người nhận thuốc thay.", "Write the patient's citizen number or who takes the drugs for them."},
		{"DON_THUOC.THONG_TIN_NGUOI_GIAM_HO.missing", dossier.Warning, sourceCircular,
			"Trẻ dưới 72 tháng tuổi nhưng đơn không ghi người giám hộ.", "The patient is under 72 months old and no guardian is named.",
			"Ghi họ tên bố, mẹ hoặc người giám hộ.", "Name a parent or guardian."},
		{"DON_THUOC.CAN_NANG.missing", dossier.Warning, sourceCircular,
			"Trẻ dưới 72 tháng tuổi nhưng đơn không ghi cân nặng.", "The patient is under 72 months old and no weight is given.",
			"Ghi cân nặng theo kg.", "Write the weight in kg."},
		{"DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.order", dossier.Warning, sourceShape,
			"Ngày cuối đợt dùng thuốc trước ngày đầu đợt.", "The course ends before it begins.",
			"Sửa ngày của đợt dùng thuốc.", "Correct the dates of the course."},
		{"DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.supply", dossier.Warning, sourceCircular,
			"Đơn kê quá 30 ngày, hoặc quá 90 ngày với bệnh được kê dài ngày.", "The prescription is for more than 30 days, or more than 90 for a disease on the list.",
			"Rút ngắn đợt dùng thuốc hoặc kiểm tra mã bệnh.", "Shorten the course or check the diagnosis code."},
		{"DON_THUOC.NGAY_TAI_KHAM.not_number", dossier.Warning, sourceShape,
			"Số ngày tái khám không phải số nguyên từ 0.", "The days until the next visit are not a whole number from 0.",
			"Ghi số ngày, ví dụ 30, không ghi ngày tháng.", "Write a number of days such as 30, not a date."},
		{"DON_THUOC.NGAY_GIO_KE_DON.late", dossier.Info, sourceCircular,
			"Đơn đến hub sau hạn 5 ngày kể từ ngày kê.", "The prescription arrived after the five days for which it is valid.",
			"Gửi đơn ngay sau khi khám.", "Send prescriptions right after the visit."},
		{"CHAN_DOAN.missing", dossier.Warning, sourceShape,
			"Đơn không có chẩn đoán.", "There is no diagnosis.", "Ghi mã và tên chẩn đoán.", "Write the code and name of the diagnosis."},
		{"CHAN_DOAN.MA_CHAN_DOAN.form", dossier.Warning, sourceICD,
			"Mã chẩn đoán không có dạng ICD-10.", "The diagnosis code has not the form of ICD-10.", "Ghi mã như J18.9.", "Write a code such as J18.9."},
		{"THUOC.missing", dossier.Error, sourceShape,
			"Đơn không có thuốc nào.", "The prescription has no drug.", "Xuất lại đơn có danh sách thuốc.", "Export the prescription again with its drugs."},
		{"THUOC.SO_LUONG.not_number", dossier.Error, sourceShape,
			"Số lượng thuốc không phải số.", "The quantity of a drug is no number.", "Ghi số, dùng dấu chấm thập phân; đơn vị ghi ở don_vi_tinh.", "Write a number with a decimal point; the unit goes into don_vi_tinh."},
		{"THUOC.SO_LUONG.not_positive", dossier.Error, sourceShape,
			"Số lượng thuốc bằng 0 hoặc âm.", "The quantity of a drug is zero or negative.", "Sửa số lượng hoặc bỏ dòng thuốc.", "Correct the quantity or take the row out."},
		{"THUOC.SO_LUONG_BAN.not_number", dossier.Warning, sourceShape,
			"Số lượng đã bán không phải số từ 0.", "The quantity dispensed is no number from 0.", "Ghi số, dùng dấu chấm thập phân.", "Write a number with a decimal point."},
		{"THUOC.SO_LUONG_BAN.no_code", dossier.Warning, sourceShape,
			"Có số lượng đã bán nhưng không có mã thuốc hay số đăng ký.", "A quantity was dispensed of a drug without code or registration number.", "Ghi ma_thuoc hoặc so_dang_ky của thuốc đã bán.", "Write ma_thuoc or so_dang_ky of what was dispensed."},
		{"THUOC.SO_LUONG_BAN.over", dossier.Warning, sourceShape,
			"Số lượng đã bán nhiều hơn số lượng kê.", "More was dispensed than prescribed.", "Kiểm tra số lượng đã bán.", "Check the quantity dispensed."},
		{"THUOC.NGAY_BAN.expired", dossier.Warning, sourceCircular,
			"Thuốc bán sau khi đơn hết hạn 5 ngày.", "The drug was dispensed after the five days for which the prescription is valid.", "Kiểm tra ngày bán và ngày kê đơn.", "Check both dates."},
	}
	rules = append(rules, missing()...)
	return append(rules, dates()...)
}

// missing are the fields a prescription cannot do without.
func missing() []written {
	var rules []written
	for _, m := range [...]struct {
		code     string
		severity dossier.Severity
		vi, en   string
	}{
		{"DON_THUOC.LOAI_DON_THUOC.missing", dossier.Warning, "loại đơn thuốc", "kind of prescription"},
		{"DON_THUOC.HO_TEN_BENH_NHAN.missing", dossier.Error, "họ tên người bệnh", "patient's name"},
		{"DON_THUOC.NGAY_SINH_BENH_NHAN.missing", dossier.Warning, "ngày sinh người bệnh", "patient's date of birth"},
		{"DON_THUOC.GIOI_TINH.missing", dossier.Warning, "giới tính người bệnh", "patient's sex"},
		{"DON_THUOC.NGAY_GIO_KE_DON.missing", dossier.Warning, "ngày giờ kê đơn", "time of prescribing"},
		{"CHAN_DOAN.MA_CHAN_DOAN.missing", dossier.Warning, "mã chẩn đoán", "diagnosis code"},
		{"THUOC.TEN_THUOC.missing", dossier.Error, "tên thuốc", "name of the drug"},
		{"THUOC.MA_THUOC.missing", dossier.Info, "mã thuốc", "code of the drug"},
		{"THUOC.SO_LUONG.missing", dossier.Error, "số lượng thuốc", "quantity of the drug"},
		{"THUOC.DON_VI_TINH.missing", dossier.Warning, "đơn vị tính", "unit of the drug"},
		{"THUOC.CACH_DUNG.missing", dossier.Error, "cách dùng thuốc", "way to take the drug"},
	} {
		rules = append(rules, written{m.code, m.severity, sourceShape, "Thiếu " + m.vi + ".", "The " + m.en + " is missing.",
			"Bổ sung " + m.vi + " rồi lập đơn mới thay thế đơn này.", "Add the " + m.en + " in a new prescription that replaces this one."})
	}
	for _, l := range [...][4]string{
		{"DON_THUOC.LOAI_DON_THUOC.not_in_list", "Loại đơn thuốc không phải c, n, h hoặc y.", "The kind of prescription is not c, n, h or y.", "c, n, h, y"},
		{"DON_THUOC.GIOI_TINH.not_in_list", "Giới tính trong đơn không phải 1 (chưa xác định), 2 (nam) hoặc 3 (nữ).", "The sex in a prescription is not 1 (undetermined), 2 (male) or 3 (female).", "1, 2, 3"},
	} {
		rules = append(rules, written{l[0], dossier.Warning, sourceShape, l[1], l[2], "Ghi một trong: " + l[3] + ".", "Write one of: " + l[3] + "."})
	}
	return rules
}

func dates() []written {
	var rules []written
	for _, d := range [...][5]string{
		{"DON_THUOC.NGAY_SINH_BENH_NHAN", "Ngày sinh", "date of birth", "dd/MM/yyyy", "future"},
		{"DON_THUOC.NGAY_GIO_KE_DON", "Ngày giờ kê đơn", "time of prescribing", "yyyy-MM-dd HH:mm:ss", "future"},
		{"DON_THUOC.DOT_DUNG_THUOC_TU_NGAY", "Ngày đầu đợt dùng thuốc", "first day of the course", "dd/MM/yyyy", ""},
		{"DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY", "Ngày cuối đợt dùng thuốc", "last day of the course", "dd/MM/yyyy", ""},
		{"THUOC.NGAY_BAN", "Ngày bán thuốc", "day of dispensing", "yyyy-MM-dd HH:mm:ss", ""},
	} {
		rules = append(rules, written{d[0] + ".not_date", dossier.Warning, sourceShape, d[1] + " không phải một ngày có thật.", "The " + d[2] + " is no real date.",
			"Ghi theo dạng " + d[3] + ".", "Write it as " + d[3] + "."})
		if d[4] != "" {
			rules = append(rules, written{d[0] + ".future", dossier.Error, sourceShape, d[1] + " muộn hơn lúc nhận hơn 24 giờ.", "The " + d[2] + " lies more than 24 hours after receipt.",
				"Kiểm tra đồng hồ máy trạm.", "Check the clock of the workstation."})
		}
	}
	return rules
}
