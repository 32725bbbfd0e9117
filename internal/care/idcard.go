package care

import (
	"log/slog"
	"strings"
	"unicode/utf8"

	"lienthong/internal/fault"
)

// ErrIDCard is the answer to a text that is not what the code on an identity
// card says.
var ErrIDCard = fault.New(fault.Invalid, "care.id_card",
	"Nội dung mã QR không phải của thẻ căn cước. Quét lại mã ở mặt có ảnh.",
	"This is not what the code of an identity card says. Scan the code beside the photo again.")

// IDCard is what the QR code of an identity card (căn cước công dân, since 2021;
// thẻ căn cước, since 2024) says. The card signs nothing of it: it shows what
// is printed on the card, not that its holder is there.
type IDCard struct {
	Number  CitizenID
	Old     OldID // "" none
	Name    string
	Birth   Moment // by day
	Sex     Sex
	Address string
	Issued  Moment // zero: not stated
}

// LogValue shows nothing of it.
func (IDCard) LogValue() slog.Value { return slog.StringValue("id-card") }

// ParseIDCard reads the text of the code: fields between "|", in this order:
// number, old number, name, birth as ddMMyyyy, sex in words, address, date of
// issue; cards since 2024 add others, which are not read. At most 1,000 bytes.
// The number must agree with sex and birth. Fault: care.id_card.
func ParseIDCard(s string) (IDCard, error) {
	if len(s) > 1000 || !utf8.ValidString(s) || strings.ContainsAny(strings.TrimSpace(s), "\x00\n\r") {
		return IDCard{}, ErrIDCard
	}
	f := strings.Split(strings.TrimSpace(s), "|")
	if len(f) < 7 || len(f) > 14 {
		return IDCard{}, ErrIDCard
	}
	var c IDCard
	var err error
	if len(f[0]) != 12 || !allDigits(f[0]) {
		return IDCard{}, ErrIDCard
	}
	c.Number = CitizenID(f[0])
	if f[1] != "" {
		if c.Old, err = ParseOldID(f[1]); err != nil {
			return IDCard{}, ErrIDCard
		}
	}
	c.Name, c.Address = Clean(f[2]), Clean(f[5])
	switch Fold(f[4]) {
	case "nam":
		c.Sex = Male
	case "nu":
		c.Sex = Female
	}
	if c.Birth, err = cardDate(f[3]); err != nil || NameKey(c.Name) == "" || !c.Number.Agrees(c.Sex, c.Birth) {
		return IDCard{}, ErrIDCard
	}
	if f[6] != "" {
		if c.Issued, err = cardDate(f[6]); err != nil {
			return IDCard{}, ErrIDCard
		}
	}
	return c, nil
}

// cardDate reads ddMMyyyy.
func cardDate(s string) (Moment, error) {
	if len(s) != 8 || !allDigits(s) {
		return Moment{}, ErrIDCard
	}
	m, err := ParseMoment(s[4:] + s[2:4] + s[:2])
	if err != nil || m.Precision() != ByDay {
		return Moment{}, ErrIDCard
	}
	return m, nil
}
