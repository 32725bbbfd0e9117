package alarm

import (
	"fmt"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// sentence says what is the matter in both languages.
func sentence(kind, object string, d Detail) fault.Text {
	last := d.Last.In(clock.Hanoi).Format("02/01/2006 15:04")
	switch {
	case kind == Failures:
		return fault.Text{VI: fmt.Sprintf("%s: %d %% trong %d lần gửi của một giờ qua không đến nơi (giới hạn %d %%).", object, d.Percent, d.Attempts, d.Limit),
			EN: fmt.Sprintf("%s: %d %% of the last hour's %d attempts did not arrive (limit %d %%).", object, d.Percent, d.Attempts, d.Limit)}
	case kind == Queue:
		return fault.Text{VI: fmt.Sprintf("%s: chặng cũ nhất đã chờ %d phút (giới hạn %d phút), %d chặng đang chờ.", object, d.Minutes, d.Limit, d.N),
			EN: fmt.Sprintf("%s: the oldest delivery has waited for %d minutes (limit %d), %d wait.", object, d.Minutes, d.Limit, d.N)}
	case kind == Breaker:
		return fault.Text{VI: fmt.Sprintf("%s: cầu dao ngắt đã %d phút (giới hạn %d phút).", object, d.Minutes, d.Limit),
			EN: fmt.Sprintf("%s: the breaker has been open for %d minutes (limit %d).", object, d.Minutes, d.Limit)}
	case kind == Silent && object == Many:
		return fault.Text{VI: fmt.Sprintf("%d trên %d cơ sở im lặng quá lịch thường ngày: kiểm tra đường truyền vào hub, hoặc khai báo ngày nghỉ.", d.N, d.Of),
			EN: fmt.Sprintf("%d of %d facilities are silent beyond their calendars: check the line into the hub, or declare a holiday.", d.N, d.Of)}
	case kind == Silent:
		return fault.Text{VI: fmt.Sprintf("Cơ sở %s im lặng quá lịch thường ngày của mình, gửi lần cuối %s.", object, last),
			EN: fmt.Sprintf("Facility %s is silent beyond its own calendar; it last sent on %s.", object, last)}
	case kind == Forked:
		return fault.Text{VI: fmt.Sprintf("Máy gửi %s rẽ nhánh: hai máy dùng một khóa, hoặc một máy được phục hồi từ bản cũ. Cấp khóa mới.", object),
			EN: fmt.Sprintf("Sender %s forked: two systems use one key, or one was put back to an old copy. Give it a new key.", object)}
	case kind == CutOff:
		return fault.Text{VI: fmt.Sprintf("%s: %d tài khoản bị dừng vì xem hồ sơ của quá nhiều người. Hỏi lý do rồi mở lại hoặc khóa hẳn.", object, max(1, d.N)),
			EN: fmt.Sprintf("%s: %d accounts are stopped for looking at too many people. Ask why, then open or suspend them.", object, max(1, d.N))}
	case kind == ManyOwn:
		return fault.Text{VI: fmt.Sprintf("Cơ sở %s đọc rất nhiều hồ sơ của chính mình trong 24 giờ (%d người). Hỏi cơ sở có đang xuất dữ liệu không.", object, d.N),
			EN: fmt.Sprintf("Facility %s read very many of its own records within 24 hours (%d persons). Ask whether it is exporting data.", object, d.N)}
	case kind == Unequal:
		return fault.Text{VI: fmt.Sprintf("Nhật ký truy cập ngày %s không khớp: %d lượt sai lệch. Báo trực vận hành ngay.", object, d.N),
			EN: fmt.Sprintf("The access log of %s does not agree: %d looks differ. Tell the operator on duty at once.", object, d.N)}
	case kind == Emergencies:
		return fault.Text{VI: fmt.Sprintf("Cơ sở %s mở hồ sơ khi cấp cứu %d lần trong 24 giờ (ngưỡng %d). Người phụ trách bảo vệ dữ liệu xem lại từng lần.", object, d.N, d.Limit),
			EN: fmt.Sprintf("Facility %s opened records in emergencies %d times within 24 hours (limit %d). The privacy officer reviews each.", object, d.N, d.Limit)}
	case kind == Register:
		return fault.Text{VI: fmt.Sprintf("Sổ dân cư %s: %d người có số định danh không khớp, đã hủy hoặc đã thay. Không có gì tự đổi; kiểm tra với cơ sở.", object, d.N),
			EN: fmt.Sprintf("Population register %s: the numbers of %d persons do not agree, were cancelled or replaced. Nothing changes by itself; check with the facility.", object, d.N)}
	case kind == Late:
		return fault.Text{VI: fmt.Sprintf("%d nhiệm vụ quá hạn trên %d đang mở. Mở báo cáo nhiệm vụ để biết của ai.", d.N, d.Of),
			EN: fmt.Sprintf("%d tasks are late of %d open. The report of tasks says whose.", d.N, d.Of)}
	case kind == Rules:
		return fault.Text{VI: fmt.Sprintf("Bộ quy tắc %s đang có hiệu lực nhưng phần mềm này không đọc được (%d lỗi, %s). Hồ sơ vẫn được xét bằng bộ trước. Soạn lại hoặc ngừng bộ này.", object, max(1, d.N), d.Code),
			EN: fmt.Sprintf("The book of rules %s is in force and this program cannot read it (%d problems, %s). Dossiers are judged by what stood before. Write it again or retire it.", object, max(1, d.N), d.Code)}
	case kind == Counted:
		return fault.Text{VI: fmt.Sprintf("Tự kiểm ban đêm %s: %d số không bằng số đếm lại (lần cuối %s). Trang việc ban đêm cho biết số nào.", object, d.N, last),
			EN: fmt.Sprintf("The night's self-check %s: %d numbers are not what was counted again (last on %s). The page of the nights says which.", object, d.N, last)}
	case kind == GaveUp:
		return fault.Text{VI: fmt.Sprintf("Việc ban đêm %s không xong và hub không tự thử lại nữa (%s, lần cuối %s). Xem trang việc ban đêm, sửa nguyên nhân rồi chạy lại.", object, d.Code, last),
			EN: fmt.Sprintf("The night's job %s did not succeed and is not tried again by itself (%s, last on %s). See the page of the nights, mend the cause and run it again.", object, d.Code, last)}
	case kind == Storage:
		return fault.Text{VI: fmt.Sprintf("Chỗ lưu dữ liệu chỉ còn đủ khoảng %d ngày với lượng gửi bảy ngày qua. Thêm chỗ, hoặc chuyển bớt vào kho lưu.", d.N),
			EN: fmt.Sprintf("The room for data lasts about %d days at the rate of the last seven. Add room, or archive.", d.N)}
	case kind == Restore:
		return fault.Text{VI: fmt.Sprintf("Lần khôi phục có kiểm chứng gần nhất là %s, đã quá 35 ngày. Khôi phục thử một bản sao lưu.", last),
			EN: fmt.Sprintf("The last proven restore was on %s, more than 35 days ago. Restore a backup to prove it.", last)}
	}
	return fault.Text{VI: "Thử báo động: không có gì xảy ra.", EN: "A test of alarms: nothing is the matter."}
}
