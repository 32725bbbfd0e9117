package alarm_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"lienthong/internal/store"
)

// fakeStore is store.Alarms in memory, by the contract that storetest holds the
// engines to.
type fakeStore struct {
	rows     map[string]*store.Alarm
	acts     []store.Act
	setting  []byte
	sendings []store.Sending
}

var _ store.Alarms = (*fakeStore)(nil)

func (f *fakeStore) actions() string {
	var out []string
	for _, a := range f.acts {
		out = append(out, a.Action)
	}
	return strings.Join(out, " ")
}

func (f *fakeStore) Alarms(_ context.Context, since time.Time) (out []store.Alarm, _ error) {
	for _, a := range f.rows {
		if a.State != store.AlarmClosed || !a.Closed.Before(since) {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b store.Alarm) int { return strings.Compare(a.Cause, b.Cause) })
	return out, nil
}

func (f *fakeStore) Raise(_ context.Context, a store.Alarm, act store.Act) (bool, error) {
	old := f.rows[a.Cause]
	if old != nil && old.State != store.AlarmClosed {
		old.Seen, old.Detail = a.Seen, a.Detail
		return false, nil
	}
	a.State, a.Opened = store.AlarmOpen, a.Seen
	if old != nil {
		a.Told = old.Told
	}
	f.rows[a.Cause] = &a
	f.acts = append(f.acts, act)
	return true, nil
}

func (f *fakeStore) Acknowledge(_ context.Context, cause, owner, note string, act store.Act) error {
	a := f.rows[cause]
	if a == nil || a.State == store.AlarmClosed {
		return store.ErrAbsent
	}
	a.State, a.Owner, a.Note = store.AlarmAcknowledged, owner, note
	f.acts = append(f.acts, act)
	return nil
}

func (f *fakeStore) CloseAlarm(_ context.Context, cause string, at time.Time, act store.Act) (bool, error) {
	a := f.rows[cause]
	if a == nil || a.State == store.AlarmClosed {
		return false, nil
	}
	a.State, a.Closed = store.AlarmClosed, at
	f.acts = append(f.acts, act)
	return true, nil
}

func (f *fakeStore) Tell(_ context.Context, cause string, at time.Time, every time.Duration) (bool, error) {
	a := f.rows[cause]
	if a == nil || !a.Told.IsZero() && at.Sub(a.Told) < every {
		return false, nil
	}
	a.Told = at
	return true, nil
}

func (f *fakeStore) Setting(context.Context) ([]byte, error) {
	if f.setting == nil {
		return nil, store.ErrAbsent
	}
	return f.setting, nil
}

func (f *fakeStore) PutSetting(_ context.Context, s []byte, act store.Act) error {
	f.setting = s
	f.acts = append(f.acts, act)
	return nil
}

func (f *fakeStore) Note(_ context.Context, days []store.Sending, _ int) error {
	f.sendings = append(f.sendings, days...)
	return nil
}

func (f *fakeStore) Sendings(context.Context, int) ([]store.Sending, error) { return f.sendings, nil }
