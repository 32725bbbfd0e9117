package synth

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// totals adds the rows up, in hundredths of a đồng.
type totals struct{ drugs, supplies, bv, bh, own, copay, paid int64 }

// money writes hundredths of a đồng as the tables do.
func money(cents int64) string {
	return string(append(strconv.AppendInt(make([]byte, 0, 16), cents/100, 10), '.', byte('0'+cents/10%10), byte('0'+cents%10)))
}

// cost is one row's money.
type cost struct {
	quantity       int
	price, insured int64 // hundredths of a đồng a unit; insured 0: outside insurance
}

// charge fills a row's money in and adds it up: own share BV-BH, insurance
// BH x level, the rest co-payment (vietnam.md §1.5).
func (v *visit) charge(r record, c cost) (bv, bh int64) {
	scope, rate := "1", "100"
	if !v.insured {
		scope, c.insured = "2", 0
	}
	bv, bh = int64(c.quantity)*c.price, int64(c.quantity)*c.insured
	level := int64(v.level)
	paid := (bh*level + 50) / 100
	r.set("PHAM_VI", scope, "TYLE_TT_BH", rate, "SO_LUONG", itoa(c.quantity), "THANH_TIEN_BV", money(bv), "THANH_TIEN_BH", money(bh),
		"MUC_HUONG", itoa(v.level), "T_BNTT", money(bv-bh), "T_BNCCT", money(bh-paid), "T_BHTT", money(paid),
		"T_NGUONKHAC_NSNN", "0.00", "T_NGUONKHAC_VTNN", "0.00", "T_NGUONKHAC_VTTN", "0.00", "T_NGUONKHAC_CL", "0.00", "T_NGUONKHAC", "0.00")
	v.t.bv += bv
	v.t.bh += bh
	v.t.own += bv - bh
	v.t.copay += bh - paid
	v.t.paid += paid
	return bv, bh
}

// spend writes the drugs, services and tests of the visit (XML2, XML3, XML4).
func (v *visit) spend() {
	if v.drugs {
		v.prescribe()
	}
	var exam *world.Service
	switch v.kind {
	case Traditional:
		exam = v.n.World.Services["east"][0]
	case Newborn:
		exam = v.n.World.Services["exam"][1]
	case Birth:
		exam = v.n.World.Services["exam"][3]
	default:
		exam = examOf(v.n.World.Services["exam"], v.main.System, v.p.Age(v.out))
	}
	v.serve(exam, 1, v.within(0), v.within(0.1))
	v.examine()
	switch v.kind {
	case Inpatient:
		v.nurse(max(4, v.bed*3/10-12))
	case Birth:
		at := 0
		if v.main.ICD == "O82" {
			at = 1
		}
		v.serve(v.n.World.Services["birth"][at], 1, v.within(0.3), v.within(0.35))
		v.nurse(8)
	case DayCare, Newborn:
		v.nurse(4)
	case Emergency:
		v.nurse(2)
	case Traditional:
		for range world.Between(v.r, 4, 8) {
			t := v.within(v.r.Float64())
			v.serve(world.Pick(v.r, v.n.World.Services["eastcare"]), 1, t, t)
		}
	default:
		for range world.Between(v.r, 0, 2) {
			t := v.within(0.6)
			v.serve(world.Pick(v.r, v.n.World.Services["care"][:3]), 1, t, t)
		}
	}
	v.sleep()
}

func examOf(exams []*world.Service, system string, age int) *world.Service {
	at := map[string]int{"chanthuong": 2, "phu": 3, "san": 3, "mat": 4, "rang": 6, "da": 7}[system]
	if age < 16 && at == 0 {
		at = 1
	}
	return exams[at]
}

// prescribe writes XML2: the condition's drugs and some of the patient's other
// conditions'; by the day for those who stay.
func (v *visit) prescribe() {
	w := v.n.World
	if v.kind == Traditional {
		for _, d := range w.Remedies[:world.Between(v.r, 7, len(w.Remedies))] {
			v.dispense(d, world.Between(v.r, 5, 10), v.within(0.5))
		}
		return
	}
	list := append([]*world.Drug(nil), v.main.Drugs...)
	for _, c := range v.others {
		list = append(list, c.Drugs[:min(2, len(c.Drugs))]...)
	}
	want := world.Between(v.r, 4, 6)
	if v.kind == Inpatient {
		want = max(10, v.bed/5)
	}
	for len(list) < want && len(list) < 12 {
		list = append(list, world.Pick(v.r, w.DrugList))
	}
	list = list[:min(len(list), want)]
	days := 5 + 2*v.r.IntN(3)
	if v.form == "05" || !v.back.IsZero() {
		days = 28
	}
	if v.admission {
		days = 1
	}
	for i := range want {
		d := list[i%len(list)]
		at := v.within(0.55 + 0.4*v.r.Float64())
		if v.admission {
			at = v.within(0.02 + 0.96*float64(i)/float64(want))
		}
		v.dispense(d, days, at)
	}
}

