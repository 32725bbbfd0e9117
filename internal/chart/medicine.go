package chart

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart/readable"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Medicine is one active ingredient with the lines it was ordered in, newest first.
type Medicine struct {
	Name       string `json:"name"`                 // of the newest line
	Ingredient string `json:"ingredient,omitempty"` // code of the active ingredient, where all lines agree
	// Duplicate: two facilities ordered the same ingredient code for days that are
	// stated and overlap. Anything less certain is not flagged.
	Duplicate bool       `json:"duplicate"`
	Last      When       `json:"last,omitzero"`
	Lines     []DrugLine `json:"lines"`

	key string
}

// DrugLine is one order.
type DrugLine struct {
	Name     string     `json:"name"`
	Brand    string     `json:"brand,omitempty"`
	Strength string     `json:"strength,omitempty"`
	Form     string     `json:"form,omitempty"`
	Route    fault.Text `json:"route,omitzero"` // what its code means, or the text itself
	Dose     string     `json:"dose,omitempty"`
	Use      string     `json:"use,omitempty"`
	Quantity string     `json:"quantity,omitempty"`
	Unit     string     `json:"unit,omitempty"`
	Days     int        `json:"days,omitempty"` // 0: not stated
	From     When       `json:"from,omitzero"`
	Until    When       `json:"until,omitzero"` // the last day; zero where days are not stated
	Over     bool       `json:"over"`           // the last day is past
	How      How        `json:"how"`
	Source   Source     `json:"source"`

	code, key string
}

// linesOf reads all orders, those with a code of their ingredient first: a name
// alone joins the code that name goes with.
func linesOf(entries []reading, f folds) []DrugLine {
	var coded, named []DrugLine
	for i := range entries {
		r := &entries[i]
		for _, t := range r.tables() {
			for row := range t.Rows {
				for _, line := range drugLines(r, t, row) {
					line.key = ingredient(f.of(line.Name), f.of(line.Strength))
					switch {
					case len(coded)+len(named) >= maxLines:
					case line.code != "":
						coded = append(coded, line)
					default:
						named = append(named, line)
					}
				}
			}
		}
	}
	return append(coded, named...)
}

// medicinesOf groups what was ordered, or is to be taken, within days before now:
// the last ordered first.
func medicinesOf(lines []DrugLine, now time.Time, days int) []Medicine {
	since := now.AddDate(0, 0, -days)
	var list []Medicine
	at := map[string]int{}
	for _, line := range lines {
		line.Over = !line.Until.IsZero() && !line.Until.End().After(now)
		if !line.Source.moment().Before(since) || line.Until.End().After(now) {
			list = group(list, at, line)
		}
	}
	for i := range list {
		list[i].finish()
	}
	slices.SortStableFunc(list, func(a, b Medicine) int {
		return cmp.Or(b.Lines[0].Source.moment().Compare(a.Lines[0].Source.moment()), strings.Compare(a.key, b.key))
	})
	return list[:min(len(list), maxItems)]
}

// maxLines is how many orders are looked at.
const maxLines = 20_000

// group puts a line to others of the same ingredient: the same code, or the
// same name without its strength.
func group(list []Medicine, at map[string]int, line DrugLine) []Medicine {
	name := line.key
	k, met := -1, false
	if line.code != "" {
		k, met = lookUp(at, "code "+line.code)
	}
	if !met && name != "" {
		k, met = lookUp(at, "name "+name)
		if met && line.code != "" && list[k].Ingredient != "" && list[k].Ingredient != line.code {
			met = false // two codes are two ingredients, whatever the names
		}
	}
	if !met {
		if len(list) >= 4*maxItems {
			return list
		}
		k = len(list)
		list = append(list, Medicine{key: name})
	}
	if line.code != "" {
		at["code "+line.code] = k
		list[k].Ingredient = line.code
	}
	if _, taken := at["name "+name]; !taken && name != "" {
		at["name "+name] = k
	}
	m := &list[k]
	for _, have := range m.Lines { // one order told in two documents of a facility
		if have.Source.Facility == line.Source.Facility && have.From == line.From && have.Quantity == line.Quantity && have.Source.Record != line.Source.Record && have.Strength == line.Strength {
			return list
		}
	}
	if len(m.Lines) < maxItems {
		m.Lines = append(m.Lines, line)
	}
	return list
}

func lookUp(at map[string]int, key string) (int, bool) {
	k, ok := at[key]
	return k, ok
}

func (m *Medicine) finish() {
	slices.SortStableFunc(m.Lines, func(a, b DrugLine) int { return b.Source.moment().Compare(a.Source.moment()) })
	m.Name, m.Last = m.Lines[0].Name, m.Lines[0].From
	for i, a := range m.Lines {
		for _, b := range m.Lines[i+1:] {
			if a.code != "" && a.code == b.code && a.Source.Facility != b.Source.Facility && overlap(a, b) {
				m.Duplicate = true
			}
		}
	}
}

func overlap(a, b DrugLine) bool {
	if a.From.IsZero() || b.From.IsZero() || a.Until.IsZero() || b.Until.IsZero() {
		return false
	}
	return a.From.Day() <= b.Until.Day() && b.From.Day() <= a.Until.Day()
}

