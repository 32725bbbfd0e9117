// Package night runs what is done once a day: counting again, cleaning, closing of
// figures. Each job is done once for each day of Hanoi, whatever process does it, in
// the order given; what one reports is kept and shown. A job says itself how far it
// came: one that was cut off goes on where it stopped.
package night

import "context"

// Job is one thing done each night.
type Job struct {
	ID string // "scores.recount"; its words are in the catalogue as night.<ID>
	// Run does it for a day (yyyyMMdd in Hanoi) that is over. It may be called again
	// for the same day and must then go on, or do nothing.
	Run func(ctx context.Context, day int) (Report, error)
	// Present says that it looks at what is now, whatever the day: of nights that
	// were missed only the last is caught up.
	Present bool
}

// Report is what a job found.
type Report struct {
	Seen    int64  `json:"seen"`           // what it looked at
	Changed int64  `json:"changed"`        // what it changed or proposed
	Unequal int64  `json:"unequal"`        // of a self-check: what differs, asked 0
	Note    string `json:"note,omitempty"` // a code or a place, no person's data
}
