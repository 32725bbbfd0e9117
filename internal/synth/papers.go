package synth

import (
	"fmt"
	"time"

	"lienthong/internal/synth/world"
)

// document writes the papers of the visit: XML6 to XML15.
func (v *visit) document() {
	if v.kind == HIV {
		v.hiv()
	}
	if v.form == "03" {
		v.dischargePaper()
	}
	v.recordSummary()
	if v.kind == Birth {
		v.certificate()
	}
	if v.kind == SickLeave {
		v.leave()
	}
	if v.to != nil {
		v.refer()
	}
	if v.kind == FollowUp {
		v.appoint()
	}
	if v.kind == TB {
		v.tuberculosis()
	}
}

func (v *visit) hiv() {
	r := v.add("XML6")
	known := v.p.birth.AddDate(max(18, v.p.age(v.out)-world.Between(v.r, 1, 6)), 0, 0)
	if known.After(v.out) {
		known = v.out.AddDate(0, -2, 0)
	}
	next := v.out.AddDate(0, 0, 28)
	r.set("SO_CCCD", v.citizen, "NGAY_SINH", v.birth, "GIOI_TINH", itoa(v.p.sex), "DIA_CHI", v.p.address, "MATINH_CU_TRU", v.p.province,
		"MAXA_CU_TRU", v.p.ward.Code, "NGAYKD_HIV", date(known), "NOI_LAY_MAU_XN", v.f.Code, "NOI_XN_KD", v.f.Code, "NOI_BDDT_ARV", v.f.Code,
		"BDDT_ARV", date(known.AddDate(0, 0, 14)), "MA_PHAC_DO_DIEU_TRI_BD", "1f", "MA_BAC_PHAC_DO_BD", "1", "MA_LYDO_DTRI", "3", "LOAI_DTRI_LAO", "0",
		"SANG_LOC_LAO", "2", "MA_LOAI_BN", "1", "GIAI_DOAN_LAM_SANG", itoa(world.Between(v.r, 1, 2)), "NHOM_DOI_TUONG", "12", "MA_XU_TRI", "3",
		"NGAY_BAT_DAU_XU_TRI", date(v.out), "NGAY_KET_THUC_XU_TRI", date(next), "MA_PHAC_DO_DIEU_TRI", "1f", "MA_BAC_PHAC_DO", "1",
		"SO_NGAY_CAP_THUOC_ARV", "28", "MA_CSKCB", v.f.Code)
	if v.insured {
		r.set("MA_THE_BHYT", v.p.cards[len(v.p.cards)-1].number)
	}
}

func (v *visit) dischargePaper() {
	r := v.add("XML7")
	r.set("SO_LUU_TRU", fmt.Sprintf("%s/%05d", v.out.Format("2006"), v.r.IntN(1e5)), "MA_YTE", fmt.Sprintf("%s/%s/%s", v.f.old, v.f.Code, v.lk[max(0, len(v.lk)-8):]),
		"MA_KHOA_RV", v.department, "NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "MA_DINH_CHI_THAI", "0", "CHAN_DOAN_RV", v.diagnosis(),
		"PP_DIEUTRI", v.plan, "GHI_CHU", v.advice, "MA_TTDV", v.f.head, "MA_BS", v.doctor.code, "TEN_BS", v.doctor.name, "NGAY_CT", date(v.out))
	if v.kind == Newborn {
		r.set("HO_TEN_ME", v.f.written(v.p.mother), "MA_THE_TAM", v.p.cards[0].number)
	} else if v.p.parent != "" && v.p.age(v.out) < 16 {
		r.set("HO_TEN_CHA", v.f.written(v.p.parent), "HO_TEN_ME", v.f.written(v.p.mother))
	}
	if v.p.employer != "" && v.leaving == "1" && world.Chance(v.r, 0.4) {
		days := world.Between(v.r, 3, 10)
		first := v.out.AddDate(0, 0, 1)
		r.set("SO_NGAY_NGHI", itoa(days), "NGOAITRU_TUNGAY", date(first), "NGOAITRU_DENNGAY", date(first.AddDate(0, 0, days-1)))
	}
}

