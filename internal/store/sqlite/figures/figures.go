// Package figures is the embedded engine's side of house.Figures and house.Boards:
// statements of boards as they were pinned, comparisons of counters, times until
// records could be read, and how often boards are opened. It counts nothing again;
// that is package figure.
package figures

import (
	"context"
	"time"

	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Figures implements house.Figures.
type Figures struct{ db *file.DB }

var _ house.Figures = (*Figures)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Figures { return &Figures{db} }

// Pin keeps statements with their act.
func (x *Figures) Pin(ctx context.Context, statements []house.Statement, act base.Act) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	for _, s := range statements {
		if err := base.CheckText(s.Subject, s.Body); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Administrative, len(statements), func(tx *file.Tx) error {
		for _, s := range statements {
			n, err := tx.Exec(`INSERT INTO figure_statement (subject, version, at, body)
 SELECT ?1, ?2, ?3, ?4 WHERE ?2 = 1 + coalesce((SELECT max(version) FROM figure_statement WHERE subject = ?1), 0)`,
				s.Subject, s.Version, file.Micros(s.At), s.Body)
			if err != nil {
				return err
			}
			if n == 0 {
				return base.ErrChanged
			}
		}
		return tx.Act(act)
	})
}

const columns = `subject, version, at, body`

func (x *Figures) read(ctx context.Context, text string, args ...any) ([]house.Statement, error) {
	var out []house.Statement
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT `+columns+` FROM figure_statement `+text, args...)
		return file.Each(rows, err, func(row file.Scanner) error {
			var st house.Statement
			var at int64
			if err := row.Scan(&st.Subject, &st.Version, &at, &st.Body); err != nil {
				return err
			}
			st.At = file.Time(at)
			out = append(out, st)
			return nil
		})
	})
	return out, err
}

// Statement returns a version, 0: the newest.
func (x *Figures) Statement(ctx context.Context, subject string, version int) (house.Statement, error) {
	all, err := x.read(ctx, `WHERE subject = ?1 AND (version = ?2 OR ?2 = 0) ORDER BY version DESC LIMIT 1`, subject, version)
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
	return x.read(ctx, `WHERE subject = ? ORDER BY version`, subject)
}

// Newest returns the newest of each subject that begins so.
func (x *Figures) Newest(ctx context.Context, prefix string) ([]house.Statement, error) {
	return x.read(ctx, `f WHERE subject >= ?1 AND subject < ?2 AND version = (SELECT max(version) FROM figure_statement n WHERE n.subject = f.subject)
 ORDER BY subject LIMIT 10000`, prefix, prefix+"\U0010FFFF")
}

// Boards implements house.Boards.
type Boards struct{ db *file.DB }

var _ house.Boards = (*Boards)(nil)

// NewBoards returns the slice of an open file.
func NewBoards(db *file.DB) *Boards { return &Boards{db} }

// PutCheck keeps a comparison.
func (x *Boards) PutCheck(ctx context.Context, c house.Check) error {
	if err := base.CheckText(c.Detail); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO counter_check (day, at, counted, unequal, detail) VALUES (?, ?, ?, ?, ?)
 ON CONFLICT (day) DO UPDATE SET at = excluded.at, counted = excluded.counted, unequal = excluded.unequal, detail = excluded.detail`,
			c.Day, file.Micros(c.At), c.Counted, c.Unequal, c.Detail)
		return err
	})
}

// Checks returns the newest comparisons.
func (x *Boards) Checks(ctx context.Context, limit int) ([]house.Check, error) {
	var out []house.Check
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT day, at, counted, unequal, detail FROM counter_check ORDER BY day DESC LIMIT ?`, limit)
		return file.Each(rows, err, func(row file.Scanner) error {
			var c house.Check
			var at int64
			if err := row.Scan(&c.Day, &at, &c.Counted, &c.Unequal, &c.Detail); err != nil {
				return err
			}
			c.At = file.Time(at)
			out = append(out, c)
			return nil
		})
	})
	return out, err
}

// AddTook adds times and forgets old ones.
func (x *Boards) AddTook(ctx context.Context, took []house.Took, keep time.Time) error {
	return x.db.Write(ctx, file.Administrative, max(1, len(took)), func(tx *file.Tx) error {
		for _, t := range took {
			if _, err := tx.Exec(`INSERT INTO retrievable (minute, bucket, n) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`,
				file.Minute(t.Minute), t.Bucket, t.N); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM retrievable WHERE minute < ?`, file.Minute(keep))
		return err
	})
}

// TookSince sums times by bucket.
func (x *Boards) TookSince(ctx context.Context, since time.Time) ([]house.Took, error) {
	var out []house.Took
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT max(minute), bucket, sum(n) FROM retrievable WHERE minute >= ? GROUP BY bucket ORDER BY bucket`, file.Minute(since))
		return file.Each(rows, err, func(row file.Scanner) error {
			var t house.Took
			var minute int64
			if err := row.Scan(&minute, &t.Bucket, &t.N); err != nil {
				return err
			}
			t.Minute = time.Unix(minute*60, 0).UTC()
			out = append(out, t)
			return nil
		})
	})
	return out, err
}

// AddUse adds how often boards were opened.
func (x *Boards) AddUse(ctx context.Context, uses []house.Use) error {
	var texts []string
	for _, u := range uses {
		texts = append(texts, u.Role, u.Board)
	}
	if err := base.CheckText(texts...); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, max(1, len(uses)), func(tx *file.Tx) error {
		for _, u := range uses {
			if _, err := tx.Exec(`INSERT INTO board_use (day, role, board, n) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`,
				u.Day, u.Role, u.Board, u.N); err != nil {
				return err
			}
		}
		return nil
	})
}

// Uses returns how often boards were opened.
func (x *Boards) Uses(ctx context.Context, from int) ([]house.Use, error) {
	var out []house.Use
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT day, role, board, n FROM board_use WHERE day >= ? ORDER BY day, role, board`, from)
		return file.Each(rows, err, func(row file.Scanner) error {
			var u house.Use
			if err := row.Scan(&u.Day, &u.Role, &u.Board, &u.N); err != nil {
				return err
			}
			out = append(out, u)
			return nil
		})
	})
	return out, err
}
