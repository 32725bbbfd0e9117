package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/identity"
)

func birth(t testing.TB, s string) care.Moment {
	t.Helper()
	m, err := care.ParseMoment(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAPhoneIsOneHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0912345678": "912345678", "+84 912.345.678": "912345678", "0084912345678": "912345678", "(0912) 345-678": "912345678",
		"842438251234": "2438251234", "02438251234": "2438251234", "840912345678": "912345678",
		"": "", "0": "", "0000000000": "", "999999999": "", "12345": "", "0912x45678": "", "091234567890123": "",
	} {
		if got := identity.PhoneKey(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestWhatAPersonIsFoundBy(t *testing.T) {
	t.Parallel()
	known := identity.Told{Name: "TRẦN THỊ THU HÀ", Phones: []string{"0912 345 318", "không"}, Birth: birth(t, "196105020000"), Sex: care.Female, Commune: "24917"}
	want := []identity.Trait{
		{Kind: identity.ByPhone, Values: []string{"912345318"}},
		{Kind: identity.ByNameYear, Values: []string{"tran thi thu ha", "1961"}},
		{Kind: identity.ByCommuneGivenYear, Values: []string{"24917", "ha", "1961"}},
		{Kind: identity.ByBirthGiven, Values: []string{"19610502", "ha"}},
	}
	if diff := cmp.Diff(want, known.Traits()); diff != "" {
		t.Error(diff)
	}
	guess := identity.Told{Name: "Hà", Year: 1963, Commune: "24917"}
	found := false
	for _, w := range guess.Wanted() {
		found = found || cmp.Equal(w, want[2])
	}
	if !found || len(guess.Wanted()) != 2*identity.YearMargin+1 {
		t.Errorf("a guess looks for %v", guess.Wanted())
	}
	for _, nobody := range []identity.Told{{}, {Sex: care.Male}, {Name: "Hà"}, {Year: 1961}, {Commune: "24917", Year: 1961}} {
		if got := nobody.Wanted(); len(got) != 0 {
			t.Errorf("%+v looks for %v", nobody, got)
		}
	}
}

func TestWhichFactsFit(t *testing.T) {
	t.Parallel()
	face := identity.Face{Name: "TRẦN THỊ THU HÀ", Birth: birth(t, "196105020000"), Sex: care.Female, Phones: []string{"0912345318"}, Ward: "24917", Address: "Thôn 3, xã Tân Hoà, Bắc Ninh"}
	for name, c := range map[string]struct {
		told identity.Told
		want []identity.Fact
	}{
		"all":              {identity.Told{Name: "Hà", Phones: []string{"+84912345318"}, Year: 1962, Sex: care.Female, Commune: "Tân Hòa"}, []identity.Fact{"phone", "year", "commune", "name", "sex"}},
		"code of commune":  {identity.Told{Commune: "24917", Name: "Thu Hà"}, []identity.Fact{"commune", "name"}},
		"other commune":    {identity.Told{Commune: "24918", Name: "Trần Thị"}, []identity.Fact{"name"}},
		"part of a word":   {identity.Told{Commune: "Tân", Name: "à"}, []identity.Fact{"commune"}},
		"middle of a name": {identity.Told{Name: "Thị Thu"}, nil},
		"year too far":     {identity.Told{Year: 1957, Sex: care.Male}, nil},
		"birth told":       {identity.Told{Birth: birth(t, "196105030000")}, nil},
		"nothing":          {identity.Told{}, nil},
	} {
		if diff := cmp.Diff(c.want, c.told.Fits(&face)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := (&identity.Told{Name: "Hà", Phones: []string{"0912345318"}, Year: 1961, Sex: care.Female, Commune: "24917"}).Fits(&identity.Face{}); len(got) != 0 {
		t.Errorf("nobody fits %v", got)
	}
}

func TestATemporaryIdentityEndsOnce(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	a, b := care.Staff{1}, care.Staff{2}
	is := func(what string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	x := identity.Temporary{State: identity.Open, Version: 1}
	is("confirmed what nobody proposed", x.Confirm(b, now), identity.ErrNotProposed)
	is("undone what is open", x.Undo(a, now), identity.ErrNotResolved)
	is("proposed by nobody", x.Propose(identity.Person{7}, care.Staff{}), identity.ErrStaff)
	is("proposed", x.Propose(identity.Person{7}, a), nil)
	is("confirmed by the same", x.Confirm(a, now), identity.ErrSecond)
	is("confirmed", x.Confirm(b, now), nil)
	if x.State != identity.Resolved || x.To != (identity.Person{7}) || x.How != identity.SecondPerson || x.Version != 3 {
		t.Errorf("%+v", x)
	}
	is("resolved twice", x.Resolve(identity.Person{8}, identity.IDScan, a, now), identity.ErrOver)
	is("released after all", x.Release(identity.Left, a, now), identity.ErrOver)
	is("undone", x.Undo(b, now), nil)
	is("confirmed what was undone", x.Confirm(b, now), identity.ErrNotProposed)
	is("resolved again", x.Resolve(identity.Person{9}, identity.IDScan, a, now), nil)
	y := identity.Temporary{State: identity.Open}
	is("released", y.Release(identity.Died, a, now), nil)
	is("undone what was released", y.Undo(a, now), identity.ErrNotResolved)
}
