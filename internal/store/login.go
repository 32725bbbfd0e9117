package store

import (
	"context"
	"time"

	"lienthong/internal/care"
)

// Owner is whose a login is: of one of both.
type Owner struct {
	Staff  care.Staff
	Person PersonID
}

// Quiet is somebody of the staff who has not logged in for long.
type Quiet struct {
	Staff care.Staff
	Last  time.Time // on any device; zero: never
}

// Logins keeps how people log in beside their sessions. An Owner who is nobody
// has nothing.
type Logins interface {
	// StepUp keeps when a session's second factor was given; ErrAbsent.
	StepUp(ctx context.Context, session [32]byte, at time.Time) error
	// SessionsOf returns the live sessions of somebody, newest first, at most 100.
	SessionsOf(ctx context.Context, who Owner, now time.Time) ([]Session, error)
	// EndSessions ends those whose hash begins with prefix (nil: all); how many.
	EndSessions(ctx context.Context, who Owner, prefix []byte) (int, error)
	// Device keeps a login on a device; fresh: the first there, last: the login
	// before this on any device, zero where there was none.
	Device(ctx context.Context, who Owner, device [32]byte, at time.Time) (fresh bool, last time.Time, err error)
	// Newest returns when somebody first logged in on the newest of their devices,
	// and how many devices they have; zero where there is none.
	Newest(ctx context.Context, who Owner) (first time.Time, n int, err error)
	// Quiet returns staff who did not log in since before, by id, after one, at most limit.
	Quiet(ctx context.Context, before time.Time, after care.Staff, limit int) ([]Quiet, error)
	// Since returns when somebody first logged in on a device; ErrAbsent where they never did.
	Since(ctx context.Context, who Owner, device [32]byte) (time.Time, error)
	// PutAddress keeps under which name a provider knows a person, sealed.
	PutAddress(ctx context.Context, person PersonID, sealed []byte) error
	Address(ctx context.Context, person PersonID) ([]byte, error)
}
