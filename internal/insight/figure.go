package insight

import (
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Source is what a figure is counted from.
type Source string

// The sources. Only what is counted from records can be counted again as of a
// checkpoint.
const (
	FromRecords  Source = "records"  // counters, and the rows they count
	FromPlaces   Source = "places"   // the directory, and when facilities last sent
	FromLooks    Source = "looks"    // the log of access
	FromLegs     Source = "legs"     // deliveries as they stand now
	FromReceipts Source = "receipts" // how long records took
	FromScores   Source = "scores"
	FromRegistry Source = "registry"
	FromTasks    Source = "tasks"
	FromActs     Source = "acts"
	FromDisk     Source = "disk"
	FromBenefit  Source = "benefit" // several of these, with assumptions
)

// Figure is one number that boards show: what it is, how it is computed, what may
// be doubted about it.
type Figure struct {
	ID      string // "SL.04"; never given to another number
	Name    fault.Text
	Formula fault.Text
	Doubt   fault.Text // what the number does not say
	Source  Source
	List    string // the list behind it, a path

	Measures []string // of counters, added up
	Standing bool     // only records that stand: neither superseded nor withdrawn
	Parts    []Part   // a statement splits each place by these; the first is the number
	Public   bool     // of whole months of the country, small numbers not told (package cells)
}

// Part is one of several numbers that a statement has of each place.
type Part struct {
	Measures []string `json:"measures"`
	Name     string   `json:"name"`
	Standing bool     `json:"standing,omitempty"`
}

// Pinned reports whether the figure can be pinned to a checkpoint and counted again.
func (f Figure) Pinned() bool { return f.Source == FromRecords && len(f.Measures) > 0 }

// Figures lists every figure, by id.
func Figures() []Figure { return figures }

// FigureByID returns a figure.
func FigureByID(id string) (Figure, bool) {
	i := slices.IndexFunc(figures, func(f Figure) bool { return f.ID == id })
	if i < 0 {
		return Figure{}, false
	}
	return figures[i], true
}

func text(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }

var accepted = []string{string(dossier.Accepted), string(dossier.AcceptedWithWarnings)}

// doubts that several figures share.
var (
	everyVersion = text("Mỗi bản gửi đều được đếm: hồ sơ sửa rồi gửi lại là hai. Số còn hiệu lực ở SL.08 và SL.09.",
		"Every version sent is counted: a dossier corrected and sent again counts twice. What still stands is in SL.08 and SL.09.")
	byReceipt = text("Tính theo ngày hub nhận, không theo ngày khám.", "By the day the hub received it, not the day of care.")
)

var figures = []Figure{
	{ID: "SL.01", Source: FromPlaces, List: "/facilities?show=connected", Name: text("Cơ sở đã kết nối", "Facilities connected"),
		Formula: text("Cơ sở trong danh bạ đã gửi ít nhất một lần. Gửi hôm nay: có hồ sơ hoặc tệp bị trả lại trong ngày. Im lặng: xem SL.25.",
			"Facilities of the directory that sent at least once. Sent today: a record or a returned file in the day. Silent: see SL.25."),
		Doubt: text("Đã gửi một lần không có nghĩa là gửi đủ. Mức độ đủ ở trang chất lượng.", "Having sent once does not mean sending all. How complete it is stands on the quality board.")},
	{ID: "SL.02", Source: FromRecords, Measures: Verdicts(), List: "/messages", Name: text("Hồ sơ", "Records"),
		Formula: text("Tổng bộ đếm accepted, accepted_with_warnings và rejected của mọi loại hồ sơ. Tệp bị trả lại không phải hồ sơ. So với cả ngày cùng thứ tuần trước.",
			"The sum of the counters accepted, accepted_with_warnings and rejected over all kinds. Returned files are not records. Compared with the whole of the same weekday last week."),
		Doubt: everyVersion},
	{ID: "SL.03", Source: FromRecords, Measures: []string{MeasureReferral}, List: "/messages?code=" + MeasureReferral, Name: text("Phiếu chuyển", "Referrals"),
		Formula: text("Bộ đếm doc:XML13: hồ sơ có giấy chuyển tuyến. Hồ sơ bị từ chối không tính.", "The counter doc:XML13: dossiers with a referral. Rejected ones do not count."), Doubt: everyVersion},
	{ID: "SL.04", Source: FromRecords, Measures: []string{MeasurePrescription}, List: "/messages?code=" + MeasurePrescription, Name: text("Đơn thuốc", "Prescriptions"),
		Formula: text("Bộ đếm doc:XML2: hồ sơ có bảng thuốc của lượt khám; hồ sơ bị từ chối không tính. Đơn thuốc điện tử riêng được đếm theo loại hồ sơ.",
			"The counter doc:XML2: dossiers with the medicines of the visit; rejected ones do not count. Stand-alone electronic prescriptions count by their kind."),
		Doubt: everyVersion},
	{ID: "SL.05", Source: FromLooks, List: "/access", Name: text("Lượt tra cứu", "Look-ups"),
		Formula: text("Bộ đếm lookup: số lần nội dung một hồ sơ được mở. Mỗi lần có một dòng trong Ai đã xem, ghi trước khi nội dung rời hub.",
			"The counter lookup: how often a record's content was opened. Each has a line in Who looked, written before the content leaves the hub."),
		Doubt: text("Một lần khám có thể mở nhiều hồ sơ. Không ghim được theo sổ: lượt xem có gốc sổ riêng mỗi phút.",
			"One visit may open several records. It cannot be pinned: looks have a root of their own in the ledger each minute.")},
	{ID: "SL.06", Source: FromRecords, Measures: Verdicts(), List: "/provinces", Name: text("Theo tỉnh, thành phố", "By province"),
		Formula: text("Hồ sơ của SL.02 trong ngày, theo tỉnh của phiên bản cơ sở lúc gửi. Không suy tỉnh từ đầu mã cơ sở. Năm mức cố định: 1, 250, 700, 1.500, 4.000.",
			"The records of SL.02 in the day, by the province in the facility's version. Never read off the facility code. Five fixed classes: 1, 250, 700, 1,500, 4,000."),
		Doubt: text("Theo tỉnh của cơ sở, không theo nơi ở của người bệnh.", "By the facility's province, not by where patients live.")},
	{ID: "SL.07", Source: FromPlaces, List: "/facilities", Name: text("Theo tuyến", "By level"),
		Formula: text("Các số của SL.01 và SL.02 theo tuyến ghi trong danh bạ.", "The numbers of SL.01 and SL.02 by the level in the directory."),
		Doubt:   text("Tuyến là của hôm nay; cơ sở đổi tuyến giữa kỳ được tính ở tuyến mới.", "The level is today's; a facility that changed level counts under the new one.")},
	{ID: "SL.08", Source: FromRecords, Measures: accepted, Standing: true, List: "/messages?state=standing", Name: text("Hồ sơ còn hiệu lực", "Records that stand"),
		Formula: text("Hồ sơ được nhận, trừ bản đã có bản mới, bản đã rút và chính các lần rút. Đếm từ hồ sơ, không từ bộ đếm.",
			"Records accepted, less those superseded, those withdrawn, and withdrawals themselves. Counted from the records, not the counters."),
		Doubt: text("Thay đổi về sau khi cơ sở sửa hoặc rút hồ sơ: khi đó có phiên bản 2, nói rõ vì sao.", "It changes when a facility corrects or withdraws later: there is a version 2 then, which says why.")},
	{ID: "SL.09", Source: FromRecords, Measures: []string{MeasurePrescription}, Standing: true, List: "/messages?state=standing&code=" + MeasurePrescription, Name: text("Đơn thuốc còn hiệu lực", "Prescriptions that stand"),
		Formula: text("Hồ sơ còn hiệu lực (SL.08) có bảng thuốc XML2.", "Records that stand (SL.08) with the medicines table XML2."), Doubt: byReceipt},
	{ID: "SL.11", Source: FromRecords, List: "/messages", Name: text("Hồ sơ mỗi phút", "Records per minute"),
		Formula: text("Số hồ sơ theo phút nhận trong 60 phút qua, gồm cả phút đang chạy.", "Records by the minute they were received over the last 60 minutes, the running minute included."),
		Doubt:   byReceipt},
	{ID: "SL.12", Source: FromReceipts, List: "/figures/SL.12", Name: text("Thời gian đến khi tra cứu được", "Time to retrievable"),
		Formula: text("Từ byte cuối của tệp đến biên nhận; có biên nhận là đọc được. p95 của 60 phút qua, theo bậc 1, 2, 5 … của mili giây; hub cộng dồn mười giây một lần.",
			"From a file's last byte to its receipt; with the receipt it can be read. p95 of the last 60 minutes, in steps of 1, 2, 5 … milliseconds; the hub adds up every ten seconds."),
		Doubt: text("Không gồm thời gian tệp nằm ở cơ sở hoặc trên đường truyền. Số in ra là cận trên của bậc.", "Time at the facility and on the line is not in it. What is printed is the upper end of a step.")},
	{ID: "SL.13", Source: FromRecords, Measures: []string{string(dossier.Rejected)}, List: "/rejects", Name: text("Bị từ chối và nguyên nhân", "Rejections and their causes"),
		Formula: text("Bộ đếm rejected; nguyên nhân theo bộ đếm code:MÃ của các mã làm hồ sơ bị từ chối hoặc giữ lại một chặng. Một hồ sơ có hai mã được đếm ở cả hai nguyên nhân.",
			"The counter rejected; causes by the counters code:CODE of the codes that reject a record or hold a purpose back. A record with two codes counts under both causes."),
		Doubt: everyVersion},
	{ID: "SL.14", Source: FromScores, List: "/quality", Name: text("Tám chữ chất lượng", "The eight words of quality"),
		Formula: text("Số lần đạt trên số lần áp dụng được của mọi phép kiểm, theo chữ. Chi tiết từng phép kiểm ở trang chất lượng.",
			"Checks passed over checks that applied, by word. Each check is on the quality board."),
		Doubt: text("Đạt phép kiểm không chứng minh dữ liệu là thật.", "Passing a check does not prove that data are true.")},
	{ID: "SL.15", Source: FromLegs, List: "/legs", Name: text("Chặng và cầu dao", "Legs and breakers"),
		Formula: text("Số chặng chờ gửi, đã gửi chờ trả lời và tạm dừng của từng nơi nhận; cầu dao của từng nơi.", "Legs that wait, were sent, or are parked, by destination; the breaker of each."),
		Doubt:   text("Là trạng thái lúc này, không ghim được.", "It is how things stand now and cannot be pinned.")},
	{ID: "SL.17", Source: FromActs, List: "/figures/SL.17", Name: text("Cấp cứu chưa xem xét", "Emergencies unreviewed"),
		Formula: text("Lượt mở khẩn cấp mà cán bộ bảo vệ dữ liệu của cơ sở chưa kết luận.", "Emergency openings that the facility's privacy officer has not closed."),
		Doubt:   text("Hub chỉ biết việc xem xét được ghi trên hub.", "The hub knows only reviews written down in it.")},
	{ID: "SL.18", Source: FromRegistry, List: "/databases", Name: text("Cơ sở dữ liệu theo trạng thái", "Databases by state"),
		Formula: text("Số khai báo theo trạng thái: khảo sát, xây dựng, đánh giá, nghiệm thu, vận hành.", "Declarations by state: surveyed, building, evaluated, accepted, operating."),
		Doubt:   text("Trạng thái do đơn vị chủ quản ghi, kèm bằng chứng.", "The steward says the state, with evidence.")},
	{ID: "SL.19", Source: FromTasks, List: "/tasks?view=late", Name: text("Việc quá hạn", "Tasks late"),
		Formula: text("Việc chưa xong có hạn trước hôm nay.", "Tasks not done whose deadline lies before today."),
		Doubt:   text("Hạn do người giao việc đặt.", "Deadlines are set by who gave the task.")},
	{ID: "SL.20", Source: FromActs, List: "/figures/SL.20", Name: text("Khôi phục đã chứng minh", "Last proven restore"),
		Formula: text("Lần khôi phục gần nhất mà bản sao được mở, đếm lại và kiểm chứng với sổ.", "The last restore whose copy was opened, counted again and proved against the ledger."),
		Doubt:   text("Chứng minh bản sao đó, không phải bản sao đêm nay.", "It proves that copy, not tonight's.")},
	{ID: "SL.21", Source: FromRecords, Measures: Verdicts(), Parts: []Part{{Name: "sent", Measures: Verdicts()}, {Name: "accepted", Measures: accepted},
		{Name: "rejected", Measures: []string{string(dossier.Rejected)}}, {Name: "retrievable", Measures: accepted, Standing: true}}, List: "/facilities", Name: text("Mức độ tham gia", "Participation"),
		Formula: text("Các bộ đếm của SL.02 và refused theo cơ sở trong kỳ đã chọn.", "The counters of SL.02 and refused by facility over the chosen period."), Doubt: everyVersion},
	{ID: "SL.22", Source: FromRecords, List: "/today", Name: text("Hôm nay của cơ sở", "A facility's day"),
		Formula: text("Các bộ đếm của SL.02 và refused của riêng cơ sở trong ngày. Hub trả lời ngay khi nhận nên không có hồ sơ nào nằm chờ xét.",
			"The counters of SL.02 and refused of the facility in the day. The hub answers at once, so no record waits to be judged."), Doubt: everyVersion},
	{ID: "SL.23", Source: FromDisk, List: "/figures/SL.23", Name: text("Số ngày còn chỗ lưu", "Days of storage left"),
		Formula: text("Chỗ trống chia cho (dung lượng mỗi hồ sơ × hồ sơ mỗi ngày có gửi trong 7 ngày qua).", "Free room over (room of a record × records a day, of the last 7 days on which any came)."),
		Doubt:   text("Coi như lượng gửi không đổi.", "It takes what comes for constant.")},
	{ID: "SL.24", Source: FromRecords, List: "/figures/SL.24", Name: text("Bộ đếm bằng đếm lại", "Counters equal the recount"),
		Formula: text("Mỗi đêm đếm lại từ hồ sơ và so với bộ đếm: từng cơ sở của ngày vừa qua, từng ngày của mọi ngày. Phải bằng nhau cả.",
			"Each night records are counted again and held against the counters: each facility of the day, each day of all days. All must be equal."),
		Doubt: text("Lượt tra cứu không có trong phép so này; sổ xem có phép so riêng.", "Look-ups are not in it; their log has a comparison of its own.")},
	{ID: "SL.25", Source: FromPlaces, List: "/facilities?show=silent", Name: text("Im lặng quá lịch của mình", "Silent beyond their own calendar"),
		Formula: text("Cơ sở không gửi vào những ngày, giờ mà 8 tuần qua họ vẫn gửi. Cơ sở chưa đủ 3 tuần để học lịch: quá 24 giờ.",
			"Facilities that did not send on the days and hours they used over 8 weeks. With less than 3 weeks to learn from: over 24 hours."),
		Doubt: text("Ngày lễ chưa được khai báo có thể trông như im lặng.", "A holiday that nobody declared may look like silence.")},
	{ID: "SL.26", Source: FromActs, List: "/alarms", Name: text("Báo động", "Alarms"),
		Formula: text("Báo động đang mở, có người nhận hay chưa; hub xem mỗi phút.", "Open alarms, taken by somebody or not; the hub looks every minute."),
		Doubt:   text("Không có báo động không có nghĩa là không có việc.", "No alarm does not mean no trouble.")},
	{ID: "SL.27", Source: FromActs, List: "/overview/use", Name: text("Trung tâm điều hành được dùng", "Use of the operations centre"),
		Formula: text("Số lần mở mỗi bảng theo vai trò và ngày; báo động được nhận và thời gian từ khi mở đến khi có người nhận.",
			"How often each board was opened by role and day; alarms taken, and the time from opening until somebody took them."),
		Doubt: text("Màn hình treo tường tự làm mới không được đếm. Không ghi ai mở.", "A wall that refreshes itself is not counted. Who opened is not kept.")},
	{ID: "SL.28", Source: FromBenefit, List: "/benefit", Name: text("Lần gửi trùng tránh được", "Second submissions avoided"),
		Formula: text("Số chặng bắt đầu trong tháng đã đến nơi, trừ số hồ sơ có ít nhất một chặng đã đến nơi. Lần rút không tính.",
			"Legs begun in the month that arrived, less the records that have at least one that arrived. Withdrawals are left out."),
		Doubt: text("Giả định mỗi nơi nhận, nếu không có hub, đòi một lần gửi riêng. Có nơi nhận chưa từng đòi: khi đó số này cao hơn thực tế.",
			"It takes for granted that every destination would ask for a submission of its own. Where one never did, the number is too high.")},
	{ID: "SL.29", Source: FromBenefit, List: "/benefit", Name: text("Giấy tờ được thay bằng dữ liệu", "Documents replaced by data"),
		Formula: text("Bộ đếm lookup.elsewhere: số lần cơ sở khác mở nội dung một hồ sơ, theo ngày mở.",
			"The counter lookup.elsewhere: how often another facility opened a record's content, by the day of the look."),
		Doubt: text("Không phải lần mở nào cũng thay một tờ giấy: có lần mở lại, có lần người bệnh vẫn mang giấy. Là cận trên.",
			"Not every look replaces a paper: some are repeats, and some people bring their papers anyway. It is an upper bound.")},
	{ID: "SL.30", Source: FromBenefit, List: "/benefit", Name: text("Hồ sơ được nơi khác mở", "Records opened elsewhere"),
		Formula: text("Số hồ sơ khác nhau có ít nhất một dòng trong sổ xem của người ở cơ sở khác, với căn cứ có mặt, giấy chuyển, đồng ý, cấp cứu hoặc quầy.",
			"Records, each once, with at least one line in the log of access by somebody at another facility, on the basis of presence, referral, consent, emergency or counter."),
		Doubt: text("Mở không có nghĩa là đọc hết hoặc đã dùng để quyết định.", "Opened does not mean read to the end, or used in a decision.")},
	{ID: "SL.31", Source: FromBenefit, List: "/benefit", Name: text("Xét nghiệm khi nơi khác vừa có kết quả", "Tests while another facility had results"),
		Formula: text("Hồ sơ còn hiệu lực có bảng XML4 mà trong 14 ngày trước khi hub nhận, một cơ sở khác đã gửi hồ sơ có XML4 của cùng một người.",
			"Records that stand with a table XML4, where another facility had sent one with XML4 of the same person in the 14 days before the hub received it."),
		Doubt: text("Không phải số xét nghiệm lặp lại. Hub không mở nội dung để đếm, nên không biết có trùng mã dịch vụ hay không; không tính người chưa liên kết và lần lặp ở cùng cơ sở; ngày là ngày hub nhận, không phải ngày xét nghiệm; 14 ngày là ngưỡng để đếm, không phải quy định chuyên môn.",
			"These are not repeated tests. The hub opens nothing to count, so it does not know whether service codes are the same; people not linked and repeats at one facility are left out; days are those of receipt, not of the test; 14 days is a bound for counting, not a rule of medicine.")},
	{ID: "SL.32", Source: FromRecords, Measures: Verdicts(), Public: true, Parts: []Part{{Name: "records", Measures: Verdicts()}, {Name: "referrals", Measures: []string{MeasureReferral}},
		{Name: "prescriptions", Measures: []string{MeasurePrescription}}}, List: "/public", Name: text("Số liệu công khai của một tháng", "Public numbers of a month"),
		Formula: text("Các số của SL.02, SL.03 và SL.04 của một tháng đã hết, theo tỉnh. Ô dưới 10 và những ô có thể làm lộ ô đó không được nói ra, kể cả trong bản ghim.",
			"The numbers of SL.02, SL.03 and SL.04 of a month that is over, by province. Cells below 10, and those that would give one away, are not told, in the pinned text neither."),
		Doubt: text("Chỉ xóa hồ sơ thì không có phiên bản mới: so hai phiên bản sẽ lộ hồ sơ đã xóa. Khi đó đếm lại có thể ra khác.",
			"Erasure alone makes no new version: comparing two would tell what was erased. Counting again may then differ.")},
}
