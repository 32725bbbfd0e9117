// Package readable turns the tables of an opened record, of whatever kind, into
// sections for people: fields by the names people call them, codes with what
// they mean, dates and amounts as they are written, empty fields left out, and
// what no specification names shown under its code as it was sent.
//
// It hides citizen numbers but for their last four characters, and nothing
// else: what this reader may not see was left out before (package disclose).
package readable

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/insight"
	"lienthong/internal/schema"
)

// Section is one table of a record.
type Section struct {
	Table   string     `json:"table"` // "XML1"
	Title   fault.Text `json:"title"`
	Columns []Column   `json:"columns"` // fields that some row fills, in the order of the specification
	Rows    []Row      `json:"rows"`
}

// Single reports a section that reads as a list of fields and not as a table.
func (s *Section) Single() bool { return len(s.Rows) == 1 }

// Column is one field.
type Column struct {
	Field    string     `json:"field"` // "HO_TEN"
	Label    fault.Text `json:"label"`
	Amount   bool       `json:"amount,omitzero"`   // stands right
	Facility bool       `json:"facility,omitzero"` // values are facility codes: a page that knows names adds them
}

// Row is one row: a value for each column, "" where it is empty.
type Row struct {
	Number int     `json:"number"` // from 1
	Values []Value `json:"values"`
	Extra  []Named `json:"extra,omitempty"` // fields that no specification names
}

// Value is one cell for people.
type Value struct {
	Text fault.Text `json:"text,omitzero"`  // to be read
	Code string     `json:"code,omitempty"` // the code, where Text is what it means
}

// IsZero reports an empty cell.
func (v Value) IsZero() bool { return v == Value{} }

// Named is a field under the name its sender gave it.
type Named struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Reader reads tables. Date reads dates of any kind's form (care.ParseDate).
type Reader struct {
	Date func(string) (care.Moment, error)
}

