package catalog

const since2026August = 20260801 // QĐ 1804/QĐ-BYT 2026

var visitTypes = []Entry{
	{Code: "01", VI: "Khám bệnh", EN: "Examination"},
	{Code: "02", VI: "Điều trị ngoại trú", EN: "Outpatient treatment"},
	{Code: "03", VI: "Điều trị nội trú", EN: "Inpatient treatment"},
	{Code: "04", VI: "Điều trị nội trú ban ngày", EN: "Day treatment"},
	{Code: "05", VI: "Điều trị ngoại trú bệnh mạn tính, có lĩnh thuốc", EN: "Outpatient treatment of chronic disease, with drugs"},
	{Code: "06", VI: "Điều trị lưu tại trạm y tế", EN: "Stay at a commune health station"},
	{Code: "07", VI: "Nhận thuốc theo hẹn", EN: "Drugs by appointment"},
	{Code: "08", VI: "Điều trị ngoại trú bệnh mạn tính, có dịch vụ kỹ thuật", EN: "Outpatient treatment of chronic disease, with services"},
	{Code: "09", VI: "Điều trị nội trú dưới 4 giờ", EN: "Inpatient treatment under 4 hours"},
	{Code: "10", VI: "Trường hợp khác", EN: "Other"},
	{Code: "11", VI: "Khám bệnh, chữa bệnh lưu động", EN: "Mobile care", From: since2026August},
	{Code: "12", VI: "Khám bệnh, chữa bệnh tại nhà", EN: "Care at home", From: since2026August},
	{Code: "13", VI: "Khám bệnh, chữa bệnh y học gia đình", EN: "Family doctor care", From: since2026August},
	{Code: "14", VI: "Khám bệnh, chữa bệnh từ xa", EN: "Remote care", From: since2026August},
	{Code: "15", VI: "Khám sức khoẻ định kỳ", EN: "Periodic health check", From: since2026August},
	{Code: "16", VI: "Khám sàng lọc", EN: "Screening", From: since2026August},
}

// The codes are QĐ 3276/2025's; the wording is our own short one.
var entitlements = []Entry{
	{Code: "1.1", VI: "Đúng nơi đăng ký khám bệnh ban đầu", EN: "At the registered primary facility"},
	{Code: "1.2", VI: "Đúng quy định, nơi khác cùng cấp được khám ban đầu", EN: "As entitled, at another primary facility"},
	{Code: "1.3", VI: "Có phiếu chuyển cơ sở khám bệnh, chữa bệnh", EN: "With a referral slip"},
	{Code: "1.4", VI: "Đúng quy định, trường hợp 1.4", EN: "As entitled, case 1.4"},
	{Code: "1.5", VI: "Đúng quy định, trường hợp 1.5", EN: "As entitled, case 1.5"},
	{Code: "1.6", VI: "Đúng quy định, trường hợp 1.6", EN: "As entitled, case 1.6"},
	{Code: "1.7", VI: "Đúng quy định, trường hợp 1.7", EN: "As entitled, case 1.7"},
	{Code: "1.11", VI: "Đúng quy định, trường hợp 1.11", EN: "As entitled, case 1.11"},
	{Code: "1.12", VI: "Đúng quy định, trường hợp 1.12", EN: "As entitled, case 1.12"},
	{Code: "1.13", VI: "Đúng quy định, trường hợp 1.13", EN: "As entitled, case 1.13"},
	{Code: "1.14", VI: "Đúng quy định, trường hợp 1.14", EN: "As entitled, case 1.14"},
	{Code: "1.15", VI: "Đúng quy định, trường hợp 1.15", EN: "As entitled, case 1.15"},
	{Code: "1.16", VI: "Đúng quy định, trường hợp 1.16", EN: "As entitled, case 1.16"},
	{Code: "1.17", VI: "Đúng quy định, trường hợp 1.17", EN: "As entitled, case 1.17"},
	{Code: "1.18", VI: "Đúng quy định, trường hợp 1.18", EN: "As entitled, case 1.18"},
	{Code: "2", VI: "Cấp cứu", EN: "Emergency"},
	{Code: "3.1", VI: "Tự đến, trường hợp 3.1", EN: "Not referred, case 3.1"},
	{Code: "3.2", VI: "Tự đến, trường hợp 3.2", EN: "Not referred, case 3.2"},
	{Code: "3.3", VI: "Tự đến, trường hợp 3.3", EN: "Not referred, case 3.3"},
	{Code: "3.6", VI: "Tự đến, trường hợp 3.6", EN: "Not referred, case 3.6"},
	{Code: "7", VI: "Lĩnh thuốc theo giấy hẹn", EN: "Drugs by appointment"},
	{Code: "7.2", VI: "Lĩnh thuốc, trường hợp 7.2", EN: "Drugs, case 7.2"},
	{Code: "7.3", VI: "Lĩnh thuốc, trường hợp 7.3", EN: "Drugs, case 7.3"},
	{Code: "7.4", VI: "Lĩnh thuốc, trường hợp 7.4", EN: "Drugs, case 7.4"},
	{Code: "8", VI: "Thu hồi đề nghị thanh toán", EN: "Claim withdrawn"},
	{Code: "9", VI: "Không khám bệnh bằng bảo hiểm y tế", EN: "Not insured"},
	{Code: "10", VI: "Đối tượng khác", EN: "Other"},
}

