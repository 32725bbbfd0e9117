package emr_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/emr"
	"lienthong/internal/quality"
)

var received = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

const goodXML = `<?xml version="1.0" encoding="UTF-8"?>
<HoSoBenhAn>
  <MaLK>L1</MaLK>
  <ThongTinBenhNhan>
    <MaBN>B1</MaBN><HoTen>LÊ VĂN BÌNH</HoTen><NgaySinh>05/03/1960</NgaySinh><GioiTinh>Nam</GioiTinh>
    <SoCCCD>001960000017</SoCCCD><MaTheBHYT>GD4010000000017;</MaTheBHYT>
    <NguoiNha><HoTen>LÊ THỊ C</HoTen><SoCCCD>001961000018</SoCCCD></NguoiNha>
  </ThongTinBenhNhan>
  <ThongTinVaoVien><MaCSKCB>01901</MaCSKCB><ThoiGianVaoVien>10/11/2026 08:00</ThoiGianVaoVien><MaBenh>J18.9</MaBenh></ThongTinVaoVien>
  <ThongTinDieuTri><NgayRaVien>202611151600</NgayRaVien></ThongTinDieuTri>
  <YLenhThuocVatTu>
    <Thuoc><TenThuoc>Amoxicillin</TenThuoc><SoLuong>20</SoLuong><BacSi><HoTen>X</HoTen></BacSi></Thuoc>
    <Thuoc><TenThuoc>Paracetamol</TenThuoc><SoLuong>10.5</SoLuong></Thuoc>
  </YLenhThuocVatTu>
  <KetQuaXetNghiem><NgayKQ>2026-11-11T09:00:00+07:00</NgayKQ><ChiSo><TenChiSo>WBC</TenChiSo><KetQua>11,2</KetQua></ChiSo></KetQuaXetNghiem>
  <NhomLa><A>1</A></NhomLa>
</HoSoBenhAn>
`

const goodJSON = `{"HoSoBenhAn": {
  "MA_LK": "L1",
  "ThongTinBenhNhan": {"MaBN": "B1", "HoTen": "LÊ VĂN BÌNH", "NgaySinh": "05/03/1960", "GioiTinh": 1, "SoCCCD": "001960000017",
    "NguoiNha": {"HoTen": "LÊ THỊ C", "SoCCCD": "001961000018"}, "MaTheBHYT": "GD4010000000017"},
  "ThongTinVaoVien": {"MaCSKCB": "01901", "NgayVao": "202611100800", "MaBenh": "J18.9"},
  "ThongTinDieuTri": [{"NgayRa": "202611151600"}],
  "YLenhThuocVatTu": [{"TenThuoc": "Amoxicillin", "SoLuong": 20, "BacSi": {"HoTen": "X"}}, {"TenThuoc": "Paracetamol", "SoLuong": 10.5}],
  "KetQuaXetNghiem": {"DanhSach": [{"TenChiSo": "WBC", "KetQua": "11,2"}]},
  "NhomLa": {"A": 1}
}}`

