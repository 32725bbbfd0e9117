package entries

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"lienthong/internal/synth/world"
)

// personnel is practitioners with their licences. A twin is the same person under
// another licence number, with a letter of the name written otherwise.
func personnel() book {
	titles := []struct{ code, mark, scope string }{
		{"doctor", "BS", "Khám bệnh, chữa bệnh nội khoa"}, {"doctor", "BS", "Khám bệnh, chữa bệnh đa khoa"}, {"nurse", "ĐD", "Điều dưỡng"},
		{"nurse", "ĐD", "Điều dưỡng"}, {"assistant", "YS", "Y sĩ đa khoa"}, {"midwife", "HS", "Hộ sinh"}, {"technician", "KTY", "Xét nghiệm y học"},
	}
	return book{
		fields: []string{"licence", "person", "name", "born", "title", "scope", "facility", "issuer", "issued", "expires", "state"},
		labels: []string{"Số GPHN", "CCCD", "Họ và tên", "Ngày sinh", "Chức danh", "Phạm vi hành nghề", "Mã cơ sở", "Nơi cấp", "Ngày cấp", "Ngày hết hạn", "Tình trạng"},
		row: func(m *maker, r *rand.Rand, i int) []string {
			sex := world.Between(r, 1, 2)
			name := m.land.World.FullName(r, sex, m.land.World.Names["surname"].Draw(r))
			born, birth := m.ago(r, 25*365, 62*365)
			f, t := m.facility(r), world.Pick(r, titles)
			issued, since := m.ago(r, 1, 1700)
			state := "active"
			if world.Chance(r, 0.02) {
				state = "suspended"
			}
			return []string{fmt.Sprintf("%06d/%s-GPHN", i, t.mark), m.citizen(r, i, sex, born), name, birth, t.code, t.scope, f.Code,
				"Sở Y tế Giả lập " + f.Province, since, issued.AddDate(5, 0, -1).Format(m.date), state}
		},
		twin: func(_ *maker, _ *rand.Rand, i int, row []string) {
			row[0] = fmt.Sprintf("%06d%s", i, row[0][strings.IndexByte(row[0], '/'):])
			row[2] = otherwise(row[2])
		},
		missing: "name", code: "title", day: "issued",
	}
}

// otherwise is a name as another office wrote it: with y for i, or the last letter
// twice.
func otherwise(name string) string {
	for _, p := range [][2]string{{"i", "y"}, {"y", "i"}, {"í", "ý"}, {"ý", "í"}} {
		if at := strings.LastIndex(name, p[0]); at > 0 {
			return name[:at] + p[1] + name[at+len(p[0]):]
		}
	}
	return name + name[len(name)-1:]
}

// cases is occupational diseases, of the database that the guide adds.
func cases() book {
	return book{
		fields: []string{"number", "person", "workplace", "province", "disease", "found"},
		labels: []string{"Mã hồ sơ", "CCCD", "Nơi làm việc", "Tỉnh", "Nhóm bệnh", "Ngày phát hiện bệnh"},
		row: func(m *maker, r *rand.Rand, i int) []string {
			born, _ := m.ago(r, 25*365, 60*365)
			f := m.facility(r)
			_, found := m.ago(r, 1, 900)
			return []string{fmt.Sprintf("BNN-%s-%06d", f.Province, i), m.citizen(r, i, world.Between(r, 1, 2), born),
				"Công ty Giả lập số " + fmt.Sprint(world.Between(r, 1, 400)), f.Province,
				world.Pick(r, []string{"dust", "dust", "noise", "chemical", "skin", "other"}), found}
		},
		missing: "workplace", code: "disease", day: "found",
	}
}
