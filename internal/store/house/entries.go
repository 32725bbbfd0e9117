package house

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/registry"
	"lienthong/internal/store/base"
	"lienthong/internal/vault"
)

// Declared is one version of a declaration as it was taken.
type Declared struct {
	Database registry.ID
	Version  int // from 1
	At       time.Time
	By       string
	Text     []byte
}

// Step is a state a database came to.
type Step struct {
	Database registry.ID
	N        int // from 1
	State    registry.State
	At       time.Time
	By       string
	Evidence string // the actor's own words
}

// Databases keeps what databases are. Each change is an act with its leaf.
type Databases interface {
	// Epoch moves with every declaration, step and grant: cheap, asked every second.
	Epoch(ctx context.Context) (int64, error)
	// Declare keeps d, whose Version is one more than the newest, with its act;
	// ErrChanged where it is not.
	Declare(ctx context.Context, d Declared, act base.Act) error
	// Declared returns the newest version of each database, by ID.
	Declared(ctx context.Context) ([]Declared, error)
	// Versions returns all versions of a database, the newest first.
	Versions(ctx context.Context, id registry.ID) ([]Declared, error)
	// Reach keeps a step, whose N is one more than the last, with its act; ErrChanged.
	Reach(ctx context.Context, s Step, act base.Act) error
	// Steps returns the steps of a database in order; "" those of all, by database.
	Steps(ctx context.Context, id registry.ID) ([]Step, error)
}

// Key is what an entry is found by: folded text of an open field, a keyed hash of
// a sealed one.
type Key struct {
	Field string
	Value []byte
}

// Row is an entry as it is kept: what is sealed stays so.
type Row struct {
	Database  registry.ID
	ID        registry.EntryID
	Version   int
	Declared  int
	State     registry.EntryState
	Into      registry.EntryID
	Content   vault.Keyed // of all values: equal content is no new version
	Open      string      // JSON object of the values that are open or internal
	Sealed    []byte      // the others; empty where there are none
	Wrapped   []byte
	Class     string
	Month     int
	Origin    registry.Origin
	ValidFrom time.Time
	ValidTo   time.Time
	At        time.Time
	Confirmed time.Time
	Marks     []byte // package score's, empty: none
	Was       []byte // marks that Scores count less for it: ErrChanged where it has others now; nil: not asked. Not kept
	Seq       int64  // place of its last change in the order of the database's; given by the store
	Keys      []Key  // written with a version; not read back
}

// Brief is what is known of an entry before it is written. Version 0: there is none.
type Brief struct {
	Version   int
	Declared  int
	State     registry.EntryState
	Into      registry.EntryID
	Content   vault.Keyed
	Origin    registry.Origin
	At        time.Time
	Confirmed time.Time
	Marks     []byte
}

// Said is that a record says an entry.
type Said struct {
	Record registry.RecordID
	Entry  registry.EntryID
}

// Close ends an entry, or has another stand for it: a new version with the values
// of the one before.
type Close struct {
	ID      registry.EntryID
	Version int // that it has now
	State   registry.EntryState
	Into    registry.EntryID
	At      time.Time
	Until   time.Time // what ValidTo becomes; zero: stays
	By      string    // Origin.By of the version, "" nobody
	Wipe    bool      // destroy what is sealed, of all versions, and what it is found by
	Was     []byte    // as Row.Was
}

// Marking gives an entry other marks; its version, its day and its place in the order
// of changes stay.
type Marking struct {
	ID        registry.EntryID
	Version   int // what it has now, and so the next three
	Facility  care.FacilityCode
	Confirmed time.Time
	Was       []byte
	Marks     []byte
}

