// Package registry holds specialised databases as declarations: one file says what
// a database is called, who answers for it, what its entries are made of and where
// they come from, who sees which fields, how fresh they must be. What a declaration
// does not say the hub does not do; to add a database is to add a file.
//
// It holds the words only, so that stores can know them: package
// registry/declaration reads files, checks values and makes entries out of rows, and
// package steward opens records and asks stores.
package registry

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// ID names a database: lower-case letters, digits and "-", from a letter, at most 40.
type ID string

// Declaration is one version of what a database is. It never changes: what
// changes makes a new version.
type Declaration struct {
	ID        ID
	Version   int        // from 1, given when it is taken
	Name      fault.Text // of the database
	Entry     fault.Text // of one entry: "mũi tiêm", "dose"
	Steward   string     // id of the unit that answers for it
	Legal     []string   // ids of package law; one that the register does not have shows as unconfirmed
	Fields    []Field
	Key       []string // fields that tell one entry from another
	Person    string   // field with a citizen's number, "" none
	Facility  string   // field with a facility's code, "" none
	ValidFrom string   // field with the day an entry holds from, "" none
	ValidTo   string   // and until
	Sources   []Source
	Rules     []Rule
	Sharing   []Share
	Refresh   Refresh
	Retention string // class of package retention that sealed values are kept under
	Text      []byte // the file as it was written
}

// FacilityDatabase is the database of facilities, whose field "code" is the shared
// list of them, with the hub's own directory; FacilityList is that list's name.
const (
	FacilityDatabase ID = "facilities"
	FacilityList        = "db:facilities.code"
)

// ListOf returns the list that values of a field are held against: its own, the list
// of facilities for the text that names one, "" none.
func (d *Declaration) ListOf(f *Field) string {
	if f.List == "" && f.Type == Text && f.Name == d.Facility && d.ID != FacilityDatabase && !f.Class.Sealed() {
		return FacilityList
	}
	return f.List
}

// Type is what the text of a field must be.
type Type string

// The types. Values are kept as canonical text.
const (
	Text    Type = "text"
	Integer Type = "integer"
	Decimal Type = "decimal" // "." before the fraction, at most 18 digits
	Boolean Type = "boolean" // "true" or "false"
	Date    Type = "date"    // yyyy-MM-dd
	Moment  Type = "moment"  // RFC 3339 with the zone of Hanoi
	Code    Type = "code"    // of List
)

// Class says who may see a field at all, and how it is kept.
type Class string

// The classes, the most open first.
const (
	Open      Class = "open"      // anybody; may be published
	Internal  Class = "internal"  // whom the database is shared with
	Personal  Class = "personal"  // kept sealed, found by keyed hash, each look is logged
	Sensitive Class = "sensitive" // as Personal, and only where a share names the field
)

// Sealed reports whether values of the class are kept sealed.
func (c Class) Sealed() bool { return c == Personal || c == Sensitive }

// Field is one column of a database.
type Field struct {
	Name      string // lower-case letters, digits and "_"
	Label     fault.Text
	Type      Type
	Class     Class
	Priority  int     // 1 to 3 of those that must be filled; 0: none
	List      string  // Code: a list of package catalog, "db:ID.FIELD" of another database, or "own:FIELD" of Values
	Values    []Value // Code: the list of its own, nil where List names another's
	Format    string  // regular expression (RE2) of the whole text, "" any
	Min, Max  string  // bounds of numbers and dates, "" none
	MaxLength int     // code points; 0: 1,000
	Search    bool    // lists can be asked by it
}

// Value is one code of a field's own list.
type Value struct {
	Code string
	Text fault.Text
}

// SourceKind is where entries come from.
type SourceKind string

// The kinds of sources.
const (
	FromRecords  SourceKind = "records"  // tables of what facilities send
	FromImport   SourceKind = "import"   // files that a unit brings
	FromDatabase SourceKind = "database" // entries of another database here
	FromFeed     SourceKind = "feed"     // another body's feed of entries
	FromForm     SourceKind = "form"     // typed in by a unit
)

// Source is one origin of entries.
type Source struct {
	ID      string
	Kind    SourceKind
	Records []string            // FromRecords: kinds ("qd4750"); all others: nil
	Classes care.Classes        // FromRecords: closed classes it may read, by the law it names
	Table   string              // FromRecords: the table whose rows are entries; "" one entry a record
	From    ID                  // FromDatabase
	URL     string              // FromFeed
	Where   string              // CEL over the row, "" all
	Map     map[string]string   // field -> CEL over the row
	Columns map[string][]string // FromImport: other names of a field's column
}

// Rule is a check over one entry.
type Rule struct {
	Code     string
	Word     string // of the eight, as package score names them
	Field    string // that it is counted under
	When     string // CEL: whether it applies, "" always
	Must     string // CEL: what must hold
	Severity string // as package dossier names them: "info", "warning", "error"
	Text     fault.Text
}

// Share is a standing permission: a grant made when the database is declared.
type Share struct {
	To      string   // role as package role writes it, or "*"
	Fields  []string // nil: all that are not Sensitive
	Purpose string
	Until   time.Time // zero: open
}

// Refresh is how alive a database must be.
type Refresh struct {
	Every time.Duration // an entry is expected to be confirmed that often; 0: never
	Stale time.Duration // after it an entry counts as stale; 0: never
}

// State is how far a database has come.
type State string

// The states, in order. Each step is an act with its evidence.
const (
	Surveyed  State = "surveyed" // also where nobody took a step yet
	Building  State = "building"
	Evaluated State = "evaluated"
	Accepted  State = "accepted"
	Operating State = "operating"
)

// States lists them in order.
func States() []State { return []State{Surveyed, Building, Evaluated, Accepted, Operating} }

// Values are an entry's fields in canonical text; one that is absent has none.
type Values map[string]string

// EntryID names an entry within its database: a keyed hash of its key.
type EntryID [16]byte

// EntryState is what an entry counts as.
type EntryState string

// The states of entries.
const (
	Live   EntryState = "live"
	Ended  EntryState = "ended"  // its source was withdrawn, or it was closed by hand
	Merged EntryState = "merged" // another entry stands for it: Into
)

// RecordID names a record: a dossier.ID, converted. It stands here for the depth of
// imports only.
type RecordID struct {
	Facility care.FacilityCode
	Serial   [16]byte
}

// Origin is what an entry was made from.
type Origin struct {
	Source   string            // Source.ID
	Record   RecordID          // FromRecords
	Facility care.FacilityCode // of the record, or the one the entry names; "" none
	Import   string            // id of the import; "" none
	By       string            // who typed it in, as acts name people; "" nobody
}

// Entry is one version of one entry.
type Entry struct {
	Database  ID
	ID        EntryID
	Version   int // from 1
	Declared  int // version of the declaration it was made under
	State     EntryState
	Into      EntryID // Merged
	Values    Values  // those the reader sees
	Origin    Origin
	ValidFrom time.Time // zero: always
	ValidTo   time.Time // zero: open
	At        time.Time // when the hub made this version
	Confirmed time.Time // when a source last said the same
	// Unreadable: what of it lies sealed does not open; Values are those in the clear.
	Unreadable bool
}
