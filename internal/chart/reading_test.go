package chart_test

import (
	"fmt"
	"strings"
	"testing"

	"lienthong/internal/chart"
	"lienthong/internal/dossier"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/slip"
)

func TestProblemsChronicFirstWithNamesThatAreCertain(t *testing.T) {
	t.Parallel()
	visit := func(facility, episode, in, main, others, words string, day int) chart.Entry {
		return entry(t, facility, "qd4750", day, qd(), table(t, qd(), "XML1", cells{"MA_LK": episode, "NGAY_VAO": in, "MA_BENH_CHINH": main, "MA_BENH_KT": others, "CHAN_DOAN_RV": words}))
	}
	got := chart.Read([]chart.Entry{
		visit("79001", "A", "202605010800", "J06.9", "I10;E11.9", "Viêm đường hô hấp trên; Tăng huyết áp; Đái tháo đường típ 2", 501),
		visit("79001", "B", "202608010800", "I10", "", "Tăng huyết áp (I10)", 801),
		visit("79002", "C", "202611010800", "K29.7", "i109;N18.9", "Viêm dạ dày", 1101),
		entry(t, "79003", "prescription", 1102, prescription.Spec(),
			table(t, prescription.Spec(), "DON_THUOC", cells{"MA_DON_THUOC": "79003aaaaaaa-c", "NGAY_GIO_KE_DON": "2026-11-02 09:00:00"}),
			table(t, prescription.Spec(), "CHAN_DOAN", cells{"MA_CHAN_DOAN": "I10", "TEN_CHAN_DOAN": "Bệnh tăng huyết áp vô căn"})),
	}, now).Problems
	var lines []string
	for _, p := range got {
		lines = append(lines, fmt.Sprintf("%s %s chronic=%t main=%d visits=%d %s..%s %s", p.Code, p.Name, p.Chronic, p.Main, p.Visits, p.First, p.Last, p.Source.Facility))
	}
	same(t, "problems", lines,
		// the newest name; I10.9 is another code; N18.9 has no name that is certainly its own
		"I10 Bệnh tăng huyết áp vô căn chronic=true main=2 visits=3 2026-05-01T08:00:00+07:00..2026-11-02T09:00:00+07:00 79003",
		"I10.9  chronic=true main=0 visits=1 2026-11-01T08:00:00+07:00..2026-11-01T08:00:00+07:00 79002",
		"N18.9  chronic=true main=0 visits=1 2026-11-01T08:00:00+07:00..2026-11-01T08:00:00+07:00 79002",
		"E11.9 Đái tháo đường típ 2 chronic=true main=0 visits=1 2026-05-01T08:00:00+07:00..2026-05-01T08:00:00+07:00 79001",
		"K29.7  chronic=false main=1 visits=1 2026-11-01T08:00:00+07:00..2026-11-01T08:00:00+07:00 79002",
		"J06.9 Viêm đường hô hấp trên chronic=false main=1 visits=1 2026-05-01T08:00:00+07:00..2026-05-01T08:00:00+07:00 79001")
}

func drugs(list []chart.Medicine) (out []string) {
	for _, m := range list {
		for _, d := range m.Lines {
			out = append(out, fmt.Sprintf("%s|%s|%s|%s|%d|%s..%s|%s|%t", m.Name, d.Strength, d.Dose, d.Use, d.Days, d.From, d.Until, d.Source.Facility, m.Duplicate))
		}
	}
	return out
}

