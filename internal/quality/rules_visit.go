package quality

import "lienthong/internal/dossier"

func visitRules() []group {
	const icd, icdEN = "Ghi mã ICD-10, ví dụ J18.9; nhiều mã cách nhau bằng dấu chấm phẩy.", "Write ICD-10, for example J18.9; separate codes by semicolons."
	const dates, datesEN = "Kiểm tra ngày của y lệnh và ngày vào, ngày ra.", "Check this date against arrival and end of visit."
	const dept, deptEN = "Mã khoa bắt đầu bằng K và hai chữ số, ví dụ K03.", "A department is K and two digits, for example K03."
	return []group{
		{dossier.Error, both(), sourceICD, []written{
			{"XML1.MA_BENH_CHINH.pattern", "Mã bệnh chính (MA_BENH_CHINH) không có dạng mã ICD-10.", "The main diagnosis (MA_BENH_CHINH) is not an ICD-10 code.", icd, icdEN},
			{"XML1.MA_BENH_CHINH.external", "Mã bệnh chính (MA_BENH_CHINH) là nguyên nhân bên ngoài (V01–Y98).", "The main diagnosis (MA_BENH_CHINH) is an external cause (V01-Y98).", "Ghi chẩn đoán tổn thương làm bệnh chính, nguyên nhân ghi ở bệnh kèm theo.", "Make the injury the main diagnosis and the cause a secondary one."},
			{"XML1.MA_BENH_CHINH.sex", "Mã bệnh chính (MA_BENH_CHINH) chỉ có ở giới tính kia.", "The main diagnosis (MA_BENH_CHINH) occurs in the other sex only.", "Kiểm tra giới tính và mã bệnh.", "Check sex and diagnosis."},
		}},
		{dossier.Warning, nil, sourceICD, []written{
			{"XML1.MA_BENH_KT.pattern", "Mã bệnh kèm theo (MA_BENH_KT) có mã không theo dạng ICD-10.", "A secondary diagnosis (MA_BENH_KT) is not an ICD-10 code.", icd, icdEN},
			{"XML1.MA_BENH_KT.sex", "Mã bệnh kèm theo (MA_BENH_KT) có bệnh chỉ có ở giới tính kia.", "A secondary diagnosis (MA_BENH_KT) occurs in the other sex only.", "Kiểm tra giới tính và mã bệnh.", "Check sex and diagnosis."},
			{"XML1.MA_BENH_KT.too_many", "Có hơn 12 mã bệnh kèm theo (MA_BENH_KT).", "There are more than 12 secondary diagnoses (MA_BENH_KT).", "Giữ tối đa 12 mã.", "Keep at most 12."},
			{"XML1.MA_BENH_KT.duplicate", "Mã bệnh kèm theo (MA_BENH_KT) lặp lại bệnh chính hoặc lặp lại nhau.", "A secondary diagnosis (MA_BENH_KT) repeats the main one or another.", "Bỏ mã lặp.", "Remove the repeated code."},
			{"XML3.MA_BENH.pattern", "Mã bệnh của dịch vụ (MA_BENH) không theo dạng ICD-10.", "The diagnosis of a service (MA_BENH) is not an ICD-10 code.", icd, icdEN},
			{"XML13.MA_BENH_CHINH.pattern", "Mã bệnh chính trên giấy chuyển tuyến không theo dạng ICD-10.", "The main diagnosis on the referral is not an ICD-10 code.", icd, icdEN},
			{"XML13.MA_BENH_KT.pattern", "Mã bệnh kèm theo trên giấy chuyển tuyến không theo dạng ICD-10.", "A secondary diagnosis on the referral is not an ICD-10 code.", icd, icdEN},
			{"XML14.MA_BENH_CHINH.pattern", "Mã bệnh chính trên giấy hẹn không theo dạng ICD-10.", "The main diagnosis on the appointment is not an ICD-10 code.", icd, icdEN},
			{"XML14.MA_BENH_KT.pattern", "Mã bệnh kèm theo trên giấy hẹn không theo dạng ICD-10.", "A secondary diagnosis on the appointment is not an ICD-10 code.", icd, icdEN},
		}},
		{dossier.Warning, nil, sourceTables, []written{
			{"XML1.NGAY_SINH.range", "Người bệnh hơn 130 tuổi theo ngày sinh (NGAY_SINH).", "The date of birth (NGAY_SINH) makes the patient older than 130.", "Đối chiếu ngày sinh với giấy tờ; phần chưa rõ ghi bằng số 0.", "Compare the date with the patient's papers; write unknown parts as zeros."},
			{"XML1.SO_NGAY_DTRI.days", "Số ngày điều trị (SO_NGAY_DTRI) không khớp ngày vào và ngày ra.", "The days of treatment (SO_NGAY_DTRI) do not fit arrival and end of visit.", "Đếm lại số ngày.", "Count the days again."},
			{"XML1.NGAY_TTOAN.order", "Ngày thanh toán (NGAY_TTOAN) trước ngày ra.", "Payment (NGAY_TTOAN) comes before the end of the visit.", "Kiểm tra ngày thanh toán.", "Check the payment date."},
			{"XML1.NGAY_RA.after_creation", "Ngày ra (NGAY_RA) muộn hơn ngày lập tệp (NGAYLAP).", "The end of the visit (NGAY_RA) is later than the day the file was made (NGAYLAP).", "Lập hồ sơ sau khi kết thúc đợt khám chữa bệnh.", "Make the dossier after the visit has ended."},
			{"XML1.NGAY_VAO_NOI_TRU.outside_stay", "Thời điểm vào nội trú (NGAY_VAO_NOI_TRU) nằm ngoài khoảng từ ngày vào đến ngày ra.", "Admission to treatment (NGAY_VAO_NOI_TRU) lies outside the visit.", dates, datesEN},
			{"XML1.NGAY_VAO_NOI_TRU.missing", "Điều trị nội trú nhưng thiếu thời điểm vào nội trú (NGAY_VAO_NOI_TRU).", "An inpatient stay lacks the time of admission (NGAY_VAO_NOI_TRU).", "Điền thời điểm vào nội trú.", "Fill in the time of admission."},
			{"XML1.NGAY_TAI_KHAM.order", "Ngày tái khám (NGAY_TAI_KHAM) trước ngày ra.", "A follow-up date (NGAY_TAI_KHAM) is before the end of the visit.", "Kiểm tra ngày hẹn.", "Check the appointment."},
			{"XML1.NAM_QT.range", "Năm quyết toán (NAM_QT) không hợp lý.", "The settlement year (NAM_QT) is not plausible.", "Ghi đủ bốn chữ số của năm.", "Write the year with four digits."},
			{"XML1.THANG_QT.range", "Tháng quyết toán (THANG_QT) không nằm trong 1 đến 12.", "The settlement month (THANG_QT) is not within 1 and 12.", "Ghi từ 1 đến 12.", "Write 1 to 12."},
			{"XML1.THANG_QT.order", "Kỳ quyết toán (NAM_QT, THANG_QT) trước tháng ra viện.", "The settlement period (NAM_QT, THANG_QT) is before the month the visit ended.", "Kiểm tra kỳ quyết toán.", "Check the settlement period."},
			{"XML1.MA_LOAI_RV.death", "Kết quả là tử vong nhưng loại ra viện là chuyển cơ sở.", "The outcome is death but the discharge is a transfer.", "Kiểm tra KET_QUA_DTRI và MA_LOAI_RV.", "Check KET_QUA_DTRI and MA_LOAI_RV."},
			{"XML1.MA_NOI_DEN.missing", "Chuyển cơ sở nhưng thiếu nơi chuyển đến (MA_NOI_DEN).", "A transfer does not say where to (MA_NOI_DEN).", "Ghi mã cơ sở chuyển đến.", "Write the code of the receiving facility."},
			{"XML1.MA_NOI_DEN.pattern", "Nơi chuyển đến (MA_NOI_DEN) không có dạng mã cơ sở 5 ký tự.", "MA_NOI_DEN is not a facility code of 5 characters.", "Tra mã cơ sở.", "Look the facility code up."},
			{"XML1.MA_NOI_DI.pattern", "Nơi chuyển đi (MA_NOI_DI) không có dạng mã cơ sở 5 ký tự.", "MA_NOI_DI is not a facility code of 5 characters.", "Tra mã cơ sở.", "Look the facility code up."},
			{"XML1.MA_KHOA.pattern", "Mã khoa (MA_KHOA) của đợt khám chữa bệnh không đúng dạng.", "A department code (MA_KHOA) of the visit has the wrong form.", dept, deptEN},
			{"XML2.MA_KHOA.pattern", "Mã khoa (MA_KHOA) của dòng thuốc không đúng dạng.", "The department (MA_KHOA) of a drug has the wrong form.", dept, deptEN},
			{"XML3.MA_KHOA.pattern", "Mã khoa (MA_KHOA) của dòng dịch vụ không đúng dạng.", "The department (MA_KHOA) of a service has the wrong form.", dept, deptEN},
			{"XML7.MA_KHOA_RV.pattern", "Mã khoa ra viện (MA_KHOA_RV) không đúng dạng.", "The discharging department (MA_KHOA_RV) has the wrong form.", dept, deptEN},
			{"XML2.NGAY_YL.outside_stay", "Ngày y lệnh (NGAY_YL) của thuốc nằm ngoài đợt khám chữa bệnh.", "A drug was ordered (NGAY_YL) outside the visit.", dates, datesEN},
			{"XML2.NGAY_TH_YL.order", "Ngày thực hiện y lệnh (NGAY_TH_YL) của thuốc trước ngày y lệnh.", "A drug was given (NGAY_TH_YL) before it was ordered.", dates, datesEN},
			{"XML3.NGAY_YL.outside_stay", "Ngày y lệnh (NGAY_YL) của dịch vụ nằm ngoài đợt khám chữa bệnh.", "A service was ordered (NGAY_YL) outside the visit.", dates, datesEN},
			{"XML3.NGAY_TH_YL.order", "Ngày thực hiện y lệnh (NGAY_TH_YL) của dịch vụ trước ngày y lệnh.", "A service was done (NGAY_TH_YL) before it was ordered.", dates, datesEN},
			{"XML3.NGAY_KQ.order", "Ngày có kết quả (NGAY_KQ) của dịch vụ trước ngày y lệnh hoặc ngày thực hiện.", "A result (NGAY_KQ) came before the order or the service.", dates, datesEN},
			{"XML4.NGAY_KQ.outside_stay", "Ngày có kết quả cận lâm sàng (NGAY_KQ) trước ngày vào.", "A test result (NGAY_KQ) came before arrival.", dates, datesEN},
			{"XML5.THOI_DIEM_DBLS.outside_stay", "Thời điểm diễn biến (THOI_DIEM_DBLS) nằm ngoài đợt khám chữa bệnh.", "A clinical note (THOI_DIEM_DBLS) lies outside the visit.", dates, datesEN},
			{"XML4.STT.duplicate", "Số thứ tự (STT) lặp lại trong bảng XML4.", "A row number (STT) stands twice in XML4.", "Đánh lại số thứ tự.", "Number the rows again."},
			{"XML5.STT.duplicate", "Số thứ tự (STT) lặp lại trong bảng XML5.", "A row number (STT) stands twice in XML5.", "Đánh lại số thứ tự.", "Number the rows again."},
			{"XML15.STT.duplicate", "Số thứ tự (STT) lặp lại trong bảng XML15.", "A row number (STT) stands twice in XML15.", "Đánh lại số thứ tự.", "Number the rows again."},
			{"XML4.GIA_TRI.missing", "Dòng cận lâm sàng không có giá trị, mô tả hay kết luận.", "A test has no value, description or conclusion.", "Điền kết quả.", "Fill in the result."},
		}},
		{dossier.Info, nil, sourceTables, []written{
			{"XML4.DON_VI_DO.missing", "Kết quả bằng số (GIA_TRI) nhưng thiếu đơn vị đo (DON_VI_DO).", "A numeric result (GIA_TRI) has no unit (DON_VI_DO).", "Điền đơn vị đo.", "Fill in the unit."},
			{"XML1.MA_NOI_DEN.unknown", "Hệ thống chưa biết cơ sở chuyển đến (MA_NOI_DEN).", "The hub does not know the receiving facility (MA_NOI_DEN).", "Kiểm tra mã cơ sở.", "Check the facility code."},
			{"XML1.MA_NOI_DI.unknown", "Hệ thống chưa biết cơ sở chuyển đi (MA_NOI_DI).", "The hub does not know the referring facility (MA_NOI_DI).", "Kiểm tra mã cơ sở.", "Check the facility code."},
		}},
	}
}
