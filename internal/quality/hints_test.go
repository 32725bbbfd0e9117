package quality_test

import (
	"strings"
	"testing"

	"lienthong/internal/dossier"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

// TestHintsNameTheValueThatWasMeant where one can be computed.
func TestHintsNameTheValueThatWasMeant(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ script, code, hint string }{
		"a sum":               {"stay | XML1.T_TONGCHI_BV=1", "XML1.T_TONGCHI_BV.sum", "320000.00"},
		"a product":           {"stay | XML3.DON_GIA_BV=90000.125", "XML3.THANH_TIEN_BV.product", "180000.25"},
		"a share":             {"stay | XML2.T_BNCCT=0 | XML1.T_BNCCT=44000", "XML2.T_BNCCT.sum", "20000.00"},
		"days":                {"stay | XML1.SO_NGAY_DTRI=30", "XML1.SO_NGAY_DTRI.days", "3"},
		"days of leave":       {"all | XML11.SO_NGAY_NGHI=1", "XML11.SO_NGAY_NGHI.days", "3"},
		"a decimal comma":     {"stay | XML1.T_BHTT_GDV=256000,00", "XML1.T_BHTT_GDV.not_number", "256000.00"},
		"a lost zero":         {"stay | XML1.MA_LOAI_KCB=3 | XML1.NGAY_VAO_NOI_TRU= | -XML8", "XML1.MA_LOAI_KCB.not_in_list", "03"},
		"a zero too many":     {"stay | XML2.PHAM_VI=01", "XML2.PHAM_VI.not_in_list", "1"},
		"the new province":    {"stay | XML1.MATINH_CU_TRU=74", "XML1.MATINH_CU_TRU.outdated", "79"},
		"a dot in a code":     {"stay | XML1.MA_BENH_CHINH=j189", "XML1.MA_BENH_CHINH.pattern", "J18.9"},
		"a card in capitals":  {"stay | XML1.MA_THE_BHYT=dn4 79 9900000001", "XML1.MA_THE_BHYT.letters", "DN4799900000001"},
		"the right letter":    {"stay | XML1.HO_TEN=NGUYỄN THỊ \u00d0ÀO", "XML1.HO_TEN.letters", "NGUYỄN THỊ ĐÀO"},
		"the settlement":      {"stay | XML1.THANG_QT=1", "XML1.THANG_QT.order", "10"},
		"the own facility":    {"all | XML13.MA_CSKCB_DI=79909", "XML13.MA_CSKCB_DI.differs", "79901"},
		"none can be known":   {"stay | XML1.T_BHTT_GDV=nhiều", "XML1.T_BHTT_GDV.not_number", ""},
		"none for a new code": {"stay | XML1.MA_DANTOC=77", "XML1.MA_DANTOC.not_in_list", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range edit(t, tt.script).judge() {
				if f.Code != tt.code {
					continue
				}
				if tt.hint == "" && (f.Hint.VI != "" || f.Hint.EN != "") || !strings.Contains(f.Hint.VI, tt.hint) || !strings.Contains(f.Hint.EN, tt.hint) {
					t.Errorf("hint %q / %q, want %q", f.Hint.VI, f.Hint.EN, tt.hint)
				}
				return
			}
			t.Errorf("%s was not found", tt.code)
		})
	}
}