var outcomes = []Entry{
	{Code: "1", VI: "Khỏi", EN: "Cured"},
	{Code: "2", VI: "Đỡ", EN: "Better"},
	{Code: "3", VI: "Không thay đổi", EN: "Unchanged"},
	{Code: "4", VI: "Nặng hơn", EN: "Worse"},
	{Code: "5", VI: "Tử vong", EN: "Died"},
	{Code: "6", VI: "Tiên lượng nặng, xin về", EN: "Poor prognosis, taken home"},
	{Code: "7", VI: "Chưa xác định", EN: "Not known"},
}

var discharges = []Entry{
	{Code: "1", VI: "Ra viện", EN: "Discharged"},
	{Code: "2", VI: "Chuyển cơ sở theo yêu cầu chuyên môn", EN: "Transferred, clinical reasons"},
	{Code: "3", VI: "Trốn viện", EN: "Absconded"},
	{Code: "4", VI: "Xin ra viện", EN: "Left on own request"},
	{Code: "5", VI: "Chuyển cơ sở theo yêu cầu người bệnh", EN: "Transferred on request"},
}

var accidents = []Entry{
	{Code: "1", VI: "Tai nạn giao thông", EN: "Traffic"},
	{Code: "2", VI: "Tai nạn lao động", EN: "Work"},
	{Code: "3", VI: "Tai nạn sinh hoạt", EN: "Domestic"},
	{Code: "4", VI: "Bạo lực, xung đột", EN: "Violence"},
}

var scopes = []Entry{
	{Code: "1", VI: "Trong phạm vi hưởng bảo hiểm y tế", EN: "Within insurance"},
	{Code: "2", VI: "Ngoài phạm vi hưởng bảo hiểm y tế", EN: "Outside insurance"},
	{Code: "3", VI: "Phạm vi của quân đội, công an", EN: "Army and police scope"},
}

var payers = []Entry{
	{Code: "1", VI: "Quỹ bảo hiểm y tế", EN: "Health insurance fund"},
	{Code: "2", VI: "Dự án, viện trợ", EN: "Project"},
	{Code: "3", VI: "Chương trình mục tiêu", EN: "Target programme"},
	{Code: "4", VI: "Nguồn khác", EN: "Other"},
}

var payments = []Entry{
	{Code: "1", VI: "Phí dịch vụ", EN: "Fee for service"},
	{Code: "2", VI: "Định suất", EN: "Capitation"},
	{Code: "3", VI: "Trường hợp bệnh (DRG)", EN: "Diagnosis related group"},
}

var sexes = []Entry{
	{Code: "1", VI: "Nam", EN: "Male"},
	{Code: "2", VI: "Nữ", EN: "Female"},
	{Code: "3", VI: "Chưa xác định", EN: "Undetermined"},
}

var areas = []Entry{
	{Code: "K1", VI: "Khu vực 1", EN: "Area 1"},
	{Code: "K2", VI: "Khu vực 2", EN: "Area 2"},
	{Code: "K3", VI: "Khu vực 3", EN: "Area 3"},
}
