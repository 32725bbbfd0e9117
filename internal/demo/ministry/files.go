package ministry

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/registry"
)

// file is one that a unit brings: made up, row by row.
type file struct {
	database registry.ID
	name     string
	text     string
}

// How much there is in each.
const (
	practitioners  = 240
	devices        = 160
	medicines      = 120
	establishments = 140
	systems        = 24
)

// Nobody is called like that: names are drawn word by word.
var (
	surnames = []string{"Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô", "Dương", "Lý"}
	middles  = []string{"Văn", "Thị", "Minh", "Thu", "Ngọc", "Quang", "Hải", "Thanh", "Đức", "Khánh"}
	givens   = []string{"An", "Bình", "Chi", "Dung", "Giang", "Hà", "Khoa", "Linh", "Mai", "Nam", "Phúc", "Quyên", "Sơn", "Trang", "Uyên", "Vinh", "Yến"}
)

// maker makes rows; the same facilities on the same day give the same files.
type maker struct {
	r      *rand.Rand
	places []Facility
	now    time.Time
}

func files(places []Facility, now time.Time) []file {
	m := &maker{rand.New(rand.NewPCG(6, 4750)), places, now}
	return []file{{"personnel", "nguoi-hanh-nghe.csv", m.personnel()}, {"devices", "thiet-bi.csv", m.devices()}, {"medicines", "thuoc-luu-hanh.csv", m.medicines()},
		{"food-safety", "co-so-thuc-pham.csv", m.food()}, {"systems", "he-thong-thong-tin.csv", m.systems()}}
}

func (m *maker) one(of []string) string { return of[m.r.IntN(len(of))] }
func (m *maker) place() Facility        { return m.places[m.r.IntN(len(m.places))] }
func (m *maker) name() string           { return m.one(surnames) + " " + m.one(middles) + " " + m.one(givens) }

// ago is a day up to so many days back, and at least least.
func (m *maker) ago(least, most int) time.Time {
	return m.now.In(clock.Hanoi).AddDate(0, 0, -least-m.r.IntN(most-least))
}

func day10(t time.Time) string { return t.In(clock.Hanoi).Format(time.DateOnly) }

// number is a citizen number that is given to nobody: of a century to come.
func (m *maker) number(place Facility, born time.Time) string {
	return fmt.Sprintf("0%s%d%02d%06d", place.Province, 8+m.r.IntN(2), born.Year()%100, m.r.IntN(1_000_000))
}

// sheet writes rows under their headings.
func sheet(heads string, n int, row func(i int) []string) string {
	var b strings.Builder
	b.WriteString("\ufeff" + heads + "\r\n")
	for i := range n {
		b.WriteString(strings.Join(row(i), ";") + "\r\n")
	}
	return b.String()
}

// personnel: two of the rows are one practitioner, some licences have run out, some
// rows lack something.
func (m *maker) personnel() string {
	titles := []string{"doctor", "doctor", "assistant", "nurse", "nurse", "midwife", "technician"}
	scopes := []string{"Nội khoa", "Ngoại khoa", "Sản phụ khoa", "Nhi khoa", "Chẩn đoán hình ảnh", "Xét nghiệm y học", "Y học cổ truyền"}
	var rows [][]string
	for i := range practitioners {
		f, born, issued := m.place(), m.now.AddDate(-25-m.r.IntN(35), -m.r.IntN(12), -m.r.IntN(28)), m.ago(60, 1700)
		expires := issued.AddDate(5, 0, -1)
		if i%40 == 39 {
			expires = m.ago(1, 50)
		}
		scope := m.one(scopes)
		if i%11 == 10 {
			scope = ""
		}
		rows = append(rows, []string{fmt.Sprintf("%07d/DEMO-GPHN", 1000+i), m.number(f, born), m.name(), day10(born), m.one(titles), scope, f.Code, "Sở Y tế (giả lập)", day10(issued), day10(expires), "active"})
	}
	again := append([]string(nil), rows[7]...) // registered a second time under another licence
	again[0], again[2] = "0009007/DEMO-GPHN", strings.ToUpper(again[2])
	rows = append(rows, again)
	return sheet("Số GPHN;Số định danh;Họ và tên;Ngày sinh;Chức danh chuyên môn;Phạm vi hành nghề;Mã cơ sở;Nơi cấp;Ngày cấp;Ngày hết hạn;Tình trạng", len(rows), func(i int) []string { return rows[i] })
}

