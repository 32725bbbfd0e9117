package score

import (
	"strings"

	"lienthong/internal/dossier"
)

// unscored are codes that say how a dossier came, not what it is worth.
func unscored(code string) bool {
	return strings.HasPrefix(code, "SENDER.") || strings.HasPrefix(code, "SEAL.")
}

// WordOf returns the word that a finding code is counted under, by its last part;
// "" for one that says how a dossier came and not what it is worth. It is false for
// a code that nobody has put under a word.
func WordOf(code string) (Word, bool) {
	if unscored(code) {
		return "", true
	}
	switch code[strings.LastIndexByte(code, '.')+1:] {
	case "missing", "no_code":
		return Sufficient, true
	case "too_long", "not_date", "not_number", "negative", "not_positive", "range", "future", "after_creation", "test_value",
		"count", "too_many", "supply", "external", "unreadable":
		return Correct, true
	case "pattern", "form", "letters", "duplicate":
		return Clean, true
	case "late":
		return Alive, true
	case "not_in_list", "outdated", "unknown", "province":
		return Unified, true
	case "sum", "order", "differs", "contradicts", "sex", "death", "outside_stay", "days", "product", "uninsured", "child", "over",
		"replaced", "not_yet", "expired", "same", "self", "disagrees", "ambiguous":
		return Consistent, true
	}
	return "", false
}

// place is where a finding is counted.
type place struct {
	word         Word
	table, field string
}

// Judge marks dossiers by one sheet. It is safe for concurrent use.
type Judge struct {
	sheet  *Sheet
	at     map[place]int
	tables []tableChecks
	words  map[string]Word // of rules that name their own
}

// tableChecks are the checks that look into one table.
type tableChecks struct {
	name   string
	whole  []int // applicable when the table is there
	fields []fieldCheck
	tidy   int // check of the tidiness of the fields, -1 none
}

type fieldCheck struct {
	name   string
	when   Condition
	filled int   // Sufficient, -1 none
	hours  int   // of alive
	alive  int   // Alive, -1 none
	has    []int // applicable when the field has a text
}

// NewJudge returns the judge of a sheet. Words names the word of findings whose
// rule says it itself, by code, "" for those that count as nothing; nil without any.
func NewJudge(s *Sheet, words map[string]Word) *Judge {
	j := &Judge{sheet: s, at: make(map[place]int, len(s.Checks)), words: words}
	for i := range s.Checks {
		c := &s.Checks[i]
		j.at[place{c.Word, c.Table, c.Field}] = i
		if c.Table == "" {
			continue
		}
		t := j.table(c.Table)
		if c.Field == "" {
			t.whole = append(t.whole, i)
			if c.Word == Clean {
				t.tidy = i
			}
			continue
		}
		f := t.field(c.Field)
		switch {
		case c.Word == Sufficient:
			f.filled = i
			f.when, _ = ParseCondition(c.When) // checked by NewSheet
		case c.Word == Alive && c.Hours > 0:
			f.alive, f.hours = i, c.Hours
		default:
			f.has = append(f.has, i)
		}
	}
	return j
}

// With returns the judge with other words of rules. It costs nothing to make.
func (j *Judge) With(words map[string]Word) *Judge {
	other := *j
	other.words = words
	return &other
}

func (j *Judge) table(name string) *tableChecks {
	for i := range j.tables {
		if j.tables[i].name == name {
			return &j.tables[i]
		}
	}
	j.tables = append(j.tables, tableChecks{name: name, tidy: -1})
	return &j.tables[len(j.tables)-1]
}

func (t *tableChecks) field(name string) *fieldCheck {
	for i := range t.fields {
		if t.fields[i].name == name {
			return &t.fields[i]
		}
	}
	t.fields = append(t.fields, fieldCheck{name: name, filled: -1, alive: -1})
	return &t.fields[len(t.fields)-1]
}

// Sheet returns the sheet.
func (j *Judge) Sheet() *Sheet { return j.sheet }

// Of returns the position of the check a finding is counted under: that of its
// field, else of its table, else of its word; -1 where it is not scored or the
// sheet does not have the word at all.
func (j *Judge) Of(f dossier.Finding) int {
	word, own := j.words[f.Code]
	if !own {
		var known bool
		if word, known = WordOf(f.Code); !known {
			word = Correct // a rule people wrote since, that names no word of its own
		}
	}
	if word == "" {
		return -1
	}
	table, field := f.Table, f.Field
	if table == "" {
		table, field = placeOf(f.Code)
	}
	for _, p := range [...]place{{word, table, field}, {word, table, ""}, {word, "", ""}} {
		if i, ok := j.at[p]; ok && j.sheet.Checks[i].Hours == 0 {
			return i
		}
	}
	return -1
}

// placeOf reads table and field off a code "XML1.T_THUOC.sum".
func placeOf(code string) (table, field string) {
	parts := strings.Split(code, ".")
	if len(parts) == 3 {
		return parts[0], parts[1]
	}
	return "", ""
}
