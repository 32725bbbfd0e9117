package chart

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// State is one of the three things that can be said of a fact.
type State string

// The states. They are never shown alike.
const (
	Recorded State = "recorded" // somebody wrote it down
	None     State = "none"     // somebody wrote down that there is none
	Nothing  State = "nothing"  // nobody wrote anything: it is not known
)

// How says by what a source tells of a fact.
type How string

// The ways, the surest first.
const (
	ByField  How = "field"  // a field made for it
	ByTest   How = "test"   // a laboratory result
	ByCode   How = "code"   // a diagnosis code
	ByNote   How = "note"   // a sentence quoted from a note
	BySupply How = "supply" // a supply charged
	ByOwn    How = "own"    // the citizen's own word
)

// Fact is what the records say of one thing. Items stand newest first, those
// that say it is so before those that say it is not.
type Fact struct {
	State    State  `json:"state"`
	Conflict bool   `json:"conflict"` // sources contradict one another: all are here
	Items    []Item `json:"items"`    // empty where nothing is recorded
}

// Item is one statement.
type Item struct {
	Says   State      `json:"says"`           // Recorded or None
	Text   string     `json:"text,omitempty"` // as the source has it
	Code   string     `json:"code,omitempty"` // ICD-10, where the source gave one
	Label  fault.Text `json:"label,omitzero"` // what the code means, whose number it is
	How    How        `json:"how"`
	Source Source     `json:"source"`
	Also   []Source   `json:"also,omitempty"` // others that say the same
}

// facts are those that places and codes tell of.
type facts struct {
	allergies, blood, implants, pregnancy, contacts, vaccinations Fact
	own                                                           []Item // problems the citizen states

	folds folds
}

// factsOf reads the facts of entries, newest first.
func factsOf(entries []reading, now time.Time, folded folds) *facts {
	f := &facts{folds: folded}
	for i := range entries {
		r := &entries[i]
		for _, t := range r.tables() {
			f.table(r, t, now)
		}
	}
	f.deliveries(entries, now)
	for _, x := range []*Fact{&f.allergies, &f.blood, &f.implants, &f.pregnancy, &f.contacts, &f.vaccinations} {
		x.finish()
	}
	f.blood.Conflict = bloodConflict(f.blood.Items)
	f.pregnancy.newest()
	return f
}

func (f *facts) named(name string) *Fact {
	switch name {
	case "allergy":
		return &f.allergies
	case "blood":
		return &f.blood
	case "implant":
		return &f.implants
	case "pregnancy":
		return &f.pregnancy
	case "contact":
		return &f.contacts
	case "vaccination":
		return &f.vaccinations
	}
	return nil
}

// add takes an item; one that says the same as another is one more source of it.
func (x *Fact) add(i Item) {
	key := care.Fold(i.Text)
	for k := range x.Items {
		have := &x.Items[k]
		if have.Says != i.Says || have.Code != i.Code || have.Label != i.Label || care.Fold(have.Text) != key {
			continue
		}
		if i.Source.moment().After(have.Source.moment()) {
			have.Source, i.Source = i.Source, have.Source
		}
		if len(have.Also) < maxAlso && i.Source != have.Source {
			have.Also = append(have.Also, i.Source)
		}
		return
	}
	if len(x.Items) < maxItems {
		x.Items = append(x.Items, i)
	}
}

// Bounds of what one fact holds: hostile records cannot make a page of a million
// lines. Whoever needs more opens the documents.
const (
	maxItems = 200
	maxAlso  = 20
)

