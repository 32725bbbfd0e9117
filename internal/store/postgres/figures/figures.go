// Package figures keeps in PostgreSQL the statements of boards as they were
// pinned, comparisons of counters, times until records could be read, and how
// often boards are opened. It counts nothing again; that is package figure.
package figures

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Figures implements house.Figures.
type Figures struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ house.Figures = (*Figures)(nil)

// New returns the slice; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Figures { return &Figures{db, writer} }

// Pin keeps statements with their act.
func (x *Figures) Pin(ctx context.Context, statements []house.Statement, act base.Act) error {
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	for _, s := range statements {
		if err := base.CheckText(s.Subject, s.Body); err != nil {
			return err
		}
		// of two at once the second waits for the first, and finds its version
		b.Queue(`INSERT INTO figure_statement (subject, version, at, body)
			SELECT $1, $2, $3, $4 WHERE $2 = 1 + coalesce((SELECT max(version) FROM figure_statement WHERE subject = $1), 0)
			ON CONFLICT DO NOTHING`,
			s.Subject, s.Version, handle.Micros(s.At), s.Body).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return base.ErrChanged
			}
			return nil
		})
	}
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	return x.writer.CommitAct(ctx, tx, tx.Batch(), act)
}

func (x *Figures) read(ctx context.Context, text string, args ...any) ([]house.Statement, error) {
	rows, err := x.db.Pool.Query(ctx, text, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s house.Statement, err error) {
		var at int64
		err = row.Scan(&s.Subject, &s.Version, &at, &s.Body)
		s.At = handle.Moment(at)
		return s, err
	})
	return all, handle.Fault(err)
}

// Statement returns a version, 0: the newest.
func (x *Figures) Statement(ctx context.Context, subject string, version int) (house.Statement, error) {
	if base.CheckText(subject) != nil {
		return house.Statement{}, base.ErrAbsent
	}
	all, err := x.read(ctx, `SELECT subject, version, at, body FROM figure_statement WHERE subject = $1 AND (version = $2 OR $2 = 0)
		ORDER BY version DESC LIMIT 1`, subject, version)
	if err == nil && len(all) == 0 {
		err = base.ErrAbsent
	}
	if err != nil {
		return house.Statement{}, err
	}
	return all[0], nil
}

// Versions returns all of a subject.
func (x *Figures) Versions(ctx context.Context, subject string) ([]house.Statement, error) {
	if base.CheckText(subject) != nil {
		return nil, nil
	}
	return x.read(ctx, `SELECT subject, version, at, body FROM figure_statement WHERE subject = $1 ORDER BY version`, subject)
}

// Newest returns the newest of each subject that begins so.
func (x *Figures) Newest(ctx context.Context, prefix string) ([]house.Statement, error) {
	return x.read(ctx, `SELECT DISTINCT ON (subject) subject, version, at, body FROM figure_statement WHERE subject >= $1 AND subject < $2
		ORDER BY subject, version DESC LIMIT 10000`, prefix, prefix+"\U0010FFFF")
}

// Boards implements house.Boards.
type Boards struct{ db *handle.DB }

var _ house.Boards = (*Boards)(nil)

// NewBoards returns the slice.
func NewBoards(db *handle.DB) *Boards { return &Boards{db} }

// PutCheck keeps a comparison.
func (x *Boards) PutCheck(ctx context.Context, c house.Check) error {
	if err := base.CheckText(c.Detail); err != nil {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO counter_check (day, at, counted, unequal, detail) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (day) DO UPDATE SET at = excluded.at, counted = excluded.counted, unequal = excluded.unequal, detail = excluded.detail`,
		c.Day, handle.Micros(c.At), c.Counted, c.Unequal, c.Detail)
	return handle.Fault(err)
}

// Checks returns the newest comparisons.
func (x *Boards) Checks(ctx context.Context, limit int) ([]house.Check, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT day, at, counted, unequal, detail FROM counter_check ORDER BY day DESC LIMIT $1`, limit)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c house.Check, err error) {
		var at int64
		err = row.Scan(&c.Day, &at, &c.Counted, &c.Unequal, &c.Detail)
		c.At = handle.Moment(at)
		return c, err
	})
	return all, handle.Fault(err)
}

// AddTook adds times and forgets old ones.
func (x *Boards) AddTook(ctx context.Context, took []house.Took, keep time.Time) error {
	var minutes, n []int64
	var buckets []int16
	for _, t := range took {
		minutes, buckets, n = append(minutes, t.Minute.Unix()/60), append(buckets, int16(t.Bucket)), append(n, t.N)
	}
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO retrievable AS r (minute, bucket, n)
		SELECT minute, bucket, sum(n)::bigint FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS u (minute, bucket, n) GROUP BY 1, 2 ORDER BY 1, 2
		ON CONFLICT (minute, bucket) DO UPDATE SET n = r.n + excluded.n`, minutes, buckets, n)
	b.Queue(`DELETE FROM retrievable WHERE minute < $1`, keep.Unix()/60)
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

// TookSince sums times by bucket.
func (x *Boards) TookSince(ctx context.Context, since time.Time) ([]house.Took, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT max(minute), bucket, sum(n)::bigint FROM retrievable WHERE minute >= $1 GROUP BY bucket ORDER BY bucket`, since.Unix()/60)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t house.Took, err error) {
		var minute int64
		err = row.Scan(&minute, &t.Bucket, &t.N)
		t.Minute = time.Unix(minute*60, 0).UTC()
		return t, err
	})
	return all, handle.Fault(err)
}

// AddUse adds how often boards were opened.
func (x *Boards) AddUse(ctx context.Context, uses []house.Use) error {
	var days []int32
	var roles, boards []string
	var n []int64
	for _, u := range uses {
		if err := base.CheckText(u.Role, u.Board); err != nil {
			return err
		}
		days, roles, boards, n = append(days, int32(u.Day)), append(roles, u.Role), append(boards, u.Board), append(n, u.N)
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO board_use AS b (day, role, board, n)
		SELECT day, role, board, sum(n)::bigint FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[]) AS u (day, role, board, n) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
		ON CONFLICT (day, role, board) DO UPDATE SET n = b.n + excluded.n`, days, roles, boards, n)
	return handle.Fault(err)
}

// Uses returns how often boards were opened.
func (x *Boards) Uses(ctx context.Context, from int) ([]house.Use, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT day, role, board, n FROM board_use WHERE day >= $1 ORDER BY day, role, board`, from)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u house.Use, err error) {
		err = row.Scan(&u.Day, &u.Role, &u.Board, &u.N)
		return u, err
	})
	return all, handle.Fault(err)
}
