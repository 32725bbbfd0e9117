package store

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/identity"
)

// Temporaries keeps patients without a name, and what people are looked for by.
type Temporaries interface {
	// PutTemporary keeps a new one with its person, or its next version (ErrChanged), with the act.
	PutTemporary(ctx context.Context, t identity.Temporary, act Act) error
	Temporary(ctx context.Context, number string) (*identity.Temporary, error)
	// Temporaries returns those of a facility ("" all) in a state, oldest first.
	Temporaries(ctx context.Context, facility care.FacilityCode, state string, limit int) ([]identity.Temporary, error)
	// PutFeatures adds what a person can be found by; those there stay.
	PutFeatures(ctx context.Context, person PersonID, features []identity.Feature) error
	// Featureless goes through at most limit persons after one, in the order of their
	// ids, and returns those with nothing to be found by, and the last it went
	// through; the zero PersonID after all.
	Featureless(ctx context.Context, after PersonID, limit int) (without []PersonID, last PersonID, err error)
	// Candidates returns persons with any of the features (each under every live
	// pepper), with the kinds that fit, most first, at most limit.
	Candidates(ctx context.Context, features [][]identity.Feature, limit int) ([]identity.Candidate, error)
	// Ensure returns the person who holds the claim, made now where nobody does
	// (fresh); ErrAbsent where its holder has another name or birth.
	Ensure(ctx context.Context, claim Claim) (person PersonID, fresh bool, err error)
}