func (x *Fact) finish() {
	x.State = Nothing
	none := false
	for _, i := range x.Items {
		if i.Says == Recorded {
			x.State = Recorded
		}
		none = none || i.Says == None
	}
	if none && x.State == Recorded {
		x.Conflict = true
	}
	if none && x.State == Nothing {
		x.State = None
	}
	slices.SortStableFunc(x.Items, func(a, b Item) int {
		if a.Says != b.Says {
			if a.Says == Recorded {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Source.moment().Compare(a.Source.moment()), strings.Compare(a.Text, b.Text))
	})
}

// newest makes the state of a fact that changes with time that of its newest
// item; in doubt it is so.
func (x *Fact) newest() {
	x.Conflict = false
	var at time.Time
	for _, i := range x.Items { // those that say it is so come first
		if m := i.Source.moment(); m.After(at) {
			at, x.State = m, i.Says
		}
	}
}

// table reads one table: its places, codes, supplies and unknown fields.
func (f *facts) table(r *reading, t *dossier.Table, now time.Time) {
	name := t.Columns.Table
	for _, p := range places()[name] {
		if t.Columns.Index(p.field) < 0 {
			continue
		}
		for row := range t.Rows {
			if s := text(t, row, p.field); s != "" {
				f.place(r, t, row, p, s, now)
			}
		}
	}
	coded := diagnosed(name)
	for row := range t.Rows {
		if coded {
			for _, c := range rowCodes(t, row) {
				f.code(r, t, row, c, now)
			}
		}
		switch name {
		case "XML3":
			f.supply(r, t, row)
		case "XML2":
			f.vaccine(r, t, row, "TEN_THUOC")
		case "XML4", "KET_QUA_XET_NGHIEM", "KHAM_CAN_LAM_SANG":
			f.bloodTest(r, t, row)
		}
		for _, x := range t.Rows[row].Extra {
			f.extra(r, t, row, x)
		}
	}
	f.people(r, t)
}

// place reads a field that may hold a fact.
func (f *facts) place(r *reading, t *dossier.Table, row int, p place, s string, now time.Time) {
	src := r.source(t, row, p.field, rowDates...)
	if p.fact == "problem" {
		if stateOf(s, "") == Recorded {
			f.own = append(f.own, Item{Says: Recorded, Text: clip(s), How: p.how, Source: src})
		}
		return
	}
	fact := f.named(p.fact)
	if fact == nil {
		return
	}
	if p.fact == "pregnancy" && src.moment().Before(now.AddDate(0, 0, -pregnancyDays)) {
		return
	}
	if p.how == ByNote {
		if !hasWord(p.fact+".word", f.folds.of(s)) {
			return
		}
		for _, s := range sentences(s) {
			if says := noteSays(p.fact, s); says != Nothing {
				fact.add(Item{Says: says, Text: clip(s), How: ByNote, Source: src})
			}
		}
		return
	}
	switch says := stateOf(s, p.fact+".word"); {
	case says == Nothing, says == None && p.fact == "blood":
	default:
		fact.add(Item{Says: says, Text: clip(s), How: p.how, Source: src})
	}
}

// rowDates are fields of a row that date what it says.
var rowDates = []string{"THOI_DIEM_DBLS", "NGAY_CT", "NGAY_GHI", "NGAY_KQ", "NGAY_YL", "NGAY_TH_YL", "NGAY_TH"}

// noteSays says what a sentence of a note tells of a fact; Nothing where it
// does not speak of it, or denies in words that cannot be read for certain.
func noteSays(fact, sentence string) State {
	folded := without(fact+".not", care.Fold(sentence))
	if !hasWord(fact+".word", folded) {
		return Nothing
	}
	says := Nothing
	for _, c := range clauses(sentence) {
		if !hasWord(fact+".word", without(fact+".not", care.Fold(c))) {
			continue
		}
		switch s := stateOf(c, fact+".word"); {
		case s == Recorded && fact != "allergy" && denies(c):
		case s == Recorded, says == Nothing:
			says = s
		}
	}
	return says
}

// maxText is how much of a text an item quotes, in characters.
const maxText = 400

func clip(s string) string {
	s = strings.TrimSpace(s)
	n := 0
	for i := range s {
		if n++; n > maxText {
			return s[:i] + "…"
		}
	}
	return s
}

// rowCodes are the diagnosis codes of a row, in their usual form.
func rowCodes(t *dossier.Table, row int) []string {
	var out []string
	for _, field := range codeFields {
		if t.Columns.Index(field) < 0 {
			continue
		}
		for _, c := range strings.FieldsFunc(text(t, row, field), func(r rune) bool { return r == ';' || r == ',' }) {
			if code := icd(c); code != "" && !slices.Contains(out, code) && len(out) < maxCodes {
				out = append(out, code)
			}
		}
	}
	return out
}

const maxCodes = 60

// codeFields hold diagnosis codes, the main one first.
var codeFields = []string{"MA_BENH_CHINH", "MA_CHAN_DOAN", "MA_BENH", "MA_BENH_KT"}

// icd writes a code in its usual form, "" for what is none.
func icd(s string) string {
	if s = strings.TrimSpace(s); len(s) > 12 {
		return ""
	}
	return strings.TrimRight(catalog.ICDRepair(s), "*+†")
}

// code reads one diagnosis code.
func (f *facts) code(r *reading, t *dossier.Table, row int, code string, now time.Time) {
	item := func(label fault.Text) Item {
		return Item{Says: Recorded, Code: code, Label: label, How: ByCode, Source: r.source(t, row, "", rowDates...)}
	}
	if label, ok := icdIn("allergy.icd", code); ok {
		f.allergies.add(item(label))
	}
	if label, ok := icdIn("implant.icd", code); ok {
		f.implants.add(item(label))
	}
	if label, ok := icdIn("pregnant.icd", code); ok {
		if i := item(label); i.Source.moment().After(now.AddDate(0, 0, -pregnancyDays)) {
			f.pregnancy.add(i)
		}
	}
}

// pregnancyDays is how long a pregnancy once recorded is still told of: 42 weeks
// and two for the delay of papers.
const pregnancyDays = 308

// deliveries adds what ended pregnancies that are told of: a later birth or
// delivery. It is told beside them and never instead.
func (f *facts) deliveries(entries []reading, now time.Time) {
	if len(f.pregnancy.Items) == 0 {
		return
	}
	for i := range entries {
		r := &entries[i]
		if r.when().Before(now.AddDate(0, 0, -pregnancyDays)) {
			continue
		}
		for _, t := range r.tables() {
			if !diagnosed(t.Columns.Table) {
				continue
			}
			for row := range t.Rows {
				for _, code := range rowCodes(t, row) {
					if label, ok := icdIn("delivered.icd", code); ok {
						f.pregnancy.add(Item{Says: None, Code: code, Label: label, How: ByCode, Source: r.source(t, row, "", rowDates...)})
					}
				}
			}
		}
	}
}

// supply reads an implant out of what was charged.
func (f *facts) supply(r *reading, t *dossier.Table, row int) {
	f.vaccine(r, t, row, "TEN_DICH_VU")
	if name := text(t, row, "TEN_VAT_TU"); name != "" && hasWord("implant.supply", f.folds.of(name)) {
		f.implants.add(Item{Says: Recorded, Text: clip(name), How: BySupply, Source: r.source(t, row, "TEN_VAT_TU", "NGAY_TH_YL", "NGAY_YL")})
	}
}

func (f *facts) vaccine(r *reading, t *dossier.Table, row int, field string) {
	if name := text(t, row, field); name != "" && hasWord("vaccine.word", f.folds.of(name)) {
		f.vaccinations.add(Item{Says: Recorded, Text: clip(name), How: BySupply, Source: r.source(t, row, field, "NGAY_TH_YL", "NGAY_YL")})
	}
}

// bloodTest reads a blood group out of a laboratory result.
func (f *facts) bloodTest(r *reading, t *dossier.Table, row int) {
	name := text(t, row, "TEN_CHI_SO", "TEN_DICH_VU")
	if name == "" || !strings.Contains(f.folds.of(name), "nhom mau") {
		return
	}
	if value := text(t, row, "GIA_TRI", "KET_LUAN", "KET_QUA"); value != "" && stateOf(value, "") == Recorded {
		f.blood.add(Item{Says: Recorded, Text: clip(value), Label: fault.Text{VI: clip(name), EN: clip(name)}, How: ByTest, Source: r.source(t, row, "GIA_TRI", "NGAY_KQ")})
	}
}

// extra reads a field that no specification names, by parts of its name. Of a
// relative only how to reach them is told.
func (f *facts) extra(r *reading, t *dossier.Table, row int, x dossier.Extra) {
	s := strings.TrimSpace(x.Cell.Text)
	if s == "" || len(x.Name) > 200 {
		return
	}
	name := strings.ToUpper(strings.ReplaceAll(care.NameKey(x.Name), " ", ""))
	for _, fact := range []string{"contact", "allergy", "blood", "implant", "pregnancy", "vaccination"} {
		for _, l := range lists()["extra."+fact] {
			if !strings.Contains(name, l.entry) {
				continue
			}
			if fact == "contact" && !reaches(x.Name) {
				return
			}
			says := stateOf(s, fact+".word")
			if fact == "contact" && strings.ContainsAny(s, "123456789") {
				says = Recorded
			}
			if says == Recorded || says == None && fact != "contact" && fact != "blood" {
				i := Item{Says: says, Text: clip(s), How: ByField, Source: r.source(t, row, x.Name, rowDates...)}
				if fact == "contact" {
					i.Label = fault.Text{VI: x.Name, EN: x.Name}
				}
				f.named(fact).add(i)
			}
			return
		}
	}
}

// reaches reports whether the last part of a name below a relative is a person's
// name or number, or the relative as such.
func reaches(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	last = strings.ToUpper(strings.ReplaceAll(care.NameKey(last), " ", ""))
	for _, part := range []string{"TEN", "DIENTHOAI", "SDT"} {
		if strings.Contains(last, part) {
			return true
		}
	}
	for _, l := range lists()["extra.contact"] {
		if strings.HasSuffix(last, l.entry) {
			return true
		}
	}
	return false
}
