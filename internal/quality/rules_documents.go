package quality

import (
	"lienthong/internal/dossier"
	"lienthong/internal/schema"
)

func documentRules() []group {
	const card, cardEN = "Thẻ tạm của trẻ: TE1, hai chữ số tỉnh và 10 ký tự.", "A child's temporary card is TE1, two digits of a province and 10 characters."
	return []group{
		{dossier.Warning, nil, sourceTables, []written{
			{"XML5.missing", "Điều trị nội trú nhưng không có diễn biến lâm sàng (XML5).", "An inpatient stay has no clinical course (XML5).", "Xuất lại hồ sơ kèm XML5.", "Export the dossier again with XML5."},
			{"XML7.missing", "Ra viện sau điều trị nội trú nhưng không có giấy ra viện (XML7).", "A patient discharged from inpatient care has no discharge paper (XML7).", "Xuất lại hồ sơ kèm XML7.", "Export the dossier again with XML7."},
			{"XML7.MA_DINH_CHI_THAI.sex", "Giấy ra viện ghi đình chỉ thai nhưng người bệnh là nam.", "The discharge paper says a pregnancy ended but the patient is male.", "Kiểm tra giới tính và MA_DINH_CHI_THAI.", "Check sex and MA_DINH_CHI_THAI."},
			{"XML7.NGUYENNHAN_DINHCHI.missing", "Giấy ra viện ghi đình chỉ thai nhưng thiếu nguyên nhân (NGUYENNHAN_DINHCHI).", "The discharge paper says a pregnancy ended but not why (NGUYENNHAN_DINHCHI).", "Điền nguyên nhân.", "Fill in the cause."},
			{"XML7.SO_NGAY_NGHI.days", "Số ngày nghỉ sau ra viện (SO_NGAY_NGHI) không khớp từ ngày và đến ngày.", "The days of leave after discharge (SO_NGAY_NGHI) do not fit their dates.", "Đếm lại số ngày.", "Count the days again."},
			{"XML7.NGOAITRU_DENNGAY.order", "Ngày nghỉ cuối (NGOAITRU_DENNGAY) trước ngày nghỉ đầu.", "The leave after discharge ends before it begins.", "Kiểm tra hai ngày.", "Check both dates."},
			{"XML7.MA_THE_TAM.pattern", "Thẻ tạm (MA_THE_TAM) trên giấy ra viện không đúng dạng.", "The temporary card (MA_THE_TAM) on the discharge paper has the wrong form.", card, cardEN},
			{"XML8.MA_THE_TAM.pattern", "Thẻ tạm (MA_THE_TAM) trên tóm tắt hồ sơ không đúng dạng.", "The temporary card (MA_THE_TAM) on the record summary has the wrong form.", card, cardEN},
			{"XML9.MA_THE_TAM.pattern", "Thẻ tạm (MA_THE_TAM) trên giấy chứng sinh không đúng dạng.", "The temporary card (MA_THE_TAM) on the birth certificate has the wrong form.", card, cardEN},
			{"XML11.MA_THE_TAM.pattern", "Thẻ tạm (MA_THE_TAM) trên giấy nghỉ việc không đúng dạng.", "The temporary card (MA_THE_TAM) on the sick leave has the wrong form.", card, cardEN},
			{"XML9.HO_TEN_NND.sex", "Có giấy chứng sinh nhưng người bệnh là nam trên một tuổi.", "There is a birth certificate but the patient is male and over one year.", "Kiểm tra giấy chứng sinh thuộc hồ sơ nào.", "See which dossier the certificate belongs to."},
			{"XML9.NGAY_SINH_CON.outside_stay", "Ngày sinh con (NGAY_SINH_CON) nằm ngoài đợt điều trị của mẹ.", "The child was born (NGAY_SINH_CON) outside the mother's stay.", "Kiểm tra ngày giờ sinh.", "Check the time of birth."},
			{"XML9.CAN_NANG_CON.range", "Cân nặng con (CAN_NANG_CON) trên giấy chứng sinh không thể có ở trẻ sơ sinh.", "The newborn's weight (CAN_NANG_CON) on the certificate is not possible.", "Ghi bằng số gam, ví dụ 3200.", "Write grams, for example 3200."},
			{"XML9.SO_CON.range", "Số con trong lần sinh (SO_CON) không hợp lý.", "The number of children of this birth (SO_CON) is not plausible.", "Ghi số con của lần sinh này.", "Write how many were born this time."},
			{"XML10.CHAN_DOAN_RV.sex", "Có giấy nghỉ dưỡng thai nhưng người bệnh là nam.", "There is antenatal leave but the patient is male.", "Kiểm tra giới tính và giấy nghỉ.", "Check sex and the leave."},
			{"XML10.SO_NGAY.days", "Số ngày nghỉ dưỡng thai (SO_NGAY) không khớp từ ngày và đến ngày.", "The days of antenatal leave (SO_NGAY) do not fit their dates.", "Đếm lại số ngày.", "Count the days again."},
			{"XML10.DEN_NGAY.order", "Giấy nghỉ dưỡng thai có đến ngày trước từ ngày.", "The antenatal leave ends before it begins.", "Kiểm tra hai ngày.", "Check both dates."},
			{"XML11.SO_NGAY_NGHI.days", "Số ngày nghỉ việc (SO_NGAY_NGHI) không khớp từ ngày và đến ngày.", "The days of sick leave (SO_NGAY_NGHI) do not fit their dates.", "Đếm lại số ngày.", "Count the days again."},
			{"XML11.DEN_NGAY.order", "Giấy nghỉ việc có đến ngày trước từ ngày.", "The sick leave ends before it begins.", "Kiểm tra hai ngày.", "Check both dates."},
			{"XML11.MA_DINH_CHI_THAI.sex", "Giấy nghỉ việc ghi đình chỉ thai nhưng người bệnh là nam.", "The sick leave says a pregnancy ended but the patient is male.", "Kiểm tra giới tính và MA_DINH_CHI_THAI.", "Check sex and MA_DINH_CHI_THAI."},
			{"XML12.TYLE_TTCT_MOI.range", "Tỷ lệ tổn thương cơ thể (TYLE_TTCT_MOI) không nằm trong 0 đến 100.", "The impairment (TYLE_TTCT_MOI) is not within 0 and 100.", "Ghi tỷ lệ theo phần trăm.", "Write a percentage."},
			{"XML15.NGAYKT_DTRI_LAO.order", "Ngày kết thúc điều trị lao (NGAYKT_DTRI_LAO) trước ngày bắt đầu.", "TB treatment ends (NGAYKT_DTRI_LAO) before it begins.", "Kiểm tra hai ngày.", "Check both dates."},
			{"XML6.BDDT_ARV.order", "Ngày bắt đầu ARV (BDDT_ARV) trước ngày khẳng định HIV (NGAYKD_HIV).", "ARV began (BDDT_ARV) before HIV was confirmed (NGAYKD_HIV).", "Kiểm tra hai ngày.", "Check both dates."},
			{"XML6.NGAY_KET_THUC_XU_TRI.order", "Ngày kết thúc xử trí (NGAY_KET_THUC_XU_TRI) trước ngày bắt đầu.", "The measure ends (NGAY_KET_THUC_XU_TRI) before it begins.", "Kiểm tra hai ngày.", "Check both dates."},
		}},
		{dossier.Warning, nil, sourceReferral, []written{
			{"XML13.missing", "Chuyển cơ sở theo yêu cầu chuyên môn nhưng không có giấy chuyển tuyến (XML13).", "A clinical transfer has no referral (XML13).", "Xuất lại hồ sơ kèm XML13.", "Export the dossier again with XML13."},
			{"XML13.MA_CSKCB_DEN.same", "Nơi chuyển đến (MA_CSKCB_DEN) chính là cơ sở gửi hồ sơ.", "The receiving facility (MA_CSKCB_DEN) is the sender itself.", "Ghi mã cơ sở chuyển đến.", "Write the code of the receiving facility."},
			{"XML13.MA_NOI_DEN.same", "Nơi chuyển đến (MA_NOI_DEN) chính là cơ sở gửi hồ sơ.", "The receiving facility (MA_NOI_DEN) is the sender itself.", "Ghi mã cơ sở chuyển đến.", "Write the code of the receiving facility."},
			{"XML13.MA_CSKCB_DI.differs", "Nơi chuyển đi (MA_CSKCB_DI) không phải cơ sở gửi hồ sơ.", "The referring facility (MA_CSKCB_DI) is not the sender.", "Ghi mã cơ sở mình.", "Write your own facility code."},
			{"XML13.MA_NOI_DI.differs", "Nơi chuyển đi (MA_NOI_DI) không phải cơ sở gửi hồ sơ.", "The referring facility (MA_NOI_DI) is not the sender.", "Ghi mã cơ sở mình.", "Write your own facility code."},
			{"XML14.NGAY_HEN_KL.order", "Ngày hẹn khám lại (NGAY_HEN_KL) trước ngày ra.", "The appointment (NGAY_HEN_KL) is before the end of the visit.", "Kiểm tra ngày hẹn.", "Check the appointment."},
			{"XML14.NGAY_HEN_KL.death", "Người bệnh tử vong nhưng có giấy hẹn khám lại.", "The patient died but has a follow-up appointment.", "Kiểm tra KET_QUA_DTRI và giấy hẹn.", "Check KET_QUA_DTRI and the appointment."},
		}},
		{dossier.Info, nil, sourceReferral, []written{
			{"XML13.MA_CSKCB_DEN.unknown", "Hệ thống chưa biết cơ sở chuyển đến (MA_CSKCB_DEN).", "The hub does not know the receiving facility (MA_CSKCB_DEN).", "Kiểm tra mã cơ sở.", "Check the facility code."},
			{"XML13.MA_NOI_DEN.unknown", "Hệ thống chưa biết cơ sở chuyển đến (MA_NOI_DEN).", "The hub does not know the receiving facility (MA_NOI_DEN).", "Kiểm tra mã cơ sở.", "Check the facility code."},
		}},
		{dossier.Info, nil, sourceBook, []written{
			{"XML8.missing", "Không có tóm tắt hồ sơ bệnh án (XML8), nên sổ sức khoẻ điện tử thiếu đợt khám này.", "Without a record summary (XML8) the health book lacks this visit.", "Gửi kèm XML8 cho mọi đợt khám chữa bệnh.", "Send XML8 with every visit."},
		}},
	}
}