func (v *visit) recordSummary() {
	r := v.add("XML8")
	r.set("MA_LOAI_KCB", v.form, "NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "CHAN_DOAN_VAO", v.main.Name, "CHAN_DOAN_RV", v.diagnosis(),
		"QT_BENHLY", v.story, "TOMTAT_KQ", v.results, "PP_DIEUTRI", v.plan, "KET_QUA_DTRI", v.outcome, "GHI_CHU", v.advice,
		"MA_TTDV", v.f.head, "NGAY_CT", date(v.out), "DON_VI", v.p.employer)
	switch {
	case v.kind == Newborn:
		r.set("HO_TEN_ME", v.f.written(v.p.mother), "MA_THE_TAM", v.p.cards[0].number)
	case v.p.parent != "" && v.p.age(v.out) < 16:
		r.set("HO_TEN_CHA", v.f.written(v.p.parent), "HO_TEN_ME", v.f.written(v.p.mother), "NGUOI_GIAM_HO", v.f.written(v.p.mother))
	case v.kind == Birth:
		r.set("NGAY_SINHCON", date(v.birthday()))
	}
}

// delivery is what a birth's two dossiers agree on.
type delivery struct {
	at     time.Time
	sex    int
	weight int
	name   string
	number int
}

func (n *Nation) delivery(s *story) (delivery, *person) {
	mother := n.person(s.person)
	r := n.stream("delivery", s.id)
	d := delivery{at: s.at.Add(-time.Duration(world.Between(r, 1500, 2700)) * time.Minute), sex: world.Between(r, 1, 2), weight: world.Between(r, 25, 39) * 100, number: s.id}
	if d.at.Hour() == 0 && d.at.Minute() == 0 {
		d.at = d.at.Add(time.Minute)
	}
	d.name = n.world.FullName(r, d.sex, n.world.Names["surname"].Draw(r))
	return d, mother
}

// birthday is when the child of this visit was born.
func (v *visit) birthday() time.Time {
	d, _ := v.n.delivery(v.told)
	return d.at
}

// beBorn makes the visit the child's: without numbers of its own but for a first card.
func (v *visit) beBorn(d delivery, mother *person) {
	issued := v.f.old
	v.p = &person{number: v.n.config.People + d.number, household: mother.household, name: d.name, sex: d.sex, birth: d.at, province: mother.province,
		ward: mother.ward, address: mother.address, phone: mother.phone, ethnic: mother.ethnic, occupation: "00000", mother: mother.name}
	v.p.cards = []card{{"TE1" + issued + fmt.Sprintf("99%08d", d.number%1e8), date(d.at), date(d.at.AddDate(6, 0, 0))}}
}

func (v *visit) certificate() {
	d, mother := v.n.delivery(v.told)
	yes := "0"
	if v.main.ICD == "O82" {
		yes = "1"
	}
	r := v.add("XML9")
	r.set("HO_TEN_NND", v.f.written(mother.name), "NGAYSINH_NND", date(mother.birth), "MA_DANTOC_NND", mother.ethnic, "SO_CCCD_NND", v.citizen,
		"NOI_CU_TRU_NND", mother.address, "MA_QUOCTICH", "000", "MATINH_CU_TRU", mother.province, "MAXA_CU_TRU", mother.ward.Code, "HO_TEN_CON", v.f.written(d.name),
		"GIOI_TINH_CON", itoa(d.sex), "SO_CON", "1", "LAN_SINH", itoa(world.Between(v.r, 1, 3)), "SO_CON_SONG", "1", "CAN_NANG_CON", itoa(d.weight),
		"NGAY_SINH_CON", stamp(d.at), "NOI_SINH_CON", v.f.Name, "TINH_TRANG_CON", "Trẻ khóc to, da hồng, phản xạ tốt", "SINHCON_PHAUTHUAT", yes,
		"SINHCON_DUOI32TUAN", "0", "NGUOI_DO_DE", v.doctor.name, "NGUOI_GHI_PHIEU", v.doctor.name, "NGAY_CT", date(v.out), "SO", fmt.Sprintf("%d/GCS", 100+d.number%9000),
		"QUYEN_SO", v.out.Format("2006"), "MA_TTDV", v.f.head, "MA_BHXH_NND", mother.social)
	if len(mother.cards) > 0 {
		r.set("MA_THE_NND", mother.cards[len(mother.cards)-1].number)
	}
	v.summary.set("CAN_NANG_CON", itoa(d.weight))
}

