package care_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

func TestParseFacilityCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]care.FacilityCode{
		"79901": "79901", " 01A2Z\n": "01A2Z",
		"": "", "7990": "", "799011": "", "7990a": "", "79-01": "", "79 01": "", "7990１": "", "Đ9901": "",
	} {
		got, err := care.ParseFacilityCode(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if err != nil && !errors.Is(err, care.ErrFacilityCode) {
			t.Errorf("%q: wrong fault %v", in, err)
		}
	}
}

func TestParseEpisodeID(t *testing.T) {
	t.Parallel()
	hundred := strings.Repeat("ễ", 100)
	cases := []struct {
		in   string
		want care.EpisodeID
		err  error
	}{
		{"22601.2602.0000277", "22601.2602.0000277", nil},
		{"\u00a0\t KCB 26\u2003\r\n", "KCB 26", nil},
		{"a\u0301", "a\u0301", nil}, // by code point: not normalised
		{hundred, care.EpisodeID(hundred), nil},
		{hundred + "x", "", care.ErrEpisodeLong},
		{"", "", care.ErrEpisodeEmpty},
		{" \u3000\u00a0", "", care.ErrEpisodeEmpty},
	}
	for _, c := range cases {
		if got, err := care.ParseEpisodeID(c.in); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
}

func TestParseSex(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]care.Sex{"1": care.Male, " 2": care.Female, "3": care.Undetermined} {
		if got, err := care.ParseSex(in); got != want || err != nil {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]error{"": care.ErrSexEmpty, " ": care.ErrSexEmpty, "0": care.ErrSexCode,
		"4": care.ErrSexCode, "01": care.ErrSexCode, "Nam": care.ErrSexCode} {
		if _, err := care.ParseSex(in); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}

func TestCitizenIDSaysSexAndYear(t *testing.T) {
	t.Parallel()
	cases := []struct {
		in        string
		century   int
		sex       care.Sex
		year      int
		full      bool
		synthetic bool
	}{
		{"062892177625", 0, care.Male, 92, false, true},
		{"001914533172", 0, care.Female, 14, false, true},
		{" 0018 5953 3170 ", 0, care.Male, 59, false, true},
	}
	for _, c := range cases {
		id, err := care.ParseCitizenID(c.in)
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		century, _ := id.Century()
		year, full := id.Year()
		if century != c.century || id.Sex() != c.sex || year != c.year || full != c.full || id.Synthetic() != c.synthetic {
			t.Errorf("%q: century %d sex %v year %d full %v synthetic %v", c.in, century, id.Sex(), year, full, id.Synthetic())
		}
	}
	// Every century digit, made without writing a number anyone could own: all
	// serials and places are zero.
	for digit, want := range []int{1900, 1900, 2000, 2000, 2100, 2100, 2200, 2200, 0, 0} {
		id, err := care.ParseCitizenID("000" + string(rune('0'+digit)) + "05" + "000000")
		if err != nil {
			t.Fatal(err)
		}
		century, known := id.Century()
		year, full := id.Year()
		if century != want || known != (want != 0) || full != known || year != want+5 {
			t.Errorf("century digit %d: century %d %v, year %d %v", digit, century, known, year, full)
		}
		if wantSex := []care.Sex{care.Male, care.Female}[digit%2]; id.Sex() != wantSex {
			t.Errorf("century digit %d: sex %v", digit, id.Sex())
		}
	}
	for _, bad := range []string{"", "12345678901", "1234567890123", "06289217762x", "０62892177625"} {
		if _, err := care.ParseCitizenID(bad); !errors.Is(err, care.ErrCitizenID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCitizenIDAgrees(t *testing.T) {
	t.Parallel()
	moment := func(s string) care.Moment {
		m, err := care.ParseMoment(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	cases := []struct {
		id    care.CitizenID
		sex   care.Sex
		birth care.Moment
		want  bool
	}{
		{"062892177625", care.Male, moment("199205110000"), true},
		{"062892177625", care.Male, moment("18920000"), true}, // synthetic: no century
		{"062892177625", care.Female, moment("199205110000"), false},
		{"062892177625", care.Undetermined, moment("199205110000"), false},
		{"062892177625", care.Male, moment("199305110000"), false},
		{"062892177625", care.Male, care.Moment{}, false},
		{"062892177625", 0, moment("199205110000"), false},
		{"000" + "292" + "000000", care.Male, moment("20920101"), true},  // place 000: nobody's
		{"000" + "292" + "000000", care.Male, moment("19920101"), false}, // full: the century counts
		{"", 0, care.Moment{}, false},
	}
	for _, c := range cases {
		if got := c.id.Agrees(c.sex, c.birth); got != c.want {
			t.Errorf("%s with %v, %v: %v", c.id, c.sex, c.birth, got)
		}
	}
}

func TestTypeID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]care.IDType{
		"": care.IDAbsent, " \u00a0": care.IDAbsent,
		"062892177625": care.IDCitizen, "0628 9217 7625": care.IDCitizen,
		"012345678": care.IDOld,
		"C1234567":  care.IDPassport, "b 0123456": care.IDPassport, "AB1234567": care.IDPassport,
		"1234567890123": care.IDAccount, "TK20260000012": care.IDAccount,
		"12345": care.IDOther, "KHONG": care.IDOther, "KHÔNG CÓ": care.IDOther, "06289217762-5": care.IDOther,
		"1234567890123456": care.IDOther,
	} {
		if got := care.TypeID(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestInsuranceNo(t *testing.T) {
	t.Parallel()
	cases := []struct {
		in, social, group string
		benefit           int
		province          string
		child, forces     bool
	}{
		{"DN4790000000001", "0000000001", "DN", 4, "79", false, false},
		{" dn 479 0000000001 ", "0000000001", "DN", 4, "79", false, false},
		{"TE1809917071647", "9917071647", "TE", 1, "80", true, false},
		{"TE179KT00000012", "", "TE", 1, "79", true, false},
		{"QN5979900000001", "9900000001", "QN", 5, "97", false, true},
		{"9900000001", "9900000001", "", 0, "", false, false},
		{"062892177625", "", "", 0, "", false, false},
	}
	for _, c := range cases {
		n, err := care.ParseInsuranceNo(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if n.Social() != c.social || n.Group() != c.group || n.Benefit() != c.benefit || n.Province() != c.province ||
			n.Child() != c.child || n.Forces() != c.forces {
			t.Errorf("%q: social %q group %q benefit %d province %q child %v forces %v",
				c.in, n.Social(), n.Group(), n.Benefit(), n.Province(), n.Child(), n.Forces())
		}
		citizen, is := n.Citizen()
		if is != (len(n) == 12) || (is && string(citizen) != string(n)) {
			t.Errorf("%q: citizen %q %v", c.in, citizen, is)
		}
	}
	for _, bad := range []string{"", "DN", "DN0790000000001", "DN6790000000001", "D14790000000001", "DN4X90000000001",
		"DN479000000000X", "DN479KT00000012", "TE179KX00000012", "99000000010", "990000000X", "ĐN479000000001"} {
		if n, err := care.ParseInsuranceNo(bad); !errors.Is(err, care.ErrInsuranceNo) || n != "" {
			t.Errorf("%q: %q, %v", bad, n, err)
		}
	}
	got, wrong := care.ParseInsuranceNos("DN4790000000001; ;X1;TE1809917071647;")
	if len(got) != 2 || got[0] != "DN4790000000001" || got[1] != "TE1809917071647" || wrong != 1 {
		t.Errorf("list: %v, %d wrong", got, wrong)
	}
}

func TestNumbersOfPeopleStayOutOfLogs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("x", "c", care.CitizenID("062892177625"), "o", care.OldID("012345678"), "i", care.InsuranceNo("DN4790000000001"))
	for _, secret := range []string{"062892177625", "012345678", "DN4790000000001"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
	if m := care.CitizenID("062892177625").Mask(); m != "*********625" {
		t.Errorf("mask %q", m)
	}
}

func TestFaultsAreInvalidAndBilingual(t *testing.T) {
	t.Parallel()
	for _, f := range []*fault.Error{care.ErrFacilityCode, care.ErrEpisodeEmpty, care.ErrEpisodeLong, care.ErrSexEmpty,
		care.ErrSexCode, care.ErrCitizenID, care.ErrOldID, care.ErrInsuranceNo, care.ErrMomentEmpty, care.ErrMomentForm, care.ErrMomentImpossible} {
		if f.Kind != fault.Invalid || !strings.HasPrefix(f.Code, "care.") || f.Text.VI == "" || f.Text.EN == "" {
			t.Errorf("%+v", f)
		}
	}
}

// at is a point in time in Hanoi.
func at(y int, m time.Month, d, h, min int) time.Time {
	return time.Date(y, m, d, h, min, 0, 0, time.FixedZone("", 7*3600))
}
