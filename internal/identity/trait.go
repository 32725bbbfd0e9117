package identity

import (
	"strconv"
	"strings"

	"lienthong/internal/care"
)

// The kinds of features: what a person is looked for by where there is no number.
const (
	ByPhone            = "phone"
	ByNameYear         = "name_year"
	ByCommuneGivenYear = "commune_given_year"
	ByBirthGiven       = "birth_given"
)

// Trait is what a feature is made of: the keyed hash over Kind and Values.
type Trait struct {
	Kind   string
	Values []string
}

// Told is what is known of somebody in plain words: out of a record, or as
// told by whoever came with them. Every part may be empty.
type Told struct {
	Name    string   // whole name, or the part that is known
	Phones  []string // their own or a relative's
	Birth   care.Moment
	Year    int // of birth where Birth is not known
	Sex     care.Sex
	Commune string // five digits, or a name
}

// yearOf returns the year of birth, 0 where none is known.
func (t *Told) yearOf() int {
	if !t.Birth.IsZero() {
		return t.Birth.Year()
	}
	return t.Year
}

// Traits returns what somebody can be found by, of one who is known: at most
// one of each kind for a phone, four in all for one phone.
func (t *Told) Traits() []Trait { return t.traits(0) }

// Wanted returns what to look for of one who is not known: as Traits, with the
// years of birth around the one told, which is a guess.
func (t *Told) Wanted() []Trait {
	if !t.Birth.IsZero() {
		return t.traits(0)
	}
	return t.traits(YearMargin)
}

// YearMargin is how many years a guess of the year of birth may be off.
const YearMargin = 3

func (t *Told) traits(margin int) []Trait {
	out := make([]Trait, 0, len(t.Phones)+1+2*(2*margin+1))
	for _, p := range t.Phones {
		if p = PhoneKey(p); p != "" {
			out = append(out, Trait{ByPhone, []string{p}})
		}
	}
	name := care.NameKey(t.Name)
	given := lastWord(name)
	if year := t.yearOf(); given != "" && year > 0 {
		for y := year - margin; y <= year+margin; y++ {
			of := strconv.Itoa(y)
			if strings.Contains(name, " ") {
				out = append(out, Trait{ByNameYear, []string{name, of}})
			}
			if isCommune(t.Commune) {
				out = append(out, Trait{ByCommuneGivenYear, []string{t.Commune, given, of}})
			}
		}
	}
	if given != "" && t.Birth.Precision() >= care.ByDay {
		out = append(out, Trait{ByBirthGiven, []string{strconv.Itoa(t.Birth.Day()), given}})
	}
	return out
}

// PhoneKey returns the digits of a Vietnamese telephone number as they are
// compared: without blanks, dots and the prefix of the country, so that
// 0912 345 678, +84 912.345.678 and 0084912345678 are one. "" for what is
// none: fewer than 9 or more than 11 digits after the leading 0, or one digit
// over and over, which stands for "unknown".
func PhoneKey(s string) string {
	digits := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == ' ' || c == '.' || c == '-' || c == '(' || c == ')' || c == '+' && len(digits) == 0:
		default:
			return ""
		}
	}
	d := string(digits)
	switch {
	case strings.HasPrefix(d, "0084"):
		d = d[4:]
	case strings.HasPrefix(d, "84") && len(d) >= 11:
		d = d[2:]
	}
	d = strings.TrimPrefix(d, "0")
	if len(d) < 9 || len(d) > 11 || strings.Trim(d, d[:1]) == "" {
		return ""
	}
	return d
}

// GivenKey returns the given name's key: the last word of a Vietnamese name.
func GivenKey(name string) string { return lastWord(care.NameKey(name)) }

// lastWord is that of a key, whose words one blank parts.
func lastWord(key string) string { return key[strings.LastIndexByte(key, ' ')+1:] }

func isCommune(s string) bool { return len(s) == 5 && strings.Trim(s, "0123456789") == "" }
