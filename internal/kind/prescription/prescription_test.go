package prescription_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/quality"
)

// good is a prescription that no rule has anything against.
const good = `{
  "loai_don_thuoc": "c",
  "ma_don_thuoc": "79901a1b2c3d-C",
  "ho_ten_benh_nhan": "TRẦN THỊ ÁNH",
  "ma_dinh_danh_y_te": "",
  "ma_dinh_danh_cong_dan": "079960000017",
  "ngay_sinh_benh_nhan": "05/03/1960",
  "can_nang": "",
  "gioi_tinh": 3,
  "ma_so_the_bao_hiem_y_te": "GD4790000000017",
  "thong_tin_nguoi_giam_ho": "",
  "dia_chi": "12 Lê Lợi",
  "chan_doan": [
    {"ma_chan_doan": "I10", "ten_chan_doan": "Tăng huyết áp vô căn", "ket_luan": ""}
  ],
  "luu_y": "",
  "hinh_thuc_dieu_tri": "1",
  "dot_dung_thuoc": {"dot": 1, "tu_ngay": "02/11/2026", "den_ngay": "31/12/2026", "so_thang_thuoc": ""},
  "thong_tin_don_thuoc": [
    {"ma_thuoc": "40.30.1", "biet_duoc": "Amlor", "ten_thuoc": "Amlodipin 5 mg", "don_vi_tinh": "Viên", "so_luong": 60, "cach_dung": "Sáng 1 viên"},
    {"ma_thuoc": "40.41.2", "biet_duoc": "", "ten_thuoc": "Losartan 50 mg", "don_vi_tinh": "Viên", "so_luong": "60", "cach_dung": "Tối 1 viên"}
  ],
  "loi_dan": "Ăn nhạt",
  "so_dien_thoai_nguoi_kham_benh": "0900000017",
  "ngay_tai_kham": "60",
  "ngay_gio_ke_don": "2026-11-02 09:15:00"
}
`

var received = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)

