package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// Record is the row of one record. Content is in Head and Body, sealed.
type Record struct {
	ID              dossier.ID
	Kind            string
	FacilityVersion int64
	Received        time.Time
	Verdict         dossier.Verdict // state is the verdict's; see State for what it is now
	Version         int
	Current         bool
	Supersedes      dossier.ID
	SupersededBy    dossier.ID
	WithdrawnBy     dossier.ID
	Withdraws       dossier.ID
	Erased          time.Time // zero: not erased
	Documents       uint32
	Lane            Lane
	File            vault.Keyed
	Index           int // in the file it first came in
	Subject         vault.Keyed
	Person          PersonID // of its subject now; zero: not linked
	Episode         vault.Keyed
	Class           string
	Month           int
	Wrapped         []byte // nil when erased
	Head            []byte
	Place           LeafPlace // Checkpoint empty: ask Ledger.Checkpoint(Log, Size)
}

// State returns what the record is now: its verdict, or superseded, withdrawn, erased.
func (r *Record) State() dossier.State {
	switch {
	case !r.Erased.IsZero():
		return dossier.Erased
	case !r.WithdrawnBy.IsZero():
		return dossier.Withdrawn
	case r.Verdict.State.IsAccepted() && r.Version > 0 && !r.Current && r.Withdraws.IsZero():
		return dossier.Superseded
	}
	return r.Verdict.State
}

// Records reads records. Every call is within a scope: a row outside it is absent.
type Records interface {
	// Get returns one record; ErrAbsent.
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*Record, error)
	// Body returns the sealed inner documents of a record; ErrAbsent, also when erased.
	Body(ctx context.Context, id dossier.ID) ([]byte, error)
	// List returns records newest first, at most f.Limit, and whether more follow.
	List(ctx context.Context, scope role.Scope, f Filter) ([]Record, bool, error)
	// File returns a file with its skeleton and the records of its dossiers in order; ErrAbsent.
	File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*File, []Stored, error)
	// Kept returns what reading some records needs, in one question and in their
	// order; zero for one that is absent or erased, or has no file.
	Kept(ctx context.Context, ids []dossier.ID) ([]Kept, error)
	// Timeline returns the later events of a record, oldest first; ErrAbsent.
	Timeline(ctx context.Context, id dossier.ID) ([]Transition, error)
	// Refusals lists refused files of the scope, newest first.
	Refusals(ctx context.Context, scope role.Scope, f Filter) ([]Refusal, bool, error)
	// Walk calls fn for every record of a log in order of its leaf, for the
	// re-verifier, with its body; fn's error ends the walk, and so does a row
	// that cannot be read, after fn had those before it.
	Walk(ctx context.Context, log int, from uint64, fn func(*Record, []byte) error) error
}

// Kept is what is kept of a record for its reader.
type Kept struct {
	Wrapped []byte     // its data key, as it is wrapped now
	Body    []byte     // its sealed inner documents
	Seals   []SealNote // of the file it first came in
}

// Filter selects records. Zero fields select all.
type Filter struct {
	Facility care.FacilityCode
	Province string
	Level    facility.Level
	Episode  []vault.Keyed // under every live pepper
	Kind     string
	State    dossier.State // a verdict as given at receipt, Superseded or Withdrawn; lists what the counter of that name counts
	Tag      string        // a finding code, or "doc:XML13"
	Subject  []vault.Keyed
	Person   PersonID
	Day      int // yyyyMMdd in Hanoi
	Since    time.Time
	Before   Cursor
	Limit    int // at most 1,000; 0: 50
}

// Cursor is a place in a list: rows strictly older than it follow. The zero
// Cursor is the newest end.
type Cursor struct {
	At time.Time
	ID dossier.ID
}

// Transition is an event in a record's life after it was stored.
type Transition struct {
	At     time.Time
	What   string     // "superseded", "withdrawn", "sealed_again", "linked", "unlinked"
	By     dossier.ID // the record that caused it, zero where none
	Actor  string
	Detail string // code or reason; no personal data
}