// ingredient is the name a line is grouped by, of folded name and strength:
// without strengths ("5mg", "0,9%", "80mg/2ml").
func ingredient(key, strength string) string {
	if strength != "" {
		key = strings.Replace(key, strength, "", 1)
	}
	words := slices.DeleteFunc(strings.Fields(key), func(w string) bool {
		digits := len(w) - len(strings.TrimLeft(w, "0123456789.,"))
		if digits == 0 {
			return false
		}
		unit, _, _ := strings.Cut(w[digits:], "/")
		return slices.Contains(strengthUnits, unit)
	})
	return strings.Trim(strings.Join(words, " "), " -,;()")
}

var strengthUnits = []string{"mg", "g", "mcg", "µg", "ug", "ml", "l", "iu", "ui", "%", "mui"}

// drugDate is the field that dates a row of a table of orders, "" for another table.
func drugDate(table string) string {
	switch table {
	case "XML2", "Y_LENH_THUOC_VAT_TU":
		return "NGAY_YL"
	case "THUOC":
		return "NGAY_GIO_KE_DON" // of the head: the visit's date
	}
	return ""
}

// drugLines reads the medicines of a row.
func drugLines(r *reading, t *dossier.Table, row int) []DrugLine {
	field := drugDate(t.Columns.Table)
	if field == "" {
		return statedDrugs(r, t, row)
	}
	name := text(t, row, "TEN_THUOC", "BIET_DUOC")
	if name == "" {
		return nil
	}
	line := DrugLine{Name: clip(name), Brand: clip(text(t, row, "BIET_DUOC")), Strength: clip(text(t, row, "HAM_LUONG")), Form: clip(text(t, row, "DANG_BAO_CHE")),
		Route: route(text(t, row, "DUONG_DUNG")), Dose: clip(text(t, row, "LIEU_DUNG")), Use: clip(text(t, row, "CACH_DUNG")),
		Quantity: clip(text(t, row, "SO_LUONG")), Unit: clip(text(t, row, "DON_VI_TINH")), How: ByField, Source: r.source(t, row, "", field)}
	if line.Brand == line.Name {
		line.Brand = ""
	}
	if code := text(t, row, "MA_THUOC"); t.Columns.Table != "THUOC" && ingredientCode(code) {
		line.code = code
	}
	line.From = line.Source.At
	if t.Columns.Table == "THUOC" && r.Read.Content.Table("DON_THUOC") != nil {
		head := r.Read.Content.Table("DON_THUOC")
		if from := date(head, 0, "DOT_DUNG_THUOC_TU_NGAY"); !from.IsZero() {
			line.From = from
		}
		line.Until = date(head, 0, "DOT_DUNG_THUOC_DEN_NGAY")
		if d := days(line.From, line.Until); d > 0 {
			line.Days = d
		}
	}
	if line.Days == 0 {
		line.Days = statedDays(line.Dose)
	}
	if line.Until.IsZero() && line.Days > 0 && line.From.Precision() >= care.ByDay {
		line.Until = dayAfter(line.From, line.Days-1)
	}
	return []DrugLine{line}
}

func route(code string) fault.Text {
	if m, ok := readable.Meaning("DUONG_DUNG", code); ok {
		return m
	}
	return fault.Text{VI: clip(code), EN: clip(code)}
}

// statedDrugs reads what somebody says they take.
func statedDrugs(r *reading, t *dossier.Table, row int) []DrugLine {
	var out []DrugLine
	for _, p := range places()[t.Columns.Table] {
		if p.fact != "medicine" {
			continue
		}
		if s := text(t, row, p.field); s != "" && stateOf(s, "") == Recorded {
			src := r.source(t, row, p.field, rowDates...)
			out = append(out, DrugLine{Name: clip(s), How: p.how, From: src.At, Source: src})
		}
	}
	return out
}

// ingredientCode reports whether a code of XML2 is one of the ministry's list of
// active ingredients ("40.17", combinations "40.17+40.30"): others, of
// traditional remedies and hospital mixtures, are not compared.
func ingredientCode(s string) bool {
	whole, rest, ok := strings.Cut(s, ".")
	return ok && whole == "40" && rest != "" && strings.Trim(rest, "0123456789.+") == "" && len(s) <= 60
}

// statedDays is the number in front of "ngày" behind a "*" or "x": "2 viên/ngày *
// 14 ngày" (QĐ 4750 writes doses so); 0 where none is stated.
func statedDays(dose string) int {
	folded := care.Fold(dose)
	for {
		i := strings.IndexAny(folded, "*x")
		if i < 0 {
			return 0
		}
		folded = strings.TrimLeft(folded[i+1:], " ")
		end := 0
		for end < len(folded) && folded[end] >= '0' && folded[end] <= '9' {
			end++
		}
		rest := strings.TrimLeft(folded[end:], " ")
		n, err := strconv.Atoi(folded[:end])
		if err == nil && strings.HasPrefix(rest, "ngay") && n > 0 && n <= 366 {
			return n
		}
	}
}

// days counts both ends in; 0 where they are not two days.
func days(from, until When) int {
	if from.Precision() < care.ByDay || until.Precision() < care.ByDay || until.Day() < from.Day() {
		return 0
	}
	n := int(midnight(until).Sub(midnight(from)).Hours()/24) + 1
	if n > 3660 {
		return 0
	}
	return n
}

func midnight(w When) time.Time {
	t := w.Time()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func dayAfter(w When, n int) When { return When{care.MomentOf(midnight(w).AddDate(0, 0, n))} }
