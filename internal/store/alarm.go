package store

import (
	"context"
	"time"

	"lienthong/internal/care"
)

// How an alarm stands.
const (
	AlarmOpen         = "open"
	AlarmAcknowledged = "acknowledged"
	AlarmClosed       = "closed" // by itself: its cause is gone
)

// Alarm is one cause that somebody must look at, as it stands. There is one row
// for each cause: what was before is in the acts.
type Alarm struct {
	Cause  string // what and of whom: "leg.queue:bhxh"; never a person's
	State  string
	Detail string // JSON object: numbers and limits
	Opened time.Time
	Seen   time.Time // last looked at and still so
	Closed time.Time // zero unless closed
	Told   time.Time // when it was last told outside, whether it was closed since or not
	Owner  string    // who acknowledged it
	Note   string
}

// Sending is one day on which a facility sent, and in which hours.
type Sending struct {
	Facility care.FacilityCode
	Day      int    // yyyyMMdd in Hanoi
	Hours    uint32 // bit h: in the hour from h o'clock; never 0
}

// Alarms keeps alarms, their settings, and the days on which facilities sent.
type Alarms interface {
	// Alarms returns those that are not closed, then those closed since, newest
	// first, at most 1,000.
	Alarms(ctx context.Context, since time.Time) ([]Alarm, error)
	// Raise opens an alarm with its act, or, where it is not closed, keeps its
	// Detail and Seen without one. fresh: this call opened it.
	Raise(ctx context.Context, a Alarm, act Act) (fresh bool, err error)
	// Acknowledge names who looks after an alarm that is not closed, with its act; ErrAbsent.
	Acknowledge(ctx context.Context, cause, owner, note string, act Act) error
	// CloseAlarm closes an alarm whose cause is gone, with its act; done is false
	// where it was closed already.
	CloseAlarm(ctx context.Context, cause string, at time.Time, act Act) (done bool, err error)
	// Tell takes the right to tell of a cause outside, which is given again only
	// after every: of several hubs one tells.
	Tell(ctx context.Context, cause string, at time.Time, every time.Duration) (bool, error)
	// Setting returns the settings, ErrAbsent where none were put; PutSetting keeps
	// them with their act.
	Setting(ctx context.Context) ([]byte, error)
	PutSetting(ctx context.Context, setting []byte, act Act) error
	// Note adds days on which facilities sent; hours of a day that is there are
	// added to it. Days before the first are forgotten. Sendings returns days from
	// one on, by facility and day.
	Note(ctx context.Context, days []Sending, first int) error
	Sendings(ctx context.Context, from int) ([]Sending, error)
}
