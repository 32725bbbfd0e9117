package view

import (
	"strconv"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/insight"
	"lienthong/internal/schema"
	"lienthong/internal/web/portal/words"
)

// column is a field of a table that some row fills.
type column struct {
	Name  string
	Type  schema.Type
	field *schema.Field // nil: not in the specification
}

// Label is what people call the field.
func (c column) Label(w words.Speaker) string {
	if c.field == nil {
		return c.Name
	}
	if s := w.Text(c.field.Label()); s != "" {
		return s
	}
	return c.Name
}

// Right reports whether the column holds amounts, which stand right.
func (c column) Right() bool {
	return c.Type == schema.Number && len(catalog.Entries(catalog.List(c.Name))) == 0
}

// value is a cell for people; Meaning is what a code says.
type value struct{ Text, Meaning string }

// filled returns the columns of a table that are filled in some row, the
// episode key, row number and reserved field left out.
func filled(d RecordDoc, t *dossier.Table) []column {
	spec := d.spec().Table(t.Columns.Table)
	var list []column
	for i, name := range t.Columns.Names() {
		if name == "MA_LK" || name == "STT" || name == "DU_PHONG" {
			continue
		}
		used := false
		for _, r := range t.Rows {
			if i < len(r.Cells) && strings.TrimSpace(r.Cells[i].Text) != "" {
				used = true
				break
			}
		}
		if !used {
			continue
		}
		c := column{Name: name, Type: schema.Text}
		if spec != nil {
			c.field = spec.Field(name)
		}
		if c.field != nil {
			c.Type = c.field.Type
		}
		list = append(list, c)
	}
	return list
}

// Value reads a cell of the column.
func (c column) Value(t *dossier.Table, row int, w words.Speaker) value {
	text := t.Cell(row, c.Name).Text
	if c.field != nil {
		if m, ok := c.field.Meaning(strings.TrimSpace(text)); ok {
			return value{Text: text, Meaning: w.Text(m)}
		}
	}
	switch {
	case text == "":
		return value{}
	case c.Name == "SO_CCCD", c.Name == "MA_DINH_DANH_CONG_DAN", c.Name == "MA_DINH_DANH_Y_TE":
		return value{Text: maskNumber(text)}
	case c.Name == "MA_THE_BHYT", c.Name == "MA_SO_THE_BAO_HIEM_Y_TE":
		return value{Text: maskCards(text)}
	case c.Name == "GIOI_TINH" && w.Has("sex."+text):
		return value{Text: text, Meaning: w.T("sex." + text)}
	case c.Type == schema.Date || c.Type == schema.DateTime:
		return value{Text: moment(text)}
	case c.Type == schema.Moment:
		return value{Text: otherMoment(text)}
	case len(text) > longWord && !strings.ContainsAny(text, " \n"): // a signature, a picture: nothing to read
		return value{Text: text[:24] + "…"}
	case c.field != nil && len(c.field.Values) > 0: // a code out of the field's own list
		return value{Text: text}
	}
	if m := meaning(c.Name, text, w); m != "" {
		return value{Text: text, Meaning: m}
	}
	if c.Type == schema.Number && c.Name != "NAM_QT" { // a year is not grouped
		return value{Text: decimal(text, w)}
	}
	return value{Text: text}
}

// maskCards hides the citizen numbers that stand among card numbers, several
// separated by ";": a citizen number may serve as the card.
func maskCards(s string) string {
	cards := strings.Split(s, ";")
	for i, card := range cards {
		if _, err := care.ParseCitizenID(card); err == nil {
			cards[i] = maskNumber(strings.TrimSpace(card))
		}
	}
	return strings.Join(cards, ";")
}

// longWord is how long a word is that nobody reads.
const longWord = 200

// otherMoment writes a date of a document outside the QĐ 4750 family for people;
// as sent when it is none.
func otherMoment(s string) string {
	if m, err := care.ParseDate(s); err == nil {
		return moment(m.String())
	}
	return s
}

// extras are the fields of a row that no column is known for.
func extras(t *dossier.Table, row int) []dossier.Extra {
	var list []dossier.Extra
	for _, x := range t.Rows[row].Extra {
		if len(x.Cell.Text) > longWord && !strings.ContainsAny(x.Cell.Text, " \n") {
			x.Cell.Text = x.Cell.Text[:24] + "…"
		}
		if strings.TrimSpace(x.Cell.Text) != "" {
			list = append(list, x)
		}
	}
	return list
}

