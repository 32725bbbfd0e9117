package ministry

import "lienthong/internal/fault"

// Seat is somewhere a visitor sits down with one click.
type Seat struct {
	Key  string
	Role string // as package role writes it
	Next string // the page it begins with
	Name fault.Text
	Text fault.Text // what can be tried there
}

// Partner is the id of the partner, who is bound to the maker of a facility's software.
const Partner = "demo"

func say(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }

// Seats are those of the ministry's house, for a province.
func Seats(home string) []Seat {
	return []Seat{
		{"bo", "ministry", "/overview", say("Bộ Y tế", "The ministry"), say("Bảng điều hành, bản đồ 34 tỉnh, đơn thuốc hôm qua; bấm số nào cũng thấy cách tính.", "The board, the map of 34 provinces, prescriptions of yesterday; every number says how it is computed.")},
		{"dau-moi", "unit:khcn", "/databases", say("Đơn vị đầu mối (khcn)", "The focal unit (khcn)"), say("Danh mục hệ thống, nhiệm vụ của mọi đơn vị, báo cáo cho cuộc họp.", "The register of systems, everybody's tasks, the report for the meeting.")},
		{"phong-benh", "unit:pb", "/databases", say("Phòng bệnh (pb)", "Disease prevention (pb)"), say("Cơ sở dữ liệu mình quản lý, một nhiệm vụ quá hạn; khai báo cơ sở dữ liệu thứ mười bốn.", "The databases it answers for, a task that is late; declare the fourteenth database.")},
		{"nhan-luc", "unit:tccb", "/cleaning", say("Nhân lực (tccb)", "Personnel (tccb)"), say("Hai giấy phép của cùng một người: gộp lại, rồi hoàn tác.", "Two licences of one person: merge them, then undo it.")},
		{"kham-benh", "unit:kcb", "/rulebook", say("Khám chữa bệnh (kcb)", "Examination and treatment (kcb)"), say("Một quy tắc đang áp dụng; một dự thảo mà diễn tập cho thấy nhiều cơ sở sẽ trượt.", "A rule in force; a draft that a rehearsal shows many facilities would fail.")},
		{"so-y-te", "province:" + home, "/overview", say("Sở Y tế tỉnh "+home, "Health department of province "+home), say("Số của tỉnh mình, cơ sở im lặng, chất lượng, nhiệm vụ; không thấy tỉnh khác.", "The province's own numbers, silent facilities, quality, tasks; nothing of others.")},
		{"bao-hiem", "unit:bhxh", "/databases", say("Bảo hiểm xã hội (bhxh)", "Social insurance (bhxh)"), say("Người hành nghề được chia sẻ có mục đích và thời hạn, hai bên cùng thấy.", "Practitioners shared with a purpose and a term, which both sides see.")},
		{"doi-tac", "partner:" + Partner, "/statement", say("Đối tác phần mềm", "A partner"), say("Khối lượng và mức dịch vụ, không có dữ liệu cá nhân.", "Volumes and service levels, no personal data.")},
	}
}

// Walk is a journey in steps.
type Walk struct {
	Title fault.Text
	Steps []fault.Text
}

