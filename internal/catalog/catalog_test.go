package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
)

func TestHasKnowsTheDaysOfACode(t *testing.T) {
	t.Parallel()
	for _, q := range []struct {
		list      catalog.List
		code      string
		day       int
		ok, known bool
	}{
		{catalog.VisitType, "01", 20260101, true, true},
		{catalog.VisitType, "1", 20260101, false, false},
		{catalog.VisitType, "11", 20260731, false, true},
		{catalog.VisitType, "11", 20260801, true, true},
		{catalog.VisitType, "16", 0, true, true},
		{catalog.Entitlement, "1.18", 20260101, true, true},
		{catalog.Entitlement, "1.8", 20260101, false, false},
		{catalog.ProvinceCode, "27", 20250630, true, true},
		{catalog.ProvinceCode, "27", 20250701, false, true},
		{catalog.ProvinceCode, "24", 20250701, true, true},
		{catalog.ProvinceCode, "03", 0, false, false},
		{catalog.EthnicGroup, "54", 20260101, true, true},
		{catalog.EthnicGroup, "56", 20260101, false, false},
		{catalog.List("NO_SUCH"), "1", 0, false, false},
	} {
		if ok, known := catalog.Has(q.list, q.code, q.day); ok != q.ok || known != q.known {
			t.Errorf("Has(%s, %s, %d) = %v, %v", q.list, q.code, q.day, ok, known)
		}
	}
}

func TestEveryEntryIsLabelledAndUnambiguous(t *testing.T) {
	t.Parallel()
	sizes := map[catalog.List]int{catalog.VisitType: 16, catalog.Entitlement: 27, catalog.EthnicGroup: 56, catalog.ProvinceCode: 97}
	for _, list := range catalog.Lists() {
		entries := catalog.Entries(list)
		if want, fixed := sizes[list]; len(entries) == 0 || fixed && len(entries) != want {
			t.Errorf("%s has %d entries", list, len(entries))
		}
		for i, e := range entries {
			if e.Code == "" || e.VI == "" || e.EN == "" || !norm.NFC.IsNormalString(e.VI) {
				t.Errorf("%s %q: empty or not NFC", list, e.Code)
			}
			for _, o := range entries[:i] {
				if o.Code == e.Code && (o.Until == 0 || o.Until >= e.From) && (e.Until == 0 || e.Until >= o.From) {
					t.Errorf("%s %q stands twice on one day", list, e.Code)
				}
			}
		}
	}
	if got := catalog.Label(catalog.ProvinceCode, "24", "vi"); got != "Tỉnh Bắc Ninh" {
		t.Errorf("label of 24 is %q: the newest should speak", got)
	}
	if got := catalog.Label(catalog.ProvinceCode, "27", "en"); got != "Bac Ninh Province" {
		t.Errorf("label of 27 is %q", got)
	}
}

func TestProvincesCoverTheOldOnesOnceAndHaveATileEach(t *testing.T) {
	t.Parallel()
	if n := len(catalog.Provinces()); n != 34 {
		t.Fatalf("%d provinces", n)
	}
	olds := map[string]string{}
	tiles := map[[2]int]string{}
	for _, p := range catalog.Provinces() {
		if !slices.Contains(p.Old, p.Code) {
			t.Errorf("%s does not contain its own old code", p.Code)
		}
		for _, o := range p.Old {
			if olds[o] != "" || !catalog.OldProvince(o) {
				t.Errorf("old code %s: in %s and %s", o, olds[o], p.Code)
			}
			olds[o] = p.Code
			if now, ok := catalog.ProvinceNow(o); !ok || now != p.Code {
				t.Errorf("ProvinceNow(%s) = %s", o, now)
			}
		}
		at := [2]int{p.Row, p.Col}
		if tiles[at] != "" || p.Row < 1 || p.Row > 12 || p.Col < 1 || p.Col > 6 {
			t.Errorf("%s and %s share tile %v", tiles[at], p.Code, at)
		}
		tiles[at] = p.Code
		if !strings.HasSuffix(p.Name, strings.TrimPrefix(strings.TrimPrefix(p.Short, "TP. "), "HCM")) {
			t.Errorf("short name %q of %q", p.Short, p.Name)
		}
	}
	if len(olds) != 63 {
		t.Errorf("%d old provinces", len(olds))
	}
	if p, ok := catalog.ProvinceByCode("79"); !ok || p.Short != "TP. HCM" || p.NameEN != "Ho Chi Minh City" {
		t.Errorf("79 is %+v", p)
	}
	if _, ok := catalog.ProvinceByCode("74"); ok {
		t.Error("74 is still a province")
	}
	if _, ok := catalog.ProvinceNow("03"); ok {
		t.Error("03 was never a province")
	}
}

func TestICDForm(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"I10", "J18.9", "U57.011", "A17.0†", "G01*", "Z38.0"} {
		if !catalog.ICDForm(c) {
			t.Errorf("%q refused", c)
		}
	}
	for _, c := range []string{"", "I1", "i10", "J189", "J18.", "J18.1234", "J18.x", "1J8", "J1O", "J18.9;", " I10", "J18,9"} {
		if catalog.ICDForm(c) {
			t.Errorf("%q taken", c)
		}
	}
	for in, want := range map[string]string{"e119": "E11.9", "J18,9": "J18.9", " i10 ": "I10", "J18.9": "J18.9", "cúm": "", "12": ""} {
		if got := catalog.ICDRepair(in); got != want {
			t.Errorf("repair of %q is %q", in, got)
		}
	}
}

func TestICDSexLimits(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]care.Sex{
		"O80.0": care.Female, "O00": care.Female, "C56": care.Female, "C57.9": care.Female, "N80.1": care.Female,
		"N40": care.Male, "N51.8": care.Male, "C61": care.Male, "B26.0": care.Male,
		"B26.9": 0, "C50.9": 0, "N39.0": 0, "I10": 0, "C64": 0, "": 0, "P07": 0,
	} {
		if got := catalog.ICDSex(code); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	for code, want := range map[string]bool{"V01.1": true, "W19": true, "Y98": true, "Z00": false, "T14": false, "": false} {
		if catalog.ICDExternal(code) != want {
			t.Errorf("external %s: %v", code, !want)
		}
	}
}

func FuzzICD(f *testing.F) {
	for _, s := range []string{"J18.9", "e119", "A17.0†", "", "É1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r := catalog.ICDRepair(s); r != "" && !catalog.ICDForm(r) {
			t.Errorf("repair of %q gave %q", s, r)
		}
		_, _ = catalog.ICDSex(s), catalog.ICDExternal(s) // neither panics
	})
}
