// Package nights keeps in the embedded engine what jobs of nights did.
package nights

import (
	"context"
	"time"

	"lienthong/internal/store/base"
	"lienthong/internal/store/form/entry"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Nights implements house.Nights.
type Nights struct{ db *file.DB }

var _ house.Nights = (*Nights)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Nights { return &Nights{db} }

const columns = `day, job, state, tries, started, ended, seen, changed, unequal, note, code`

// Begin starts a job, or tries it again.
func (x *Nights) Begin(ctx context.Context, day int, job string, at time.Time) (n house.Night, err error) {
	if err := base.CheckText(job); err != nil {
		return n, err
	}
	err = x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO night_run (`+columns+`) VALUES (?1, ?2, 'running', 1, ?3, 0, 0, 0, 0, '', '')
 ON CONFLICT (day, job) DO UPDATE SET state = 'running', tries = tries + 1, ended = 0, code = '' WHERE state <> 'done'`, day, job, entry.Micros(at)); err != nil {
			return err
		}
		n, err = scan(tx.Row(`SELECT `+columns+` FROM night_run WHERE day = ? AND job = ?`, day, job).Scan)
		return err
	})
	return n, err
}

// End keeps how a try ended.
func (x *Nights) End(ctx context.Context, n house.Night) error {
	if err := base.CheckText(n.Job, n.State, n.Note, n.Code); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		changed, err := tx.Exec(`UPDATE night_run SET state = ?, ended = ?, seen = ?, changed = ?, unequal = ?, note = ?, code = ? WHERE day = ? AND job = ?`,
			n.State, entry.Micros(n.Ended), n.Seen, n.Changed, n.Unequal, n.Note, n.Code, n.Day, n.Job)
		if err == nil && changed == 0 {
			err = base.ErrAbsent
		}
		return err
	})
}

// Nights returns what was done.
func (x *Nights) Nights(ctx context.Context, from, to int) (out []house.Night, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT `+columns+` FROM night_run WHERE day >= ?1 AND (?2 = 0 OR day <= ?2) ORDER BY day DESC, started, job LIMIT 2000`, from, to)
		return file.Each(rows, err, func(row file.Scanner) error {
			n, err := scan(row.Scan)
			out = append(out, n)
			return err
		})
	})
	return out, err
}

func scan(read func(...any) error) (n house.Night, err error) {
	var started, ended int64
	err = read(&n.Day, &n.Job, &n.State, &n.Tries, &started, &ended, &n.Seen, &n.Changed, &n.Unequal, &n.Note, &n.Code)
	n.Started, n.Ended = entry.Moment(started), entry.Moment(ended)
	return n, err
}
