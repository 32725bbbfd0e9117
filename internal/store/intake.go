package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/score/tally"
	"lienthong/internal/vault"
)

// Intake is what package intake needs of a store.
type Intake interface {
	// Known tells for every query what is held now, in the same order. It takes
	// no locks: Commit checks again.
	Known(ctx context.Context, queries []Query) ([]Known, error)
	// Recall tells, for many files at once, what the same bytes became when they
	// were decided before and, as Known does, what is held of dossiers: in one
	// round trip and from one state, in the same order. It takes no locks.
	Recall(ctx context.Context, queries []Recall) ([]Recalled, error)
	// Commit stores a group of prepared dossiers in one transaction and tells
	// for each what became of it, in the same order. Of members that exclude
	// each other one is stored and the others are Conflict. An error means that
	// nothing of the group is known to be stored: ErrFull, ErrStopping,
	// ErrNoLog, ErrLeaseLost, or a broken store. A group that fails on the data
	// of one member fails whole; the caller splits it.
	Commit(ctx context.Context, lane Lane, group []Prepared) ([]Outcome, error)
	// Refuse keeps the fact that files were refused whole.
	Refuse(ctx context.Context, refusals []Refusal) error
}

// AtOnce is an Intake that works on several groups at the same time: so many are
// worth giving it.
type AtOnce interface{ AtOnce() int }

// Query asks what is known of one dossier. Each hash is given under every live
// pepper, newest first.
type Query struct {
	Facility care.FacilityCode
	Kind     string
	Episode  []vault.Keyed
	Content  []vault.Keyed   // of the ordered decoded inner documents
	Subject  []vault.Keyed   // of MA_BN; nil without one
	Claims   [][]vault.Keyed // one entry per strong identifier
}

// Recall asks what became of a file and what is known of dossiers. Either part
// may be empty.
type Recall struct {
	Facility care.FacilityCode
	File     []vault.Keyed // keyed hash of its bytes under every live pepper, newest first; nil: not asked
	Dossiers []Query       // of any facility
}

// Recalled answers a Recall.
type Recalled struct {
	Places []Stored // places by index in the file, in order; nil when the file is new
	Known  []Known  // aligned with Dossiers
}

// Known answers a Query.
type Known struct {
	Same    *Stored  // the record last made of the same episode and content; nil: new
	Head    Episode  // zero when the episode is new
	Subject *Subject // nil: the facility has not sent this patient before
	Claims  []Claim  // one per query claim, zero where unclaimed
}

// Episode is the head of an episode and kind: its newest accepted version.
type Episode struct {
	Version int        // 0: none yet
	Current dossier.ID // zero when none, or when withdrawn
	Order   string     // what versions are ordered by, of Current
	// Where Current is counted, for the delta that marks it superseded.
	FacilityVersion int64
	Day             int
	// Key is what the head is kept under, zero when new: Prepared.Episode stays
	// it after a change of pepper.
	Key vault.Keyed
}

// Is reports whether two heads are the same by what Commit compares.
func (e Episode) Is(o Episode) bool {
	return e.Version == o.Version && e.Current == o.Current && e.Order == o.Order
}

// Subject is a patient as one facility knows them.
type Subject struct {
	Key    vault.Keyed
	Person PersonID   // zero: not linked
	Barred []PersonID // persons it was unlinked from by hand: never linked again by itself
}

// PersonID names a person inside the hub. It never leaves it: readers see a
// reference scoped to them.
type PersonID = identity.Person

// Claim is a strong identifier taken by a person, with what must agree before
// another record with the identifier is linked to that person.
type Claim struct {
	Key    vault.Keyed
	Person PersonID
	Name   vault.Keyed // of the folded full name
	Birth  vault.Keyed // of the birth date as sent, at day precision
}

// File is one file as stored: facility and keyed hash name it.
type File struct {
	Facility     care.FacilityCode
	Hash         vault.Keyed
	Digest       [32]byte // SHA-256 of the bytes
	Size         int64
	Received     time.Time
	Sender       string // client or role that sent it
	Lane         Lane
	Wrapped      []byte // data key of the skeleton
	Class        string
	Month        int
	Skeleton     []byte // sealed
	Certificates []Blob // left out of the skeleton, kept once by hash
	Seals        []SealNote
	Dossiers     int
	Software     string // name/version of the program that made it, as its sender says; "" unknown
}

// Blob is public bytes kept once by their SHA-256.
type Blob struct {
	Hash [32]byte
	Data []byte
}