// anyExtras reports whether some row has fields that no column is known for.
func anyExtras(t *dossier.Table) bool {
	for i := range t.Rows {
		if len(extras(t, i)) > 0 {
			return true
		}
	}
	return false
}

// meaning looks a code up in the list named after its field, and provinces in theirs.
func meaning(field, code string, w words.Speaker) string {
	if m := catalog.Label(catalog.List(field), code, w.Lang); m != "" {
		return m
	}
	if field == "MATINH_CU_TRU" || field == "MATINH" {
		if p, ok := catalog.ProvinceByCode(code); ok {
			return provinceOfName(p, w)
		}
	}
	return ""
}

func provinceOfName(p catalog.Province, w words.Speaker) string {
	if w.Lang == "en" {
		return p.NameEN
	}
	return p.Name
}

// decimal writes a number of a dossier for people, trailing zeros gone; as
// sent when it is none.
func decimal(s string, w words.Speaker) string {
	whole, rest, _ := strings.Cut(strings.TrimSpace(s), ".")
	if _, ok := insight.Number(s); !ok || len(whole) > 15 || strings.Contains(s, ",") {
		return s
	}
	var n int64
	for _, r := range whole {
		n = n*10 + int64(r-'0')
	}
	out := w.Num(n)
	if rest = strings.TrimRight(rest, "0"); rest != "" {
		mark := ","
		if w.Lang == "en" {
			mark = "."
		}
		out += mark + rest
	}
	return out
}

// result is one row of XML4 for people.
type result struct {
	Name, Value, Unit, Note, At string
	Numeric, HasRange           bool
	N                           float64
	Range                       insight.Range
}

func readResult(t *dossier.Table, row int) result {
	r := result{Name: t.Cell(row, "TEN_CHI_SO").Text, Value: t.Cell(row, "GIA_TRI").Text,
		Unit: t.Cell(row, "DON_VI_DO").Text, At: t.Cell(row, "NGAY_KQ").Text}
	notes := []string{t.Cell(row, "MO_TA").Text, t.Cell(row, "KET_LUAN").Text}
	r.N, r.Numeric = insight.Number(r.Value)
	if r.Numeric {
		r.Range, r.HasRange = insight.RangeOf(r.Name, r.Unit, notes, care.Fold)
	}
	for _, note := range notes { // a note that only states the range is in its column already
		if _, states := insight.RangeOf("", "", []string{note}, care.Fold); !states || !r.HasRange {
			r.Note = strings.TrimSpace(r.Note + " " + note)
		}
	}
	return r
}

// RangeText writes the range.
func (r result) RangeText(w words.Speaker) string {
	low, high := w.Decimal(r.Range.Low, decimals(r.Range.Low)), w.Decimal(r.Range.High, decimals(r.Range.High))
	switch {
	case !r.HasRange:
		return ""
	case r.Range.Low == 0:
		return w.T("results.below", high)
	case r.Range.High == 0:
		return w.T("results.above", low)
	}
	return low + " – " + high
}

// decimals are those a limit needs, four at most.
func decimals(v float64) int {
	_, rest, _ := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	return min(4, len(rest))
}

// Word says where the value lies.
func (r result) Word(w words.Speaker) string {
	if !r.HasRange {
		return ""
	}
	switch r.Range.Place(r.N) {
	case insight.High:
		return w.T("results.high")
	case insight.Low:
		return w.T("results.low")
	case insight.Normal:
		return w.T("results.normal")
	}
	return ""
}

// Out reports a value outside its range.
func (r result) Out() bool {
	place := r.Range.Place(r.N)
	return r.HasRange && (place == insight.High || place == insight.Low)
}

// The bar spans 100 units: from half a range below the band to half above; a
// one-sided range starts the band at 0.
func (r result) span() (from, to float64) {
	if r.Range.High == 0 {
		return 0, 2 * r.Range.Low
	}
	width := r.Range.High - r.Range.Low
	return max(0, r.Range.Low-width/2), r.Range.High + width/2
}

func (r result) x(v float64) float64 {
	from, to := r.span()
	return min(97, max(0, 100*(v-from)/(to-from)))
}

// BandX, BandW and TickX are where band and tick stand.
func (r result) BandX() float64 { return r.x(r.Range.Low) }

// BandW is the width of the normal band.
func (r result) BandW() float64 {
	if r.Range.High == 0 {
		return 100 - r.x(r.Range.Low)
	}
	return r.x(r.Range.High) - r.x(r.Range.Low)
}

// TickX is where the value stands.
func (r result) TickX() float64 { return r.x(r.N) }
