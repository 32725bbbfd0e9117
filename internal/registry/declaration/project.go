package declaration

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/expression"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// About is what expressions know of a record beside its content, as the row "record".
type About struct {
	ID       dossier.ID
	Kind     string
	Province string // of its facility on that day, "" not known: a code tells nothing of it
	Received time.Time
}

func (a About) row() any {
	return expression.RowOfMap(map[string]string{"id": a.ID.String(), "facility": string(a.ID.Facility), "province": a.Province,
		"kind": a.Kind, "received": a.Received.In(clock.Hanoi).Format(time.RFC3339)})
}

// Made is an entry that a row says: values as the map gives them, to be checked by
// Check, and what could not be worked out.
type Made struct {
	Row      int // of the table, from 0; 0 where the source has none
	Values   registry.Values
	Findings []registry.Finding
}

// FromRecord reports whether a source takes entries from records of a kind.
func (s *source) fromRecord(kind string) bool {
	if s.Kind != registry.FromRecords {
		return false
	}
	for _, k := range s.Records {
		if k == kind {
			return true
		}
	}
	return false
}

// Project returns the entries that a record says by one source (its ID); nil where
// the source is none of this database's, or not one of records of that kind. fields
// holds what the reader may see: closed classes that the source may not read are
// left out by whoever opened the record.
func (db *Database) Project(sourceID string, fields dossier.Fields, about About) []Made {
	s := db.source(sourceID)
	if s == nil || !s.fromRecord(about.Kind) {
		return nil
	}
	given := expression.Given{"record": about.row(), "dossier": expression.DossierOf(fields)}
	if s.Table == "" {
		if made, ok := db.one(s, given, 0); ok {
			return []Made{made}
		}
		return nil
	}
	var out []Made
	table := fields.Table(s.Table)
	if table == nil {
		return nil
	}
	for n := range table.Rows {
		given["row"] = expression.RowOfTable(table, n)
		if made, ok := db.one(s, given, n); ok {
			out = append(out, made)
		}
	}
	return out
}

// ProjectEntry returns the entry that an entry of another database says, nil where
// the source does not take it.
func (db *Database) ProjectEntry(sourceID string, v registry.Values) *Made {
	s := db.source(sourceID)
	if s == nil || s.Kind != registry.FromDatabase {
		return nil
	}
	made, ok := db.one(s, expression.Given{"row": expression.RowOfMap(v)}, 0)
	if !ok {
		return nil
	}
	return &made
}

func (db *Database) source(id string) *source {
	for i := range db.sources {
		if db.sources[i].ID == id {
			return &db.sources[i]
		}
	}
	return nil
}

// one makes the entry of one row; false where the source leaves it out. A row for
// which that cannot be worked out is left out, and what is not right in it the
// scores of its record say.
func (db *Database) one(s *source, given expression.Given, row int) (Made, bool) {
	if s.where != nil {
		if takes, err := s.where.Holds(given); err != nil || !takes {
			return Made{}, false
		}
	}
	made := Made{Row: row, Values: make(registry.Values, len(s.fill))}
	for _, f := range s.fill {
		text, err := f.value.Text(given)
		if err != nil {
			made.Findings = append(made.Findings, registry.Finding{Code: "entry." + f.field + ".source", Word: "correct", Field: f.field, Severity: "warning",
				Text: fault.Text{VI: "Không đọc được từ hồ sơ nguồn.", EN: "It could not be read from the source record."}})
			continue
		}
		if text = care.Clean(text); text != "" {
			made.Values[f.field] = text
		}
	}
	return made, true
}

// Headers returns the names of columns that a file brought to a source may have, as
// care.Fold gives them, with their fields: a field's name, its labels and the names
// the declaration lists.
func (db *Database) Headers(sourceID string) map[string]string {
	names := map[string]string{}
	add := func(name, field string) {
		if key := care.Fold(name); names[key] == "" {
			names[key] = field
		}
	}
	for i := range db.Fields {
		add(db.Fields[i].Name, db.Fields[i].Name)
	}
	if s := db.source(sourceID); s != nil {
		for field, others := range s.Columns {
			for _, o := range others {
				add(o, field)
			}
		}
	}
	for i := range db.Fields {
		add(db.Fields[i].Label.VI, db.Fields[i].Name)
		add(db.Fields[i].Label.EN, db.Fields[i].Name)
	}
	return names
}
