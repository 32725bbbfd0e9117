// Package nights keeps in PostgreSQL what jobs of nights did.
package nights

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store/base"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
)

// Nights implements house.Nights.
type Nights struct{ db *handle.DB }

var _ house.Nights = (*Nights)(nil)

// New returns the slice.
func New(db *handle.DB) *Nights { return &Nights{db} }

const columns = `day, job, state, tries, started, ended, seen, changed, unequal, note, code`

// Begin starts a job, or tries it again.
func (x *Nights) Begin(ctx context.Context, day int, job string, at time.Time) (house.Night, error) {
	if err := base.CheckText(job); err != nil {
		return house.Night{}, err
	}
	if _, err := x.db.Pool.Exec(ctx, `INSERT INTO night_run AS r (`+columns+`) VALUES ($1, $2, 'running', 1, $3, 0, 0, 0, 0, '', '')
		ON CONFLICT (day, job) DO UPDATE SET state = 'running', tries = r.tries + 1, ended = 0, code = '' WHERE r.state <> 'done'`, day, job, entry.Micros(at)); err != nil {
		return house.Night{}, handle.Fault(err)
	}
	n, err := scan(x.db.Pool.QueryRow(ctx, `SELECT `+columns+` FROM night_run WHERE day = $1 AND job = $2`, day, job).Scan)
	return n, handle.Fault(err)
}

// End keeps how a try ended.
func (x *Nights) End(ctx context.Context, n house.Night) error {
	if err := base.CheckText(n.Job, n.State, n.Note, n.Code); err != nil {
		return err
	}
	tag, err := x.db.Pool.Exec(ctx, `UPDATE night_run SET state = $1, ended = $2, seen = $3, changed = $4, unequal = $5, note = $6, code = $7 WHERE day = $8 AND job = $9`,
		n.State, entry.Micros(n.Ended), n.Seen, n.Changed, n.Unequal, n.Note, n.Code, n.Day, n.Job)
	if err == nil && tag.RowsAffected() == 0 {
		return base.ErrAbsent
	}
	return handle.Fault(err)
}

// Nights returns what was done.
func (x *Nights) Nights(ctx context.Context, from, to int) ([]house.Night, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT `+columns+` FROM night_run WHERE day >= $1 AND ($2 = 0 OR day <= $2) ORDER BY day DESC, started, job LIMIT 2000`, from, to)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (house.Night, error) { return scan(row.Scan) })
	return out, handle.Fault(err)
}

func scan(read func(...any) error) (n house.Night, err error) {
	var started, ended int64
	err = read(&n.Day, &n.Job, &n.State, &n.Tries, &started, &ended, &n.Seen, &n.Changed, &n.Unequal, &n.Note, &n.Code)
	n.Started, n.Ended = entry.Moment(started), entry.Moment(ended)
	return n, err
}
