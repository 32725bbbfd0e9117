package quality

import (
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Sources more than one rule is a reading of.
const (
	sourceTables   = "QĐ 4750/QĐ-BYT; QĐ 3176/QĐ-BYT"
	sourceSums     = "QĐ 4750/QĐ-BYT, bảng XML1, XML2, XML3"
	sourceICD      = "Thông tư 06/2026/TT-BYT"
	sourceCitizen  = "Thông tư 59/2021/TT-BCA"
	sourceCard     = "QĐ 1351/QĐ-BHXH"
	sourceReferral = "Thông tư 01/2025/TT-BYT"
	sourceBook     = "QĐ 2733/QĐ-BYT 2024"
	sourceText     = "Thực hành: Unicode NFC (TCVN 6909)"
	sourcePractice = "Thực hành"
)

// written is one rule in words: code, sentences and hints in both languages.
type written struct{ code, vi, en, hintVI, hintEN string }

// group is rules of one severity, effect and source.
type group struct {
	severity dossier.Severity
	blocks   []dossier.Purpose
	source   string
	rules    []written
}

// handWritten returns the rules that look at more than one field's own form.
func handWritten() []Rule {
	var rules []Rule
	groups := append(moneyRules(), personRules()...)
	groups = append(groups, visitRules()...)
	groups = append(groups, documentRules()...)
	groups = append(groups, differRules()...)
	for _, g := range groups {
		for _, w := range g.rules {
			parts := strings.Split(w.code, ".")
			r := Rule{Code: w.code, Severity: g.severity, Blocks: g.blocks, Source: g.source, Table: parts[0],
				Text: fault.Text{VI: w.vi, EN: w.en}, Hint: fault.Text{VI: w.hintVI, EN: w.hintEN}}
			if len(parts) == 3 {
				r.Field = parts[1]
			}
			rules = append(rules, r)
		}
	}
	return rules
}

func payment() []dossier.Purpose    { return []dossier.Purpose{dossier.Payment} }
func statistics() []dossier.Purpose { return []dossier.Purpose{dossier.Statistics} }
func both() []dossier.Purpose       { return []dossier.Purpose{dossier.Payment, dossier.Statistics} }

func moneyRules() []group {
	const see, seeEN = "Tính lại từ các dòng chi tiết rồi gửi lại.", "Add the detail rows up again and send."
	sums := []written{
		{"XML1.T_THUOC.sum", "Tổng tiền thuốc (T_THUOC) khác tổng thành tiền của XML2.", "The total of drugs (T_THUOC) is not the sum of XML2.", see, seeEN},
		{"XML1.T_VTYT.sum", "Tổng tiền vật tư (T_VTYT) khác tổng các dòng vật tư của XML3.", "The total of supplies (T_VTYT) is not the sum of XML3's supplies.", see, seeEN},
		{"XML1.T_TONGCHI_BV.sum", "Tổng chi theo giá bệnh viện (T_TONGCHI_BV) khác tổng THANH_TIEN_BV của XML2 và XML3.", "The total at hospital prices (T_TONGCHI_BV) is not the sum of THANH_TIEN_BV in XML2 and XML3.", see, seeEN},
		{"XML1.T_TONGCHI_BH.sum", "Tổng chi theo giá bảo hiểm (T_TONGCHI_BH) khác tổng THANH_TIEN_BH của XML2 và XML3.", "The total at insurance prices (T_TONGCHI_BH) is not the sum of THANH_TIEN_BH in XML2 and XML3.", see, seeEN},
		{"XML1.T_BNTT.sum", "Tiền người bệnh tự trả (T_BNTT) khác tổng các dòng XML2 và XML3.", "What the patient pays (T_BNTT) is not the sum over XML2 and XML3.", see, seeEN},
		{"XML1.T_BNCCT.sum", "Tiền cùng chi trả (T_BNCCT) khác tổng các dòng XML2 và XML3.", "The co-payment (T_BNCCT) is not the sum over XML2 and XML3.", see, seeEN},
		{"XML1.T_BHTT.sum", "Tiền đề nghị bảo hiểm thanh toán (T_BHTT) khác tổng các dòng XML2 và XML3.", "What insurance pays (T_BHTT) is not the sum over XML2 and XML3.", see, seeEN},
		{"XML1.T_NGUONKHAC.sum", "Tiền nguồn khác (T_NGUONKHAC) khác tổng các dòng XML2 và XML3.", "What other sources pay (T_NGUONKHAC) is not the sum over XML2 and XML3.", see, seeEN},
		{"XML1.T_BHTT_GDV.sum", "Phần thanh toán theo giá dịch vụ (T_BHTT_GDV) lớn hơn T_BHTT.", "The fee-for-service part (T_BHTT_GDV) is more than T_BHTT.", "Kiểm tra hai tổng này.", "Check both totals."},
		{"XML1.T_BHTT.uninsured", "Người bệnh không dùng bảo hiểm (MA_DOITUONG_KCB là 9) nhưng có tiền đề nghị bảo hiểm thanh toán.", "A visit without insurance (MA_DOITUONG_KCB 9) claims money from insurance.", "Sửa đối tượng hoặc ghi T_BHTT bằng 0.", "Correct the entitlement class, or make T_BHTT zero."},
		{"XML3.missing", "Có tiền đề nghị bảo hiểm thanh toán nhưng không có bảng chi tiết XML2 hay XML3.", "Money is claimed from insurance but there is neither XML2 nor XML3.", "Xuất lại hồ sơ kèm bảng chi tiết.", "Export the dossier again with its detail tables."},
	}
	const row, rowEN = "Kiểm tra số lượng, đơn giá và tỷ lệ của dòng này.", "Check quantity, price and rate of this row."
	for _, t := range []struct{ name, price string }{{"XML2", "DON_GIA"}, {"XML3", "DON_GIA_BV"}} {
		ins := strings.Replace(t.price, "_BV", "_BH", 1)
		sums = append(sums,
			written{t.name + ".THANH_TIEN_BV.product", "Thành tiền bệnh viện (THANH_TIEN_BV) khác SO_LUONG × " + t.price + " của dòng.", "The amount at hospital price (THANH_TIEN_BV) is not SO_LUONG x " + t.price + ".", row, rowEN},
			written{t.name + ".THANH_TIEN_BH.product", "Thành tiền bảo hiểm (THANH_TIEN_BH) khác SO_LUONG × " + ins + " × tỷ lệ thanh toán của dòng.", "The amount at insurance price (THANH_TIEN_BH) is not SO_LUONG x " + ins + " x rate.", row, rowEN},
			written{t.name + ".T_BNTT.sum", "Tiền người bệnh tự trả (T_BNTT) của dòng khác THANH_TIEN_BV − THANH_TIEN_BH.", "What the patient pays (T_BNTT) is not THANH_TIEN_BV - THANH_TIEN_BH.", row, rowEN},
			written{t.name + ".T_BHTT.sum", "Tiền bảo hiểm thanh toán (T_BHTT) của dòng khác THANH_TIEN_BH × MUC_HUONG.", "What insurance pays (T_BHTT) is not THANH_TIEN_BH x MUC_HUONG.", row, rowEN},
			written{t.name + ".T_BNCCT.sum", "Tiền cùng chi trả (T_BNCCT) của dòng khác THANH_TIEN_BH − T_BHTT.", "The co-payment (T_BNCCT) is not THANH_TIEN_BH - T_BHTT.", row, rowEN},
			written{t.name + ".MUC_HUONG.range", "Mức hưởng (MUC_HUONG) của dòng không nằm trong 0 đến 100.", "The benefit level (MUC_HUONG) is not within 0 and 100.", "Ghi mức hưởng theo phần trăm.", "Write the benefit level as a percentage."},
			written{t.name + ".TYLE_TT_BH.range", "Tỷ lệ thanh toán bảo hiểm (TYLE_TT_BH) không nằm trong 0 đến 100.", "The insurance rate (TYLE_TT_BH) is not within 0 and 100.", "Ghi tỷ lệ theo phần trăm.", "Write the rate as a percentage."},
			written{t.name + ".SO_LUONG.range", "Số lượng (SO_LUONG) của dòng bằng 0.", "The quantity (SO_LUONG) of the row is zero.", "Bỏ dòng này hoặc ghi số lượng thật.", "Remove the row or write its real quantity."},
		)
	}
	sums = append(sums,
		written{"XML3.TYLE_TT_DV.range", "Tỷ lệ thanh toán dịch vụ (TYLE_TT_DV) không nằm trong 0 đến 100.", "The service rate (TYLE_TT_DV) is not within 0 and 100.", "Ghi tỷ lệ theo phần trăm.", "Write the rate as a percentage."},
		written{"XML3.MA_DICH_VU.missing", "Dòng XML3 không có mã dịch vụ, mã vật tư hay mã xăng dầu.", "A row of XML3 has no code of a service, supply or fuel.", "Điền MA_DICH_VU hoặc MA_VAT_TU.", "Fill in MA_DICH_VU or MA_VAT_TU."},
	)
	return []group{{dossier.Error, payment(), sourceSums, sums}, {dossier.Warning, nil, sourceTables, []written{
		{"XML2.STT.duplicate", "Số thứ tự (STT) lặp lại trong bảng XML2.", "A row number (STT) stands twice in XML2.", "Đánh lại số thứ tự; kiểm tra dòng bị lặp.", "Number the rows again and look for a doubled row."},
		{"XML3.STT.duplicate", "Số thứ tự (STT) lặp lại trong bảng XML3.", "A row number (STT) stands twice in XML3.", "Đánh lại số thứ tự; kiểm tra dòng bị lặp.", "Number the rows again and look for a doubled row."},
		{"XML2.TT_THAU.pattern", "Thông tin thầu thuốc (TT_THAU) không theo dạng số;Gx;Ny;năm.", "The tender reference of a drug (TT_THAU) is not number;Gx;Ny;year.", "Ví dụ: 12/QĐ-SYT;G1;N4;2026.", "For example: 12/QĐ-SYT;G1;N4;2026."},
		{"XML3.TT_THAU.pattern", "Thông tin thầu vật tư (TT_THAU) không theo dạng số;Gx;Ny;năm.", "The tender reference of a supply (TT_THAU) is not number;Gx;Ny;year.", "Ví dụ: 12/QĐ-SYT;G1;N1;2026.", "For example: 12/QĐ-SYT;G1;N1;2026."},
		{"XML3.MA_GIUONG.pattern", "Mã giường (MA_GIUONG) không theo dạng H, T, C hoặc K và ba chữ số.", "A bed code (MA_GIUONG) is not H, T, C or K and three digits.", "Ví dụ: H001.", "For example: H001."},
	}}}
}

func personRules() []group {
	var shape, text, stats, card []written
	for _, t := range []string{"XML1", "XML0"} {
		in, inEN := " (bảng "+t+").", " ("+t+")."
		shape = append(shape,
			written{t + ".SO_CCCD.pattern", "Số định danh (SO_CCCD) không có dạng số định danh, chứng minh nhân dân, hộ chiếu hay tài khoản định danh" + in, "SO_CCCD does not look like a citizen number, old identity card, passport or account" + inEN, "Đọc lại số trên thẻ.", "Read the number from the card again."},
			written{t + ".SO_CCCD.province", "Ba chữ số đầu của số định danh (SO_CCCD) không phải mã tỉnh" + in, "The first three digits of SO_CCCD are no province" + inEN, "Đọc lại số trên thẻ.", "Read the number from the card again."},
		)
		stats = append(stats,
			written{t + ".SO_CCCD.test_value", "Số định danh (SO_CCCD) là số thử, không của ai" + in, "SO_CCCD is a filler, nobody's number" + inEN, "Để trống nếu chưa biết số.", "Leave it empty where the number is not known."},
			written{t + ".HO_TEN.test_value", "Họ tên (HO_TEN) là tên thử" + in, "The name (HO_TEN) is a test name" + inEN, "Không gửi hồ sơ thử lên hệ thống thật.", "Do not send test dossiers to the real hub."},
		)
		text = append(text,
			written{t + ".SO_CCCD.contradicts", "Số định danh (SO_CCCD) cho giới tính hoặc năm sinh khác với hồ sơ" + in, "SO_CCCD says another sex or year of birth than the dossier" + inEN, "Đối chiếu số định danh, giới tính và ngày sinh trên thẻ.", "Compare number, sex and date of birth with the card."},
			written{t + ".HO_TEN.pattern", "Họ tên (HO_TEN) có chữ số dù đã biết số định danh hoặc thẻ" + in, "The name (HO_TEN) has digits although a citizen or card number is given" + inEN, "Sửa họ tên theo giấy tờ.", "Correct the name by the person's papers."},
			written{t + ".HO_TEN.letters", "Họ tên (HO_TEN) dùng chữ cái trông giống Đ nhưng mã khác (U+00D0, U+0189), hoặc chưa theo chuẩn NFC" + in, "The name (HO_TEN) has a letter that only looks like Đ (U+00D0, U+0189), or is not NFC" + inEN, "Gõ lại tên bằng bộ gõ Unicode.", "Type the name again in Unicode."},
		)
		card = append(card,
			written{t + ".MA_THE_BHYT.pattern", "Mã thẻ bảo hiểm y tế (MA_THE_BHYT) không đúng dạng 15, 12 hoặc 10 ký tự" + in, "MA_THE_BHYT is not a card number of 15, 12 or 10 characters" + inEN, "Đọc lại mã trên thẻ; ký tự thứ ba là 1 đến 5.", "Read the card again; its third character is 1 to 5."},
			written{t + ".MA_THE_BHYT.child", "Thẻ trẻ em dưới 6 tuổi (TE1) dùng cho người bệnh trên 7 tuổi" + in, "A card for children under six (TE1) is used by someone older than seven" + inEN, "Hỏi thẻ mới của người bệnh.", "Ask for the patient's new card."},
			written{t + ".GT_THE_DEN.expired", "Thẻ bảo hiểm y tế đã hết hạn trước ngày vào" + in, "The insurance card ended before arrival" + inEN, "Tra cứu thẻ và ghi thẻ đang có giá trị.", "Look the card up and write the one that is valid."},
			written{t + ".GT_THE_TU.not_yet", "Thẻ bảo hiểm y tế chưa có giá trị vào ngày vào" + in, "The insurance card was not yet valid on arrival" + inEN, "Tra cứu thẻ và ghi thẻ đang có giá trị.", "Look the card up and write the one that is valid."},
			written{t + ".GT_THE_DEN.order", "Ngày hết hạn thẻ (GT_THE_DEN) trước ngày bắt đầu (GT_THE_TU)" + in, "The card ends (GT_THE_DEN) before it begins (GT_THE_TU)" + inEN, "Kiểm tra hai ngày trên thẻ.", "Check both dates of the card."},
		)
	}
	card = append(card,
		written{"XML1.MA_THE_BHYT.missing", "Có tiền đề nghị bảo hiểm thanh toán nhưng thiếu mã thẻ bảo hiểm y tế (MA_THE_BHYT).", "Money is claimed from insurance without a card number (MA_THE_BHYT).", "Ghi mã thẻ hoặc số định danh dùng thay thẻ.", "Write the card number or the citizen number in its place."},
	)
	return []group{
		{dossier.Warning, nil, sourceCitizen, shape},
		{dossier.Warning, nil, sourceText, text},
		{dossier.Error, statistics(), sourcePractice, stats},
		{dossier.Error, payment(), sourceCard, card},
		{dossier.Info, nil, sourceCard, []written{
			{"XML1.MA_THE_BHYT.letters", "Mã thẻ bảo hiểm y tế (MA_THE_BHYT) có chữ thường hoặc dấu cách.", "MA_THE_BHYT has lower-case letters or blanks in it.", "Ghi liền, chữ in hoa.", "Write it in capitals without blanks."},
		}},
		{dossier.Warning, nil, sourceTables, []written{
			{"XML1.GT_THE_TU.count", "Số ngày bắt đầu hoặc hết hạn thẻ khác số thẻ trong MA_THE_BHYT.", "There are not as many card dates as cards in MA_THE_BHYT.", "Mỗi thẻ một ngày bắt đầu và một ngày hết hạn, cách nhau bằng dấu chấm phẩy.", "Give each card one first and one last day, separated by semicolons."},
			{"XML1.DIEN_THOAI.pattern", "Số điện thoại (DIEN_THOAI) không có dạng số điện thoại.", "DIEN_THOAI does not look like a telephone number.", "Ghi 9 đến 12 chữ số.", "Write 9 to 12 digits."},
			{"XML1.MAXA_CU_TRU.pattern", "Mã xã, phường cư trú (MAXA_CU_TRU) không phải 5 chữ số.", "The ward code (MAXA_CU_TRU) is not 5 digits.", "Dùng mã đơn vị hành chính 5 chữ số.", "Use the 5-digit administrative code."},
			{"XML1.CAN_NANG.range", "Cân nặng (CAN_NANG) không thể có ở người.", "The weight (CAN_NANG) is not possible.", "Ghi theo ki-lô-gam, dấu chấm thập phân.", "Write kilograms with a decimal point."},
			{"XML1.CAN_NANG_CON.range", "Cân nặng con (CAN_NANG_CON) không thể có ở trẻ sơ sinh.", "The newborn's weight (CAN_NANG_CON) is not possible.", "Ghi bằng số gam, ví dụ 3200.", "Write grams, for example 3200."},
		}},
	}
}

// elsewhere are findings that other packages make of a dossier, described here
// so that the catalogue has every code a receipt can carry.
func elsewhere() []Rule {
	return []Rule{
		{Code: "SEAL.CERTIFICATE.expired", Severity: dossier.Warning, Source: "Nghị định 23/2025/NĐ-CP",
			Text: fault.Text{VI: "Tệp được ký bằng chứng thư số vừa hết hạn, còn trong thời gian cho phép.", EN: "The file was sealed with a certificate that expired a short while ago, within the grace period."},
			Hint: fault.Text{VI: "Gia hạn chứng thư số; sau 30 ngày tệp sẽ không được nhận.", EN: "Renew the certificate; after 30 days files are refused."}},
		{Code: "SEAL.VIA_INSURER", Severity: dossier.Warning, Source: sourceTables,
			Text: fault.Text{VI: "Hồ sơ do cơ quan bảo hiểm xã hội chuyển đến. Chữ ký số còn nguyên vẹn nhưng chứng thư của cơ sở chưa đăng ký trên hub.", EN: "The insurer handed this dossier on. Its seal is whole, but the facility's certificate is not registered with the hub yet."},
			Hint: fault.Text{VI: "Cơ sở đăng ký chứng thư số rồi gửi lại chính tệp này: vẫn là một hồ sơ.", EN: "Let the facility register its certificate and send the very same file: it stays one record."}},
		{Code: "SEAL.VIA_MIGRATION", Severity: dossier.Warning, Source: sourceTables,
			Text: fault.Text{VI: "Hồ sơ chuyển từ hệ thống điều phối trước đây. Chữ ký số còn nguyên vẹn nhưng chứng thư của cơ sở chưa đăng ký trên hub.", EN: "This dossier comes from the coordination system before this one. Its seal is whole, but the facility's certificate is not registered with the hub yet."},
			Hint: fault.Text{VI: "Cơ sở đăng ký chứng thư số rồi gửi lại chính tệp này: vẫn là một hồ sơ.", EN: "Let the facility register its certificate and send the very same file: it stays one record."}},
		{Code: "SENDER.VIA_INSURER", Severity: dossier.Info, Source: sourceTables,
			Text: fault.Text{VI: "Hồ sơ do cơ quan bảo hiểm xã hội chuyển đến.", EN: "The insurer handed this dossier on."},
			Hint: fault.Text{VI: "Không cần làm gì.", EN: "Nothing to do."}},
		{Code: "SENDER.VIA_MIGRATION", Severity: dossier.Info, Source: sourceTables,
			Text: fault.Text{VI: "Hồ sơ chuyển từ hệ thống điều phối trước đây.", EN: "This dossier comes from the coordination system before this one."},
			Hint: fault.Text{VI: "Không cần làm gì.", EN: "Nothing to do."}},
		{Code: "identity.disagrees", Severity: dossier.Warning, Source: sourceCitizen,
			Text: fault.Text{VI: "Số định danh hoặc thẻ đã có trên hệ thống với họ tên hoặc ngày sinh khác, nên hồ sơ chưa được nối với người đó.", EN: "The citizen or card number is known to the hub with another name or date of birth, so the dossier was not linked to that person."},
			Hint: fault.Text{VI: "Đối chiếu số với thẻ của người bệnh.", EN: "Compare the number with the patient's card."}},
		{Code: "identity.ambiguous", Severity: dossier.Warning, Source: sourceCitizen,
			Text: fault.Text{VI: "Số định danh và thẻ thuộc hai người khác nhau trên hệ thống, nên hồ sơ chưa được nối với ai.", EN: "Citizen number and card belong to two people known to the hub, so the dossier was linked to neither."},
			Hint: fault.Text{VI: "Đối chiếu từng số với thẻ của người bệnh.", EN: "Compare each number with the patient's cards."}},
	}
}
