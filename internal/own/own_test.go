package own_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/chart"
	"lienthong/internal/own"
)

func typed(change func(*own.Typed)) own.Typed {
	t := own.Typed{Allergies: "some", AllergyLines: "Tôm, nổi mẩn\nPenicillin", Blood: "AB-", Implants: "none", ContactName: []string{"Nguyễn Văn An", "", "Lê Thị Bình"},
		Who: []string{"con trai", "", ""}, Telephone: []string{"0900 000 111", "", "+84 24 0000 1111"}}
	if change != nil {
		change(&t)
	}
	return t
}

func TestAnEntryIsReadAsItWasTyped(t *testing.T) {
	t.Parallel()
	e, err := own.Parse(typed(func(t *own.Typed) { t.AllergyLines += "\n\n  tom, nổi mẩn \r\n" }))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.Allergies.Items, []string{"Tôm, nổi mẩn", "Penicillin"}) || !e.Implants.None || e.Blood != "AB-" || len(e.Contacts) != 2 || e.Contacts[0].Who != "con trai" {
		t.Errorf("%+v", e)
	}
	for _, code := range own.Bloods() {
		if _, err := own.Parse(own.Typed{Blood: code}); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestBadEntriesHaveCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want   error
		change func(*own.Typed)
	}{
		"nothing":               {own.ErrEmpty, func(t *own.Typed) { *t = own.Typed{ContactName: []string{" "}} }},
		"none, and items":       {own.ErrBoth, func(t *own.Typed) { t.Allergies = "none" }},
		"not stated, and items": {own.ErrBoth, func(t *own.Typed) { t.Allergies = "" }},
		"some, without any":     {own.ErrUnclear, func(t *own.Typed) { t.AllergyLines = " \n " }},
		"an unknown answer":     {own.ErrText, func(t *own.Typed) { t.Implants = "perhaps" }},
		"no, as an item":        {own.ErrUnclear, func(t *own.Typed) { t.AllergyLines = "Không" }},
		"not known, as an item": {own.ErrUnclear, func(t *own.Typed) { t.AllergyLines = "Tôm\nChưa rõ" }},
		"digits alone":          {own.ErrUnclear, func(t *own.Typed) { t.AllergyLines = "123" }},
		"too long":              {own.ErrText, func(t *own.Typed) { t.AllergyLines = strings.Repeat("ơ", own.LongestText+1) }},
		"too many":              {own.ErrText, func(t *own.Typed) { t.AllergyLines = strings.Repeat("ab\n", 1) + manyLines() }},
		"a control character":   {own.ErrText, func(t *own.Typed) { t.AllergyLines = "Tôm\x00" }},
		"turned writing":        {own.ErrText, func(t *own.Typed) { t.AllergyLines = "Tôm\u202e" }},
		"not UTF-8":             {own.ErrText, func(t *own.Typed) { t.ContactName[0] = "\xff" }},
		"a blood group of none": {own.ErrBlood, func(t *own.Typed) { t.Blood = "C+" }},
		"no telephone":          {own.ErrContact, func(t *own.Typed) { t.Telephone[0] = "" }},
		"no name":               {own.ErrContact, func(t *own.Typed) { t.ContactName[0] = "" }},
		"letters in a number":   {own.ErrContact, func(t *own.Typed) { t.Telephone[0] = "gọi 115 ngay" }},
		"zeros alone":           {own.ErrContact, func(t *own.Typed) { t.Telephone[0] = "00000000" }},
	} {
		if _, err := own.Parse(typed(c.change)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func manyLines() string {
	var b strings.Builder
	for i := range own.MostItems {
		b.WriteString(strings.Repeat("x", i+3) + "\n")
	}
	return b.String()
}

// FuzzParse: what is taken is read back as it was typed, in one of the three
// displays, and never panics.
func FuzzParse(f *testing.F) {
	f.Add("some", "Tôm\nPenicillin", "none", "", "O+", "An", "con", "0900000111")
	f.Add("none", "", "some", "Stent (2020)", "", "", "", "")
	f.Add("", "", "", "", "A", "An (mẹ)", "", "09-0000 1111")
	f.Fuzz(func(t *testing.T, allergies, lines, implants, more, blood, name, who, phone string) {
		e, err := own.Parse(own.Typed{Allergies: allergies, AllergyLines: lines, Implants: implants, ImplantLines: more, Blood: blood,
			ContactName: []string{name}, Who: []string{who}, Telephone: []string{phone}})
		if err != nil {
			return
		}
		c := own.ChartOf(e)
		for what, x := range map[string]struct {
			a own.Answer
			f chart.Fact
		}{"allergies": {e.Allergies, c.Allergies}, "implants": {e.Implants, c.Implants}} {
			want := chart.Nothing
			switch {
			case x.a.None:
				want = chart.None
			case len(x.a.Items) > 0:
				want = chart.Recorded
			}
			if x.f.State != want || x.f.Conflict {
				t.Fatalf("%s %+v is shown as %s", what, x.a, x.f.State)
			}
		}
		if (c.Blood.State == chart.Recorded) != (e.Blood != "") || len(c.Contacts.Items) != len(e.Contacts) {
			t.Fatalf("%+v: %+v, %+v", e, c.Blood, c.Contacts)
		}
	})
}
