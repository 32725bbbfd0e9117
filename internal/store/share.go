package store

import (
	"context"
	"time"

	"lienthong/internal/consent"
)

// Shares keeps links.
type Shares interface {
	PutShare(ctx context.Context, s consent.Share, act Act) error
	Share(ctx context.Context, id [32]byte) (*consent.Share, error)
	Shares(ctx context.Context, person PersonID) ([]consent.Share, error)
	// TryShare takes one try off, or, where right is true, gives them all back and
	// counts an opening; it returns what is left.
	TryShare(ctx context.Context, id [32]byte, right bool, at time.Time) (left int, err error)
	EndShare(ctx context.Context, id [32]byte, at time.Time, act Act) error
}
