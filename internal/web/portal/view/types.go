// Package view draws the portal's pages: what they show as plain types, and
// templates over them (templ; the generated Go is kept beside its source). It
// reads nothing and decides nothing: package portal asks, view shows.
package view

import (
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/schema"
	"lienthong/internal/score/told"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

// File is bytes to download.
type File struct {
	Name string
	Type string // media type
	Data []byte
}

// Reader is who asks, by which route and why: what a disclosure keeps.
type Reader struct {
	Role   role.Role
	Name   string // as shown in the corner
	Mark   string // public name of the session
	Route  string // pattern of the route that asks: "GET /records/{id}"
	Reason string // as typed by operators, "" for others

	Staff     care.Staff     // who, at a facility; zero: a login link
	Person    store.PersonID // of a citizen
	Level     int            // of identity proof
	SteppedUp time.Time      // when the second factor was last given
}

// ErrEpisodeFacility: an episode code was asked for without its facility.
var ErrEpisodeFacility = fault.New(fault.Invalid, "search.facility",
	"Nhập mã cơ sở ở bộ lọc trước khi tìm mã lượt khám: mã này chỉ duy nhất trong một cơ sở.",
	"Set the facility in the filter before searching for an episode code: it is unique only within a facility.")

// Query is what the message browser is asked. Zero fields ask for all. The
// episode is never in a URL: see portal's episode tokens.
type Query struct {
	Facility care.FacilityCode
	Province string
	Level    facility.Level
	Kind     string
	State    string // a state, "" all
	Code     string // a finding code, or "doc:XML13"
	Day      int    // yyyyMMdd, 0 all
	Episode  string // MA_LK
	Before   string // cursor of a page given before
	Limit    int
}

// Row is one record in a list: metadata only.
type Row struct {
	ID       dossier.ID
	At       time.Time
	Facility Named
	Kind     string
	State    dossier.State
	Codes    []string // of its findings, most severe first
	Version  int
}

// Named is a facility's code and short name.
type Named struct {
	Code     care.FacilityCode
	Name     string
	Province string
}

// List is a page of rows; Next is the cursor of the following page, "" at the end.
type List struct {
	Rows    []Row
	Next    string
	Problem string // why there is no list
}

// RefusedRow is one file returned whole.
type RefusedRow struct {
	ID       string
	At       time.Time
	Facility Named
	Sender   string
	Size     int64
	Digest   string // SHA-256 in hex
	Code     string
}

// RefusedList is a page of refused files.
type RefusedList struct {
	Rows []RefusedRow
	Next string
}

// Record is what may be known of a record without opening its content.
type Record struct {
	ID           dossier.ID
	Facility     Named
	Kind         string
	Received     time.Time
	State        dossier.State // what it is now
	Verdict      dossier.Verdict
	Version      int
	Current      bool
	Supersedes   dossier.ID
	SupersededBy dossier.ID
	Withdraws    dossier.ID
	WithdrawnBy  dossier.ID
	Erased       time.Time
	Documents    []string // "XML1", ...
	Lane         string
	Index        int
	Log          int
	Leaf         uint64
	Linked       bool // its subject is linked to a person
	Events       []Event
}

// Event is one step in a record's life.
type Event struct {
	At     time.Time
	What   string // "superseded", "withdrawn", "sealed_again", "linked", "unlinked", "verified"
	By     dossier.ID
	Detail string
}

// Opened is the clinical content of a record, delivered and logged.
type Opened struct {
	Episode string // MA_LK
	Content *dossier.Content
	Spec    *schema.Version // by which its tables were read; nil for a kind without
	Slip    *slip.Validity  // of a slip; nil for other kinds
	Receipt []byte          // receipt document, as downloaded
	Digest  string          // SHA-256 of the content, in hex
	Seals   []Seal
	Papers  []string // names of the papers that came beside the file, in order
	Patient Patient  // whom a kind of other words speaks of
}

// Patient is what the heading of a record says of its subject, in the forms of
// the QĐ 4750 family.
type Patient struct{ Name, Birth, Sex, CitizenID string }

// Seal is one signature over the file.
type Seal struct {
	Subject    string
	Algorithm  string
	Revocation string
	Expired    bool
	Person     bool // signed beside the facility: who concludes or prescribes
}

// Proof is the answer to "Kiểm chứng".
type Proof struct {
	At      time.Time
	Right   bool
	Origin  string
	Leaf    uint64
	Size    uint64
	Problem fault.Text // when not right
}

// Rule is what the catalogue says of a code.
type Rule struct {
	Code     string
	Severity dossier.Severity
	Blocks   []dossier.Purpose
	Text     fault.Text // the sentence
	Hint     fault.Text
	Source   string // legal source
}

// Result is what became, or would become, of one dossier of a file, or of the
// file as a whole when it is refused.
type Result struct {
	Index    int
	Record   string // "" in a check
	Episode  string
	Kind     string
	State    dossier.State
	Refused  bool
	Deferred bool // not decided: to be sent again
	Replay   bool
	Code     string     // of a refusal or deferral
	Message  fault.Text // of a refusal or deferral
	Findings []dossier.Finding
	Receipt  []byte       // receipt document; nil in a check
	Quality  *told.Report // of a check, where it would be accepted
}

// Cause is a group of one code for a facility or a wider scope.
type Cause struct {
	insight.Cause
	Rejects bool // else it is accepted and holds a purpose back
}

// Causes is "Cần sửa": what keeps records from being taken or paid.
type Causes struct {
	FromDay, ToDay int
	Sent           int64
	Rejecting      []Cause
	Holding        []Cause
}

// Sum adds up how many records causes name.
func Sum(list []Cause) (n int64) {
	for _, c := range list {
		n += c.N
	}
	return n
}

// Today is a facility's own day.
type Today struct {
	Facility     Named
	Records      insight.Flow
	Accepted     int64
	Rejected     int64
	Refused      int64
	LastSeen     time.Time
	Certificates []Certificate
}

// Certificate is a pinned certificate and how long it lasts.
type Certificate struct {
	Subject string
	Until   time.Time
}

// Look is one line of "Ai đã xem".
type Look struct {
	ID       int64
	At       time.Time
	Reader   string
	Role     string
	Record   dossier.ID
	Facility Named
	Basis    string
	Reason   string
	Count    int
}

// Act is one administrative act.
type Act struct {
	ID     int64
	At     time.Time
	Actor  string
	Action string
	Object string
	Detail string
}
