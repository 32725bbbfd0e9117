package view

import (
	"strconv"

	"lienthong/internal/catalog"
	"lienthong/internal/role"
)

// National reports whether a role sees how the whole country stands.
func National(r role.Role) bool { return r.Kind == role.Operator || r.Kind == role.Ministry }

// Province is a province's full name; none, the key of a word, where there is no such.
func (p Page) Province(code, none string) string {
	c, ok := catalog.ProvinceByCode(code)
	switch {
	case !ok:
		return p.W.T(none)
	case p.W.Lang == "en":
		return c.NameEN
	}
	return c.Name
}

// DayField is a day (yyyyMMdd) as a date field has it, "" for none.
func DayField(day int) string {
	text := strconv.Itoa(day)
	if len(text) != 8 {
		return ""
	}
	return text[:4] + "-" + text[4:6] + "-" + text[6:]
}
