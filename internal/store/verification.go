package store

import (
	"context"
	"time"

	"lienthong/internal/identity"
)

// Verifications keeps what the population register said of persons.
type Verifications interface {
	// PutVerified keeps an answer in place of the one before, with the act.
	PutVerified(ctx context.Context, v identity.Verified, act Act) error
	// Verified returns the last answer about a person, ErrAbsent for none.
	Verified(ctx context.Context, person PersonID) (*identity.Verified, error)
	// Unverified returns persons linked by a citizen number, in order after one,
	// of whom there is no answer, or none since a moment.
	Unverified(ctx context.Context, after PersonID, since time.Time, limit int) ([]PersonID, error)
	// Answers counts the last answers by what they say.
	Answers(ctx context.Context) (map[string]int, error)
}