// Batch is what is written in one commit.
type Batch struct {
	// Rows are versions: of one that has version n now, n+1 writes a new version and
	// n confirms it (Confirmed, Origin and Marks move; nothing else does). Of one entry
	// at most one row. A row with Origin.Record is said by that record from now on.
	Rows   []Row
	Closes []Close
	Marked []Marking           // of entries that are in neither; ErrChanged where one is not as it says
	Said   []Said              // said by other records too, beside Rows
	Unsaid []Said              // no longer said
	Scores []ScoreDelta        // what marks count more and less
	Wipe   []registry.RecordID // of all versions that are still of these when the rest was written nothing remains but that they were
	Place  *Place              // moves with it
	Act    *base.Act
}

// Place is how far a source of a database was read.
type Place struct {
	Database registry.ID
	Source   string // "records" for all of FromRecords; else Source.ID
	Declared int    // version of the declaration it was read under
	At       time.Time
	Cursor   string
	Code     string // why it stands still, "" it does not
	Seen     int64  // records or rows read
	Made     int64  // versions written
	Ended    int64
}

// Match is what a field must be: one of the values, which are alike but for the
// pepper of their hash. Prefix: folded text that begins so, of one value.
type Match struct {
	Field  string
	Values [][]byte
	Prefix bool
}

// EntryFilter selects entries of one database. Zero fields select all.
type EntryFilter struct {
	Database   registry.ID
	IDs        []registry.EntryID
	State      registry.EntryState
	Facility   care.FacilityCode   // Origin.Facility
	Facilities []care.FacilityCode // one of them; nil: all. Empty and not nil: none
	Import     string
	Source     string
	Before     time.Time // confirmed before
	Match      []Match   // all of them
	// After continues a list behind an entry: lists are in the order of IDs, which
	// means nothing; with Newest, which goes without Match, by their last change, the
	// newest first, behind AfterSeq.
	After    registry.EntryID
	Newest   bool
	AfterSeq int64 // 0: from the newest
	Limit    int   // at most 1,000; 0: 50
}

// EntryCount is how many entries have a state.
type EntryCount struct {
	Database registry.ID
	State    registry.EntryState
	N        int64
}

// Entries keeps the entries of databases. Writers of one database follow one
// another.
type Entries interface {
	// Known tells what is held of entries, in the same order.
	Known(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]Brief, error)
	// Put writes a batch; ErrChanged, and nothing, when an entry has another version
	// than the batch says, or the place another cursor than `was` (nil Place: not asked).
	Put(ctx context.Context, id registry.ID, b Batch, was string) error
	// SaidBy returns what records say, Sayers who says entries; both by entry.
	SaidBy(ctx context.Context, id registry.ID, records []registry.RecordID) ([]Said, error)
	Sayers(ctx context.Context, id registry.ID, entries []registry.EntryID) ([]Said, error)
	// Get returns an entry as it was known at a moment (zero: now); ErrAbsent.
	Get(ctx context.Context, id registry.ID, entry registry.EntryID, at time.Time) (*Row, error)
	// History returns all versions, the newest first, at most limit; ErrAbsent.
	History(ctx context.Context, id registry.ID, entry registry.EntryID, limit int) ([]Row, error)
	// List returns entries, and whether more follow.
	List(ctx context.Context, f EntryFilter) ([]Row, bool, error)
	// Changes returns entries whose last change is behind a place (0: from the first),
	// in the order of changes, at most limit. An entry changed twice is there once.
	Changes(ctx context.Context, id registry.ID, after int64, limit int) ([]Row, error)
	// Counts returns how many entries there are, by database and state; "" of all.
	Counts(ctx context.Context, id registry.ID) ([]EntryCount, error)
	// Places returns how far the sources of a database were read; "" of all.
	Places(ctx context.Context, id registry.ID) ([]Place, error)
	// Erased returns records that were erased and whose entries were not gone through
	// yet, at most limit; with the erasure they come onto that list. Wiped takes them off it.
	Erased(ctx context.Context, limit int) ([]registry.RecordID, error)
	Wiped(ctx context.Context, records []registry.RecordID) error
	// MadeOf returns the entries that have a version made of one of the records.
	MadeOf(ctx context.Context, id registry.ID, records []registry.RecordID) ([]registry.EntryID, error)
	// Left counts versions of all databases that were made of erased records, gone
	// through as the list says, and still have values: it is 0.
	Left(ctx context.Context) (int64, error)
	// RecountScores counts anew the marks of live entries whose version is of a day from
	// one to another (inclusive), yyyyMMdd in Hanoi, of all databases, by day, as
	// Scores.Sum gives them. It reads all entries once, however many days are asked for.
	RecountScores(ctx context.Context, from, to int) ([]ScoreSum, error)
	// Turn takes, or keeps, what one process of several does until a moment, and
	// reports whether it is holder's.
	Turn(ctx context.Context, what, holder string, now, until time.Time) (bool, error)
}