func (m *maker) devices() string {
	kinds := [][2]string{{"Máy X quang kỹ thuật số", "C"}, {"Máy siêu âm", "B"}, {"Máy thở", "C"}, {"Máy chụp cắt lớp", "C"}, {"Monitor theo dõi", "B"}, {"Bơm tiêm điện", "B"}, {"Máy khử rung tim", "C"}}
	return sheet("Mã cơ sở;Serial;Tên thiết bị;Phân loại;Số đăng ký lưu hành;Hãng sản xuất;Nước sản xuất;Năm sản xuất;Ngày đưa vào dùng;Ngày kiểm định;Hạn kiểm định;Tình trạng", devices, func(i int) []string {
		f, k, since, checked := m.place(), kinds[m.r.IntN(len(kinds))], m.ago(400, 2400), m.ago(20, 350)
		until := day10(checked.AddDate(1, 0, 0))
		switch {
		case i%13 == 12:
			until = day10(m.ago(2, 60))
		case i%17 == 16:
			until = ""
		}
		return []string{f.Code, fmt.Sprintf("DEMO-%06d", 100+i), k[0], k[1], fmt.Sprintf("%06d/DEMO-LH", 2000+i%37), "Hãng giả lập " + string(rune('A'+i%5)), "Việt Nam", fmt.Sprint(since.Year()), day10(since), day10(checked), until, m.one([]string{"working", "working", "working", "repair", "out"})}
	})
}

func (m *maker) medicines() string {
	substances := []string{"Paracetamol", "Amoxicilin", "Metformin", "Amlodipin", "Losartan", "Omeprazol", "Salbutamol", "Cefuroxim", "Atorvastatin", "Vitamin C"}
	return sheet("SĐK;Tên thuốc;Hoạt chất;Hàm lượng;Dạng bào chế;Đường dùng;Đơn vị tính;Công ty đăng ký;Ngày cấp;Ngày hết hạn", medicines, func(i int) []string {
		s, granted := substances[i%len(substances)], m.ago(200, 1500)
		strength := m.one([]string{"250mg", "500mg", "5mg", "10mg"})
		return []string{fmt.Sprintf("DEMO-%05d-26", i+1), fmt.Sprintf("%s %s mẫu %03d", s, strength, i+1), s, strength, m.one([]string{"Viên nén", "Viên nang", "Siro"}), "Uống", m.one([]string{"Viên", "Chai"}), "Công ty dược giả lập " + string(rune('A'+i%8)), day10(granted), day10(granted.AddDate(5, 0, 0))}
	})
}

func (m *maker) food() string {
	return sheet("Số GCN;Tên cơ sở;Loại hình;Mã tỉnh;Địa chỉ;Chủ cơ sở;Ngày cấp;Ngày hết hạn;Kiểm tra gần nhất;Kết quả kiểm tra", establishments, func(i int) []string {
		f, granted, inspected := m.place(), m.ago(100, 1000), day10(m.ago(10, 700))
		kind := m.one([]string{"kitchen", "restaurant", "street", "maker", "trader"})
		if i%19 == 18 {
			inspected = day10(m.ago(740, 900))
		}
		return []string{fmt.Sprintf("GP-%05d/DEMO-ATTP", i+1), fmt.Sprintf("Cơ sở thực phẩm giả lập %03d", i+1), kind, f.Province, fmt.Sprintf("Số %d, phố Giả Lập", 1+m.r.IntN(200)), m.name(), day10(granted), day10(granted.AddDate(3, 0, 0)), inspected, m.one([]string{"pass", "pass", "pass", "pass", "fail"})}
	})
}

func (m *maker) systems() string {
	kinds := []string{"Quản lý khám chữa bệnh", "Kho dữ liệu", "Quản lý tiêm chủng", "Giám định", "Quản lý dược", "Cổng dịch vụ công", "Lưu trữ hình ảnh", "Quản lý văn bản"}
	return sheet("Mã;Tên;Loại;Đơn vị chủ quản;Đơn vị vận hành;Cấp độ;Văn bản phê duyệt cấp độ;Tình trạng;Giao diện kết nối;Dữ liệu lưu giữ;Có dữ liệu cá nhân;Đầu mối liên hệ;Vận hành từ", systems, func(i int) []string {
		paper, level := fmt.Sprintf("Quyết định %02d/QĐ-DEMO", i+1), m.one([]string{"2", "3", "3", "4"})
		switch i % 8 {
		case 5:
			paper = ""
		case 7:
			level = "1"
		}
		return []string{fmt.Sprintf("ht-%02d.demo", i+1), fmt.Sprintf("%s (giả lập %02d)", kinds[i%len(kinds)], i+1), m.one([]string{"system", "system", "database", "platform"}), "Đơn vị giả lập " + string(rune('A'+i%6)), "Trung tâm giả lập", level, paper,
			m.one([]string{"running", "running", "running", "building", "planned"}), "REST, tệp CSV", "Dữ liệu giả lập của lĩnh vực", "true", "dau-moi-" + fmt.Sprint(i+1), day10(m.ago(300, 2000))}
	})
}
