// Package duties is the embedded engine's side of house.Duties and
// house.DutyItems: tasks with every step, and the few things around them. Which
// step may follow is decided elsewhere.
package duties

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Duties implements house.Duties.
type Duties struct{ db *file.DB }

var _ house.Duties = (*Duties)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Duties { return &Duties{db: db} }

// Numbers takes n numbers nobody was given before.
func (x *Duties) Numbers(ctx context.Context, at time.Time, n int) (first int64, err error) {
	year := at.In(clock.Hanoi).Year()
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		return tx.Row(`INSERT INTO duty_number (year, n) VALUES (?, ?) ON CONFLICT (year) DO UPDATE SET n = n + excluded.n RETURNING n`, year, n).Scan(&first)
	})
	return first - int64(n) + 1, err
}

// Put keeps tasks and their steps together with one act.
func (x *Duties) Put(ctx context.Context, changes []duty.Change, act store.Act) error {
	return x.keep(ctx, house.Form{}, changes, act)
}

// Open keeps first versions with the form they came by.
func (x *Duties) Open(ctx context.Context, form house.Form, changes []duty.Change, act store.Act) error {
	if err := store.CheckText(form.By, form.Mark); err != nil {
		return err
	}
	return x.keep(ctx, form, changes, act)
}

func (x *Duties) keep(ctx context.Context, form house.Form, changes []duty.Change, act store.Act) error {
	changes = slices.SortedFunc(slices.Values(changes), func(a, b duty.Change) int { return cmp.Compare(a.Task.ID, b.Task.ID) })
	texts := make([][2]string, len(changes))
	for i := range changes {
		task, step, err := house.TaskText(&changes[i])
		if err != nil {
			return err
		}
		texts[i] = [2]string{task, step}
	}
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, max(1, len(changes)), func(tx *file.Tx) error {
		if form.Mark != "" {
			n, err := tx.Exec(`INSERT INTO token (client, jti, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, form.By, form.Mark, file.Micros(form.Until))
			if err != nil {
				return err
			}
			if n == 0 {
				return store.ErrTaken
			}
		}
		for i := range changes {
			if err := put(tx, &changes[i], texts[i]); err != nil {
				return err
			}
		}
		return tx.ActOf(act)
	})
}

func put(tx *file.Tx, c *duty.Change, text [2]string) error {
	t, s := &c.Task, &c.Step
	var version int
	if err := tx.Row(`SELECT version FROM duty_task WHERE id = ?`, t.ID).Scan(&version); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if version != t.Version-1 {
		return store.ErrChanged
	}
	if version == 0 && t.Debt != "" {
		n, err := tx.Exec(`INSERT INTO duty_debt (debt, task) VALUES (?, ?) ON CONFLICT DO NOTHING`, t.Debt, t.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrTaken
		}
	}
	if _, err := tx.Exec(`INSERT INTO duty_task (id, version, owner, db, source, ref, state, open, due, blocked_by, opened, closed, reminded, said)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (id) DO UPDATE SET version = excluded.version, owner = excluded.owner, db = excluded.db, source = excluded.source, ref = excluded.ref,
 state = excluded.state, open = excluded.open, due = excluded.due, blocked_by = excluded.blocked_by, closed = excluded.closed,
 reminded = excluded.reminded, said = excluded.said`,
		t.ID, t.Version, string(t.Owner()), t.Database, t.Source.Kind, t.Source.Ref, string(t.State), house.OpenOf(t), t.Due, string(t.BlockedBy),
		file.Micros(t.Opened), file.MicrosOrZero(t.Closed), file.MicrosOrZero(t.Reminded), text[0]); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO duty_step (task, n, at, actor, what, said) VALUES (?, ?, ?, ?, ?, ?)`, t.ID, s.N, file.Micros(s.At), s.Actor, s.What, text[1])
	return err
}

// Task returns one as it stands.
func (x *Duties) Task(ctx context.Context, id string) (*duty.Task, error) {
	all, err := x.list(ctx, `SELECT said FROM duty_task WHERE id = ?`, []any{id})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, store.ErrAbsent
	}
	return &all[0], nil
}

// Steps returns every step of a task, oldest first.
func (x *Duties) Steps(ctx context.Context, id string) (all []duty.Step, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(`SELECT said FROM duty_step WHERE task = ? ORDER BY n`, id)
		return file.Each(rows, err, func(row file.Scanner) error {
			var text string
			if err := row.Scan(&text); err != nil {
				return err
			}
			step, err := house.ReadStep(text)
			all = append(all, step)
			return err
		})
	})
	return all, err
}

