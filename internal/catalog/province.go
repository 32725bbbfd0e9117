package catalog

import "sync"

// firstDay34 is the day the 34 provinces took the place of the 63.
const firstDay34 = 20250701

// Province is one of the 34 provinces and cities since 2025-07-01.
type Province struct {
	Code   string
	Name   string   // in full: "Thành phố Hồ Chí Minh"
	NameEN string   // "Ho Chi Minh City"
	Short  string   // as maps and lists show it: "TP. HCM"
	Old    []string // codes of the former provinces it is made of, its own among them
	Row    int      // place on the tile map of 12 rows and 6 columns, from 1
	Col    int
}

// Provinces returns the 34 in the order of their codes; callers must not change it.
func Provinces() []Province { return provinces34 }

// ProvinceByCode returns one of the 34.
func ProvinceByCode(code string) (Province, bool) {
	for _, p := range provinces34 {
		if p.Code == code {
			return p, true
		}
	}
	return Province{}, false
}

// OldProvince reports whether code is one of the 63 until 2025-06-30, as
// citizen numbers and insurance cards keep them.
func OldProvince(code string) bool {
	for _, e := range provinces63 {
		if e.Code == code {
			return true
		}
	}
	return false
}

// ProvinceNow returns the code of the province that a former one belongs to
// since 2025-07-01; a code that stayed gives itself.
func ProvinceNow(old string) (code string, ok bool) {
	for _, p := range provinces34 {
		for _, o := range p.Old {
			if o == old {
				return p.Code, true
			}
		}
	}
	return "", false
}

var provinceEntries = sync.OnceValue(func() []Entry {
	all := make([]Entry, 0, len(provinces63)+len(provinces34))
	all = append(all, provinces63...)
	for _, p := range provinces34 {
		all = append(all, Entry{Code: p.Code, VI: p.Name, EN: p.NameEN, From: firstDay34})
	}
	return all
})
