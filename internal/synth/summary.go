package synth

import (
	"fmt"
	"strings"

	"lienthong/internal/catalog"
	"lienthong/internal/synth/world"
)

// summarise fills XML1 in.
func (v *visit) summarise() {
	r, p := v.summary, v.p
	v.who(r)
	v.live(r)
	var others []string
	for _, c := range v.others {
		others = append(others, c.ICD)
	}
	paid := v.out.Add(5 * 60e9)
	r.set("LY_DO_VV", v.complaint, "CHAN_DOAN_VAO", v.main.Name, "CHAN_DOAN_RV", v.diagnosis(), "MA_BENH_CHINH", v.main.ICD,
		"MA_BENH_KT", strings.Join(others, ";"), "NGAY_RA", stamp(v.out), "SO_NGAY_DTRI", itoa(v.stayed()), "PP_DIEU_TRI", v.plan,
		"KET_QUA_DTRI", v.outcome, "MA_LOAI_RV", v.leaving, "GHI_CHU", v.advice, "NGAY_TTOAN", stamp(paid),
		"NAM_QT", v.out.Format("2006"), "THANG_QT", v.out.Format("01"), "MA_KHOA", v.department, "MA_TTDV", v.f.Head,
		"MA_HSBA", fmt.Sprintf("BA%s%06d", v.out.Format("06"), v.r.IntN(1e6)))
	t := v.t
	r.set("T_THUOC", money(t.drugs), "T_VTYT", money(t.supplies), "T_TONGCHI_BV", money(t.bv), "T_TONGCHI_BH", money(t.bh), "T_BNTT", money(t.own),
		"T_BNCCT", money(t.copay), "T_BHTT", money(t.paid), "T_NGUONKHAC", "0.00", "T_BHTT_GDV", money(t.paid))
	if v.from != nil {
		r.set("MA_NOI_DI", v.from.Code, "GIAY_CHUYEN_TUYEN", v.slip)
	}
	if v.to != nil {
		r.set("MA_NOI_DEN", v.to.Code)
	}
	if v.kind == Traditional {
		r.set("MA_BENH_YHCT", v.main.East)
	}
	if v.main.System == "chanthuong" {
		r.set("MA_TAI_NAN", itoa(world.Between(v.r, 1, 3)))
	}
	if !v.back.IsZero() {
		r.set("NGAY_TAI_KHAM", date(v.back))
	}
	switch age := p.Age(v.out); {
	case v.kind == Newborn:
		r.set("CAN_NANG", fmt.Sprintf("%d.%d", world.Between(v.r, 2, 3), world.Between(v.r, 5, 9)))
	case age < 1:
		r.set("CAN_NANG", fmt.Sprintf("%d.%d", world.Between(v.r, 4, 9), v.r.IntN(10)))
	case v.kind == Emergency || v.kind == Inpatient:
		r.set("CAN_NANG", fmt.Sprintf("%d.%d", min(8+3*age, 40+v.r.IntN(35)), v.r.IntN(10)))
	}
}

func (v *visit) diagnosis() string {
	parts := []string{v.main.Name}
	for _, c := range v.others {
		parts = append(parts, c.Name)
	}
	return strings.Join(parts, "; ")
}

// live fills in where the patient lives and what they are.
func (v *visit) live(r record) {
	p := v.p
	province, ward := p.Province, p.Ward.Code
	if v.quirk == QuirkOldCodes {
		ward = p.Ward.Former
		if now, ok := catalog.ProvinceByCode(p.Province); ok {
			province = now.Old[len(now.Old)-1]
		}
	}
	nationality := "000"
	r.set("NHOM_MAU", p.Blood, "MA_QUOCTICH", nationality, "MA_DANTOC", p.Ethnic, "MA_NGHE_NGHIEP", p.Occupation, "DIA_CHI", p.Address,
		"MATINH_CU_TRU", province, "MAXA_CU_TRU", ward, "DIEN_THOAI", p.Phone)
}

// note writes the clinical course (XML5) of those who stay.
func (v *visit) note() {
	notes := 0
	switch v.kind {
	case Inpatient:
		notes = max(4, v.bed/16)
	case Birth, DayCare, Newborn:
		notes = 4
	case Emergency:
		notes = 2
	case Traditional:
		notes = 3
	}
	for i := range notes {
		at := v.within(float64(i+1) / float64(notes+1))
		r := v.add("XML5")
		r.set("STT", itoa(i+1), "DIEN_BIEN_LS", sentences(v.say("course"), v.say("course"), v.vitals(), v.say("exam."+v.main.System), v.say("order")),
			"THOI_DIEM_DBLS", stamp(at), "NGUOI_THUC_HIEN", v.doctor.Code)
		if i == 1 && v.kind == Inpatient && world.Chance(v.r, 0.3) {
			r.set("HOI_CHAN", sentences("Hội chẩn khoa", v.say("plan"), v.say("order")))
		}
	}
}
