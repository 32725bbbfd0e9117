package identity

import (
	"strings"

	"lienthong/internal/care"
)

// Fact is one thing known of somebody that a candidate fits or does not.
type Fact string

// The facts, in the order they are shown.
const (
	Phone   Fact = "phone"
	Year    Fact = "year"
	Commune Fact = "commune"
	Name    Fact = "name"
	Sex     Fact = "sex"
)

// LeastFacts is how many facts must be told before anybody is looked for, how
// many a candidate must fit, and how many are confirmed before an emergency is
// opened.
const LeastFacts = 2

// MostCandidates is how many candidates are shown.
const MostCandidates = 5

// Facts lists what is told.
func (t *Told) Facts() []Fact {
	var out []Fact
	for _, p := range t.Phones {
		if PhoneKey(p) != "" {
			out = append(out, Phone)
			break
		}
	}
	if t.yearOf() > 0 {
		out = append(out, Year)
	}
	if care.Fold(t.Commune) != "" {
		out = append(out, Commune)
	}
	if GivenKey(t.Name) != "" {
		out = append(out, Name)
	}
	if t.Sex == care.Male || t.Sex == care.Female {
		out = append(out, Sex)
	}
	return out
}

// Face is what is known of a candidate, out of their newest record.
type Face struct {
	Name    string
	Birth   care.Moment
	Sex     care.Sex
	Phones  []string
	Ward    string // five digits
	Address string // as written
}

// Fits returns which of the facts told a person fits, in the order of Facts.
// What is not known of the person does not fit.
func (t *Told) Fits(f *Face) []Fact {
	var out []Fact
	for _, fact := range t.Facts() {
		if t.fits(fact, f) {
			out = append(out, fact)
		}
	}
	return out
}

func (t *Told) fits(fact Fact, f *Face) bool {
	switch fact {
	case Phone:
		for _, told := range t.Phones {
			for _, known := range f.Phones {
				if k := PhoneKey(told); k != "" && k == PhoneKey(known) {
					return true
				}
			}
		}
	case Year:
		if f.Birth.IsZero() {
			return false
		}
		if t.Birth.Precision() >= care.ByDay && f.Birth.Precision() >= care.ByDay {
			return t.Birth.Day() == f.Birth.Day()
		}
		d := t.yearOf() - f.Birth.Year()
		return d >= -YearMargin && d <= YearMargin
	case Commune:
		if isCommune(t.Commune) {
			return t.Commune == f.Ward
		}
		return containsWords(care.NameKey(f.Address), care.NameKey(t.Commune))
	case Name:
		return GivenKey(f.Name) != "" && nameFits(care.NameKey(t.Name), care.NameKey(f.Name))
	case Sex:
		return t.Sex == f.Sex
	}
	return false
}

// nameFits: a single word is the given name, several are a run of words of the
// name that ends it or begins it.
func nameFits(told, known string) bool {
	if told == known {
		return true
	}
	if !strings.Contains(told, " ") {
		return strings.HasSuffix(" "+known, " "+told)
	}
	return strings.HasSuffix(known, " "+told) || strings.HasPrefix(known, told+" ")
}

func containsWords(text, words string) bool {
	return words != "" && strings.Contains(" "+text+" ", " "+words+" ")
}

// Commune is where somebody lives, for a masked list: the words of the address
// from the commune on, else its code; "" where neither is known.
func (f *Face) Commune() string {
	parts := strings.Split(care.Clean(f.Address), ",")
	for i, part := range parts {
		key := care.NameKey(part)
		for _, unit := range []string{"xa ", "phuong ", "thi tran ", "dac khu "} {
			if strings.HasPrefix(key, unit) {
				return care.Clean(strings.Join(parts[i:], ","))
			}
		}
	}
	return f.Ward
}
