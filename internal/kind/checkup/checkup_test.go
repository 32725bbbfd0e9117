package checkup_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/quality"
)

const (
	person = `<THONG_TIN_HANH_CHINH><MA_LK>K1</MA_LK><MA_CSKCB>24604</MA_CSKCB><MA_BN>B1</MA_BN><HO_TEN>LÊ VĂN B</HO_TEN><SO_CCCD>001899000001</SO_CCCD>` +
		`<NGAY_SINH>199901010000</NGAY_SINH><GIOI_TINH>1</GIOI_TINH><MAXA_CU_TRU>26740</MAXA_CU_TRU></THONG_TIN_HANH_CHINH>`
	occasion = `<THONG_TIN_CHUNG_VE_LAN_KHAM><MA_LK>K1</MA_LK><NGAY_KHAM>202611020700</NGAY_KHAM></THONG_TIN_CHUNG_VE_LAN_KHAM>`
	vitals   = `<DANH_GIA_DAU_HIEU_SINH_TON><CHIEU_CAO>170</CHIEU_CAO><CAN_NANG>65</CAN_NANG><CHI_SO_BMI>22.5</CHI_SO_BMI><MACH>72</MACH>` +
		`<HUYET_AP_TAM_THU>120</HUYET_AP_TAM_THU><HUYET_AP_TAM_TRUONG>80</HUYET_AP_TAM_TRUONG></DANH_GIA_DAU_HIEU_SINH_TON>`
	conclusion = `<KET_LUAN><MA_LK>K1</MA_LK><PHAN_LOAI_SUC_KHOE>2</PHAN_LOAI_SUC_KHOE><NGAY_KET_LUAN>202611021000</NGAY_KET_LUAN><MA_BAC_SI>1</MA_BAC_SI></KET_LUAN>`
	places     = `<CHUKYDONVI><CKS_NGUOI_KET_LUAN></CKS_NGUOI_KET_LUAN><CKS_BENH_VIEN></CKS_BENH_VIEN></CHUKYDONVI>`
)

