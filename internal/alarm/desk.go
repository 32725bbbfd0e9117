package alarm

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// ErrNoHub (alarm.no_hub): alarms are told by a running hub only.
var ErrNoHub = fault.New(fault.Busy, "alarm.no_hub", "Hub không chạy: chỉ hub đang chạy mới báo ra ngoài.", "The hub does not run: only a running hub tells of alarms.")

// Desk is what an operator does about alarms from a command.
type Desk struct {
	Store store.Alarms
	Clock clock.Clock
	Watch *Watch // nil: no hub runs
}

// Listed is the settings and the alarms.
type Listed struct {
	Setting Limits  `json:"setting"`
	Alarms  []Alarm `json:"alarms"`
}

// SetAlarms keeps settings. Fault: alarm.setting.
func (d *Desk) SetAlarms(ctx context.Context, actor string, setting []byte) error {
	return Set(ctx, d.Store, d.Clock, actor, setting)
}

// ListAlarms returns the settings, the open alarms, and those closed in the last week.
func (d *Desk) ListAlarms(ctx context.Context) (Listed, error) {
	w := &Watch{Deps: Deps{Store: d.Store, Clock: d.Clock}}
	l, err := w.Limits(ctx)
	if err != nil {
		return Listed{}, err
	}
	list, err := w.List(ctx, d.Clock.Now().Add(-7*24*time.Hour))
	return Listed{l, list}, err
}

// TryAlarms tells of nothing and says to how many. Fault: alarm.no_hub.
func (d *Desk) TryAlarms(ctx context.Context, actor string) (int, error) {
	if d.Watch == nil {
		return 0, ErrNoHub
	}
	n, err := d.Watch.Try(ctx, actor)
	return n, firstFault(err)
}

// firstFault is the first fault of several errors, which a command can say.
func firstFault(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return err
}