// Grant is what a unit was given of a database beside what its declaration shares.
type Grant struct {
	ID       string
	Database registry.ID
	Version  int    // of the declaration it was given under
	To       string // role as package role writes it
	Fields   []string
	Purpose  string
	Since    time.Time
	Until    time.Time // zero: open
	By       string
	Ended    time.Time // zero: not by hand
	EndedBy  string
}

// Holds reports whether a grant holds at a moment.
func (g *Grant) Holds(at time.Time) bool {
	return !at.Before(g.Since) && (g.Until.IsZero() || at.Before(g.Until)) && (g.Ended.IsZero() || at.Before(g.Ended))
}

// Grants keeps what was given. Each change is an act with its leaf.
type Grants interface {
	// Give keeps a new grant with its act; ErrTaken.
	Give(ctx context.Context, g Grant, act base.Act) error
	// End ends a grant by hand, with its act; ErrAbsent, also of one that ended so.
	End(ctx context.Context, id registry.ID, grant string, at time.Time, by string, act base.Act) error
	// Given returns grants of a database ("" all) to a receiver ("" all), the newest
	// first, also those that are over.
	Given(ctx context.Context, id registry.ID, to string) ([]Grant, error)
}

// Import is a file that was brought into a database.
type Import struct {
	Database  registry.ID
	ID        string
	Version   int // from 1, one more with every Put
	Declared  int
	Source    string
	State     string // package steward/bring names them
	Name      string // of the file, as its bringer calls it
	Size      int64
	Digest    [32]byte
	By        string
	At        time.Time
	Changed   time.Time
	Counts    string    // JSON
	Summary   string    // JSON of what was found: places and codes, no value
	Undo      string    // JSON of what undoing needs
	UndoUntil time.Time // zero: not to be undone
}

// Imports keeps what was brought in.
type Imports interface {
	// PutImport keeps an import whose Version is one more than the one held (1: new);
	// ErrChanged. With its act, where there is one.
	PutImport(ctx context.Context, i Import, act *base.Act) error
	// Import returns one; ErrAbsent.
	Import(ctx context.Context, id registry.ID, name string) (Import, error)
	// Imports returns those of a database, the newest first, at most limit.
	Imports(ctx context.Context, id registry.ID, limit int) ([]Import, error)
	// ImportsIn returns the ids of those of a database that are in one of the states,
	// the oldest first, all of them.
	ImportsIn(ctx context.Context, id registry.ID, states ...string) ([]string, error)
}

// Moved is a record at its place in the order of commits, as it is now.
type Moved struct {
	Record          registry.RecordID
	Kind            string
	State           string // superseded, withdrawn and erased too
	Current         bool
	FacilityVersion int64
	Received        time.Time
	Documents       uint32
	Withdraws       registry.RecordID
	Log             int
	Leaf            uint64
	Changed         []registry.RecordID // whose state it changed: superseded or withdrawn by it
}

// Flow reads the records of all facilities in the order of commits.
type Flow interface {
	// After returns the next limit records behind a place ("": from the first) and
	// the place after the last. No record is passed over, also with several logs and
	// writers. Fault: feed.cursor.
	After(ctx context.Context, place string, limit int) ([]Moved, string, error)
}
