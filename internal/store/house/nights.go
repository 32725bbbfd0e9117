package house

import (
	"context"
	"time"
)

// States of a job of a night.
const (
	NightRunning = "running" // or cut off: a later try goes on
	NightDone    = "done"
	NightFailed  = "failed" // and is tried again
)

// Night is what one job did of one night.
type Night struct {
	Day     int    // that is over, yyyyMMdd in Hanoi
	Job     string // its id
	State   string
	Tries   int       // from 1
	Started time.Time // the first try
	Ended   time.Time // the last try; zero while it runs
	Seen    int64
	Changed int64
	Unequal int64
	Note    string // a code or a place, no person's data
	Code    string // of the fault of a try that failed
}

// Nights keeps what jobs of nights did. Who may run them, Entries.Turn says.
type Nights interface {
	// Begin starts a job of a night, or tries it again: its state is NightRunning
	// then, with one try more. One that is done stays so and is returned as it is.
	Begin(ctx context.Context, day int, job string, at time.Time) (Night, error)
	// End keeps how a try ended: all but Started and Tries.
	End(ctx context.Context, n Night) error
	// Nights returns what was done of days from one to another (0: open), the newest
	// day first, of a day by Started and id; at most 2,000.
	Nights(ctx context.Context, from, to int) ([]Night, error)
}
