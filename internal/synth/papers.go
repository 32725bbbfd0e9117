package synth

import (
	"fmt"
	"time"

	"lienthong/internal/synth/country"
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
	known := v.p.Birth.AddDate(max(18, v.p.Age(v.out)-world.Between(v.r, 1, 6)), 0, 0)
	if known.After(v.out) {
		known = v.out.AddDate(0, -2, 0)
	}
	next := v.out.AddDate(0, 0, 28)
	r.set("SO_CCCD", v.citizen, "NGAY_SINH", v.birth, "GIOI_TINH", itoa(v.p.Sex), "DIA_CHI", v.p.Address, "MATINH_CU_TRU", v.p.Province,
		"MAXA_CU_TRU", v.p.Ward.Code, "NGAYKD_HIV", date(known), "NOI_LAY_MAU_XN", v.f.Code, "NOI_XN_KD", v.f.Code, "NOI_BDDT_ARV", v.f.Code,
		"BDDT_ARV", date(known.AddDate(0, 0, 14)), "MA_PHAC_DO_DIEU_TRI_BD", "1f", "MA_BAC_PHAC_DO_BD", "1", "MA_LYDO_DTRI", "3", "LOAI_DTRI_LAO", "0",
		"SANG_LOC_LAO", "2", "MA_LOAI_BN", "1", "GIAI_DOAN_LAM_SANG", itoa(world.Between(v.r, 1, 2)), "NHOM_DOI_TUONG", "12", "MA_XU_TRI", "3",
		"NGAY_BAT_DAU_XU_TRI", date(v.out), "NGAY_KET_THUC_XU_TRI", date(next), "MA_PHAC_DO_DIEU_TRI", "1f", "MA_BAC_PHAC_DO", "1",
		"SO_NGAY_CAP_THUOC_ARV", "28", "MA_CSKCB", v.f.Code)
	if v.insured {
		r.set("MA_THE_BHYT", v.p.Cards[len(v.p.Cards)-1].Number)
	}
}

func (v *visit) dischargePaper() {
	r := v.add("XML7")
	r.set("SO_LUU_TRU", fmt.Sprintf("%s/%05d", v.out.Format("2006"), v.r.IntN(1e5)), "MA_YTE", fmt.Sprintf("%s/%s/%s", v.f.Old, v.f.Code, v.lk[max(0, len(v.lk)-8):]),
		"MA_KHOA_RV", v.department, "NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "MA_DINH_CHI_THAI", "0", "CHAN_DOAN_RV", v.diagnosis(),
		"PP_DIEUTRI", v.plan, "GHI_CHU", v.advice, "MA_TTDV", v.f.Head, "MA_BS", v.doctor.Code, "TEN_BS", v.doctor.Name, "NGAY_CT", date(v.out))
	if v.kind == Newborn {
		r.set("HO_TEN_ME", v.f.Written(v.p.Mother), "MA_THE_TAM", v.p.Cards[0].Number)
	} else if v.p.Parent != "" && v.p.Age(v.out) < 16 {
		r.set("HO_TEN_CHA", v.f.Written(v.p.Parent), "HO_TEN_ME", v.f.Written(v.p.Mother))
	}
	if v.p.Employer != "" && v.leaving == "1" && world.Chance(v.r, 0.4) {
		days := world.Between(v.r, 3, 10)
		first := v.out.AddDate(0, 0, 1)
		r.set("SO_NGAY_NGHI", itoa(days), "NGOAITRU_TUNGAY", date(first), "NGOAITRU_DENNGAY", date(first.AddDate(0, 0, days-1)))
	}
}