// SealNote is what verifying one signature found.
type SealNote struct {
	Fingerprint [32]byte // of the signer's certificate
	Subject     string   // its subject as text: an organisation
	Algorithm   string
	Bound       string // "pinned" or "issued"
	Revocation  string // what was known at receipt: "good", "not yet known"
	Expired     bool   // within the grace
	// Since release 3; empty in older rows.
	Role    string `json:",omitempty"` // RoleFacility or RolePerson
	Covered string `json:",omitempty"` // what was signed, as package seal says it
	Serial  string `json:",omitempty"` // of the certificate, hexadecimal
	Issuer  string `json:",omitempty"` // its issuer's name as text
}

// Whose signature it is.
const (
	RoleFacility = "facility"
	RolePerson   = "person" // who signed beside the facility: a doctor
)

// Prepared is one dossier, judged, sealed and signed for, ready to be stored.
// What it was prepared against (Expect*) is checked again under lock: when the
// record held for its episode and content is not ExpectSame (zero: none), the
// outcome is StatusReplay if that record is accepted and StatusConflict if not;
// when the episode's head is not ExpectHead, or a claim is not as prepared,
// StatusConflict.
//
// A Prepared without Leaf is a place only: its content is known to be the
// record ExpectSame, so nothing but the file and the place in it is kept
// (StatusReplay, with ExpectSame as Stored).
//
// The head is compared for accepted ones with a version or Withdraws, by Is.
// Withdraws must name an accepted record not yet withdrawn, and what NewSubject
// says of link, person, bars and claims must hold: else StatusConflict. Where
// Current, the head's Current is marked superseded by this record; Supersedes,
// where it names another, is marked too. A withdrawal of the current record
// leaves a head without Current and Order; Version stays. A file that comes
// again gives its places to the records made of it last.
type Prepared struct {
	File  *File // shared by the dossiers of a file
	Index int   // of the dossier in its file

	ID              dossier.ID
	Kind            string
	FacilityVersion int64
	Received        time.Time
	Verdict         dossier.Verdict
	Episode         vault.Keyed // under the newest pepper
	Content         vault.Keyed
	Documents       uint32   // bit i: table XMLi is present
	Tags            []string // what lists and counts can be asked by: finding codes and, of an accepted one, "doc:XMLi" for every table, none for classes

	Version    int  // 0 unless accepted
	Current    bool // false for an older version that arrives late
	Order      string
	Supersedes dossier.ID // accepted: the version it replaces; rejected or newly accepted: the record of the same content judged before
	Withdraws  dossier.ID // this record withdraws that one

	ExpectSame dossier.ID // zero: no record of this content
	ExpectHead Episode

	Subject *NewSubject // nil when rejected or without MA_BN

	Wrapped []byte // data key
	Class   string
	Month   int
	Head    []byte // sealed part 0: receipt body, signature, salt, MA_LK
	Body    []byte // sealed part 1: the inner documents; nil for a withdrawal
	Leaf    []byte // leaf data of the receipt
	Deltas  []Delta
	Marks   tally.Marks // of quality, nil without: they count while it is current, see house.Scores
	Legs    []LegStart  // begun with it, in the same commit, when it is Stored
}

// NewSubject is what identity decided for a dossier's patient.
type NewSubject struct {
	Key       vault.Keyed
	Person    PersonID           // zero: leave unlinked
	NewPerson bool               // Person does not exist yet
	Linked    bool               // the subject already has this link: nothing to write
	Evidence  string             // why linked: "citizen_id", "insurance_no", "subject"
	Claims    []Claim            // claims to be taken for Person; each must be free or already its own
	Features  []identity.Feature // what Person can be found by; of a subject that is linked now
}

// Status is what became of a prepared dossier.
type Status int

// The statuses.
const (
	// Stored: it is durable, its leaf is in the log.
	StatusStored Status = iota + 1
	// Replay: the same content was stored before; Stored is that record. The
	// file and its place in it are now kept too.
	StatusReplay
	// Conflict: what it was prepared against is no longer so; nothing was kept.
	// Ask Known and prepare again.
	StatusConflict
)

// Outcome is what became of one Prepared.
type Outcome struct {
	Status Status
	Place  LeafPlace // StatusStored: Index is its own leaf
	Stored *Stored   // StatusReplay
}

// Stored is a record as kept, enough to give its result and receipt again.
type Stored struct {
	Record
	Index int // in the file it was asked by
}

// Refusal is a file refused whole: no record, but a trace for its sender.
type Refusal struct {
	ID              dossier.ID // facility is the sender's, or the one the file names
	At              time.Time
	Sender          string
	Size            int64
	Digest          [32]byte
	Code            string
	Lane            Lane
	FacilityVersion int64 // 0 unknown
	Deltas          []Delta
}

// Delta changes one counter.
type Delta struct {
	FacilityVersion int64
	Day             int // yyyyMMdd in Hanoi
	Kind            string
	Measure         string // a state, "refused", a finding code as "code:X", a document as "doc:XML13"
	Purpose         string // the purpose a code blocks, "" none
	N               int64
}