// Walks are the journeys of the ministry's house.
func Walks() []Walk {
	return []Walk{
		{say("Câu hỏi của Bộ trưởng", "The minister's question"), []fault.Text{
			say("Ngồi vào Bộ Y tế, mở Màn tường (/wall), rồi Tổng quan: trên bản đồ ô, bấm Bắc Ninh.", "Sit down as the ministry, open the wall (/wall), then Overview: press Bắc Ninh on the tile map."),
			say("Xem hàng Đơn thuốc của hôm qua. Bấm số để thấy danh sách hồ sơ; bấm cách tính để thấy công thức, câu hỏi và mốc sổ.", "Look at Prescriptions of yesterday. The number opens its list; how it is computed shows formula, query and checkpoint."),
			say("Số của đêm qua đã ghim. Mở bản ghim, bấm Đếm lại: giống hệt. Dòng lệnh lienthong recompute hiện ngay đó; chạy nó trên bản sao lưu cũng ra đúng các byte ấy.", "Last night's number is pinned. Open the statement, have it counted again: the same. The command lienthong recompute stands there; on a backup it gives the same bytes."),
		}},
		{say("Cơ sở dữ liệu thứ mười bốn", "The fourteenth database"), []fault.Text{
			say("Ngồi vào Phòng bệnh, mở Cơ sở dữ liệu, Khai báo mới.", "Sit down as Disease prevention, open Databases, New declaration."),
			say("Chọn tệp doc/guide/databases/occupational-health.yaml trong kho mã, bấm kiểm tra, xem các trường và ai thấy gì, rồi khai báo. Không cần khởi động lại.", "Choose doc/guide/databases/occupational-health.yaml of the repository, have it checked, look at fields and who sees what, then declare. Nothing is restarted."),
			say("Thêm một mục bằng biểu mẫu của cơ sở dữ liệu ấy. Số định danh giả lập: 024858000101.", "Add an entry with the form of that database. A made-up citizen number: 024858000101."),
		}},
		{say("Diễn tập chặn một quy tắc sai", "A bad rule is stopped by rehearsal"), []fault.Text{
			say("Ngồi vào Khám chữa bệnh, mở Quy tắc. Dự thảo “mỗi thuốc không quá 20 đơn vị” đọc lên thì hợp lý.", "Sit down as Examination and treatment, open Rules. The draft “no more than 20 units of a medicine” reads well."),
			say("Mở kết quả diễn tập trên hồ sơ 30 ngày: bao nhiêu cơ sở trượt, cơ sở nào, mẫu hồ sơ nào.", "Open what the rehearsal over 30 days found: how many facilities would fail, which, on which records."),
			say("Sửa ngưỡng trong dự thảo rồi diễn tập lại; chỉ sau đó mới thông báo được, và người khác mới đưa vào áp dụng.", "Change the limit and rehearse again; only then can it be announced, and somebody else puts it into force."),
		}},
		{say("Nợ chất lượng tự đóng", "Quality debt closes itself"), []fault.Text{
			say("Ngồi vào Bộ Y tế, mở Nhiệm vụ, nguồn nợ chất lượng: mỗi trường chưa đạt là một việc của một cơ sở, có hạn.", "Sit down as the ministry, open Tasks, from quality debt: every failing field is one task of one facility, with a day."),
			say("Mở một việc: tỷ lệ lúc mở và ngưỡng. Mở Chất lượng để thấy cùng con số theo trường, cơ sở và mẫu.", "Open one: the share when it was opened, and the threshold. Quality shows the same number by field, facility and sample."),
			say("Khi cơ sở gửi hồ sơ đúng và tỷ lệ qua ngưỡng, việc tự đóng trong vài phút với con số làm chứng cứ.", "Once the facility sends good records and the share passes, the task closes by itself within minutes, the number its evidence."),
		}},
		{say("Gộp hai mục trùng, rồi hoàn tác", "A duplicate is merged and undone"), []fault.Text{
			say("Ngồi vào Nhân lực, mở Làm sạch: đêm qua thấy hai giấy phép của cùng một người. Mở đề xuất, so hai mục cạnh nhau.", "Sit down as Personnel, open Cleaning: last night found two licences of one person. Open the proposal, the two side by side."),
			say("Chấp nhận kèm lý do: còn một mục, lịch sử ghi mục kia đã gộp vào. Không có gì đổi âm thầm.", "Accept it with a reason: one stands, the history says that the other was merged. Nothing changes silently."),
			say("Hoàn tác: hai mục trở lại như trước. Ở cơ sở dữ liệu An toàn thực phẩm còn một mã tỉnh cũ chờ thay; Bộ Y tế thấy cả hai.", "Undo: both are back as they were. Food safety has an old province code waiting; the ministry sees both."),
		}},
	}
}
