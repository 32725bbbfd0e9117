// Package alarms keeps in PostgreSQL which causes somebody must look at, how
// alarms are set, and on which days facilities sent. It judges nothing; that is
// package alarm.
package alarms

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Alarms implements store.Alarms.
type Alarms struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Alarms = (*Alarms)(nil)

// New returns the slice; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Alarms { return &Alarms{db, writer} }

// Alarms returns the open ones, then those closed since.
func (x *Alarms) Alarms(ctx context.Context, since time.Time) ([]store.Alarm, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT cause, state, detail, opened, seen, closed, told, owner, note FROM alarm
		WHERE closed = 0 OR closed >= $1 ORDER BY closed > 0, opened DESC, cause LIMIT 1000`, max(1, handle.Micros(since)))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a store.Alarm, err error) {
		var opened, seen, closed, told int64
		err = row.Scan(&a.Cause, &a.State, &a.Detail, &opened, &seen, &closed, &told, &a.Owner, &a.Note)
		a.Opened, a.Seen, a.Closed, a.Told = handle.Moment(opened), handle.Moment(seen), handle.Moment(closed), handle.Moment(told)
		return a, err
	})
	return all, handle.Fault(err)
}

// change does one statement and, where it changed a row, keeps the act with it.
func (x *Alarms) change(ctx context.Context, act store.Act, text string, args ...any) (done bool, err error) {
	if err := ledger.CheckAct(act); err != nil {
		return false, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(text, args...).Exec(func(tag pgconn.CommandTag) error {
		done = tag.RowsAffected() > 0
		return nil
	})
	if err := tx.Send(ctx, b); err != nil || !done {
		return false, err
	}
	err = x.writer.CommitAct(ctx, tx, tx.Batch(), act)
	return done && err == nil, err
}

// Raise opens an alarm, or keeps that it is still so.
func (x *Alarms) Raise(ctx context.Context, a store.Alarm, act store.Act) (fresh bool, err error) {
	if err := store.CheckText(a.Cause, a.Detail); err != nil {
		return false, err
	}
	fresh, err = x.change(ctx, act, `INSERT INTO alarm AS a (cause, state, detail, opened, seen, closed, told, owner, note) VALUES ($1, 'open', $2, $3, $3, 0, 0, '', '')
		ON CONFLICT (cause) DO UPDATE SET state = 'open', detail = excluded.detail, opened = excluded.opened, seen = excluded.seen, closed = 0, owner = '', note = ''
		WHERE a.state = 'closed'`, a.Cause, a.Detail, handle.Micros(a.Seen))
	if err != nil || fresh {
		return fresh, err
	}
	_, err = x.db.Pool.Exec(ctx, `UPDATE alarm SET detail = $2, seen = $3 WHERE cause = $1 AND state <> 'closed'`, a.Cause, a.Detail, handle.Micros(a.Seen))
	return false, handle.Fault(err)
}

// Acknowledge names who looks after an alarm.
func (x *Alarms) Acknowledge(ctx context.Context, cause, owner, note string, act store.Act) error {
	if err := store.CheckText(cause, owner, note); err != nil {
		return err
	}
	done, err := x.change(ctx, act, `UPDATE alarm SET state = 'acknowledged', owner = $2, note = $3 WHERE cause = $1 AND state <> 'closed'`, cause, owner, note)
	if err == nil && !done {
		return store.ErrAbsent
	}
	return err
}

// CloseAlarm closes an alarm whose cause is gone.
func (x *Alarms) CloseAlarm(ctx context.Context, cause string, at time.Time, act store.Act) (bool, error) {
	if err := store.CheckText(cause); err != nil {
		return false, err
	}
	return x.change(ctx, act, `UPDATE alarm SET state = 'closed', closed = $2 WHERE cause = $1 AND state <> 'closed'`, cause, handle.Micros(at))
}

// Tell takes the right to tell of a cause outside.
func (x *Alarms) Tell(ctx context.Context, cause string, at time.Time, every time.Duration) (bool, error) {
	tag, err := x.db.Pool.Exec(ctx, `UPDATE alarm SET told = $2 WHERE cause = $1 AND (told = 0 OR told <= $3)`, cause, handle.Micros(at), handle.Micros(at.Add(-every)))
	return err == nil && tag.RowsAffected() > 0, handle.Fault(err)
}

// Setting returns the settings.
func (x *Alarms) Setting(ctx context.Context) ([]byte, error) {
	var text string
	err := x.db.Pool.QueryRow(ctx, `SELECT setting FROM alarm_setting WHERE id = 1`).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, store.ErrAbsent
	}
	return []byte(text), handle.Fault(err)
}

// PutSetting keeps the settings.
func (x *Alarms) PutSetting(ctx context.Context, setting []byte, act store.Act) error {
	if err := store.CheckText(string(setting)); err != nil {
		return err
	}
	_, err := x.change(ctx, act, `INSERT INTO alarm_setting (id, setting) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET setting = excluded.setting`, string(setting))
	return err
}

// Note adds days on which facilities sent.
func (x *Alarms) Note(ctx context.Context, days []store.Sending, first int) error {
	for _, d := range days {
		if err := store.CheckText(string(d.Facility)); err != nil {
			return err
		}
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO sending AS s (facility, day, hours)
		SELECT facility, day, bit_or(hours) FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS n (facility, day, hours) GROUP BY facility, day ORDER BY facility, day
		ON CONFLICT (facility, day) DO UPDATE SET hours = s.hours | excluded.hours WHERE s.hours | excluded.hours <> s.hours`,
		handle.Column(days, func(d store.Sending) string { return string(d.Facility) }),
		handle.Column(days, func(d store.Sending) int32 { return int32(d.Day) }),
		handle.Column(days, func(d store.Sending) int64 { return int64(d.Hours) }))
	if err != nil {
		return handle.Fault(err)
	}
	_, err = x.db.Pool.Exec(ctx, `DELETE FROM sending WHERE day < $1`, first)
	return handle.Fault(err)
}

// Sendings returns days on which facilities sent.
func (x *Alarms) Sendings(ctx context.Context, from int) ([]store.Sending, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT facility, day, hours FROM sending WHERE day >= $1 ORDER BY facility, day`, from)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d store.Sending, err error) {
		var code string
		var hours int64
		err = row.Scan(&code, &d.Day, &hours)
		d.Facility, d.Hours = care.FacilityCode(code), uint32(hours)
		return d, err
	})
	return all, handle.Fault(err)
}