// TestWhatIsRightIsLeftAlone: unusual and valid ways to fill a field in.
func TestWhatIsRightIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"rounded to the dong":              "stay | XML1.T_TONGCHI_BV=320000.9",
		"totals without detail tables":     "stay | -XML2 | -XML3 | XML1.MA_DOITUONG_KCB=9 | XML1.T_BHTT=0 | XML1.T_BHTT_GDV=0",
		"drugs at insurance price":         "stay | XML1.T_THUOC=100000",
		"quantity with four decimals":      "stay | XML2.SO_LUONG=10.0001",
		"service rate in the amount":       "stay | XML3.TYLE_TT_DV=50 | XML3.SO_LUONG=4",
		"service rate not in the amount":   "stay | XML3.TYLE_TT_DV=50",
		"capped payment":                   "stay | XML3.T_TRANTT=200000 | XML3.DON_GIA_BH=120000",
		"first day not counted":            "stay | XML1.SO_NGAY_DTRI=2",
		"two cards, one valid":             "stay | XML1.MA_THE_BHYT=DN4799900000001;HT3799900000001 | XML1.GT_THE_TU=20250101;20260101 | XML1.GT_THE_DEN=20251231;20261231 | XML1.MA_DKBD=79901;79901",
		"citizen number for a card":        "stay | XML1.MA_THE_BHYT=079990000001",
		"old identity card":                "stay | XML1.SO_CCCD=012345679",
		"passport":                         "stay | XML1.SO_CCCD=C1234567",
		"undetermined sex says nothing":    "stay | XML1.GIOI_TINH=3",
		"unknown person named by a number": "stay | XML1.HO_TEN=KHÔNG RÕ 15 | XML1.SO_CCCD= | XML1.MA_THE_BHYT= | XML1.T_BHTT=0 | XML1.T_BHTT_GDV= | XML1.GT_THE_TU= | XML1.GT_THE_DEN= | XML2.T_BHTT= | XML2.T_BNCCT= | XML2.MUC_HUONG= | XML3.T_BHTT=",
		"departments in a row":             "stay | XML1.MA_KHOA=K03;K01.D02;K0203;K19.1",
		"result after the patient left":    "stay | XML4.NGAY_KQ=202610100800 | XML3.NGAY_KQ=202610090800",
		"blanks around":                    "stay | XML1.MA_LOAI_KCB= 03  | XML2.SO_LUONG= 10\t",
		"name in other case":               "all | XML13.HO_TEN=nguyễn thị đào",
		"birth with less precision":        "all | XML13.NGAY_SINH=199000000000",
		"dagger and asterisk":              "stay | XML1.MA_BENH_KT=A17.0†;G01*",
		"left alive by transfer, no XML7":  "all | -XML7 | XML1.MA_LOAI_RV=2 | XML13.MA_LOAI_RV=2",
		"no card date":                     "stay | XML1.GT_THE_TU= | XML1.GT_THE_DEN=",
		"all zeros for a date not known":   "stay | XML1.NGAY_TTOAN=000000000000",
		"health check from August":         "stay | XML1.MA_LOAI_KCB=15 | XML8.MA_LOAI_KCB=15",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range edit(t, script).judge() {
				if f.Code != "XML2.T_BHTT.missing" && f.Code != "XML2.T_BNCCT.missing" && f.Code != "XML2.MUC_HUONG.missing" && f.Code != "XML3.T_BHTT.missing" {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestVisitTypeWasANumberInTheFirstDecision(t *testing.T) {
	t.Parallel()
	d := clean().set("XML1", "MA_LOAI_KCB", "1").set("XML8", "MA_LOAI_KCB", "1")
	d.day = 20230801
	for _, f := range d.judge() {
		t.Errorf("%+v", f)
	}
}

func TestOneCodeDoesNotFloodTheAnswer(t *testing.T) {
	t.Parallel()
	d := clean()
	for range 100 {
		d.add("XML4", "STT", "1", "GIA_TRI", "x")
	}
	count := map[string]int{}
	for _, f := range d.judge() {
		count[f.Code]++
	}
	if count["XML4.STT.duplicate"] != 50 {
		t.Errorf("%v", count)
	}
}

// FuzzJudge fills tables with anything: no panic, only codes of the catalogue,
// and the same answer twice.
func FuzzJudge(f *testing.F) {
	f.Add("XML1\x00202610050800\x001\x00", uint8(0), 20261007)
	f.Add("XML2\x00-1\x00999999999999999\x000.0001\x00;\x00;;", uint8(3), 20230101)
	f.Add("\x00Ð\x00\u00a0\x00J18.9;\x0000000000\x00TE1", uint8(1), 0)
	f.Fuzz(func(t *testing.T, text string, seed uint8, day int) {
		parts := strings.Split(text, "\x00")
		c := &dossier.Content{}
		for i, table := range schema.For(day).Tables() {
			rows := (i*7 + int(seed)) % 3
			out := &dossier.Table{Columns: table.Columns}
			for r := range rows {
				var row dossier.Row
				for k := range (len(table.Fields) + int(seed)) % (len(table.Fields) + 3) {
					row.Cells = append(row.Cells, dossier.Cell{Text: parts[(k*3+r+i+int(seed))%len(parts)]})
				}
				out.Rows = append(out.Rows, row)
			}
			c.All = append(c.All, out)
		}
		in := quality.Input{Kind: []string{quality.KindDossier, quality.KindCheckIn, "other"}[seed%3], Facility: facility, Received: received, Day: day,
			Directory: func(string) bool { return seed%2 == 0 }}
		p := quality.V1()
		first, second := p.Judge(c, in), p.Judge(c, in)
		if len(first) != len(second) {
			t.Fatal("two answers")
		}
		for i, x := range first {
			if _, ok := p.Rule(x.Code); !ok || second[i].Code != x.Code {
				t.Errorf("%s is not in the catalogue, or the order changed", x.Code)
			}
		}
	})
}