// Tasks returns those of a filter.
func (x *Duties) Tasks(ctx context.Context, f duty.Filter) ([]duty.Task, error) {
	from, args := seen(&f.Sight)
	switch everybody := f.Sight.All && f.Owner == ""; {
	case everybody && f.State == duty.Blocked:
		from += ` INDEXED BY duty_task_blocked` // few rows, sorted by day
	case everybody && f.EndedOnly():
		from += ` INDEXED BY duty_task_closed` // newest first, as they are listed
	}
	q := file.Select(`SELECT said FROM `+from, args...)
	within(q, &f)
	switch {
	case f.State != "":
		q.And(`t.open = ? AND t.state = ?`, open(!f.State.Ended()), string(f.State))
	case f.Ended:
		q.And(`t.open = 0`)
	case !f.All:
		q.And(`t.open = 1`)
	}
	if f.Late != 0 {
		q.And(`t.open = 1 AND t.due < ?`, f.Late)
	}
	if f.State == duty.Blocked { // its index holds no others
		q.And(`t.blocked_by <> ''`)
	}
	order := ` ORDER BY t.due, t.id LIMIT ?`
	if f.EndedOnly() {
		q.And(`t.closed > 0`)
		order = ` ORDER BY t.closed DESC, t.id DESC LIMIT ?`
		if f.After.ID != "" {
			q.And(`(t.closed, t.id) < (?, ?)`, f.After.At, f.After.ID)
		}
	} else if f.After.ID != "" {
		q.And(`(t.due, t.id) > (?, ?)`, f.After.At, f.After.ID)
	}
	text, args := q.End(order, house.DutyLimit(f.Limit))
	return x.list(ctx, text, args)
}

func open(is bool) int {
	if is {
		return 1
	}
	return 0
}

// facilitiesOf is who owns tasks as a facility whose version now says something.
const facilitiesOf = `SELECT 'facility:' || v.code FROM facility_version v WHERE `

const newest = ` = ? AND NOT EXISTS (SELECT 1 FROM facility_version n WHERE n.code = v.code AND (n.since > v.since OR n.since = v.since AND n.id > v.id))`

// within adds all conditions of a filter but state, lateness and page.
func within(q *file.Query, f *duty.Filter) {
	unclosed(q, &f.Sight)
	for _, c := range []struct{ condition, value string }{
		{`t.owner = ?`, string(f.Owner)}, {`t.db = ? AND t.db <> ''`, f.Database}, {`t.source = ?`, f.Source}, {`t.ref = ?`, f.Ref}, {`t.blocked_by = ? AND t.blocked_by <> ''`, string(f.BlockedBy)},
	} {
		if c.value != "" {
			q.And(c.condition, c.value)
		}
	}
	if f.Province != "" {
		q.And(`(t.owner = ? OR t.owner IN (`+facilitiesOf+`v.province`+newest+`))`, "unit:"+f.Health, f.Province)
	}
	if f.Orphans != nil {
		q.And(`t.owner IN (SELECT 'unit:' || value FROM json_each(?))`, list(f.Orphans))
	}
	if f.From != 0 {
		q.And(`t.closed >= ?`, file.Micros(duty.DayTime(f.From)))
	}
	if f.To != 0 {
		q.And(`t.closed > 0 AND t.closed < ?`, file.Micros(duty.DayTime(f.To)))
	}
}

// unclosed leaves out what numbers of closed databases made: few tasks, told by their
// own index.
func unclosed(q *file.Query, s *duty.Sight) {
	if len(s.Closed) > 0 {
		q.And(`t.id NOT IN (SELECT c.id FROM duty_task c INDEXED BY duty_task_db WHERE c.db <> '' AND c.db IN (SELECT value FROM json_each(?)) AND c.source = ?)`, list(s.Closed), duty.FromDebt)
	}
}

