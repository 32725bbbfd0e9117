package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/vault"
)

// LegStart is a leg as it is begun with its record, in the record's commit.
type LegStart struct {
	Destination string
	State       exchange.State // Waiting or Held
	Code        string         // why held
}

// LegKey names a leg.
type LegKey struct {
	Record      dossier.ID // names the facility too
	Destination string
}

// Leg is one destination of a record and how its delivery stands. Times are
// zero where it has not come to that.
type Leg struct {
	LegKey
	Kind      string
	Episode   vault.Keyed
	File      vault.Keyed
	Lane      Lane
	Withdraws dossier.ID // of a withdrawal: the record it takes back
	State     exchange.State
	Due       time.Time
	Attempts  int
	Code      string // of the last attempt, or why it is held, parked or skipped
	Reference string // the destination's own number
	Created   time.Time
	Sent      time.Time // first handed over, wholly or in part
	Received  time.Time
	Finalized time.Time
	Opened    time.Time
	Changed   time.Time
	// Lapsed: as Claim gives it, an earlier claim of the leg ran out before it was
	// settled, so that an attempt nobody knows of may have arrived.
	Lapsed bool
}

// LegClaim asks for work on one destination.
type LegClaim struct {
	Destination string
	Holder      string // names one claim for ever: Settle must say the same
	Now, Until  time.Time
	Limit       int
	Whole       bool // give the other waiting legs of each file too, due or not
}

// LegResult is what became of a claimed leg.
type LegResult struct {
	LegKey
	State     exchange.State
	Due       time.Time // of Waiting
	Attempts  int
	Code      string
	Reference string
	Sent      time.Time // zero: as it was; so are the following
	Received  time.Time
	Finalized time.Time
	Receipt   *LegReceipt // what the destination said of the record, in place of what it said before; nil: nothing new
}

// LegReceipt is what a destination with receipts of its own said of a record:
// package evidence says what is sealed in it.
type LegReceipt struct {
	Destination string // as read; Settle takes its leg's
	At          time.Time
	Wrapped     []byte
	Sealed      []byte
}

// LegQueue is how a destination's legs stand.
type LegQueue struct {
	Destination string
	Waiting     int // due or not, not being carried
	Carried     int // claimed now
	Held        int
	Parked      int
	Oldest      time.Time // Created of the oldest waiting or carried; zero without one
	Sent24h     int       // received, or finalized without, in the last 24 hours, by the minute
}

// LegFilter selects legs; zero fields select all.
type LegFilter struct {
	Records     []dossier.ID // at most 1,000; nil: all
	Destination string
	Facility    care.FacilityCode
	Kind        string
	State       exchange.State
	Code        string
	From, To    time.Time // of Created
	Before      Cursor    // rows strictly older by Created and record follow
	Limit       int       // at most 1,000; 0: 50
}

// LegMove is an operator's or facility's act on legs: from the states that
// allow it to another.
type LegMove struct {
	To   exchange.State // Waiting (send, send again) or Skipped (give up)
	Code string         // why, as kept with the leg: "operator.retry", "facility.send_anyway", "operator.skip"
	At   time.Time      // becomes Due of Waiting
}