func (v *visit) leave() {
	days := world.Between(v.r, 1, 7)
	r := v.add("XML11")
	r.set("SO_CT", fmt.Sprintf("%05d", v.r.IntN(1e5)), "SO_SERI", fmt.Sprintf("GL%07d", v.r.IntN(1e7)), "SO_KCB", v.lk, "DON_VI", v.p.employer, "MA_BHXH", v.p.social,
		"CHAN_DOAN_RV", v.diagnosis(), "PP_DIEUTRI", v.plan, "SO_NGAY_NGHI", itoa(days), "TU_NGAY", date(v.out), "DEN_NGAY", date(v.out.AddDate(0, 0, days-1)),
		"MA_TTDV", v.f.head, "MA_BS", v.doctor.code, "NGAY_CT", date(v.out), "MAU_SO", "CT07")
	if v.insured {
		r.set("MA_THE_BHYT", v.p.cards[len(v.p.cards)-1].number)
	}
}

// refer writes the referral slip, whose fields differ before and after QĐ 3176.
func (v *visit) refer() {
	r := v.add("XML13")
	number := fmt.Sprintf("%05d", v.r.IntN(1e5))
	r.set("SO_HOSO", number, "SO_CHUYENTUYEN", number+"/"+v.out.Format("2006"), "GIAY_CHUYEN_TUYEN", number+"/GCT-"+v.f.Code, "MA_CSKCB", v.f.Code,
		"MA_NOI_DI", v.f.Code, "MA_NOI_DEN", v.to.Code, "MA_CSKCB_DI", v.f.Code, "MA_CSKCB_DEN", v.to.Code, "HO_TEN", v.f.written(v.p.name), "NGAY_SINH", v.birth,
		"GIOI_TINH", itoa(v.p.sex), "MA_QUOCTICH", "000", "MA_DANTOC", v.p.ethnic, "MA_NGHE_NGHIEP", v.p.occupation, "DIA_CHI", v.p.address,
		"NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "DAU_HIEU_LS", sentences(v.say("exam."+v.main.System), v.vitals()), "CHAN_DOAN_RV", v.diagnosis(),
		"QT_BENHLY", v.story, "TOMTAT_KQ", v.results, "PP_DIEUTRI", v.plan, "MA_BENH_CHINH", v.main.ICD, "TINH_TRANG_CT", sentences(v.say("state"), v.vitals()),
		"MA_LOAI_RV", v.leaving, "MA_LYDO_CT", "1", "HUONG_DIEU_TRI", v.say("transfer"), "PHUONGTIEN_VC", v.say("transport"),
		"HOTEN_NGUOI_HT", v.n.world.FullName(v.r, 2, v.n.world.Names["surname"].Draw(v.r)), "CHUCDANH_NGUOI_HT", v.say("title"), "MA_BAC_SI", v.doctor.code, "MA_TTDV", v.f.head)
	if v.insured {
		c := v.p.cards[len(v.p.cards)-1]
		r.set("MA_THE_BHYT", c.number, "GT_THE_DEN", c.to)
	}
}

func (v *visit) appoint() {
	r := v.add("XML14")
	r.set("SO_GIAYHEN_KL", fmt.Sprintf("%05d/GHKL", v.r.IntN(1e5)), "MA_CSKCB", v.f.Code, "HO_TEN", v.f.written(v.p.name), "NGAY_SINH", v.birth,
		"GIOI_TINH", itoa(v.p.sex), "DIA_CHI", v.p.address, "NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "NGAY_HEN_KL", date(v.back),
		"CHAN_DOAN_RV", v.diagnosis(), "MA_BENH_CHINH", v.main.ICD, "MA_DOITUONG_KCB", v.entitled, "MA_BAC_SI", v.doctor.code, "MA_TTDV", v.f.head, "NGAY_CT", date(v.out))
	if v.insured {
		c := v.p.cards[len(v.p.cards)-1]
		r.set("MA_THE_BHYT", c.number, "GT_THE_DEN", c.to)
	}
}

func (v *visit) tuberculosis() {
	began := v.out.AddDate(0, -world.Between(v.r, 0, 5), -world.Between(v.r, 0, 20))
	r := v.add("XML15")
	r.set("STT", "1", "MA_BN", v.f.local(v.p), "HO_TEN", v.f.written(v.p.name), "SO_CCCD", v.citizen, "PHANLOAI_LAO_VITRI", "1", "PHANLOAI_LAO_TS", "1",
		"PHANLOAI_LAO_HIV", "2", "PHANLOAI_LAO_VK", "1", "PHANLOAI_LAO_KT", "1", "LOAI_DTRI_LAO", "1", "NGAYBD_DTRI_LAO", date(began),
		"PHACDO_DTRI_LAO", "1", "KET_QUA_DTRI_LAO", "6", "MA_CSKCB", v.f.Code)
}