func (v *visit) recordSummary() {
	r := v.add("XML8")
	r.set("MA_LOAI_KCB", v.form, "NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "CHAN_DOAN_VAO", v.main.Name, "CHAN_DOAN_RV", v.diagnosis(),
		"QT_BENHLY", v.story, "TOMTAT_KQ", v.results, "PP_DIEUTRI", v.plan, "KET_QUA_DTRI", v.outcome, "GHI_CHU", v.advice,
		"MA_TTDV", v.f.Head, "NGAY_CT", date(v.out), "DON_VI", v.p.Employer)
	switch {
	case v.kind == Newborn:
		r.set("HO_TEN_ME", v.f.Written(v.p.Mother), "MA_THE_TAM", v.p.Cards[0].Number)
	case v.p.Parent != "" && v.p.Age(v.out) < 16:
		r.set("HO_TEN_CHA", v.f.Written(v.p.Parent), "HO_TEN_ME", v.f.Written(v.p.Mother), "NGUOI_GIAM_HO", v.f.Written(v.p.Mother))
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

func (n *Nation) delivery(s *story) (delivery, *country.Person) {
	mother := n.Person(s.person)
	r := n.Stream("delivery", s.id)
	d := delivery{at: s.at.Add(-time.Duration(world.Between(r, 1500, 2700)) * time.Minute), sex: world.Between(r, 1, 2), weight: world.Between(r, 25, 39) * 100, number: s.id}
	if d.at.Hour() == 0 && d.at.Minute() == 0 {
		d.at = d.at.Add(time.Minute)
	}
	d.name = n.World.FullName(r, d.sex, n.World.Names["surname"].Draw(r))
	return d, mother
}

// birthday is when the child of this visit was born.
func (v *visit) birthday() time.Time {
	d, _ := v.n.delivery(v.told)
	return d.at
}

// beBorn makes the visit the child's: without numbers of its own but for a first card.
func (v *visit) beBorn(d delivery, mother *country.Person) {
	issued := v.f.Old
	v.p = &country.Person{Number: v.n.config.People + d.number, Household: mother.Household, Name: d.name, Sex: d.sex, Birth: d.at, Province: mother.Province,
		Ward: mother.Ward, Address: mother.Address, Phone: mother.Phone, Ethnic: mother.Ethnic, Occupation: "00000", Mother: mother.Name}
	v.p.Cards = []country.Card{{Number: "TE1" + issued + fmt.Sprintf("99%08d", d.number%1e8), From: date(d.at), To: date(d.at.AddDate(6, 0, 0))}}
}

func (v *visit) certificate() {
	d, mother := v.n.delivery(v.told)
	yes := "0"
	if v.main.ICD == "O82" {
		yes = "1"
	}
	r := v.add("XML9")
	r.set("HO_TEN_NND", v.f.Written(mother.Name), "NGAYSINH_NND", date(mother.Birth), "MA_DANTOC_NND", mother.Ethnic, "SO_CCCD_NND", v.citizen,
		"NOI_CU_TRU_NND", mother.Address, "MA_QUOCTICH", "000", "MATINH_CU_TRU", mother.Province, "MAXA_CU_TRU", mother.Ward.Code, "HO_TEN_CON", v.f.Written(d.name),
		"GIOI_TINH_CON", itoa(d.sex), "SO_CON", "1", "LAN_SINH", itoa(world.Between(v.r, 1, 3)), "SO_CON_SONG", "1", "CAN_NANG_CON", itoa(d.weight),
		"NGAY_SINH_CON", stamp(d.at), "NOI_SINH_CON", v.f.Name, "TINH_TRANG_CON", "Trẻ khóc to, da hồng, phản xạ tốt", "SINHCON_PHAUTHUAT", yes,
		"SINHCON_DUOI32TUAN", "0", "NGUOI_DO_DE", v.doctor.Name, "NGUOI_GHI_PHIEU", v.doctor.Name, "NGAY_CT", date(v.out), "SO", fmt.Sprintf("%d/GCS", 100+d.number%9000),
		"QUYEN_SO", v.out.Format("2006"), "MA_TTDV", v.f.Head, "MA_BHXH_NND", mother.Social)
	if len(mother.Cards) > 0 {
		r.set("MA_THE_NND", mother.Cards[len(mother.Cards)-1].Number)
	}
	v.summary.set("CAN_NANG_CON", itoa(d.weight))
}

func (v *visit) leave() {
	days := world.Between(v.r, 1, 7)
	r := v.add("XML11")
	r.set("SO_CT", fmt.Sprintf("%05d", v.r.IntN(1e5)), "SO_SERI", fmt.Sprintf("GL%07d", v.r.IntN(1e7)), "SO_KCB", v.lk, "DON_VI", v.p.Employer, "MA_BHXH", v.p.Social,
		"CHAN_DOAN_RV", v.diagnosis(), "PP_DIEUTRI", v.plan, "SO_NGAY_NGHI", itoa(days), "TU_NGAY", date(v.out), "DEN_NGAY", date(v.out.AddDate(0, 0, days-1)),
		"MA_TTDV", v.f.Head, "MA_BS", v.doctor.Code, "NGAY_CT", date(v.out), "MAU_SO", "CT07")
	if v.insured {
		r.set("MA_THE_BHYT", v.p.Cards[len(v.p.Cards)-1].Number)
	}
}

// refer writes the referral slip, whose fields differ before and after QĐ 3176.
func (v *visit) refer() {
	r := v.add("XML13")
	number := fmt.Sprintf("%05d", v.r.IntN(1e5))
	r.set("SO_HOSO", number, "SO_CHUYENTUYEN", number+"/"+v.out.Format("2006"), "GIAY_CHUYEN_TUYEN", number+"/GCT-"+v.f.Code, "MA_CSKCB", v.f.Code,
		"MA_NOI_DI", v.f.Code, "MA_NOI_DEN", v.to.Code, "MA_CSKCB_DI", v.f.Code, "MA_CSKCB_DEN", v.to.Code, "HO_TEN", v.f.Written(v.p.Name), "NGAY_SINH", v.birth,
		"GIOI_TINH", itoa(v.p.Sex), "MA_QUOCTICH", "000", "MA_DANTOC", v.p.Ethnic, "MA_NGHE_NGHIEP", v.p.Occupation, "DIA_CHI", v.p.Address,
		"NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "DAU_HIEU_LS", sentences(v.say("exam."+v.main.System), v.vitals()), "CHAN_DOAN_RV", v.diagnosis(),
		"QT_BENHLY", v.story, "TOMTAT_KQ", v.results, "PP_DIEUTRI", v.plan, "MA_BENH_CHINH", v.main.ICD, "TINH_TRANG_CT", sentences(v.say("state"), v.vitals()),
		"MA_LOAI_RV", v.leaving, "MA_LYDO_CT", "1", "HUONG_DIEU_TRI", v.say("transfer"), "PHUONGTIEN_VC", v.say("transport"),
		"HOTEN_NGUOI_HT", v.n.World.FullName(v.r, 2, v.n.World.Names["surname"].Draw(v.r)), "CHUCDANH_NGUOI_HT", v.say("title"), "MA_BAC_SI", v.doctor.Code, "MA_TTDV", v.f.Head)
	if v.insured {
		c := v.p.Cards[len(v.p.Cards)-1]
		r.set("MA_THE_BHYT", c.Number, "GT_THE_DEN", c.To)
	}
}

func (v *visit) appoint() {
	r := v.add("XML14")
	r.set("SO_GIAYHEN_KL", fmt.Sprintf("%05d/GHKL", v.r.IntN(1e5)), "MA_CSKCB", v.f.Code, "HO_TEN", v.f.Written(v.p.Name), "NGAY_SINH", v.birth,
		"GIOI_TINH", itoa(v.p.Sex), "DIA_CHI", v.p.Address, "NGAY_VAO", stamp(v.in), "NGAY_RA", stamp(v.out), "NGAY_HEN_KL", date(v.back),
		"CHAN_DOAN_RV", v.diagnosis(), "MA_BENH_CHINH", v.main.ICD, "MA_DOITUONG_KCB", v.entitled, "MA_BAC_SI", v.doctor.Code, "MA_TTDV", v.f.Head, "NGAY_CT", date(v.out))
	if v.insured {
		c := v.p.Cards[len(v.p.Cards)-1]
		r.set("MA_THE_BHYT", c.Number, "GT_THE_DEN", c.To)
	}
}

func (v *visit) tuberculosis() {
	began := v.out.AddDate(0, -world.Between(v.r, 0, 5), -world.Between(v.r, 0, 20))
	r := v.add("XML15")
	r.set("STT", "1", "MA_BN", v.f.Local(v.p), "HO_TEN", v.f.Written(v.p.Name), "SO_CCCD", v.citizen, "PHANLOAI_LAO_VITRI", "1", "PHANLOAI_LAO_TS", "1",
		"PHANLOAI_LAO_HIV", "2", "PHANLOAI_LAO_VK", "1", "PHANLOAI_LAO_KT", "1", "LOAI_DTRI_LAO", "1", "NGAYBD_DTRI_LAO", date(began),
		"PHACDO_DTRI_LAO", "1", "KET_QUA_DTRI_LAO", "6", "MA_CSKCB", v.f.Code)
}