// difference is a field that repeats one of XML1 and should say the same.
type difference struct {
	table, field string
	how          comparison
}

type comparison int

const (
	asCode   comparison = iota // as it stands
	asMoment                   // at the coarser precision
	asName                     // folded
)

// differences never reject: a name misspelt on a slip is a slip,
// not another patient (DESIGN §6).
func differences() []difference {
	return []difference{
		{"XML0", "HO_TEN", asName}, {"XML0", "NGAY_SINH", asMoment}, {"XML0", "GIOI_TINH", asCode}, {"XML0", "NGAY_VAO", asMoment},
		{"XML6", "NGAY_SINH", asMoment}, {"XML6", "GIOI_TINH", asCode},
		{"XML7", "NGAY_VAO", asMoment}, {"XML7", "NGAY_RA", asMoment},
		{"XML8", "MA_LOAI_KCB", asCode}, {"XML8", "NGAY_VAO", asMoment}, {"XML8", "NGAY_RA", asMoment}, {"XML8", "KET_QUA_DTRI", asCode},
		{"XML12", "HO_TEN", asName}, {"XML12", "NGAY_SINH", asMoment},
		{"XML13", "HO_TEN", asName}, {"XML13", "NGAY_SINH", asMoment}, {"XML13", "GIOI_TINH", asCode},
		{"XML13", "NGAY_VAO", asMoment}, {"XML13", "NGAY_RA", asMoment}, {"XML13", "MA_LOAI_RV", asCode},
		{"XML14", "HO_TEN", asName}, {"XML14", "NGAY_SINH", asMoment}, {"XML14", "GIOI_TINH", asCode},
		{"XML14", "NGAY_VAO", asMoment}, {"XML14", "NGAY_RA", asMoment}, {"XML15", "HO_TEN", asName},
	}
}

func differRules() []group {
	newest := schema.Versions()[len(schema.Versions())-1]
	g := group{severity: dossier.Warning, source: sourceTables}
	for _, d := range differences() {
		t := newest.Table(d.table)
		label := t.Field(d.field).Label()
		g.rules = append(g.rules, written{d.table + "." + d.field + ".differs",
			t.Title.VI + " (" + d.table + "): " + soft(label.VI) + " (" + d.field + ") khác bảng tổng hợp (XML1).",
			t.Title.EN + " (" + d.table + "): " + soft(label.EN) + " (" + d.field + ") differs from the summary (XML1).",
			"Đối chiếu hai bảng và sửa bảng sai.", "Compare both tables and correct the wrong one."})
	}
	return []group{g}
}
