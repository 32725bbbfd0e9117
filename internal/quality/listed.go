package quality

import (
	"strconv"

	"lienthong/internal/catalog"
	"lienthong/internal/fault"
)

func itoa(n int) string { return strconv.Itoa(n) }

// listed holds a code against its list on the day of the dossier.
func (j *judge) listed(p *tablePlan, col *column, text string, pl place) {
	ok, known := catalog.Has(col.list, text, j.in.Day)
	switch {
	case ok:
	case col.list == catalog.VisitType && len(text) == 1 && p.numeric(col):
		// QĐ 130 had the visit type as a number
		if ok, _ = catalog.Has(col.list, "0"+text, j.in.Day); !ok {
			j.report(p.name+"."+col.name+".not_in_list", pl, none)
		}
	case known && col.list == catalog.ProvinceCode:
		now, _ := catalog.ProvinceNow(text)
		j.report(p.name+"."+col.name+".outdated", pl, suggest(now))
	default:
		j.report(p.name+"."+col.name+".not_in_list", pl, codeHint(col.list, text, j.in.Day))
	}
}

// codeHint offers the code that was probably meant: a lost leading zero.
func codeHint(list catalog.List, text string, day int) fault.Text {
	if ok, _ := catalog.Has(list, "0"+text, day); ok {
		return suggest("0" + text)
	}
	if len(text) > 1 && text[0] == '0' {
		if ok, _ := catalog.Has(list, text[1:], day); ok {
			return suggest(text[1:])
		}
	}
	return none
}

func suggest(code string) fault.Text {
	if code == "" {
		return none
	}
	return fault.Text{VI: "Có phải là " + code + "?", EN: "Is it " + code + "?"}
}