func (v *visit) dispense(d *world.Drug, days int, at time.Time) {
	rows := 1
	if s := v.sheet("XML2"); s != nil {
		rows = len(s.rows) + 1
	}
	dose := "Dùng theo hướng dẫn"
	quantity := 1
	if d.PerDay > 0 {
		quantity = d.PerDay * days
		dose = fmt.Sprintf("%d %s/ngày * %d ngày", d.PerDay, strings.ToLower(d.Unit), days)
	}
	hash := country.Mix(d.Code, uint64(v.f.Number)) // a facility buys a drug at one price
	price := (d.Low + int64(hash%uint64(d.High-d.Low+1))) * 100
	r := v.add("XML2")
	r.set("STT", itoa(rows), "MA_THUOC", d.Code, "MA_NHOM", "4", "TEN_THUOC", d.Name, "DON_VI_TINH", d.Unit, "HAM_LUONG", d.Strength,
		"DUONG_DUNG", d.Route, "DANG_BAO_CHE", d.Form, "LIEU_DUNG", dose, "CACH_DUNG", d.How,
		"SO_DANG_KY", fmt.Sprintf("GL-%05d-%02d", hash%100000, 18+hash%7), "TT_THAU", fmt.Sprintf("%d/QĐ-GL;G1;N%d;%d", 100+hash%800, 1+hash%5, v.out.Year()),
		"DON_GIA", money(price)+"0", "MA_KHOA", v.department, "MA_BAC_SI", v.doctor.Code, "NGAY_YL", stamp(at), "NGAY_TH_YL", stamp(at),
		"MA_PTTT", "1", "NGUON_CTRA", payer(v.insured))
	bv, _ := v.charge(r, cost{quantity, price, price})
	v.t.drugs += bv
}

func payer(insured bool) string {
	if insured {
		return "1"
	}
	return "4"
}

// serve writes a service (XML3).
func (v *visit) serve(s *world.Service, quantity int, ordered, done time.Time) {
	r := v.expense(s.Unit, s.Group, ordered, done)
	r.set("MA_DICH_VU", s.Code, "TEN_DICH_VU", s.Name, "DON_GIA_BV", money(v.priced(s.Price)), "DON_GIA_BH", money(s.Price*100))
	if s.Group == "15" || s.Group == "14" {
		r.set("MA_GIUONG", fmt.Sprintf("H%03d", world.Between(v.r, 1, 240)))
	}
	v.charge(r, cost{quantity, v.priced(s.Price), s.Price * 100})
}

// priced is what the facility asks for: hospitals ask more than insurance pays.
func (v *visit) priced(price int64) int64 {
	if v.f.Level == "central" || v.f.Level == "provincial" {
		return price * 100 * 115 / 100
	}
	return price * 100
}

func (v *visit) expense(unit, group string, ordered, done time.Time) record {
	rows := 1
	if s := v.sheet("XML3"); s != nil {
		rows = len(s.rows) + 1
	}
	r := v.add("XML3")
	r.set("STT", itoa(rows), "MA_NHOM", group, "DON_VI_TINH", unit, "TYLE_TT_DV", "100", "MA_KHOA", v.department, "MA_BAC_SI", v.doctor.Code,
		"NGUOI_THUC_HIEN", v.doctor.Code, "MA_BENH", v.main.ICD, "NGAY_YL", stamp(ordered), "NGAY_TH_YL", stamp(done), "NGAY_KQ", stamp(done), "MA_PTTT", "1")
	return r
}