// seen is what a statement reads from, t: all tasks, or those in sight. Those are found
// along indexes first, so that who has four tasks waits for four, not for everybody's.
func seen(s *duty.Sight) (from string, args []any) {
	if s.All {
		return `duty_task t`, nil
	}
	ids := []string{`SELECT '' AS id WHERE 0`}
	see := func(condition string, values ...any) {
		ids = append(ids, `SELECT o.id FROM duty_task o`+condition)
		args = append(args, values...)
	}
	if len(s.Units) > 0 {
		see(` WHERE o.owner IN (SELECT 'unit:' || value FROM json_each(?))`, list(s.Units))
		see(blocks+`IN (SELECT 'unit:' || value FROM json_each(?))`, list(s.Units))
	}
	if s.Facility != "" {
		see(` WHERE o.owner = ?`, "facility:"+string(s.Facility))
		see(blocks+`= ?`, "facility:"+string(s.Facility))
	}
	if s.Province != "" {
		see(` WHERE o.owner IN (`+facilitiesOf+`v.province`+newest+`)`, s.Province)
	}
	if s.ManagedBy != "" {
		see(` WHERE o.owner IN (`+facilitiesOf+`v.unit`+newest+`)`, s.ManagedBy)
	}
	if len(s.Databases) > 0 {
		see(` INDEXED BY duty_task_db WHERE o.db <> '' AND o.db IN (SELECT value FROM json_each(?))`, list(s.Databases))
	}
	return `(` + strings.Join(ids, ` UNION `) + `) i CROSS JOIN duty_task t ON t.id = i.id`, args
}

// blocks begins a condition on who holds a task up.
const blocks = ` INDEXED BY duty_task_blocked WHERE o.blocked_by <> '' AND o.blocked_by `

// list is texts as json_each reads them.
func list(texts []string) string {
	b, err := json.Marshal(append([]string{}, texts...))
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(b)
}

// columns are what a dimension groups by.
var columns = map[duty.Dimension]string{duty.ByAll: `''`, duty.ByOwner: `t.owner`, duty.ByDatabase: `t.db`, duty.ByBlocker: `t.blocked_by`, duty.BySource: `t.source`}

// Count counts those of a filter by a dimension.
func (x *Duties) Count(ctx context.Context, f duty.Filter, by duty.Dimension, today int) (all []duty.Count, err error) {
	column, ok := columns[by]
	if !ok {
		return nil, errors.New("duties: no such dimension")
	}
	from, args := seen(&f.Sight)
	if f.Open && by == duty.ByOwner && f.Sight.All {
		from += ` INDEXED BY duty_task_open` // one pass along it, without sorting or reading rows
	}
	q := file.Select(`SELECT `+column+`, SUM(t.open), SUM(t.open = 1 AND t.due < ?), SUM(t.state = 'blocked'), SUM(t.state = 'done'), SUM(t.state = 'cancelled'),
 COALESCE(MIN(CASE WHEN t.open = 1 THEN t.due END), 0) FROM `+from, append([]any{today}, args...)...)
	switch {
	case f.Ended: // of these there is nothing else to count
		q = file.Select(`SELECT `+column+`, 0, 0, 0, SUM(t.state = 'done'), SUM(t.state = 'cancelled'), 0 FROM `+from, args...).And(`t.closed > 0`)
	case f.Open:
		q.And(`t.open = 1`)
	}
	within(q, &f)
	group := ` GROUP BY 1 ORDER BY 1`
	if by == duty.ByAll {
		group = ` HAVING COUNT(*) > 0`
	}
	text, args := q.End(group)
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			var c duty.Count
			err := row.Scan(&c.Key, &c.Open, &c.Late, &c.Blocked, &c.Done, &c.Cancelled, &c.Oldest)
			all = append(all, c)
			return err
		})
	})
	return all, err
}

// Late counts along the index of what is open.
func (x *Duties) Late(ctx context.Context, s duty.Sight, today int) (late, open int64, err error) {
	from, args := seen(&s)
	q := file.Select(`SELECT COUNT(*), COALESCE(SUM(t.due < ?), 0) FROM `+from, append([]any{today}, args...)...)
	q.And(`t.open = 1`)
	unclosed(q, &s)
	text, args := q.End(``)
	err = x.db.Read(ctx, func(s *file.Snapshot) error { return s.Row(text, args...).Scan(&open, &late) })
	return late, open, err
}

// Debts returns the tasks of debts.
func (x *Duties) Debts(ctx context.Context, debts []string) (all []duty.Task, err error) {
	for part := range slices.Chunk(debts, 500) {
		some, err := x.list(ctx, `SELECT t.said FROM json_each(?) j CROSS JOIN duty_debt d ON d.debt = j.value CROSS JOIN duty_task t ON t.id = d.task`, []any{list(part)})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (x *Duties) list(ctx context.Context, q string, args []any) (all []duty.Task, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(q, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			var text string
			if err := row.Scan(&text); err != nil {
				return err
			}
			t, err := house.ReadTask(text)
			all = append(all, t)
			return err
		})
	})
	return all, err
}
