// Package store is the contract between the hub's rules and the engines that
// keep its rows. It hands out slices, each the few calls that one user needs;
// store/sqlite and store/postgres implement them with their own SQL, and
// store/storetest is the contract as a test suite run on both. There are no
// rules here: what to keep is decided above; how, below.
//
// Every unique key of an engine begins with its distribution column: the
// facility for records and all that lies with them, the person for links, the
// hash for claims. Times are UTC microseconds. What is personal reaches a
// store only sealed (package vault) or as a keyed hash.
package store

import (
	"context"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// Slices is what an engine hands out when it is opened.
type Slices struct {
	Intake        Intake
	Records       Records
	People        People
	Facilities    Facilities
	Ledger        Ledger
	Disclosures   Disclosures
	Counters      Counters
	Access        Access
	Keys          Keys
	Audit         Audit
	Services      Services
	Stamps        Stamps
	Revocations   Revocations
	Witness       Witness
	Retention     Retention
	Legs          Legs
	Destinations  Destinations
	Secrets       Secrets
	Gateways      Gateways
	Enrolments    Enrolments
	Feeds         Feeds
	Inflow        Inflow
	Alarms        Alarms
	Surveys       Surveys
	Logins        Logins
	Consents      Consents
	Openings      Openings
	Notices       Notices
	Matters       Matters
	Staffs        Staffs
	Temporaries   Temporaries
	Shares        Shares
	Rekeys        Rekeys
	Verifications Verifications
	House         house.Slices // of the ministry
	Close         func() error
}

// Lane is the urgency of a write, the most urgent first.
type Lane int

// The lanes.
const (
	Urgent Lane = iota
	Routine
	Backlog
)

// ParseLane reads "urgent", "routine", "backlog"; Routine for "".
func ParseLane(s string) (Lane, error) {
	switch s {
	case "", "routine":
		return Routine, nil
	case "urgent":
		return Urgent, nil
	case "backlog":
		return Backlog, nil
	}
	return Routine, ErrLane
}

// String returns the lane as the header Lane: names it.
func (l Lane) String() string { return [...]string{"urgent", "routine", "backlog"}[l] }

// The faults every engine gives.
var (
	// See package base.
	ErrAbsent, ErrFull, ErrStopping = base.ErrAbsent, base.ErrFull, base.ErrStopping
	ErrText, ErrTaken, ErrChanged   = base.ErrText, base.ErrTaken, base.ErrChanged
	// ErrHeld: another process holds the log of this data.
	ErrHeld = fault.New(fault.Conflict, "ledger.held",
		"Tiến trình khác đang giữ sổ của dữ liệu này: dừng hub trước, hoặc làm việc này trong cổng của hub đang chạy.",
		"Another process holds the log of this data: stop the hub first, or do this in the portal of the one that runs.")
	// ErrLogFollowed: a later log was begun, so this one stays closed.
	ErrLogFollowed = fault.New(fault.Conflict, "ledger.followed",
		"Sổ này đã đóng và đã có sổ mới tiếp theo.", "This log is closed and another one has been begun after it.")
	// ErrLane: no such lane.
	ErrLane = fault.New(fault.Invalid, "lane.invalid",
		"Làn phải là urgent, routine hoặc backlog.", "The lane must be urgent, routine or backlog.")
	// ErrNoLog: this process holds no log, so it may not commit what needs a leaf.
	ErrNoLog = fault.New(fault.Busy, "ledger.not_held",
		"Tiến trình này không giữ sổ nên không ghi được.", "This process holds no log and cannot commit.")
	// ErrTooMany: a person's says have a limit.
	ErrTooMany = fault.New(fault.Conflict, "consent.too_many",
		"Đã có quá nhiều lựa chọn còn hiệu lực. Hủy bớt rồi thêm lại.", "Too many choices hold already. Revoke some and add again.")
	// ErrLeaseLost: another process took this log; this one must stop writing.
	ErrLeaseLost = fault.New(fault.Broken, "ledger.lease_lost",
		"Sổ đã do tiến trình khác giữ; tiến trình này phải dừng.", "Another process holds this log now; this one must stop.")
)

// Head is the end of one log as last committed, with its number n in <hub>/log/<n>.
type Head struct {
	Log int
	ledger.Head
	// Closed is nil for a log that goes on; of one that ended at a restore it is
	// the last checkpoint that was known of it (empty: none was).
	Closed []byte
}

// Log is the writer's side of a ledger, kept in memory by the process that
// leases it; *ledger.Log is one. An engine calls Append as late as it can
// within a transaction, keeps what the batch says (leaves, tiles, checkpoint,
// head), commits, and then calls Confirm. When the transaction surely failed
// it calls Abandon. When the outcome is unknown it calls Doubt, reads the head
// row again and calls Resolve, which says whether the commit took place. Calls
// come from one goroutine at a time.
type Log interface {
	Append(leaves [][]byte) (*ledger.Batch, error)
	Confirm(*ledger.Batch)
	Abandon(*ledger.Batch)
	Doubt(*ledger.Batch)
	Resolve(ledger.Head) (committed bool, err error)
}

var _ Log = (*ledger.Log)(nil)

// OpenLog builds the writer of a leased log from its head and what is stored
// of it. An engine calls it once, when it is opened to write.
type OpenLog func(ctx context.Context, head Head, source ledger.Source) (Log, error)

// Ledger keeps the logs.
type Ledger interface {
	// Append commits leaves that belong to no record (keys, disclosure roots,
	// acts of administration) and returns the index of the first. ErrNoLog,
	// ErrLeaseLost.
	Append(ctx context.Context, leaves [][]byte) (LeafPlace, error)
	// Head returns the last committed head of a log; ErrAbsent for an unknown one.
	Head(ctx context.Context, log int) (Head, error)
	// Logs lists the numbers of all logs.
	Logs(ctx context.Context) ([]int, error)
	// Source reads a log's leaves and full tiles.
	Source(log int) ledger.Source
	// Checkpoint returns the signed note committed at that size; ErrAbsent.
	Checkpoint(ctx context.Context, log int, size uint64) (string, error)
	// Key returns where the leaf of a receipt key is in a log; ErrAbsent. PutKey
	// keeps it. Every log carries its own leaf of each key used with it.
	Key(ctx context.Context, log int, kid string) (KeyLeaf, error)
	PutKey(ctx context.Context, key KeyLeaf) error
	// CloseLog ends a log with the last checkpoint known of it, "" for none:
	// nobody may lease it again, who held it has lost it (ErrLeaseLost), and who
	// opens the store takes another. That is a restore: legs that are not done may
	// have been sent since, and get an attempt where they had none. ErrAbsent.
	CloseLog(ctx context.Context, log int, known string) error
	// ReopenLog lets a closed log go on, unless a later one was begun:
	// ErrLogFollowed. ErrAbsent.
	ReopenLog(ctx context.Context, log int) error
}

// LeafPlace says where leaves were committed: the first index and the size and
// checkpoint of the commit.
type LeafPlace struct {
	Log        int
	Index      uint64
	Size       uint64
	Checkpoint string
}

// KeyLeaf is a receipt key's public half and its leaf.
type KeyLeaf struct {
	KID   string
	SPKI  []byte
	Log   int
	Index uint64
}

// Keys keeps wrapped month keys and the hub's own facts.
type Keys interface {
	// Months returns every wrapped month key.
	Months(ctx context.Context) ([]MonthKey, error)
	// PutMonth keeps a new month key unless one is there, and returns the one that is kept.
	PutMonth(ctx context.Context, key MonthKey) (MonthKey, error)
	// Fact returns a named fact of the hub ("hub.name", "master.check"); ErrAbsent.
	Fact(ctx context.Context, name string) ([]byte, error)
	// PutFact keeps a fact; one that is there stays and is returned.
	PutFact(ctx context.Context, name string, value []byte) ([]byte, error)
	// Act keeps an administrative act with its leaf, committed together.
	Act(ctx context.Context, act Act) error
	// Acts lists acts, newest first, at most limit, before the given id (0: from the newest).
	Acts(ctx context.Context, before int64, limit int) ([]Act, error)
}

// MonthKey is the wrapped key of one retention class and month (yyyymm in Hanoi).
type MonthKey = vault.WrappedMonthKey

// Act is one administrative act: who did what to which thing.
type Act = base.Act

// CheckText gives ErrText when one of the texts is not UTF-8 or holds NUL.
// Every engine calls it for what it is about to keep.
func CheckText(texts ...string) error { return base.CheckText(texts...) }