// People keeps who is linked to whom. Links are rows with history.
type People interface {
	// Unlink takes a subject's link away, keeps the history and remembers not
	// to link it to that person again by itself. ErrAbsent when not linked.
	Unlink(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, actor, reason string, at time.Time) error
	// Link links a subject to a person by hand. ErrAbsent for an unknown subject or person.
	Link(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, person PersonID, actor, reason string, at time.Time) error
	// Links returns the history of a subject's links, oldest first.
	Links(ctx context.Context, facility care.FacilityCode, subject vault.Keyed) ([]Link, error)
	// Find returns the persons that hold an identifier (hash under every live pepper).
	Find(ctx context.Context, claim []vault.Keyed) ([]PersonID, error)
	// Subjects returns the facility and key of every subject linked to the person now.
	Subjects(ctx context.Context, person PersonID) ([]SubjectOf, error)
}

// SubjectOf names a subject.
type SubjectOf struct {
	Facility care.FacilityCode
	Key      vault.Keyed
}

// Link is one row of a subject's history.
type Link struct {
	Person   PersonID
	From, To time.Time // To zero: holds now
	Evidence string
	Actor    string
	Reason   string
}

// Facilities keeps the directory. Every change moves its epoch and is an act with a leaf.
type Facilities interface {
	// Epoch returns the directory's epoch: cheap, asked every second.
	Epoch(ctx context.Context) (int64, error)
	// Load returns the whole directory.
	Load(ctx context.Context) (*facility.Directory, error)
	// Change applies changes together with their acts and moves the epoch.
	Change(ctx context.Context, change DirectoryChange, act Act) error
	// LastSeen returns when each facility last sent, by code.
	LastSeen(ctx context.Context, scope role.Scope) (map[care.FacilityCode]time.Time, error)
}

// DirectoryChange adds to the directory; nothing is changed in place. IDs of
// versions are given by the store.
type DirectoryChange struct {
	Anchors           [][]byte
	Units             []facility.Unit
	Versions          []facility.Version
	Certificates      []facility.Certificate
	Carriers          []facility.Carrier
	Clients           []facility.Client
	RevokeClient      string
	RevokeCertificate [32]byte
	Items             []house.Item // what units are beside their names; as DutyItems keeps them, ErrChanged
}

// Counters keeps and sums deltas.
type Counters interface {
	// Sum adds folded and unfolded deltas, exact at every moment, by the
	// dimensions asked.
	Sum(ctx context.Context, scope role.Scope, q CountQuery) ([]Count, error)
	// Fold adds appended deltas up; called about once a second. It returns how many rows it folded.
	Fold(ctx context.Context) (int, error)
	// Add appends deltas that belong to no commit (look-ups).
	Add(ctx context.Context, at time.Time, deltas []Delta) error
	// Recount counts records anew from their rows, in the same shape as Sum:
	// every record (withdrawals too) under the state of its verdict; "superseded"
	// for accepted records that have SupersededBy or arrived late (a version, not
	// current); "withdrawn" for those with WithdrawnBy, both where and when the
	// record itself counted; "code:X" once per record, code and purpose blocked
	// ("" where it blocks none); "doc:X" by tag; "refused" by refusal, kind "".
	Recount(ctx context.Context, scope role.Scope, q CountQuery) ([]Count, error)
	// Minutes returns records per minute received since a moment, by the state
	// of the verdict, oldest first. It reaches back 48 hours.
	Minutes(ctx context.Context, scope role.Scope, since time.Time) ([]MinuteCount, error)
}

// CountQuery selects and groups counts. Measures nil: all.
type CountQuery struct {
	FromDay, ToDay int // inclusive; 0: open
	Measures       []string
	Kind           string
	Facility       care.FacilityCode
	Province       string
	By             []Dimension
	AsOf           map[int]uint64 // Recount: as the rows said when these logs had these sizes, and others none; refusals, which have no leaf, as they are
	Standing       bool           // Recount: of accepted records only, those neither superseded nor withdrawn, and no withdrawals
}

// Asks reports whether the query asks for a measure whose name begins so: "doc:", a
// name; "" always.
func (q *CountQuery) Asks(prefix string) bool {
	return prefix == "" || q.Measures == nil || slices.ContainsFunc(q.Measures, func(m string) bool { return strings.HasPrefix(m, prefix) })
}

