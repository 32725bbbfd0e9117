package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/role"
)

// InflowPlace is how far a destination was read.
type InflowPlace struct {
	Destination string
	Facility    care.FacilityCode // "" of the hub as a whole
	Cursor      string            // the other side's own, "" from the beginning
	At          time.Time         // of the last round
	Code        string            // why the last round ended early, "" when all was read
	Taken       int64             // files taken in so far, replays too
	Refused     int64
}

// Mirror is how what a destination holds of a facility's day compared with what
// is here.
type Mirror struct {
	Facility    care.FacilityCode
	Day         int // yyyyMMdd in Hanoi
	Destination string
	At          time.Time
	Here        int          // files here
	There       int          // files there
	Equal       int          // files at both
	OnlyHere    []MirrorItem // the first of them
	OnlyThere   []MirrorItem
}

// MirrorItem is one file that is at one side only.
type MirrorItem struct {
	Digest    string `json:"sha256"` // lower-case hexadecimal
	Kind      string `json:"kind"`
	Record    string `json:"record,omitempty"`    // here
	Reference string `json:"reference,omitempty"` // there
	Code      string `json:"code,omitempty"`      // there: the verdict's
}

// Inflow keeps what comes in from destinations: how far each was read, and how
// its days compared.
type Inflow interface {
	// Places returns every place, by facility and destination.
	Places(ctx context.Context) ([]InflowPlace, error)
	// PutPlace keeps a place instead of the one before.
	PutPlace(ctx context.Context, p InflowPlace) error
	// PutMirror keeps how a day compared, in place of an older comparison.
	PutMirror(ctx context.Context, m Mirror) error
	// Mirrors returns comparisons of days from...to (yyyyMMdd, 0: open) of the
	// scope, newest day first, then by facility and destination, at most 1,000.
	Mirrors(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]Mirror, error)
}
