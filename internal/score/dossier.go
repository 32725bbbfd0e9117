package score

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
)

// Mark marks an accepted dossier: what the findings say, and what the sheet looks
// for itself in the fields. Received is when the hub received it; before sending,
// the moment it is checked.
func (j *Judge) Mark(fields dossier.Fields, findings []dossier.Finding, received time.Time) Marks {
	m := NewMarks(j.sheet)
	for i := range j.sheet.Checks {
		if j.sheet.Checks[i].Table == "" {
			m.Set(i, Passed)
		}
	}
	for i := range j.tables {
		t := &j.tables[i]
		for _, table := range fields.Tables() {
			if table.Columns.Table == t.name {
				t.mark(m, table, received)
			}
		}
	}
	for i := range findings {
		if at := j.Of(findings[i]); at >= 0 {
			m.Set(at, Failed)
		}
	}
	return m.Trim()
}

func (t *tableChecks) mark(m Marks, table *dossier.Table, received time.Time) {
	for _, i := range t.whole {
		if m.Get(i) == NotApplicable {
			m.Set(i, Passed)
		}
	}
	for k := range t.fields {
		f := &t.fields[k]
		at := table.Columns.Index(f.name)
		when := -1
		if f.when.Field != "" {
			when = table.Columns.Index(f.when.Field)
		}
		for r := range table.Rows {
			cells := table.Rows[r].Cells
			text := cellOf(cells, at)
			if text != "" {
				for _, i := range f.has {
					if m.Get(i) == NotApplicable {
						m.Set(i, Passed)
					}
				}
				if t.tidy >= 0 && care.Clean(text) != text {
					m.Set(t.tidy, Failed)
				}
				if f.alive >= 0 {
					f.inTime(m, text, received)
				}
			}
			if f.filled < 0 || f.when.Field != "" && !f.when.holds(cellOf(cells, when)) {
				continue
			}
			if text == "" || blank(text) {
				m.Set(f.filled, Failed)
			} else if m.Get(f.filled) == NotApplicable {
				m.Set(f.filled, Passed)
			}
		}
	}
}

// inTime marks whether a record came soon enough after the moment in its field. A
// moment that cannot be read is another check's.
func (f *fieldCheck) inTime(m Marks, text string, received time.Time) {
	moment, err := care.ParseMoment(text)
	if err != nil || moment.IsZero() {
		return
	}
	switch {
	case received.After(moment.End().Add(time.Duration(f.hours) * time.Hour)):
		m.Set(f.alive, Failed)
	case m.Get(f.alive) == NotApplicable:
		m.Set(f.alive, Passed)
	}
}

func cellOf(cells []dossier.Cell, at int) string {
	if at < 0 || at >= len(cells) {
		return ""
	}
	return cells[at].Text
}

func (c *Condition) holds(text string) bool {
	if c.Values == nil {
		return text != ""
	}
	for _, v := range c.Values {
		if v == text {
			return true
		}
	}
	return false
}

func blank(s string) bool {
	for i := range len(s) {
		if s[i] > ' ' {
			return false
		}
	}
	return true
}