func open(t *testing.T, raw string) kind.Dossier {
	t.Helper()
	f, err := emr.New().Open([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 1 || f.Facility() != "" || f.Sealing().Inside != nil || f.Spans()[0].End != len(raw) {
		t.Errorf("%d dossiers of %q", f.Len(), f.Facility())
	}
	return f.Dossier(0)
}

func judged(t *testing.T, raw string) string {
	t.Helper()
	d := open(t, raw)
	var codes []string
	for _, f := range quality.V1().With(emr.Rules()).Judge(d.Content, quality.Input{Kind: emr.Name, Facility: "01901", Received: received, Unreadable: d.Unreadable}) {
		codes = append(codes, f.Code)
	}
	return strings.Join(codes, " ")
}

func TestXMLAndJSONSayTheSame(t *testing.T) {
	t.Parallel()
	want := kind.Patient{LocalID: "B1", Name: "LÊ VĂN BÌNH", CitizenID: "001960000017", Card: "GD4010000000017", Birth: "19600305", Sex: "1"}
	for name, raw := range map[string]string{"XML": goodXML, "JSON": goodJSON, "JSON without the root": strings.TrimSuffix(strings.TrimPrefix(goodJSON, `{"HoSoBenhAn": `), "}")} {
		d := open(t, raw)
		if d.Episode != "L1" || d.Patient != want {
			t.Errorf("%s: %q, %+v", name, d.Episode, d.Patient)
		}
		for place, want := range map[[2]string]string{
			{"THONG_TIN_VAO_VIEN", "MA_CSKCB"}: "01901", {"THONG_TIN_VAO_VIEN", "MA_BENH_CHINH"}: "J18.9", {"THONG_TIN_DIEU_TRI", "NGAY_RA"}: "202611151600",
			{"Y_LENH_THUOC_VAT_TU", "TEN_THUOC"}: "Amoxicillin",
		} {
			if got := d.Content.Field(place[0], 0, place[1]); got != want {
				t.Errorf("%s: %v is %q", name, place, got)
			}
		}
		if got := d.Content.Field("Y_LENH_THUOC_VAT_TU", 1, "SO_LUONG") + d.Content.Field("Y_LENH_THUOC_VAT_TU", 2, "SO_LUONG"); got != "10.5" {
			t.Errorf("%s: the second drug is %q of %d rows", name, got, len(d.Content.Table("Y_LENH_THUOC_VAT_TU").Rows))
		}
		if got := judged(t, raw); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWhatNoColumnIsKnownForIsKept(t *testing.T) {
	t.Parallel()
	d := open(t, goodXML)
	var got []string
	for _, table := range d.Content.Tables() {
		for _, r := range table.Rows {
			for _, x := range r.Extra {
				got = append(got, table.Columns.Table+":"+x.Name+"="+x.Cell.Text)
			}
		}
	}
	slices.Sort(got)
	want := "HO_SO_BENH_AN:NhomLa.A=1 THONG_TIN_BENH_NHAN:NguoiNha.HoTen=LÊ THỊ C THONG_TIN_BENH_NHAN:NguoiNha.SoCCCD=001961000018 Y_LENH_THUOC_VAT_TU:HoTen=X"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s", s)
	}
	results := d.Content.Table("KET_QUA_XET_NGHIEM")
	if len(results.Rows) != 2 || results.Cell(0, "NGAY_KQ").Text == "" || results.Cell(1, "GIA_TRI").Text != "11,2" {
		t.Errorf("%d results", len(results.Rows))
	}
	if line := results.Cell(1, "GIA_TRI").Line; line != 15 {
		t.Errorf("line %d", line)
	}
}

func change(t *testing.T, raw string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(raw, pairs[i]) {
			t.Fatalf("%q is not in the example", pairs[i])
		}
		raw = strings.ReplaceAll(raw, pairs[i], pairs[i+1])
	}
	return raw
}

func TestRecordsThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want string }{
		"no episode":           {change(t, goodXML, "<MaLK>L1</MaLK>", ""), "episode.missing"},
		"long episode":         {change(t, goodXML, "L1", strings.Repeat("L", 101)), "episode.missing"},
		"two episodes":         {change(t, goodXML, "<MaBN>", "<MaLK>L2</MaLK><MaBN>"), "episode.mismatch"},
		"another facility":     {change(t, goodXML, "01901", "79901"), "facility.mismatch"},
		"another, second name": {change(t, goodXML, "<MaCSKCB>01901</MaCSKCB>", "<MaCSKCB>01901</MaCSKCB><MaCoSo>79901</MaCoSo>"), "facility.mismatch"},
		"two patients":         {change(t, goodXML, "<MaCSKCB>", "<MaBN>B2</MaBN><MaCSKCB>"), "dossier.two_patients"},
		"two groups":           {change(t, goodXML, "<ThongTinVaoVien>", "<ThongTinBenhNhan><HoTen>X</HoTen></ThongTinBenhNhan><ThongTinVaoVien>"), "dossier.two_patients"},
		"two in a list":        {`{"MaLK":"L","ThongTinBenhNhan":[{"HoTen":"A","NgaySinh":"1960","GioiTinh":1},{"HoTen":"B"}],"ThongTinVaoVien":{"LyDo":"x"}}`, "dossier.two_patients"},
		"two in a wrapper":     {`{"MaLK":"L","ThongTinBenhNhan":{"BN":[{"HoTen":"A","NgaySinh":"1960","GioiTinh":1},{"HoTen":"B"}]},"ThongTinVaoVien":{"LyDo":"x"}}`, "dossier.two_patients"},
		"another number":       {change(t, goodXML, "<MaCSKCB>", "<MaCSKCB>", "<ThongTinDieuTri>", "<CapCuu/><HoSoCapCuu><MaBN>B9</MaBN></HoSoCapCuu><ThongTinDieuTri>"), "dossier.two_patients"},
		"born late":            {change(t, goodXML, "05/03/1960", "05/03/2027"), "time.future time.order"},
		"no date":              {change(t, goodXML, "05/03/1960", "31/02/1960"), "time.impossible"},
		"out before in":        {change(t, goodXML, "202611151600", "202611091600"), "time.order"},
		"in before birth":      {change(t, goodXML, "10/11/2026 08:00", "10/11/1950", "202611151600", ""), "time.order"},
		"no name":              {change(t, goodXML, "LÊ VĂN BÌNH", ""), "THONG_TIN_BENH_NHAN.HO_TEN.missing"},
		"no birth":             {change(t, goodXML, "05/03/1960", ""), "THONG_TIN_BENH_NHAN.NGAY_SINH.missing"},
		"no sex":               {change(t, goodXML, "Nam", ""), "THONG_TIN_BENH_NHAN.GIOI_TINH.missing"},
		"strange sex":          {change(t, goodXML, "Nam", "7"), "THONG_TIN_BENH_NHAN.GIOI_TINH.not_in_list"},
		"short number":         {change(t, goodXML, "001960000017", "0019"), "THONG_TIN_BENH_NHAN.SO_CCCD.form"},
		"no patient":           {`{"HoSoBenhAn":{"MaLK":"L","ThongTinVaoVien":{"LyDo":"x"}}}`, "THONG_TIN_BENH_NHAN.missing"},
		"no admission":         {change(t, goodXML, "ThongTinVaoVien", "GiayChuyenVien"), "THONG_TIN_VAO_VIEN.missing"},
		"result at no time":    {change(t, goodXML, "2026-11-11T09:00:00+07:00", "hôm qua"), "KET_QUA_XET_NGHIEM.NGAY_KQ.not_date"},
		"amount no number":     {change(t, goodXML, "10.5", "10,5"), "Y_LENH_THUOC_VAT_TU.SO_LUONG.not_number"},
		"diagnosis form":       {change(t, goodXML, "J18.9", "viêm phổi"), "THONG_TIN_VAO_VIEN.MA_BENH_CHINH.form"},
	} {
		if got := judged(t, c.raw); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRulesAndSpecAreWhole(t *testing.T) {
	t.Parallel()
	for _, r := range emr.Rules().Rules {
		if r.Text.VI == "" || r.Text.EN == "" || r.Hint.VI == "" || r.Hint.EN == "" || r.Source == "" || r.Rejects || r.Severity == "" {
			t.Errorf("%+v", r)
		}
	}
	if n := len(emr.Spec().Tables()); n != 12 {
		t.Errorf("%d tables, want the head and eleven groups", n)
	}
	for _, table := range emr.Spec().Tables() {
		seen := map[string]bool{}
		for _, f := range table.Fields {
			if f.LabelVI == "" || f.LabelEN == "" || seen[f.Name] {
				t.Errorf("%s.%s", table.Name, f.Name)
			}
			seen[f.Name] = true
		}
	}
	quality.V1().With(emr.Rules()) // panics on a code twice
}

func TestBrokenFilesHaveTheirCode(t *testing.T) {
	t.Parallel()
	r := kind.NewRegistry(emr.New())
	for name, c := range map[string]struct{ raw, code string }{
		"XML":           {goodXML, ""},
		"JSON":          {goodJSON, ""},
		"cut XML":       {goodXML[:len(goodXML)-3], "file.unreadable"},
		"cut JSON":      {goodJSON[:len(goodJSON)-2], "file.unreadable"},
		"member twice":  {strings.Replace(goodJSON, `"MaBN"`, `"HoTen"`, 1), "file.unreadable"},
		"doctype":       {"<!DOCTYPE x>" + goodXML[39:], "file.doctype"},
		"another root":  {"<BenhAn/>", "envelope.invalid"},
		"no group":      {"<HoSoBenhAn><X>1</X></HoSoBenhAn>", "envelope.invalid"},
		"a list":        {`{"HoSoBenhAn":[{"ThongTinBenhNhan":{}}]}`, "envelope.invalid"},
		"deep JSON":     {`{"HoSoBenhAn":` + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 51), "file.limits"},
		"deep XML":      {"<HoSoBenhAn>" + strings.Repeat("<a>", 60) + strings.Repeat("</a>", 60) + "</HoSoBenhAn>", "file.limits"},
		"many elements": {"<HoSoBenhAn>" + strings.Repeat("<a/>", 200_001) + "</HoSoBenhAn>", "file.limits"},
		"many values":   {`{"HoSoBenhAn":[` + strings.Repeat("0,", 200_001) + "0]}", "file.limits"},
	} {
		reader, err := r.Pick([]byte(c.raw))
		if err == nil {
			_, err = reader.Open([]byte(c.raw))
		}
		if err == nil && c.code != "" || err != nil && fault.Of(err).Code != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(goodXML))
	f.Add([]byte(goodJSON))
	f.Add([]byte(`{"ThongTinBenhNhan":[[{"a":{}}],null,1]}`))
	f.Add([]byte(`<HoSoBenhAn><KetQuaXetNghiem>x<b/>y</KetQuaXetNghiem></HoSoBenhAn>`))
	pack := quality.V1().With(emr.Rules())
	f.Fuzz(func(t *testing.T, raw []byte) {
		opened, err := emr.New().Open(raw)
		if err != nil {
			if fault.KindOf(err) == fault.Broken {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		d := opened.Dossier(0)
		for _, finding := range pack.Judge(d.Content, quality.Input{Kind: emr.Name, Facility: "01901", Received: received}) {
			if r, known := pack.Rule(finding.Code); !known || r.Severity == dossier.Severity("") {
				t.Fatalf("a finding out of the catalogue: %s", finding.Code)
			}
		}
	})
}
