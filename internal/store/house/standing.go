package house

import (
	"context"
	"time"

	"lienthong/internal/store/base"
)

// Target is what a province means to reach, as it said it at some moment. What it
// says later is a version more.
type Target struct {
	Province string // its code
	ID       string // what is measured: "connected", "word.sufficient"
	Version  int    // 1, 2, ... without a gap
	At       time.Time
	By       string // who said it
	Value    int64  // a number, or per mille
	Due      int    // yyyyMMdd in Hanoi
	Note     string
	Ended    bool // it is no target any more
}

// Targets keeps what provinces mean to reach.
type Targets interface {
	// PutTarget keeps a version with its act. One that is not the version after the
	// newest of its province and id is base.ErrChanged.
	PutTarget(ctx context.Context, t Target, act base.Act) error
	// Targets returns every version of a province, by id and version.
	Targets(ctx context.Context, province string) ([]Target, error)
}

// Span is from a moment to before another.
type Span struct{ From, To time.Time }

// Delivered is how many deliveries of a span's records arrived, and of how many
// records.
type Delivered struct{ Legs, Records int64 }

// Tested is how many current records of a span have results of tests, and before how
// many of them another facility had sent results of the same person.
type Tested struct{ Records, Before int64 }

// Work is what was done for the facilities of one maker of software.
type Work struct {
	Files, Bytes int64 // received
	Legs, Done   int64 // deliveries begun, and of these those that arrived
}

// Benefits counts, from the rows, what having data once saves. Each reads a span of
// rows: ask for months, seldom.
type Benefits interface {
	// Delivered counts legs that began in the span and are done.
	Delivered(ctx context.Context, s Span) (Delivered, error)
	// Tested looks back from each record for as long as within says. It knows no
	// single test: what was tested is sealed.
	Tested(ctx context.Context, s Span, within time.Duration) (Tested, error)
	// Work counts files and legs of facilities that had this maker's software when
	// they came.
	Work(ctx context.Context, s Span, vendor string) (Work, error)
}

// Looks counts in the log of access.
type Looks interface {
	// Elsewhere counts the records that another facility than their author opened
	// in the span on one of these bases, each once.
	Elsewhere(ctx context.Context, s Span, bases []string) (int64, error)
}
