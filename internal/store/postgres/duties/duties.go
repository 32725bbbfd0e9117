// Package duties keeps in PostgreSQL tasks with every step, and the few things
// around them. Which step may follow is decided elsewhere.
package duties

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Duties is the house.Duties of a hub.
type Duties struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ house.Duties = (*Duties)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Duties { return &Duties{db, writer} }

// Numbers takes n numbers nobody was given before.
func (x *Duties) Numbers(ctx context.Context, at time.Time, n int) (int64, error) {
	var last int64
	err := x.db.Pool.QueryRow(ctx, `INSERT INTO duty_number AS d (year, n) VALUES ($1, $2) ON CONFLICT (year) DO UPDATE SET n = d.n + excluded.n RETURNING n`,
		at.In(clock.Hanoi).Year(), n).Scan(&last)
	return last - int64(n) + 1, handle.Fault(err)
}

// Put keeps tasks and their steps together with one act. Tasks are taken in order
// of their numbers: two that put the same ones wait for each other in turn.
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
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	if form.Mark != "" {
		b.Queue(`INSERT INTO token (client, jti, until) VALUES ($1, $2, $3) ON CONFLICT (client, jti) DO NOTHING`, form.By, form.Mark, handle.Micros(form.Until)).Exec(orTaken)
	}
	for i := range changes {
		put(b, &changes[i], texts[i])
	}
	return x.writer.CommitActOf(ctx, tx, b, act)
}

func orTaken(tag pgconn.CommandTag) error {
	if tag.RowsAffected() == 0 {
		return store.ErrTaken
	}
	return nil
}

