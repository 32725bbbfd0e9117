package chart

import (
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// relation is a field that names somebody to call, or a number.
type relation struct {
	field string
	label fault.Text
}

// relations are those of the tables that speak of the patient. XML9 speaks of a
// newborn and its mother and is not among them, nor is who went along with a
// transfer.
func relations(table string) []relation {
	self := fault.Text{VI: "Điện thoại của chính người bệnh", EN: "The patient's own phone"}
	father, mother := fault.Text{VI: "Cha", EN: "Father"}, fault.Text{VI: "Mẹ", EN: "Mother"}
	guardian := fault.Text{VI: "Người giám hộ", EN: "Guardian"}
	switch table {
	case "XML1", "XML0", "HO_SO_BENH_AN", "THONG_TIN_BENH_NHAN", "THONG_TIN_HANH_CHINH":
		return []relation{{"DIEN_THOAI", self}}
	case "XML7", "XML11":
		return []relation{{"HO_TEN_CHA", father}, {"HO_TEN_ME", mother}}
	case "XML8":
		return []relation{{"HO_TEN_CHA", father}, {"HO_TEN_ME", mother}, {"NGUOI_GIAM_HO", guardian}}
	case "DON_THUOC":
		return []relation{{"SO_DIEN_THOAI_NGUOI_KHAM_BENH", self}, {"THONG_TIN_NGUOI_GIAM_HO", guardian}}
	}
	return nil
}

// people reads whom to call.
func (f *facts) people(r *reading, t *dossier.Table) {
	for _, rel := range relations(t.Columns.Table) {
		if t.Columns.Index(rel.field) < 0 {
			continue
		}
		for row := range t.Rows {
			if s := text(t, row, rel.field); s != "" && (strings.ContainsAny(s, "123456789") || stateOf(s, "") == Recorded) {
				f.contacts.add(Item{Says: Recorded, Text: clip(s), Label: rel.label, How: ByField, Source: r.source(t, row, rel.field)})
			}
		}
	}
}

// bloodGroup is an ABO group and a Rhesus factor, each "" where not told.
type bloodGroup struct{ abo, rh string }

// parseBlood reads "A", "O+", "AB Rh(-)", "Nhóm B, Rh dương".
func parseBlood(s string) (g bloodGroup) {
	folded := strings.ToUpper(care.Fold(s))
	switch {
	case strings.Contains(folded, "DUONG"), strings.Contains(folded, "POS"), strings.Contains(folded, "+"):
		g.rh = "+"
	case strings.Contains(folded, " AM"), strings.Contains(folded, "NEG"), strings.HasSuffix(folded, "-"), strings.Contains(folded, "(-)"), strings.Contains(folded, "−"):
		g.rh = "-"
	}
	for _, word := range strings.FieldsFunc(folded, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		switch word {
		case "A", "B", "AB", "O":
			if g.abo == "" {
				g.abo = word
			}
		}
	}
	return g
}

// bloodConflict reports whether two sources give groups that cannot both be.
func bloodConflict(items []Item) bool {
	var seen bloodGroup
	for _, i := range items {
		g := parseBlood(i.Text)
		if g.abo != "" && seen.abo != "" && g.abo != seen.abo || g.rh != "" && seen.rh != "" && g.rh != seen.rh {
			return true
		}
		if g.abo != "" {
			seen.abo = g.abo
		}
		if g.rh != "" {
			seen.rh = g.rh
		}
	}
	return false
}
