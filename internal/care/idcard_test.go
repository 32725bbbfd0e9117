package care_test

import (
	"errors"
	"strings"
	"testing"

	"lienthong/internal/care"
)

const card = "091988000123|012345678|Nguyễn Thuỳ Vân|24031988|Nữ|Thôn 3, Tân Hoà, Bắc Ninh|05062022"

func TestTheCodeOfAnIdentityCard(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"of 2021": card, "of 2024": card + "||Nguyễn Văn Ba|Trần Thị Tư|", "typed by a scanner": card + "\r\n", "without old number": strings.Replace(card, "|012345678|", "||", 1),
	} {
		c, err := care.ParseIDCard(s)
		if err != nil || c.Number != "091988000123" || c.Sex != care.Female || c.Birth.Day() != 19880324 || care.NameKey(c.Name) != "nguyen thuy van" || c.Issued.Day() != 20220605 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if strings.Contains(c.LogValue().String(), "Vân") {
			t.Error("a name in a log")
		}
	}
	for name, s := range map[string]string{
		"empty": "", "a number only": "091988000123", "a wristband": "TT-251114-24917-0713-K", "another year": strings.Replace(card, "1988|", "1987|", 1),
		"a man": strings.Replace(card, "Nữ", "Nam", 1), "no name": strings.Replace(card, "Nguyễn Thuỳ Vân", " ", 1), "30 February": strings.Replace(card, "24031988", "30021988", 1),
		"a date of issue in words": strings.Replace(card, "05062022", "hôm nay", 1), "too long": card + strings.Repeat("x", 1000), "too many": card + strings.Repeat("|", 20),
		"two lines": strings.Replace(card, "Nguyễn", "Ng\nuyễn", 1), "not UTF-8": strings.Replace(card, "ễ", "\xff", 1), "old number of 8": strings.Replace(card, "012345678", "01234567", 1),
	} {
		if _, err := care.ParseIDCard(s); !errors.Is(err, care.ErrIDCard) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseIDCard(f *testing.F) {
	for _, s := range []string{card, card + "||a|b|", "", "|||||||", strings.Replace(card, "|012345678|", "||", 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := care.ParseIDCard(s)
		if err != nil {
			if !errors.Is(err, care.ErrIDCard) {
				t.Fatal(err)
			}
			return
		}
		if !c.Number.Agrees(c.Sex, c.Birth) || c.Name == "" {
			t.Fatalf("%q was believed", s)
		}
	})
}