func TestMedicinesByIngredientWithinTheirDays(t *testing.T) {
	t.Parallel()
	order := func(facility, episode, code, name, strength, dose, at string, day int) chart.Entry {
		return entry(t, facility, "qd4750", day, qd(), table(t, qd(), "XML2", cells{"MA_LK": episode, "MA_THUOC": code, "TEN_THUOC": name, "HAM_LUONG": strength,
			"LIEU_DUNG": dose, "CACH_DUNG": "Uống sáng", "SO_LUONG": "28", "DON_VI_TINH": "Viên", "DUONG_DUNG": "1.01", "NGAY_YL": at}))
	}
	entries := []chart.Entry{
		order("79001", "A", "40.491", "Amlodipin 5mg", "5mg", "1 viên/ngày * 28 ngày", "202611010800", 1101),
		order("79002", "B", "40.491", "Amlor", "5mg", "1 viên/ngày * 14 ngày", "202611150800", 1115),
		order("79001", "C", "40.30", "Ibuprofen 400mg", "400mg", "1 viên x 2 lần", "202610010800", 1001),
		order("79002", "D", "40.30", "Ibuprofen 400mg", "400mg", "1 viên x 2 lần", "202610020800", 1002),
		order("79003", "E", "40.807", "Metformin 850mg", "850mg", "2 viên/ngày * 28 ngày", "202607010800", 701),
		entry(t, "79004", "prescription", 1120, prescription.Spec(),
			table(t, prescription.Spec(), "DON_THUOC", cells{"MA_DON_THUOC": "79004aaaaaaa-c", "NGAY_GIO_KE_DON": "2026-11-20 09:30:00", "DOT_DUNG_THUOC_TU_NGAY": "20/11/2026", "DOT_DUNG_THUOC_DEN_NGAY": "19/12/2026"}),
			table(t, prescription.Spec(), "THUOC", cells{"MA_THUOC": "X77", "TEN_THUOC": "Amlodipin 5mg", "BIET_DUOC": "Amlor", "CACH_DUNG": "Sáng 1 viên", "SO_LUONG": "30", "DON_VI_TINH": "Viên"})),
	}
	c := chart.Read(entries, now)
	same(t, "90 days", drugs(c.Medicines(chart.SummaryDays)),
		"Amlodipin 5mg|||Sáng 1 viên|30|2026-11-20..2026-12-19|79004|true",
		"Amlodipin 5mg|5mg|1 viên/ngày * 14 ngày|Uống sáng|14|2026-11-15T08:00:00+07:00..2026-11-28|79002|true",
		"Amlodipin 5mg|5mg|1 viên/ngày * 28 ngày|Uống sáng|28|2026-11-01T08:00:00+07:00..2026-11-28|79001|true",
		// two facilities, but days are stated nowhere: not certain, not flagged
		"Ibuprofen 400mg|400mg|1 viên x 2 lần|Uống sáng|0|2026-10-02T08:00:00+07:00..|79002|false",
		"Ibuprofen 400mg|400mg|1 viên x 2 lần|Uống sáng|0|2026-10-01T08:00:00+07:00..|79001|false")
	if e := c.Emergency(); len(e.Medicines) != 3 || e.Medicines[2].Name != "Metformin 850mg" || e.Medicines[2].Ingredient != "40.807" || e.MedicineState != chart.Recorded {
		t.Errorf("180 days: %q", drugs(e.Medicines))
	}
	if m := chart.Read(entries, now.AddDate(0, 0, 7)).Medicines(chart.SummaryDays)[0]; m.Lines[0].Over || !m.Lines[1].Over { // 29 November
		t.Errorf("over on the day after the last: %+v", m.Lines)
	}
	if m := c.Medicines(chart.SummaryDays)[0]; m.Lines[1].Over || m.Lines[1].Route.VI != "Uống" || m.Lines[1].Quantity != "28" || m.Lines[0].Brand != "Amlor" {
		t.Errorf("line %+v", m.Lines[1])
	}
	if e := chart.EmergencySet(nil, now); e.MedicineState != chart.Nothing || e.ProblemState != chart.Nothing || e.Medicines == nil {
		t.Errorf("of nothing %+v", e)
	}
}