func inner(kind, content string) string {
	return "<FILEHOSO><LOAIHOSO>" + kind + "</LOAIHOSO><NOIDUNGFILE>" + content + "</NOIDUNGFILE></FILEHOSO>"
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// envelope is a file of one check, its parts inline.
func envelope(parts ...string) string {
	var b strings.Builder
	b.WriteString("<KHAMSUCKHOE><THONGTINDONVI><MA_CSKCB>24604</MA_CSKCB><MA_GTIN_CSKCB>8930000246047</MA_GTIN_CSKCB></THONGTINDONVI><THONGTINHOSO>" +
		"<NGAYLAP>20261102</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO>")
	for i, p := range parts {
		b.WriteString(inner("XML"+string(rune('1'+i)), p))
	}
	return b.String() + "</HOSO></DANHSACHHOSO></THONGTINHOSO>" + places + "</KHAMSUCKHOE>"
}

func good() string { return envelope(person, occasion, vitals, conclusion) }

func open(t testing.TB, raw string) kind.File {
	t.Helper()
	f, err := checkup.New().Open([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPartsAreNamedByTheirRoots(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"inline": good(), "base64": envelope(b64(`<?xml version="1.0"?>`+person), b64(occasion), b64(vitals), b64(conclusion)),
		"wrongly numbered": envelope(conclusion, vitals, person, occasion),
	} {
		f := open(t, raw)
		d := f.Dossier(0)
		if f.Facility() != "24604" || f.Created().Day() != 20261102 || f.Len() != 1 || len(d.Unreadable) != 0 || len(d.Unknown) != 0 {
			t.Fatalf("%s: %+v", name, d)
		}
		if d.Episode != "K1" || d.Patient.Name != "LÊ VĂN B" || d.Patient.CitizenID != "001899000001" || d.Patient.LocalID != "B1" || d.Patient.Ward != "26740" {
			t.Errorf("%s: %q %+v", name, d.Episode, d.Patient)
		}
		if d.Content.Field("KET_LUAN", 0, "PHAN_LOAI_SUC_KHOE") != "2" || d.Content.Field("THONGTINDONVI", 0, "MA_GTIN_CSKCB") != "8930000246047" {
			t.Errorf("%s: fields are not where they belong", name)
		}
		if bits, tags := d.Label(checkup.New().View(), true); bits != 0 || len(tags) != 0 {
			t.Errorf("%s: %b %v: XML1 of this family is no XML1 of the other", name, bits, tags)
		}
		s := f.Sealing()
		if s.Of(0) != kind.ByPerson || s.Of(1) != kind.ByFacility || !s.Inside.Countersigned || len(s.Inside.Holders) != 2 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestUnknownAndBrokenParts(t *testing.T) {
	t.Parallel()
	d := open(t, envelope(person, `<PHU_LUC><X>1</X></PHU_LUC>`, conclusion)).Dossier(0)
	if len(d.Unknown) != 1 || d.Unknown[0] != "XML2" || len(d.Unreadable) != 0 || len(d.Inner) != 3 {
		t.Errorf("an unknown part: %+v", d)
	}
	for name, part := range map[string]string{"base64": "%%%", "xml": b64("<KET_LUAN>"), "nothing": "", "twice": b64(strings.Replace(person, "<MA_BN>", "<HO_TEN>X</HO_TEN><MA_BN>", 1))} {
		if d := open(t, envelope(person, part)).Dossier(0); len(d.Unreadable) != 1 || d.Unreadable[0].Code != "dossier.unreadable" {
			t.Errorf("%s: %+v", name, d.Unreadable)
		}
	}
}

func TestBrokenFilesHaveTheirCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, code string }{
		"cut":             {good()[:300], "file.unreadable"},
		"doctype":         {"<!DOCTYPE x>" + good(), "file.doctype"},
		"another root":    {"<X>" + good() + "</X>", "envelope.invalid"},
		"fewer than said": {strings.Replace(good(), "<SOLUONGHOSO>1<", "<SOLUONGHOSO>2<", 1), "envelope.truncated"},
		"no check":        {strings.Replace(good(), "HOSO>"+inner("XML1", person), "HOSOX>"+inner("XML1", person), 1), "file.unreadable"},
		"two facilities":  {strings.Replace(good(), "<MA_CSKCB>24604</MA_CSKCB><MA_GTIN", "<MA_CSKCB>24604</MA_CSKCB><MACSKCB>79901</MACSKCB><MA_GTIN", 1), "envelope.invalid"},
	} {
		_, err := checkup.New().Open([]byte(c.raw))
		var coded *fault.Error
		if !errors.As(err, &coded) || coded.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	for _, unit := range []string{"<THONGTINDONVI></THONGTINDONVI>", ""} {
		raw := strings.Replace(good(), "<THONGTINDONVI><MA_CSKCB>24604</MA_CSKCB><MA_GTIN_CSKCB>8930000246047</MA_GTIN_CSKCB></THONGTINDONVI>", unit, 1)
		if f := open(t, raw); f.Facility() != "" {
			t.Errorf("facility %q of an envelope that names none", f.Facility())
		}
	}
}

var pack = quality.V1().With(checkup.Rules())

var received = time.Date(2026, 11, 2, 11, 0, 0, 0, time.FixedZone("+07", 7*3600))

func judge(t testing.TB, d kind.Dossier) []string {
	t.Helper()
	var codes []string
	for _, f := range pack.Judge(d.Content, quality.Input{Kind: checkup.Name, Facility: "24604", Received: received, Day: d.Spec.From, Unreadable: d.Unreadable}) {
		if _, ok := pack.Rule(f.Code); !ok {
			t.Fatalf("%s is not in the catalogue", f.Code)
		}
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func TestRules(t *testing.T) {
	t.Parallel()
	if codes := judge(t, open(t, good()).Dossier(0)); len(codes) != 0 {
		t.Fatalf("a good one: %v", codes)
	}
	for _, c := range []struct{ old, new, code string }{
		{"<MA_LK>K1<", "<MA_LK><", "episode.missing"},
		{"<MA_LK>K1</MA_LK><PHAN", "<MA_LK>K2</MA_LK><PHAN", "episode.mismatch"},
		{"<PHAN_LOAI_SUC", "<SO_CCCD>001899000002</SO_CCCD><PHAN_LOAI_SUC", "dossier.two_patients"},
		{"<MA_CSKCB>24604</MA_CSKCB><MA_BN", "<MA_CSKCB>79901</MA_CSKCB><MA_BN", "facility.mismatch"},
		{"<GIOI_TINH>1<", "<GIOI_TINH>7<", "subject.sex"},
		{"199901010000", "199913010000", "time.impossible"},
		{"<NGAY_KHAM>202611020700<", "<NGAY_KHAM>202611021100<", "time.order"},
		{"<NGAY_KET_LUAN>202611021000<", "<NGAY_KET_LUAN>202611041000<", "time.future"},
		{"<GIOI_TINH>1<", "<GIOI_TINH><", "THONG_TIN_HANH_CHINH.GIOI_TINH.missing"},
		{"<HO_TEN>LÊ VĂN B<", "<HO_TEN> <", "THONG_TIN_HANH_CHINH.HO_TEN.missing"},
		{"<MAXA_CU_TRU>26740<", "<MAXA_CU_TRU>267<", "THONG_TIN_HANH_CHINH.MAXA_CU_TRU.pattern"},
		{"<MAXA_CU_TRU>", "<MAHUYEN_CU_TRU>760</MAHUYEN_CU_TRU><MAXA_CU_TRU>", "THONG_TIN_HANH_CHINH.MAHUYEN_CU_TRU.outdated"},
		{"8930000246047", "893000024604", "KHAMSUCKHOE.MA_GTIN_CSKCB.pattern"},
		{"<MA_GTIN_CSKCB>8930000246047</MA_GTIN_CSKCB>", "", "KHAMSUCKHOE.MA_GTIN_CSKCB.missing"},
		{"<CHIEU_CAO>170<", "<CHIEU_CAO>1.7<", "DANH_GIA_DAU_HIEU_SINH_TON.CHIEU_CAO.range DANH_GIA_DAU_HIEU_SINH_TON.CHI_SO_BMI.sum"},
		{"<CHI_SO_BMI>22.5<", "<CHI_SO_BMI>32.5<", "DANH_GIA_DAU_HIEU_SINH_TON.CHI_SO_BMI.sum"},
		{"<MACH>72<", "<MACH>bảy<", "DANH_GIA_DAU_HIEU_SINH_TON.MACH.not_number"},
		{"<HUYET_AP_TAM_TRUONG>80<", "<HUYET_AP_TAM_TRUONG>130<", "DANH_GIA_DAU_HIEU_SINH_TON.HUYET_AP_TAM_TRUONG.order"},
		{"<PHAN_LOAI_SUC_KHOE>2<", "<PHAN_LOAI_SUC_KHOE>6<", "KET_LUAN.PHAN_LOAI_SUC_KHOE.not_in_list"},
		{"<PHAN_LOAI_SUC_KHOE>2<", "<PHAN_LOAI_SUC_KHOE>Loại III<", ""},
		{"<MA_BAC_SI>1<", "<MA_BAC_SI>" + strings.Repeat("1", 256) + "<", "KET_LUAN.MA_BAC_SI.too_long"},
		{"<NGAY_KHAM>202611020700</NGAY_KHAM></THONG_TIN_CHUNG_VE_LAN_KHAM>", "<NGAY_KHAM>202610300700</NGAY_KHAM></THONG_TIN_CHUNG_VE_LAN_KHAM>", ""},
		{"202611021000", "202610311000", "time.order KET_LUAN.NGAY_KET_LUAN.late"},
		{inner("XML4", conclusion), "", "KET_LUAN.missing"},
		{inner("XML1", person), "", "THONG_TIN_HANH_CHINH.missing"},
	} {
		raw := good()
		if !strings.Contains(raw, c.old) {
			t.Fatalf("%s is not there", c.old)
		}
		if got := strings.Join(judge(t, open(t, strings.ReplaceAll(raw, c.old, c.new)).Dossier(0)), " "); got != c.code {
			t.Errorf("%s: %q, want %q", c.new, got, c.code)
		}
	}
	late := strings.NewReplacer("202611020700", "202610300700", "202611021000", "202610301000").Replace(good())
	if got := judge(t, open(t, late).Dossier(0)); !slices.Equal(got, []string{"KET_LUAN.NGAY_KET_LUAN.late"}) {
		t.Errorf("three days late: %v", got)
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"1": 1, " 5 ": 5, "I": 1, "iv": 4, "V": 5, "Loại 2": 2, "loại III": 3, "": 0, "0": 0, "6": 0, "VI": 0, "x": 0, "Loại": 0} {
		if got := checkup.Class(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestRulesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, r := range checkup.Rules().Rules {
		if r.Text.VI == "" || r.Text.EN == "" || r.Hint.VI == "" || r.Hint.EN == "" || r.Source == "" || r.Severity == "" || r.Table == "" {
			t.Errorf("%s: %+v", r.Code, r)
		}
	}
}

func TestWriteGivesWhatOpenTakes(t *testing.T) {
	t.Parallel()
	spec := checkup.Spec()
	e := checkup.Envelope{Facility: "24604", GTIN: "8930000246047", Created: "20261102", Checks: []checkup.Check{{}, {}}}
	for _, c := range e.Checks {
		for _, tab := range spec.Tables() {
			row := make([]string, len(tab.Fields))
			for i := range row {
				row[i] = tab.Name[:3] + " <&> Đệ " + string(rune('a'+i))
			}
			c[tab.Name] = [][]string{row}
		}
	}
	var out bytes.Buffer
	if err := checkup.Write(&out, e); err != nil {
		t.Fatal(err)
	}
	f := open(t, out.String())
	if f.Len() != 2 || f.Facility() != "24604" {
		t.Fatalf("%d checks of %s", f.Len(), f.Facility())
	}
	d := f.Dossier(1)
	for _, tab := range spec.Tables() {
		if tab.Name == checkup.Unit {
			continue
		}
		for i, field := range tab.Fields {
			if got := d.Content.Field(tab.Name, 0, field.Name); got != e.Checks[1][tab.Name][0][i] {
				t.Errorf("%s.%s: %q", tab.Name, field.Name, got)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(good()))
	f.Add([]byte(envelope(b64(person), "<KET_LUAN><KET_LUAN>x</KET_LUAN></KET_LUAN>", "<!-- x -->")))
	f.Add([]byte(strings.Replace(good(), "MA_CSKCB", "MACSKCB", 2)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		opened, err := checkup.New().Open(raw)
		if err != nil {
			if fault.KindOf(err) == fault.Broken {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		split, err := body.Split(raw, opened.Spans(), opened.Extracts()...)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := body.Join(split.Skeleton, split.Source()); err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("%v: not the same file", err)
		}
		for i := range min(opened.Len(), 3) {
			d := opened.Dossier(i)
			if len(d.Inner) != len(d.InnerNames) {
				t.Fatalf("%d documents, %d names", len(d.Inner), len(d.InnerNames))
			}
			judge(t, d)
		}
	})
}
