package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/store"
)

// Queue is how many items are in a state and a lane.
type Queue struct {
	State State
	Lane  store.Lane
	Items int
	Bytes int64
}

// Queues counts the items, at a cost that does not grow with them.
func (s *Spool) Queues(ctx context.Context) (out []Queue, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT state, lane, n, bytes FROM queue WHERE n > 0 ORDER BY state, lane`)
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	for rows.Next() {
		var q Queue
		if err := rows.Scan(&q.State, &q.Lane, &q.Items, &q.Bytes); err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, blame(rows.Err())
}

// Day counts the dossiers answered on a day (yyyymmdd in Hanoi) by outcome.
func (s *Spool) Day(ctx context.Context, day int) (map[Outcome]int, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT outcome, n FROM tally WHERE day = ? AND n > 0`, day)
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	out := map[Outcome]int{}
	for rows.Next() {
		var o Outcome
		var n int
		if err := rows.Scan(&o, &n); err != nil {
			return nil, err
		}
		out[o] = n
	}
	return out, blame(rows.Err())
}

// Oldest is when the oldest item was taken that is not decided; zero: there is none.
func (s *Spool) Oldest(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	err := s.db.QueryRowContext(ctx, `SELECT taken FROM item WHERE id = (SELECT min(id) FROM item WHERE state < 7)`).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return moment(at.Int64), blame(err)
}

// Cause is one reason and how many dossiers it stands against.
type Cause struct {
	Reason
	Dossiers int
}

// Causes groups what is not accepted by its reasons, the most frequent first.
func (s *Spool) Causes(ctx context.Context) (out []Cause, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT c.code, count(*), coalesce(min(p.said), ''), coalesce(min(p.hint), '')
		FROM cause c LEFT JOIN phrase p ON p.code = c.code GROUP BY c.code ORDER BY 2 DESC, 1`)
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Cause
		var said, hint string
		if err := rows.Scan(&c.Code, &c.Dossiers, &said, &hint); err != nil {
			return nil, err
		}
		if c.Said, err = unphrase(said); err != nil {
			return nil, err
		}
		if c.Hint, err = unphrase(hint); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, blame(rows.Err())
}

// OfCause returns the items a reason stands against, from after an id on.
func (s *Spool) OfCause(ctx context.Context, code string, after int64, limit int) ([]Item, error) {
	return s.items(ctx, `WHERE id IN (SELECT item FROM cause WHERE code = ?) AND id > ? ORDER BY id LIMIT ?`, code, after, limit)
}

// Entry is a line of the journal.
type Entry struct {
	Ref     Ref
	Name    string
	N       int
	Record  string
	Kind    string
	Outcome Outcome
	At      time.Time
	Now     string // what the feed said since; "" nothing
	Line    []byte // the answer as the hub gave it, with its receipt
}

const selectEntry = `SELECT a.item, i.key, i.name, a.n, a.record, a.kind, a.outcome, a.at, a.now, a.line FROM answer a JOIN item i ON i.id = a.item `

func (s *Spool) entries(ctx context.Context, where string, args ...any) (out []Entry, err error) {
	rows, err := s.db.QueryContext(ctx, selectEntry+where, args...)
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var item, at int64
		var key, name, line []byte
		if err := rows.Scan(&item, &key, &name, &e.N, &e.Record, &e.Kind, &e.Outcome, &at, &e.Now, &line); err != nil {
			return nil, err
		}
		plain, err := s.box.open("name", key, name)
		if err != nil {
			return nil, err
		}
		if e.Line, err = s.box.open("answer", answerID(item, e.N), line); err != nil {
			return nil, err
		}
		e.Ref, e.Name, e.At = RefOf([32]byte(key)), string(plain), moment(at)
		out = append(out, e)
	}
	return out, blame(rows.Err())
}

// Answers returns the answers of an item, in the order of its dossiers.
func (s *Spool) Answers(ctx context.Context, ref Ref) ([]Entry, error) {
	key, err := ref.prefix()
	if err != nil {
		return nil, err
	}
	return s.entries(ctx, `WHERE i.key >= ? AND substr(i.key, 1, 16) = ? ORDER BY a.n`, key, key)
}

// Journal returns the answers of a day (yyyymmdd in Hanoi), limit of them from
// after the place of the last one; place "" begins.
func (s *Spool) Journal(ctx context.Context, day int, after *Entry, limit int) ([]Entry, error) {
	item, n := int64(0), -1
	if after != nil {
		i, err := s.Get(ctx, after.Ref)
		if err != nil {
			return nil, err
		}
		item, n = i.ID, after.N
	}
	return s.entries(ctx, `WHERE a.day = ? AND (a.item, a.n) > (?, ?) ORDER BY a.item, a.n LIMIT ?`, day, item, n, limit)
}

// Element is a dossier as manifests name it.
type Element struct {
	Kind   string
	File   [32]byte // SHA-256 of the file
	N      int
	Record string
	Ref    Ref
}

// Elements calls each with the dossiers that have a receipt of a day (yyyymmdd
// in Hanoi) of this very file.
func (s *Spool) Elements(ctx context.Context, day int, each func(Element)) error {
	rows, err := s.db.QueryContext(ctx, `SELECT a.kind, i.sha, a.n, a.record, i.key FROM answer a JOIN item i ON i.id = a.item WHERE a.day = ? AND a.own = 1 AND a.outcome <= 3`, day)
	if err != nil {
		return blame(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Element
		var sha, key []byte
		if err := rows.Scan(&e.Kind, &sha, &e.N, &e.Record, &key); err != nil {
			return err
		}
		e.File, e.Ref = [32]byte(sha), RefOf([32]byte(key))
		each(e)
	}
	return blame(rows.Err())
}

// Fact reads what was remembered under a name, nil nothing. Fault: spool.damaged.
func (s *Spool) Fact(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	err := s.db.QueryRowContext(ctx, `SELECT value FROM fact WHERE name = ?`, name).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, blame(err)
	}
	return s.box.open("fact", []byte(name), sealed)
}

// Facts reads everything remembered under names that begin with prefix.
func (s *Spool) Facts(ctx context.Context, prefix string) (map[string][]byte, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, value FROM fact WHERE name >= ? AND name < ?`, prefix, prefix+"\U0010ffff")
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		var name string
		var sealed []byte
		if err := rows.Scan(&name, &sealed); err != nil {
			return nil, err
		}
		if out[name], err = s.box.open("fact", []byte(name), sealed); err != nil {
			return nil, err
		}
	}
	return out, blame(rows.Err())
}

