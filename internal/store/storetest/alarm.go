package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/store"
)

func alarmCases() []testCase {
	return []testCase{
		{"an alarm is raised once, looked after, closed and raised anew", alarmLife},
		{"of many that raise or tell of one cause at once one does", alarmsAtOnce},
		{"how alarms are set is kept", alarmSetting},
		{"the days on which facilities sent are added up and forgotten", sendings},
	}
}

func (w *world) alarms(since time.Time) []store.Alarm {
	w.t.Helper()
	all, err := w.s.Alarms.Alarms(w.ctx(), since)
	w.must(err)
	return all
}

func alarmLife(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, at := w.logSize(), w.clock.Now()
	a := store.Alarm{Cause: "leg.queue:bhxh", State: store.AlarmOpen, Detail: `{"minutes":31}`, Opened: at, Seen: at}
	raise := func(seen time.Time, detail string, want bool) {
		t.Helper()
		fresh, err := w.s.Alarms.Raise(w.ctx(), store.Alarm{Cause: a.Cause, Seen: seen, Detail: detail}, w.act("alarm.opened"))
		w.must(err)
		if fresh != want {
			t.Errorf("fresh %v, want %v", fresh, want)
		}
	}
	raise(at, a.Detail, true)
	raise(at.Add(time.Minute), `{"minutes":32}`, false)
	a.Seen, a.Detail = at.Add(time.Minute), `{"minutes":32}`
	w.must(w.s.Alarms.Acknowledge(w.ctx(), a.Cause, "An, ca sáng", "đã gọi bên kia", w.act("alarm.acknowledged")))
	a.State, a.Owner, a.Note = store.AlarmAcknowledged, "An, ca sáng", "đã gọi bên kia"
	raise(at.Add(2*time.Minute), a.Detail, false)
	a.Seen = at.Add(2 * time.Minute)
	w.reopen()
	if diff := cmp.Diff([]store.Alarm{a}, w.alarms(at.Add(time.Hour))); diff != "" {
		t.Error(diff)
	}
	for _, want := range []bool{true, false} {
		done, err := w.s.Alarms.CloseAlarm(w.ctx(), a.Cause, at.Add(time.Hour), w.act("alarm.closed"))
		w.must(err)
		if done != want {
			t.Errorf("closed %v, want %v", done, want)
		}
	}
	a.State, a.Closed = store.AlarmClosed, at.Add(time.Hour)
	if diff := cmp.Diff([]store.Alarm{a}, w.alarms(at.Add(time.Hour))); diff != "" {
		t.Error(diff)
	}
	if left := w.alarms(at.Add(time.Hour + 1000)); len(left) != 0 {
		t.Errorf("closed before and listed: %+v", left)
	}
	if err := w.s.Alarms.Acknowledge(w.ctx(), a.Cause, "An", "", w.act("alarm.acknowledged")); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("acknowledged after it was closed: %v", err)
	}
	raise(at.Add(2*time.Hour), "{}", true)
	a = store.Alarm{Cause: a.Cause, State: store.AlarmOpen, Detail: "{}", Opened: at.Add(2 * time.Hour), Seen: at.Add(2 * time.Hour)}
	if diff := cmp.Diff([]store.Alarm{a}, w.alarms(at)); diff != "" {
		t.Error(diff)
	}
	if n := w.logSize() - size; n != 4 { // opened, acknowledged, closed, opened
		t.Errorf("%d leaves", n)
	}
	if _, err := w.s.Alarms.Raise(w.ctx(), store.Alarm{Cause: "a\x00"}, w.act("alarm.opened")); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

func alarmsAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, at := w.logSize(), w.clock.Now()
	var raised, told atomic.Int32
	each := func(do func() (bool, error), n *atomic.Int32) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				mine, err := do()
				if err != nil {
					t.Error(err)
				}
				if mine {
					n.Add(1)
				}
			})
		}
		wg.Wait()
	}
	each(func() (bool, error) {
		return w.s.Alarms.Raise(w.ctx(), store.Alarm{Cause: "c", Detail: "{}", Seen: at}, w.act("alarm.opened"))
	}, &raised)
	tell := func(at time.Time) func() (bool, error) {
		return func() (bool, error) { return w.s.Alarms.Tell(w.ctx(), "c", at, time.Hour) }
	}
	each(tell(at), &told)
	each(tell(at.Add(59*time.Minute)), &told)
	if raised.Load() != 1 || told.Load() != 1 || w.logSize()-size != 1 {
		t.Errorf("raised %d, told %d, %d leaves", raised.Load(), told.Load(), w.logSize()-size)
	}
	each(tell(at.Add(time.Hour)), &told)
	if told.Load() != 2 {
		t.Errorf("told %d times", told.Load())
	}
	if all := w.alarms(at); len(all) != 1 || !all[0].Told.Equal(at.Add(time.Hour)) {
		t.Errorf("%+v", all)
	}
	if mine, err := w.s.Alarms.Tell(w.ctx(), "another", at, time.Hour); err != nil || mine {
		t.Errorf("told of what is no alarm: %v %v", mine, err)
	}
}

func alarmSetting(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if _, err := w.s.Alarms.Setting(w.ctx()); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("before any: %v", err)
	}
	for _, s := range []string{`{"queue_minutes":30}`, `{"queue_minutes":45}`} {
		w.must(w.s.Alarms.PutSetting(w.ctx(), []byte(s), w.act("alarm.set")))
		w.reopen()
		got, err := w.s.Alarms.Setting(w.ctx())
		w.must(err)
		if string(got) != s {
			t.Errorf("%s, want %s", got, s)
		}
	}
}

func sendings(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.must(w.s.Alarms.Note(w.ctx(), []store.Sending{{Facility: cityHospital, Day: 20260701, Hours: 1 << 8}, {Facility: cityHospital, Day: 20260701, Hours: 1 << 9},
		{Facility: hillStation, Day: 20260601, Hours: 1}}, 0))
	w.must(w.s.Alarms.Note(w.ctx(), []store.Sending{{Facility: cityHospital, Day: 20260701, Hours: 1 << 23}, {Facility: cityHospital, Day: 20260702, Hours: 2}}, 20260602))
	w.must(w.s.Alarms.Note(w.ctx(), nil, 20260602))
	w.reopen()
	for from, want := range map[int][]store.Sending{
		0:        {{Facility: cityHospital, Day: 20260701, Hours: 1<<8 | 1<<9 | 1<<23}, {Facility: cityHospital, Day: 20260702, Hours: 2}},
		20260702: {{Facility: cityHospital, Day: 20260702, Hours: 2}},
	} {
		got, err := w.s.Alarms.Sendings(w.ctx(), from)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