// Legs keeps deliveries. Legs are begun by Intake.Commit (Prepared.Legs).
// Retention.Erase skips those of the record that are not done. After a restore
// (Ledger.CloseLog) every leg that is not done has at least one attempt: it may
// have been sent after the backup was made.
type Legs interface {
	// Claim leases waiting legs of a destination that are due, lane by lane with
	// the most urgent first, then by Due, at most Limit (more by Whole), until
	// c.Until; a lease that ran out is free again. A leg waits while an older leg of
	// its episode, kind and destination is waiting or carried, so that versions
	// arrive in order; by Whole a file waits when one of its legs waits for a leg of
	// another file or is carried, and versions of one file go together. Where many
	// wait for older ones a claim may give fewer than are free: ask again.
	Claim(ctx context.Context, c LegClaim) ([]Leg, error)
	// Settle keeps the results of claimed legs in one commit, and tells which
	// were not this holder's any more (claimed again, moved, erased): those are as
	// others left them. Reference "" leaves the one that is there; of Sent, Received
	// and Finalized the first stays. What waited for a leg that is settled otherwise
	// than Waiting is free at once.
	Settle(ctx context.Context, holder string, now time.Time, results []LegResult) (lost []LegKey, err error)
	// Of returns the legs of records, in the order of ids, each by destination.
	Of(ctx context.Context, ids ...dossier.ID) ([]Leg, error)
	// List returns legs newest first, at most f.Limit, and whether more follow. Legs
	// of one record begun together are not parted, because Before names no
	// destination: a page may be shorter for them, or, where they alone are more
	// than f.Limit, longer.
	List(ctx context.Context, scope role.Scope, f LegFilter) ([]Leg, bool, error)
	// Count counts what List would list, without Limit and Before.
	Count(ctx context.Context, scope role.Scope, f LegFilter) (int, error)
	// Move moves at most limit legs that the filter selects and whose state allows
	// it (to Waiting: held, parked, skipped; to Skipped: waiting and not
	// carried, held, parked), oldest first, and returns which. Attempts stay; a claim
	// that had run out counts as one. Legs of an erased record (code "erased") are
	// not moved, nor those held for a closed compartment (exchange.HeldClosed). What
	// another holds just now is passed over.
	Move(ctx context.Context, scope role.Scope, f LegFilter, m LegMove, limit int) ([]LegKey, error)
	// Begin begins legs of records that are stored already (a new route for old
	// records, a subscriber); one that is there stays, and an erased record gets
	// none. Of a leg its key, State, Code, Created (zero: now), Due (zero: Created)
	// and Lane count, the last where it is less urgent than the record's; the rest is
	// the record's. It returns how many are new.
	Begin(ctx context.Context, legs []Leg) (int, error)
	// Open notes that somebody opened the record at the destination; the first time stays.
	Open(ctx context.Context, keys []LegKey, at time.Time) error
	// Receipts returns what destinations said of a record, by destination. There is
	// none of an erased record.
	Receipts(ctx context.Context, id dossier.ID) ([]LegReceipt, error)
	// Queues tells how every destination's legs stand.
	Queues(ctx context.Context) ([]LegQueue, error)
	// Changed returns legs of a facility that changed after a place in the order
	// of changes, oldest first, at most limit, and the place after the last; a
	// leg that changes again comes again. No change is ever passed over, also
	// when writers commit side by side. A place of before a restore, or none of this
	// store, gives all from the beginning. A claim is no change.
	Changed(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]Leg, string, error)
}

// Destinations keeps where legs may lead, and who may be led there.
type Destinations interface {
	// Destinations returns every entry, ended ones too, and every route that holds.
	Destinations(ctx context.Context) ([]exchange.Destination, []exchange.Route, error)
	// PutDestination keeps an entry under its ID with its act; one that is there is replaced.
	PutDestination(ctx context.Context, d exchange.Destination, act Act) error
	// PutRoute keeps a route with its act; one for the same destination, facility
	// and kind gives way, and its row stays as history.
	PutRoute(ctx context.Context, r exchange.Route, act Act) error
	// Epoch moves with every change: cheap, asked every second.
	Epoch(ctx context.Context) (int64, error)
}

// Secrets keeps credentials for destinations, sealed by the vault under a key of
// their own. Nobody reads them but the courier; there is no list of contents.
type Secrets interface {
	// PutSecret keeps the sealed credential of a facility ("" of the hub) for a
	// destination, in place of an older one, with its act.
	PutSecret(ctx context.Context, destination string, facility care.FacilityCode, sealed []byte, act Act) error
	// Secret returns the sealed credential; ErrAbsent.
	Secret(ctx context.Context, destination string, facility care.FacilityCode) ([]byte, error)
	// Secrets tells which facilities have one and since when: never what it is.
	Secrets(ctx context.Context, destination string) (map[care.FacilityCode]time.Time, error)
}

// Arrived is when a leg came to its destination by its result, zero when it had
// come before, by what was kept, or has not.
func (r *LegResult) Arrived(received, finalized time.Time) time.Time {
	switch {
	case !received.IsZero() || !finalized.IsZero():
		return time.Time{}
	case !r.Received.IsZero():
		return r.Received
	}
	return r.Finalized
}