func put(b *pgx.Batch, c *duty.Change, text [2]string) {
	t, s := &c.Task, &c.Step
	if t.Version == 1 {
		b.Queue(`INSERT INTO duty_task (id, version, owner, db, source, ref, state, open, due, blocked_by, opened, closed, reminded, said)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
			t.ID, t.Version, string(t.Owner()), t.Database, t.Source.Kind, t.Source.Ref, string(t.State), house.OpenOf(t), t.Due, string(t.BlockedBy),
			handle.Micros(t.Opened), handle.Micros(t.Closed), handle.Micros(t.Reminded), text[0]).Exec(handle.OrChanged)
		if t.Debt != "" {
			b.Queue(`INSERT INTO duty_debt (debt, task) VALUES ($1, $2) ON CONFLICT DO NOTHING`, t.Debt, t.ID).Exec(orTaken)
		}
	} else {
		b.Queue(`UPDATE duty_task SET version = $2, owner = $3, db = $4, source = $5, ref = $6, state = $7, open = $8, due = $9, blocked_by = $10,
			closed = $11, reminded = $12, said = $13 WHERE id = $1 AND version = $2 - 1`,
			t.ID, t.Version, string(t.Owner()), t.Database, t.Source.Kind, t.Source.Ref, string(t.State), house.OpenOf(t), t.Due, string(t.BlockedBy),
			handle.Micros(t.Closed), handle.Micros(t.Reminded), text[0]).Exec(handle.OrChanged)
	}
	b.Queue(`INSERT INTO duty_step (task, n, at, actor, what, said) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		t.ID, s.N, handle.Micros(s.At), s.Actor, s.What, text[1]).Exec(handle.OrChanged)
}

// Task returns one as it stands.
func (x *Duties) Task(ctx context.Context, id string) (*duty.Task, error) {
	if err := store.CheckText(id); err != nil {
		return nil, store.ErrAbsent // no task has such a number
	}
	t, err := scan(x.db.Pool.QueryRow(ctx, `SELECT said FROM duty_task WHERE id = $1`, id))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &t, nil
}

func scan(row pgx.Row) (duty.Task, error) {
	var text string
	if err := row.Scan(&text); err != nil {
		return duty.Task{}, err
	}
	return house.ReadTask(text)
}

// Steps returns every step of a task, oldest first.
func (x *Duties) Steps(ctx context.Context, id string) ([]duty.Step, error) {
	if err := store.CheckText(id); err != nil {
		return nil, nil //nolint:nilerr // no task has such a number
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT said FROM duty_step WHERE task = $1 ORDER BY n`, id)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (duty.Step, error) {
		var text string
		if err := row.Scan(&text); err != nil {
			return duty.Step{}, err
		}
		return house.ReadStep(text)
	})
	if len(all) == 0 {
		all = nil
	}
	return all, handle.Fault(err)
}

// Tasks returns those of a filter.
func (x *Duties) Tasks(ctx context.Context, f duty.Filter) ([]duty.Task, error) {
	w, err := within(&f)
	if err != nil {
		return nil, err
	}
	switch {
	case f.State != "":
		w.And(`t.open = ?`, open(!f.State.Ended()))
		w.And(`t.state = ?`, string(f.State))
	case f.Ended:
		w.And(`t.open = 0`)
	case !f.All:
		w.And(`t.open = 1`)
	}
	if f.Late != 0 {
		w.And(`t.open = 1 AND t.due < ?`, f.Late)
	}
	if f.State == duty.Blocked { // its index holds no others
		w.And(`t.blocked_by <> ''`)
	}
	order := ` ORDER BY t.due, t.id LIMIT `
	if f.EndedOnly() {
		w.And(`t.closed > 0`)
		order = ` ORDER BY t.closed DESC, t.id DESC LIMIT `
		if f.After.ID != "" {
			w.And(`(t.closed, t.id) < (?, ?)`, f.After.At, f.After.ID)
		}
	} else if f.After.ID != "" {
		w.And(`(t.due, t.id) > (?, ?)`, f.After.At, f.After.ID)
	}
	return x.list(ctx, `SELECT t.said FROM duty_task t`+w.String()+order+w.Arg(house.DutyLimit(f.Limit)), w.Args)
}

func open(is bool) int {
	if is {
		return 1
	}
	return 0
}

// facilitiesOf is who owns tasks as a facility whose version now says something.
const facilitiesOf = `SELECT 'facility:' || v.code FROM facility_version v WHERE `

const newest = ` = ? AND NOT EXISTS (SELECT 1 FROM facility_version n WHERE n.code = v.code AND (n.since, n.id) > (v.since, v.id))`

// within makes all conditions of a filter but state, lateness and page.
func within(f *duty.Filter) (*handle.Where, error) {
	texts := slices.Concat([]string{string(f.Owner), f.Database, f.Source, f.Ref, string(f.BlockedBy), f.Province, f.Health, string(f.Sight.Facility),
		f.Sight.Province, f.Sight.ManagedBy, f.After.ID, string(f.State)}, f.Orphans, f.Sight.Units, f.Sight.Databases)
	if err := store.CheckText(texts...); err != nil {
		return nil, err
	}
	var w handle.Where
	sight(&w, &f.Sight)
	for _, c := range []struct{ condition, value string }{
		{`t.owner = ?`, string(f.Owner)}, {`t.db <> '' AND t.db = ?`, f.Database}, {`t.source = ?`, f.Source}, {`t.ref = ?`, f.Ref}, {`t.blocked_by <> '' AND t.blocked_by = ?`, string(f.BlockedBy)},
	} {
		if c.value != "" {
			w.And(c.condition, c.value)
		}
	}
	if f.Province != "" {
		w.And(`(t.owner = ? OR t.owner IN (`+facilitiesOf+`v.province`+newest+`))`, "unit:"+f.Health, f.Province)
	}
	if f.Orphans != nil {
		w.And(`t.owner = ANY(?)`, units(f.Orphans))
	}
	if f.From != 0 {
		w.And(`t.closed >= ?`, handle.Micros(duty.DayTime(f.From)))
	}
	if f.To != 0 {
		w.And(`t.closed > 0 AND t.closed < ?`, handle.Micros(duty.DayTime(f.To)))
	}
	return &w, nil
}

func units(ids []string) []string {
	return handle.Column(ids, func(id string) string { return "unit:" + id })
}

func sight(w *handle.Where, s *duty.Sight) {
	if len(s.Closed) > 0 { // few tasks, by their own index: the others are counted along theirs
		w.And(`t.id NOT IN (SELECT c.id FROM duty_task c WHERE c.db <> '' AND c.db = ANY(?) AND c.source = ?)`, s.Closed, duty.FromDebt)
	}
	if s.All {
		return
	}
	var conditions []string
	var args []any
	or := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	if len(s.Units) > 0 {
		or(`t.owner = ANY(?)`, units(s.Units))
		or(`t.blocked_by <> '' AND t.blocked_by = ANY(?)`, units(s.Units))
	}
	if s.Facility != "" {
		or(`t.owner = ?`, "facility:"+string(s.Facility))
		or(`t.blocked_by <> '' AND t.blocked_by = ?`, "facility:"+string(s.Facility))
	}
	if s.Province != "" {
		or(`t.owner IN (`+facilitiesOf+`v.province`+newest+`)`, s.Province)
	}
	if s.ManagedBy != "" {
		or(`t.owner IN (`+facilitiesOf+`v.unit`+newest+`)`, s.ManagedBy)
	}
	if len(s.Databases) > 0 {
		or(`t.db <> '' AND t.db = ANY(?)`, s.Databases)
	}
	if len(conditions) == 0 {
		w.And("false")
		return
	}
	w.And(`(`+strings.Join(conditions, ` OR `)+`)`, args...)
}

// columns are what a dimension groups by.
var columns = map[duty.Dimension]string{duty.ByAll: `''`, duty.ByOwner: `t.owner`, duty.ByDatabase: `t.db`, duty.ByBlocker: `t.blocked_by`, duty.BySource: `t.source`}

// Count counts those of a filter by a dimension.
func (x *Duties) Count(ctx context.Context, f duty.Filter, by duty.Dimension, today int) (all []duty.Count, err error) {
	column, ok := columns[by]
	if !ok {
		return nil, errors.New("duties: no such dimension")
	}
	w, err := within(&f)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Ended:
		w.And(`t.closed > 0`)
	case f.Open:
		w.And(`t.open = 1`)
	}
	where, day := w.String(), w.Arg(today)
	q := `SELECT ` + column + `, t.state, t.open = 1 AND t.due < ` + day + `, COUNT(*), MIN(t.due) FROM duty_task t` + where + ` GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
	err = x.db.Scan(ctx, handle.ListLimit, q, w.Args, func(rows pgx.Rows) error {
		var key, state string
		var late bool
		var n int64
		var due int
		_, err := pgx.ForEachRow(rows, []any{&key, &state, &late, &n, &due}, func() error {
			all = duty.Tally(all, key, duty.State(state), late, n, due)
			return nil
		})
		return err
	})
	return all, err
}

// Late counts along the index of what is open.
func (x *Duties) Late(ctx context.Context, s duty.Sight, today int) (late, open int64, err error) {
	w, err := within(&duty.Filter{Sight: s})
	if err != nil {
		return 0, 0, err
	}
	w.And(`t.open = 1`)
	where, day := w.String(), w.Arg(today)
	err = x.db.Scan(ctx, handle.ListLimit, `SELECT COUNT(*), COUNT(*) FILTER (WHERE t.due < `+day+`) FROM duty_task t`+where, w.Args, func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&open, &late}, func() error { return nil })
		return err
	})
	return late, open, err
}

// Debts returns the tasks of debts.
func (x *Duties) Debts(ctx context.Context, debts []string) (all []duty.Task, err error) {
	if err := store.CheckText(debts...); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(debts, 5000) {
		some, err := x.list(ctx, `SELECT t.said FROM duty_debt d JOIN duty_task t ON t.id = d.task WHERE d.debt = ANY($1)`, []any{part})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (x *Duties) list(ctx context.Context, query string, args []any) (all []duty.Task, err error) {
	err = x.db.Scan(ctx, handle.ListLimit, query, args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (duty.Task, error) { return scan(row) })
		return err
	})
	if len(all) == 0 {
		all = nil
	}
	return all, err
}