func TestResultsAreJudgedOnlyWhereItCanBeDecided(t *testing.T) {
	t.Parallel()
	born := func(day string, rows ...cells) chart.Entry {
		for _, r := range rows {
			r["MA_LK"] = "A"
			if r["NGAY_KQ"] == "" {
				r["NGAY_KQ"] = "202611010900"
			}
		}
		return entry(t, "79001", "qd4750", 1101, qd(), table(t, qd(), "XML1", cells{"MA_LK": "A", "NGAY_SINH": day, "NGAY_VAO": "202611010800"}), table(t, qd(), "XML4", rows...))
	}
	const adult, child = "196003050000", "202003050000"
	for _, c := range []struct {
		name, born string
		row        cells
		want       string // value unit low-high usual place nounit
	}{
		{"the laboratory's range", adult, cells{"TEN_CHI_SO": "Ferritin", "GIA_TRI": "5,1", "DON_VI_DO": "ng/ml", "MO_TA": "13 - 150"}, "5,1 ng/ml 13-150 false low false"},
		{"below only, normal", adult, cells{"TEN_CHI_SO": "AFP", "GIA_TRI": "3", "DON_VI_DO": "ng/ml", "MO_TA": "< 7"}, "3 ng/ml nil-7 false normal false"},
		{"below only, high", adult, cells{"TEN_CHI_SO": "AFP", "GIA_TRI": "7,2", "DON_VI_DO": "ng/ml", "MO_TA": "< 7"}, "7,2 ng/ml nil-7 false high false"},
		{"above only, low", adult, cells{"TEN_CHI_SO": "HDL", "GIA_TRI": "0.8", "DON_VI_DO": "mmol/L", "MO_TA": "> 1,0"}, "0.8 mmol/L 1-nil false low false"},
		{"a usual range of adults", adult, cells{"TEN_CHI_SO": "Kali", "GIA_TRI": "6.1", "DON_VI_DO": "mmol/L"}, "6.1 mmol/L 3.5-5 true high false"},
		{"which children have not", child, cells{"TEN_CHI_SO": "Kali", "GIA_TRI": "6.1", "DON_VI_DO": "mmol/L"}, "6.1 mmol/L nil-nil false  false"},
		{"nor who has no birth date", "", cells{"TEN_CHI_SO": "Kali", "GIA_TRI": "6.1", "DON_VI_DO": "mmol/L"}, "6.1 mmol/L nil-nil false  false"},
		{"nor what has no unit", adult, cells{"TEN_CHI_SO": "Kali", "GIA_TRI": "6.1"}, "6.1  nil-nil false  true"},
		{"a value below a bound, undecided", adult, cells{"TEN_CHI_SO": "TSH", "GIA_TRI": "<0,5", "DON_VI_DO": "mIU/L", "MO_TA": "0,27 - 4,2"}, "<0,5 mIU/L 0.27-4.2 false  false"},
		{"a value below a bound, low", adult, cells{"TEN_CHI_SO": "TSH", "GIA_TRI": "<0,1", "DON_VI_DO": "mIU/L", "MO_TA": "0,27 - 4,2"}, "<0,1 mIU/L 0.27-4.2 false low false"},
		{"a value above a bound, high", adult, cells{"TEN_CHI_SO": "CRP", "GIA_TRI": ">200", "DON_VI_DO": "mg/L"}, ">200 mg/L nil-5 true high false"},
		{"words", adult, cells{"TEN_CHI_SO": "HBsAg", "GIA_TRI": "Dương tính"}, "Dương tính  nil-nil false  false"},
	} {
		s := chart.Read([]chart.Entry{born(c.born, c.row)}, now).Results
		if len(s) != 1 {
			t.Errorf("%s: %d series", c.name, len(s))
			continue
		}
		x := s[0].Latest()
		low, high, usual := "nil", "nil", false
		if x.Range != nil {
			usual = x.Range.Usual
			if x.Range.Low != nil {
				low = fmt.Sprint(*x.Range.Low)
			}
			if x.Range.High != nil {
				high = fmt.Sprint(*x.Range.High)
			}
		}
		if got := fmt.Sprintf("%s %s %s-%s %t %s %t", x.Value, x.Unit, low, high, usual, x.Place, x.NoUnit); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestASeriesIsOneTestInOneUnit(t *testing.T) {
	t.Parallel()
	test := func(facility, episode, code, name, value, unit, at string, day int) chart.Entry {
		return entry(t, facility, "qd4750", day, qd(), table(t, qd(), "XML4", cells{"MA_LK": episode, "MA_CHI_SO": code, "TEN_CHI_SO": name, "GIA_TRI": value, "DON_VI_DO": unit, "NGAY_KQ": at}))
	}
	again := entry(t, "79001", "emr", 1103, emr.Spec(), table(t, emr.Spec(), "KET_QUA_XET_NGHIEM", cells{"MA_LK": "B", "MA_CHI_SO": "2300511", "TEN_CHI_SO": "Creatinin", "GIA_TRI": "101", "DON_VI_DO": "µmol/L", "NGAY_KQ": "202611020900"}))
	list := chart.Read([]chart.Entry{
		test("79001", "A", "2300511", "Creatinin", "92", "µmol/L", "202601050900", 105),
		test("79001", "B", "2300511", "Định lượng Creatinin (máu)", "101", "µmol/L", "202611020900", 1102),
		test("79002", "C", "2300511", "Creatinin", "1,1", "mg/dL", "202606050900", 605), again,
	}, now).Results
	var lines []string
	for _, s := range list {
		for _, x := range s.Points {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", s.Code, x.Value, x.Unit, x.Source.At))
		}
	}
	same(t, "series", lines, "2300511 101 µmol/L 2026-11-02T09:00:00+07:00", "2300511 92 µmol/L 2026-01-05T09:00:00+07:00", "2300511 1,1 mg/dL 2026-06-05T09:00:00+07:00")
}

func TestVersionsAreFoldedAndVisitsStandTogether(t *testing.T) {
	t.Parallel()
	stay := func(version, day int, words string) chart.Entry {
		e := entry(t, "79001", "qd4750", day, qd(), table(t, qd(), "XML1", cells{"MA_LK": "A", "NGAY_VAO": "202610010800", "NGAY_RA": "202610051000", "MA_LOAI_KCB": "03",
			"MA_BENH_CHINH": "J18.9", "CHAN_DOAN_RV": words, "KET_QUA_DTRI": "1", "MA_LOAI_RV": "1"}))
		e.Version = version
		return e
	}
	gone := stay(1, 1001, "Lao phổi")
	gone.ID.Serial[15]++
	gone.Read.Episode, gone.State = "Z", dossier.Withdrawn
	paper := entry(t, "79001", "emr", 1006, emr.Spec(), table(t, emr.Spec(), "THONG_TIN_VAO_VIEN", cells{"MA_LK": "A", "NGAY_VAO": "01/10/2026 08:00"}))
	elsewhere := entry(t, "79002", "qd4750", 1010, qd(), table(t, qd(), "XML1", cells{"MA_LK": "A", "NGAY_VAO": "202610100800", "NGAY_RA": "202610101000", "MA_LOAI_KCB": "01", "MA_BENH_CHINH": "I10", "CHAN_DOAN_RV": "Tăng huyết áp"}))
	visits := chart.Read([]chart.Entry{stay(1, 1006, "Viêm phế quản"), elsewhere, stay(2, 1007, "Viêm phổi"), paper, gone}, now).Visits
	var lines []string
	for _, v := range visits {
		lines = append(lines, fmt.Sprintf("%s %s..%s %s/%s %s %s %s %t", v.Facility, v.From, v.Until, v.TypeText.VI, v.TypeText.EN, v.Code, v.Diagnosis, v.Outcome.VI, v.Inpatient))
		for _, d := range v.Documents {
			lines = append(lines, fmt.Sprintf("- %s v%d of %d, %d parts", d.Kind, d.Version, d.Versions, len(d.Parts)))
		}
	}
	same(t, "timeline", lines,
		"79002 2026-10-10T08:00:00+07:00..2026-10-10T10:00:00+07:00 Khám bệnh/Examination I10 Tăng huyết áp  false", "- qd4750 v1 of 1, 1 parts",
		"79001 2026-10-01T08:00:00+07:00..2026-10-05T10:00:00+07:00 Điều trị nội trú/Inpatient treatment J18.9 Viêm phổi Khỏi true", "- qd4750 v2 of 2, 1 parts", "- emr v1 of 1, 1 parts")
	s := chart.MakeSummary([]chart.Entry{stay(1, 1006, "x"), elsewhere}, now)
	if len(s.Stays) != 1 || s.Counts.Visits != 2 || s.LastVisit == nil || s.LastVisit.Facility != "79002" || s.Records != 2 {
		t.Errorf("summary %+v", s.Counts)
	}
}

func TestSlipsSayUntilWhenTheyHold(t *testing.T) {
	t.Parallel()
	referral := func(what, episode, made string, day int) chart.Entry {
		return entry(t, "79001", what, day, qd(), table(t, qd(), "XML13", cells{"MA_LK": episode, "GIAY_CHUYEN_TUYEN": "2071/2026", "MA_CSKCB_DEN": "79002", "MA_NOI_DEN": "79002", "NGAY_RA": made, "MA_BENH_CHINH": "H66.9", "CHAN_DOAN_RV": "Viêm tai giữa (H66.9)"}))
	}
	back := entry(t, "79001", "slip", 1120, qd(), table(t, qd(), "XML14", cells{"MA_LK": "C", "SO_GIAYHEN_KL": "88", "NGAY_HEN_KL": "20261130", "NGAY_CT": "20261120", "MA_BENH_CHINH": "I10"}))
	back.Read.Line = "XML14"
	list := chart.Read([]chart.Entry{referral("slip", "A", "202610011000", 1001), referral("slip", "B", "202611181000", 1118), referral("qd4750", "B", "202611181000", 1119), back}, now).Slips
	var lines []string
	for _, s := range list {
		lines = append(lines, fmt.Sprintf("%s %s %s>%s until %s %s %s", s.Form, s.Number, s.From, s.To, s.Until, s.State, s.Source.Kind))
	}
	// ten working days after Wednesday 18 November are over on Wednesday 2 December
	same(t, "slips", lines, "appointment 88 79001>79001 until 2026-11-30 issued slip", "referral 2071/2026 79001>79002 until 2026-12-02 issued slip", "referral 2071/2026 79001>79002 until 2026-10-15 expired slip")
	if list[2].State != slip.Expired || list[1].Diagnosis != "Viêm tai giữa" {
		t.Errorf("%+v", list)
	}
}

func TestASenderMayWriteWhenItsSlipEnds(t *testing.T) {
	t.Parallel()
	e := entry(t, "79001", "slip", 1118, qd(), table(t, qd(), "XML13", cells{"MA_LK": "B", "NGAY_RA": "202611181000", "NGAY_HET_HAN": "20261125"}))
	if list := chart.Read([]chart.Entry{e}, now).Slips; len(list) != 1 || list[0].Until.String() != "2026-11-25" || list[0].Issued.String() != "2026-11-18T10:00:00+07:00" {
		t.Errorf("%+v", list)
	}
}

func TestImplantsPregnancyContactsAndVaccinations(t *testing.T) {
	t.Parallel()
	stay := entry(t, "79001", "qd4750", 901, qd(),
		table(t, qd(), "XML1", cells{"MA_LK": "A", "NGAY_VAO": "202609010800", "DIEN_THOAI": "0000123456", "MA_BENH_CHINH": "I44.2", "MA_BENH_KT": "Z95.0;Z88.0", "CHAN_DOAN_RV": "Blốc nhĩ thất"}),
		table(t, qd(), "XML3", cells{"MA_LK": "A", "TEN_VAT_TU": "Máy tạo nhịp tim 2 buồng", "NGAY_YL": "202609020800"}, cells{"MA_LK": "A", "TEN_VAT_TU": "Bông gạc"},
			cells{"MA_LK": "A", "TEN_DICH_VU": "Tiêm vắc xin viêm gan B", "NGAY_YL": "202609030800"}),
		table(t, qd(), "XML8", cells{"MA_LK": "A", "QT_BENHLY": "Không đặt stent. Chưa có thai.", "NGUOI_GIAM_HO": "Lê Thị B", "HO_TEN_CHA": "-"}))
	paper := entry(t, "79002", "emr", 1001, emr.Spec(), table(t, emr.Spec(), "THONG_TIN_BENH_NHAN", cells{"MA_LK": "P", "DI_UNG": "Không", "NguoiNha.DienThoai": "0000999888", "NguoiNha.DiUng": "Hải sản"}),
		table(t, emr.Spec(), "THONG_TIN_VAO_VIEN", cells{"NGAY_VAO": "2026-10-01"}))
	e := chart.EmergencySet([]chart.Entry{stay, paper}, now)
	same(t, "implants", texts(e.Implants), "recorded supply 79001 XML3: Máy tạo nhịp tim 2 buồng", "recorded code 79001 XML1: Z95.0")
	// a relative's allergy is not the patient's
	same(t, "allergies", texts(e.Allergies), "recorded code 79001 XML1: Z88.0", "none field 79002 THONG_TIN_BENH_NHAN: Không")
	same(t, "contacts", texts(e.Contacts), "recorded field 79002 THONG_TIN_BENH_NHAN: 0000999888", "recorded field 79001 XML1: 0000123456", "recorded field 79001 XML8: Lê Thị B")
	same(t, "vaccinations", texts(chart.Read([]chart.Entry{stay}, now).Vaccinations), "recorded supply 79001 XML3: Tiêm vắc xin viêm gan B")
	same(t, "pregnancy", texts(e.Pregnancy), "none note 79001 XML8: Chưa có thai")
	if e.Pregnancy.State != chart.None || !e.Allergies.Conflict || e.Allergies.Items[0].Label.VI == "" {
		t.Errorf("%+v", e.Allergies)
	}
}

func TestAPregnancyEndsAndGrowsOld(t *testing.T) {
	t.Parallel()
	visit := func(icd, in string, day int) chart.Entry {
		return entry(t, "79001", "qd4750", day, qd(), table(t, qd(), "XML1", cells{"MA_LK": icd, "NGAY_VAO": in, "MA_BENH_CHINH": icd}))
	}
	for _, c := range []struct {
		name    string
		entries []chart.Entry
		want    chart.State
	}{
		{"supervised", []chart.Entry{visit("Z34.0", "202607010800", 701)}, chart.Recorded},
		{"too long ago", []chart.Entry{visit("Z34.0", "202512010800", 101)}, chart.Nothing},
		{"delivered since", []chart.Entry{visit("Z34.0", "202607010800", 701), visit("O80.0", "202611010800", 1101)}, chart.None},
		{"pregnant again", []chart.Entry{visit("O80.0", "202602010800", 201), visit("Z34.0", "202611010800", 1101)}, chart.Recorded},
		{"a delivery alone tells of none", []chart.Entry{visit("O80.0", "202602010800", 201)}, chart.Nothing},
		{"a miscarriage is told by nobody", []chart.Entry{visit("O03.9", "202611010800", 1101)}, chart.Nothing},
	} {
		if got := chart.EmergencySet(c.entries, now).Pregnancy; got.State != c.want {
			t.Errorf("%s: %s %q", c.name, got.State, texts(got))
		}
	}
}

func TestTheCitizensOwnEntryIsASourceLikeOthers(t *testing.T) {
	t.Parallel()
	content, spec := chart.OwnContent(cells{"NGAY_GHI": "202611100800", "DI_UNG": "Tôm", "NHOM_MAU": "B", "CAY_GHEP": "Không", "THUOC_DANG_DUNG": "Amlodipin 5mg", "BENH": "Tăng huyết áp", "LIEN_HE": "Con trai 0000111222", "TIEM_CHUNG": "COVID-19, 3 mũi"})
	e := entry(t, "79001", chart.Own, 1110, spec, content.All...)
	c := chart.Read([]chart.Entry{e}, now)
	set := c.Emergency()
	for what, got := range map[string]chart.Fact{"allergies": set.Allergies, "blood": set.Blood, "implants": set.Implants, "contacts": set.Contacts, "vaccinations": c.Vaccinations} {
		if len(got.Items) != 1 || got.Items[0].How != chart.ByOwn || got.Items[0].Source.Kind != chart.Own || got.Items[0].Source.At.String() != "2026-11-10T08:00:00+07:00" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if set.Implants.State != chart.None || len(set.Problems) != 1 || set.Problems[0].How != chart.ByOwn || len(set.Medicines) != 1 || set.Medicines[0].Lines[0].How != chart.ByOwn {
		t.Errorf("%+v", set)
	}
	if s := e.Sections(); len(s) != 1 || s[0].Title.VI != "Người dân tự khai" || s[0].Columns[1].Label.VI != "Dị ứng" {
		t.Errorf("sections %+v", s)
	}
}

func TestAHealthCheckTellsItsPart(t *testing.T) {
	t.Parallel()
	s := checkup.Spec()
	e := entry(t, "79001", "checkup", 1105, s,
		table(t, s, "THONG_TIN_HANH_CHINH", cells{"MA_LK": "K", "NHOM_MAU": "AB+", "DIEN_THOAI": "0000777666", "NGAY_SINH": "198001010000"}),
		table(t, s, "THONG_TIN_CHUNG_VE_LAN_KHAM", cells{"NGAY_KHAM": "202611050800"}),
		table(t, s, "TIEN_SU_BENH", cells{"TIEN_SU_DI_UNG": "Chưa phát hiện", "THUOC_DANG_DUNG": "Không", "TIEN_SU_THAI_SAN": "PARA 2002"}),
		table(t, s, "KHAM_CAN_LAM_SANG", cells{"TEN_CHI_SO": "Glucose", "GIA_TRI": "5.1", "DON_VI_DO": "mmol/L"}),
		table(t, s, "KET_LUAN", cells{"MA_BENH": "E78.5", "CHAN_DOAN": "Rối loạn mỡ máu", "NGAY_KET_LUAN": "202611051000"}))
	c := chart.Read([]chart.Entry{e}, now)
	if c.Allergies.State != chart.None || c.Blood.State != chart.Recorded || c.Pregnancy.State != chart.Nothing || len(c.Medicines(90)) != 0 {
		t.Errorf("%+v %+v %+v %+v", c.Allergies, c.Blood, c.Pregnancy, c.Medicines(90))
	}
	if len(c.Problems) != 1 || c.Problems[0].Code != "E78.5" || c.Problems[0].Name != "Rối loạn mỡ máu" || !c.Problems[0].Chronic {
		t.Errorf("%+v", c.Problems)
	}
	if len(c.Results) != 1 || c.Results[0].Latest().Place != chart.Normal || !c.Results[0].Latest().Range.Usual {
		t.Errorf("%+v", c.Results)
	}
	if at := c.Allergies.Items[0].Source.At.String(); !strings.HasPrefix(at, "2026-11-05") {
		t.Errorf("the allergy is of %s", at)
	}
}
