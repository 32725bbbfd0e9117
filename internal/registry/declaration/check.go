package declaration

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/expression"
	"lienthong/internal/registry"
)

// Checked is what became of values.
type Checked struct {
	Values   registry.Values // canonical; a text that is not of its type stays as it came, cleaned
	Findings []registry.Finding
	Rules    map[string]bool // by code: whether it held; one that did not apply is absent
}

// Refused reports whether a finding forbids taking the values from a file or a form.
func (c *Checked) Refused() bool {
	for _, f := range c.Findings {
		if f.Severity == "error" {
			return true
		}
	}
	return false
}

// Check brings values into their canonical form and says what is wrong with them,
// field by field and then by the declaration's rules. A field that the declaration
// does not have is a finding, and left out. A field of the key that is absent is an
// error, one of the first priority a warning.
func (db *Database) Check(v registry.Values, now time.Time) Checked {
	out := Checked{Values: make(registry.Values, len(v))}
	for name := range v {
		if fieldIn(db.Declaration, name) == nil {
			out.Findings = append(out.Findings, registry.Finding{Code: "entry.unknown_field", Word: "correct", Severity: "error",
				Text: unknownField})
			break
		}
	}
	for i := range db.columns {
		c := &db.columns[i]
		text := care.Clean(v[c.Name])
		if text == "" {
			if f := db.missing(c); f != nil {
				out.Findings = append(out.Findings, *f)
			}
			continue
		}
		text, typed := c.canonical(text)
		out.Values[c.Name] = text
		if f := c.look(text, typed, db.lists); f != nil {
			out.Findings = append(out.Findings, *f)
		}
	}
	if f := db.validity(out.Values); f != nil {
		out.Findings = append(out.Findings, *f)
	}
	db.judge(&out, now)
	return out
}

func (db *Database) missing(c *column) *registry.Finding {
	severity := ""
	if c.Priority == 1 {
		severity = "warning"
	}
	for _, k := range db.Declaration.Key {
		if k == c.Name {
			severity = "error"
		}
	}
	if severity == "" {
		return nil
	}
	f := c.finding("missing", "sufficient")
	f.Severity = severity
	return f
}

// validity finds an entry that ends before it begins.
func (db *Database) validity(v registry.Values) *registry.Finding {
	from, to := v[db.ValidFrom], v[db.ValidTo]
	if from == "" || to == "" || len(from) < 10 || len(to) < 10 || from[:10] <= to[:10] {
		return nil
	}
	return &registry.Finding{Code: "entry." + db.ValidTo + ".before", Word: "consistent", Field: db.ValidTo, Severity: "error", Text: endsBefore}
}

// judge works the rules out. A rule that cannot be worked out does not apply: what is
// wrong with its fields their own checks say.
func (db *Database) judge(out *Checked, now time.Time) {
	if len(db.rules) == 0 {
		return
	}
	given := expression.Given{"entry": expression.RowOfMap(out.Values), "today": today(now)}
	out.Rules = make(map[string]bool, len(db.rules))
	for _, r := range db.rules {
		if r.when != nil {
			if applies, err := r.when.Holds(given); err != nil || !applies {
				continue
			}
		}
		held, err := r.must.Holds(given)
		if err != nil {
			continue
		}
		if out.Rules[r.Code] = held; !held {
			out.Findings = append(out.Findings, registry.Finding{Code: "rule." + r.Code, Word: r.Word, Field: r.Field, Severity: r.Severity, Text: r.Text})
		}
	}
}
