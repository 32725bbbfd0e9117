package entries

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"lienthong/internal/synth/world"
)

// devices is what stands in facilities. A twin has the same serial number, written
// with a blank.
func devices() book {
	kinds := []struct{ name, risk string }{
		{"Máy chụp X-quang kỹ thuật số", "C"}, {"Máy chụp cắt lớp vi tính", "C"}, {"Máy cộng hưởng từ", "C"}, {"Máy siêu âm màu", "B"},
		{"Máy thở", "C"}, {"Máy theo dõi bệnh nhân", "C"}, {"Bơm tiêm điện", "C"}, {"Máy xét nghiệm sinh hóa tự động", "B"},
		{"Máy điện tim", "B"}, {"Nồi hấp tiệt khuẩn", "B"}, {"Máy phá rung tim", "C"}, {"Giường hồi sức", "A"}, {"Van tim nhân tạo", "D"},
	}
	makers := []struct{ name, country string }{{"Hãng Giả lập Đông Á", "Nhật Bản"}, {"Hãng Giả lập Bắc Âu", "Thụy Điển"}, {"Hãng Giả lập Rhein", "Đức"}, {"Hãng Giả lập Cửu Long", "Việt Nam"}}
	return book{
		fields: []string{"facility", "serial", "name", "risk", "registration", "maker", "country", "year", "in_use", "checked", "next_check", "state"},
		labels: []string{"Mã cơ sở", "Serial", "Tên thiết bị", "Phân loại", "Số đăng ký lưu hành", "Hãng sản xuất", "Nước sản xuất", "Năm sản xuất", "Ngày đưa vào dùng", "Ngày kiểm định", "Hạn kiểm định", "Tình trạng"},
		row: func(m *maker, r *rand.Rand, i int) []string {
			k, by := world.Pick(r, kinds), world.Pick(r, makers)
			used, since := m.ago(r, 400, 3600)
			checked, last := m.ago(r, 1, 390)
			return []string{m.facility(r).Code, fmt.Sprintf("SN-GL-%07d", i), k.name, k.risk, fmt.Sprintf("GL%06d-%s", i%977, k.risk), by.name, by.country,
				strconv.Itoa(used.Year() - world.Between(r, 0, 2)), since, last, checked.AddDate(1, 0, 0).Format(m.date),
				world.Pick(r, []string{"working", "working", "working", "working", "repair", "out"})}
		},
		twin: func(_ *maker, _ *rand.Rand, _ int, row []string) {
			row[1] = "SN GL " + row[1][len("SN-GL-"):]
		},
		missing: "name", code: "risk", day: "in_use",
	}
}

func medicines() book {
	return book{
		fields: []string{"registration", "name", "substance", "strength", "form", "route", "unit", "holder", "granted", "expires"},
		labels: []string{"Số đăng ký", "Tên thuốc", "Hoạt chất", "Hàm lượng", "Dạng bào chế", "Đường dùng", "Đơn vị tính", "Công ty đăng ký", "Ngày cấp", "Ngày hết hạn"},
		row: func(m *maker, r *rand.Rand, i int) []string {
			d := m.land.World.DrugList[i%len(m.land.World.DrugList)]
			granted, since := m.ago(r, 30, 1750)
			return []string{fmt.Sprintf("GL-%06d-%02d", i, granted.Year()%100), d.Name, d.Code, d.Strength, d.Form, d.Route, d.Unit,
				fmt.Sprintf("Công ty Dược Giả lập số %d", world.Between(r, 1, 60)), since, granted.AddDate(5, 0, 0).Format(m.date)}
		},
		missing: "name", code: "", day: "granted",
	}
}

func establishments() book {
	kinds := []struct{ code, name string }{{"kitchen", "Bếp ăn"}, {"restaurant", "Nhà hàng"}, {"street", "Quán"}, {"maker", "Cơ sở sản xuất"}, {"trader", "Cửa hàng"}}
	return book{
		fields: []string{"number", "name", "kind", "province", "address", "owner", "granted", "expires", "inspected", "result"},
		labels: []string{"Số GCN", "Tên", "Loại hình", "Mã tỉnh", "Địa chỉ", "Chủ cơ sở", "Ngày cấp", "Ngày hết hạn", "Kiểm tra gần nhất", "Kết quả kiểm tra"},
		row: func(m *maker, r *rand.Rand, i int) []string {
			k, f := world.Pick(r, kinds), m.facility(r)
			granted, since := m.ago(r, 60, 1000)
			_, inspected := m.ago(r, 1, 780)
			w := m.land.World
			return []string{fmt.Sprintf("GL%06d/ATTP-%s", i, f.Province), fmt.Sprintf("%s Giả lập số %d", k.name, i), k.code, f.Province,
				fmt.Sprintf("%d %s, %s", world.Between(r, 1, 240), world.Pick(r, w.Phrases["street"]), world.Pick(r, w.Wards[f.Province]).Name),
				w.FullName(r, world.Between(r, 1, 2), w.Names["surname"].Draw(r)), since, granted.AddDate(3, 0, 0).Format(m.date), inspected,
				world.Pick(r, []string{"pass", "pass", "pass", "pass", "fail", "suspended"})}
		},
		missing: "name", code: "kind", day: "granted",
	}
}

func systems() book {
	kinds := []struct{ code, mark, name string }{
		{"system", "his", "Hệ thống quản lý bệnh viện"}, {"system", "lis", "Hệ thống thông tin xét nghiệm"}, {"system", "pacs", "Hệ thống lưu trữ hình ảnh"},
		{"database", "csdl", "Cơ sở dữ liệu chuyên ngành"}, {"platform", "nt", "Nền tảng hồ sơ sức khỏe"},
	}
	return book{
		fields: []string{"code", "name", "kind", "owner", "operator", "level", "level_paper", "state", "interfaces", "data", "personal_data", "contact", "since"},
		labels: []string{"Mã", "Tên", "Loại", "Đơn vị chủ quản", "Đơn vị vận hành", "Cấp độ", "Văn bản phê duyệt cấp độ", "Tình trạng", "Giao diện kết nối", "Dữ liệu lưu giữ", "Có dữ liệu cá nhân", "Đầu mối liên hệ", "Vận hành từ"},
		row: func(m *maker, r *rand.Rand, i int) []string {
			k, f := world.Pick(r, kinds), m.facility(r)
			_, since := m.ago(r, 90, 2500)
			level, paper := world.Pick(r, []string{"2", "2", "3", "3", "1"}), fmt.Sprintf("QĐ giả lập số %d", world.Between(r, 1, 900))
			if world.Chance(r, 0.15) {
				paper = ""
			}
			return []string{fmt.Sprintf("gl-%s-%05d", k.mark, i), fmt.Sprintf("%s %s", k.name, f.Name), k.code, f.Name, f.Vendor, level, paper,
				world.Pick(r, []string{"running", "running", "running", "building", "planned", "retired"}), "HTTPS, QĐ 4750, FHIR R4",
				"Hồ sơ khám bệnh, chữa bệnh", world.Pick(r, []string{"có", "có", "không"}), "Phòng công nghệ thông tin", since}
		},
		missing: "name", code: "level", day: "since",
	}
}
