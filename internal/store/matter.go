package store

import (
	"context"
	"time"

	"lienthong/internal/matter"
)

// Matters keeps matters with their history.
type Matters interface {
	// NextMatter returns a new number.
	NextMatter(ctx context.Context, at time.Time) (string, error)
	// PutMatter keeps a new matter or its next version (Version plus one, else
	// ErrChanged), with the notice to the citizen where there is one, and the act.
	PutMatter(ctx context.Context, m matter.Matter, notice *matter.Notice, act Act) error
	Matter(ctx context.Context, number string) (*matter.Matter, error)
	// MatterHistory returns every version, oldest first.
	MatterHistory(ctx context.Context, number string) ([]matter.Matter, error)
	Matters(ctx context.Context, f matter.Filter) ([]matter.Matter, error)
	// MattersWaiting counts all of a filter by facility, the first due first. Limit
	// does not count.
	MattersWaiting(ctx context.Context, f matter.Filter) ([]matter.Waiting, error)
}
