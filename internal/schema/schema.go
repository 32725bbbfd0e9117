// Package schema holds the field tables that the decisions on dossier data fix,
// XML0 to XML15, as data: which fields a table has, in which order, of which
// type and length, since which decision, and how people call them.
//
// Decisions follow one another as patches: QĐ 130/QĐ-BYT (2023), 4750/QĐ-BYT
// (2023, in force 2024-07-01), 3176/QĐ-BYT (2024, from 2025-01-01), 1931/QĐ-BYT
// (2026, from 2026-07-01). A dossier is read by the version in force on its own
// date, so that old dossiers stay readable as they were meant.
//
// It judges nothing (package quality does) and reads no dossier (package kind does).
package schema

import (
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Type says how the text of a field is to be read.
type Type string

// The types of QĐ 4750's fields. A code is text whose leading zeros count.
const (
	Text     Type = "text"
	Code     Type = "code"
	Number   Type = "number"   // decimal point, no grouping
	Date     Type = "date"     // yyyyMMdd
	DateTime Type = "datetime" // yyyyMMddHHmm
	// Moment is a date, with a time or without, as documents outside the QĐ 4750
	// family write it: dd/MM/yyyy, yyyy-MM-dd HH:mm:ss and the like (care.ParseDate).
	Moment Type = "moment"
)

// Need says whether a field must be filled. It is a reading of the decisions,
// so an unmet one is a finding and never a rejection.
type Need string

// The needs. Conditional fields depend on others: a rule decides, not the table.
const (
	Required    Need = "yes"
	Conditional Need = "conditional"
	Optional    Need = "no"
)

// Field is one field of a table in one version.
type Field struct {
	Name     string // "HO_TEN"
	Type     Type
	Multi    bool // several values separated by ";"
	MaxLen   int  // in characters (code points), over all values; 0 without a limit
	Required Need
	Source   string // the decision that gave the field this form: "4750"
	LabelVI  string // "Họ và tên"
	LabelEN  string // "Full name"
	Values   []Value
}

// Value is one code of a field with a list of its own and what it means. Where a
// field has such a list, no list of the catalogue speaks for it: prescriptions
// number the sexes in another order.
type Value struct {
	Code string
	Text fault.Text
}

// Meaning says what a code of the field means, false where the field has no list
// of its own or the list has no such code.
func (f *Field) Meaning(code string) (fault.Text, bool) {
	for i := range f.Values {
		if f.Values[i].Code == code {
			return f.Values[i].Text, true
		}
	}
	return fault.Text{}, false
}

// Label returns what people call the field.
func (f *Field) Label() fault.Text { return fault.Text{VI: f.LabelVI, EN: f.LabelEN} }

// Table is one table in one version.
type Table struct {
	Name    string     // "XML1"
	Title   fault.Text // "Tổng hợp khám chữa bệnh"
	Root    string     // document element; "" where no public source names it (XML12)
	List    string     // element around the records; "" where there is none
	Record  string     // element of one record; equal to Root for a table of one record
	Single  bool       // exactly one record
	Fields  []Field    // in the order of the decision
	Columns *dossier.Columns
}

// Field returns the field of that name, nil without one.
func (t *Table) Field(name string) *Field {
	if i := t.Columns.Index(name); i >= 0 {
		return &t.Fields[i]
	}
	return nil
}

// Version is the set of tables as one decision left them.
type Version struct {
	Decision string // "4750"
	Title    string // "QĐ 4750/QĐ-BYT (2023)"
	From     int    // first day, yyyymmdd in Asia/Ho_Chi_Minh
	tables   []*Table
	index    map[string]int
}

// Table returns the table of that name ("XML1"), nil without one.
func (v *Version) Table(name string) *Table {
	if i, ok := v.index[name]; ok {
		return v.tables[i]
	}
	return nil
}

// NewVersion returns the tables of a kind outside the QĐ 4750 family, so that
// judging and pages know their fields. A table without Columns gets them from its
// Fields. It does not become one of Versions.
func NewVersion(decision, title string, from int, tables ...*Table) *Version {
	v := &Version{Decision: decision, Title: title, From: from, tables: tables, index: make(map[string]int, len(tables))}
	for i, t := range tables {
		v.index[t.Name] = i
		if t.Columns != nil {
			continue
		}
		names := make([]string, len(t.Fields))
		for k := range t.Fields {
			names[k] = t.Fields[k].Name
		}
		t.Columns = dossier.NewColumns(t.Name, names...)
	}
	return v
}

// Tables returns all tables in order; callers must not change it.
func (v *Version) Tables() []*Table { return v.tables }

// For returns the version in force on a day written yyyymmdd; the first one
// for days before it, so it is never nil.
func For(day int) *Version {
	all := Versions()
	for i := len(all) - 1; i > 0; i-- {
		if day >= all[i].From {
			return all[i]
		}
	}
	return all[0]
}

// ByDecision returns the version of a decision ("3176"), nil without one.
func ByDecision(decision string) *Version {
	for _, v := range Versions() {
		if v.Decision == decision {
			return v
		}
	}
	return nil
}

// Versions returns all versions, oldest first; callers must not change it.
func Versions() []*Version { return versions() }