// nurse writes so many rows of care and supplies over the stay.
func (v *visit) nurse(rows int) {
	w := v.n.World
	for i := range rows {
		at := v.within(float64(i+1) / float64(rows+1))
		if i%3 != 0 {
			v.serve(world.Pick(v.r, w.Services["care"]), 1, at, at)
			continue
		}
		s := world.Pick(v.r, w.Supplies)
		price := (s.Low + int64(v.r.IntN(int(s.High-s.Low+1)))) * 100
		r := v.expense(s.Unit, "10", at, at)
		r.set("MA_VAT_TU", s.Code, "TEN_VAT_TU", s.Name, "DON_GIA_BV", money(price), "DON_GIA_BH", money(price), "TT_THAU",
			fmt.Sprintf("%d/QĐ-GL;G2;N1;%d", world.Between(v.r, 100, 899), v.out.Year()))
		bv, _ := v.charge(r, cost{world.Between(v.r, 1, 4), price, price})
		v.t.supplies += bv
	}
}

// sleep writes the bed days.
func (v *visit) sleep() {
	w := v.n.World
	switch v.kind {
	case Inpatient, Birth, Newborn:
		v.serve(world.Pick(v.r, w.Services["bed"]), max(1, v.stayed()-1), v.within(0.9), v.out)
	case DayCare:
		v.serve(w.Services["day"][0], max(1, v.stayed()-1), v.within(0.9), v.out)
	}
}

// examine orders tests: their cost stands in XML3, their results in XML4.
func (v *visit) examine() {
	panels := v.main.Panels
	switch {
	case v.f.Level == "commune":
		panels = panels[:1]
		if world.Chance(v.r, 0.4) {
			return
		}
	case v.kind == Newborn:
	case v.kind == Uninsured && world.Chance(v.r, 0.5):
		panels = panels[:1]
	case len(panels) < 3 && v.r.IntN(4) > 0:
		panels = append([]string{"sinhhoa", "nuoctieu"}, panels...)
	}
	seen := map[string]bool{}
	for _, p := range panels {
		if !seen[p] {
			seen[p] = true
			v.panel(p, 0.15, 0.45)
		}
	}
	if v.kind != Inpatient {
		return
	}
	for i := 0; v.rows("XML4") < v.bed/2-4; i++ {
		p := []string{"mau", "sinhhoa", "crp", "nuoctieu", "mo"}[i%5]
		at := min(0.9, 0.1+0.8*float64(v.rows("XML4"))/float64(v.bed/2))
		v.panel(p, at, at+0.02)
	}
}

func (v *visit) rows(table string) int {
	if s := v.sheet(table); s != nil {
		return len(s.rows)
	}
	return 0
}

func (v *visit) panel(name string, ordered, done float64) {
	code := ""
	for _, t := range v.n.World.Tests[name] {
		if t.Service != "" {
			code = t.Service
			v.serve(&world.Service{Code: t.Service, Name: t.ServiceName, Unit: "Lần", Price: t.Price, Group: t.Group}, 1, v.within(ordered), v.within(done))
		}
		rows := v.rows("XML4") + 1
		r := v.add("XML4")
		r.set("STT", itoa(rows), "MA_DICH_VU", short(code), "MA_CHI_SO", t.Index, "TEN_CHI_SO", t.Name, "NGAY_KQ", stamp(v.within(done)), "MA_BS_DOC_KQ", v.doctor.Code)
		if t.Unit == "" {
			r.set("MO_TA", sentences(v.say("image."+name), v.say("image."+name)), "KET_LUAN", v.say("outcome"))
			continue
		}
		value, verdict := v.measure(t)
		r.set("GIA_TRI", value, "DON_VI_DO", t.Unit, "KET_LUAN", verdict)
	}
}

// short cuts a code to the 15 characters XML4 has for it.
func short(code string) string { return code[:min(len(code), 15)] }

// measure draws a result: most within the range, some a little out of it.
func (v *visit) measure(t *world.Test) (value, verdict string) {
	x := t.Low + (t.High-t.Low)*v.r.Float64()
	verdict = "Trong giới hạn tham chiếu "
	if world.Chance(v.r, 0.18) {
		if x, verdict = t.High*(1.02+0.4*v.r.Float64()), "Tăng so với tham chiếu "; t.Low > 0 && v.r.IntN(3) == 0 {
			x, verdict = t.Low*(0.7+0.25*v.r.Float64()), "Giảm so với tham chiếu "
		}
	}
	form := func(x float64) string { return strconv.FormatFloat(x, 'f', t.Decimals, 64) }
	return form(x), verdict + form(t.Low) + "-" + form(t.High)
}