// Dimension is what counts are split by; all of the facility's are joined from its version.
type Dimension string

// The dimensions.
const (
	ByDay      Dimension = "day"
	ByKind     Dimension = "kind"
	ByMeasure  Dimension = "measure"
	ByPurpose  Dimension = "purpose"
	ByFacility Dimension = "facility"
	ByLevel    Dimension = "level"
	ByProvince Dimension = "province"
	ByUnit     Dimension = "unit"
	ByVendor   Dimension = "vendor"
	ByType     Dimension = "type"
)

// Count is a number and where it stands; Key is aligned with CountQuery.By.
type Count struct {
	Key []string
	N   int64
}

// MinuteCount is the records of one minute.
type MinuteCount struct {
	Minute  time.Time
	Measure string
	N       int64
}

// Disclosures keeps who read what. On SQLite it has a file and a queue of its
// own; on both, Record returns only when the rows are durable.
type Disclosures interface {
	Record(ctx context.Context, rows []Disclosure) error
	// List returns disclosures of the scope's records, newest first.
	List(ctx context.Context, scope role.Scope, f DisclosureFilter) ([]Disclosure, bool, error)
	// OfPerson returns looks at a person, newest first, at all facilities: those
	// of the time's link, and those at records that are the person's now.
	OfPerson(ctx context.Context, person PersonID, f DisclosureFilter) ([]Disclosure, bool, error)
	// Unrooted returns disclosures of this instance without a leaf yet, oldest
	// first, and Root marks them as covered by a leaf.
	Unrooted(ctx context.Context, limit int) ([]Disclosure, error)
	Root(ctx context.Context, upTo int64, place LeafPlace) error
}

// DisclosureFilter selects disclosures.
type DisclosureFilter struct {
	Record  dossier.ID
	Person  PersonID
	Staff   care.Staff
	Opening consent.OpeningID
	Since   time.Time
	Until   time.Time
	Before  int64 // id; 0: newest
	Limit   int
}

// Disclosure is one delivery of clinical content to one reader.
type Disclosure struct {
	ID       int64
	At       time.Time
	Reader   string // session or client, never a person's number
	Role     string
	Record   dossier.ID // zero when it is about a person's list
	Person   PersonID
	Facility care.FacilityCode // whose record
	Basis    string            // "own_record", "operator_reason"
	Policy   string            // what decided, with version
	Reason   string            // as typed, for operators
	Route    string
	Count    int // records opened
	// Since release 5; empty in older rows.
	Staff   care.Staff        // who, at a facility
	Opening consent.OpeningID // on which basis, where it is one of an opening
	Purpose string
	Facts   string // JSON of policy.Question: what decided
}

// Access keeps sessions and one-time tokens. Tokens are stored as their hash.
type Access interface {
	// PutLink keeps a one-time login link.
	PutLink(ctx context.Context, l LoginLink) error
	// UseLink takes a link once; ErrAbsent when used, expired or unknown.
	UseLink(ctx context.Context, hash [32]byte, now time.Time) (LoginLink, error)
	// PutSession, Session, EndSession keep the sessions of people.
	PutSession(ctx context.Context, s Session) error
	Session(ctx context.Context, hash [32]byte, now time.Time) (Session, error)
	EndSession(ctx context.Context, hash [32]byte) error
	// Once remembers a token id until its end and reports whether it was new.
	Once(ctx context.Context, client, jti string, until time.Time) (bool, error)
}

// LoginLink is a one-time link for bootstrap.
type LoginLink struct {
	Hash    [32]byte
	Role    string
	Expires time.Time
	Next    string // path to open first
}

// Session is a person's session.
type Session struct {
	Hash    [32]byte
	Role    string
	Name    string // shown in the corner
	Began   time.Time
	Expires time.Time
	// Since release 5.
	Staff     care.Staff // zero: a login link, no person known
	Person    PersonID   // of a citizen
	Level     int        // of identity proof: 0 link, 1, 2 (VNeID level 2)
	SteppedUp time.Time  // when the second factor was last given; zero: never
	Device    string     // as shown in the list of sessions
}