// Remember keeps something under a name.
func (s *Spool) Remember(ctx context.Context, name string, value []byte) error {
	return s.change(ctx, func(tx *sql.Tx) error { return s.remember(ctx, tx, name, value) })
}

func (s *Spool) remember(ctx context.Context, tx *sql.Tx, name string, value []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
		name, s.box.seal("fact", []byte(name), value))
	return err
}

// News is what the feed says of a record: its state, or how far one of its legs is.
type News struct {
	Record      string
	State       string // of the record; "" for a leg
	Destination string // of the leg
	Leg         string // its state
	At          time.Time
	Line        []byte
}

// Follow applies a piece of the feed together with the place in it, so that
// each piece is applied whole or comes again.
func (s *Spool) Follow(ctx context.Context, cursor string, news []News) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		for _, n := range news {
			var err error
			if n.Destination == "" {
				_, err = tx.ExecContext(ctx, `UPDATE answer SET now = ? WHERE record = ?`, n.State, n.Record)
			} else {
				_, err = tx.ExecContext(ctx, `INSERT INTO leg (record, destination, state, at, line) VALUES (?, ?, ?, ?, ?)
					ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at, line = excluded.line`, n.Record, n.Destination, n.Leg, micros(n.At), string(n.Line))
			}
			if err != nil {
				return err
			}
		}
		return s.remember(ctx, tx, "feed", []byte(cursor))
	})
}

// Legs returns what the feed said of a record's legs, by destination.
func (s *Spool) Legs(ctx context.Context, record string) (map[string][]byte, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT destination, line FROM leg WHERE record = ?`, record)
	if err != nil {
		return nil, blame(err)
	}
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		var destination, line string
		if err := rows.Scan(&destination, &line); err != nil {
			return nil, err
		}
		out[destination] = []byte(line)
	}
	return out, blame(rows.Err())
}

// Check reports whether the file is whole: SQLite's own check, and that the
// counts are what a count gives. Fault: spool.damaged.
func (s *Spool) Check(ctx context.Context) error {
	var said string
	if err := s.db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return blame(err)
	}
	var wrong int
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT state, lane, count(*) n, sum(size) b FROM item GROUP BY state, lane) x
		FULL JOIN (SELECT * FROM queue WHERE n > 0) q ON q.state = x.state AND q.lane = x.lane WHERE x.n IS NOT q.n OR x.b IS NOT q.bytes`).Scan(&wrong); err != nil {
		return blame(err)
	}
	if said != "ok" || wrong > 0 {
		return ErrDamaged.Because(fmt.Errorf("%s, %d counts are wrong", said, wrong))
	}
	return nil
}
