package store

import (
	"context"
	"time"

	"lienthong/internal/matter"
)

// Notices keeps notices until they were sent, and for the citizen to read.
type Notices interface {
	PutNotice(ctx context.Context, n matter.Notice) error
	// Notices returns those of a person, newest first.
	Notices(ctx context.Context, person PersonID, limit int) ([]matter.Notice, error)
	// Unsent leases notices to be sent until a moment, oldest first.
	Unsent(ctx context.Context, now, until time.Time, limit int) ([]matter.Notice, error)
	// Sent marks one as sent, or, with ok false, as tried.
	SentNotice(ctx context.Context, id int64, at time.Time, ok bool) error
	// SeenNotices marks those of a person as seen.
	SeenNotices(ctx context.Context, person PersonID, at time.Time) error
}
