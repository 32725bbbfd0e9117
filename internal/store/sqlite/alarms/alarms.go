// Package alarms is the embedded engine's side of store.Alarms: which causes
// somebody must look at, how alarms are set, and on which days facilities sent.
// It judges nothing; that is package alarm.
package alarms

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Alarms implements store.Alarms.
type Alarms struct{ db *file.DB }

var _ store.Alarms = (*Alarms)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Alarms { return &Alarms{db} }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return file.Time(us)
}

// Alarms returns the open ones, then those closed since.
func (x *Alarms) Alarms(ctx context.Context, since time.Time) ([]store.Alarm, error) {
	var out []store.Alarm
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT cause, state, detail, opened, seen, closed, told, owner, note FROM alarm
 WHERE closed = 0 OR closed >= ? ORDER BY closed > 0, opened DESC, cause LIMIT 1000`, max(1, micros(since)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a store.Alarm
			var opened, seen, closed, told int64
			if err := rows.Scan(&a.Cause, &a.State, &a.Detail, &opened, &seen, &closed, &told, &a.Owner, &a.Note); err != nil {
				return err
			}
			a.Opened, a.Seen, a.Closed, a.Told = moment(opened), moment(seen), moment(closed), moment(told)
			out = append(out, a)
		}
		return rows.Err()
	})
	return out, err
}

// Raise opens an alarm, or keeps that it is still so.
func (x *Alarms) Raise(ctx context.Context, a store.Alarm, act store.Act) (fresh bool, err error) {
	if err := errors.Join(store.CheckText(a.Cause, a.Detail), file.CheckAct(act)); err != nil {
		return false, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE alarm SET detail = ?, seen = ? WHERE cause = ? AND state <> 'closed'`, a.Detail, micros(a.Seen), a.Cause)
		if fresh = n == 0; err != nil || !fresh {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO alarm (cause, state, detail, opened, seen, closed, told, owner, note) VALUES (?1, 'open', ?2, ?3, ?3, 0, 0, '', '')
 ON CONFLICT (cause) DO UPDATE SET state = 'open', detail = excluded.detail, opened = excluded.opened, seen = excluded.seen, closed = 0, owner = '', note = ''`,
			a.Cause, a.Detail, micros(a.Seen)); err != nil {
			return err
		}
		return tx.Act(act)
	})
	return fresh && err == nil, err
}

// Acknowledge names who looks after an alarm.
func (x *Alarms) Acknowledge(ctx context.Context, cause, owner, note string, act store.Act) error {
	if err := errors.Join(store.CheckText(cause, owner, note), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE alarm SET state = 'acknowledged', owner = ?, note = ? WHERE cause = ? AND state <> 'closed'`, owner, note, cause)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrAbsent
		}
		return tx.Act(act)
	})
}

// CloseAlarm closes an alarm whose cause is gone.
func (x *Alarms) CloseAlarm(ctx context.Context, cause string, at time.Time, act store.Act) (done bool, err error) {
	if err := errors.Join(store.CheckText(cause), file.CheckAct(act)); err != nil {
		return false, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE alarm SET state = 'closed', closed = ? WHERE cause = ? AND state <> 'closed'`, micros(at), cause)
		if done = n > 0; err != nil || !done {
			return err
		}
		return tx.Act(act)
	})
	return done && err == nil, err
}

// Tell takes the right to tell of a cause outside.
func (x *Alarms) Tell(ctx context.Context, cause string, at time.Time, every time.Duration) (mine bool, err error) {
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE alarm SET told = ? WHERE cause = ? AND (told = 0 OR told <= ?)`, micros(at), cause, micros(at.Add(-every)))
		mine = n > 0
		return err
	})
	return mine && err == nil, err
}

// Setting returns the settings.
func (x *Alarms) Setting(ctx context.Context) ([]byte, error) {
	var text string
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		err := s.Row(`SELECT setting FROM alarm_setting WHERE id = 1`).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return store.ErrAbsent
		}
		return err
	})
	return []byte(text), err
}

// PutSetting keeps the settings.
func (x *Alarms) PutSetting(ctx context.Context, setting []byte, act store.Act) error {
	if err := errors.Join(store.CheckText(string(setting)), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO alarm_setting (id, setting) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET setting = excluded.setting`, string(setting)); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Note adds days on which facilities sent.
func (x *Alarms) Note(ctx context.Context, days []store.Sending, first int) error {
	return x.db.Write(ctx, file.Administrative, len(days), func(tx *file.Tx) error {
		for _, d := range days {
			if err := store.CheckText(string(d.Facility)); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO sending (facility, day, hours) VALUES (?, ?, ?) ON CONFLICT (facility, day) DO UPDATE SET hours = hours | excluded.hours`,
				string(d.Facility), d.Day, int64(d.Hours)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM sending WHERE day < ?`, first)
		return err
	})
}

// Sendings returns days on which facilities sent.
func (x *Alarms) Sendings(ctx context.Context, from int) ([]store.Sending, error) {
	var out []store.Sending
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT facility, day, hours FROM sending WHERE day >= ? ORDER BY facility, day`, from)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d store.Sending
			var code string
			var hours int64
			if err := rows.Scan(&code, &d.Day, &hours); err != nil {
				return err
			}
			d.Facility, d.Hours = care.FacilityCode(code), uint32(hours)
			out = append(out, d)
		}
		return rows.Err()
	})
	return out, err
}
