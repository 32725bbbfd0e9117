package house

import (
	"context"
	"time"

	"lienthong/internal/store/base"
)

// Statement is what a board said of one thing, as it was pinned. Nothing is ever
// changed in it: what is said anew is a version more.
type Statement struct {
	Subject string // figure, days and place: "SL.04-20261121-p24"
	Version int    // 1, 2, ... without a gap
	At      time.Time
	Body    string // canonical JSON; of package figure
}

// Figures keeps pinned figures.
type Figures interface {
	// Pin keeps statements of different subjects with one act, all or none. A
	// version that is not the one after its subject's newest is base.ErrChanged.
	Pin(ctx context.Context, statements []Statement, act base.Act) error
	// Statement returns a version of a subject, 0: the newest; base.ErrAbsent.
	Statement(ctx context.Context, subject string, version int) (Statement, error)
	// Versions returns all of a subject, oldest first.
	Versions(ctx context.Context, subject string) ([]Statement, error)
	// Newest returns the newest version of each subject that begins so, by subject,
	// at most 10,000.
	Newest(ctx context.Context, prefix string) ([]Statement, error)
}

// Check is one comparison of the counters with the rows they count.
type Check struct {
	Day     int // the night of which day, yyyyMMdd in Hanoi
	At      time.Time
	Counted int64  // numbers compared
	Unequal int64  // of them; asked: 0
	Detail  string // JSON: the first that differ
}

// Took is how many records of a minute took how long until they could be read.
type Took struct {
	Minute time.Time
	Bucket int // of package insight
	N      int64
}

// Use is how often a board was opened by a kind of role on a day.
type Use struct {
	Day   int
	Role  string // a kind, never who
	Board string
	N     int64
}

// Boards keeps what boards show beside counters.
type Boards interface {
	// PutCheck keeps a comparison, in place of one of the same day. Checks returns
	// the newest first.
	PutCheck(ctx context.Context, c Check) error
	Checks(ctx context.Context, limit int) ([]Check, error)
	// AddTook adds to what is there of the same minute and bucket, and forgets what
	// is older than keep. TookSince returns sums by bucket, and the minute of the last.
	AddTook(ctx context.Context, took []Took, keep time.Time) error
	TookSince(ctx context.Context, since time.Time) ([]Took, error)
	// AddUse adds to what is there of the same day, role and board. Uses returns
	// those of a day and later, by day, role and board.
	AddUse(ctx context.Context, uses []Use) error
	Uses(ctx context.Context, from int) ([]Use, error)
}