func open(t *testing.T, raw string) kind.File {
	t.Helper()
	f, err := prescription.New().Open([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// judged are the codes of a prescription's findings, each with its place.
func judged(t *testing.T, raw string) []dossier.Finding {
	t.Helper()
	d := open(t, raw).Dossier(0)
	return quality.V1().With(prescription.Rules()).Judge(d.Content, quality.Input{
		Kind: prescription.Name, Facility: "79901", Received: received, Unreadable: d.Unreadable, Day: d.Spec.From})
}

func codes(found []dossier.Finding) string {
	var list []string
	for _, f := range found {
		list = append(list, f.Code)
	}
	return strings.Join(list, " ")
}

func change(t *testing.T, pairs ...string) string {
	t.Helper()
	raw := good
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(raw, pairs[i]) {
			t.Fatalf("%q is not in the example", pairs[i])
		}
		raw = strings.Replace(raw, pairs[i], pairs[i+1], 1)
	}
	return raw
}

func TestGoodPrescription(t *testing.T) {
	t.Parallel()
	f := open(t, good)
	if f.Len() != 1 || f.Facility() != "" || f.Sealing().Inside != nil || len(f.Spans()) != 1 || f.Spans()[0].End != len(good) {
		t.Errorf("%d dossiers, %v", f.Len(), f.Spans())
	}
	d := f.Dossier(0)
	want := kind.Patient{LocalID: "cccd:079960000017", Name: "TRẦN THỊ ÁNH", CitizenID: "079960000017", Card: "GD4790000000017",
		Birth: "19600305", Sex: "2", Phone: "0900000017"}
	if d.Patient != want {
		t.Errorf("patient %+v", d.Patient)
	}
	if d.Episode != "79901a1b2c3d-C" || d.Once != "prescription.reused" || d.Replaces != "" || string(d.Inner[0]) != good {
		t.Errorf("%q once %q replaces %q", d.Episode, d.Once, d.Replaces)
	}
	for _, c := range []struct {
		table string
		row   int
		field string
		want  string
	}{{"DON_THUOC", 0, "GIOI_TINH", "3"}, {"DON_THUOC", 0, "DOT_DUNG_THUOC_DEN_NGAY", "31/12/2026"}, {"DON_THUOC", 0, "MA_CSKCB", "79901"},
		{"CHAN_DOAN", 0, "MA_CHAN_DOAN", "I10"}, {"THUOC", 1, "SO_LUONG", "60"}} {
		if got := d.Content.Field(c.table, c.row, c.field); got != c.want {
			t.Errorf("%s.%s is %q, want %q", c.table, c.field, got, c.want)
		}
	}
	if line := d.Content.Table("THUOC").Cell(1, "CACH_DUNG").Line; line != 21 {
		t.Errorf("line %d", line)
	}
	if got := codes(judged(t, good)); got != "" {
		t.Errorf("findings: %s", got)
	}
}

func TestSexesHaveTheNationalNumbers(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{"1": "3", "2": "1", `"3"`: "2", "0": "", "null": ""} {
		if got := open(t, change(t, `"gioi_tinh": 3`, `"gioi_tinh": `+sent)).Dossier(0).Patient.Sex; got != want {
			t.Errorf("%s is %q, want %q", sent, got, want)
		}
	}
}

func TestHealthIDStandsInForTheCitizenNumber(t *testing.T) {
	t.Parallel()
	raw := change(t, `"ma_dinh_danh_y_te": ""`, `"ma_dinh_danh_y_te": "079960000025"`, `"079960000017"`, `""`)
	if p := open(t, raw).Dossier(0).Patient; p.CitizenID != "079960000025" || p.LocalID != "cccd:079960000025" {
		t.Errorf("%+v", p)
	}
	named := change(t, `"can_nang": ""`, `"ma_bn": "B7", "ma_lk": "L1"`)
	if d := open(t, named).Dossier(0); d.Patient.LocalID != "B7" || d.Content.Field("DON_THUOC", 0, "MA_LK") != "L1" {
		t.Errorf("%+v", d.Patient)
	}
}

func TestUnknownMembersAreKept(t *testing.T) {
	t.Parallel()
	raw := change(t, `"luu_y": ""`, `"MA_CSKCB": "00000", "ma_cskcb": "11111", "moi": {"a": [1, {"b": "x"}]}, "luu_y": null`, `"biet_duoc": "Amlor"`, `"hang": "Y"`)
	d := open(t, raw).Dossier(0)
	var got []string
	for _, table := range []string{"DON_THUOC", "THUOC"} {
		for _, x := range d.Content.Table(table).Rows[0].Extra {
			got = append(got, x.Name+"="+x.Cell.Text)
		}
	}
	if s := strings.Join(got, " "); s != "MA_CSKCB=00000 ma_cskcb=11111 moi.a.1=1 moi.a.2.b=x hang=Y" {
		t.Errorf("%s", s)
	}
	if d.Content.Field("DON_THUOC", 0, "MA_CSKCB") != "79901" {
		t.Error("a member speaks for the facility in the code")
	}
}

func TestReplacement(t *testing.T) {
	t.Parallel()
	raw := change(t, `"ho_ten`, `"ma_don_thuoc_thay_the": "79901zzzzzzz-C", "ho_ten`)
	d := open(t, raw).Dossier(0)
	if d.Replaces != "79901zzzzzzz-C" || d.Replacing != [2]string{prescription.CodeUnknown, prescription.CodeReplaced} {
		t.Errorf("%q, %v", d.Replaces, d.Replacing)
	}
	for _, bad := range []string{"79901a1b2c3d-C", "x"} {
		raw := change(t, `"ho_ten`, `"ma_don_thuoc_thay_the": "`+bad+`", "ho_ten`)
		if d := open(t, raw).Dossier(0); d.Replaces != "" || codes(judged(t, raw)) != "DON_THUOC.MA_DON_THUOC_THAY_THE.form" {
			t.Errorf("%s: replaces %q, %s", bad, d.Replaces, codes(judged(t, raw)))
		}
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for code, ok := range map[string]bool{
		"79901a1b2c3d-C": true, "7990A0000000-N": true, "799010000000-H": true, "799010000000-T": true, "799010000000-Y": true,
		"": false, "79901a1b2c3d-c": false, "79901a1b2c3d-X": false, "79901A1b2c3d-C": false, "7990 a1b2c3d-C": false, "79901a1b2c3dC": false,
		"79901a1b2c3d-CC": false, "79901a1b2c3-C": false, "79901a1b2c3_-C": false, "79901á1b2c3-C": false, "799a1a1b2c3d-C": false,
	} {
		if _, _, got := prescription.ParseCode(code); got != ok {
			t.Errorf("%q: %v", code, got)
		}
	}
}

func TestEachRuleHasACase(t *testing.T) {
	t.Parallel()
	const child = `"05/03/1960"`
	drug := func(was, now string) string { return change(t, was, now) }
	cases := map[string]struct{ raw, want string }{
		"no code":             {change(t, "79901a1b2c3d-C", " "), "prescription.code"},
		"malformed":           {change(t, "79901a1b2c3d-C", "79901A1B2C3D-C"), "prescription.code"},
		"another facility":    {change(t, "79901a1b2c3d-C", "79902a1b2c3d-C"), "facility.mismatch"},
		"type absent":         {change(t, `"loai_don_thuoc": "c",`, ""), "DON_THUOC.LOAI_DON_THUOC.missing"},
		"type unknown":        {change(t, `_thuoc": "c"`, `_thuoc": "x"`), "DON_THUOC.LOAI_DON_THUOC.not_in_list"},
		"type differs":        {change(t, `_thuoc": "c"`, `_thuoc": "y"`), "DON_THUOC.LOAI_DON_THUOC.differs"},
		"no name":             {change(t, "TRẦN THỊ ÁNH", ""), "DON_THUOC.HO_TEN_BENH_NHAN.missing"},
		"no birth":            {change(t, "05/03/1960", ""), "DON_THUOC.NGAY_SINH_BENH_NHAN.missing"},
		"birth no date":       {change(t, "05/03/1960", "31/02/1960"), "DON_THUOC.NGAY_SINH_BENH_NHAN.not_date"},
		"birth ahead":         {change(t, "05/03/1960", "05/03/2160"), "DON_THUOC.NGAY_SINH_BENH_NHAN.future"},
		"no sex":              {change(t, `"gioi_tinh": 3`, `"gioi_tinh": null`), "DON_THUOC.GIOI_TINH.missing"},
		"sex of no list":      {change(t, `"gioi_tinh": 3`, `"gioi_tinh": 0`), "DON_THUOC.GIOI_TINH.not_in_list"},
		"short number":        {change(t, "079960000017", "07996"), "DON_THUOC.MA_DINH_DANH_CONG_DAN.form"},
		"narcotic, no number": {change(t, `_thuoc": "c"`, `_thuoc": "n"`, "3d-C", "3d-N", "079960000017", ""), "DON_THUOC.MA_DINH_DANH_CONG_DAN.missing"},
		"child":               {change(t, child, `"05/03/2023"`), "DON_THUOC.THONG_TIN_NGUOI_GIAM_HO.missing DON_THUOC.CAN_NANG.missing"},
		"child with guardian": {change(t, child, `"05/03/2023"`, `"can_nang": ""`, `"can_nang": 12.5`, `"thong_tin_nguoi_giam_ho": ""`,
			`"thong_tin_nguoi_giam_ho": {"ho_ten": "TRẦN VĂN B"}`), ""},
		"no time":           {change(t, "2026-11-02 09:15:00", ""), "DON_THUOC.NGAY_GIO_KE_DON.missing"},
		"time no date":      {change(t, "2026-11-02 09:15:00", "hôm nay"), "DON_THUOC.NGAY_GIO_KE_DON.not_date"},
		"time ahead":        {change(t, "2026-11-02 09:15:00", "2026-11-05 09:15:00"), "DON_THUOC.NGAY_GIO_KE_DON.future"},
		"late":              {change(t, "2026-11-02 09:15:00", "2026-10-20 09:15:00"), "DON_THUOC.NGAY_GIO_KE_DON.late"},
		"course backwards":  {change(t, "31/12/2026", "01/11/2026"), "DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.order"},
		"course no date":    {change(t, "31/12/2026", "cuối năm", "02/11/2026", "99/99/2026"), "DON_THUOC.DOT_DUNG_THUOC_TU_NGAY.not_date DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.not_date"},
		"long, listed":      {change(t, "31/12/2026", "31/01/2027"), "DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.supply"},
		"long, not listed":  {change(t, "31/12/2026", "02/12/2026", `"I10"`, `"J18.9"`), "DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.supply"},
		"thirty days":       {change(t, "31/12/2026", "01/12/2026", `"I10"`, `"J18.9"`), ""},
		"return is a date":  {change(t, `"ngay_tai_kham": "60"`, `"ngay_tai_kham": "01/12/2026"`), "DON_THUOC.NGAY_TAI_KHAM.not_number"},
		"no diagnoses":      {change(t, `"chan_doan"`, `"chan_doan_khac"`), "CHAN_DOAN.missing DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.supply"},
		"diagnosis no code": {change(t, `"I10"`, `""`), "CHAN_DOAN.MA_CHAN_DOAN.missing DON_THUOC.DOT_DUNG_THUOC_DEN_NGAY.supply"},
		"diagnosis form":    {change(t, `"I10"`, `"i10"`, "31/12/2026", "01/12/2026"), "CHAN_DOAN.MA_CHAN_DOAN.form"},
		"diagnoses no list": {change(t, `[
    {"ma_chan_doan": "I10", "ten_chan_doan": "Tăng huyết áp vô căn", "ket_luan": ""}
  ]`, `"I10"`, "31/12/2026", "01/12/2026"), "dossier.unreadable"},
		"a drug is a text":     {change(t, `"thong_tin_don_thuoc": [`, `"thong_tin_don_thuoc": ["x",`), "dossier.unreadable"},
		"drug name":            {drug(`"biet_duoc": "Amlor", "ten_thuoc": "Amlodipin 5 mg", `, ""), "THUOC.TEN_THUOC.missing"},
		"drug code":            {drug(`"40.30.1"`, `""`), "THUOC.MA_THUOC.missing"},
		"drug unit":            {drug(`"Viên"`, `""`), "THUOC.DON_VI_TINH.missing"},
		"drug use":             {drug(`"Sáng 1 viên"`, `""`), "THUOC.CACH_DUNG.missing"},
		"drug amount":          {drug(`60,`, `null,`), "THUOC.SO_LUONG.missing"},
		"amount in words":      {drug(`60,`, `"2 hộp",`), "THUOC.SO_LUONG.not_number"},
		"amount with exponent": {drug(`60,`, `1e999999999,`), "THUOC.SO_LUONG.not_number"},
		"amount zero":          {drug(`60,`, `0,`), "THUOC.SO_LUONG.not_positive"},
		"amount negative":      {drug(`60,`, `"-3",`), "THUOC.SO_LUONG.not_positive"},
		"dispensed":            {drug(`60,`, `60, "so_luong_ban": 30, "ngay_ban": "2026-11-07 08:00:00",`), ""},
		"dispensed, no code":   {drug(`"40.30.1"`, `"", "so_luong_ban": 30`), "THUOC.MA_THUOC.missing THUOC.SO_LUONG_BAN.no_code"},
		"dispensed more":       {drug(`60,`, `60, "so_luong_ban": 90,`), "THUOC.SO_LUONG_BAN.over"},
		"dispensed in words":   {drug(`60,`, `60, "so_luong_ban": "hết",`), "THUOC.SO_LUONG_BAN.not_number"},
		"dispensed late":       {drug(`60,`, `60, "ngay_ban": "2026-11-08 08:00:00",`), "THUOC.NGAY_BAN.expired"},
		"dispensed sometime":   {drug(`60,`, `60, "ngay_ban": "mai",`), "THUOC.NGAY_BAN.not_date"},
	}
	met := map[string]bool{"prescription.reused": true, prescription.CodeUnknown: true, prescription.CodeReplaced: true, // the store's, see e2e
		"DON_THUOC.MA_DON_THUOC_THAY_THE.form": true, "THUOC.missing": true}
	for name, c := range cases {
		found := judged(t, c.raw)
		got := strings.Fields(codes(found))
		want := strings.Fields(c.want)
		for _, code := range got {
			met[code] = true
		}
		for _, w := range want {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+w+" ") {
				t.Errorf("%s: %s is not among %v", name, w, got)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, r := range prescription.Rules().Rules {
		if !met[r.Code] {
			t.Errorf("no case for %s", r.Code)
		}
	}
	if got := codes(judged(t, `{"ma_don_thuoc":"79901a1b2c3d-C","thong_tin_don_thuoc":[]}`)); !strings.Contains(got, "THUOC.missing") {
		t.Errorf("no drugs: %s", got)
	}
}

func TestRulesSpeakBothLanguages(t *testing.T) {
	t.Parallel()
	for _, r := range prescription.Rules().Rules {
		if r.Text.VI == "" || r.Text.EN == "" || r.Hint.VI == "" || r.Hint.EN == "" || r.Source == "" || r.ConfirmedBy != "" {
			t.Errorf("%s is not whole: %+v", r.Code, r)
		}
		if strings.ContainsAny(r.Text.VI+r.Hint.VI, "ÐƉ") {
			t.Errorf("%s has a wrong Đ", r.Code)
		}
	}
}

func TestSpecHasLabels(t *testing.T) {
	t.Parallel()
	for _, table := range prescription.Spec().Tables() {
		for _, f := range table.Fields {
			if f.LabelVI == "" || f.LabelEN == "" {
				t.Errorf("%s.%s has no label", table.Name, f.Name)
			}
		}
	}
	if m, _ := prescription.Spec().Table("DON_THUOC").Field("GIOI_TINH").Meaning("2"); m.VI != "Nam" {
		t.Errorf("2 means %v", m)
	}
}

func TestBrokenFilesHaveTheirCode(t *testing.T) {
	t.Parallel()
	r := kind.NewRegistry(prescription.New())
	for name, c := range map[string]struct{ raw, code string }{
		"good":           {good, ""},
		"cut":            {good[:len(good)-3], "file.unreadable"},
		"member twice":   {strings.Replace(good, `"can_nang"`, `"luu_y"`, 1), "file.unreadable"},
		"two documents":  {good + good, "file.unreadable"},
		"nested far":     {strings.Replace(good, `"can_nang": ""`, `"can_nang": `+strings.Repeat("[", 100)+strings.Repeat("]", 100), 1), "file.limits"},
		"a bomb":         {strings.Replace(good, `"can_nang": ""`, `"can_nang": [`+strings.Repeat("0,", 30_000)+`0]`, 1), "file.limits"},
		"lone surrogate": {strings.Replace(good, "Amlor", `\ud800`, 1), "file.unreadable"},
		"no drugs":       {strings.Replace(good, "thong_tin_don_thuoc", "x", 1), "file.unreadable"},
		"an array":       {"[" + good + "]", "file.unreadable"},
	} {
		reader, err := r.Pick([]byte(c.raw))
		if err == nil {
			_, err = reader.Open([]byte(c.raw))
		}
		if got := fault.Of(err).Code; err != nil && got != c.code || err == nil && c.code != "" {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	for _, raw := range []string{"[" + good + "]", "{}", "1"} {
		if _, err := prescription.New().Open([]byte(raw)); fault.Of(err).Code != "envelope.invalid" {
			t.Errorf("%.10s: %v", raw, err)
		}
	}
}

func TestWriteGivesWhatOpenTakes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := prescription.Write(&b, &prescription.Document{Type: "c", Code: "79901a1b2c3d-C", Name: "A & B", Sex: 2, Birth: "01/02/1990",
		Diagnoses: []prescription.Diagnosis{{Code: "J00", Name: "Cảm"}}, Drugs: []prescription.Drug{{Code: "40.1", Name: "X", Unit: "Viên", Amount: "10", Use: "1"}},
		At: "2026-11-02 09:15:00"})
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, b.String()).Dossier(0)
	if d.Patient.Name != "A & B" || d.Content.Field("THUOC", 0, "SO_LUONG") != "10" || codes(judged(t, b.String())) != "" {
		t.Errorf("%s\n%s", b.String(), codes(judged(t, b.String())))
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"ma_don_thuoc":1,"thong_tin_don_thuoc":{"a":[{"b":null}]}}`))
	f.Add([]byte(`{"loai_don_thuoc":[],"thong_tin_don_thuoc":"x","chan_doan":[1]}`))
	pack := quality.V1().With(prescription.Rules())
	f.Fuzz(func(t *testing.T, raw []byte) {
		opened, err := prescription.New().Open(raw)
		if err != nil {
			if fault.KindOf(err) == fault.Broken {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		d := opened.Dossier(0)
		for _, finding := range pack.Judge(d.Content, quality.Input{Kind: prescription.Name, Facility: "79901", Received: received, Unreadable: d.Unreadable}) {
			if _, known := pack.Rule(finding.Code); !known {
				t.Fatalf("a finding out of the catalogue: %s", finding.Code)
			}
		}
	})
}