// Sections reads a record's tables, those named first before the others. spec
// is what the tables were read by; fields it does not have are labelled by the
// newest decision that has them, else by their code.
func (r Reader) Sections(content *dossier.Content, spec *schema.Version, first []string) []Section {
	if content == nil {
		return nil
	}
	var out []Section
	for _, t := range content.All {
		if t != nil && t.Columns != nil && len(t.Rows) > 0 {
			out = append(out, r.section(t, spec))
		}
	}
	rank := func(s Section) int {
		if i := slices.Index(first, s.Table); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(out, func(a, b Section) int { return rank(a) - rank(b) })
	return out
}

func (r Reader) section(t *dossier.Table, spec *schema.Version) Section {
	s := Section{Table: t.Columns.Table, Title: Title(spec, t.Columns.Table), Rows: make([]Row, len(t.Rows))}
	var cells []int
	var fields []*schema.Field
	for i, name := range t.Columns.Names() {
		if hidden(name) || !filled(t, i) {
			continue
		}
		f := fieldOf(spec, s.Table, name)
		cells, fields = append(cells, i), append(fields, f)
		c := Column{Field: name, Label: fault.Text{VI: name, EN: name}, Facility: facility(name)}
		if f != nil && f.LabelVI != "" {
			c.Label = f.Label()
		}
		c.Amount = f != nil && f.Type == schema.Number && len(f.Values) == 0 && !listed(name)
		s.Columns = append(s.Columns, c)
	}
	for i := range t.Rows {
		row := &t.Rows[i]
		s.Rows[i] = Row{Number: i + 1, Values: make([]Value, len(cells))}
		for k, at := range cells {
			if at < len(row.Cells) {
				s.Rows[i].Values[k] = r.value(s.Columns[k].Field, fields[k], row.Cells[at].Text)
			}
		}
		for _, x := range row.Extra {
			if text := strings.TrimSpace(x.Cell.Text); text != "" {
				s.Rows[i].Extra = append(s.Rows[i].Extra, Named{x.Name, long(r.masked(x.Name, text))})
			}
		}
	}
	return s
}

// hidden are fields that are no business of a reader: the key of the episode
// and the number of the row.
func hidden(name string) bool { return name == "MA_LK" || name == "STT" }

func filled(t *dossier.Table, at int) bool {
	for _, r := range t.Rows {
		if at < len(r.Cells) && strings.TrimSpace(r.Cells[at].Text) != "" {
			return true
		}
	}
	return false
}

// Title names a table: by the specification, the newest decision, else its code.
func Title(spec *schema.Version, name string) fault.Text {
	if spec != nil {
		if t := spec.Table(name); t != nil && t.Title.VI != "" {
			return t.Title
		}
	}
	all := schema.Versions()
	if t := all[len(all)-1].Table(name); t != nil {
		return t.Title
	}
	return fault.Text{VI: name, EN: name}
}

func fieldOf(spec *schema.Version, table, name string) *schema.Field {
	if spec != nil {
		if t := spec.Table(table); t != nil {
			if f := t.Field(name); f != nil {
				return f
			}
		}
	}
	all := schema.Versions()
	for i := len(all) - 1; i >= 0; i-- {
		if t := all[i].Table(table); t != nil {
			if f := t.Field(name); f != nil {
				return f
			}
		}
	}
	return nil
}

func listed(name string) bool { return len(catalog.Entries(catalog.List(name))) > 0 }

// facility reports fields that hold facility codes.
func facility(name string) bool {
	switch name {
	case "MA_CSKCB", "MA_NOI_DI", "MA_NOI_DEN", "MA_CSKCB_DI", "MA_CSKCB_DEN", "MA_DKBD", "NOI_LAY_MAU_XN", "NOI_XN_KD", "NOI_BDDT_ARV":
		return true
	}
	return false
}

// value reads one cell.
func (r Reader) value(name string, f *schema.Field, raw string) Value {
	text := strings.TrimSpace(raw)
	if text == "" {
		return Value{}
	}
	if f != nil {
		if m, ok := f.Meaning(text); ok {
			return Value{Text: m, Code: text}
		}
		if len(f.Values) > 0 {
			return same(text)
		}
	}
	if f != nil {
		switch f.Type {
		case schema.Date, schema.DateTime, schema.Moment:
			return same(r.date(text))
		}
	}
	if f == nil || f.Type != schema.Number {
		if hiding := r.masked(name, text); hiding != text {
			return same(hiding)
		}
	}
	if m, ok := Meaning(name, text); ok {
		return Value{Text: m, Code: text}
	}
	if f != nil && f.Multi {
		if m, ok := meanings(name, text); ok {
			return Value{Text: m, Code: text}
		}
	}
	if f != nil && f.Type == schema.Number && !year(name) {
		return Value{Text: number(text, money(name))}
	}
	return same(long(text))
}

func same(s string) Value { return Value{Text: fault.Text{VI: s, EN: s}} }

// meanings reads several codes separated by ";", where all have a meaning.
func meanings(name, text string) (fault.Text, bool) {
	var vi, en []string
	for code := range strings.SplitSeq(text, ";") {
		m, ok := Meaning(name, strings.TrimSpace(code))
		if !ok {
			return fault.Text{}, false
		}
		vi, en = append(vi, m.VI), append(en, m.EN)
	}
	return fault.Text{VI: strings.Join(vi, "; "), EN: strings.Join(en, "; ")}, true
}

//go:embed codes.tsv
var codeData string

// codes are lists that the catalogue does not have; a mistake in them is a
// defect of the build and panics at first use, which tests make.
var codes = sync.OnceValue(func() map[string]fault.Text {
	m := map[string]fault.Text{}
	for i, line := range strings.Split(strings.TrimRight(codeData, "\n"), "\n")[1:] {
		c := strings.Split(line, "\t")
		if len(c) != 5 {
			panic("readable: codes.tsv line " + strconv.Itoa(i+2))
		}
		m[c[0]+" "+c[1]] = fault.Text{VI: c[2], EN: c[3]}
	}
	return m
})

// Meaning says what a code of a field means in the QĐ 4750 family, by the
// catalogue and by codes.tsv; false where no list here has it.
func Meaning(field, code string) (fault.Text, bool) {
	if vi := catalog.Label(catalog.List(field), code, "vi"); vi != "" {
		return fault.Text{VI: vi, EN: catalog.Label(catalog.List(field), code, "en")}, true
	}
	if field == "MATINH_CU_TRU" || field == "MATINH" {
		if p, ok := catalog.ProvinceByCode(code); ok {
			return fault.Text{VI: p.Name, EN: p.NameEN}, true
		}
	}
	m, ok := codes()[field+" "+code]
	return m, ok
}

// date writes a date of any kind's form as dd/MM/yyyy HH:mm, as coarse as it is;
// several separated by ";" each. What is no date stays as sent.
func (r Reader) date(s string) string {
	if strings.Contains(s, ";") {
		parts := strings.Split(s, ";")
		for i := range parts {
			parts[i] = r.date(strings.TrimSpace(parts[i]))
		}
		return strings.Join(parts, "; ")
	}
	m, err := r.Date(s)
	if err != nil {
		return long(s)
	}
	return Moment(m)
}

// Moment writes a moment as dd/MM/yyyy HH:mm, as coarse as it is.
func Moment(m care.Moment) string {
	t := m.Time()
	switch m.Precision() {
	case 0:
		return ""
	case care.ByYear:
		return t.Format("2006")
	case care.ByMonth:
		return t.Format("01/2006")
	case care.ByDay:
		return t.Format("02/01/2006")
	}
	return t.Format("02/01/2006 15:04")
}

// year reports numbers that are not grouped.
func year(name string) bool { return name == "NAM_QT" || name == "THANG_QT" }

// money reports fields that hold amounts in đồng.
func money(name string) bool {
	return strings.HasPrefix(name, "T_") || strings.HasPrefix(name, "THANH_TIEN") || strings.HasPrefix(name, "DON_GIA")
}

// number writes 1.234.567,5 and 1,234,567.5, trailing zeros gone; several
// separated by ";" each, and as sent what is none.
func number(s string, dong bool) fault.Text {
	if strings.Contains(s, ";") {
		var out fault.Text
		for i, part := range strings.Split(s, ";") {
			n := number(strings.TrimSpace(part), dong)
			if i > 0 {
				out.VI, out.EN = out.VI+"; ", out.EN+"; "
			}
			out.VI, out.EN = out.VI+n.VI, out.EN+n.EN
		}
		return out
	}
	whole, rest, _ := strings.Cut(s, ".")
	if _, ok := insight.Number(s); !ok || len(whole) > 15 || strings.Contains(s, ",") || whole == "" || strings.Contains(rest, ".") {
		return fault.Text{VI: long(s), EN: long(s)}
	}
	rest = strings.TrimRight(rest, "0")
	grouped := group(strings.TrimLeft(whole, "0"))
	vi, en := strings.ReplaceAll(grouped, " ", "."), strings.ReplaceAll(grouped, " ", ",")
	if rest != "" {
		vi, en = vi+","+rest, en+"."+rest
	}
	if dong {
		vi, en = vi+" đồng", en+" VND"
	}
	return fault.Text{VI: vi, EN: en}
}

// group puts blanks between thousands.
func group(digits string) string {
	if digits == "" {
		return "0"
	}
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// masked hides citizen numbers, in fields made for them whatever they hold, and
// in any other where a part is one; other text is returned as it is.
func (r Reader) masked(name, text string) string {
	switch name {
	case "SO_CCCD", "SO_CCCD_NND", "MA_DINH_DANH_CONG_DAN", "MA_DINH_DANH_Y_TE":
		return Mask(text)
	}
	parts := strings.Split(text, ";")
	changed := false
	for i, part := range parts {
		_, err := care.ParseCitizenID(strings.TrimSpace(part))
		if m, bad := r.Date(part); err == nil && (bad != nil || m.Year() < 1000) { // yyyyMMddHHmm has twelve digits too; numbers begin with 0
			parts[i], changed = Mask(part), true
		}
	}
	if !changed {
		return text
	}
	return strings.Join(parts, ";")
}

// Mask keeps the last four characters of a number.
func Mask(s string) string {
	r := []rune(strings.TrimSpace(s))
	if len(r) < 6 {
		return strings.Repeat("•", len(r))
	}
	return "•••• •••• " + string(r[len(r)-4:])
}

// longWord is how many bytes a word has that nobody reads: a signature, a picture.
const longWord = 200

func long(s string) string {
	if len(s) <= longWord || strings.ContainsAny(s, " \n\t") {
		return s
	}
	return strings.ToValidUTF8(s[:24], "") + "…"
}
