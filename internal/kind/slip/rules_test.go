package slip_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/slip"
	"lienthong/internal/quality"
)

var pack = quality.V1().With(slip.Rules())

var received = time.Date(2026, 11, 2, 11, 0, 0, 0, time.FixedZone("+07", 7*3600))

// judge judges a slip of facility 24604 received on 2026-11-02; codes must be in the catalogue.
func judge(t testing.TB, d kind.Dossier) []string {
	t.Helper()
	var codes []string
	for _, f := range pack.Judge(d.Content, quality.Input{Kind: slip.Name, Facility: "24604", Received: received, Day: d.Spec.From, Unreadable: d.Unreadable,
		Directory: func(code string) bool { return code == "24604" || code == "79901" }}) {
		if _, ok := pack.Rule(f.Code); !ok {
			t.Fatalf("%s is not in the catalogue", f.Code)
		}
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func TestGoodSlipsHaveNoFindings(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{referral(fields13 + empty), appointment(fields14 + empty)} {
		if codes := judge(t, open(t, raw).Dossier(0)); len(codes) != 0 {
			t.Errorf("%v in %s", codes, raw)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		appointment bool
		old, new    string
		code        string
		rejects     bool
	}{
		{false, "<MA_LK>K1<", "<MA_LK> <", "episode.missing", true},
		{false, "<MA_LK>K1<", "<MA_LK>" + strings.Repeat("1", 101) + "<", "episode.missing", true},
		{false, "<GIOI_TINH>1<", "<GIOI_TINH>4<", "subject.sex", true},
		{true, "<GIOI_TINH>1<", "<GIOI_TINH>x<", "subject.sex", true},
		{false, "<MA_CSKCB>24604<", "<MA_CSKCB>79901<", "facility.mismatch", true},
		{false, "<MA_CSKCB_DI>24604<", "<MA_CSKCB_DI>79901<", "facility.mismatch", true},
		{false, "<MA_CSKCB_DI>24604</MA_CSKCB_DI>", "<MA_NOI_DI>79901</MA_NOI_DI>", "facility.mismatch", true},
		{true, "<MA_CSKCB>24604<", "<MA_CSKCB>79901<", "facility.mismatch", true},
		{false, "<NGAY_VAO>202611020700<", "<NGAY_VAO>202611310700<", "time.impossible", true},
		{false, "<NGAY_VAO>202611020700<", "<NGAY_VAO>202611030700<", "time.order", true},
		{false, "<NGAY_VAO>202611020700</NGAY_VAO><NGAY_RA>202611021015<", "<NGAY_RA>202611041015<", "time.future", true},
		{false, "<MA_LK>K1</MA_LK>", "<MA_LK>K1</MA_LK><CHI_TIEU_GIAYCHUYENTUYEN><MA_LK>K2</MA_LK></CHI_TIEU_GIAYCHUYENTUYEN>", "dossier.two_patients", true},

		{false, "<MA_CSKCB_DEN>79901<", "<MA_CSKCB_DEN><", "SLIP.RECEIVER.missing", false},
		{false, "<MA_CSKCB_DEN>79901<", "<MA_CSKCB_DEN>79902<", "SLIP.RECEIVER.unknown", false},
		{false, "<MA_CSKCB_DEN>79901</MA_CSKCB_DEN>", "<MA_NOI_DEN>79902</MA_NOI_DEN>", "SLIP.RECEIVER.unknown", false},
		{false, "<MA_CSKCB_DEN>79901<", "<MA_CSKCB_DEN>24604<", "SLIP.RECEIVER.self", false},
		{false, "<NGAY_VAO>202611020700</NGAY_VAO><NGAY_RA>202611021015<", "<NGAY_RA>202610051015<", "SLIP.VALIDITY.expired", false},
		{false, "<NGAY_VAO>202611020700</NGAY_VAO><NGAY_RA>202611021015</NGAY_RA>", "", "SLIP.VALIDITY.missing", false},
		{false, "<MA_TTDV>2</MA_TTDV>", "<MA_TTDV>2</MA_TTDV><NGAY_HET_HAN>20261101</NGAY_HET_HAN>", "SLIP.VALIDITY.order", false},
		{true, "<NGAY_HEN_KL>20261201<", "<NGAY_HEN_KL>20261101<", "SLIP.VALIDITY.order", false},
		{true, "<NGAY_HEN_KL>20261201<", "<NGAY_HEN_KL><", "SLIP.VALIDITY.missing", false},
		{true, "<NGAY_HEN_KL>20261201<", "<NGAY_HEN_KL>mai<", "XML14.NGAY_HEN_KL.not_date", false},
		{false, "<MA_BENH_CHINH>H66.9</MA_BENH_CHINH>", "", "SLIP.DIAGNOSIS.missing", false},
		{false, "<HO_TEN>LÊ VĂN B<", "<HO_TEN><", "XML13.HO_TEN.missing", false},
		{false, "<MA_CSKCB>24604<", "<MA_CSKCB> 24604 <", "", false},
		{false, "<HO_TEN>LÊ VĂN B<", "<HO_TEN>" + strings.Repeat("Ê", 256) + "<", "XML13.HO_TEN.too_long", false},
	} {
		raw := referral(fields13 + empty)
		if c.appointment {
			raw = appointment(fields14 + empty)
		}
		if !strings.Contains(raw, c.old) {
			t.Fatalf("%s is not there", c.old)
		}
		d := open(t, strings.Replace(raw, c.old, c.new, 1)).Dossier(0)
		codes := judge(t, d)
		want := []string{c.code}
		if c.code == "" {
			want = nil
		}
		if !slices.Equal(codes, want) {
			t.Errorf("%s: %v, want %s", c.new, codes, c.code)
		}
		if r, _ := pack.Rule(c.code); r.Rejects != c.rejects {
			t.Errorf("%s rejects: %v", c.code, r.Rejects)
		}
	}
}

// TestListedDiseaseHoldsAYear: a referral that would be over after ten working
// days holds for a year with a disease of the list.
func TestListedDiseaseHoldsAYear(t *testing.T) {
	t.Parallel()
	raw := strings.NewReplacer("<NGAY_VAO>202611020700</NGAY_VAO><NGAY_RA>202611021015<", "<NGAY_RA>202610051015<", "H66.9", "C50.1").Replace(referral(fields13 + empty))
	if codes := judge(t, open(t, raw).Dossier(0)); len(codes) != 0 {
		t.Errorf("%v", codes)
	}
}

func TestRulesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, r := range slip.Rules().Rules {
		if r.Text.VI == "" || r.Text.EN == "" || r.Hint.VI == "" || r.Hint.EN == "" || r.Source == "" || r.Severity == "" {
			t.Errorf("%s: %+v", r.Code, r)
		}
	}
	if _, ok := pack.Rule("SLIP.RECEIVER.unknown"); !ok {
		t.Error("the pack has no rules of slips")
	}
	if v := quality.Verdict([]dossier.Finding{{Code: "SLIP.RECEIVER.unknown", Severity: dossier.Warning}}, pack, 1); v.State != dossier.AcceptedWithWarnings {
		t.Errorf("a slip to an unknown receiver is %s", v.State)
	}
}
