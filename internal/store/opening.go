package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
)

// Openings keeps openings.
type Openings interface {
	// Begin keeps an opening with the notice to the person and, of an emergency,
	// the matter for the privacy officer, committed together with the act.
	Begin(ctx context.Context, o consent.Opening, notice matter.Notice, matter *matter.Matter, act Act) error
	// Opening returns one, live or not; ErrAbsent.
	Opening(ctx context.Context, id consent.OpeningID) (*consent.Opening, error)
	// EndOpening ends one that is live; ErrAbsent where none is.
	EndOpening(ctx context.Context, id consent.OpeningID, at time.Time, by string, act Act) error
	// Renew sets a new end, once, by another member of staff than who opened;
	// ErrChanged where it was renewed before, is over, or is the same one's.
	Renew(ctx context.Context, id consent.OpeningID, by care.Staff, until time.Time, notice matter.Notice, act Act) error
	// Openings returns those of a filter, newest first, at most 1,000.
	Openings(ctx context.Context, f consent.OpeningFilter) ([]consent.Opening, error)
	// CountOpenings counts those begun since a moment by a member of staff (zero:
	// all) at a facility, by basis.
	CountOpenings(ctx context.Context, facility care.FacilityCode, staff care.Staff, since time.Time) (map[string]int, error)
	// EndOpenings ends what a facility holds open of a person by a basis ("" all):
	// a discharge. It returns how many.
	EndOpenings(ctx context.Context, facility care.FacilityCode, person PersonID, basis string, at time.Time, by string) (int, error)
}
